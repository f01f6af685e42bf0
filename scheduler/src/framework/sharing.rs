//! A framework under shared state: a queue over a ledger of everything, as far as it has heard.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Batch;
use crate::Step;
use crate::config::Commit;
use crate::decision::Decision;
use crate::event::{Claim, Event, GpuRequest, Room};
use crate::id::{JobId, NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape};
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
    owed: Vec<Room>,
    /// What others hold, by node and task: news of room that was freed on a node that is gone, or came back empty
    /// since, frees nothing.
    others: BTreeMap<(NodeId, TaskId), Vec<Room>>,
}

impl Sharing {
    /// A framework that has seen nothing.
    #[must_use]
    pub fn new(me: PartyId, batch: Batch, commit: Commit) -> Self {
        let (ledger, others) = (Ledger::default(), BTreeMap::new());
        Self { me, ledger, batch, commit, seen: Vec::new(), owed: Vec::new(), others }
    }

    /// Its queue, and its ledger of what it has seen.
    pub fn parts(&mut self) -> (&mut Batch, &mut Ledger) {
        (&mut self.batch, &mut self.ledger)
    }

    /// What of its claims is honoured when a part conflicts.
    pub fn set_commit(&mut self, commit: Commit) {
        self.commit = commit;
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
        self.claim(out, from);
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
            Event::RoomTaken(room) => {
                self.see(now, room.node);
                if !self.take(room) {
                    self.owed.push(*room);
                }
            }
            Event::RoomFreed(room) => {
                self.see(now, room.node);
                match self.owed.iter().position(|owed| owed.task == room.task && owed.node == room.node) {
                    Some(at) => {
                        self.owed.remove(at);
                    }
                    None => self.free(room),
                }
                self.batch.noticed(room.node);
            }
            Event::LaunchRefused { task } => {
                self.batch.refused(&mut self.ledger, now, *task);
                self.pay();
            }
            Event::TaskEnded { .. } => {
                self.batch.hear(&mut self.ledger, now, event);
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

    fn take(&mut self, room: &Room) -> bool {
        let taken = self.ledger.take(&shape_of(room), room.node, 1, room.gpus);
        if taken {
            self.others.entry((room.node, room.task)).or_default().push(*room);
        }
        taken
    }

    /// Others gave something back, if we ever believed that they had it.
    fn free(&mut self, room: &Room) {
        let key = (room.node, room.task);
        let Some(held) = self.others.get_mut(&key) else { return };
        if let Some(at) = held.iter().position(|own| own.gpus == room.gpus && own.request == room.request) {
            held.swap_remove(at);
            self.ledger.release(&shape_of(room), room.node, 1, room.gpus);
        }
        if held.is_empty() {
            self.others.remove(&key);
        }
    }

    /// A node is gone, or comes back empty: nobody holds anything there.
    fn forget(&mut self, node: NodeId) {
        self.owed.retain(|room| room.node != node);
        let tasks = (node, TaskId(0))..=(node, TaskId(u64::MAX));
        let gone: Vec<(NodeId, TaskId)> = self.others.range(tasks).map(|(&key, _)| key).collect();
        for key in gone {
            self.others.remove(&key);
        }
    }

    /// What others took is believed as soon as there is room for it.
    fn pay(&mut self) {
        let mut owed = core::mem::take(&mut self.owed);
        owed.retain(|room| !self.take(room));
        self.owed = owed;
    }

    /// What was placed in the ledger becomes claims, as of what was last heard of each node.
    fn claim(&mut self, out: &mut [Decision], from: usize) {
        let mut last: Option<(usize, JobId)> = None;
        for at in from..out.len() {
            let Decision::Place { task, node, count, gpus, more } = out[at] else { continue };
            let Some((job, shape)) = self.batch.need_of(&self.ledger, task) else { continue };
            let (from, request, milli) = (self.me, shape.request, shape.gpu.milli);
            let seen = self.seen[node.index()];
            if let Some((before, same)) = last
                && same == job
                && self.commit == Commit::Gang
                && let Decision::Claim(claim) = &mut out[before]
            {
                claim.more = true;
            }
            out[at] = Decision::Claim(Claim { from, node, task, request, gpus, milli, count, more, seen });
            last = Some((at, job));
        }
    }
}

/// What a room is, as the ledger counts it.
fn shape_of(room: &Room) -> Shape {
    let gpu = GpuRequest { count: room.gpus.len() as u8, milli: room.milli };
    Shape { request: room.request, gpu, constraints: None, layout: None }
}
