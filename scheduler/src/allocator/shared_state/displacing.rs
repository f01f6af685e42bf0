//! Claims that name victims.
//!
//! They are honoured in two steps. At once the room of the victims becomes that of the claimant, the victims are told
//! to leave, and everybody hears of it, so that nobody else claims it: the room is *held*. When the last victim has
//! left, the task is placed. What victims hold beyond that is held too until they have left, by the settler.
//!
//! A victim has to hold room where the claim wants it and has to have a lower priority; one of another framework must
//! not be protected, and no more of its job may be missing than its last claim said. (Of its own tasks a framework
//! knows best.) Else, and if the claim does not fit even so, all of it conflicts. Whoever need not leave after all,
//! since room came free meanwhile, stays: those of the highest priority first.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::{NONE, SharedState, place, refuse, room_of};
use crate::Decision;
use crate::cause::Cause;
use crate::event::{Claim, Displacement, Room, Standing};
use crate::id::{NodeId, PartyId, TaskId};
use crate::ledger::Shape;
use crate::time::{Span, Time};

/// A task that waits for its victims to leave.
#[derive(Clone)]
pub(super) struct Nominee {
    /// What it was granted.
    claims: Vec<Claim>,
    /// When.
    at: Time,
    /// Those who have not left yet.
    victims: u32,
}

/// Somebody who was told to leave and has not left yet.
#[derive(Clone)]
pub(super) struct Leaver {
    /// For whom.
    pub(super) nominee: u64,
    /// What it held when it was told.
    pub(super) rooms: Vec<Room>,
}

/// How many tasks of a set are up, and how many have to stay so.
#[derive(Clone, Copy, Default)]
pub(super) struct Quorum {
    up: u32,
    keep: u32,
}

/// Somebody who is to leave.
struct Victim {
    told: Displacement,
    /// What it holds.
    rooms: Vec<Room>,
    /// What of that nobody may have before it has left.
    rest: Vec<Room>,
}

/// What was done to the ledger so far, to be undone.
#[derive(Default)]
struct Trial {
    /// Rooms that were taken, or (false) given back.
    done: Vec<(Room, bool)>,
    victims: Vec<Victim>,
    /// Tasks whose room was kept for them, and no longer is.
    given: Vec<TaskId>,
}

impl SharedState {
    /// Honours the claims of one party, of which some name victims, or refuses them all.
    pub(super) fn settle_by_force(
        &mut self,
        now: Time,
        claims: &[Claim],
        named: &[Displacement],
        out: &mut Vec<Decision>,
    ) {
        let names = |claim: &&Claim| named.iter().any(|named| named.task == claim.task);
        let mut tasks: Vec<TaskId> = claims.iter().filter(names).map(|claim| claim.task).collect();
        tasks.dedup();
        let mut trial = Trial::default();
        // Who names nobody starts at once: on what is free as it is.
        let is_free = claims.iter().filter(|claim| !names(claim)).all(|claim| self.try_claim(claim, &mut trial));
        if !(is_free && tasks.iter().all(|&task| self.try_displace(task, claims, named, &mut trial))) {
            for (room, taken) in trial.done.iter().rev() {
                self.put(room, !taken);
            }
            self.take_homes_back(&trial.given);
            self.open_homes(now, claims, out);
            refuse(claims, out);
            return;
        }
        self.settle_homes(now, claims, &trial.given, out);
        for victim in &trial.victims {
            self.forget_holds(victim.told.victim);
            victim.rooms.iter().for_each(|&room| self.tell_all(now, room, true, out));
        }
        let free: Vec<Claim> = claims.iter().filter(|claim| !names(claim)).copied().collect();
        place(&free, out);
        free.iter().filter_map(room_of).for_each(|room| self.book(now, room, out));
        for &task in &tasks {
            let own = claims.iter().filter(|claim| claim.task == task).copied().collect();
            self.grant(now, own, &trial, out);
        }
        self.expel(now, &trial, out);
    }

    /// Takes a room, or gives it back. What was given back a moment ago is still there.
    fn put(&mut self, room: &Room, take: bool) -> bool {
        let shape = Shape::of_room(room);
        if take {
            return self.ledger.take_back(&shape, room.node, 1, room.gpus);
        }
        self.ledger.release(&shape, room.node, 1, room.gpus);
        true
    }

    /// Takes all of these rooms or none of them.
    fn put_all(&mut self, rooms: &[Room], trial: &mut Trial) -> bool {
        for (at, room) in rooms.iter().enumerate() {
            if !self.put(room, true) {
                rooms[..at].iter().for_each(|room| _ = self.put(room, false));
                return false;
            }
        }
        trial.done.extend(rooms.iter().map(|&room| (room, true)));
        true
    }

    fn try_claim(&mut self, claim: &Claim, trial: &mut Trial) -> bool {
        let taken = self.take(claim, &mut trial.given);
        if taken && let Some(room) = room_of(claim) {
            trial.done.push((room, true));
        }
        taken
    }

    /// Takes the room of one task, with that of its victims.
    fn try_displace(&mut self, task: TaskId, claims: &[Claim], named: &[Displacement], trial: &mut Trial) -> bool {
        let from = trial.victims.len();
        for told in named.iter().filter(|named| named.task == task) {
            let Some(rooms) = self.rooms_of_victim(told, claims, trial) else { return false };
            trial.victims.push(Victim { told: *told, rooms, rest: Vec::new() });
        }
        for victim in &trial.victims[from..] {
            for room in &victim.rooms {
                self.put(room, false);
                trial.done.push((*room, false));
            }
        }
        if !claims.iter().filter(|claim| claim.task == task).all(|claim| self.try_claim(claim, trial)) {
            return false;
        }
        let mut victims: Vec<Victim> = trial.victims.drain(from..).collect();
        victims.sort_by_key(|victim| (Reverse(victim.rooms[0].standing.priority), victim.told.victim));
        victims.retain(|victim| !self.put_all(&victim.rooms, trial));
        victims.sort_by_key(|victim| victim.told.victim);
        for victim in &mut victims {
            self.keep_rest(victim, trial);
        }
        trial.victims.append(&mut victims);
        true
    }

    /// Nobody may have what a victim gives up beyond what is needed before it has left.
    fn keep_rest(&mut self, victim: &mut Victim, trial: &mut Trial) {
        for at in 0..victim.rooms.len() {
            let rest = self.rest_of(&victim.rooms[at]);
            if self.put_all(&rest, trial) {
                victim.rest.extend(rest);
            }
        }
    }

    /// What is free of a room that is being given up, as rooms that the settler may hold.
    fn rest_of(&mut self, room: &Room) -> Vec<Room> {
        let withheld = self.ledger.withhold(&Shape::of_room(room), room.node, 1, room.gpus);
        let standing = Standing { held: true, budget: None, ..room.standing };
        let rest = withheld.rooms(&Room { party: PartyId::FIRST, standing, ..*room });
        self.ledger.give(&withheld);
        rest
    }

    /// Who was to leave for a nominee that will not come does so still: until then nobody may have its room.
    pub(super) fn hold_for_leavers(&mut self, now: Time, nominee: u64, out: &mut Vec<Decision>) {
        let theirs = self.leaving.iter().filter(|(_, leaver)| leaver.nominee == nominee);
        let leavers: Vec<(TaskId, Vec<Room>)> = theirs.map(|(&task, leaver)| (task, leaver.rooms.clone())).collect();
        for (task, rooms) in leavers {
            self.end_hold(now, task, out);
            for room in &rooms {
                for rest in self.rest_of(room) {
                    if self.put(&rest, true) {
                        self.enter(rest);
                        self.tell_all(now, rest, false, out);
                    }
                }
            }
        }
    }

    /// What a victim holds, if it may be made to leave for these claims.
    fn rooms_of_victim(&self, told: &Displacement, claims: &[Claim], trial: &Trial) -> Option<Vec<Room>> {
        let mut own = claims.iter().filter(|claim| claim.task == told.task);
        let priority = own.clone().next()?.standing.priority;
        let is_twice = trial.victims.iter().any(|victim| victim.told.victim == told.victim);
        if is_twice || self.leaving.contains_key(&told.victim) {
            return None;
        }
        let mut slot = self.of_task.find(told.victim.0)?;
        let mut rooms = Vec::new();
        while slot != NONE {
            let hold = &self.holds[slot];
            if hold.room.request != Default::default() || !hold.room.gpus.is_empty() {
                rooms.push(hold.room);
            }
            slot = hold.next;
        }
        let Room { party, standing, .. } = *rooms.first()?;
        if standing.held || standing.priority >= priority {
            return None;
        }
        if party != told.from && (standing.protected || !self.may_miss(party, &standing, trial)) {
            return None;
        }
        own.any(|claim| rooms.iter().any(|room| room.node == claim.node)).then_some(rooms)
    }

    /// True if one more task of the set may be missing.
    fn may_miss(&self, party: PartyId, standing: &Standing, trial: &Trial) -> bool {
        let Some(budget) = standing.budget else { return true };
        let is_of_set = |victim: &&Victim| {
            let lead = &victim.rooms[0];
            lead.party == party && lead.standing.budget.is_some_and(|other| other.set == budget.set)
        };
        let spent = trial.victims.iter().filter(is_of_set).count() as u32;
        let quorum = self.quorums.get(&(party, budget.set)).copied().unwrap_or_default();
        quorum.up > quorum.keep.saturating_add(spent)
    }

    /// A task of which it is known what it holds: its set is larger by it.
    pub(super) fn count_in(&mut self, room: &Room) {
        if let Some(budget) = room.standing.budget {
            let quorum = self.quorums.entry((room.party, budget.set)).or_default();
            quorum.up += 1;
            quorum.keep = budget.keep;
        }
    }

    /// It holds nothing any more, or was told to leave.
    pub(super) fn count_out(&mut self, room: &Room) {
        let Some(key) = room.standing.budget.map(|budget| (room.party, budget.set)) else { return };
        if let Some(quorum) = self.quorums.get_mut(&key) {
            quorum.up -= 1;
            if quorum.up == 0 {
                self.quorums.remove(&key);
            }
        }
    }

    /// A task holds nothing any more; the ledger knows it already.
    fn forget_holds(&mut self, task: TaskId) {
        let Some(mut slot) = self.of_task.remove(task.0) else { return };
        let lead = self.holds[slot].room;
        self.count_out(&lead);
        while slot != NONE {
            self.holds.free(slot);
            slot = self.holds[slot].next;
        }
    }

    /// The claims of one task are honoured: it is placed at once if nobody has to leave.
    fn grant(&mut self, now: Time, own: Vec<Claim>, trial: &Trial, out: &mut Vec<Decision>) {
        let Some(task) = own.first().map(|claim| claim.task) else { return };
        let victims = trial.victims.iter().filter(|victim| victim.told.task == task).count() as u32;
        let held = victims > 0;
        if !held {
            place(&own, out);
        }
        for room in own.iter().filter_map(room_of) {
            let budget = room.standing.budget.filter(|_| !held);
            let room = Room { standing: Standing { held, budget, ..room.standing }, ..room };
            self.enter(room);
            self.tell_all(now, room, false, out);
        }
        if held {
            self.nominated += 1;
            for victim in trial.victims.iter().filter(|victim| victim.told.task == task) {
                let leaver = Leaver { nominee: self.nominated, rooms: victim.rooms.clone() };
                self.leaving.insert(victim.told.victim, leaver);
            }
            self.nominees.insert(self.nominated, Nominee { claims: own, at: now, victims });
        }
    }

    /// Victims are told to leave. Everybody hears first that their room is no longer theirs.
    fn expel(&mut self, now: Time, trial: &Trial, out: &mut Vec<Decision>) {
        for victim in &trial.victims {
            for &room in &victim.rest {
                self.enter(room);
                self.tell_all(now, room, false, out);
            }
        }
        for Victim { told, .. } in &trial.victims {
            let Displacement { victim: task, grace, requeue, .. } = *told;
            out.push(Decision::Evict { task, grace, requeue });
        }
    }

    /// A victim has left.
    pub(super) fn left(&mut self, now: Time, nominee: u64, out: &mut Vec<Decision>) {
        let Some(waiting) = self.nominees.get_mut(&nominee) else { return };
        waiting.victims -= 1;
        if waiting.victims > 0 {
            return;
        }
        let Some(Nominee { claims, at, .. }) = self.nominees.remove(&nominee) else { return };
        let Some(&Claim { task, standing, .. }) = claims.first() else { return };
        if now > at {
            let mut causes = [Span::ZERO; Cause::COUNT];
            causes[Cause::Preemption as usize] = now.since(at);
            out.push(Decision::Waited { task, causes });
        }
        place(&claims, out);
        let mut slot = self.of_task.find(task.0).unwrap_or(NONE);
        let mut is_first = true;
        while slot != NONE {
            self.holds[slot].room.standing = Standing { since: now, ..standing };
            let room = self.holds[slot].room;
            if core::mem::take(&mut is_first) {
                self.count_in(&room);
            }
            self.tell_all(now, room, false, out);
            slot = self.holds[slot].next;
        }
    }

    /// Tasks that counted on a node which is gone, or takes no new work, are refused after all.
    pub(super) fn void(&mut self, now: Time, node: NodeId, out: &mut Vec<Decision>) {
        if self.nominees.is_empty() {
            return;
        }
        let hit = |nominee: &Nominee| nominee.claims.iter().any(|claim| claim.node == node);
        let hit: Vec<u64> = self.nominees.iter().filter(|(_, nominee)| hit(nominee)).map(|(&key, _)| key).collect();
        for key in hit {
            let Some(nominee) = self.nominees.remove(&key) else { continue };
            if let Some(task) = nominee.claims.first().map(|claim| claim.task) {
                self.end_hold(now, task, out);
            }
            self.hold_for_leavers(now, key, out);
            refuse(&nominee.claims, out);
        }
    }

    /// A task is over that was never placed: nobody waits for its victims. Says which nominee it was.
    pub(super) fn forget_nominee(&mut self, task: TaskId) -> Option<u64> {
        let is_it = |nominee: &Nominee| nominee.claims.first().is_some_and(|claim| claim.task == task);
        let key = self.nominees.iter().find(|(_, nominee)| is_it(nominee)).map(|(&key, _)| key)?;
        self.nominees.remove(&key);
        Some(key)
    }
}
