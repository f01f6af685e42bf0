//! Upgrades of services: when they begin, with which further replicas, and how long they take. How they go is up to
//! the scheduler.

use std::collections::{BTreeMap, BTreeSet};

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::{Event, JobKind, ServiceUpgrade};
use windtunnel_scheduler::id::{JobId, PartyId, TaskId};
use windtunnel_scheduler::service::Plan;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Group, Groups, Job as TraceJob, Name, Run};

use super::{Kinds, UNSTARTED, World};
use crate::error::SimError;
use crate::experiment::{ServiceRules, Upgrades as Rules, Workload};

/// A service that is upgraded now and then.
#[derive(Clone)]
struct Service {
    /// It alone, as it was handed in.
    job: TraceJob,
    workload: usize,
    /// The job that its scheduler knows it as.
    id: JobId,
    /// How many replicas it has while none is exchanged.
    count: u32,
    /// Its tasks, the first of all first.
    tasks: Vec<(TaskId, u32)>,
    /// Which one it is; the first is 1.
    version: u32,
    /// When the upgrade began that is under way.
    began: Option<Time>,
    /// Nothing of it is left.
    is_over: bool,
}

/// The books on upgrades. Empty where nothing is upgraded.
#[derive(Clone, Default)]
pub(super) struct Upgrades {
    /// When the services of which workload are to be upgraded.
    due: BTreeSet<(Time, usize)>,
    known: Vec<Service>,
    /// The job that brought the first replicas of a service, for each that brought further ones.
    first_job: BTreeMap<u64, JobId>,
    pub(super) is_used: bool,
    /// The longest that a new replica runs before it counts as healthy.
    ready_most: Span,
    under_way: u32,
    begun: u64,
    took: Vec<Span>,
}

fn rules_of(workload: &Workload) -> Option<(&ServiceRules, &Rules)> {
    let service = workload.rules.service.as_ref()?;
    Some((service, service.upgrades.as_ref()?))
}

impl Upgrades {
    pub(super) fn new(workloads: &[Workload]) -> Self {
        let instants = |(at, workload): (usize, &Workload)| {
            let times = rules_of(workload).map(|(_, upgrades)| upgrades.at.clone()).unwrap_or_default();
            times.into_iter().map(move |time| (time, at))
        };
        let due: BTreeSet<(Time, usize)> = workloads.iter().enumerate().flat_map(instants).collect();
        let ready = workloads.iter().filter_map(|workload| Some(rules_of(workload)?.1.ready_after));
        Self { is_used: !due.is_empty(), due, ready_most: ready.max().unwrap_or_default(), ..Self::default() }
    }

    /// When the next begins: the world goes on until then, as for work that is still to come.
    pub(super) fn next(&self, now: Time) -> Option<Time> {
        // Those that are late wait for others, and are looked at whenever anything happens.
        self.due.range((now + Span(1), 0)..).next().map(|&(at, _)| at)
    }

    /// True if services of a workload are upgraded now, or are to be.
    fn is_busy(&self, workload: usize, now: Time) -> bool {
        let is_it = |service: &Service| service.workload == workload && service.began.is_some();
        self.due.iter().take_while(|(at, _)| *at <= now).any(|&(_, due)| due == workload)
            || self.known.iter().any(is_it)
    }

    /// What a job is to its scheduler: one that brings further replicas of a service is the service's own.
    pub(super) fn job_of(&self, id: u64) -> JobId {
        self.first_job.get(&id).copied().unwrap_or(JobId(id))
    }

    /// How long a run goes on while nothing waits and nothing starts; none if no upgrade is under way.
    pub(super) fn patience(&self) -> Option<Span> {
        (self.under_way > 0).then_some(self.ready_most)
    }
}

impl World {
    /// A job was handed in, with task ids from `first` on: its services may be upgraded later.
    pub(super) fn note_upgradable(&mut self, job: &TraceJob, workload: usize, first: u64) {
        if !self.kinds.upgrades.is_used || rules_of(self.arrivals.workload(workload)).is_none() {
            return;
        }
        let (mut unit, id) = (first, JobId(self.next_job - 1));
        for group in job.groups.as_slice() {
            let units = group.units();
            if group.ask.kind == JobKind::Service {
                let job = TraceJob { groups: Groups::One(without_past(group)), course: None, ..job.clone() };
                let (count, tasks) = (group.count, vec![(TaskId(unit), group.count)]);
                let service = Service { job, workload, id, count, tasks, version: 1, began: None, is_over: false };
                self.kinds.upgrades.known.push(service);
            }
            unit += u64::from(units);
        }
    }

    /// A replica runs: whoever upgrades services has to hear of it, also where launches take no time.
    pub(super) fn tell_of_start(&mut self, slot: u32) {
        self.kinds.needs.is_stirred = true;
        if !self.kinds.upgrades.is_used || self.launching.is_some() {
            return;
        }
        let task = &self.tasks[slot];
        let workload = self.arrivals.workload(usize::from(self.jobs[task.job].workload));
        if rules_of(workload).is_some() && self.jobs[task.job].parts.of(task.index).kind == JobKind::Service {
            let event = Event::TaskStarted { task: TaskId(task.id) };
            self.tell(workload.party, event);
        }
    }

    /// Begins the upgrades that are due, but for those of services that need one which is being upgraded itself; false
    /// if there are none.
    pub(super) fn begin_upgrades(&mut self) -> Result<bool, SimError> {
        let Self { now, kinds: Kinds { upgrades, needs, .. }, .. } = self;
        let due = upgrades.due.iter().take_while(|(at, _)| at <= now);
        let is_next = |&&(_, workload): &&(Time, usize)| !needs.before(workload).any(|one| upgrades.is_busy(one, *now));
        let begin: Vec<(Time, usize)> = due.filter(is_next).copied().collect();
        let any = !begin.is_empty();
        for (at, workload) in begin {
            self.kinds.upgrades.due.remove(&(at, workload));
            for at in 0..self.kinds.upgrades.known.len() {
                if self.kinds.upgrades.known[at].workload == workload {
                    self.begin_upgrade(at)?;
                }
            }
            let Upgrades { known, first_job, .. } = &mut self.kinds.upgrades;
            known.retain(|service| !service.is_over);
            first_job.retain(|_, id| known.iter().any(|service| service.id == *id));
        }
        Ok(any)
    }

    /// A service is upgraded: what is needed beyond its replicas is handed in, and its scheduler is told.
    fn begin_upgrade(&mut self, at: usize) -> Result<(), SimError> {
        let mut service = self.kinds.upgrades.known[at].clone();
        let (mut live, mut running, mut healthy) = (0, 0, 0);
        for (first, count) in self.live_runs(&service.tasks) {
            live += count;
            for id in first.0..first.0 + u64::from(count) {
                let slot = self.task_slot(TaskId(id)).filter(|slot| slot & UNSTARTED == 0);
                let Some(attempt) = slot.and_then(|slot| self.tasks[slot].running) else { continue };
                running += 1;
                healthy += u32::from(attempt.start <= self.now);
            }
        }
        let workload = self.arrivals.workload(service.workload);
        let Some((rules, upgrades)) = rules_of(workload).filter(|_| live > 0) else {
            self.kinds.upgrades.under_way -= u32::from(service.began.is_some());
            self.kinds.upgrades.known[at].is_over = true;
            return Ok(());
        };
        service.count = service.count.min(live);
        let Rules { health_milli, over_milli, ready_after, .. } = *upgrades;
        let (kill, party) = (rules.kill.unwrap_or_default(), workload.party);
        let plan = Plan::new(service.count, healthy, health_milli, over_milli, rules.resident.is_some());
        let fresh = plan.fresh(service.count, running, live - running);
        service.version += 1;
        if fresh > 0 {
            service.tasks.push((TaskId(self.next_task), fresh));
            let job = version_of(&service, fresh, self.now);
            self.kinds.upgrades.first_job.insert(self.next_job, service.id);
            self.submit_as(&job, service.workload, None)?;
        }
        self.kinds.upgrades.begun += 1;
        self.kinds.upgrades.under_way += u32::from(service.began.is_none());
        service.began = Some(self.now);
        let (first, count, tasks) = (service.tasks[0].0, service.count, self.live_runs(&service.tasks));
        let (version, job) = (service.version, service.id);
        let told =
            ServiceUpgrade { service: first, job, version, count, tasks, health_milli, over_milli, ready_after, kill };
        self.tell(party, Event::ServiceUpgraded(Box::new(told)));
        self.kinds.upgrades.known[at] = service;
        Ok(())
    }

    /// What is not over of these runs of tasks, as runs.
    fn live_runs(&self, tasks: &[(TaskId, u32)]) -> Vec<(TaskId, u32)> {
        let mut runs: Vec<(TaskId, u32)> = Vec::new();
        let ids = tasks.iter().flat_map(|&(first, count)| first.0..first.0 + u64::from(count));
        for id in ids.filter(|&id| self.task_slot(TaskId(id)).is_some()) {
            match runs.last_mut() {
                Some((first, count)) if first.0 + u64::from(*count) == id => *count += 1,
                _ => runs.push((TaskId(id), 1)),
            }
        }
        runs
    }

    /// A scheduler says that an upgrade is done. One that was superseded while it said so is not.
    pub(super) fn upgraded(&mut self, party: PartyId, service: TaskId, version: u32) -> Result<(), SimError> {
        let is_it = |known: &&mut Service| known.tasks[0].0 == service;
        let found = self.kinds.upgrades.known.iter_mut().find(is_it);
        let began = match found {
            Some(known) if known.version == version => known.began.take(),
            Some(known) if known.version > version => return Ok(()),
            _ => None,
        };
        let Some(began) = began else {
            let reason = format!("upgrade {version} of the service of task {} is done, but never began", service.0);
            return Err(self.invalid(party, reason));
        };
        self.kinds.upgrades.under_way -= 1;
        self.kinds.upgrades.took.push(self.now.since(began));
        Ok(())
    }

    /// Writes what became of upgrades, if there were to be any.
    pub(super) fn record_upgrades(&self, summary: &mut Summary) {
        let Upgrades { is_used, begun, took, .. } = &self.kinds.upgrades;
        if !is_used {
            return;
        }
        let sum: u128 = took.iter().map(|span| u128::from(span.0)).sum();
        let mean = (!took.is_empty()).then(|| sum as f64 / took.len() as f64 / 1e6);
        summary.set("services.upgrades.begun", *begun);
        summary.set("services.upgrades.finished", took.len() as u64);
        summary.set("services.upgrades.took_s.mean", mean);
        summary.set("services.upgrades.took_s.max", took.iter().max().map(|span| span.0 as f64 / 1e6));
    }
}

/// The group without what a trace says of each of its tasks.
fn without_past(group: &Group) -> Group {
    let mut group = group.clone();
    group.truth.recorded = None;
    if let Run::Each(_) = group.truth.run {
        group.truth.run = Run::Same(group.truth.run.of(0));
    }
    group
}

/// The further replicas that an upgrade needs.
fn version_of(service: &Service, fresh: u32, now: Time) -> TraceJob {
    let mut job = service.job.clone();
    job.name = Name::Text(format!("{}+v{}", job.name, service.version).into());
    job.submit = now;
    if let Groups::One(group) = &mut job.groups {
        group.count = fresh;
    }
    job
}
