//! A framework under shared state: a queue over a ledger of everything, as far as it has heard.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::guests::is_promoted;
use super::{Batch, Policies};
use crate::Step;
use crate::config::{Commit, Config};
use crate::decision::Decision;
use crate::event::{Claim, Displacement, Event, Room};
use crate::id::{JobId, NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape, Withheld};
use crate::time::Time;

/// One framework that sees everything and claims what it wants.
#[derive(Clone)]
pub struct Sharing {
    me: PartyId,
    ledger: Ledger,
    batch: Batch,
    commit: Commit,
    /// When each node was last heard of.
    seen: Vec<Time>,
    /// What others took where we believe that we have: one of our claims there will be refused.
    owed: Vec<Owed>,
    /// What others hold, by node and task: news of room that was freed on a node that is gone, or came back empty
    /// since, frees nothing.
    others: BTreeMap<(NodeId, TaskId), Vec<Room>>,
    /// Tasks of ours whose room was made by others, where we believe that we have given it away.
    wanting: Vec<Wanting>,
}

/// Room that others have, and that we do not believe to be there.
#[derive(Clone)]
struct Owed {
    room: Room,
    /// What is there of it, so that we do not claim that again: two claims of ours in turn would else each be refused
    /// while the other is under way, for ever.
    withheld: Option<Withheld>,
}

/// A task of ours that has room by right, likewise.
#[derive(Clone)]
struct Wanting {
    task: TaskId,
    withheld: Vec<Withheld>,
}

impl Sharing {
    /// A framework that has seen nothing.
    #[must_use]
    pub fn new(me: PartyId, batch: Batch, commit: Commit) -> Self {
        let (ledger, others) = (Ledger::default(), BTreeMap::new());
        Self { me, ledger, batch, commit, seen: Vec::new(), owed: Vec::new(), others, wanting: Vec::new() }
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.batch.config()
    }

    /// Behaves differently from now on.
    pub fn reconfigure(&mut self, now: Time, config: Config, policies: Policies) {
        self.commit = config.habits.commit;
        self.batch.reconfigure(&mut self.ledger, now, config, policies);
        // Who may be made to leave is known only where somebody asks.
        self.batch.running().forget_guests();
        for room in self.others.values().flatten() {
            self.batch.running().guest_came(&self.ledger, room);
        }
    }

    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.batch.waiting()
    }

    /// Takes the facts of an instant in and claims room for what waits.
    pub fn step(&mut self, now: Time, events: &[Event], out: &mut Vec<Decision>) -> Step {
        for event in events {
            self.hear(now, event);
        }
        let from = out.len();
        let step = self.batch.pass(&mut self.ledger, now, out);
        self.claim(now, out, from);
        self.batch.unreserve_homes(out);
        // First of all, so that the room can be claimed.
        let unreserved = out[from..].iter().rev().take_while(|one| matches!(one, Decision::Unreserve { .. })).count();
        out[from..].rotate_right(unreserved);
        step
    }

    fn hear(&mut self, now: Time, event: &Event) {
        match event {
            Event::NodeAdded(spec) => {
                self.forget(spec.node);
                self.batch.rejoins(&mut self.ledger, spec.node);
                self.ledger.add_node(spec);
                self.seen.resize(self.ledger.node_count(), now);
                self.seen[spec.node.index()] = now;
                self.batch.grew(&self.ledger, now, spec.node);
            }
            Event::NodeLost { node } => {
                self.forget(*node);
                self.batch.drop_withheld(&self.ledger, *node);
                self.ledger.lose_node(*node);
                self.batch.shrank(&mut self.ledger, now, *node);
            }
            Event::NodeClosed { node } => {
                self.ledger.close_node(*node);
                self.batch.shrank(&mut self.ledger, now, *node);
            }
            Event::NodeOpened { node } => {
                if self.ledger.open_node(*node) {
                    self.batch.grew(&self.ledger, now, *node);
                }
            }
            Event::DevicesLost { node, gpus } => self.ledger.lose_devices(*node, *gpus),
            Event::DevicesReturned { node, gpus } => {
                self.ledger.return_devices(*node, *gpus);
                self.batch.grew(&self.ledger, now, *node);
            }
            Event::RoomTaken(room) => self.hear_of_taken(now, room),
            Event::RoomFreed(room) => self.hear_of_freed(now, room),
            Event::LaunchRefused { task } => {
                if !self.batch.denied(&mut self.ledger, now, *task) {
                    self.want_no_longer(*task);
                    self.batch.refused(&mut self.ledger, now, *task);
                }
                self.pay();
            }
            Event::TaskEnded { task, .. } => {
                if let Some(at) = self.batch.asked_at(*task) {
                    // It was placed, and has ended before we heard of it.
                    self.batch.granted(&mut self.ledger, now, *task, at, false);
                }
                self.want_no_longer(*task);
                self.batch.hear(&mut self.ledger, now, event);
                self.batch.withhold_again(&mut self.ledger, *task);
                self.pay();
            }
            event => self.batch.hear(&mut self.ledger, now, event),
        }
    }

    fn see(&mut self, now: Time, node: NodeId) {
        if let Some(seen) = self.seen.get_mut(node.index()) {
            *seen = now;
        }
    }

    fn hear_of_taken(&mut self, now: Time, room: &Room) {
        self.see(now, room.node);
        if room.party == self.me {
            self.hear_of_own(now, room);
            return;
        }
        self.batch.running().note_budget(room);
        if !self.promote(room) && !self.take(room) {
            self.owed.push(Owed { room: *room, withheld: None });
            if self.batch.makes_room() {
                self.pay();
            }
        }
    }

    fn hear_of_freed(&mut self, now: Time, room: &Room) {
        self.see(now, room.node);
        if room.party == self.me {
            self.batch.told_to_leave(&mut self.ledger, room.task, room.standing.since);
            return;
        }
        let is_it = |owed: &Owed| owed.room.task == room.task && owed.room.node == room.node;
        match self.owed.iter().position(is_it) {
            Some(at) => {
                let withheld = self.owed.remove(at).withheld;
                withheld.iter().for_each(|withheld| self.ledger.give(withheld));
            }
            None => self.free(room),
        }
        self.batch.withhold_again(&mut self.ledger, room.task);
        self.batch.noticed(room.node);
    }

    /// Room that others made is ours: held at first, and then in place.
    fn hear_of_own(&mut self, now: Time, room: &Room) {
        let Room { task, standing, .. } = *room;
        if self.batch.asked_at(task) == Some(standing.since) {
            if !self.batch.granted(&mut self.ledger, now, task, standing.since, standing.held) {
                self.wanting.push(Wanting { task, withheld: Vec::new() });
                self.pay();
            }
        } else if !standing.held {
            self.batch.promoted(&self.ledger, now, task, standing.since);
        }
    }

    /// Room that was known to be held is that of a task in place now; false if it was not.
    fn promote(&mut self, room: &Room) -> bool {
        let is_it = |owed: &&mut Owed| owed.room.task == room.task && is_promoted(&owed.room, room);
        if let Some(owed) = self.owed.iter_mut().find(is_it) {
            owed.room = *room;
            return true;
        }
        let held = self.others.get_mut(&(room.node, room.task));
        let Some(known) = held.and_then(|held| held.iter_mut().find(|known| is_promoted(known, room))) else {
            return false;
        };
        *known = *room;
        self.batch.running().guest_came(&self.ledger, room);
        // Somebody more important may have waited for this.
        self.batch.noticed(room.node);
        true
    }

    fn take(&mut self, room: &Room) -> bool {
        let taken = self.ledger.take(&Shape::of_room(room), room.node, 1, room.gpus);
        if taken {
            self.others.entry((room.node, room.task)).or_default().push(*room);
            self.batch.running().guest_came(&self.ledger, room);
        }
        taken
    }

    /// Others gave something back, if we ever believed that they had it.
    fn free(&mut self, room: &Room) {
        let key = (room.node, room.task);
        let Some(held) = self.others.get_mut(&key) else { return };
        if let Some(at) = held.iter().position(|own| own.gpus == room.gpus && own.request == room.request) {
            held.swap_remove(at);
            self.ledger.release(&Shape::of_room(room), room.node, 1, room.gpus);
            self.batch.running().guest_left(&self.ledger, room);
        }
        if held.is_empty() {
            self.others.remove(&key);
        }
    }

    /// A node is gone, or comes back empty: nobody holds anything there.
    fn forget(&mut self, node: NodeId) {
        self.owed.retain(|owed| owed.room.node != node);
        self.wanting.iter_mut().for_each(|wanting| wanting.withheld.retain(|withheld| withheld.node() != node));
        let tasks = (node, TaskId(0))..=(node, TaskId(u64::MAX));
        let gone: Vec<(NodeId, TaskId)> = self.others.range(tasks).map(|(&key, _)| key).collect();
        for key in gone {
            self.others.remove(&key);
        }
    }

    /// What others took is believed as soon as there is room for it. Where tasks make room, what there is of it is
    /// withheld until then.
    fn pay(&mut self) {
        if self.owed.is_empty() && self.wanting.is_empty() {
            return;
        }
        let (mut owed, mut wanting) = (core::mem::take(&mut self.owed), core::mem::take(&mut self.wanting));
        let parts = owed.iter_mut().filter_map(|owed| owed.withheld.take());
        let parts = parts.chain(wanting.iter_mut().flat_map(|wanting| wanting.withheld.drain(..)));
        parts.for_each(|withheld| self.ledger.give(&withheld));
        owed.retain(|owed| !self.take(&owed.room));
        wanting.retain(|wanting| !self.batch.own_again(&mut self.ledger, wanting.task));
        if self.batch.makes_room() {
            for Owed { room, withheld } in &mut owed {
                *withheld = Some(room.node)
                    .filter(|node| node.index() < self.ledger.node_count())
                    .map(|node| self.ledger.withhold(&Shape::of_room(room), node, 1, room.gpus));
            }
            for Wanting { task, withheld } in &mut wanting {
                *withheld = self.batch.withhold_for(&mut self.ledger, *task);
            }
        }
        (self.owed, self.wanting) = (owed, wanting);
    }

    /// A task of ours is over, or refused after all.
    fn want_no_longer(&mut self, task: TaskId) {
        let Self { wanting, ledger, .. } = self;
        wanting.retain(|wanting| {
            let is_it = wanting.task == task;
            wanting.withheld.iter().filter(|_| is_it).for_each(|withheld| ledger.give(withheld));
            !is_it
        });
    }

    /// What was placed in the ledger becomes claims, as of what was last heard of each node.
    fn claim(&mut self, now: Time, out: &mut [Decision], from: usize) {
        let mut last: Option<(usize, JobId)> = None;
        for at in from..out.len() {
            let Decision::Place { task, node, count, gpus, more } = out[at] else { continue };
            let Some((job, shape)) = self.batch.need_of(&self.ledger, task) else { continue };
            let (from, request, milli) = (self.me, shape.request, shape.gpu.milli);
            let (seen, standing) = (self.seen[node.index()], self.batch.standing_of(now, task));
            if let Some((before, same)) = last
                && same == job
                && self.commit == Commit::Gang
                && let Decision::Claim(claim) = &mut out[before]
            {
                claim.more = true;
            }
            let resident = self.batch.is_resident(task);
            let claim = Claim { from, node, task, request, gpus, milli, count, more, seen, standing, resident };
            out[at] = Decision::Claim(claim);
            last = Some((at, job));
        }
        name(self.me, &mut out[from..]);
    }
}

/// Whoever is to leave is named for the task that is claimed for after it.
fn name(me: PartyId, decisions: &mut [Decision]) {
    let (mut next, mut last) = (None, None);
    for decision in decisions.iter_mut().rev() {
        match *decision {
            Decision::Claim(claim) => next = Some(claim.task),
            Decision::Evict { task: victim, grace, requeue } => {
                let Some(task) = next else { continue };
                let more = last == next;
                last = next;
                *decision = Decision::Displace(Displacement { from: me, task, victim, grace, requeue, more });
            }
            _ => {}
        }
    }
}
