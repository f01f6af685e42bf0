//! Jobs that are a part of something larger: runs of schedules, stages of graphs, attempts after failures.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::rows::State;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::draw::{Kind, mix, unit};
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::rules;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Course, Job as TraceJob, Stage};

use super::World;
use super::truth::{Job, Task};
use crate::error::SimError;
use crate::measure::record_seconds;

/// Whether a task that failed before fails again.
const AGAIN: Kind = u64::from_be_bytes(*b"failagai");
/// Values kept one by one.
const EXACT_MOST: usize = 1 << 16;

/// What is known of a stage.
#[derive(Clone)]
enum Fate {
    /// It has not been handed in by its source.
    Unknown,
    /// It waits for the stages before it.
    Held(Box<(TraceJob, Stage)>),
    /// It is handed in.
    Submitted,
    Succeeded,
    /// It did not succeed, or never will be handed in.
    Failed,
}

/// A graph some of whose stages are not settled.
#[derive(Clone)]
struct Graph {
    submit: Time,
    fates: Vec<Fate>,
}

/// What became of schedules and graphs.
#[derive(Clone)]
struct Sums {
    runs: u64,
    skipped: u64,
    missed: u64,
    graphs: u64,
    succeeded: u64,
    failed: u64,
    unsubmitted: u64,
    flows: Distribution,
}

/// The books on all of them. Empty where every job is one on its own.
#[derive(Clone)]
pub(super) struct Courses {
    /// By the id that the scheduler knows: of which workload, and what.
    of_job: BTreeMap<u64, (usize, Course)>,
    /// Runs of each schedule that are not over.
    runs: BTreeMap<(usize, u32), u32>,
    graphs: BTreeMap<(usize, u64), Graph>,
    /// Stages that are to be handed in now.
    ready: Vec<(usize, TraceJob, Stage)>,
    /// How often tasks failed that are tried again.
    failures: BTreeMap<u64, u32>,
    sums: Sums,
}

impl Default for Courses {
    fn default() -> Self {
        let flows = Distribution::new(EXACT_MOST);
        let sums = Sums { runs: 0, skipped: 0, missed: 0, graphs: 0, succeeded: 0, failed: 0, unsubmitted: 0, flows };
        let (of_job, runs, graphs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { of_job, runs, graphs, ready: Vec::new(), failures: BTreeMap::new(), sums }
    }
}

impl Courses {
    /// True if stages are to be handed in now.
    #[inline]
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

impl Graph {
    /// True if all stages before this one have succeeded; None if one of them has not and will not.
    fn is_ready(&self, stage: &Stage) -> Option<bool> {
        let mut all = true;
        for &before in stage.after.iter() {
            match self.fates.get(before as usize) {
                Some(Fate::Failed) => return None,
                Some(Fate::Succeeded) => {}
                _ => all = false,
            }
        }
        Some(all)
    }

    fn is_settled(&self) -> bool {
        self.fates.iter().all(|fate| matches!(fate, Fate::Succeeded | Fate::Failed))
    }
}

impl Courses {
    /// A stage is to be handed in, is to wait, or never will be handed in. True if it is to be handed in now.
    fn look_at(&mut self, workload: usize, job: TraceJob, stage: Stage) {
        let Some(graph) = self.graphs.get_mut(&(workload, stage.graph)) else { return };
        let at = stage.stage as usize;
        // A log that was put together out of several may say different things of a graph.
        let stages = graph.fates.len().max(stage.stages as usize).max(at + 1);
        graph.fates.resize(stages, Fate::Unknown);
        graph.fates[at] = match graph.is_ready(&stage) {
            Some(true) => {
                self.ready.push((workload, job, stage));
                Fate::Submitted
            }
            Some(false) => Fate::Held(Box::new((job, stage))),
            None => {
                self.sums.unsubmitted += 1;
                Fate::Failed
            }
        };
    }

    /// A stage is over: those behind it are looked at again, in order, since those behind them depend on them.
    fn stage_over(&mut self, workload: usize, stage: &Stage, succeeded: bool, now: Time) {
        let key = (workload, stage.graph);
        let Some(graph) = self.graphs.get_mut(&key) else { return };
        graph.fates[stage.stage as usize] = if succeeded { Fate::Succeeded } else { Fate::Failed };
        for at in stage.stage as usize + 1..stage.stages as usize {
            let Some(fate) = self.graphs.get_mut(&key).map(|graph| &mut graph.fates[at]) else { return };
            match std::mem::replace(fate, Fate::Unknown) {
                Fate::Held(held) => self.look_at(workload, held.0, held.1),
                other => *fate = other,
            }
        }
        self.settle(key, now);
    }

    /// A graph whose stages are all settled is over.
    fn settle(&mut self, key: (usize, u64), now: Time) {
        let Some(graph) = self.graphs.get(&key).filter(|graph| graph.is_settled()) else { return };
        if graph.fates.iter().all(|fate| matches!(fate, Fate::Succeeded)) {
            self.sums.succeeded += 1;
            self.sums.flows.add(now.since(graph.submit).0);
        } else {
            self.sums.failed += 1;
        }
        self.graphs.remove(&key);
    }
}

impl World {
    /// A job comes that is a part of something: it is handed in unless that says otherwise.
    pub(super) fn submit_in_course(
        &mut self,
        mut job: TraceJob,
        workload: usize,
        course: Course,
    ) -> Result<(), SimError> {
        match course {
            Course::Run { schedule } => {
                let overlaps = self.arrivals.workload(workload).rules.schedule.is_none_or(|rule| rule.overlaps);
                let running = self.kinds.courses.runs.entry((workload, schedule)).or_default();
                if *running > 0 && !overlaps {
                    self.kinds.courses.sums.skipped += 1;
                    return Ok(());
                }
                *running += 1;
                self.kinds.courses.sums.runs += 1;
                self.kinds.courses.of_job.insert(self.next_job, (workload, course));
                self.submit_alone(&mut job, workload)
            }
            Course::Stage(stage) => {
                let submit = job.submit;
                let fresh = || Graph { submit, fates: vec![Fate::Unknown; stage.stages as usize] };
                let key = (workload, stage.graph);
                if !self.kinds.courses.graphs.contains_key(&key) {
                    self.kinds.courses.sums.graphs += 1;
                    self.kinds.courses.graphs.insert(key, fresh());
                }
                self.kinds.courses.look_at(workload, job, stage);
                self.kinds.courses.settle(key, self.now);
                Ok(())
            }
        }
    }

    /// Hands in the stages whose time has come. False if there are none.
    pub(super) fn submit_ready(&mut self) -> Result<bool, SimError> {
        let any = self.kinds.courses.has_ready();
        for (workload, mut job, stage) in std::mem::take(&mut self.kinds.courses.ready) {
            // Whoever waits for others is handed in when they are done.
            job.submit = self.now;
            self.kinds.courses.of_job.insert(self.next_job, (workload, Course::Stage(stage)));
            self.submit_alone(&mut job, workload)?;
        }
        Ok(any)
    }

    /// A job is over, and this is what stands for it.
    pub(super) fn course_over(&mut self, id: u64, state: State) {
        let Some((workload, course)) = self.kinds.courses.of_job.remove(&id) else { return };
        match course {
            Course::Run { schedule } => {
                self.kinds.courses.sums.missed += u64::from(state == State::Rejected);
                if let Some(running) = self.kinds.courses.runs.get_mut(&(workload, schedule)) {
                    *running -= 1;
                    if *running == 0 {
                        self.kinds.courses.runs.remove(&(workload, schedule));
                    }
                }
            }
            Course::Stage(stage) => {
                self.kinds.courses.stage_over(workload, &stage, state == State::Finished, self.now);
            }
        }
    }

    /// What a job is held to besides.
    pub(super) fn rules_of(&self, job: &Job, kind: JobKind) -> Option<Arc<rules::Rules>> {
        let held = &self.arrivals.workload(usize::from(job.workload)).rules;
        if job.background || held.is_empty() {
            return None;
        }
        let deadline = held.schedule.and_then(|schedule| schedule.deadline);
        Some(Arc::new(rules::Rules {
            start_by: deadline.map(|deadline| job.submit + deadline),
            failures: held.failures.as_ref().filter(|_| !kind.is_kept_running()).map(|failures| failures.retry),
            delays: held.service.as_ref().and_then(|service| service.delays),
            unreachable: held.service.as_ref().and_then(|service| service.unreachable),
            leave_at: None,
            resident: held.service.as_ref().and_then(|service| service.resident),
        }))
    }

    /// True if a task whose run is over has failed.
    pub(super) fn has_failed(&self, task: &Task, fails: bool) -> bool {
        let job = &self.jobs[task.job];
        let Some(before) = self.kinds.courses.failures.get(&task.id).copied() else { return fails };
        let stage = match self.kinds.courses.of_job.get(&job.id) {
            Some((_, Course::Stage(stage))) => stage.stage as usize,
            _ => 0,
        };
        let rule = self.arrivals.workload(usize::from(job.workload)).rules.failures.as_ref();
        match rule.and_then(|rule| rule.shares.get(stage).copied()) {
            Some(share) => {
                // By name, so that the draw does not depend on when the job was handed in.
                let entity = job.digest ^ mix(u64::from(task.index));
                unit(self.seed, AGAIN, entity, u64::from(before)) < share
            }
            None => fails,
        }
    }

    /// How soon a task that failed is tried again; None if it is not.
    pub(super) fn after_failure(&mut self, task: &Task) -> Option<Span> {
        let job = &self.jobs[task.job];
        let retry = self.arrivals.workload(usize::from(job.workload)).rules.failures.as_ref()?.retry;
        if job.background {
            return None;
        }
        let count = self.kinds.courses.failures.entry(task.id).or_default();
        *count += 1;
        retry.allows(*count).then(|| retry.pause(*count))
    }

    /// A task is over for good.
    pub(super) fn forget_failures(&mut self, id: u64) {
        if !self.kinds.courses.failures.is_empty() {
            self.kinds.courses.failures.remove(&id);
        }
    }

    /// Writes what became of schedules and graphs, if there were any.
    pub(super) fn record_courses(&mut self, summary: &mut Summary) {
        let Courses { graphs, sums, .. } = &mut self.kinds.courses;
        if sums.runs + sums.skipped > 0 {
            summary.set("cron.runs", sums.runs);
            summary.set("cron.skipped", sums.skipped);
            summary.set("cron.missed", sums.missed);
        }
        if sums.graphs > 0 {
            let held = |graph: &Graph| graph.fates.iter().filter(|fate| matches!(fate, Fate::Held(_))).count() as u64;
            summary.set("dag.graphs", sums.graphs);
            summary.set("dag.succeeded", sums.succeeded);
            summary.set("dag.failed", sums.failed);
            summary.set("dag.open_at_end", graphs.len() as u64);
            summary.set("dag.jobs_unsubmitted", sums.unsubmitted);
            summary.set("dag.jobs_held_at_end", graphs.values().map(held).sum::<u64>());
            record_seconds(summary, "dag.flow_s", &mut sums.flows);
        }
    }
}
