//! The batch framework: a queue, a placement policy, and the retries of what was lost.
//!
//! Services go the same way: a replica that ends is queued again under its old place in the order.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::pass::{Beliefs, Pass, Wish};
use super::preempting::{Nominee, Preempting};
use super::reserving::{Reserving, Turn};
use super::resident::Residents;
use super::retries::{Pausing, Retries};
use super::rules::Ruled;
use super::running::{self, Running};
use super::tries::Tries;
use super::upgrading::Upgrades;
use crate::Step;
use crate::backfill::{Fill, Item, Rules, times};
use crate::config::{Architecture, Config, Instant};
use crate::decision::Decision;
use crate::event::{Ending, Event, GpuSet, JobKind, JobSpec, NodeSpec};
use crate::hint::{rare, rarely};
use crate::id::{JobId, NodeId, RoleId, TaskId};
use crate::index::Place;
use crate::ledger::{Ledger, Shape, ShapeId};
use crate::preemption::Manner;
use crate::queue::{ClassId, Order, Sight, UNRANKED, Waiting, WaitingEntry};
use crate::resources::Resources;
use crate::time::{Span, Time};

/// The policies that a framework follows.
pub struct Policies {
    /// Which waiting job is tried next.
    pub order: Box<dyn Order>,
    /// Which node a task goes to.
    pub place: Box<dyn Place>,
    /// Who may pass a head that holds a reservation; none if no head does.
    pub fill: Option<Box<dyn Fill>>,
    /// How others make room for a task; none if nobody does.
    pub preemption: Option<Manner>,
}

/// As much of everything as can be.
const ROOMIEST: Resources = Resources([u32::MAX; crate::resources::LANES]);

/// One framework that is offered everything in its ledger.
pub struct Batch {
    config: Config,
    order: Box<dyn Order>,
    place: Box<dyn Place>,
    /// Who waits, where nobody holds a reservation.
    pub(super) waiting: Waiting,
    /// Who waits, where some do.
    pub(super) reserving: Option<Reserving>,
    pub(super) running: Running,
    /// Who waits for others to leave, where anybody makes room.
    pub(super) preempting: Option<Preempting>,
    pub(super) retries: Retries,
    /// What single jobs are held to.
    pub(super) ruled: Ruled,
    /// Who waits for its own node.
    pub(super) residents: Residents,
    /// What becomes of services that are upgraded.
    pub(super) upgrades: Upgrades,
    /// Nodes with more room than at the last pass.
    pub(super) grown: Vec<NodeId>,
    /// Strict order: the class of the job that holds up the queue.
    pub(super) blocked: Option<ClassId>,
    /// Whether anything happened since the last pass that could let a task start.
    pub(super) stirred: bool,
    /// Jobs that may not be handed in on their terms, and tasks that are no longer wanted, to be given up in the next
    /// pass: the first task and how many.
    pub(super) refused: Vec<(TaskId, u32)>,
}

impl Clone for Batch {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            order: self.order.copy(),
            place: self.place.copy(),
            waiting: self.waiting.clone(),
            reserving: self.reserving.clone(),
            running: self.running.clone(),
            preempting: self.preempting.clone(),
            retries: self.retries.clone(),
            ruled: self.ruled.clone(),
            residents: self.residents.clone(),
            upgrades: self.upgrades.clone(),
            grown: self.grown.clone(),
            blocked: self.blocked,
            stirred: self.stirred,
            refused: self.refused.clone(),
        }
    }
}

impl Batch {
    /// A framework without jobs.
    #[must_use]
    pub fn new(config: Config, policies: Policies) -> Self {
        Self {
            order: policies.order,
            place: policies.place,
            waiting: Waiting::default(),
            reserving: policies.fill.map(|fill| Reserving::new(fill, Rules::new(&config))),
            config,
            running: Running::default(),
            preempting: None,
            retries: Retries::default(),
            ruled: Ruled::default(),
            residents: Residents::default(),
            upgrades: Upgrades::default(),
            grown: Vec::new(),
            blocked: None,
            stirred: false,
            refused: Vec::new(),
        }
        .preempting_by(&Ledger::default(), policies.preemption)
    }

    /// Others make room, or no longer do.
    fn preempting_by(mut self, ledger: &Ledger, manner: Option<Manner>) -> Self {
        self.set_preemption(ledger, manner);
        self
    }

    fn set_preemption(&mut self, ledger: &Ledger, manner: Option<Manner>) {
        match (manner, self.running.tenants().is_some()) {
            (Some(_), false) => self.running.watch_tenants(ledger),
            (None, true) => self.running.forget_tenants(),
            _ => {}
        }
        match &mut self.preempting {
            // Whoever is nominated stays so.
            Some(preempting) => preempting.set_manner(manner),
            None => {
                let asks = self.config.architecture == Architecture::SharedState;
                let is_offered = self.config.architecture == Architecture::TwoLevel;
                let patience = is_offered.then(|| Self::patience_of(self.config.habits.refuse));
                self.preempting = manner.map(|manner| Preempting::new(Some(manner), asks, patience));
            }
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The node as the ledger is to know it, if that is not as it is told.
    pub fn mark(&mut self, now: Time, spec: &NodeSpec) -> Option<NodeSpec> {
        self.reserving.as_mut()?.mark(now, spec)
    }

    /// Behaves differently from now on; running and waiting tasks stay. Jobs that wait keep the place they had, but
    /// not their reservations.
    pub fn reconfigure(&mut self, ledger: &mut Ledger, now: Time, config: Config, policies: Policies) {
        while let Some(turn) = self.reserving.as_mut().and_then(Reserving::next_event) {
            self.take_in(ledger, now, turn);
        }
        let (items, rules) = match self.reserving.take() {
            Some(reserving) => reserving.leave(),
            None if policies.fill.is_some() => (self.drain_waiting(ledger), None),
            None => (Vec::new(), None),
        };
        self.config = config;
        self.order = policies.order;
        self.place = policies.place;
        self.set_preemption(ledger, policies.preemption);
        self.reserving = policies.fill.map(|fill| Reserving::new(fill, rules));
        if let Some(reserving) = &mut self.reserving {
            reserving.begin(ledger, &mut self.running, now);
            for nominee in self.preempting.iter().flat_map(Preempting::nominees) {
                reserving.nominated(ledger, &self.running, nominee, now);
            }
        }
        for item in items {
            let entry =
                WaitingEntry { key: item.key, task: item.task, count: item.count, job: item.job, since: item.since };
            self.wait(ledger, item.shape, item.members, entry);
        }
        self.wake_all();
    }

    fn drain_waiting(&mut self, ledger: &Ledger) -> Vec<Item> {
        self.waiting.wake_all();
        let mut items = Vec::new();
        while let Some((class, entry)) = self.waiting.first() {
            let (shape, members) = self.waiting.needs(class);
            self.waiting.take(class, entry.count);
            items.push(self.item_of(ledger, shape, members, entry));
        }
        items
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
            Event::TaskAdopted { spec, node, gpus } => self.adopt(ledger, now, spec, *node, *gpus),
            Event::TaskEnded { task, ending } => self.hear_end(ledger, now, *task, *ending),
            Event::TasksWithdrawn { first, count } => self.withdraw(ledger, now, *first, *count),
            Event::TaskStarted { task } => self.hear_start(now, *task),
            Event::ServiceUpgraded(upgrade) => self.upgrade(ledger, now, upgrade),
            _ => {}
        }
    }

    fn submit(&mut self, ledger: &mut Ledger, now: Time, spec: &JobSpec) {
        let spec = &*self.config.settled(spec);
        let waiter = self.config.waiter(spec, now);
        if rarely(self.config.has_terms()) && !self.config.admits(&spec.terms, now, waiter.cpu_milli, spec.estimate) {
            self.refused.push((spec.first_task, spec.count));
            return;
        }
        let key = self.order.key(&waiter, &sight(ledger, now));
        let live = if spec.kind == JobKind::Gang { 1 } else { spec.count };
        let job = self.running.add_job(ledger, spec, waiter, key, live);
        if rarely(spec.rules.is_some() || !self.ruled.is_empty()) {
            self.ruled.admit(job, spec.job, spec.rules.as_ref());
        }
        let (shape, members) = {
            let job = self.running.job(job);
            (job.shape, job.members)
        };
        let entry = WaitingEntry { key, task: spec.first_task.0, count: live, job, since: now };
        self.wait(ledger, shape, members, entry);
        self.stirred = true;
    }

    /// Tasks join the queue, as soon as their service is not held back.
    pub(super) fn wait(&mut self, ledger: &Ledger, shape: ShapeId, members: u32, entry: WaitingEntry) {
        if rarely(!self.ruled.is_empty()) {
            let until = self.ruled.held_until(entry.job);
            if until > entry.since {
                return self.retries.hold_back(until, Pausing::new(shape, members, entry));
            }
        }
        if self.reserving.is_none() {
            let is_on = self.preempting.as_ref().is_some_and(Preempting::is_on);
            let rank = if is_on { self.running.job(entry.job).waiter.priority } else { UNRANKED };
            self.waiting.add(shape, members, rank, entry);
            return;
        }
        let item = self.item_of(ledger, shape, members, entry);
        if let Some(reserving) = &mut self.reserving {
            reserving.join(item);
        }
    }

    fn item_of(&self, ledger: &Ledger, shape: ShapeId, members: u32, entry: WaitingEntry) -> Item {
        let need = times(&ledger.shapes().shape(shape).request, members.max(1));
        let estimate_us = self.running.job(entry.job).estimate_us;
        Item {
            key: entry.key,
            task: entry.task,
            count: entry.count,
            job: entry.job,
            estimate_us,
            terms: self.running.job(entry.job).terms,
            ..Item::new(shape, members, need, entry.since)
        }
    }

    #[inline(never)] // Apart from what is heard all the time.
    fn adopt(&mut self, ledger: &mut Ledger, now: Time, spec: &JobSpec, node: NodeId, gpus: GpuSet) {
        // It may run in room that was made by an end which is put off.
        while let Some(turn) = self.reserving.as_mut().and_then(Reserving::next_event) {
            self.take_in(ledger, now, turn);
        }
        // One that was taken for lost, and about which nothing is done yet, goes on as what it was.
        let pausing = self.retries.unpause(spec.first_task).map(|pausing| pausing.entry.job);
        let known = pausing.or_else(|| self.unbind(ledger, spec.first_task));
        let job = known.unwrap_or_else(|| self.add_adopted(ledger, now, spec));
        let shape = *ledger.shapes().shape(self.running.job(job).shape);
        let count = spec.count.max(1);
        let slot = self.running.start(spec.first_task, job, node, count, gpus);
        if !ledger.take(&shape, node, count, gpus) {
            // It runs where we believed there was no room: it holds nothing that we could hand out.
            self.running.disown(slot);
        } else {
            ledger.expect_end(node, now + Span(self.running.job(job).estimate_us));
        }
        self.running.begin(ledger, slot, now);
        self.running.set_reported(slot);
        self.upgrades.adopted(spec.first_task);
        self.note_use(now, job, 1);
        if let Some(reserving) = &mut self.reserving {
            reserving.adopted(ledger, &mut self.running, slot, now);
        }
    }

    fn add_adopted(&mut self, ledger: &mut Ledger, now: Time, spec: &JobSpec) -> u32 {
        let spec = &*self.config.settled(spec);
        let waiter = self.config.waiter(spec, now);
        let key = self.order.key(&waiter, &sight(ledger, now));
        let job = self.running.add_job(ledger, spec, waiter, key, 1);
        if spec.rules.is_some() || !self.ruled.is_empty() {
            self.ruled.admit(job, spec.job, spec.rules.as_ref());
            self.ruled.adopted(job, spec.first_task);
        }
        job
    }

    fn hear_end(&mut self, ledger: &mut Ledger, now: Time, id: TaskId, ending: Ending) {
        let Some(slot) = self.running.find(id) else { return };
        self.stirred = true;
        let put_off = self.reserving.as_mut().is_some_and(|reserving| reserving.puts_off(&self.running, slot, ending));
        if !put_off {
            self.end(ledger, now, id, ending);
        }
    }

    fn end(&mut self, ledger: &mut Ledger, now: Time, id: TaskId, ending: Ending) {
        let Some(slot) = self.running.find(id) else { return };
        if let Some(reserving) = &mut self.reserving {
            reserving.ended(ledger, &self.running, slot, now);
        }
        self.note_use(now, self.running.task(slot).job, -1);
        self.running.release(ledger, slot, &mut self.grown);
        if let Some(preempting) = &mut self.preempting {
            preempting.left(ledger, now, id, &mut self.grown);
        }
        let task = self.running.remove(slot);
        let job = self.running.job(task.job);
        if let Some(layout) = rare(ledger.shapes().shape(job.shape).layout)
            && ledger.layouts().is_dynamic(layout)
        {
            // Where one task of a job left, another may go anywhere.
            for rank in [UNRANKED, job.waiter.priority] {
                self.waiting.wake(job.shape, job.members, rank);
            }
            self.blocked = None;
        }
        let (again, ending) = self.again_upgraded(ledger, now, &task, ending);
        if let Some(pause) = again {
            if !self.ruled.is_empty() && self.is_bound(ledger, id, task.node, task.job, ending) {
                self.bind(ledger, now, now + pause, id, (task.job, task.node, task.gpus));
                return;
            }
            let job = self.running.job(task.job);
            let (shape, members) = (job.shape, job.members);
            let key = if self.order.ages() { self.order.key(&job.waiter, &sight(ledger, now)) } else { job.key };
            let at = now + pause;
            // A pause that is its whole service's ends with that.
            let waits = pause == Span::ZERO || at <= self.ruled.held_until(task.job);
            let since = if waits { now } else { at };
            let entry = WaitingEntry { key, task: id.0, count: 1, job: task.job, since };
            if waits {
                self.wait(ledger, shape, members, entry);
            } else {
                self.retries.pause(at, Pausing::new(shape, members, entry));
            }
        } else {
            self.retries.forget(id);
            self.end_tasks(ledger, id, task.job);
        }
    }

    /// Decides, after all facts of the instant are taken in.
    pub fn pass(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        if self.has_nobody() {
            ledger.settle();
            self.grown.clear();
            (self.blocked, self.stirred) = (None, false);
            return Step::default();
        }
        for (task, count) in self.refused.drain(..) {
            decisions.push(Decision::Reject { task, count });
        }
        ledger.settle();
        while let Some(Pausing { shape, members, entry, .. }) = self.retries.next_due(now) {
            self.wait(ledger, shape, members, entry);
            self.stirred = true;
        }
        self.give_up_late(ledger, now, decisions);
        self.end_surplus(decisions, now);
        self.start_residents(ledger, now, decisions);
        let step = self.pass_now(ledger, now, decisions);
        // After whoever is to leave for others: those are named for the task that follows.
        self.roll(ledger, now, decisions);
        let rules = [self.ruled.wake(), self.residents.wake(now), self.upgrades.wake()];
        let wakes = [step.wake, self.retries.wake()].into_iter().chain(rules);
        let wake = wakes.flatten().min();
        Step { wake, ..step }
    }

    /// True if nobody waits for anything: whatever ended, nothing follows from it.
    fn has_nobody(&self) -> bool {
        self.waiting.tasks() == 0
            && self.reserving.is_none()
            && self.preempting.is_none()
            && self.config.instant == Instant::Batched
            && self.refused.is_empty()
            && self.retries.is_empty()
            && self.ruled.is_empty()
            && self.residents.len() == 0
            && self.upgrades.is_idle()
    }

    fn pass_now(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        let one_event = self.reserving.as_ref().is_some_and(|reserving| reserving.habits.one_event);
        if self.config.instant == Instant::PerEvent && !one_event {
            self.running.release_due(ledger, now, &mut self.grown);
        }
        let due = self.reserving.as_ref().is_some_and(|reserving| reserving.is_due(now));
        // Where the order changes with time, another may have come to the head since.
        let aged = self.order.ages() && self.reserving.is_some();
        if self.running.has_come_to_spare() {
            self.wake_all();
        }
        let moved = self.stirred || due || aged || !self.grown.is_empty();
        // A call that changes nothing does not undo an earlier wish to be called.
        let later = self.reserving.as_ref().and_then(Reserving::wake);
        if let Some(wait) = self.until_tick(now) {
            let wake = if self.waiting() > 0 && moved { Some(now + wait) } else { later };
            return Step { wake, ..Step::default() };
        }
        if !moved {
            return Step { wake: later, ..Step::default() };
        }
        let mut step = Step::default();
        loop {
            self.start_nominees(ledger, now, decisions);
            if self.running.has_come_to_spare() {
                self.wake_all();
            }
            self.stirred = false;
            let Step { wake, work } = if self.reserving.is_some() {
                self.reserving_pass(ledger, now, decisions)
            } else {
                self.class_pass(ledger, now, decisions)
            };
            step.wake = wake;
            step.work.add(work);
            // Whoever found nobody to leave looks again: a task of a set that was short of it has come up meanwhile.
            if !self.running.has_come_to_spare() || self.waiting() == 0 {
                return step;
            }
            self.wake_all();
        }
    }

    /// Those for whom room was made start, before anybody else is tried.
    fn start_nominees(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) {
        while self.preempting.as_ref().is_some_and(Preempting::has_ready) {
            let Some(nominee) = self.preempting.as_mut().and_then(Preempting::next_ready) else { return };
            let begin = decisions.len();
            let beliefs = self.beliefs();
            let Self { place, running, .. } = self;
            let work = crate::Work::default();
            let place = &mut **place;
            let mut pass = Pass { now, ledger, running, place, decisions, work, beliefs, preempting: None };
            pass.start_nominee(&nominee);
            // In place, it may be made to leave itself: somebody more important may have waited for this.
            self.grown.extend(nominee.parts.iter().map(|&(node, ..)| node));
            if let Some(reserving) = &mut self.reserving {
                reserving.began_late(ledger, &self.running, &nominee, now);
            }
            self.note_starts(now, &decisions[begin..]);
        }
    }

    pub(super) fn beliefs(&self) -> Beliefs {
        match &self.reserving {
            Some(reserving) => reserving.beliefs(),
            None if self.config.instant == Instant::PerEvent => Beliefs::Watched,
            None => Beliefs::None,
        }
    }

    /// The pass where some hold reservations.
    fn reserving_pass(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        let mut step = Step::default();
        loop {
            let turn = self.reserving.as_mut().and_then(Reserving::next_event);
            let is_last = turn.is_none();
            if let Some(turn) = turn {
                self.take_in(ledger, now, turn);
                self.start_nominees(ledger, now, decisions);
            }
            let begin = decisions.len();
            let Self { config, order, place, reserving: Some(reserving), running, preempting, .. } = self else {
                return step;
            };
            if order.ages() {
                let sight = sight(ledger, now);
                reserving.line.reorder(|item| order.key(&running.job(item.job).waiter, &sight));
            }
            let pass = Pass {
                now,
                ledger,
                running,
                place: &mut **place,
                decisions,
                work: step.work,
                beliefs: reserving.beliefs(),
                preempting: preempting.as_mut(),
            };
            step = reserving.pass(pass, config);
            self.note_starts(now, &decisions[begin..]);
            if is_last {
                self.grown.clear();
                return step;
            }
        }
    }

    /// Tells the order what the teams hold since these decisions.
    fn note_starts(&mut self, now: Time, decisions: &[Decision]) {
        for decision in decisions {
            if let Decision::Place { task, more: false, .. } = *decision
                && let Some(slot) = self.running.find(task)
            {
                let job = self.running.task(slot).job;
                self.ruled.started(job, now);
                self.note_use(now, job, 1);
            }
        }
    }

    /// A task of a job, or a gang as a whole, begins (1) or ceases (-1) to hold room.
    pub(super) fn note_use(&mut self, now: Time, job: u32, sign: i64) {
        if !self.order.ages() {
            return;
        }
        let waiter = &self.running.job(job).waiter;
        let (role, milli): (RoleId, i64) = (waiter.role, i64::try_from(waiter.cpu_milli).unwrap_or(i64::MAX));
        self.order.holds(now, role, sign * milli);
    }

    fn take_in(&mut self, ledger: &mut Ledger, now: Time, turn: Turn) {
        if let Turn::Ended(task, ending) = turn {
            self.end(ledger, now, task, ending);
        }
    }

    /// The pass where nobody does.
    fn class_pass(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) -> Step {
        self.look_at_grown(ledger);
        let begin = decisions.len();
        let beliefs = self.beliefs();
        let Self { config, place, waiting, running, blocked, preempting, ruled, upgrades, .. } = self;
        let (place, work, preempting) = (&mut **place, crate::Work::default(), preempting.as_mut());
        let pass = Pass { now, ledger, running, place, decisions, work, beliefs, preempting };
        let mut tries = Tries { pass, config, waiting, blocked, ruled, upgrades };
        while let Some((class, entry)) = tries.waiting.first() {
            if *tries.blocked == Some(class) {
                break;
            }
            tries.pass.work.jobs += 1;
            tries.waiting.let_go(class, now);
            if !tries.serve(class, entry) {
                break;
            }
        }
        let step = Step { wake: None, work: tries.pass.work };
        if rarely(self.order.ages() || !self.ruled.is_empty()) {
            self.note_starts(now, &decisions[begin..]);
        }
        step
    }

    /// How long it is until the next pass may be made; None if now. Periodic passes fall on multiples of the interval.
    fn until_tick(&self, now: Time) -> Option<Span> {
        let interval = self.config.interval.0;
        let past = now.0.checked_rem(interval)?;
        (past != 0).then(|| Span(interval - past))
    }

    /// True if the next pass is still to come, so that nothing of now is decided on yet.
    #[must_use]
    pub fn is_between_passes(&self, now: Time) -> bool {
        self.until_tick(now).is_some()
    }

    /// When the next pass is, if it is still to come.
    #[must_use]
    pub fn next_pass(&self, now: Time) -> Option<Time> {
        self.until_tick(now).map(|wait| now + wait)
    }

    /// A node joined or came back.
    pub fn grew(&mut self, ledger: &Ledger, now: Time, node: NodeId) {
        self.grown.push(node);
        if let Some(reserving) = &mut self.reserving {
            reserving.grow(ledger, node, now);
        }
    }

    /// A node that was known comes back empty.
    pub fn rejoins(&mut self, ledger: &mut Ledger, node: NodeId) {
        self.residents.forget_room(node);
        self.drop_withheld(ledger, node);
        if ledger.holds(node) {
            self.running.leave_behind(ledger, node);
        }
    }

    /// A node has room that it had not before, though it was known.
    pub fn noticed(&mut self, node: NodeId) {
        self.grown.push(node);
    }

    /// A task that was placed is not started after all: it waits again.
    pub fn refused(&mut self, ledger: &mut Ledger, now: Time, task: TaskId) {
        if let Some(slot) = self.running.find(task).filter(|_| !self.ruled.is_empty()) {
            self.ruled.waits_again(self.running.task(slot).job);
        }
        self.hear_end(ledger, now, task, Ending::Evicted);
    }

    /// What one task, or one member of a gang, needs that holds room or has asked for it.
    #[must_use]
    pub fn need_of(&self, ledger: &Ledger, task: TaskId) -> Option<(JobId, Shape)> {
        let asked = || Some(self.preempting.as_ref()?.asked.get(&task.0)?.nominee.wish.job);
        let running = self.running.find(task).map(|slot| self.running.task(slot).job);
        let job = self.running.job(running.or_else(asked)?);
        Some((job.id, *ledger.shapes().shape(job.shape)))
    }

    /// A node is gone.
    pub fn shrank(&mut self, ledger: &mut Ledger, now: Time, node: NodeId) {
        self.void_nominees(ledger, now, node);
        if ledger.layouts().has_skewed() {
            // A domain may be gone with it, and the others need no longer wait for it.
            self.wake_all();
        }
        if let Some(reserving) = &mut self.reserving {
            reserving.shrink(node, now);
        }
    }

    /// Tasks that counted on a node which is gone wait again.
    fn void_nominees(&mut self, ledger: &mut Ledger, now: Time, node: NodeId) {
        let Some(preempting) = self.preempting.as_mut().filter(|preempting| !preempting.is_empty()) else { return };
        for nominee in preempting.void(ledger, &self.running, node, &mut self.grown) {
            self.wait_again(ledger, now, &nominee);
        }
    }

    /// A task for which others were to make room will not have it: it waits again.
    pub(super) fn wait_again(&mut self, ledger: &Ledger, now: Time, nominee: &Nominee) {
        if let Some(reserving) = &mut self.reserving {
            reserving.voided(ledger, &self.running, nominee, now);
        }
        let Wish { asked, job, members } = nominee.wish;
        let entry = WaitingEntry { key: nominee.key, task: asked.task.0, count: 1, job, since: now };
        self.wait(ledger, self.running.job(job).shape, members, entry);
        self.stirred = true;
    }

    /// Brings back what the nodes with more room could serve.
    fn look_at_grown(&mut self, ledger: &Ledger) {
        for at in 0..self.grown.len() {
            let node = self.grown[at];
            // Where others make room, what they hold counts too.
            let held = |rank: i32| {
                let tenants = self.running.tenants().filter(|tenants| tenants.has_below(node, rank));
                tenants.map(|tenants| tenants.room(node))
            };
            let could = |shape: &Shape, rank: i32| {
                ledger.fits(shape, node)
                    || held(rank).is_some_and(|held| {
                        let room = ledger.node(node).free.checked_add(&held);
                        room.is_none_or(|room| shape.request.fits_in(&room))
                            && ledger.is_open(node)
                            && ledger.allows(shape, node)
                            && ledger.admits(shape, node)
                    })
            };
            if self.waiting.has_parked() {
                let free = *ledger.node(node).free;
                let room = held(UNRANKED).map_or(Some(free), |held| free.checked_add(&held));
                self.waiting.wake_for(ledger, &room.unwrap_or(ROOMIEST), could);
            }
            if let Some(class) = self.blocked
                && could(ledger.shapes().shape(self.waiting.needs(class).0), self.waiting.rank(class))
            {
                self.blocked = None;
            }
        }
        self.grown.clear();
    }

    /// Looks at what the ends of these tasks will ask for, see [`crate::Scheduler::foresee`].
    pub fn foresee(&self, ledger: &Ledger, ends: &[TaskId]) {
        for ends in ends.chunks(running::FETCHED_MOST) {
            self.running.fetch(ledger, &*self.place, ends);
        }
    }

    /// What a running task needs; None if it does not run.
    #[must_use]
    pub fn shape_of(&self, task: TaskId) -> Option<ShapeId> {
        let slot = self.running.find(task)?;
        Some(self.running.job(self.running.task(slot).job).shape)
    }

    /// True if something waits that may need several nodes at once.
    #[must_use]
    pub fn waits_for_many(&self) -> bool {
        self.reserving.as_ref().map_or_else(|| self.waiting.has_gangs(), |reserving| reserving.tasks() > 0)
    }

    /// From now on it is counted how many tasks there are of each shape. To be called before any job is handed in.
    pub fn count_live(&mut self) {
        self.running.count_live();
    }

    /// How many tasks wait or run of each shape; members of gangs one by one.
    pub fn live(&self) -> impl Iterator<Item = (ShapeId, u64)> {
        self.running.live()
    }

    /// How many tasks hold room.
    #[must_use]
    pub fn running_tasks(&self) -> usize {
        self.running.len()
    }

    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let nominees = self.preempting.as_ref().map_or(0, Preempting::len) as u64;
        let pausing = self.retries.len() + self.residents.len();
        nominees + pausing + self.reserving.as_ref().map_or_else(|| self.waiting.tasks(), Reserving::tasks)
    }
}

/// What an order may know besides the job.
fn sight(ledger: &Ledger, now: Time) -> Sight {
    Sight { now, cpu_milli: ledger.capacity_total().0[crate::resources::CPU] }
}
