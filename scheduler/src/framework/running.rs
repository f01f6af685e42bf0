//! The books of one framework on its jobs and on the tasks that hold room.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::event::{GpuSet, JobKind, JobSpec, Loss};
use crate::id::{JobId, NodeId, TaskId};
use crate::ledger::{Ledger, ShapeId};
use crate::paged::PagedMap;
use crate::partition::Terms;
use crate::queue::Waiter;
use crate::slab::Slab;
use crate::time::Time;

const NONE: u32 = u32::MAX;

/// A job with tasks that wait or run.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What its tasks need.
    pub shape: ShapeId,
    /// What kind of work.
    pub kind: JobKind,
    /// What becomes of a task whose machine dies.
    pub loss: Loss,
    /// Members of a gang; 0 for tasks on their own.
    pub members: u32,
    /// Tasks that wait or run; a gang counts as one.
    pub live: u32,
    /// Its place in the queue order.
    pub key: u64,
    /// How long a task is believed to run, in microseconds; `u64::MAX` if nobody said.
    pub estimate_us: u64,
    /// What the order of the queue may know of it.
    pub waiter: Waiter,
    /// On what terms it was handed in.
    pub terms: Terms,
}

/// A task that holds room.
#[derive(Clone, Copy)]
pub struct RunningTask {
    /// Its id.
    pub id: TaskId,
    /// The slot of its job.
    pub job: u32,
    /// Where, unless it is a gang that spreads.
    pub node: NodeId,
    /// Members on that node.
    pub count: u32,
    /// Which devices.
    pub gpus: GpuSet,
    /// The first of the further parts of a gang that spreads.
    rest: u32,
    /// Its room was given back at the end of its estimate, before its end was heard of.
    released: bool,
    /// When it is believed to end, where that is kept: an earlier attempt of the same task had another instant.
    pub due: Time,
    /// When it started.
    pub started: Time,
    /// The order of starts.
    pub sequence: u64,
}

impl RunningTask {
    /// True if it holds no room of ours (any more).
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released
    }
}

/// A part of a gang on one further node.
#[derive(Clone, Copy)]
struct Part {
    node: NodeId,
    count: u32,
    gpus: GpuSet,
    next: u32,
}

/// All jobs and all tasks that hold room.
#[derive(Clone, Default)]
pub struct Running {
    jobs: Slab<Job>,
    tasks: Slab<RunningTask>,
    parts: Slab<Part>,
    of_id: PagedMap,
    /// Ends by estimate, kept only where the configuration trusts them.
    due: BinaryHeap<Reverse<(Time, TaskId)>>,
    starts: u64,
}

impl Running {
    /// Stores a job with `live` tasks (a gang counts as one); its shape is counted as used by it.
    pub fn add_job(&mut self, ledger: &mut Ledger, spec: &JobSpec, waiter: Waiter, key: u64, live: u32) -> u32 {
        let is_gang = spec.kind == JobKind::Gang;
        self.jobs.insert(Job {
            id: spec.job,
            shape: ledger.shape_of(spec),
            kind: spec.kind,
            loss: spec.loss,
            members: if is_gang { spec.count } else { 0 },
            live,
            key,
            estimate_us: spec.estimate.map_or(u64::MAX, |estimate| estimate.0),
            waiter,
            terms: spec.terms,
        })
    }

    /// The job in a slot.
    #[must_use]
    pub fn job(&self, slot: u32) -> &Job {
        &self.jobs[slot]
    }

    /// `count` tasks of a job are over for good; the job is forgotten with its last one.
    pub fn end_tasks(&mut self, ledger: &mut Ledger, slot: u32, count: u32) {
        let job = &mut self.jobs[slot];
        job.live -= count;
        if job.live == 0 {
            ledger.forget_shape(job.shape);
            self.jobs.free(slot);
        }
    }

    /// A task holds room on one node.
    pub fn start(&mut self, id: TaskId, job: u32, node: NodeId, count: u32, gpus: GpuSet) -> u32 {
        self.starts += 1;
        let (rest, released, due, started, sequence) = (NONE, false, Time::NEVER, Time::ZERO, self.starts);
        let slot =
            self.tasks.insert(RunningTask { id, job, node, count, gpus, rest, released, due, started, sequence });
        self.of_id.insert(id.0, slot);
        slot
    }

    /// The task, started before, holds room on one more node.
    pub fn spread(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet) {
        let next = self.tasks[slot].rest;
        self.tasks[slot].rest = self.parts.insert(Part { node, count, gpus, next });
    }

    /// The slot of a task that holds room.
    #[must_use]
    pub fn find(&self, id: TaskId) -> Option<u32> {
        self.of_id.find(id.0)
    }

    /// The task in a slot.
    #[must_use]
    pub fn task(&self, slot: u32) -> &RunningTask {
        &self.tasks[slot]
    }

    /// Where the members of a task are that holds room, and how many on each node.
    pub fn places(&self, slot: u32) -> impl Iterator<Item = (NodeId, u32)> {
        let task = &self.tasks[slot];
        let mut next = task.rest;
        let rest = core::iter::from_fn(move || {
            let part = (next != NONE).then(|| self.parts[next])?;
            next = part.next;
            Some((part.node, part.count))
        });
        core::iter::once((task.node, task.count)).chain(rest)
    }

    /// How many tasks hold room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// True if no task holds room.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The task holds no room of ours after all.
    pub fn disown(&mut self, slot: u32) {
        self.tasks[slot].released = true;
    }

    /// Gives a task's room back and notes the nodes in `grown`.
    pub fn release(&mut self, ledger: &mut Ledger, slot: u32, grown: &mut Vec<NodeId>) {
        let task = self.tasks[slot];
        if core::mem::replace(&mut self.tasks[slot].released, true) {
            return;
        }
        let shape = *ledger.shapes().shape(self.jobs[task.job].shape);
        ledger.release(&shape, task.node, task.count, task.gpus);
        grown.push(task.node);
        let mut at = task.rest;
        while at != NONE {
            let part = self.parts[at];
            ledger.release(&shape, part.node, part.count, part.gpus);
            grown.push(part.node);
            self.parts.free(at);
            at = part.next;
        }
        self.tasks[slot].rest = NONE;
    }

    /// Forgets a task whose room was given back.
    pub fn remove(&mut self, slot: u32) -> RunningTask {
        let task = self.tasks[slot];
        self.of_id.remove(task.id.0);
        self.tasks.free(slot);
        task
    }

    /// A task that holds room started at `started` and is believed to end at `end`; nobody is told when that is over.
    pub fn believe(&mut self, id: TaskId, started: Time, end: Time) {
        if let Some(slot) = self.find(id) {
            (self.tasks[slot].started, self.tasks[slot].due) = (started, end);
        }
    }

    /// The next task that still holds room although it was believed to end by `now`; it is not told again.
    pub fn overdue(&mut self, now: Time) -> Option<u32> {
        while let Some(&Reverse((end, id))) = self.due.peek()
            && end <= now
        {
            self.due.pop();
            let slot = self.find(id).filter(|&slot| self.tasks[slot].due == end && !self.tasks[slot].released);
            if slot.is_some() {
                return slot;
            }
        }
        None
    }

    /// The slots of all tasks that hold room, by id.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.of_id.iter().map(|(_, slot)| slot)
    }

    /// Remembers that a task that holds room is believed to end at `end`.
    pub fn expect(&mut self, end: Time, id: TaskId) {
        if let Some(slot) = self.find(id) {
            self.tasks[slot].due = end;
            self.due.push(Reverse((end, id)));
        }
    }

    /// Gives back the room of every task whose estimate has run out by `now`.
    pub fn release_due(&mut self, ledger: &mut Ledger, now: Time, grown: &mut Vec<NodeId>) {
        while let Some(&Reverse((end, id))) = self.due.peek() {
            if end > now {
                return;
            }
            self.due.pop();
            if let Some(slot) = self.find(id)
                && self.tasks[slot].due == end
            {
                self.release(ledger, slot, grown);
            }
        }
    }
}
