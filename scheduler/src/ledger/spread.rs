//! Where the tasks of each job with a [`Layout`] are, and which nodes may therefore take one more.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::attribute::{AttributeTable, ConstraintId};
use crate::constraint::{Constraint, HOSTNAME};
use crate::layout::{Choose, Law, Layout, Rule, Wish};

/// The layout of a job, or of any number of jobs if nothing in it depends on where their tasks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutId(pub u32);

/// What gives a node its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// The node itself.
    Node,
    /// An attribute or a kind of domain.
    Column(u32),
}

impl Axis {
    fn new(name: &str, attributes: &mut AttributeTable) -> Self {
        if name == HOSTNAME { Self::Node } else { Self::Column(attributes.column(name)) }
    }

    /// The value of a node; 0 if it has none.
    #[must_use]
    #[inline]
    pub fn value(self, attributes: &AttributeTable, node: usize) -> u32 {
        match self {
            Self::Node => node as u32 + 1,
            Self::Column(column) => attributes.value_id(column, node),
        }
    }
}

/// A rule, and how many tasks each value has.
#[derive(Clone)]
struct Tally {
    axis: Axis,
    law: Law,
    /// Tasks of the job in all.
    planned: u32,
    /// Tasks by value, in order of value; none with 0.
    counts: Vec<(u32, u32)>,
    /// Values by number of tasks.
    values_with: Vec<u32>,
    /// The fewest tasks among values that have some; 0 if none has.
    fewest: u32,
    /// Values that a task could have: for [`Law::Skew`].
    eligible: u32,
}

impl Tally {
    fn new(rule: &Rule, planned: u32, attributes: &mut AttributeTable) -> Self {
        let axis = Axis::new(&rule.attribute, attributes);
        Self { axis, law: rule.law, planned, counts: Vec::new(), values_with: Vec::new(), fewest: 0, eligible: 0 }
    }

    fn count(&self, value: u32) -> u32 {
        let found = self.counts.binary_search_by_key(&value, |&(value, _)| value);
        found.map_or(0, |at| self.counts[at].1)
    }

    /// Whether a node of this value may take one more task.
    fn admits(&self, value: u32) -> bool {
        if value == 0 {
            return false;
        }
        let (count, groups) = (self.count(value), self.counts.len() as u32);
        match self.law {
            Law::Unique => count == 0,
            Law::Cluster => count > 0 || groups == 0,
            Law::MaxPer(most) => count < most,
            Law::GroupByOld(least) => count == 0 || (groups >= least && count == self.fewest),
            Law::GroupBy(number) => {
                let number = number.max(1);
                let (each, left_over) = (self.planned / number, self.planned % number);
                let is_taken_up = count > 0 || groups < number;
                let more = self.values_with.iter().skip(each as usize + 1).sum::<u32>();
                is_taken_up && (count < each || (count == each && more < left_over))
            }
            Law::Skew { most, domains } => {
                let all_have_some = groups >= self.eligible && self.eligible >= domains;
                let fewest = if all_have_some { self.fewest } else { 0 };
                count - fewest.min(count) < most
            }
        }
    }

    fn change(&mut self, value: u32, from: u32, to: u32) {
        let top = from.max(to) as usize;
        if top >= self.values_with.len() {
            self.values_with.resize(top + 1, 0);
        }
        match (from, to) {
            (0, _) => {
                let at = self.counts.partition_point(|&(other, _)| other < value);
                self.counts.insert(at, (value, to));
            }
            (_, 0) => self.counts.retain(|&(other, _)| other != value),
            _ => {
                if let Ok(at) = self.counts.binary_search_by_key(&value, |&(value, _)| value) {
                    self.counts[at].1 = to;
                }
            }
        }
        if from > 0 {
            self.values_with[from as usize] -= 1;
        }
        if to > 0 {
            self.values_with[to as usize] += 1;
        }
        if to > 0 && (self.fewest == 0 || to < self.fewest) {
            self.fewest = to;
        } else if from == self.fewest && self.values_with[from as usize] == 0 {
            let next = self.values_with.iter().skip(1).position(|&values| values > 0);
            self.fewest = next.map_or(0, |at| at as u32 + 1);
        }
    }
}

/// What is better if it can be had.
#[derive(Clone)]
enum LiveWish {
    Node(ConstraintId),
    Rule(Tally),
}

/// A layout in use.
#[derive(Clone)]
struct Live {
    layout: Arc<Layout>,
    rules: Vec<Tally>,
    wishes: Vec<(u32, LiveWish)>,
    within: Vec<(Axis, bool)>,
    /// Every standing that a node may have, the best first.
    standings: Vec<u32>,
    users: u32,
    /// Tasks in all.
    planned: u32,
    /// Only nodes of this standing or a better one count at the moment.
    floor: u32,
    /// Only nodes of this value count at the moment.
    only: Option<(Axis, u32)>,
    /// The node constraints that make values eligible.
    constraints: Option<ConstraintId>,
}

/// All layouts in use.
#[derive(Clone, Default)]
pub struct SpreadTable {
    lives: Vec<Option<Live>>,
    vacant: Vec<u32>,
    /// Layouts that any number of jobs share.
    shared: BTreeMap<Arc<Layout>, LayoutId>,
    last: Option<(Arc<Layout>, LayoutId)>,
    /// How many have a rule that depends on which values there are.
    skewed: u32,
}

impl SpreadTable {
    /// The layout of a new job of `planned` tasks, or one that stands for it. `constraints` are those on its nodes.
    pub fn intern(
        &mut self,
        layout: &Arc<Layout>,
        planned: u32,
        constraints: Option<ConstraintId>,
        attributes: &mut AttributeTable,
        node_count: usize,
    ) -> LayoutId {
        if layout.is_fixed() {
            if let Some((last, id)) = &self.last
                && Arc::ptr_eq(last, layout)
            {
                return *id;
            }
            if let Some(&id) = self.shared.get(layout) {
                self.last = Some((layout.clone(), id));
                return id;
            }
        }
        let wishes = layout.preferences.iter().take(Layout::PREFERENCES_MOST).map(|preference| {
            let wish = match &preference.wish {
                Wish::Node(constraint) => {
                    let alone: Arc<[Constraint]> = Arc::new([constraint.clone()]);
                    let set = attributes.intern(&alone, node_count);
                    attributes.retain(set);
                    LiveWish::Node(set)
                }
                Wish::Rule(rule) => LiveWish::Rule(Tally::new(rule, planned, attributes)),
            };
            (preference.weight, wish)
        });
        let wishes: Vec<(u32, LiveWish)> = wishes.collect();
        let live = Live {
            rules: layout.rules.iter().map(|rule| Tally::new(rule, planned, attributes)).collect(),
            within: layout.within.iter().map(|level| (Axis::new(&level.kind, attributes), level.required)).collect(),
            standings: standings(&wishes),
            layout: layout.clone(),
            wishes,
            users: 0,
            planned,
            floor: 0,
            only: None,
            constraints,
        };
        self.skewed += u32::from(live.is_skewed());
        let id = match self.vacant.pop() {
            Some(slot) => {
                self.lives[slot as usize] = Some(live);
                LayoutId(slot)
            }
            None => {
                self.lives.push(Some(live));
                LayoutId((self.lives.len() - 1) as u32)
            }
        };
        if layout.is_fixed() {
            self.shared.insert(layout.clone(), id);
            self.last = Some((layout.clone(), id));
        }
        id
    }

    /// The layout behind an id, as it was asked for.
    #[must_use]
    pub fn layout(&self, id: LayoutId) -> Option<&Layout> {
        Some(&*self.live(id)?.layout)
    }

    /// How many tasks lie by it in all.
    #[must_use]
    pub fn planned(&self, id: LayoutId) -> u32 {
        self.live(id).map_or(0, |live| live.planned)
    }

    /// It is so many tasks from now on: further ones came, or some are not wanted any more.
    pub fn set_planned(&mut self, id: LayoutId, planned: u32) {
        if let Some(live) = self.live_mut(id) {
            live.planned = planned;
            live.tallies().for_each(|tally| tally.planned = planned);
        }
    }

    fn live(&self, id: LayoutId) -> Option<&Live> {
        self.lives.get(id.0 as usize)?.as_ref()
    }

    fn live_mut(&mut self, id: LayoutId) -> Option<&mut Live> {
        self.lives.get_mut(id.0 as usize)?.as_mut()
    }

    /// Counts one use more.
    pub fn retain(&mut self, id: LayoutId) {
        if let Some(live) = self.live_mut(id) {
            live.users += 1;
        }
    }

    /// Counts one use less; without any it is forgotten.
    pub fn forget(&mut self, id: LayoutId, attributes: &mut AttributeTable) {
        let Some(live) = self.live_mut(id) else { return };
        live.users -= 1;
        if live.users > 0 {
            return;
        }
        let Some(live) = self.lives[id.0 as usize].take() else { return };
        self.skewed -= u32::from(live.is_skewed());
        for (_, wish) in &live.wishes {
            if let LiveWish::Node(set) = wish {
                attributes.forget(*set);
            }
        }
        self.shared.remove(&live.layout);
        self.last = None;
        self.vacant.push(id.0);
    }

    /// True if which nodes may take a task depends on where other tasks of the job are.
    #[must_use]
    pub fn is_dynamic(&self, id: LayoutId) -> bool {
        self.live(id).is_some_and(|live| !live.layout.is_fixed())
    }

    /// True if any layout depends on which values there are.
    #[must_use]
    pub fn has_skewed(&self) -> bool {
        self.skewed > 0
    }

    /// Says anew which values there are. `values` counts those of an axis among the nodes that are up and meet a set.
    pub fn settle(&mut self, mut values: impl FnMut(Axis, Option<ConstraintId>) -> u32) {
        for live in self.lives.iter_mut().flatten() {
            let constraints = live.constraints;
            for tally in live.tallies().filter(|tally| matches!(tally.law, Law::Skew { .. })) {
                tally.eligible = values(tally.axis, constraints);
            }
        }
    }

    /// `count` more tasks of the layout hold room on a node.
    pub fn join(&mut self, id: LayoutId, attributes: &AttributeTable, node: usize, count: u32) {
        let Some(live) = self.live_mut(id) else { return };
        for tally in live.tallies() {
            let value = tally.axis.value(attributes, node);
            if value != 0 {
                let from = tally.count(value);
                tally.change(value, from, from + count);
            }
        }
    }

    /// `count` tasks fewer do.
    pub fn leave(&mut self, id: LayoutId, attributes: &AttributeTable, node: usize, count: u32) {
        let Some(live) = self.live_mut(id) else { return };
        for tally in live.tallies() {
            let value = tally.axis.value(attributes, node);
            let from = tally.count(value);
            if from > 0 {
                tally.change(value, from, from.saturating_sub(count));
            }
        }
    }

    /// True if the node may take one more task.
    #[must_use]
    pub fn admits(&self, id: LayoutId, attributes: &AttributeTable, node: usize) -> bool {
        let Some(live) = self.live(id) else { return true };
        live.rules.iter().all(|tally| tally.admits(tally.axis.value(attributes, node)))
            && live.only.is_none_or(|(axis, value)| axis.value(attributes, node) == value)
            && (live.floor == 0 || live.standing(attributes, node) >= live.floor)
    }

    /// Every standing that a node may have by its preferences, the best first; only 0 if there are none.
    #[must_use]
    pub fn standings(&self, id: LayoutId) -> &[u32] {
        self.live(id).map_or(&[0], |live| &live.standings)
    }

    /// The levels that a gang is to lie in, the finest first, each with whether it is required; and how to choose.
    #[must_use]
    pub fn within(&self, id: LayoutId) -> (&[(Axis, bool)], Choose) {
        self.live(id).map_or((&[], Choose::BestFit), |live| (&live.within, live.layout.choose))
    }

    /// Until told otherwise, only nodes of this standing or a better one count.
    pub fn set_floor(&mut self, id: LayoutId, floor: u32) {
        if let Some(live) = self.live_mut(id) {
            live.floor = floor;
        }
    }

    /// Until told otherwise, only nodes of this value count.
    pub fn confine(&mut self, id: LayoutId, only: Option<(Axis, u32)>) {
        if let Some(live) = self.live_mut(id) {
            live.only = only;
        }
    }

    /// How many layouts are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lives.len() - self.vacant.len()
    }

    /// True if none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Live {
    fn tallies(&mut self) -> impl Iterator<Item = &mut Tally> {
        let wishes = self.wishes.iter_mut().filter_map(|(_, wish)| match wish {
            LiveWish::Rule(tally) => Some(tally),
            LiveWish::Node(_) => None,
        });
        self.rules.iter_mut().chain(wishes)
    }

    fn is_skewed(&self) -> bool {
        let is_skew = |rule: &Rule| matches!(rule.law, Law::Skew { .. });
        let wished = self.layout.preferences.iter().any(|preference| match &preference.wish {
            Wish::Rule(rule) => is_skew(rule),
            Wish::Node(_) => false,
        });
        wished || self.layout.rules.iter().any(is_skew)
    }

    fn standing(&self, attributes: &AttributeTable, node: usize) -> u32 {
        let met = self.wishes.iter().filter(|(_, wish)| match wish {
            LiveWish::Node(set) => attributes.allows(*set, node),
            LiveWish::Rule(tally) => tally.admits(tally.axis.value(attributes, node)),
        });
        met.fold(0, |sum, (weight, _)| sum.saturating_add(*weight))
    }
}

/// The sums of every selection of weights, largest first, each once.
fn standings(wishes: &[(u32, LiveWish)]) -> Vec<u32> {
    let mut sums: Vec<u32> = (0..1_u32 << wishes.len())
        .map(|chosen| {
            let met = wishes.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0);
            met.fold(0_u32, |sum, (_, (weight, _))| sum.saturating_add(*weight))
        })
        .collect();
    sums.sort_unstable_by(|a, b| b.cmp(a));
    sums.dedup();
    sums
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    const LAWS: [Law; 8] = [
        Law::Unique,
        Law::Cluster,
        Law::MaxPer(2),
        Law::GroupBy(3),
        Law::GroupByOld(2),
        Law::GroupByOld(4),
        Law::Skew { most: 1, domains: 0 },
        Law::Skew { most: 2, domains: 4 },
    ];

    /// The rule by its words, from scratch: `tasks` are the values of those that hold room, `up` those that there are.
    fn by_its_words(law: Law, planned: u32, tasks: &[u32], up: u32, value: u32) -> bool {
        let of = |value: u32| tasks.iter().filter(|&&task| task == value).count() as u32;
        let mut seen: Vec<u32> = tasks.to_vec();
        seen.sort_unstable();
        seen.dedup();
        let fewest = seen.iter().map(|&value| of(value)).min().unwrap_or(0);
        match law {
            Law::Unique => !tasks.contains(&value),
            Law::Cluster => tasks.iter().all(|&task| task == value),
            Law::MaxPer(most) => of(value) < most,
            Law::GroupByOld(least) => of(value) == 0 || (seen.len() as u32 >= least && of(value) == fewest),
            Law::GroupBy(number) => {
                // How many each group may hold when all is done: the fullest groups get what is left over.
                let mut after: Vec<u32> = seen.iter().map(|&one| of(one) + u32::from(one == value)).collect();
                if !seen.contains(&value) {
                    after.push(1);
                }
                after.sort_unstable_by(|a, b| b.cmp(a));
                let share = |rank: u32| planned / number + u32::from(rank < planned % number);
                after.len() as u32 <= number && (0_u32..).zip(&after).all(|(rank, &tasks)| tasks <= share(rank))
            }
            Law::Skew { most, domains } => {
                let fewest = if up < domains { 0 } else { (1..=up).map(of).min().unwrap_or(0) };
                of(value) < fewest + most
            }
        }
    }

    proptest! {
        #[test]
        fn every_law_holds_by_its_words(
            law in 0..LAWS.len(),
            planned in 1_u32..14,
            up in 1_u32..6,
            ops in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..60),
        ) {
            let rule = Rule { attribute: HOSTNAME.into(), law: LAWS[law] };
            let mut tally = Tally::new(&rule, planned, &mut AttributeTable::default());
            tally.eligible = up;
            let mut tasks: Vec<u32> = vec![];
            for (comes, index) in ops {
                for value in 1..=up {
                    let expected = by_its_words(LAWS[law], planned, &tasks, up, value);
                    prop_assert_eq!(tally.admits(value), expected, "{:?} with {:?} at {}", LAWS[law], &tasks, value);
                }
                prop_assert!(!tally.admits(0), "a node without the attribute");
                let able: Vec<u32> = (1..=up).filter(|&value| tally.admits(value)).collect();
                if comes && !able.is_empty() && (tasks.len() as u32) < planned {
                    let value = able[index.index(able.len())];
                    let from = tally.count(value);
                    tally.change(value, from, from + 1);
                    tasks.push(value);
                } else if !tasks.is_empty() {
                    let value = tasks.swap_remove(index.index(tasks.len()));
                    let from = tally.count(value);
                    tally.change(value, from, from - 1);
                }
            }
        }
    }
}
