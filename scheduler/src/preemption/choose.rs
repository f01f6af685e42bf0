//! The victims on one node, and how those of two nodes compare.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::tenants::Brief;
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Whether nobody of a node could be better victims, as far as that shows from outside. Nodes are asked in order of
    /// id.
    #[must_use]
    #[inline]
    pub fn outdoes(&self, brief: &Brief, now: Time) -> bool {
        let least = i64::from(brief.least);
        match (&self.figures[..], &self.ids[..]) {
            (&[highest], &[_]) if highest == least => brief.lost_at_least(now) > self.lost,
            (&[highest, 1], []) => highest <= least,
            _ => self.beats(brief.least),
        }
    }

    /// Whether nobody of a node could be better victims, seen from inside: these are one of the lowest priority there,
    /// `least`, and no other one of it is alone enough and costs less. Nodes are asked in order of id.
    #[must_use]
    pub fn stands_against(&self, node: &Node<'_>, need: &Need, tenants: &[Tenant], least: i32, now: Time) -> bool {
        let (&[highest], &[task]) = (&self.figures[..], &self.ids[..]) else { return false };
        let is_better = |tenant: &Tenant| {
            tenant.priority == least
                && (lost(tenant, now), tenant.task) < (self.lost, task)
                && node.free.checked_add(&tenant.room).is_none_or(|room| need.request.fits_in(&room))
        };
        highest == i64::from(least) && !tenants.iter().any(is_better)
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

/// The best victims among `tenants`, all of whom may be chosen, so that one task fits on the node; None if all of them
/// together are not enough, or if it fits as it is. `tenants` is sorted on the way.
#[must_use]
pub fn victims(rule: Rule, node: Node<'_>, need: Need, tenants: &mut [Tenant], now: Time) -> Option<Harm> {
    tenants.sort_unstable_by_key(|tenant| match rule {
        // Equal ones stand together, the one to go before the one to stay.
        Rule::Lowest => (Reverse(tenant.priority), tenant.room, lost(tenant, now), tenant.task),
        Rule::Reprieve => (Reverse(tenant.priority), Resources::ZERO, u128::from(tenant.started.0), tenant.task),
        Rule::Youngest => (Reverse(tenant.priority), Resources::ZERO, u128::from(tenant.started.0), tenant.task),
    });
    let mut search = Search { rule, node, need, tenants, now, best: None, steps: 0, chosen: Vec::new() };
    let count = search.tenants.len();
    if search.fits(&vec![true; count]) && !search.fits(&vec![false; count]) {
        match rule {
            Rule::Lowest => search.exactly(),
            Rule::Reprieve => search.reprieve(),
            Rule::Youngest => search.until_it_fits(),
        }
    }
    search.best
}

struct Search<'a> {
    rule: Rule,
    node: Node<'a>,
    need: Need,
    tenants: &'a [Tenant],
    now: Time,
    best: Option<Harm>,
    steps: u32,
    chosen: Vec<bool>,
}

impl Search<'_> {
    /// Whether the task fits once those that are marked have left.
    fn fits(&self, gone: &[bool]) -> bool {
        let mut free = *self.node.free;
        for (tenant, _) in self.tenants.iter().zip(gone).filter(|(_, gone)| **gone) {
            for lane in 0..LANES {
                free[lane] = free[lane].saturating_add(tenant.room[lane]);
            }
        }
        self.need.request.fits_in(&free) && (self.need.gpu.count == 0 || self.devices_fit(gone))
    }

    fn devices_fit(&self, gone: &[bool]) -> bool {
        let able = self.node.gpus.iter().enumerate().filter(|&(device, &free)| {
            let holds = |tenant: &Tenant| tenant.gpus.0 & (1 << device) != 0;
            let held = self.tenants.iter().zip(gone).filter(|(tenant, gone)| **gone && holds(tenant));
            let freed: u32 = held.map(|(tenant, _)| u32::from(tenant.milli)).sum();
            u32::from(free) + freed >= u32::from(self.need.gpu.milli)
        });
        able.count() >= usize::from(self.need.gpu.count)
    }

    fn propose(&mut self, gone: &[bool]) {
        let victims: Vec<&Tenant> =
            self.tenants.iter().zip(gone).filter(|(_, gone)| **gone).map(|(tenant, _)| tenant).collect();
        let harm = Harm::new(self.rule, &victims, self.now, self.node.id);
        if self.best.as_ref().is_none_or(|best| harm < *best) {
            self.best = Some(harm);
        }
    }

    /// Whoever can stay does, the first first.
    fn reprieve(&mut self) {
        let mut gone = vec![true; self.tenants.len()];
        for at in 0..self.tenants.len() {
            gone[at] = false;
            gone[at] = !self.fits(&gone);
        }
        self.propose(&gone);
    }

    /// From the last on, one after the other goes until there is room.
    fn until_it_fits(&mut self) {
        let mut gone = vec![false; self.tenants.len()];
        for at in (0..self.tenants.len()).rev() {
            gone[at] = true;
            if self.fits(&gone) {
                break;
            }
        }
        self.propose(&gone);
    }

    /// Every selection that may be the best, those that spare the higher priorities first.
    fn exactly(&mut self) {
        self.reprieve();
        self.chosen = vec![true; self.tenants.len()];
        self.decide(0, &mut Vec::new());
    }

    /// Decides about the tenants from `at` on; those before are decided, those after are marked as gone. `figures` are
    /// the priorities of those that go so far.
    fn decide(&mut self, at: usize, figures: &mut Vec<i64>) {
        self.steps += 1;
        let is_worse = self.best.as_ref().is_some_and(|best| *figures > best.figures);
        if self.steps > STEPS_MOST || is_worse {
            return;
        }
        if at == self.tenants.len() {
            let gone = core::mem::take(&mut self.chosen);
            self.propose(&gone);
            self.chosen = gone;
            return;
        }
        self.chosen[at] = false;
        if self.fits(&self.chosen) {
            self.decide(at + 1, figures);
        }
        self.chosen[at] = true;
        // Of equal ones the first go: to let a later one go in its place is never better.
        if at > 0 && !self.chosen[at - 1] && self.are_equal(at - 1, at) {
            return;
        }
        figures.push(i64::from(self.tenants[at].priority));
        self.decide(at + 1, figures);
        figures.pop();
    }

    fn are_equal(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.tenants[one], &self.tenants[other]);
        let of = |tenant: &Tenant| (tenant.priority, tenant.room, tenant.gpus);
        of(one) == of(other) && one.gpus.is_empty()
    }
}
