//! Services that need others: they are handed in when the replicas of all that they need run and are ready, and of
//! upgrades that are due together those of what is needed come first.
//!
//! **Source.** Marathon, `dependencies` of apps and groups: a deployment goes from what is depended on to what depends
//! on it. What becomes of the needed afterwards is nothing to those that run.

use std::collections::{BTreeMap, BTreeSet};

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::id::TaskId;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Job as TraceJob;

use super::{UNSTARTED, World};
use crate::error::SimError;
use crate::experiment::Workload;

/// A workload whose services others need.
#[derive(Clone)]
struct Needed {
    /// How long a replica runs before it counts as ready.
    ready_after: Span,
    /// Its replicas: first ones, and how many with consecutive ids.
    tasks: Vec<(u64, u32)>,
}

/// A job that waits for the services that it needs.
#[derive(Clone)]
struct Held {
    job: TraceJob,
    workload: usize,
    since: Time,
}

/// The books on who needs whom. Empty where nobody needs anybody.
#[derive(Clone, Default)]
pub(super) struct Needs {
    /// The workloads that each needs, ascending, and all that those need.
    of: BTreeMap<usize, BTreeSet<usize>>,
    needed: BTreeMap<usize, Needed>,
    /// Who waits, in the order of coming.
    held: Vec<Held>,
    /// Something has happened since those who wait were looked at that may let them go on.
    pub(super) is_stirred: bool,
    /// When the next of them may go on, if nothing happens until then.
    due: Option<Time>,
    waits: Vec<Span>,
    never: u64,
}

impl Needs {
    pub(super) fn new(workloads: &[Workload]) -> Self {
        let needs = |at: usize| workloads[at].rules.service.as_ref().map_or(&[] as &[usize], |rules| &rules.needs);
        let mut of = BTreeMap::new();
        for at in (0..workloads.len()).filter(|&at| !needs(at).is_empty()) {
            let (mut all, mut open) = (BTreeSet::new(), needs(at).to_vec());
            while let Some(next) = open.pop() {
                if next < workloads.len() && all.insert(next) {
                    open.extend(needs(next));
                }
            }
            of.insert(at, all);
        }
        let needed = of.values().flatten().map(|&at| {
            let ready_after = workloads[at].rules.service.as_ref().map(|rules| rules.ready_after);
            (at, Needed { ready_after: ready_after.unwrap_or_default(), tasks: Vec::new() })
        });
        Self { needed: needed.collect(), of, ..Self::default() }
    }

    /// True if anybody needs anybody.
    pub(super) fn is_used(&self) -> bool {
        !self.of.is_empty()
    }

    /// When those who wait are to be looked at, if nothing happens until then.
    pub(super) fn next(&self) -> Option<Time> {
        self.due
    }

    /// The workloads that have to be done before this one.
    pub(super) fn before(&self, workload: usize) -> impl Iterator<Item = usize> {
        self.of.get(&workload).into_iter().flatten().copied()
    }
}

impl World {
    /// Whether a job is kept back until the services run that it needs. It is looked at again before the instant is
    /// over: who is needed may come in the same instant.
    pub(super) fn holds_for_needs(&mut self, job: &TraceJob, workload: usize) -> bool {
        let needs = &mut self.kinds.needs;
        if !needs.of.contains_key(&workload) {
            return false;
        }
        needs.held.push(Held { job: job.clone(), workload, since: self.now });
        needs.is_stirred = true;
        true
    }

    /// A job is handed in, with task ids from `first` on: others may need its services.
    pub(super) fn note_needed(&mut self, job: &TraceJob, workload: usize, first: u64) {
        let Some(needed) = self.kinds.needs.needed.get_mut(&workload) else { return };
        let mut unit = first;
        for group in job.groups.as_slice() {
            let units = group.units();
            if group.ask.kind.is_kept_running() {
                needed.tasks.push((unit, units));
            }
            unit += u64::from(units);
        }
        self.kinds.needs.is_stirred = true;
    }

    /// Hands in those whose needs are met. False if there are none.
    pub(super) fn submit_needy(&mut self) -> Result<bool, SimError> {
        let now = self.now;
        let needs = &mut self.kinds.needs;
        if needs.held.is_empty() || !(std::mem::take(&mut needs.is_stirred) || needs.due.is_some_and(|at| at <= now)) {
            return Ok(false);
        }
        let all = self.kinds.needs.needed.keys();
        let ready: BTreeMap<usize, Option<Time>> = all.map(|&workload| (workload, self.ready_at(workload))).collect();
        let met = |held: &Held| {
            let times = self.kinds.needs.before(held.workload).map(|before| ready.get(&before).copied().flatten());
            times.collect::<Option<Vec<Time>>>().map(|times| times.into_iter().max().unwrap_or(now))
        };
        let due: Vec<Option<Time>> = self.kinds.needs.held.iter().map(met).collect();
        self.kinds.needs.due = due.iter().flatten().copied().filter(|&at| at > now).min();
        if due.iter().all(|due| due.is_none_or(|at| at > now)) {
            return Ok(false);
        }
        let held = std::mem::take(&mut self.kinds.needs.held);
        let (go, stay): (Vec<_>, Vec<_>) =
            held.into_iter().zip(due).partition(|(_, due)| due.is_some_and(|at| at <= now));
        self.kinds.needs.held = stay.into_iter().map(|(held, _)| held).collect();
        for (Held { mut job, workload, since }, _) in go {
            // Whoever waits for others is handed in when they are there.
            job.submit = now;
            self.kinds.needs.waits.push(now.since(since));
            self.hand_in(&mut job, workload)?;
        }
        Ok(true)
    }

    /// From when on all services of a workload are ready, as things stand; None if one of its replicas does not run.
    fn ready_at(&self, workload: usize) -> Option<Time> {
        let needs = &self.kinds.needs;
        let needed = needs.needed.get(&workload)?;
        if needs.held.iter().any(|held| held.workload == workload) {
            return None;
        }
        let mut last = None;
        for id in needed.tasks.iter().flat_map(|&(first, count)| first..first + u64::from(count)) {
            // Who is over for good is not waited for.
            let Some(slot) = self.task_slot(TaskId(id)) else { continue };
            let attempt = if slot & UNSTARTED == 0 { self.tasks[slot].running } else { None };
            let start = attempt.map(|attempt| attempt.start).filter(|&start| start <= self.now)?;
            last = last.max(Some(start));
        }
        last.map(|start| start + needed.ready_after)
    }

    /// At the end: who still waits never started, and counts as waiting.
    pub(super) fn count_needy(&mut self) -> Result<(), SimError> {
        let held = std::mem::take(&mut self.kinds.needs.held);
        if held.is_empty() {
            return Ok(());
        }
        for Held { job, workload, .. } in &held {
            let tasks: u64 = job.groups.as_slice().iter().map(|group| u64::from(group.count)).sum();
            self.kinds.needs.never += tasks;
            self.add_job(job, *workload, super::work::Coming::Submitted)?;
        }
        let (count, name) = (self.kinds.needs.never, &held[0].job.name);
        self.warnings
            .push(format!("{count} tasks never started, since services that they need were not ready: `{name}`"));
        Ok(())
    }

    /// Writes how long services waited for others, if any need others.
    pub(super) fn record_needs(&self, summary: &mut Summary) {
        let Needs { of, waits, never, .. } = &self.kinds.needs;
        if of.is_empty() {
            return;
        }
        let sum: u128 = waits.iter().map(|span| u128::from(span.0)).sum();
        let mean = (!waits.is_empty()).then(|| sum as f64 / waits.len() as f64 / 1e6);
        summary.set("services.needs.met", waits.len() as u64);
        summary.set("services.needs.never_started", *never);
        summary.set("services.needs.wait_s.mean", mean);
        summary.set("services.needs.wait_s.max", waits.iter().max().map(|span| span.0 as f64 / 1e6));
    }
}
