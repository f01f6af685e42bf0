//! The batch framework: a queue, a placement policy, and the retries of what was lost.
//!
//! Services go the same way: a replica that ends is queued again under its old place in the order.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::running::Running;
use crate::cause::Cause;
use crate::config::{Config, HeadOfLine, Instant, Unplaceable};
use crate::decision::Decision;
use crate::event::{Ending, Event, GpuSet, JobKind, JobSpec, Loss};
use crate::id::{NodeId, TaskId};
use crate::index::{Asked, Place};
use crate::ledger::{Ledger, Shape};
use crate::queue::{ClassId, Queue, Waiting, WaitingEntry};
use crate::time::{Span, Time};
use crate::{Step, Work};

/// One framework that is offered everything in its ledger.
pub struct Batch {
    config: Config,
    queue: Queue,
    place: Box<dyn Place>,
    waiting: Waiting,
    running: Running,
    /// Nodes with more room than at the last pass.
    grown: Vec<NodeId>,
    /// Strict order: the class of the job that holds up the queue.
    blocked: Option<ClassId>,
    /// Whether anything happened since the last pass that could let a task start.
    stirred: bool,
}

impl Clone for Batch {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            queue: self.queue,
            place: self.place.copy(),
            waiting: self.waiting.clone(),
            running: self.running.clone(),
            grown: self.grown.clone(),
            blocked: self.blocked,
            stirred: self.stirred,
        }
    }
}

impl Batch {
    /// A framework without jobs.
    #[must_use]
    pub fn new(config: Config, queue: Queue, place: Box<dyn Place>) -> Self {
        Self {
            config,
            queue,
            place,
            waiting: Waiting::default(),
            running: Running::default(),
            grown: Vec::new(),
            blocked: None,
            stirred: false,
        }
    }

    /// Behaves differently from now on; running and waiting tasks stay. Jobs that wait keep the place they had.
    pub fn reconfigure(&mut self, config: Config, queue: Queue, place: Box<dyn Place>) {
        self.config = config;
        self.queue = queue;
        self.place = place;
        self.wake_all();
    }

    /// Something may fit now that did not before, and nobody knows what.
    pub fn wake_all(&mut self) {
        self.waiting.wake_all();
        self.blocked = None;
        self.stirred = true;
    }

    /// Takes one fact in. Nothing is decided before [`Batch::pass`].
    pub fn hear(&mut self, ledger: &mut Ledger, now: Time, event: &Event) {
        match event {
            Event::JobSubmitted(spec) if spec.count > 0 => self.submit(ledger, now, spec),
            Event::TaskAdopted { spec, node, gpus } => self.adopt(ledger, spec, *node, *gpus),
            Event::TaskEnded { task, ending } => self.end(ledger, now, *task, *ending),
            _ => {}
        }
    }

    fn submit(&mut self, ledger: &mut Ledger, now: Time, spec: &JobSpec) {
        let key = (self.queue.key)(spec);
        let live = if spec.kind == JobKind::Gang { 1 } else { spec.count };
        let job = self.running.add_job(ledger, spec, key, live);
        let (shape, members) = {
            let job = self.running.job(job);
            (job.shape, job.members)
        };
        self.waiting.add(shape, members, WaitingEntry { key, task: spec.first_task.0, count: live, job, since: now });
        self.stirred = true;
    }

    fn adopt(&mut self, ledger: &mut Ledger, spec: &JobSpec, node: NodeId, gpus: GpuSet) {
        let key = (self.queue.key)(spec);
        let job = self.running.add_job(ledger, spec, key, 1);
        let shape = *ledger.shapes().shape(self.running.job(job).shape);
        let count = spec.count.max(1);
        let slot = self.running.start(spec.first_task, job, node, count, gpus);
        if !ledger.take(&shape, node, count, gpus) {
            // It runs where we believed there was no room: it holds nothing that we could hand out.
            self.running.disown(slot);
        }
    }

    fn end(&mut self, ledger: &mut Ledger, now: Time, id: TaskId, ending: Ending) {
        let Some(slot) = self.running.find(id) else { return };
        self.running.release(ledger, slot, &mut self.grown);
        self.stirred = true;
        let task = self.running.remove(slot);
        let job = self.running.job(task.job);
        let again = match (job.kind, ending) {
            (_, Ending::Killed) => false,
            (JobKind::Service, _) => true,
            (_, Ending::Lost) => job.loss == Loss::Rerun,
            _ => false,
        };
        if again {
            let entry = WaitingEntry { key: job.key, task: id.0, count: 1, job: task.job, since: now };
            self.waiting.add(job.shape, job.members, entry);
        } else {
            self.running.end_tasks(ledger, task.job, 1);
        }
    }

    /// Decides, after all facts of the instant are taken in.
    pub fn pass(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        let mut step = Step::default();
        if self.config.instant == Instant::PerEvent {
            self.running.release_due(ledger, now, &mut self.grown);
        }
        if let Some(wait) = self.until_tick(now) {
            step.wake = (self.waiting.tasks() > 0 && (self.stirred || !self.grown.is_empty())).then(|| now + wait);
            return step;
        }
        if !self.stirred && self.grown.is_empty() {
            return step;
        }
        self.stirred = false;
        self.look_at_grown(ledger);
        while let Some((class, entry)) = self.waiting.first() {
            if self.blocked == Some(class) {
                break;
            }
            step.work.jobs += 1;
            self.waiting.let_go(class, now);
            if !self.serve(ledger, now, class, entry, decisions, &mut step.work) {
                break;
            }
        }
        step
    }

    /// How long it is until the next pass may be made; None if now. Periodic passes fall on multiples of the interval.
    fn until_tick(&self, now: Time) -> Option<Span> {
        let interval = self.config.interval.0;
        let past = now.0.checked_rem(interval)?;
        (past != 0).then(|| Span(interval - past))
    }

    /// A node joined or came back.
    pub fn grew(&mut self, node: NodeId) {
        self.grown.push(node);
    }

    /// Brings back what the nodes with more room could serve.
    fn look_at_grown(&mut self, ledger: &Ledger) {
        for at in 0..self.grown.len() {
            let node = self.grown[at];
            if self.waiting.has_parked() {
                self.waiting.wake_for(ledger, node);
            }
            if let Some(class) = self.blocked
                && ledger.fits(ledger.shapes().shape(self.waiting.needs(class).0), node)
            {
                self.blocked = None;
            }
        }
        self.grown.clear();
    }

    /// Tries the first entry of a class, as many tasks of it as fit; false if nobody may be tried after it.
    fn serve(
        &mut self,
        ledger: &mut Ledger,
        now: Time,
        class: ClassId,
        entry: WaitingEntry,
        decisions: &mut Vec<Decision>,
        work: &mut Work,
    ) -> bool {
        let (shape_id, members) = self.waiting.needs(class);
        let shape = *ledger.shapes().shape(shape_id);
        let asked = Asked { task: TaskId(entry.task), shape: shape_id };
        let waited = now > entry.since;
        if waited {
            self.say_waited(now, class, asked.task, decisions);
        }
        let placed = if members == 0 {
            self.place_one(ledger, &shape, asked, entry.job, decisions, work)
        } else {
            self.place_gang(ledger, &shape, asked, entry.job, members, decisions, work)
        };
        if placed {
            work.tasks += u64::from(members.max(1));
            let estimate_us = self.running.job(entry.job).estimate_us;
            if self.config.instant == Instant::PerEvent && estimate_us != u64::MAX {
                self.running.expect(now + Span(estimate_us), asked.task);
            }
            self.waiting.take(class, 1);
            // A later job of higher rank may have come to the head: what blocked before is looked at anew.
            self.blocked = None;
            return true;
        }
        if waited {
            decisions.pop();
        }
        self.defer(ledger, now, class, entry, decisions, work)
    }

    /// Says where the wait of a task went that is about to be tried.
    fn say_waited(&mut self, now: Time, class: ClassId, task: TaskId, decisions: &mut Vec<Decision>) {
        let rest = match self.config.head_of_line {
            HeadOfLine::Block => Cause::HeadOfLine,
            HeadOfLine::Skip => Cause::Decision,
        };
        let causes = self.waiting.waited(class, now, rest);
        decisions.push(Decision::Waited { task, causes });
    }

    /// The first entry of a class fits nowhere; false if nobody may be tried after it.
    fn defer(
        &mut self,
        ledger: &mut Ledger,
        now: Time,
        class: ClassId,
        entry: WaitingEntry,
        decisions: &mut Vec<Decision>,
        work: &mut Work,
    ) -> bool {
        let (shape_id, members) = self.waiting.needs(class);
        let shape = *ledger.shapes().shape(shape_id);
        if self.config.explain {
            let job = self.running.job(entry.job).id;
            decisions.push(Decision::Defer { job, vetoes: ledger.vetoes(&shape) });
        }
        match (self.config.unplaceable, self.config.head_of_line) {
            (Unplaceable::Reject, _) => {
                decisions.push(Decision::Reject { task: TaskId(entry.task), count: members.max(entry.count) });
                work.tasks += u64::from(members.max(entry.count));
                self.waiting.take(class, entry.count);
                self.running.end_tasks(ledger, entry.job, entry.count);
                true
            }
            (Unplaceable::Wait, HeadOfLine::Skip) => {
                self.waiting.hold(class, now, self.cause(ledger, class, &shape));
                self.waiting.park(ledger, class);
                true
            }
            (Unplaceable::Wait, HeadOfLine::Block) => {
                self.waiting.hold(class, now, self.cause(ledger, class, &shape));
                self.blocked = Some(class);
                false
            }
        }
    }

    /// Why a class cannot be served now.
    fn cause(&self, ledger: &Ledger, class: ClassId, shape: &Shape) -> Cause {
        let (_, members) = self.waiting.needs(class);
        let wanted = self.waiting.tasks_of(class).saturating_mul(u64::from(members.max(1)));
        if !ledger.has_room_in_all(shape, wanted) {
            Cause::Capacity
        } else if shape.constraints.is_some() && ledger.fits_without_constraints(shape) {
            Cause::Constraint
        } else if members > 1 {
            Cause::Gang
        } else {
            Cause::Fragmentation
        }
    }

    fn place_one(
        &mut self,
        ledger: &mut Ledger,
        shape: &Shape,
        asked: Asked,
        job: u32,
        decisions: &mut Vec<Decision>,
        work: &mut Work,
    ) -> bool {
        let Some(node) = self.place.place(ledger, asked, &mut work.nodes) else { return false };
        let gpus = self.devices(ledger, shape, node);
        if !ledger.take(shape, node, 1, gpus) {
            return false;
        }
        self.running.start(asked.task, job, node, 1, gpus);
        decisions.push(Decision::Place { task: asked.task, node, count: 1, gpus, more: false });
        true
    }

    fn devices(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> GpuSet {
        if shape.gpu.count == 0 { GpuSet::NONE } else { self.place.devices(ledger, shape, node) }
    }

    /// All members or none: what was taken for the first ones is given back if the last one finds no room.
    #[expect(clippy::too_many_arguments, reason = "the same as for one task, and the size of the gang")]
    fn place_gang(
        &mut self,
        ledger: &mut Ledger,
        shape: &Shape,
        asked: Asked,
        job: u32,
        members: u32,
        decisions: &mut Vec<Decision>,
        work: &mut Work,
    ) -> bool {
        if !ledger.has_room_in_all(shape, u64::from(members)) {
            return false;
        }
        let begin = decisions.len();
        let mut left = members;
        while left > 0 {
            let Some(node) = self.place.place(ledger, asked, &mut work.nodes) else {
                self.give_back(ledger, shape, begin, decisions);
                return false;
            };
            let gpus = self.devices(ledger, shape, node);
            // A policy that fills would choose this node again until it is full.
            let many = self.place.is_sticky() && shape.gpu.count == 0;
            let count = if many { shape.request.times_in(ledger.node(node).free).clamp(1, left) } else { 1 };
            if !ledger.take(shape, node, count, gpus) {
                self.give_back(ledger, shape, begin, decisions);
                return false;
            }
            left -= count;
            match decisions[begin..].last_mut() {
                Some(Decision::Place { node: last, count: on_last, gpus: GpuSet::NONE, .. })
                    if *last == node && gpus == GpuSet::NONE =>
                {
                    *on_last += count;
                }
                _ => decisions.push(Decision::Place { task: asked.task, node, count, gpus, more: true }),
            }
        }
        let mut slot = None;
        for decision in &decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                match slot {
                    None => slot = Some(self.running.start(asked.task, job, node, count, gpus)),
                    Some(slot) => self.running.spread(slot, node, count, gpus),
                }
            }
        }
        if let Some(Decision::Place { more, .. }) = decisions.last_mut() {
            *more = false;
        }
        true
    }

    fn give_back(&mut self, ledger: &mut Ledger, shape: &Shape, begin: usize, decisions: &mut Vec<Decision>) {
        for decision in &decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                ledger.release(shape, node, count, gpus);
            }
        }
        decisions.truncate(begin);
    }

    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.tasks()
    }
}
