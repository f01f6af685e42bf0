//! What waits, and for which groups of nodes: a rule orders no node that the waiting tasks could not use.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::hint::{rare, rarely};
use windtunnel_scheduler::resources::{LANES, Resources, Totals};
use windtunnel_traces::model::{Fleet, Job as TraceJob};

use super::World;
use super::setup::meets;
use crate::elastic::Elastic;

/// Sets of constraints of which it is remembered who meets them; beyond it all are forgotten.
const SETS_MOST: usize = 1 << 10;

/// What waits, by the groups that it could run on.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    groups: usize,
    /// For each pair of groups what could run on either of them; a group with itself: on that one.
    waiting: Vec<Totals>,
    /// The groups that parts of jobs can run on, by job and first task of the part; a part that stands not there can
    /// run on all.
    able: BTreeMap<(u64, u32), Box<[bool]>>,
    /// The groups of which some node meets a set of constraints.
    meets: BTreeMap<Arc<[Constraint]>, Box<[bool]>>,
}

impl Demand {
    /// Of so many groups; of none where no rule asks.
    pub(super) fn new(groups: usize) -> Self {
        Self { groups, waiting: vec![Totals::default(); groups * groups], ..Self::default() }
    }

    /// What waits and could run on both groups.
    pub(super) fn of_both(&self, one: usize, other: usize) -> &Totals {
        &self.waiting[one * self.groups + other]
    }

    fn change(&mut self, job: u64, part: u32, request: &Resources, change: i64) {
        let able = self.able.get(&(job, part));
        let is_able = |group: usize| able.is_none_or(|able| able[group]);
        for (at, sum) in self.waiting.iter_mut().enumerate() {
            if is_able(at / self.groups) && is_able(at % self.groups) {
                shift(sum, request, change);
            }
        }
    }

    fn meets(&mut self, set: &Arc<[Constraint]>, groups: &[Elastic], fleet: &Fleet) -> &[bool] {
        if self.meets.len() >= SETS_MOST {
            self.meets.clear();
        }
        self.meets.entry(set.clone()).or_insert_with(|| {
            let some = |group: &Elastic| {
                let nodes = &fleet.nodes[group.first as usize..(group.first + group.most) as usize];
                nodes.iter().any(|node| meets(node, set))
            };
            groups.iter().map(some).collect()
        })
    }
}

/// So many tasks of a request more, or fewer.
fn shift(sum: &mut Totals, request: &Resources, change: i64) {
    if change > 0 { sum.add(request, change.unsigned_abs()) } else { sum.sub(request, change.unsigned_abs()) }
}

impl World {
    /// Learns which groups the parts of a job can run on.
    pub(super) fn survey_job(&mut self, id: u64, job: &TraceJob) {
        if self.comings.as_ref().is_none_or(|comings| !comings.is_ruled()) {
            return;
        }
        let mut first = 0;
        for group in job.groups.as_slice() {
            let (request, gpu) = (self.constrained(group.ask.request), self.constrained_gpu(group.ask.gpu));
            let Some(comings) = &mut self.comings else { return };
            let roomy = |one: &Elastic| {
                let node = &self.fleet.nodes[one.first as usize];
                request.fits_in(&node.capacity) && gpu.count <= node.gpus
            };
            let mut able: Box<[bool]> = comings.groups.iter().map(roomy).collect();
            if let Some(set) = &group.ask.constraints {
                let met = comings.demand.meets(set, &comings.groups, &self.fleet);
                able.iter_mut().zip(met).for_each(|(able, met)| *able &= met);
            }
            if !able.iter().all(|&able| able) {
                comings.demand.able.insert((id, first), able);
            }
            first += group.count;
        }
    }

    /// A job is over: nothing of it will wait again.
    pub(super) fn forget_job(&mut self, id: u64) {
        if let Some(comings) = &mut self.comings {
            while let Some(key) = comings.demand.able.range((id, 0)..=(id, u32::MAX)).next().map(|(&key, _)| key) {
                comings.demand.able.remove(&key);
            }
        }
    }

    /// So many tasks of a part of a job, which the task at `index` belongs to, come to wait, or cease to.
    pub(super) fn note_waiting(&mut self, job: u32, index: u32, change: i64, started: bool) {
        let entry = &self.jobs[job];
        let part = entry.parts.of(index);
        let (id, first, request, workload) = (entry.id, part.first, part.request(), entry.workload);
        let request = self.constrained(request);
        // What waits inside a framework asks the fleet for nothing: its holders do.
        let inside = self.runs_inside(usize::from(workload));
        if !inside {
            shift(&mut self.levels.pending, &request, change);
        }
        if change > 0 {
            self.levels.waiting += change.unsigned_abs();
        } else {
            self.levels.waiting -= change.unsigned_abs();
        }
        if let Some(comings) = rare(self.comings.as_mut()).filter(|_| !inside) {
            comings.demand.change(id, first, &request, change);
        }
        // Whoever is offered resources is hungry meanwhile.
        if rarely(!self.offers.is_idle()) {
            let party = self.arrivals.workload(usize::from(workload)).party;
            self.offers.wait(self.now, party, change, started);
        }
    }

    /// How many more nodes of a group the waiting tasks that can run there would fill, beyond all that boot.
    pub(super) fn short_of(&self, group: usize) -> u32 {
        let Some(comings) = &self.comings else { return 0 };
        let mut need = 0;
        for lane in self.fleet.named_lanes().filter(|&lane| lane < LANES) {
            let capacity = |at: usize| u64::from(self.fleet.nodes[comings.groups[at].first as usize].capacity[lane]);
            let coming = |at: usize| {
                let booting = u64::from(comings.booting_of(at)) * capacity(at);
                booting.min(comings.demand.of_both(group, at).0[lane])
            };
            let all: u64 = (0..comings.groups.len()).map(coming).sum();
            let rest = comings.demand.of_both(group, group).0[lane].saturating_sub(all);
            need = need.max(rest.div_ceil(capacity(group).max(1)));
        }
        u32::try_from(need).unwrap_or(u32::MAX)
    }
}
