//! The books of one framework on its jobs and on the tasks that hold room.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hint::black_box;

use super::guests::Guests;
use crate::event::{GpuSet, JobKind, JobSpec, Loss, Retry};
use crate::id::{JobId, NodeId, TaskId};
use crate::index::Place;
use crate::ledger::{Ledger, ShapeId};
use crate::paged::PagedMap;
use crate::partition::Terms;
use crate::preemption::{Tenant, Tenants};
use crate::queue::Waiter;
use crate::slab::Slab;
use crate::time::Time;

const NONE: u32 = u32::MAX;

/// At most so many tasks are fetched together.
pub const FETCHED_MOST: usize = 64;

/// A job with tasks that wait or run. What every start and every end asks for fills one line of the cache, and comes
/// first.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Job {
    /// What its tasks need.
    pub shape: ShapeId,
    /// Its id.
    pub id: JobId,
    /// Its place in the queue order.
    pub key: u64,
    /// How long a task is believed to run, in microseconds; `u64::MAX` if nobody said.
    pub estimate_us: u64,
    /// Tasks that wait or run; a gang counts as one.
    pub live: u32,
    /// Members of a gang; 0 for tasks on their own.
    pub members: u32,
    /// Tasks that run and were not told to leave.
    pub up: u32,
    /// What kind of work.
    pub kind: JobKind,
    /// What becomes of a task whose machine dies.
    pub loss: Loss,
    /// Whether no other task may push its tasks out.
    pub protected: bool,
    /// How many of its tasks may be missing at once because they were made to leave.
    pub disruption: Option<u32>,
    /// What the order of the queue may know of it.
    pub waiter: Waiter,
    /// On what terms it was handed in.
    pub terms: Terms,
    /// How often and how soon it is tried again when its machine dies.
    pub retry: Retry,
}

/// A task that holds room. One line of the cache: at its end that is fetched from afar.
#[derive(Clone, Copy)]
#[repr(align(64))]
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
    /// Its room was given back before its end was heard of: at the end of its estimate, or to whom it makes room for.
    released: bool,
    /// It was told to leave.
    pub leaving: bool,
    /// It was heard to run.
    pub reported: bool,
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
    /// Who may be made to leave, where anybody may.
    pub(super) tenants: Option<Tenants>,
    /// More of a job's tasks are up than before, so that others of it may be made to leave, where its budget let none.
    pub(super) spares: bool,
    /// The tasks of others among them.
    pub(super) guests: Guests,
    /// How many tasks wait or run by the slot of their shape, members of gangs one by one, where anybody asks.
    live: Option<Vec<(ShapeId, u64)>>,
}

impl Running {
    /// Stores a job with `live` tasks (a gang counts as one); its shape is counted as used by it.
    pub fn add_job(&mut self, ledger: &mut Ledger, spec: &JobSpec, waiter: Waiter, key: u64, live: u32) -> u32 {
        let is_gang = spec.kind == JobKind::Gang;
        let shape = ledger.shape_of(spec);
        if let Some(counts) = &mut self.live {
            let slot = shape.slot as usize;
            counts.resize(counts.len().max(slot + 1), (shape, 0));
            let before = counts[slot].1;
            counts[slot] = (shape, before + u64::from(live) * if is_gang { u64::from(spec.count) } else { 1 });
        }
        self.jobs.insert(Job {
            id: spec.job,
            shape,
            kind: spec.kind,
            loss: spec.loss,
            retry: spec.retry,
            members: if is_gang { spec.count } else { 0 },
            live,
            key,
            estimate_us: spec.estimate.map_or(u64::MAX, |estimate| estimate.0),
            waiter,
            terms: spec.terms,
            up: 0,
            protected: spec.protected,
            disruption: spec.disruption,
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
        // Who is over is not missing.
        self.spares |= job.disruption.is_some() && self.tenants.is_some();
        if let Some(counts) = &mut self.live {
            counts[job.shape.slot as usize].1 -= u64::from(count) * u64::from(job.members.max(1));
        }
        if job.live == 0 {
            ledger.forget_shape(job.shape);
            self.jobs.free(slot);
        }
    }

    /// From now on it is counted how many tasks there are of each shape. To be called before any job is stored.
    pub fn count_live(&mut self) {
        self.live.get_or_insert_default();
    }

    /// How many tasks wait or run of each shape that has some; members of gangs one by one.
    pub fn live(&self) -> impl Iterator<Item = (ShapeId, u64)> {
        self.live.iter().flatten().copied().filter(|&(_, count)| count > 0)
    }

    /// A task holds room on one node.
    pub fn start(&mut self, id: TaskId, job: u32, node: NodeId, count: u32, gpus: GpuSet) -> u32 {
        self.starts += 1;
        let (rest, released, leaving, reported) = (NONE, false, false, false);
        let (due, started, sequence) = (Time::NEVER, Time::ZERO, self.starts);
        let task =
            RunningTask { id, job, node, count, gpus, rest, released, leaving, reported, due, started, sequence };
        let slot = self.tasks.insert(task);
        self.of_id.insert(id.0, slot);
        self.is_up(job);
        slot
    }

    /// From now on it is known who may be made to leave.
    pub fn watch_tenants(&mut self, ledger: &Ledger) {
        self.tenants = Some(Tenants::default());
        let slots: Vec<u32> = self.slots().collect();
        for slot in slots {
            self.settle_in(ledger, slot);
        }
    }

    /// From now on it is not.
    pub fn forget_tenants(&mut self) {
        self.tenants = None;
        self.forget_guests();
    }

    /// Who may be made to leave, by node; None where nobody may.
    #[must_use]
    pub fn tenants(&self) -> Option<&Tenants> {
        self.tenants.as_ref()
    }

    /// A task has started at `now`, on all of its nodes: it may be made to leave.
    #[inline]
    pub fn begin(&mut self, ledger: &Ledger, slot: u32, now: Time) {
        // Others may push it out even where nobody here does.
        self.tasks[slot].started = now;
        if self.tenants.is_some() {
            self.settle_in(ledger, slot);
        }
    }

    /// A task that was to leave may stay.
    pub fn settle_again(&mut self, ledger: &Ledger, slot: u32) {
        self.settle_in(ledger, slot);
    }

    fn settle_in(&mut self, ledger: &Ledger, slot: u32) {
        let (task, job) = (self.tasks[slot], &self.jobs[self.tasks[slot].job]);
        if self.tenants.is_none() || task.released || task.leaving || job.protected {
            return;
        }
        let shape = *ledger.shapes().shape(job.shape);
        let share = ledger.scale().share(&shape.request).saturating_mul(u64::from(job.members.max(1)));
        let (priority, started, budgeted) = (job.waiter.priority, task.started, job.disruption.is_some());
        let parts: Vec<(NodeId, u32, GpuSet)> = self.parts(slot).collect();
        let Some(tenants) = &mut self.tenants else { return };
        for (node, count, gpus) in parts {
            let room = shape.request.checked_mul(count).unwrap_or(shape.request);
            let milli = shape.gpu.milli;
            tenants.add(node, Tenant { task: task.id, slot, priority, room, gpus, milli, started, share, budgeted });
        }
    }

    /// Nobody counts on this task's room any more.
    pub fn move_out(&mut self, slot: u32) {
        let Some(mut tenants) = self.tenants.take() else { return };
        for (node, ..) in self.parts(slot) {
            tenants.remove(node, slot);
        }
        self.tenants = Some(tenants);
    }

    /// The parts of a task: node, members there, devices.
    pub fn parts(&self, slot: u32) -> impl Iterator<Item = (NodeId, u32, GpuSet)> + '_ {
        let task = &self.tasks[slot];
        let mut at = task.rest;
        let rest = core::iter::from_fn(move || {
            let part = (at != NONE).then(|| self.parts[at])?;
            at = part.next;
            Some((part.node, part.count, part.gpus))
        });
        core::iter::once((task.node, task.count, task.gpus)).chain(rest)
    }

    /// The task was told to leave, or may stay after all.
    pub fn set_leaving(&mut self, slot: u32, leaving: bool) {
        let task = &mut self.tasks[slot];
        if core::mem::replace(&mut task.leaving, leaving) != leaving {
            let job = task.job;
            if leaving {
                self.jobs[job].up = self.jobs[job].up.saturating_sub(1);
            } else {
                self.is_up(job);
            }
        }
    }

    /// One more task of a job is up.
    fn is_up(&mut self, job: u32) {
        let job = &mut self.jobs[job];
        job.up += 1;
        self.spares |= job.disruption.is_some() && self.tenants.is_some();
    }

    /// True if, since this was last asked, a budget may have come to let somebody go.
    pub fn has_come_to_spare(&mut self) -> bool {
        core::mem::take(&mut self.spares)
    }

    /// The task holds no room of ours from now on, although it runs; its nodes are in others' books.
    pub fn cede(&mut self, slot: u32) {
        let mut at = self.tasks[slot].rest;
        while at != NONE {
            let next = self.parts[at].next;
            self.parts.free(at);
            at = next;
        }
        (self.tasks[slot].rest, self.tasks[slot].released) = (NONE, true);
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

    /// Looks at what the ends of at most `FETCHED_MOST` tasks will ask for, the same step for all of them at a time:
    /// one step tells where the next has to look, and what a step looks at arrives together.
    pub fn fetch(&self, ledger: &Ledger, place: &dyn Place, ids: &[TaskId]) {
        let mut slots = [NONE; FETCHED_MOST];
        for (slot, &id) in slots.iter_mut().zip(ids) {
            *slot = self.of_id.find(id.0).unwrap_or(NONE);
        }
        let mut places = [(NONE, NodeId(0)); FETCHED_MOST];
        for (place, &slot) in places.iter_mut().zip(&slots).filter(|(_, slot)| **slot != NONE) {
            *place = (self.tasks[slot].job, self.tasks[slot].node);
        }
        let mut seen = 0;
        for &(job, node) in places.iter().filter(|(job, _)| *job != NONE) {
            seen ^= self.jobs[job].key ^ ledger.fetch(node) ^ place.fetch(node);
        }
        black_box(seen);
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

    /// The room of the task, which was somebody else's, is its own now.
    pub fn own(&mut self, ledger: &Ledger, slot: u32) {
        self.tasks[slot].released = false;
        self.settle_in(ledger, slot);
    }

    /// The task is believed to end at `due`.
    pub fn set_due(&mut self, slot: u32, due: Time) {
        self.tasks[slot].due = due;
    }

    /// The task is known to others as the one that began at `started`.
    pub fn set_started(&mut self, slot: u32, started: Time) {
        self.tasks[slot].started = started;
    }

    /// The task was heard to run.
    pub fn set_reported(&mut self, slot: u32) {
        self.tasks[slot].reported = true;
    }

    /// The task holds no room of ours after all.
    pub fn disown(&mut self, slot: u32) {
        self.move_out(slot);
        self.tasks[slot].released = true;
    }

    /// Gives a task's room back and notes the nodes in `grown`.
    pub fn release(&mut self, ledger: &mut Ledger, slot: u32, grown: &mut Vec<NodeId>) {
        let task = self.tasks[slot];
        if task.released {
            return;
        }
        self.move_out(slot);
        self.tasks[slot].released = true;
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

    /// A node comes back empty, though tasks are still believed to be on it: a gang that lost a member there, and of
    /// whose end nobody has heard. What they held there is theirs no longer, and nobody counts on their room.
    pub fn leave_behind(&mut self, ledger: &mut Ledger, node: NodeId) {
        let stale: Vec<u32> = self.slots().filter(|&slot| self.parts(slot).any(|(at, ..)| at == node)).collect();
        for slot in stale {
            self.move_out(slot);
            if self.tasks[slot].released {
                continue;
            }
            let shape = *ledger.shapes().shape(self.jobs[self.tasks[slot].job].shape);
            let mut empty = |at: NodeId, count: &mut u32, gpus: &mut GpuSet| {
                if at == node {
                    ledger.release(&shape, at, core::mem::take(count), core::mem::replace(gpus, GpuSet::NONE));
                }
            };
            let task = &mut self.tasks[slot];
            empty(task.node, &mut task.count, &mut task.gpus);
            let mut at = task.rest;
            while at != NONE {
                let part = &mut self.parts[at];
                empty(part.node, &mut part.count, &mut part.gpus);
                at = part.next;
            }
        }
    }

    /// Forgets a task whose room was given back.
    pub fn remove(&mut self, slot: u32) -> RunningTask {
        let task = self.tasks[slot];
        self.set_leaving(slot, true);
        if task.rest != NONE {
            self.cede(slot);
        }
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
