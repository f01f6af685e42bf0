//! What single jobs are held to beyond what holds for all: when they have to start, what becomes of tasks that fail.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::batch::Batch;
use super::retries::Pausing;
use super::running::RunningTask;
use crate::decision::Decision;
use crate::event::{Ending, JobKind, Loss};
use crate::id::{JobId, TaskId};
use crate::ledger::Ledger;
use crate::queue::{UNRANKED, WaitingEntry as Entry};
use crate::rules::{Resident, Rules};
use crate::service::Backoff;
use crate::time::{Span, Time};

/// How a task ended.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub ending: Ending,
    /// Whether its job is kept running.
    pub is_kept_running: bool,
    /// Whether its node is gone from the books.
    pub is_unreachable: bool,
}

/// A service as Marathon has it, an app: one delay holds for all of its replicas, whichever of them failed.
#[derive(Clone)]
struct App {
    /// The slots of its jobs, ascending.
    jobs: Vec<u32>,
    backoff: Backoff,
}

/// The jobs of a framework that are held to rules, by the slots that they have in its books.
#[derive(Clone, Default)]
pub(super) struct Ruled {
    jobs: BTreeMap<u32, Arc<Rules>>,
    /// When jobs have to start, where somebody has to see to it.
    deadlines: BTreeSet<(Time, u32)>,
    /// How often tasks failed that are tried again.
    failures: BTreeMap<TaskId, u32>,
    /// The services whose replicas are not started again at once, and the service that each job brings replicas of.
    apps: BTreeMap<JobId, App>,
    app_of: BTreeMap<u32, JobId>,
    /// When tasks are to be ended.
    leaving: BTreeSet<(Time, TaskId)>,
}

impl Ruled {
    /// True if nobody is held to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// A job takes a slot.
    pub(super) fn admit(&mut self, job: u32, id: JobId, rules: Option<&Arc<Rules>>) {
        let Some(rules) = rules else {
            // The slot may have been that of a job with rules.
            self.forget(job);
            return;
        };
        self.leave_app(job);
        if let Some(delays) = rules.delays {
            let app = self.apps.entry(id).or_insert_with(|| App { jobs: Vec::new(), backoff: Backoff::of(delays) });
            app.jobs.push(job);
            app.jobs.sort_unstable();
            self.app_of.insert(job, id);
        }
        self.deadlines.extend(rules.start_by.map(|at| (at, job)));
        self.jobs.insert(job, rules.clone());
    }

    /// A task runs that was not started here.
    pub(super) fn adopted(&mut self, job: u32, task: TaskId) {
        let leave_at = self.jobs.get(&job).and_then(|rules| rules.leave_at);
        self.leaving.extend(leave_at.map(|at| (at, task)));
    }

    /// The next task that is to be ended by now.
    pub(super) fn next_leaving(&mut self, now: Time) -> Option<TaskId> {
        let first = self.leaving.first().filter(|(at, _)| *at <= now)?.1;
        self.leaving.pop_first();
        Some(first)
    }

    /// Whether the replicas of a job belong to their nodes.
    pub(super) fn resident(&self, job: u32) -> Option<Resident> {
        self.jobs.get(&job)?.resident
    }

    /// A task of a job is started.
    pub(super) fn started(&mut self, job: u32, now: Time) {
        if let Some(app) = self.app_of.get(&job).and_then(|id| self.apps.get_mut(id)) {
            app.backoff.alive(now);
        }
    }

    /// A job brings replicas of its service no longer; the service is forgotten with the last that does.
    fn leave_app(&mut self, job: u32) {
        let Some(id) = self.app_of.remove(&job) else { return };
        if let Some(app) = self.apps.get_mut(&id) {
            app.jobs.retain(|&other| other != job);
            if app.jobs.is_empty() {
                self.apps.remove(&id);
            }
        }
    }

    /// Before when no replica of the job's service is started; zero if nothing holds them back.
    pub(super) fn held_until(&self, job: u32) -> Time {
        let app = self.app_of.get(&job).and_then(|id| self.apps.get(id));
        app.map_or(Time::ZERO, |app| app.backoff.until())
    }

    /// A service has a new version: nothing is held against it. The slots of its jobs.
    pub(super) fn renew(&mut self, id: JobId) -> Vec<u32> {
        self.apps.get_mut(&id).map_or_else(Vec::new, |app| {
            app.backoff.reset();
            app.jobs.clone()
        })
    }

    /// A job is over.
    pub(super) fn forget(&mut self, job: u32) {
        if self.jobs.is_empty() {
            return;
        }
        self.leave_app(job);
        if let Some(at) = self.jobs.remove(&job).and_then(|rules| rules.start_by) {
            self.deadlines.remove(&(at, job));
        }
    }

    /// A task that was to start waits after all: it may be late by now.
    pub(super) fn waits_again(&mut self, job: u32) {
        let start_by = self.jobs.get(&job).and_then(|rules| rules.start_by);
        self.deadlines.extend(start_by.map(|at| (at, job)));
    }

    /// The next job whose waiting tasks are late, each once.
    pub(super) fn next_late(&mut self, now: Time) -> Option<u32> {
        while let Some(&(at, job)) = self.deadlines.first().filter(|(at, _)| *at < now) {
            self.deadlines.pop_first();
            if self.jobs.get(&job).and_then(|rules| rules.start_by) == Some(at) {
                return Some(job);
            }
        }
        None
    }

    /// When the next job is late, which may start at the last instant, or the next task is to be ended.
    pub(super) fn wake(&self) -> Option<Time> {
        let late = self.deadlines.first().map(|&(at, _)| at + Span(1));
        late.into_iter().chain(self.leaving.first().map(|&(at, _)| at)).min()
    }

    /// A task ended: how soon it is tried again, or that it is not; None if its job is held to nothing that says.
    pub(super) fn ended(&mut self, now: Time, task: TaskId, job: u32, end: End) -> Option<Option<Span>> {
        let rules = self.jobs.get(&job)?;
        if rules.resident.is_some() && end.ending == Ending::Lost {
            // It waits for its node, however long that takes.
            return Some(Some(Span::ZERO));
        }
        let crashed = matches!(end.ending, Ending::Failed | Ending::Finished | Ending::Unlaunched);
        match (rules.delays, rules.unreachable, rules.failures) {
            (Some(_), ..) if end.is_kept_running && crashed => {
                let app = self.apps.get_mut(self.app_of.get(&job)?)?;
                Some(Some(app.backoff.ended(now, end.ending)))
            }
            (_, Some(strategy), _) if end.is_kept_running && end.ending == Ending::Lost && end.is_unreachable => {
                Some(Some(strategy.replaced(now, Time::ZERO).since(now)))
            }
            (.., Some(retry)) if !end.is_kept_running && end.ending == Ending::Failed => {
                let count = self.failures.entry(task).or_default();
                *count += 1;
                Some(retry.allows(*count).then(|| retry.pause(*count)))
            }
            _ => None,
        }
    }

    /// A task is over for good.
    pub(super) fn task_over(&mut self, task: TaskId) {
        if !self.failures.is_empty() {
            self.failures.remove(&task);
        }
    }
}

impl Batch {
    /// How soon a task that ended is tried again; None if it is not.
    pub(super) fn again(&mut self, ledger: &Ledger, now: Time, task: &RunningTask, ending: Ending) -> Option<Span> {
        let (id, job) = (task.id, self.running.job(task.job));
        if !self.ruled.is_empty() {
            let (is_kept_running, is_unreachable) = (job.kind.is_kept_running(), !ledger.is_open(task.node));
            let end = End { ending, is_kept_running, is_unreachable };
            if let Some(ruled) = self.ruled.ended(now, id, task.job, end) {
                self.hold_back(ledger, now, task.job);
                return ruled;
            }
        }
        match (job.kind, ending) {
            (_, Ending::Killed) => None,
            (_, Ending::Evicted) => Some(Span::ZERO),
            (JobKind::Service | JobKind::Daemon, Ending::Lost | Ending::Unlaunched) => {
                self.retries.lost(id, job.retry, true)
            }
            (JobKind::Service | JobKind::Daemon, _) => Some(Span::ZERO),
            (_, Ending::Unlaunched) => self.retries.lost(id, job.retry, false),
            (_, Ending::Lost) if job.loss == Loss::Rerun => self.retries.lost(id, job.retry, false),
            _ => None,
        }
    }

    /// Who waits of a service that is held back waits until it no longer is, whichever of its replicas failed.
    fn hold_back(&mut self, ledger: &Ledger, now: Time, job: u32) {
        let until = self.ruled.held_until(job);
        if until <= now {
            return;
        }
        let app = self.ruled.app_of.get(&job).and_then(|id| self.ruled.apps.get(id));
        for slot in app.map_or_else(Vec::new, |app| app.jobs.clone()) {
            let (key, shape, members) = {
                let job = self.running.job(slot);
                (job.key, job.shape, job.members)
            };
            for (task, count) in self.take_out(ledger, now, slot) {
                let entry = Entry { key, task, count, job: slot, since: until };
                self.retries.hold_back(until, Pausing::new(shape, members, entry));
            }
            self.residents.put_off(slot, until);
        }
    }

    /// The replicas of a service that were held back may start at once.
    pub(super) fn let_on(&mut self, now: Time, service: JobId) {
        for slot in self.ruled.renew(service) {
            self.retries.hasten(now, slot);
            self.residents.hasten(now, slot);
            self.stirred = true;
        }
    }

    /// A task is over for good.
    pub(super) fn end_tasks(&mut self, ledger: &mut Ledger, id: TaskId, job: u32) {
        if !self.ruled.is_empty() {
            self.ruled.task_over(id);
            self.residents.task_over(id);
            if self.running.job(job).live == 1 {
                self.ruled.forget(job);
            }
        }
        self.running.end_tasks(ledger, job, 1);
    }

    /// Takes all waiting tasks of a job out of the queue: the first task of each run of them, and how many.
    fn take_out(&mut self, ledger: &Ledger, now: Time, slot: u32) -> Vec<(u64, u32)> {
        let mut taken = Vec::new();
        let job = self.running.job(slot);
        match &mut self.reserving {
            Some(reserving) => reserving.withdraw(ledger, slot, now, &mut taken),
            None => {
                for rank in [UNRANKED, job.waiter.priority] {
                    self.waiting.withdraw(job.shape, job.members, rank, slot, &mut taken);
                }
            }
        }
        // Whoever stood behind them may be the first now.
        (self.blocked, self.stirred) = (None, true);
        taken
    }

    /// Tasks are no longer wanted: those of them that wait, each on its own, are given up in the next pass.
    pub(super) fn withdraw(&mut self, ledger: &mut Ledger, now: Time, first: TaskId, count: u32) {
        let (mut next, end) = (first.0, first.0.saturating_add(u64::from(count)));
        for (slot, task, count) in self.retries.withdraw(next, end) {
            self.give_up(ledger, slot, task, count);
        }
        while next < end {
            let waits = match &self.reserving {
                Some(reserving) => reserving.job_of(next),
                None => self.waiting.job_of(next),
            };
            let from = next;
            next += 1;
            let Some(slot) = waits else { continue };
            let (mut unwanted, job) = (Vec::new(), self.running.job(slot));
            let (key, shape) = (job.key, job.shape);
            for (task, count) in self.take_out(ledger, now, slot) {
                let over = task.saturating_add(u64::from(count));
                let (low, high) = (from.clamp(task, over), end.clamp(task, over));
                for (task, over) in [(task, low), (high, over)].into_iter().filter(|(task, over)| task < over) {
                    let entry = Entry { key, task, count: (over - task) as u32, job: slot, since: now };
                    self.wait(ledger, shape, 0, entry);
                }
                if low < high {
                    unwanted.push((low, (high - low) as u32));
                    next = next.max(if low == from { high } else { next });
                }
            }
            for (task, count) in unwanted {
                self.give_up(ledger, slot, task, count);
            }
        }
    }

    /// Tasks of a job that wait nowhere any more are given up in the next pass.
    fn give_up(&mut self, ledger: &mut Ledger, slot: u32, task: u64, count: u32) {
        self.refused.push((TaskId(task), count));
        for id in task..task + u64::from(count) {
            self.retries.forget(TaskId(id));
            self.end_tasks(ledger, TaskId(id), slot);
        }
    }

    /// Gives up the waiting tasks of jobs that should have started by now.
    pub(super) fn give_up_late(&mut self, ledger: &mut Ledger, now: Time, decisions: &mut Vec<Decision>) {
        while let Some(slot) = self.ruled.next_late(now) {
            let members = self.running.job(slot).members;
            for (task, count) in self.take_out(ledger, now, slot) {
                decisions.push(Decision::Reject { task: TaskId(task), count: members.max(count) });
                for id in 0..u64::from(count) {
                    self.end_tasks(ledger, TaskId(task.saturating_add(id)), slot);
                }
            }
        }
    }

    /// Ends the tasks that have stayed long enough.
    pub(super) fn end_surplus(&mut self, decisions: &mut Vec<Decision>, now: Time) {
        while let Some(task) = self.ruled.next_leaving(now) {
            if self.running.find(task).is_some() {
                decisions.push(Decision::Kill { task, grace: Span::ZERO });
            }
        }
    }
}
