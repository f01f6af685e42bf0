//! The victims on one node, and how those of two nodes compare.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use super::{Rule, Tenant};
use crate::event::GpuRequest;
use crate::id::{NodeId, TaskId};
use crate::ledger::Node;
use crate::resources::{LANES, Resources};
use crate::time::Time;

/// Steps of the exact search on one node; when they are used up, the best found so far stands.
const STEPS_MOST: u32 = 4_096;

/// What has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Lanes.
    pub request: Resources,
    /// Devices.
    pub gpu: GpuRequest,
}

/// Victims on one node, better ones first in the order of their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Harm {
    /// By [`Rule`]; for [`Rule::Lowest`] the priorities, highest first.
    figures: Vec<i64>,
    lost: u128,
    ids: Vec<TaskId>,
    /// Where.
    pub node: NodeId,
    /// Where the owner of the index keeps the victims; by id.
    pub slots: Vec<u32>,
}

impl Harm {
    /// Whether every victim of priority `least` or above is worse than these: the highest priority decides first.
    #[must_use]
    pub fn beats(&self, least: i32) -> bool {
        self.figures.first().is_some_and(|&highest| highest < i64::from(least))
    }

    /// What decides first, in this order; then ids and nodes do.
    #[must_use]
    pub fn figures(&self) -> (&[i64], u128) {
        (&self.figures, self.lost)
    }

    /// The first of the ids that decide between equal figures; None where only nodes do.
    #[must_use]
    pub fn first(&self) -> Option<TaskId> {
        self.ids.first().copied()
    }

    fn new(rule: Rule, victims: &[&Tenant], now: Time, node: NodeId) -> Self {
        let mut by_id: Vec<&Tenant> = victims.to_vec();
        by_id.sort_unstable_by_key(|tenant| tenant.task);
        let mut priorities: Vec<i64> = victims.iter().map(|tenant| i64::from(tenant.priority)).collect();
        priorities.sort_unstable_by_key(|&priority| Reverse(priority));
        let highest = priorities.first().copied().unwrap_or(i64::MIN);
        let count = victims.len() as i64;
        let figures = match rule {
            Rule::Lowest => priorities,
            Rule::Youngest => vec![highest, count],
            Rule::Reprieve => {
                // Counted from the lowest there is, so that more victims are never a smaller sum.
                let sum: i64 = priorities.iter().map(|priority| priority - i64::from(i32::MIN) + 1).sum();
                let top = victims.iter().filter(|tenant| i64::from(tenant.priority) == highest);
                let earliest = top.map(|tenant| tenant.started).min().unwrap_or(Time::ZERO);
                vec![highest, sum, count, -i64::try_from(earliest.0).unwrap_or(i64::MAX)]
            }
        };
        let lost = match rule {
            Rule::Lowest => victims.iter().map(|tenant| lost(tenant, now)).sum(),
            Rule::Youngest | Rule::Reprieve => 0,
        };
        Self {
            figures,
            lost,
            ids: if rule == Rule::Lowest { by_id.iter().map(|tenant| tenant.task).collect() } else { Vec::new() },
            node,
            slots: by_id.iter().map(|tenant| tenant.slot).collect(),
        }
    }
}

/// What is thrown away with a task: the share of the largest node that it holds, times how long it has.
#[must_use]
pub fn lost(tenant: &Tenant, now: Time) -> u128 {
    u128::from(tenant.share) * u128::from(now.since(tenant.started).0)
}

/// How fast what is lost grows at least, per microsecond, for any victims among `tenants` with these figures.
#[must_use]
pub fn rate(rule: Rule, figures: &[i64], node: &Node<'_>, need: &Need, tenants: &[Tenant]) -> u128 {
    let (Rule::Lowest, Some(&highest)) = (rule, figures.first()) else { return 0 };
    let may = tenants.iter().filter(|tenant| i64::from(tenant.priority) <= highest);
    let smallest = may.map(|tenant| tenant.share).min().unwrap_or(0);
    let mut missing = Resources::ZERO;
    for lane in 0..LANES {
        missing[lane] = need.request[lane].saturating_sub(node.free[lane]);
    }
    (u128::from(smallest) * figures.len() as u128).max(u128::from(node.scale.share(&missing)))
}

/// The best victims among `tenants`, all of whom may be chosen, so that one task fits on the node; None if all of them
/// together are not enough, if it fits as it is, or if no victims are better than `limit`. `tenants` is sorted on the
/// way.
#[must_use]
pub fn victims(
    rule: Rule,
    node: Node<'_>,
    need: Need,
    tenants: &mut [Tenant],
    limit: Option<&Harm>,
    now: Time,
) -> Option<Harm> {
    tenants.sort_unstable_by_key(|tenant| match rule {
        // Equal ones stand together, the one to go before the one to stay.
        Rule::Lowest => (Reverse(tenant.priority), tenant.room, lost(tenant, now), tenant.task),
        Rule::Reprieve => (Reverse(tenant.priority), Resources::ZERO, u128::from(tenant.started.0), tenant.task),
        Rule::Youngest => (Reverse(tenant.priority), Resources::ZERO, u128::from(tenant.started.0), tenant.task),
    });
    let chosen = vec![false; tenants.len()];
    let mut search = Search { rule, node, need, tenants, now, limit, best: None, steps: 0, chosen, rest: Vec::new() };
    if search.fits(&search.room()) {
        return None;
    }
    search.chosen.fill(true);
    if search.fits(&search.room()) {
        match rule {
            Rule::Lowest => search.exactly(),
            Rule::Reprieve => search.reprieve(),
            Rule::Youngest => search.until_it_fits(),
        }
    }
    search.best
}

/// Sums of rooms, lane by lane.
type Room = [u64; LANES];

fn add(room: &mut Room, by: &Resources) {
    (0..LANES).for_each(|lane| room[lane] += u64::from(by[lane]));
}

fn sub(room: &mut Room, by: &Resources) {
    (0..LANES).for_each(|lane| room[lane] -= u64::from(by[lane]));
}

/// What is known of the tenants from one on.
#[derive(Clone, Copy)]
struct Rest {
    /// The most that one of them holds, lane by lane.
    most: Resources,
    /// The least that is lost with one of them.
    lost: u128,
}

struct Search<'a> {
    rule: Rule,
    node: Node<'a>,
    need: Need,
    tenants: &'a [Tenant],
    now: Time,
    /// Only better ones are of interest.
    limit: Option<&'a Harm>,
    best: Option<Harm>,
    steps: u32,
    /// Who is thought to have left.
    chosen: Vec<bool>,
    /// For the exact search, by tenant.
    rest: Vec<Rest>,
}

/// Where the exact search stands: some tenants are decided on.
struct Path {
    /// The priorities of those that go so far, highest first.
    figures: Vec<i64>,
    /// What is lost with them.
    lost: u128,
    /// The free room once they have left.
    sure: Room,
    /// The free room if the undecided leave as well.
    all: Room,
}

impl Search<'_> {
    /// The free room once those who are thought to have left have.
    fn room(&self) -> Room {
        let mut room = [0; LANES];
        add(&mut room, self.node.free);
        self.tenants.iter().zip(&self.chosen).filter(|(_, gone)| **gone).for_each(|(one, _)| add(&mut room, &one.room));
        room
    }

    /// Whether the task fits into this room, and on the devices of those who are thought to have left.
    fn fits(&self, room: &Room) -> bool {
        (0..LANES).all(|lane| u64::from(self.need.request[lane]) <= room[lane])
            && (self.need.gpu.count == 0 || self.devices_fit())
    }

    fn devices_fit(&self) -> bool {
        let able = self.node.gpus.iter().enumerate().filter(|&(device, &free)| {
            let holds = |tenant: &Tenant| tenant.gpus.0 & (1 << device) != 0;
            let held = self.tenants.iter().zip(&self.chosen).filter(|(tenant, gone)| **gone && holds(tenant));
            let freed: u32 = held.map(|(tenant, _)| u32::from(tenant.milli)).sum();
            u32::from(free) + freed >= u32::from(self.need.gpu.milli)
        });
        able.count() >= usize::from(self.need.gpu.count)
    }

    /// What has to be beaten.
    fn bar(&self) -> Option<&Harm> {
        self.best.as_ref().or(self.limit)
    }

    fn propose(&mut self) {
        let victims: Vec<&Tenant> =
            self.tenants.iter().zip(&self.chosen).filter(|(_, gone)| **gone).map(|(tenant, _)| tenant).collect();
        let harm = Harm::new(self.rule, &victims, self.now, self.node.id);
        if self.bar().is_none_or(|bar| harm < *bar) {
            self.best = Some(harm);
        }
    }

    /// Whoever can stay does, the first first.
    fn reprieve(&mut self) {
        let mut room = self.room();
        for (at, tenant) in self.tenants.iter().enumerate() {
            sub(&mut room, &tenant.room);
            self.chosen[at] = false;
            if !self.fits(&room) {
                self.chosen[at] = true;
                add(&mut room, &tenant.room);
            }
        }
        self.propose();
    }

    /// From the last on, one after the other goes until there is room.
    fn until_it_fits(&mut self) {
        self.chosen.fill(false);
        let mut room = self.room();
        for (at, tenant) in self.tenants.iter().enumerate().rev() {
            add(&mut room, &tenant.room);
            self.chosen[at] = true;
            if self.fits(&room) {
                break;
            }
        }
        self.propose();
    }

    /// Every selection that may be the best, those that spare the higher priorities first.
    fn exactly(&mut self) {
        let all = self.room();
        let mut sure = [0; LANES];
        add(&mut sure, self.node.free);
        let mut rest = Rest { most: Resources::ZERO, lost: u128::MAX };
        self.rest = vec![rest; self.tenants.len()];
        for (at, tenant) in self.tenants.iter().enumerate().rev() {
            (0..LANES).for_each(|lane| rest.most[lane] = rest.most[lane].max(tenant.room[lane]));
            rest.lost = rest.lost.min(lost(tenant, self.now));
            self.rest[at] = rest;
        }
        let mut path = Path { figures: Vec::new(), lost: 0, sure, all };
        if self.is_worse(0, &path) {
            return;
        }
        self.reprieve();
        self.chosen.fill(true);
        self.decide(0, &mut path);
    }

    /// Decides about the tenants from `at` on; those before are decided, those after are marked as gone.
    fn decide(&mut self, at: usize, path: &mut Path) {
        self.steps += 1;
        if self.steps > STEPS_MOST || self.is_worse(at, path) {
            return;
        }
        let Some(&tenant) = self.tenants.get(at) else {
            self.propose();
            return;
        };
        self.chosen[at] = false;
        sub(&mut path.all, &tenant.room);
        if self.fits(&path.all) {
            self.decide(at + 1, path);
        }
        self.chosen[at] = true;
        add(&mut path.all, &tenant.room);
        // Of equal ones the first go: to let a later one go in its place is never better.
        if at > 0 && !self.chosen[at - 1] && self.are_equal(at - 1, at) {
            return;
        }
        let cost = lost(&tenant, self.now);
        path.figures.push(i64::from(tenant.priority));
        path.lost += cost;
        add(&mut path.sure, &tenant.room);
        self.decide(at + 1, path);
        path.figures.pop();
        path.lost -= cost;
        sub(&mut path.sure, &tenant.room);
    }

    /// Whether nothing that this path leads to is better than what is known. So many more have to go as their largest
    /// would have to; none of them has a lower priority than the last, or costs less than the cheapest.
    fn is_worse(&self, at: usize, path: &Path) -> bool {
        let Some(bar) = self.bar() else { return false };
        let (rest, lowest) = match (self.rest.get(at), self.tenants.last()) {
            (Some(rest), Some(last)) => (*rest, i64::from(last.priority)),
            _ => (Rest { most: Resources::ZERO, lost: 0 }, 0),
        };
        let more = |lane: usize| {
            let missing = u64::from(self.need.request[lane]).saturating_sub(path.sure[lane]);
            missing.div_ceil(u64::from(rest.most[lane].max(1))) as usize
        };
        let more = (0..LANES).map(more).max().unwrap_or(0);
        let figures = path.figures.iter().copied().chain(core::iter::repeat_n(lowest, more));
        match figures.cmp(bar.figures.iter().copied()) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => path.lost + rest.lost.saturating_mul(more as u128) > bar.lost,
        }
    }

    fn are_equal(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.tenants[one], &self.tenants[other]);
        let of = |tenant: &Tenant| (tenant.priority, tenant.room, tenant.gpus);
        of(one) == of(other) && one.gpus.is_empty()
    }
}
