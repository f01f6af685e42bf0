//! The radius of a blast: what would be lost if a domain died now.

use std::collections::{BTreeMap, BTreeSet};

use windtunnel_outcome::recorder::BlastRow;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::time::Time;

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
}

impl Radius {
    pub(super) fn new(blast: Blast, fleet: &windtunnel_traces::model::Fleet) -> Self {
        let mut left = blast.at;
        left.sort_unstable_by(|a, b| b.cmp(a));
        left.dedup();
        let kinds = blast.kinds.into_iter().map(|kind| (kind.clone(), Domains::of(fleet, &kind))).collect();
        Self { kinds, left, rows: Vec::new() }
    }

    /// The next instant.
    pub(super) fn next(&self) -> Option<Time> {
        self.left.last().copied()
    }
}

/// What is in one domain.
#[derive(Clone, Default)]
struct Held {
    tasks: u64,
    /// Replicas of each service.
    replicas: BTreeMap<u32, u64>,
    /// Jobs that are not services.
    jobs: BTreeSet<u32>,
}

impl World {
    /// Takes the radius of every domain, before anything happens in the instants that are asked for.
    pub(super) fn take_blasts(&mut self, now: Time) {
        while self.radius.next().is_some_and(|next| next <= now) {
            let Some(at) = self.radius.left.pop() else { return };
            self.take_blast(at);
        }
    }

    fn take_blast(&mut self, at: Time) {
        let kinds = std::mem::take(&mut self.radius.kinds);
        let slots: Vec<u32> = self.of_task.iter().map(|(_, slot)| slot).filter(|slot| slot & UNSTARTED == 0).collect();
        let mut running: BTreeMap<u32, u64> = BTreeMap::new();
        for &slot in &slots {
            let task = &self.tasks[slot];
            if task.running.is_some() {
                *running.entry(task.job).or_default() += 1;
            }
        }
        for (kind, domains) in &kinds {
            let mut of_node: Vec<Option<u32>> = vec![None; self.nodes.len()];
            for domain in 0..domains.len() as u32 {
                for node in domains.nodes(domain) {
                    of_node[node as usize] = Some(domain);
                }
            }
            let mut held = vec![Held::default(); domains.len()];
            for &slot in &slots {
                self.hold_blast(slot, &of_node, &mut held);
            }
            for (domain, held) in held.into_iter().enumerate() {
                let below = held.replicas.iter().filter(|&(&job, &lost)| self.falls_below(job, running[&job] - lost));
                let name = domains.name(domain as u32).map(str::to_owned);
                let services_below = below.count() as u64;
                self.radius.rows.push(BlastRow {
                    at,
                    kind: kind.clone(),
                    domain: name.unwrap_or_else(|| self.node_names[domain].clone()),
                    nodes: domains.nodes(domain as u32).count() as u64,
                    tasks: held.tasks,
                    services: held.replicas.len() as u64,
                    services_below,
                    jobs: held.jobs.len() as u64,
                });
            }
        }
        self.radius.kinds = kinds;
    }

    fn hold_blast(&self, slot: u32, of_node: &[Option<u32>], held: &mut [Held]) {
        let task = &self.tasks[slot];
        let Some(attempt) = task.running else { return };
        let part = self.jobs[task.job].parts.of(task.index);
        let mut domains: Vec<u32> = self.nodes_of(&attempt).filter_map(|node| of_node[node as usize]).collect();
        domains.sort_unstable();
        domains.dedup();
        for domain in domains {
            let held = &mut held[domain as usize];
            // A gang dies as a whole.
            held.tasks += u64::from(part.members());
            if part.kind == JobKind::Service {
                *held.replicas.entry(task.job).or_default() += 1;
            } else {
                held.jobs.insert(task.job);
            }
        }
    }

    /// True if a service with so many replicas left has more away than it can spare: all of them, if nobody said.
    fn falls_below(&self, job: u32, left: u64) -> bool {
        let job = &self.jobs[job];
        let spares = self.arrivals.workload(usize::from(job.workload)).max_unavailable;
        spares.map_or(left == 0, |spares| left + u64::from(spares) < u64::from(job.live))
    }

    /// Writes the worst of each kind.
    pub(super) fn record_blasts(&self, summary: &mut Summary) {
        let mut worst: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for row in &self.radius.rows {
            let most = worst.entry(&row.kind).or_default();
            for (most, value) in most.iter_mut().zip([row.tasks, row.services_below, row.jobs]) {
                *most = (*most).max(value);
            }
        }
        for (kind, [tasks, services_below, jobs]) in worst {
            for (name, value) in [("tasks_max", tasks), ("services_below_max", services_below), ("jobs_max", jobs)] {
                summary.set_path(vec!["blast".to_owned(), kind.to_owned(), name.to_owned()], value);
            }
        }
    }
}
