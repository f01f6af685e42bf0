//! Instances small enough that ties are common, and the core driven through its one door.

use alloc::vec::Vec;

use proptest::prelude::*;

use crate::cause::Cause;
use crate::config::{Choice, Config, Instant};
use crate::decision::Decision;
use crate::event::{Ending, Event, JobKind, JobSpec, NodeSpec};
use crate::framework::tests::{Stage, node};
use crate::id::{RoleId, TaskId};
use crate::partition::Terms;
use crate::resources::Resources;
use crate::time::{Span, Time};

/// Processors of the pool.
pub(super) const POOL: u64 = 10;

/// A job; times in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) submit: u64,
    pub(super) estimate: u64,
    pub(super) run: u64,
    pub(super) procs: u64,
}

/// Jobs by submission; with `exact` they run as long as they ask.
pub(super) fn jobs(exact: bool) -> impl Strategy<Value = Vec<Job>> {
    let job = (0_u64..4, 1_u64..12, 1_u64..=12, 1_u64..=POOL);
    proptest::collection::vec(job, 1..40).prop_map(move |rows| {
        let mut now = 0;
        rows.into_iter()
            .map(|(gap, estimate, run, procs)| {
                now += gap;
                Job { submit: now, estimate, run: if exact { estimate } else { run.min(estimate) }, procs }
            })
            .collect()
    })
}

/// A cluster of so many one-processor nodes, or a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Pool,
    Nodes { cpus: u32 },
}

/// What is known of a run.
pub(super) struct Drive {
    stage: Stage,
    jobs: Vec<Job>,
    /// The terms of each job, and its role; the default beyond.
    terms: Vec<(Terms, RoleId)>,
    pub(super) starts: Vec<Option<u64>>,
    /// Where each job runs, or ran: nodes with so many of its members.
    pub(super) places: Vec<Vec<(u32, u32)>>,
    pub(super) rejected: Vec<usize>,
    /// How long each job waited for its limits, in microseconds.
    pub(super) limited: Vec<u64>,
    /// Jobs that run, in the order of their starts.
    running: Vec<usize>,
    wake: Option<Time>,
}

/// The start of each job, in seconds, as the core decides. Time stands in whole seconds.
pub(super) fn drive(config: &Config, jobs: &[Job], machine: Machine) -> Vec<u64> {
    let nodes = match machine {
        Machine::Pool => alloc::vec![(POOL as u32 * 1000, 0)],
        Machine::Nodes { cpus } => alloc::vec![(cpus * 1000, 0); POOL as usize / cpus as usize],
    };
    let specs: Vec<NodeSpec> = nodes.iter().zip(0..).map(|(&(cpu, memory), id)| node(id, cpu, memory)).collect();
    drive_on(config, jobs, &specs, machine, &[]).starts.into_iter().flatten().collect()
}

/// The same on nodes and terms of one's own, until everybody has started or was rejected.
pub(super) fn drive_on(
    config: &Config,
    jobs: &[Job],
    nodes: &[NodeSpec],
    machine: Machine,
    terms: &[(Terms, RoleId)],
) -> Drive {
    let mut stage = Stage::new(config.clone());
    for node in nodes {
        stage.add(node.clone());
    }
    let mut drive = Drive {
        stage,
        jobs: jobs.to_vec(),
        terms: terms.to_vec(),
        starts: alloc::vec![None; jobs.len()],
        places: alloc::vec![Vec::new(); jobs.len()],
        rejected: Vec::new(),
        limited: alloc::vec![0; jobs.len()],
        running: Vec::new(),
        wake: None,
    };
    let mut now = 0;
    while drive.starts.iter().flatten().count() + drive.rejected.len() < jobs.len() {
        drive.instant(config.instant, now, machine);
        now += 1;
        assert!(now < 10_000, "somebody waits for ever: {:?}", drive.starts);
    }
    drive
}

impl Drive {
    fn instant(&mut self, convention: Instant, now: u64, machine: Machine) {
        self.stage.at(now);
        let ends = |drive: &Self, job: usize| drive.starts[job].map(|start| start + drive.jobs[job].run);
        let coming: Vec<usize> = (0..self.jobs.len()).filter(|&job| self.jobs[job].submit == now).collect();
        let submissions: Vec<Event> = coming.iter().map(|&job| self.submission(job, machine)).collect();
        let ended: Vec<usize> = self.running.iter().copied().filter(|&job| ends(self, job) == Some(now)).collect();
        let end = |job: &usize| Event::TaskEnded { task: TaskId(*job as u64), ending: Ending::Finished };
        let woken = self.wake.is_some_and(|wake| wake <= self.stage.now);
        match convention {
            Instant::Batched => {
                let mut by_id = ended.clone();
                by_id.sort_unstable();
                let mut events: Vec<Event> = by_id.iter().map(end).collect();
                events.extend(submissions);
                if woken {
                    events.push(Event::Woken);
                }
                if !events.is_empty() {
                    self.running.retain(|job| !ended.contains(job));
                    self.hear(&events, now);
                }
            }
            Instant::PerEvent => {
                for event in submissions {
                    self.hear(&[event], now);
                }
                for job in ended {
                    self.running.retain(|&other| other != job);
                    self.hear(&[end(&job)], now);
                }
                if woken {
                    self.hear(&[Event::Woken], now);
                }
            }
        }
    }

    fn submission(&mut self, job: usize, machine: Machine) -> Event {
        let Job { estimate, procs, .. } = self.jobs[job];
        let plain = self.stage.task(0, 0);
        let (first_task, estimate) = (TaskId(job as u64), Some(Span::from_seconds(estimate)));
        let (count, kind, milli) = match machine {
            Machine::Pool => (1, JobKind::Batch, procs as u32 * 1000),
            Machine::Nodes { .. } => (procs as u32, JobKind::Gang, 1000),
        };
        let request = Resources::new(milli, 0);
        let (terms, role) = self.terms.get(job).copied().unwrap_or_default();
        Event::JobSubmitted(JobSpec { first_task, count, kind, request, estimate, terms, role, ..plain })
    }

    fn hear(&mut self, events: &[Event], now: u64) {
        self.wake = self.stage.hear(events).wake;
        for decision in &self.stage.decisions {
            match decision {
                Decision::Place { task, node, count, .. } => self.places[task.0 as usize].push((node.0, *count)),
                Decision::Reject { task, .. } => self.rejected.push(task.0 as usize),
                Decision::Waited { task, causes } => {
                    self.limited[task.0 as usize] = causes[Cause::Quota as usize].0;
                    let wait = (now - self.jobs[task.0 as usize].submit) * 1_000_000;
                    assert_eq!(causes.iter().map(|cause| cause.0).sum::<u64>(), wait, "causes add up");
                }
                _ => {}
            }
            let Decision::Place { task, more: false, .. } = decision else { continue };
            let job = task.0 as usize;
            assert!(self.starts[job].is_none(), "job {job} starts twice");
            assert!(self.jobs[job].submit <= now, "job {job} starts before it is submitted");
            self.starts[job] = Some(now);
            self.running.push(job);
        }
    }
}

/// Never more than there is, at any instant.
pub(super) fn within_capacity(jobs: &[Job], starts: &[u64]) -> bool {
    starts.iter().all(|&at| {
        let held = jobs.iter().zip(starts).filter(|(job, start)| **start <= at && at < **start + job.run);
        held.map(|(job, _)| job.procs).sum::<u64>() <= POOL
    })
}

/// A configuration on one pool.
pub(super) fn filled(backfill: &str, instant: Instant) -> Config {
    let (backfill, placement) = (Choice::named(backfill), Choice::named("first-fit"));
    Config { backfill, placement, instant, ..Config::default() }
}
