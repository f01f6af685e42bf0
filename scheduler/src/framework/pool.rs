//! Holders that tasks share, and the tasks: a small fleet with a queue of its own.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Batch;
use super::kind::{Kind, Ramp, Sight};
use crate::config::Holders;
use crate::decision::Decision;
use crate::event::{Event, NodeSpec};
use crate::id::{HolderId, NodeId, TaskId};
use crate::ledger::Ledger;
use crate::time::Time;
use crate::{Step, Work};

/// Parts of a holder that tasks are counted in.
const PARTS: u128 = 1 << 64;

/// A holder that was asked for.
#[derive(Clone, Copy, Default)]
struct Held {
    /// The node that it is in our books; none if it waits for a place.
    node: Option<NodeId>,
    /// Since when it has had no task.
    idle_since: Option<Time>,
}

/// A queue over a ledger of which the nodes are holders.
#[derive(Clone)]
pub(super) struct Pool {
    ledger: Ledger,
    pub(super) batch: Batch,
    holders: BTreeMap<HolderId, Held>,
    /// Which holder each node of the ledger is; the number of one that is gone is given to the next.
    nodes: Vec<Option<HolderId>>,
    ramp: Ramp,
    /// Something was heard since the last pass.
    pub(super) stirred: bool,
    /// When to pass again if nothing happens before.
    pub(super) wake: Option<Time>,
    /// The first task of each run of tasks that it was handed.
    pub(super) firsts: Vec<u64>,
}

/// What all pools of a framework have in common.
pub(super) struct Terms<'a> {
    pub(super) now: Time,
    pub(super) kind: &'a Kind,
    pub(super) holders: &'a Holders,
    pub(super) next: &'a mut u64,
}

impl Pool {
    /// A pool without holders. The batch has no jobs.
    pub(super) fn new(batch: Batch) -> Self {
        Self {
            ledger: Ledger::default(),
            batch,
            holders: BTreeMap::new(),
            nodes: Vec::new(),
            ramp: Ramp::default(),
            stirred: true,
            wake: None,
            firsts: Vec::new(),
        }
    }

    /// Its queue, and its ledger of holders.
    pub(super) fn parts(&mut self) -> (&mut Batch, &mut Ledger) {
        (&mut self.batch, &mut self.ledger)
    }

    /// Takes in what concerns its tasks.
    pub(super) fn hear(&mut self, now: Time, event: &Event) {
        self.stirred = true;
        self.batch.hear(&mut self.ledger, now, event);
    }

    /// A task was placed in a holder that was gone by then: it waits again.
    pub(super) fn refused(&mut self, now: Time, task: TaskId) {
        self.stirred = true;
        self.batch.refused(&mut self.ledger, now, task);
    }

    /// A holder is in place.
    pub(super) fn started(&mut self, now: Time, holder: HolderId, room: &NodeSpec) {
        let Some(held) = self.holders.get_mut(&holder) else { return };
        let at = self.nodes.iter().position(Option::is_none).unwrap_or(self.nodes.len());
        let node = NodeId(at as u32);
        self.nodes.resize(self.nodes.len().max(at + 1), None);
        self.nodes[at] = Some(holder);
        *held = Held { node: Some(node), idle_since: None };
        self.batch.rejoins(&mut self.ledger, node);
        self.ledger.add_node(&NodeSpec { node, ..room.clone() });
        self.batch.grew(&self.ledger, now, node);
        self.stirred = true;
    }

    /// A holder is not in place any more.
    pub(super) fn ended(&mut self, now: Time, holder: HolderId, again: bool) {
        let Some(held) = self.holders.get(&holder).copied() else { return };
        self.leave(now, held);
        if again {
            self.holders.insert(holder, Held::default());
        } else {
            self.holders.remove(&holder);
        }
        self.stirred = true;
    }

    fn leave(&mut self, now: Time, held: Held) {
        let Some(node) = held.node else { return };
        self.nodes[node.index()] = None;
        self.ledger.lose_node(node);
        self.batch.shrank(&mut self.ledger, now, node);
    }

    /// True if no task of it waits or runs.
    pub(super) fn is_over(&self) -> bool {
        self.batch.waiting() == 0 && self.batch.running_tasks() == 0
    }

    /// Starts what fits, then asks for holders or gives some back.
    pub(super) fn pass(&mut self, terms: &mut Terms<'_>, out: &mut Vec<Decision>) -> Work {
        let from = out.len();
        self.stirred = false;
        let Step { wake, work } = self.batch.pass(&mut self.ledger, terms.now, out);
        for decision in &mut out[from..] {
            if let Decision::Place { task, node, count, more, .. } = *decision
                && let Some(holder) = self.nodes.get(node.index()).copied().flatten()
            {
                *decision = Decision::PlaceWithin { task, holder, count, more };
            }
        }
        if terms.kind.per_job && self.is_over() {
            // Everything is given back.
            return work;
        }
        let idle = self.give_back_idle(terms, out);
        let sight = self.sight(terms);
        let wanted = (terms.kind.wants)(terms.holders, &sight, &mut self.ramp);
        self.settle(wanted, terms, out);
        self.wake = [wake, idle, self.ramp.next].into_iter().flatten().min();
        work
    }

    fn sight(&self, terms: &Terms<'_>) -> Sight {
        let mut parts = 0_u128;
        for (shape, tasks) in self.batch.live() {
            let per = self.ledger.shapes().shape(shape).request.times_in(&terms.holders.room);
            // What no holder has room for asks for none.
            parts += PARTS.checked_div(u128::from(per)).unwrap_or(0) * u128::from(tasks);
        }
        let need = u32::try_from(parts.div_ceil(PARTS)).unwrap_or(u32::MAX);
        Sight { now: terms.now, waiting: self.batch.waiting(), need, has_work: !self.is_over() }
    }

    /// Gives holders back that have had no task for long enough. Says when the next one may be due.
    fn give_back_idle(&mut self, terms: &Terms<'_>, out: &mut Vec<Decision>) -> Option<Time> {
        let most = (terms.kind.idle)(terms.holders)?;
        let (mut next, mut due) = (None, Vec::new());
        for (&holder, held) in &mut self.holders {
            let Some(node) = held.node else { continue };
            if self.ledger.holds(node) {
                held.idle_since = None;
                continue;
            }
            let until = *held.idle_since.get_or_insert(terms.now) + most;
            if until <= terms.now {
                due.push(holder);
            } else {
                next = Some(next.map_or(until, |next: Time| next.min(until)));
            }
        }
        self.ramp.target = self.ramp.target.saturating_sub(due.len() as u32);
        self.release(terms.now, &due, out);
        next
    }

    /// Asks for holders up to so many, or no longer waits for those beyond, the newest first.
    fn settle(&mut self, wanted: u32, terms: &mut Terms<'_>, out: &mut Vec<Decision>) {
        let held = self.holders.len() as u32;
        if let Some(count) = wanted.checked_sub(held).filter(|&count| count > 0) {
            let first = HolderId(*terms.next);
            *terms.next += u64::from(count);
            self.holders.extend((first.0..*terms.next).map(|holder| (HolderId(holder), Held::default())));
            out.push(Decision::Hold { first, count });
            return;
        }
        let surplus = (held - wanted) as usize;
        if surplus > 0 {
            let waiting = self.holders.iter().rev().filter(|(_, held)| held.node.is_none());
            let mut surplus: Vec<HolderId> = waiting.take(surplus).map(|(&holder, _)| holder).collect();
            surplus.reverse();
            self.release(terms.now, &surplus, out);
        }
    }

    /// Gives everything back: its job is over.
    pub(super) fn close(&mut self, now: Time, out: &mut Vec<Decision>) {
        let all: Vec<HolderId> = self.holders.keys().copied().collect();
        self.release(now, &all, out);
    }

    /// Gives holders back, ascending.
    fn release(&mut self, now: Time, holders: &[HolderId], out: &mut Vec<Decision>) {
        for holder in holders {
            if let Some(held) = self.holders.remove(holder) {
                self.leave(now, held);
            }
        }
        let runs = holders.chunk_by(|holder, next| holder.0 + 1 == next.0);
        out.extend(runs.map(|run| Decision::Release { first: run[0], count: run.len() as u32 }));
    }
}
