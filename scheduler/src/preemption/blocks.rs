//! The best victims of the whole fleet, without a visit to every node.
//!
//! For each kind of request (a shape and a priority) the fleet is cut into blocks of 64 nodes, and of each block a
//! [`Floor`] is remembered: no victims there are better. It is found by a visit, follows the changes of nodes one by
//! one, and rises with time as fast as work is done that would be lost. A decision visits the block with the best
//! floor, and then those whose floors the victims found so far do not beat. What changes without a trace, budgets and
//! the places of a job's other tasks, is no part of a floor: it is asked at the visit.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::choose::{self, Harm, Need};
use super::{Rule, Tenant, Tenants};
use crate::id::{NodeId, TaskId};
use crate::ledger::{Ledger, ShapeId};
use crate::time::Time;

const BLOCK: usize = 64;
/// What all memories together may take. Beyond it the kind asked for longest ago is forgotten.
const BYTES_MOST: usize = 32 << 20;
/// Kinds that are remembered however large the fleet is.
const MEMORIES_LEAST: usize = 16;

/// For whom victims are looked for, and among whom.
#[derive(Clone, Copy)]
pub struct Quest<'a> {
    /// Which victims are better.
    pub rule: Rule,
    /// What is believed of nodes.
    pub ledger: &'a Ledger,
    /// Who may be made to leave.
    pub tenants: &'a Tenants,
    /// What is needed.
    pub shape: ShapeId,
    /// Only those of lower priority leave.
    pub priority: i32,
    /// The instant.
    pub now: Time,
    /// Takes out those who may not leave because too many of their job are missing already.
    pub budgets: &'a dyn Fn(&mut Vec<Tenant>),
}

impl Quest<'_> {
    fn need(&self) -> Need {
        let shape = self.ledger.shapes().shape(self.shape);
        Need { request: shape.request, gpu: shape.gpu }
    }

    /// Those of lower priority on a node, if that could take the task without all of its tenants.
    fn eligible(&self, id: NodeId, eligible: &mut Vec<Tenant>) -> bool {
        eligible.clear();
        let shape = self.ledger.shapes().shape(self.shape);
        let could = self.tenants.has_below(id, self.priority)
            && self
                .ledger
                .node(id)
                .free
                .checked_add(&self.tenants.room(id))
                .is_none_or(|room| shape.request.fits_in(&room))
            && self.ledger.is_open(id)
            && self.ledger.allows(shape, id);
        if could {
            eligible.extend(self.tenants.of(id).iter().filter(|tenant| tenant.priority < self.priority));
        }
        could
    }

    /// The best victims on a node, if they are better than `limit`; `nodes` counts those that had to be looked into.
    pub fn on(&self, id: NodeId, limit: Option<&Harm>, eligible: &mut Vec<Tenant>, nodes: &mut u64) -> Option<Harm> {
        if !self.eligible(id, eligible) || !self.ledger.admits(self.ledger.shapes().shape(self.shape), id) {
            return None;
        }
        *nodes += 1;
        (self.budgets)(eligible);
        choose::victims(self.rule, self.ledger.node(id), self.need(), eligible, limit, self.now)
    }

    fn rate(&self, figures: &[i64], id: NodeId, eligible: &[Tenant]) -> u128 {
        choose::rate(self.rule, figures, &self.ledger.node(id), &self.need(), eligible)
    }

    /// What holds whoever has to stay: a search that is not exhaustive may find better victims among fewer. None where
    /// all may leave, or where the search is.
    fn loose(&self, eligible: &[Tenant]) -> Option<Floor> {
        if self.rule == Rule::Lowest || !eligible.iter().any(|tenant| tenant.budgeted) {
            return None;
        }
        let least = eligible.iter().map(|tenant| i64::from(tenant.priority)).min();
        Some(Floor { figures: least.into_iter().collect(), at: self.now, ..Floor::default() })
    }

    /// The floor of a node on which these are the best victims, whoever may not be missing.
    fn floor(&self, harm: &Harm, eligible: &[Tenant]) -> Floor {
        if let Some(loose) = self.loose(eligible) {
            return loose;
        }
        let (figures, lost) = harm.figures();
        let rate = self.rate(figures, harm.node, eligible);
        Floor { figures: figures.to_vec(), lost, first: harm.first(), rate, at: self.now }
    }
}

/// No victims of a block are better, and none of those that are as good by their figures get worse more slowly.
#[derive(Clone, Default)]
struct Floor {
    figures: Vec<i64>,
    /// At `at`.
    lost: u128,
    first: Option<TaskId>,
    /// What is added to `lost` per microsecond.
    rate: u128,
    at: Time,
}

impl Floor {
    fn lost(&self, now: Time) -> u128 {
        self.lost + self.rate * u128::from(now.since(self.at).0)
    }

    fn compare(&self, other: &Self, now: Time) -> Ordering {
        let of = |floor: &Self| (floor.lost(now), floor.first);
        self.figures.cmp(&other.figures).then_with(|| of(self).cmp(&of(other)))
    }

    /// Whether nobody in this block, the nodes from `from` on, can be better than these.
    fn is_beaten(&self, harm: &Harm, from: usize, now: Time) -> bool {
        let (figures, lost) = harm.figures();
        match self.figures[..].cmp(figures).then_with(|| self.lost(now).cmp(&lost)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal if harm.first().is_none() => from > harm.node.index(),
            Ordering::Equal => self.first > harm.first(),
        }
    }

    /// Sinks to these victims, if they are better.
    fn sink_to(&mut self, mut other: Self, now: Time) {
        if self.figures == other.figures {
            let rate = self.rate.min(other.rate);
            (self.lost, self.at, self.rate) = (self.lost(now), now, rate);
            other.rate = rate;
        }
        if other.compare(self, now) == Ordering::Less {
            *self = other;
        }
    }
}

/// The floors of all blocks for one kind of request.
#[derive(Clone)]
struct Memory {
    /// Without a layout.
    shape: ShapeId,
    priority: i32,
    epoch: u64,
    /// Changes of nodes that are taken into account.
    seen: u64,
    /// The same of tenants who came.
    came: u64,
    /// When it was last asked for, in decisions.
    used: u64,
    /// None where nobody would make room. A floor without figures is below all others: nothing is known.
    floors: Vec<Option<Floor>>,
}

/// What is remembered of the fleet. To be thrown away when the rule changes or the tenants are listed anew.
#[derive(Clone, Default)]
pub struct Blocks {
    memories: Vec<Memory>,
    clock: u64,
    eligible: Vec<Tenant>,
    changed: Vec<NodeId>,
}

impl Blocks {
    /// The best victims anywhere; `nodes` counts visits.
    pub fn best(&mut self, quest: &Quest<'_>, nodes: &mut u64) -> Option<Harm> {
        let at = self.memory_of(quest);
        self.clock += 1;
        let mut floors = core::mem::take(&mut self.memories[at].floors);
        self.catch_up(quest, at, &mut floors, nodes);
        let known = floors.iter().enumerate().filter_map(|(block, floor)| Some((block, floor.as_ref()?)));
        let lowest = known.min_by(|(_, one), (_, other)| one.compare(other, quest.now)).map(|(block, _)| block);
        let mut best = None;
        for block in lowest.into_iter().chain((0..floors.len()).filter(|&block| Some(block) != lowest)) {
            let Some(floor) = &floors[block] else { continue };
            if best.as_ref().is_none_or(|best| !floor.is_beaten(best, block * BLOCK, quest.now)) {
                floors[block] = self.visit(quest, block, &mut best, nodes);
            }
        }
        self.memories[at].floors = floors;
        best
    }

    /// The place of the memory for this kind of request. It may be out of date.
    fn memory_of(&mut self, quest: &Quest<'_>) -> usize {
        let shape = quest.ledger.shapes().plain(quest.shape);
        let is_it = |memory: &Memory| memory.shape == shape && memory.priority == quest.priority;
        if let Some(at) = self.memories.iter().position(is_it) {
            return at;
        }
        let (priority, epoch) = (quest.priority, u64::MAX);
        let fresh = Memory { shape, priority, epoch, seen: 0, came: 0, used: 0, floors: Vec::new() };
        let bytes = quest.ledger.node_count().div_ceil(BLOCK) * size_of::<Option<Floor>>() + size_of::<Memory>();
        if self.memories.len() < (BYTES_MOST / bytes).max(MEMORIES_LEAST) {
            self.memories.push(fresh);
            return self.memories.len() - 1;
        }
        let oldest = (0..self.memories.len()).min_by_key(|&at| self.memories[at].used).unwrap_or(0);
        self.memories[oldest] = fresh;
        oldest
    }

    /// Takes into account what changed since the memory was last asked.
    fn catch_up(&mut self, quest: &Quest<'_>, at: usize, floors: &mut Vec<Option<Floor>>, nodes: &mut u64) {
        let memory = &mut self.memories[at];
        let (log, came) = (quest.ledger.changes(), quest.tenants.changes());
        let (seen, epoch) = ((log.count(), came.count()), quest.ledger.epoch());
        let lag = (seen.0 - memory.seen).max(seen.1 - memory.came);
        let is_current = memory.epoch == epoch && lag <= (quest.ledger.node_count() / 4) as u64;
        let changed = is_current.then(|| Some((log.since(memory.seen)?, came.since(memory.came)?))).flatten();
        (memory.seen, memory.came, memory.epoch, memory.used) = (seen.0, seen.1, epoch, self.clock);
        let Some((changed, came)) = changed else {
            floors.clear();
            floors.resize(quest.ledger.node_count().div_ceil(BLOCK), Some(Floor::default()));
            return;
        };
        self.changed.clear();
        self.changed.extend(changed.chain(came));
        self.changed.sort_unstable();
        self.changed.dedup();
        for &id in &self.changed {
            let Some(floor) = floors.get_mut(id.index() / BLOCK) else { continue };
            let is_above =
                |floor: &Floor| floor.figures.first().is_none_or(|&most| most < i64::from(quest.tenants.least(id)));
            if floor.as_ref().is_some_and(is_above) || !quest.eligible(id, &mut self.eligible) {
                continue;
            }
            *nodes += 1;
            let (node, need) = (quest.ledger.node(id), quest.need());
            let Some(harm) = choose::victims(quest.rule, node, need, &mut self.eligible, None, quest.now) else {
                continue;
            };
            let found = quest.floor(&harm, &self.eligible);
            match floor {
                Some(floor) => floor.sink_to(found, quest.now),
                None => *floor = Some(found),
            }
        }
    }

    /// Looks at the nodes of a block one by one, for what is better than `best`; says what its floor is.
    fn visit(&mut self, quest: &Quest<'_>, block: usize, best: &mut Option<Harm>, nodes: &mut u64) -> Option<Floor> {
        let (need, has_layout) = (quest.need(), quest.ledger.shapes().shape(quest.shape).layout.is_some());
        let mut floor: Option<Floor> = None;
        // The best so far, whoever may not be missing; and whether it may be done and was compared with `best`.
        let (mut least, mut is_real): (Option<Harm>, bool) = (None, true);
        for at in block * BLOCK..((block + 1) * BLOCK).min(quest.ledger.node_count()) {
            let id = NodeId(at as u32);
            let is_worse = |harm: &Harm| harm.beats(quest.tenants.least(id));
            if (is_real && least.as_ref().is_some_and(is_worse)) || !quest.eligible(id, &mut self.eligible) {
                continue;
            }
            *nodes += 1;
            let node = quest.ledger.node(id);
            let found = choose::victims(quest.rule, node, need, &mut self.eligible, least.as_ref(), quest.now);
            let of_node = found.as_ref().map(|harm| quest.floor(harm, &self.eligible));
            match (of_node.or_else(|| quest.loose(&self.eligible)), &mut floor) {
                (Some(of_node), None) => floor = Some(of_node),
                (Some(of_node), Some(floor)) => floor.sink_to(of_node, quest.now),
                // Who is worse today may get worse more slowly.
                (None, Some(floor)) => floor.rate = floor.rate.min(quest.rate(&floor.figures, id, &self.eligible)),
                (None, None) => {}
            }
            let all = self.eligible.len();
            (quest.budgets)(&mut self.eligible);
            let is_bound = has_layout || self.eligible.len() < all;
            let real = match &found {
                Some(harm) if !is_bound => best.as_ref().is_none_or(|best| harm < best).then(|| harm.clone()),
                None if !is_bound && is_real => None,
                _ => quest.on(id, best.as_ref(), &mut self.eligible, nodes),
            };
            *best = real.or(best.take());
            if found.is_some() {
                (least, is_real) = (found, !is_bound);
            }
        }
        floor
    }
}
