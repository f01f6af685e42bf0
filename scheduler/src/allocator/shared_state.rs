//! Shared state: every framework sees everything and claims what it wants; whoever comes first has it.
//!
//! **What it is for.** Many schedulers of their own kind over one fleet, none of which waits for another's offers.
//! **When it is bad.** The longer a scheduler thinks, and the fuller the fleet, the more of its claims conflict.
//! **Source.** Schwarzkopf et al., EuroSys 2013 (Omega): optimistic commits, conflicts fine- or coarse-grained.

use alloc::vec::Vec;

use crate::Decision;
use crate::config::Conflicts;
use crate::event::{Claim, Event, GpuRequest, GpuSet, Room};
use crate::id::{NodeId, PartyId, TaskId};
use crate::ledger::{Ledger, Shape};
use crate::paged::PagedMap;
use crate::resources::Resources;
use crate::slab::Slab;
use crate::time::Time;
use crate::{Step, Work};

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
}

/// What a claim needs, as the ledger counts it.
fn shape_of(request: Resources, gpus: GpuSet, milli: u16) -> Shape {
    Shape { request, gpu: GpuRequest { count: gpus.len() as u8, milli }, constraints: None, layout: None }
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
                    self.leave_behind(now, spec.node, out);
                    self.ledger.add_node(spec);
                    self.versions.resize(self.ledger.node_count(), Version::default());
                }
                Event::NodeLost { node } => self.ledger.lose_node(*node),
                Event::NodeClosed { node } => self.ledger.close_node(*node),
                Event::NodeOpened { node } => {
                    self.ledger.open_node(*node);
                }
                Event::DevicesLost { node, gpus } => self.ledger.lose_devices(*node, *gpus),
                Event::DevicesReturned { node, gpus } => self.ledger.return_devices(*node, *gpus),
                Event::FrameworkJoined(spec) => self.frameworks.push(spec.party),
                Event::RoomTaken(room) => self.adopt(now, room, out),
                Event::ClaimRequested(claim) => {
                    work.tasks += u64::from(claim.count);
                    self.open.push(*claim);
                    if !claim.more {
                        self.settle(now, claim.from, out);
                    }
                }
                Event::TaskEnded { task, .. } => self.end(now, *task, out),
                _ => {}
            }
        }
        Step { wake: None, work }
    }

    /// Honours all open claims of a party, or refuses them all.
    fn settle(&mut self, now: Time, party: PartyId, out: &mut Vec<Decision>) {
        let claims: Vec<Claim> = self.open.extract_if(.., |claim| claim.from == party).collect();
        let mut taken = 0;
        while let Some(claim) = claims.get(taken)
            && self.take(claim)
        {
            taken += 1;
        }
        if taken < claims.len() {
            for claim in &claims[..taken] {
                if let Some(need) = claim.request.checked_mul(claim.count) {
                    self.ledger.release(&shape_of(need, claim.gpus, claim.milli), claim.node, 1, claim.gpus);
                }
            }
            let mut refused: Vec<TaskId> = claims.iter().map(|claim| claim.task).collect();
            refused.dedup();
            out.extend(refused.into_iter().map(|task| Decision::Refuse { to: party, task }));
            return;
        }
        for (at, claim) in claims.iter().enumerate() {
            let Claim { task, node, count, gpus, .. } = *claim;
            let more = claims.get(at + 1).is_some_and(|next| next.task == task);
            out.push(Decision::Place { task, node, count, gpus, more });
        }
        for claim in claims {
            let Some(request) = claim.request.checked_mul(claim.count) else { continue };
            let Claim { task, node, gpus, milli, .. } = claim;
            self.book(now, Room { party, task, node, request, gpus, milli }, out);
        }
    }

    /// Takes the room of a claim, unless it conflicts with what others took since the claimant heard of the node.
    fn take(&mut self, claim: &Claim) -> bool {
        let Some(version) = self.versions.get(claim.node.index()) else { return false };
        if self.conflicts == Conflicts::Coarse && version.seen_by(claim.from) > claim.seen {
            return false;
        }
        let Some(need) = claim.request.checked_mul(claim.count) else { return false };
        self.ledger.is_open(claim.node)
            && self.ledger.take(&shape_of(need, claim.gpus, claim.milli), claim.node, 1, claim.gpus)
    }

    fn adopt(&mut self, now: Time, room: &Room, out: &mut Vec<Decision>) {
        if self.ledger.take(&shape_of(room.request, room.gpus, room.milli), room.node, 1, room.gpus) {
            self.book(now, *room, out);
        }
    }

    fn book(&mut self, now: Time, room: Room, out: &mut Vec<Decision>) {
        let next = self.of_task.find(room.task.0).unwrap_or(NONE);
        let slot = self.holds.insert(Hold { room, next });
        self.of_task.insert(room.task.0, slot);
        self.tell(now, room, false, out);
    }

    fn end(&mut self, now: Time, task: TaskId, out: &mut Vec<Decision>) {
        let Some(mut slot) = self.of_task.remove(task.0) else { return };
        while slot != NONE {
            let Hold { room, next } = self.holds[slot];
            self.holds.free(slot);
            slot = next;
            if room.request == Resources::ZERO && room.gpus == GpuSet::NONE {
                continue;
            }
            self.ledger.release(&shape_of(room.request, room.gpus, room.milli), room.node, 1, room.gpus);
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

    /// How much is free on a node.
    #[must_use]
    pub fn free(&self, node: NodeId) -> Resources {
        *self.ledger.node(node).free
    }
}
