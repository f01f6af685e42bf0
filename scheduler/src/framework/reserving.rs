//! The waiting jobs of a framework in which some hold reservations, and what will be free when.

use alloc::boxed::Box;
use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::pass::{Beliefs, Pass};
use super::preempting::Nominee;
use super::running::Running;
use crate::Step;
use crate::backfill::{Availability, Cursor, Desk, Fill, Habits, Item, Line, Refusals, Rules, times};
use crate::config::{Config, Instant};
use crate::event::{Ending, NodeSpec};
use crate::id::{NodeId, TaskId};
use crate::ledger::Ledger;
use crate::resources::{Resources, Totals};
use crate::time::{Span, Time};

/// A task that outlived its estimate is believed to run at least so much longer.
const LONGER_LEAST: Span = Span::from_seconds(1);

/// A line, a policy over it, and the availability that it reserves from.
pub(super) struct Reserving {
    fill: Box<dyn Fill>,
    pub(super) habits: Habits,
    pub(super) line: Line,
    room: Availability,
    /// Terms that jobs are held to, and the room in sections; then `room` is not kept.
    rules: Option<Rules>,
    refusals: Refusals,
    /// The capacity of each node that is counted in `room`.
    counted: Vec<Option<Resources>>,
    /// Jobs of this instant that have not joined the line yet, where events are taken one by one.
    joining: VecDeque<Item>,
    /// Ends of this instant that are not taken in yet, likewise: by the order of starts.
    ending: BinaryHeap<Reverse<(u64, TaskId, Ending)>>,
    /// When the policy asked to be called again.
    wake: Option<Time>,
}

impl Clone for Reserving {
    fn clone(&self) -> Self {
        Self {
            fill: self.fill.copy(),
            habits: self.habits,
            line: self.line.clone(),
            room: self.room.clone(),
            rules: self.rules.clone(),
            refusals: self.refusals.clone(),
            counted: self.counted.clone(),
            joining: self.joining.clone(),
            ending: self.ending.clone(),
            wake: self.wake,
        }
    }
}

impl Reserving {
    pub(super) fn new(fill: Box<dyn Fill>, rules: Option<Rules>) -> Self {
        Self {
            rules,
            habits: fill.habits(),
            fill,
            line: Line::default(),
            room: Availability::default(),
            refusals: Refusals::default(),
            counted: Vec::new(),
            joining: VecDeque::new(),
            ending: BinaryHeap::new(),
            wake: None,
        }
    }

    /// Begins in the midst of things: counts what is there, and takes running tasks for having just started.
    pub(super) fn begin(&mut self, ledger: &Ledger, running: &mut Running, now: Time) {
        let beliefs = self.beliefs();
        for at in 0..ledger.node_count() {
            let node = NodeId(at as u32);
            if ledger.is_open(node) {
                self.grow(ledger, node, now);
            }
        }
        let slots: Vec<u32> = running.slots().collect();
        for slot in slots {
            let task = *running.task(slot);
            let job = running.job(task.job);
            let (need, end) = (self.need_of(ledger, running, task.job), now + Span(job.estimate_us));
            if task.is_released() {
                running.believe(task.id, now, Time::ZERO);
            } else {
                beliefs.keep(running, task.id, now, end);
                self.hold(ledger, running, slot, (now, end), &need);
            }
        }
    }

    /// What is kept of believed ends in a convention.
    pub(super) fn beliefs(&self) -> Beliefs {
        if self.habits.one_event { Beliefs::Known } else { Beliefs::Watched }
    }

    /// A task, which runs since now, holds room until it is believed to end.
    fn hold(&mut self, ledger: &Ledger, running: &Running, slot: u32, (now, end): (Time, Time), need: &Totals) {
        match &mut self.rules {
            Some(rules) => rules.started(ledger, running, slot, now),
            None => self.room.hold(now, end, need),
        }
    }

    /// The node as the ledger is to know it, if that is not as it is told.
    pub(super) fn mark(&mut self, now: Time, spec: &NodeSpec) -> Option<NodeSpec> {
        self.rules.as_ref()?;
        // It may come back to another section.
        self.shrink(spec.node, now);
        self.rules.as_mut().map(|rules| rules.mark(spec))
    }

    fn need_of(&self, ledger: &Ledger, running: &Running, job: u32) -> Totals {
        let job = running.job(job);
        times(&ledger.shapes().shape(job.shape).request, job.members.max(1))
    }

    /// A node joined.
    pub(super) fn grow(&mut self, ledger: &Ledger, node: NodeId, now: Time) {
        self.shrink(node, now);
        if node.index() >= self.counted.len() {
            self.counted.resize(node.index() + 1, None);
        }
        let capacity = *ledger.node(node).capacity;
        self.counted[node.index()] = Some(capacity);
        match &mut self.rules {
            Some(rules) => rules.change_node(node, &capacity, now, true),
            None => self.room.grow(now, &capacity),
        }
        self.fill.freed(now, Time::NEVER);
    }

    /// A node is gone.
    pub(super) fn shrink(&mut self, node: NodeId, now: Time) {
        if let Some(capacity) = self.counted.get_mut(node.index()).and_then(Option::take) {
            match &mut self.rules {
                Some(rules) => rules.change_node(node, &capacity, now, false),
                None => self.room.shrink(now, &capacity),
            }
        }
    }

    /// A job joins the queue.
    pub(super) fn join(&mut self, item: Item) {
        if self.habits.one_event {
            self.joining.push_back(item);
        } else {
            self.add(item);
        }
    }

    fn add(&mut self, item: Item) {
        let item = Item { behind: self.fill.behind(item.estimate_us), ..item };
        let item = self.rules.as_mut().map_or(item, |rules| rules.entered(item));
        if !self.habits.each_task {
            let slot = self.line.add(item);
            self.fill.joined(&self.line, slot);
            return;
        }
        for unit in 0..item.count {
            let slot = self.line.add(Item { task: item.task + u64::from(unit), count: 1, ..item });
            self.fill.joined(&self.line, slot);
        }
    }

    /// The slot of the job whose waiting tasks, each on its own, this one is among.
    pub(super) fn job_of(&self, task: u64) -> Option<u32> {
        let mut cursor = Cursor::default();
        let mut line = core::iter::from_fn(|| self.line.next_ahead(&mut cursor)).map(|slot| self.line.item(slot));
        let is_it = |item: &&Item| item.members == 0 && item.task <= task && task - item.task < u64::from(item.count);
        line.find(is_it).map(|item| item.job)
    }

    /// Takes all tasks of a job out of the line and adds them to `out`: the first task of each item and how many.
    pub(super) fn withdraw(&mut self, ledger: &Ledger, job: u32, now: Time, out: &mut Vec<(u64, u32)>) {
        let mut cursor = Cursor::default();
        while let Some(slot) = self.line.next_ahead(&mut cursor) {
            let item = *self.line.item(slot);
            if item.job != job {
                continue;
            }
            let start = core::mem::replace(&mut self.line.item_mut(slot).start, Time::NEVER);
            let unit = ledger.shapes().shape(item.shape).request;
            match &mut self.rules {
                _ if start == Time::NEVER => {}
                Some(rules) => rules.sections.lift(slot, &item, &unit, start),
                None => self.room.free(start, start + Span(item.estimate_us), &item.need),
            }
            out.push((item.task, item.count));
            self.fill.withdrawn(slot, start != Time::NEVER);
            while !self.line.take(slot) {}
        }
        // Whoever holds a reservation behind it may do better now.
        self.fill.freed(now, Time::NEVER);
    }

    /// How many tasks wait.
    pub(super) fn tasks(&self) -> u64 {
        self.line.tasks() + self.joining.iter().map(|item| u64::from(item.count)).sum::<u64>()
    }

    /// A task runs that this framework did not start. If it holds room of ours, it does until it is believed to end.
    pub(super) fn adopted(&mut self, ledger: &Ledger, running: &mut Running, slot: u32, now: Time) {
        let (id, job) = (running.task(slot).id, running.task(slot).job);
        if running.task(slot).is_released() {
            running.believe(id, now, Time::ZERO);
            return;
        }
        let end = now + Span(running.job(job).estimate_us);
        let need = self.need_of(ledger, running, job);
        self.beliefs().keep(running, id, now, end);
        self.hold(ledger, running, slot, (now, end), &need);
    }

    /// An end that waits for its turn; false if it is to be taken in at once.
    pub(super) fn puts_off(&mut self, running: &Running, slot: u32, ending: Ending) -> bool {
        if self.habits.one_event {
            let task = running.task(slot);
            self.ending.push(Reverse((task.sequence, task.id, ending)));
        }
        self.habits.one_event
    }

    /// A task that holds room ended; to be called before it is forgotten.
    pub(super) fn ended(&mut self, ledger: &Ledger, running: &Running, slot: u32, now: Time) {
        let task = running.task(slot);
        if let Some(rules) = &mut self.rules {
            rules.ended(ledger, running, slot, now);
        } else if task.due > now {
            let need = self.need_of(ledger, running, task.job);
            self.room.free(now, task.due, &need);
        }
        if task.due > now {
            self.fill.freed(now, task.due);
        }
    }

    /// Room is being made for a task, and that is not counted yet.
    pub(super) fn nominated(&mut self, ledger: &Ledger, running: &Running, nominee: &Nominee, now: Time) {
        let end = nominee.at + Span(running.job(nominee.wish.job).estimate_us);
        let need = self.need_of(ledger, running, nominee.wish.job);
        match &mut self.rules {
            Some(rules) => rules.nominated(ledger, running, (nominee.wish.job, &nominee.parts), (now, end), true),
            None if end > now => self.room.hold(now, end, &need),
            None => {}
        }
    }

    /// A task for which room was made begins only now: it is believed to end that much later.
    pub(super) fn began_late(&mut self, ledger: &Ledger, running: &Running, nominee: &Nominee, now: Time) {
        self.voided(ledger, running, nominee, now);
        if let Some(rules) = &mut self.rules {
            if let Some(slot) = running.find(nominee.wish.asked.task) {
                rules.started(ledger, running, slot, now);
            }
            return;
        }
        let need = self.need_of(ledger, running, nominee.wish.job);
        self.room.hold(now, now + Span(running.job(nominee.wish.job).estimate_us), &need);
    }

    /// A task whose room is held begins only now; to be called before it is believed to.
    pub(super) fn begins_later(&mut self, ledger: &Ledger, running: &Running, slot: u32, now: Time) {
        let task = running.task(slot);
        let need = self.need_of(ledger, running, task.job);
        if task.due > now {
            self.room.free(now, task.due, &need);
        }
        self.room.hold(now, now + Span(running.job(task.job).estimate_us), &need);
    }

    /// Room that was made for a task does not count any more.
    pub(super) fn voided(&mut self, ledger: &Ledger, running: &Running, nominee: &Nominee, now: Time) {
        let end = nominee.at + Span(running.job(nominee.wish.job).estimate_us);
        if let Some(rules) = &mut self.rules {
            rules.nominated(ledger, running, (nominee.wish.job, &nominee.parts), (now, end), false);
        } else if end > now {
            let need = self.need_of(ledger, running, nominee.wish.job);
            self.room.free(now, end, &need);
        }
        if end > now {
            self.fill.freed(now, end);
        }
    }

    /// The next event of this instant, where they are taken one by one: submissions first, then ends in the order of
    /// starts. None if all are taken in.
    pub(super) fn next_event(&mut self) -> Option<Turn> {
        if let Some(item) = self.joining.pop_front() {
            self.add(item);
            return Some(Turn::Joined);
        }
        self.ending.pop().map(|Reverse((_, task, ending))| Turn::Ended(task, ending))
    }

    /// Tasks that outlived their estimates are believed to run as long again as they have.
    fn correct(&mut self, pass: &mut Pass<'_>) {
        while let Some(slot) = pass.running.overdue(pass.now) {
            let task = *pass.running.task(slot);
            let need = self.need_of(pass.ledger, pass.running, task.job);
            let end = pass.now + pass.now.since(task.started).max(LONGER_LEAST);
            match &mut self.rules {
                Some(rules) => rules.overdue(pass.ledger, pass.running, slot, (pass.now, end)),
                None => self.room.hold(pass.now, end, &need),
            }
            pass.running.expect(end, task.id);
        }
    }

    /// When the policy asked to be called again.
    pub(super) fn wake(&self) -> Option<Time> {
        self.wake
    }

    /// True if the policy asked to be called by now.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.wake.is_some_and(|wake| wake <= now)
    }

    /// Starts whoever may start now.
    pub(super) fn pass<'a>(&'a mut self, mut pass: Pass<'a>, config: &Config) -> Step {
        self.room.forget_before(pass.now);
        if config.instant == Instant::Batched && !self.habits.one_event {
            self.correct(&mut pass);
        }
        self.line.close_up();
        self.refusals.begin();
        let Self { fill, line, room, refusals, rules, .. } = self;
        if let Some(rules) = rules {
            rules.sections.begin_pass(pass.ledger, pass.now);
        }
        let boundary = rules.as_ref().map(|rules| rules.next_boundary(pass.now)).filter(|&at| at != Time::NEVER);
        let mut desk = Desk { pass, line, room, explain: config.explain, refusals, rules: rules.as_mut() };
        let wake = fill.pass(&mut desk);
        // Who waits for a reservation to begin or to end has to be looked at then.
        let boundary = boundary.filter(|_| !desk.line.is_empty());
        self.wake = wake.into_iter().chain(boundary).min();
        Step { wake: self.wake, work: desk.pass.work }
    }

    /// Hands the waiting jobs over, in the order of the queue, and the rules as they were before anything happened.
    pub(super) fn leave(mut self) -> (Vec<Item>, Option<Rules>) {
        let mut items = Vec::new();
        while let Some(slot) = self.line.first() {
            items.push(*self.line.item(slot));
            while !self.line.take(slot) {}
        }
        (items, self.rules.map(Rules::renewed))
    }
}

/// One event of an instant.
pub(super) enum Turn {
    /// A job has joined the line.
    Joined,
    /// A task ended.
    Ended(TaskId, Ending),
}
