//! What runs already when a run begins.

use windtunnel_scheduler::draw::{Kind, below};
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::resources::{CPU, Resources};
use windtunnel_traces::model::{Ask, Group, Groups, Job as TraceJob, Label, Name};

use super::World;
use super::setup::{CHUNK, Hand, meets};
use super::truth::Node;
use super::work::Coming;
use crate::error::SimError;

/// The stream of draws that warm tasks are put on nodes with.
const WARM: Kind = 0x7761_726d;
/// Blind draws for a warm task before nodes are asked in order.
const WARM_TRIES: u64 = 16;
/// After the first, so many of them at once: their nodes are fetched together. It divides the tries after the first.
const WARM_AHEAD: usize = 5;
/// The nodes that so many warm tasks are tried on first are fetched together.
const WARM_TOGETHER: u64 = 32;
/// Warm tasks in a row that fit nowhere before the fleet counts as full.
const WARM_MISSES_MOST: u32 = 100;
/// From so many warm tasks it is known about how many it takes.
const WARM_MEASURED: u64 = 4096;
/// Room is made at once for at most so many on each node.
const WARM_PER_NODE_MOST: usize = 64;
/// Different requests of which it is remembered who had no room for them: the first seen.
const REQUESTS_MOST: usize = 64;

/// Who has not yet been found too full for a request. While a world is warmed nothing ends, so that room only shrinks:
/// whoever was too full once need not be asked again.
#[derive(Default)]
struct Roomy {
    known: Vec<(Resources, GpuRequest, Roomers)>,
}

/// A set of nodes, one bit each.
struct Roomers(Box<[u64]>);

impl Roomy {
    /// The nodes that may have room for what is asked; None if that is not remembered.
    fn of(&mut self, ask: &Ask, count: usize) -> Option<&mut Roomers> {
        if ask.constraints.is_some() {
            return None;
        }
        let known = self.known.iter().position(|(request, gpu, _)| *request == ask.request && *gpu == ask.gpu);
        let at = match known {
            Some(at) => at,
            None if self.known.len() < REQUESTS_MOST => {
                self.known.push((ask.request, ask.gpu, Roomers::all(count)));
                self.known.len() - 1
            }
            None => return None,
        };
        Some(&mut self.known[at].2)
    }
}

impl Roomers {
    fn all(count: usize) -> Self {
        Self(vec![u64::MAX; count.div_ceil(64)].into())
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 != 0
    }

    #[inline]
    fn remove(&mut self, at: usize) {
        self.0[at / 64] &= !(1 << (at % 64));
    }

    /// The first member from `at` on; it may lie beyond the last node.
    fn next(&self, at: usize) -> Option<usize> {
        let first = self.0.get(at / 64)? & u64::MAX << (at % 64);
        let rest = || (at / 64 + 1..self.0.len()).map(|word| (word, self.0[word])).find(|&(_, bits)| bits != 0);
        let (word, bits) = if first != 0 { (at / 64, first) } else { rest()? };
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

impl World {
    /// Fills the fleet with background tasks of a workload until enough cpu is allocated.
    pub(super) fn warm(&mut self, workload: usize, hand: Hand<'_>) -> Result<(), SimError> {
        let Some(mut warm) = self.arrivals.workloads_mut()[workload].warm.take() else { return Ok(()) };
        let target = u128::from(self.levels.capacity.0[CPU]) * u128::from(warm.permille) / 1000;
        let filled_before = u128::from(self.levels.used.0[CPU]);
        let mut roomy = Roomy::default();
        let mut index = 0;
        let mut misses = 0;
        while u128::from(self.levels.used.0[CPU]) - filled_before < target && misses < WARM_MISSES_MOST {
            let group = warm.background.task(index);
            match self.warm_node(&mut roomy, &group.ask, index) {
                Some((node, gpus)) => {
                    misses = 0;
                    self.add_background(workload, index, group, node, gpus)?;
                }
                None => misses += 1,
            }
            index += 1;
            if index == WARM_MEASURED {
                let filled = u128::from(self.levels.used.0[CPU]) - filled_before;
                let expected = u128::from(index) * target / filled.max(1);
                let more = usize::try_from(expected).unwrap_or(0).min(self.nodes.len() * WARM_PER_NODE_MOST);
                self.jobs.reserve(more);
                self.tasks.reserve(more);
            }
            if self.inboxes[0].len() >= CHUNK {
                hand(self)?;
            }
        }
        if misses == WARM_MISSES_MOST {
            self.warnings.push(format!(
                "the fleet could be warmed to {:.1} % of its cpu only: {WARM_MISSES_MOST} tasks in a row fit nowhere",
                self.levels.used.0[CPU] as f64 * 100.0 / self.levels.capacity.0[CPU].max(1) as f64
            ));
        }
        Ok(())
    }

    fn add_background(
        &mut self,
        workload: usize,
        index: u64,
        mut group: Group,
        node: NodeId,
        gpus: GpuSet,
    ) -> Result<(), SimError> {
        group.ask.kind = JobKind::Batch;
        let job = TraceJob {
            name: Name::Number(index),
            submit: self.now,
            priority: 0,
            role: Label::default(),
            user: Label::default(),
            class: Label::default(),
            groups: Groups::One(group),
            course: None,
        };
        let slot = self.add_job(&job, workload, Coming::Background)?;
        let ask = &job.groups.as_slice()[0].ask;
        let spec = self.spec_of(slot, ask, self.jobs[slot].first_task, 1);
        self.adopt(slot, spec, node, gpus);
        Ok(())
    }

    /// A node for a warm task: drawn, so that the state does not depend on the policy under test; the next with room if
    /// some draws were in vain.
    fn warm_node(&self, roomy: &mut Roomy, ask: &Ask, index: u64) -> Option<(NodeId, GpuSet)> {
        let count = self.nodes.len() as u64;
        let draw = |index_of_draw| below(count, self.seed, WARM, index, index_of_draw);
        if index.is_multiple_of(WARM_TOGETHER) {
            let first = |task| below(count, self.seed, WARM, task, 0) as usize;
            let fetch = |task| self.nodes[first(task)].fetch();
            std::hint::black_box((index..index + WARM_TOGETHER).fold(0, |seen, task| seen ^ fetch(task)));
        }
        let mut roomers = roomy.of(ask, self.nodes.len());
        if let Some(found) = self.warm_fits(&mut roomers, ask, draw(0) as usize) {
            return Some(found);
        }
        for begin in (1..WARM_TRIES).step_by(WARM_AHEAD) {
            let nodes: [usize; WARM_AHEAD] = std::array::from_fn(|at| draw(begin + at as u64) as usize);
            let maybe = |at: &&usize| roomers.as_deref().is_none_or(|roomers| roomers.has(**at));
            std::hint::black_box(nodes.iter().filter(maybe).fold(0, |seen, &at| seen ^ self.nodes[at].fetch()));
            if let Some(found) = nodes.into_iter().find_map(|at| self.warm_fits(&mut roomers, ask, at)) {
                return Some(found);
            }
        }
        let from = draw(WARM_TRIES) as usize;
        let later = self.first_warm(&mut roomers, ask, from, self.nodes.len());
        later.or_else(|| self.first_warm(&mut roomers, ask, 0, from))
    }

    /// The first node with room for a warm task among those from `begin` up to `end`.
    fn first_warm(
        &self,
        roomers: &mut Option<&mut Roomers>,
        ask: &Ask,
        begin: usize,
        end: usize,
    ) -> Option<(NodeId, GpuSet)> {
        let mut at = begin;
        loop {
            at = roomers.as_deref().map_or(Some(at), |roomers| roomers.next(at)).filter(|&at| at < end)?;
            if let Some(found) = self.warm_fits(roomers, ask, at) {
                return Some(found);
            }
            at += 1;
        }
    }

    #[inline]
    fn warm_fits(&self, roomers: &mut Option<&mut Roomers>, ask: &Ask, at: usize) -> Option<(NodeId, GpuSet)> {
        if roomers.as_deref().is_some_and(|roomers| !roomers.has(at)) {
            return None;
        }
        let found = self.has_warm_room(ask, at);
        if let (None, Some(roomers)) = (found, roomers) {
            roomers.remove(at);
        }
        found
    }

    fn has_warm_room(&self, ask: &Ask, at: usize) -> Option<(NodeId, GpuSet)> {
        let node = &self.nodes[at];
        let needed = self.constrained(ask.request).checked_add(&node.used)?;
        let allowed = ask.constraints.as_deref().is_none_or(|set| meets(&self.fleet.nodes[at], set));
        if !needed.fits_in(&node.capacity) || !allowed || node.down {
            return None;
        }
        let gpus = free_devices(node, self.constrained_gpu(ask.gpu))?;
        Some((NodeId(at as u32), gpus))
    }
}

/// The lowest devices with enough left; None if there are too few.
fn free_devices(node: &Node, gpu: GpuRequest) -> Option<GpuSet> {
    let mut set = GpuSet::NONE;
    let able = node.devices.iter().enumerate().filter(|&(_, &used)| used + gpu.milli <= 1000);
    let mut found = 0;
    for (device, _) in able.take(usize::from(gpu.count)) {
        set.0 |= 1 << device;
        found += 1;
    }
    (found == usize::from(gpu.count)).then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn who_is_left_is_found_in_order(count in 1..300_usize, gone in prop::collection::vec(0..300_usize, 0..400)) {
            let (mut roomers, mut plain) = (Roomers::all(count), vec![true; count]);
            for at in gone.into_iter().filter(|&at| at < count) {
                roomers.remove(at);
                plain[at] = false;
            }
            for at in 0..=count {
                let next = roomers.next(at).filter(|&next| next < count);
                prop_assert_eq!(next, (at..count).find(|&later| plain[later]));
                prop_assert!(at == count || roomers.has(at) == plain[at]);
            }
        }
    }
}
