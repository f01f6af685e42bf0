//! Shared state: every framework sees everything and claims what it wants; whoever comes first has it.
//!
//! **What it is for.** Many schedulers of their own kind over one fleet, none of which waits for another's offers.
//! **When it is bad.** The longer a scheduler thinks, and the fuller the fleet, the more of its claims conflict.
//! **Source.** Schwarzkopf et al., EuroSys 2013 (Omega): optimistic commits, conflicts fine- or coarse-grained.
//!
//! **Making room.** A claim may name victims: tasks of whomever, all of lower priority. It is honoured if each of them
//! still holds room where the claim wants it and may leave; else it conflicts.

mod displacing;
mod homes;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::Decision;
use crate::config::Conflicts;
use crate::event::{Claim, Displacement, Ending, Event, GpuSet, Room, Standing};
use crate::id::{NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape};
use crate::paged::PagedMap;
use crate::resources::Resources;
use crate::slab::Slab;
use crate::time::Time;
use crate::{Step, Work};

use displacing::{Leaver, Nominee, Quorum};
use homes::Homes;

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// When a node last changed, and by whom.
#[derive(Clone, Copy, Debug, Default)]
struct Version {
    at: Time,
    by: PartyId,
    /// The last change by anybody else.
    before: Time,
}

impl Version {
    /// The last change by anybody but `party`; none at the beginning.
    fn seen_by(&self, party: PartyId) -> Time {
        if self.by == party { self.before } else { self.at }
    }

    fn change(&mut self, at: Time, by: PartyId) {
        if self.by != by {
            self.before = self.at;
        }
        (self.at, self.by) = (at, by);
    }
}

#[derive(Clone, Copy)]
struct Hold {
    room: Room,
    next: u32,
}

/// Keeps what is true of the fleet and settles claims.
#[derive(Clone, Default)]
pub struct SharedState {
    conflicts: Conflicts,
    ledger: Ledger,
    frameworks: Vec<PartyId>,
    versions: Vec<Version>,
    holds: Slab<Hold>,
    of_task: PagedMap,
    /// Claims of which more is to come, honoured together or not at all.
    open: Vec<Claim>,
    /// Who has to leave for claims that are to come.
    named: Vec<Displacement>,
    /// Tasks that wait for victims to leave.
    nominees: BTreeMap<u64, Nominee>,
    nominated: u64,
    /// Who was told to leave.
    leaving: BTreeMap<TaskId, Leaver>,
    /// Sets of tasks of which only so many may be missing.
    quorums: BTreeMap<(PartyId, u32), Quorum>,
    homes: Homes,
}

/// What a claim needs in all; None if there is no such number.
fn room_of(claim: &Claim) -> Option<Room> {
    let Claim { from: party, task, node, gpus, milli, standing, .. } = *claim;
    let request = claim.request.checked_mul(claim.count)?;
    let standing = Standing { held: false, ..standing };
    Some(Room { party, task, node, request, gpus, milli, standing })
}

impl SharedState {
    /// Nothing known yet.
    #[must_use]
    pub fn new(conflicts: Conflicts) -> Self {
        Self { conflicts, ..Self::default() }
    }

    /// What is true of the fleet, as far as is known here.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes the facts of an instant in, in order: the first claim wins.
    pub fn step(&mut self, now: Time, events: &[Event], out: &mut Vec<Decision>) -> Step {
        let mut work = Work::default();
        for event in events {
            match event {
                Event::NodeAdded(spec) => {
                    self.void(now, spec.node, out);
                    self.leave_behind(now, spec.node, out);
                    self.ledger.add_node(spec);
                    self.versions.resize(self.ledger.node_count(), Version::default());
                    self.keep_homes(now, spec.node, true, out);
                }
                Event::NodeLost { node } => {
                    self.ledger.lose_node(*node);
                    self.void(now, *node, out);
                }
                Event::NodeClosed { node } => {
                    self.ledger.close_node(*node);
                    self.void(now, *node, out);
                }
                Event::NodeOpened { node } => {
                    self.ledger.open_node(*node);
                    self.keep_homes(now, *node, false, out);
                }
                Event::DevicesLost { node, gpus } => self.ledger.lose_devices(*node, *gpus),
                Event::DevicesReturned { node, gpus } => self.ledger.return_devices(*node, *gpus),
                Event::FrameworkJoined(spec) => self.frameworks.push(spec.party),
                Event::RoomTaken(room) => self.adopt(now, room, out),
                Event::DisplacementRequested(displacement) => self.named.push(*displacement),
                Event::ClaimRequested(claim) => {
                    work.tasks += u64::from(claim.count);
                    self.open.push(*claim);
                    if !claim.more {
                        self.settle(now, claim.from, out);
                    }
                }
                Event::HomeUnreserved { task } => self.forget_home(now, *task, out),
                Event::TaskEnded { task, ending } => self.end(now, *task, *ending, out),
                _ => {}
            }
        }
        Step { wake: None, work }
    }

    /// Honours all open claims of a party, or refuses them all.
    fn settle(&mut self, now: Time, party: PartyId, out: &mut Vec<Decision>) {
        let claims: Vec<Claim> = self.open.extract_if(.., |claim| claim.from == party).collect();
        if !self.named.is_empty() {
            let mut named: Vec<Displacement> = self.named.extract_if(.., |named| named.from == party).collect();
            named.retain(|named| claims.iter().any(|claim| claim.task == named.task));
            if !named.is_empty() {
                self.settle_by_force(now, &claims, &named, out);
                return;
            }
        }
        let (mut taken, mut given) = (0, Vec::new());
        while let Some(claim) = claims.get(taken)
            && self.take(claim, &mut given)
        {
            taken += 1;
        }
        if taken < claims.len() {
            for room in claims[..taken].iter().filter_map(room_of) {
                self.ledger.release(&Shape::of_room(&room), room.node, 1, room.gpus);
            }
            self.take_homes_back(&given);
            refuse(&claims, out);
            return;
        }
        self.settle_homes(now, &claims, &given, out);
        place(&claims, out);
        for room in claims.iter().filter_map(room_of) {
            self.book(now, room, out);
        }
    }

    /// Takes the room of a claim, unless it conflicts with what others took since the claimant heard of the node.
    fn take(&mut self, claim: &Claim, given: &mut Vec<TaskId>) -> bool {
        let Some(version) = self.versions.get(claim.node.index()) else { return false };
        if self.conflicts == Conflicts::Coarse && version.seen_by(claim.from) > claim.seen {
            return false;
        }
        let Some(room) = room_of(claim) else { return false };
        self.ledger.is_open(claim.node) && self.take_room(&room, given)
    }

    fn adopt(&mut self, now: Time, room: &Room, out: &mut Vec<Decision>) {
        self.forget_home(now, room.task, out);
        if self.ledger.take(&Shape::of_room(room), room.node, 1, room.gpus) {
            self.book(now, *room, out);
        }
    }

    fn book(&mut self, now: Time, room: Room, out: &mut Vec<Decision>) {
        self.enter(room);
        self.tell(now, room, false, out);
    }

    /// Notes who holds room that was taken.
    fn enter(&mut self, room: Room) {
        let next = self.of_task.find(room.task.0).unwrap_or(NONE);
        if next == NONE {
            self.count_in(&room);
        }
        let slot = self.holds.insert(Hold { room, next });
        self.of_task.insert(room.task.0, slot);
    }

    fn end(&mut self, now: Time, task: TaskId, ending: Ending, out: &mut Vec<Decision>) {
        let leaver = self.leaving.remove(&task);
        let forgotten = self.forget_nominee(task);
        // Who left for others leaves its room to them.
        let ending = if leaver.is_some() || forgotten.is_some() { Ending::Killed } else { ending };
        self.end_resident(now, task, ending, out);
        if let Some(nominee) = forgotten {
            self.hold_for_leavers(now, nominee, out);
        }
        if let Some(leaver) = leaver {
            self.left(now, leaver.nominee, out);
        }
    }

    /// What a task held is free.
    fn end_hold(&mut self, now: Time, task: TaskId, out: &mut Vec<Decision>) {
        let Some(mut slot) = self.of_task.remove(task.0) else { return };
        let lead = self.holds[slot].room;
        self.count_out(&lead);
        while slot != NONE {
            let Hold { room, next } = self.holds[slot];
            self.holds.free(slot);
            slot = next;
            if room.request == Resources::ZERO && room.gpus == GpuSet::NONE {
                continue;
            }
            self.ledger.release(&Shape::of_room(&room), room.node, 1, room.gpus);
            self.tell(now, room, true, out);
        }
    }

    /// A node comes back empty, though tasks are still believed to be on it whose ends are to come: they hold nothing
    /// there any more, and nothing is given back when they end.
    fn leave_behind(&mut self, now: Time, node: NodeId, out: &mut Vec<Decision>) {
        if !self.ledger.holds(node) {
            return;
        }
        let on_node: Vec<u32> = self.slots().filter(|&slot| self.holds[slot].room.node == node).collect();
        for slot in on_node {
            let room = self.holds[slot].room;
            self.tell(now, room, true, out);
            self.holds[slot].room.request = Resources::ZERO;
            self.holds[slot].room.gpus = GpuSet::NONE;
        }
        self.leaving.values_mut().for_each(|leaver| leaver.rooms.retain(|room| room.node != node));
    }

    /// The slots of all that is held, by task and then by part of a gang.
    fn slots(&self) -> impl Iterator<Item = u32> {
        let parts = |first| {
            core::iter::successors((first != NONE).then_some(first), |&slot| {
                let next = self.holds[slot].next;
                (next != NONE).then_some(next)
            })
        };
        self.of_task.iter().flat_map(move |(_, first)| parts(first))
    }

    /// Everybody but the one who did it hears of a change.
    fn tell(&mut self, now: Time, room: Room, freed: bool, out: &mut Vec<Decision>) {
        self.versions[room.node.index()].change(now, room.party);
        let others = self.frameworks.iter().filter(|&&party| party != room.party);
        out.extend(others.map(|&to| Decision::Tell { to, room, freed }));
    }

    /// Everybody hears of a change that the one whose task it is about has not made himself.
    fn tell_all(&mut self, now: Time, room: Room, freed: bool, out: &mut Vec<Decision>) {
        self.versions[room.node.index()].change(now, PartyId::FIRST);
        out.extend(self.frameworks.iter().map(|&to| Decision::Tell { to, room, freed }));
    }

    /// How much is free on a node.
    #[must_use]
    pub fn free(&self, node: NodeId) -> Resources {
        *self.ledger.node(node).free
    }
}

/// What was honoured happens.
fn place(claims: &[Claim], out: &mut Vec<Decision>) {
    for (at, claim) in claims.iter().enumerate() {
        let Claim { task, node, count, gpus, .. } = *claim;
        let more = claims.get(at + 1).is_some_and(|next| next.task == task);
        out.push(Decision::Place { task, node, count, gpus, more });
    }
}

/// All of these claims conflict.
fn refuse(claims: &[Claim], out: &mut Vec<Decision>) {
    let Some(to) = claims.first().map(|claim| claim.from) else { return };
    let mut refused: Vec<TaskId> = claims.iter().map(|claim| claim.task).collect();
    refused.dedup();
    out.extend(refused.into_iter().map(|task| Decision::Refuse { to, task }));
}
