//! The radius of a blast: what would be lost if a domain died now.

use std::collections::{BTreeMap, BTreeSet};

use windtunnel_outcome::recorder::BlastRow;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::time::Time;
use windtunnel_traces::model::{Group, Job as TraceJob};

use super::truth::Job;
use super::{UNSTARTED, World};
use crate::fault::Domains;
use crate::model::Blast;

/// When and of which domains the radius is taken.
#[derive(Clone, Default)]
pub(super) struct Radius {
    kinds: Vec<(String, Domains)>,
    /// Instants to come, the next one last.
    left: Vec<Time>,
    pub rows: Vec<BlastRow>,
    /// Where the trace says that tasks run at the instants to come; none if nobody asks.
    recorded: Option<Recorded>,
}

/// Where the trace says that tasks run.
#[derive(Clone, Default)]
struct Recorded {
    at: BTreeMap<Time, Vec<Runs>>,
    /// Tasks of which the trace says where they ran, on a node of the fleet.
    known: u64,
    /// Tasks that ran on a node that the fleet does not have.
    nowhere: u64,
}

/// Equal tasks of a job, or a gang, on these nodes.
#[derive(Clone)]
struct Runs {
    job: u64,
    nodes: Vec<u32>,
    tasks: u64,
    /// The same, a gang being one.
    units: u64,
    is_service: bool,
    /// More replicas of its job than this are missed; none: all.
    spares: Option<u32>,
    /// Of its job, what should run beside what others here say of it: it adds up to all that is not over.
    wanted: u64,
}

impl Radius {
    pub(super) fn new(blast: Blast, fleet: &windtunnel_traces::model::Fleet) -> Self {
        let mut left = blast.at;
        left.sort_unstable_by(|a, b| b.cmp(a));
        left.dedup();
        let kinds = blast.kinds.into_iter().map(|kind| (kind.clone(), Domains::of(fleet, &kind))).collect();
        let recorded = blast.recorded.then(Recorded::default);
        Self { kinds, left, rows: Vec::new(), recorded }
    }

    /// The next instant.
    pub(super) fn next(&self) -> Option<Time> {
        self.left.last().copied()
    }

    /// True if anybody asks.
    pub(super) fn is_used(&self) -> bool {
        !self.left.is_empty() || self.recorded.is_some()
    }

    /// What is in each domain of a kind, with these tasks where they are.
    fn rows_of(&self, at: Time, runs: &[Runs], recorded: bool, names: &[String]) -> Vec<BlastRow> {
        let mut running: BTreeMap<u64, u64> = BTreeMap::new();
        let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
        for one in runs {
            *running.entry(one.job).or_default() += one.units;
            *wanted.entry(one.job).or_default() += one.wanted;
        }
        let mut rows = Vec::new();
        for (kind, domains) in &self.kinds {
            let mut of_node: Vec<Option<u32>> = vec![None; names.len()];
            for domain in 0..domains.len() as u32 {
                for node in domains.nodes(domain) {
                    of_node[node as usize] = Some(domain);
                }
            }
            let mut held = vec![Held::default(); domains.len()];
            runs.iter().for_each(|one| hold(one, &of_node, &mut held));
            for (domain, held) in held.into_iter().enumerate() {
                let below = held.replicas.iter().filter(|&(job, &(lost, spares))| {
                    let left = running[job] - lost;
                    spares.map_or(left == 0, |spares| left + u64::from(spares) < wanted[job])
                });
                let services_below = below.count() as u64;
                let name = domains.name(domain as u32).map(str::to_owned);
                rows.push(BlastRow {
                    at,
                    recorded,
                    kind: kind.clone(),
                    domain: name.unwrap_or_else(|| names[domain].clone()),
                    nodes: domains.nodes(domain as u32).count() as u64,
                    tasks: held.tasks,
                    services: held.replicas.len() as u64,
                    services_below,
                    jobs: held.jobs.len() as u64,
                });
            }
        }
        rows
    }
}

/// What is in one domain.
#[derive(Clone, Default)]
struct Held {
    tasks: u64,
    /// Replicas of each service, and how many it can spare: all of them, if nobody said.
    replicas: BTreeMap<u64, (u64, Option<u32>)>,
    /// Jobs that are not services.
    jobs: BTreeSet<u64>,
}

fn hold(runs: &Runs, of_node: &[Option<u32>], held: &mut [Held]) {
    let mut domains: Vec<u32> = runs.nodes.iter().filter_map(|&node| of_node[node as usize]).collect();
    domains.sort_unstable();
    domains.dedup();
    for domain in domains {
        let held = &mut held[domain as usize];
        // A gang dies as a whole.
        held.tasks += runs.tasks;
        if runs.is_service {
            held.replicas.entry(runs.job).or_insert((0, runs.spares)).0 += runs.units;
        } else {
            held.jobs.insert(runs.job);
        }
    }
}

impl World {
    /// Takes the radius of every domain, before anything happens in the instants that are asked for.
    pub(super) fn take_blasts(&mut self, now: Time) {
        while self.radius.next().is_some_and(|next| next <= now) {
            let Some(at) = self.radius.left.pop() else { return };
            let rows = self.radius.rows_of(at, &self.runs_now(), false, &self.node_names);
            self.radius.rows.extend(rows);
            let recorded = self.radius.recorded.as_mut().map(|recorded| recorded.at.remove(&at).unwrap_or_default());
            if let Some(runs) = recorded {
                let rows = self.radius.rows_of(at, &runs, true, &self.node_names);
                self.radius.rows.extend(rows);
            }
        }
    }

    /// The tasks that run now.
    fn runs_now(&self) -> Vec<Runs> {
        let slots = self.of_task.iter().map(|(_, slot)| slot).filter(|slot| slot & UNSTARTED == 0);
        let mut seen = BTreeSet::new();
        let runs = slots.filter_map(|slot| {
            let task = &self.tasks[slot];
            let attempt = task.running?;
            let job = &self.jobs[task.job];
            let part = job.parts.of(task.index);
            // What is away of a job is missed whoever it is, so that all its tasks count, once.
            let wanted = if seen.insert(task.job) { u64::from(job.live) } else { 0 };
            Some(Runs {
                job: u64::from(task.job),
                nodes: self.nodes_of(&attempt).collect(),
                tasks: u64::from(part.members()),
                units: 1,
                is_service: part.kind == JobKind::Service,
                spares: self.arrivals.workload(usize::from(job.workload)).max_unavailable,
                wanted,
            })
        });
        runs.collect()
    }

    /// A job is handed in: where its tasks ran when the trace was recorded, at the instants that are asked for.
    pub(super) fn note_recorded(&mut self, job: &TraceJob, slot: u32) {
        if self.radius.recorded.is_none() {
            return;
        }
        let Job { workload, id, .. } = self.jobs[slot];
        let spares = self.arrivals.workload(usize::from(workload)).max_unavailable;
        let nodes: Vec<Option<u32>> = job.groups.as_slice().iter().map(|group| self.node_then(group)).collect();
        let left = &self.radius.left;
        let Some(recorded) = &mut self.radius.recorded else { return };
        for (group, node) in job.groups.as_slice().iter().zip(nodes) {
            let Some(past) = group.truth.recorded.as_ref().filter(|past| past.node.is_some()) else { continue };
            let Some(node) = node else {
                recorded.nowhere += u64::from(group.count);
                continue;
            };
            recorded.known += u64::from(group.count);
            let start = past.start.unwrap_or(job.submit);
            for &at in left.iter().filter(|&&at| start < at) {
                let kind = group.ask.kind;
                let not_over = |index: &u32| at <= start + group.truth.run.of(*index);
                let units = (0..group.units()).filter(not_over).count() as u64;
                if units > 0 {
                    let tasks = if kind == JobKind::Gang { u64::from(group.count) } else { units };
                    let is_service = kind == JobKind::Service;
                    let runs = Runs { job: id, nodes: vec![node], tasks, units, is_service, spares, wanted: units };
                    recorded.at.entry(at).or_default().push(runs);
                }
            }
        }
    }

    /// The node on which the trace says that a group ran, if the fleet has it.
    fn node_then(&self, group: &Group) -> Option<u32> {
        let past = group.truth.recorded.as_ref()?;
        self.recorded_node(past).map(|node| node.0)
    }

    /// Writes the worst of each kind.
    pub(super) fn record_blasts(&mut self, summary: &mut Summary) {
        let mut worst: BTreeMap<(bool, &str), [u64; 3]> = BTreeMap::new();
        for row in &self.radius.rows {
            let most = worst.entry((row.recorded, &row.kind)).or_default();
            for (most, value) in most.iter_mut().zip([row.tasks, row.services_below, row.jobs]) {
                *most = (*most).max(value);
            }
        }
        for ((recorded, kind), [tasks, services_below, jobs]) in worst {
            for (name, value) in [("tasks_max", tasks), ("services_below_max", services_below), ("jobs_max", jobs)] {
                let path = ["history", "blast", kind, name].into_iter().skip(usize::from(!recorded));
                summary.set_path(path.map(str::to_owned).collect(), value);
            }
        }
        if let Some(next) = self.radius.next() {
            let (next, end) = (next.as_seconds(), self.now.as_seconds());
            self.warnings
                .push(format!("`record.blast.at`: the run ended at {end} s, so that nothing is said of {next} s"));
        }
        let Some(recorded) = &self.radius.recorded else { return };
        if recorded.known == 0 {
            self.warnings.push("`record.blast.recorded`: no trace says on which node of the fleet a task ran".into());
        } else if recorded.nowhere > 0 {
            let nowhere = recorded.nowhere;
            self.warnings.push(format!("{nowhere} tasks ran on nodes that the fleet does not have: no blast has them"));
        }
    }
}
