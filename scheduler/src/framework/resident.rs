//! Replicas that belong to their nodes: one that ends starts again where it was, and waits there for its room.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::batch::Batch;
use crate::cause::Cause;
use crate::decision::Decision;
use crate::event::{Ending, GpuSet};
use crate::id::{NodeId, TaskId};
use crate::ledger::Ledger;
use crate::queue::WaitingEntry;
use crate::time::{Span, Time};

/// A replica that waits for its own node.
#[derive(Clone, Copy)]
struct Bound {
    job: u32,
    node: NodeId,
    gpus: GpuSet,
    /// When it may start again.
    due: Time,
    /// When it may go elsewhere.
    moves: Time,
    /// Its room is kept for it.
    holds: bool,
}

/// The replicas of a framework that wait for their own nodes, by task.
#[derive(Clone, Default)]
pub(super) struct Residents {
    bound: BTreeMap<TaskId, Bound>,
    /// Where replicas belong that started again at least once.
    homes: BTreeMap<TaskId, NodeId>,
    /// Who does not come back to where it belonged, and of which nobody was told.
    given_up: Vec<TaskId>,
}

impl Residents {
    /// How many wait.
    pub(super) fn len(&self) -> u64 {
        self.bound.len() as u64
    }

    /// When the next may start again or go elsewhere, after `now`.
    pub(super) fn wake(&self, now: Time) -> Option<Time> {
        let times = self.bound.values().flat_map(|bound| [bound.due, bound.moves]);
        times.filter(|&at| at > now && at != Time::NEVER).min()
    }

    /// Those of a job do not start before `until`.
    pub(super) fn put_off(&mut self, job: u32, until: Time) {
        for bound in self.bound.values_mut().filter(|bound| bound.job == job) {
            bound.due = bound.due.max(until);
        }
    }

    /// Those of a job may start as soon as their nodes have room.
    pub(super) fn hasten(&mut self, now: Time, job: u32) {
        for bound in self.bound.values_mut().filter(|bound| bound.job == job) {
            bound.due = bound.due.min(now);
        }
    }

    /// A node comes back with nothing on it: nothing is kept there.
    pub(super) fn forget_room(&mut self, node: NodeId) {
        for bound in self.bound.values_mut().filter(|bound| bound.node == node) {
            bound.holds = false;
        }
    }

    /// A task is over for good.
    pub(super) fn task_over(&mut self, task: TaskId) {
        if !self.homes.is_empty() && self.homes.remove(&task).is_some() {
            self.given_up.push(task);
        }
    }
}

impl Batch {
    /// Whether a replica that ended on a node is to wait for that node. One that is moved away by its operator, who
    /// closed the node, is not; one whose launch was refused belongs where it was before, if anywhere.
    pub(super) fn is_bound(&self, ledger: &Ledger, task: TaskId, node: NodeId, job: u32, ending: Ending) -> bool {
        if self.ruled.resident(job).is_none() {
            return false;
        }
        match ending {
            Ending::Evicted => ledger.is_open(node) && self.residents.homes.get(&task) == Some(&node),
            _ => true,
        }
    }

    /// A replica waits for its node, from `due` on; its room there is kept for it where that can be said.
    pub(super) fn bind(&mut self, ledger: &mut Ledger, now: Time, due: Time, task: TaskId, at: (u32, NodeId, GpuSet)) {
        let (job, node, gpus) = at;
        let replace_after = self.ruled.resident(job).and_then(|resident| resident.replace_after);
        let shape = *ledger.shapes().shape(self.running.job(job).shape);
        // Room that is only lent cannot be kept.
        let due = due.max(self.ruled.held_until(job));
        let holds = !ledger.is_lent() && ledger.is_open(node) && ledger.take(&shape, node, 1, gpus);
        let moves = replace_after.map_or(Time::NEVER, |after| now + after);
        self.residents.homes.insert(task, node);
        self.residents.bound.insert(task, Bound { job, node, gpus, due, moves, holds });
    }

    /// A replica runs on its node after all: the slot of its job, if it was waited for.
    pub(super) fn unbind(&mut self, ledger: &mut Ledger, task: TaskId) -> Option<u32> {
        let bound = self.residents.bound.remove(&task)?;
        self.give_room_back(ledger, &bound);
        Some(bound.job)
    }

    fn give_room_back(&mut self, ledger: &mut Ledger, bound: &Bound) {
        if bound.holds {
            let shape = *ledger.shapes().shape(self.running.job(bound.job).shape);
            ledger.put_back(&shape, bound.node, 1, bound.gpus);
            self.noticed(bound.node);
        }
    }

    /// Whether a task that runs belongs where it runs.
    pub(super) fn is_resident(&self, task: TaskId) -> bool {
        !self.ruled.is_empty()
            && self.running.find(task).is_some_and(|slot| self.ruled.resident(self.running.task(slot).job).is_some())
    }

    /// When the first replica may start that waits for a node; None if none waits for it.
    pub(super) fn home_due(&self, node: NodeId) -> Option<Time> {
        let bound = self.residents.bound.values().filter(|bound| bound.node == node);
        bound.map(|bound| bound.due).min()
    }

    /// Keeps room that is offered on a node for those who wait for it.
    pub(super) fn keep_homes(&mut self, ledger: &mut Ledger, node: NodeId) {
        for bound in self.residents.bound.values_mut().filter(|bound| bound.node == node && !bound.holds) {
            let shape = *ledger.shapes().shape(self.running.job(bound.job).shape);
            bound.holds = ledger.take(&shape, node, 1, bound.gpus);
        }
    }

    /// Keeps nothing on a node any more: what is offered there is being taken back.
    pub(super) fn let_homes_go(&mut self, ledger: &mut Ledger, node: NodeId) {
        for bound in self.residents.bound.values_mut().filter(|bound| bound.node == node && bound.holds) {
            let shape = *ledger.shapes().shape(self.running.job(bound.job).shape);
            ledger.put_back(&shape, node, 1, bound.gpus);
            bound.holds = false;
        }
    }

    /// Tells who does not come back to where it belonged.
    pub(super) fn unreserve_homes(&mut self, decisions: &mut Vec<Decision>) {
        decisions.extend(self.residents.given_up.drain(..).map(|task| Decision::Unreserve { task }));
    }

    /// Starts those whose node has room for them, and lets those go elsewhere that waited long enough.
    pub(super) fn start_residents(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) {
        if self.residents.bound.is_empty() || self.is_between_passes(now) {
            return;
        }
        let due: Vec<(TaskId, Bound)> = self
            .residents
            .bound
            .iter()
            .filter(|(_, bound)| bound.due <= now || bound.moves <= now)
            .map(|(task, bound)| (*task, *bound))
            .collect();
        for (task, bound) in due {
            let shape = *ledger.shapes().shape(self.running.job(bound.job).shape);
            let is_open = ledger.is_open(bound.node);
            if bound.due <= now && is_open && (bound.holds || ledger.take(&shape, bound.node, 1, bound.gpus)) {
                self.residents.bound.remove(&task);
                self.start_at_home(ledger, now, task, &bound, decisions);
            } else if bound.moves <= now {
                self.residents.bound.remove(&task);
                self.residents.task_over(task);
                self.give_room_back(ledger, &bound);
                self.queue_again(ledger, task, &bound);
            }
        }
    }

    fn start_at_home(
        &mut self,
        ledger: &mut Ledger,
        now: Time,
        task: TaskId,
        bound: &Bound,
        decisions: &mut Vec<Decision>,
    ) {
        let Bound { job, node, gpus, due, .. } = *bound;
        if now > due {
            let mut causes = [Span::ZERO; Cause::COUNT];
            causes[Cause::Constraint as usize] = now - due;
            decisions.push(Decision::Waited { task, causes });
        }
        ledger.expect_end(node, now + Span(self.running.job(job).estimate_us));
        let slot = self.running.start(task, job, node, 1, gpus);
        self.running.begin(ledger, slot, now);
        decisions.push(Decision::Place { task, node, count: 1, gpus, more: false });
        if let Some(reserving) = &mut self.reserving {
            reserving.adopted(ledger, &mut self.running, slot, now);
        }
        self.ruled.started(job, now);
        self.note_use(now, job, 1);
    }

    fn queue_again(&mut self, ledger: &Ledger, task: TaskId, bound: &Bound) {
        let job = self.running.job(bound.job);
        let (shape, members, key) = (job.shape, job.members, job.key);
        let entry = WaitingEntry { key, task: task.0, count: 1, job: bound.job, since: bound.due };
        self.wait(ledger, shape, members, entry);
        self.stirred = true;
    }
}
