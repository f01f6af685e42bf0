//! What the fleet costs and draws, and who it is charged to. Nothing is counted where no node has a price or a power.

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::resources::{CPU, LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Fleet, NodeGroup, Upkeep};

use super::World;
use super::truth::{NONE, Node, Task};

/// Shares of a node are taken in this many parts.
const PARTS: u128 = 1 << 32;
/// Millionths of a dollar per hour, times microseconds, in a dollar.
const PER_USD: f64 = 1e6 * 3.6e9;
/// Milliwatts times microseconds in a kilowatt-hour.
const PER_KWH: f64 = 1e6 * 3.6e9;
/// Millicore-microseconds in a core-hour.
const PER_CORE_HOUR: f64 = 1e3 * 3.6e9;

/// The rates of the fleet and what was charged so far.
#[derive(Clone, Default)]
pub(super) struct Bill {
    /// One for each node, or none at all.
    rates: Vec<Upkeep>,
    groups: Vec<NodeGroup>,
    /// What each node draws now, in milliwatts.
    draws: Vec<u64>,
    /// Charged for work that was thrown away.
    lost: u128,
}

impl Bill {
    pub(super) fn new(fleet: &Fleet) -> Self {
        let rates = fleet.upkeep.clone();
        let draws = vec![0; rates.len()];
        Self { rates, groups: fleet.groups.clone(), draws, lost: 0 }
    }

    /// What a node costs, in millionths of a dollar per hour.
    pub(super) fn price_of(&self, node: u32) -> u64 {
        self.rates.get(node as usize).map_or(0, |rate| rate.price)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// Whether any node has a price.
    fn has_prices(&self) -> bool {
        self.rates.iter().any(|rate| rate.price > 0)
    }
}

/// What a node draws: from idle to busy in proportion to allocated cpu (Fan, Weber and Barroso, ISCA 2007).
fn draw_of(rate: &Upkeep, used: &Resources, capacity: &Resources) -> u64 {
    let more = u128::from(rate.busy_mw.saturating_sub(rate.idle_mw)) * u128::from(used[CPU].min(capacity[CPU]));
    rate.idle_mw + more.checked_div(u128::from(capacity[CPU])).unwrap_or(0) as u64
}

/// The share of a node that a request takes in its dominant lane, in [`PARTS`].
fn dominant(request: &Resources, count: u32, capacity: &Resources) -> u128 {
    let share = |lane: usize| {
        (u128::from(request[lane]) * u128::from(count) * PARTS).checked_div(u128::from(capacity[lane])).unwrap_or(0)
    };
    (0..LANES).map(share).max().unwrap_or(0)
}

impl World {
    /// The levels of price and power before anything happens.
    pub(super) fn begin_bill(&mut self) {
        for at in 0..self.bill.rates.len() {
            self.levels.price += self.bill.rates[at].price;
            self.draw_again(at as u32);
        }
    }

    /// A node holds more or less than before, or went down or came back: one that is down draws nothing.
    pub(super) fn draw_again(&mut self, node: u32) {
        let at = node as usize;
        let Some(rate) = self.bill.rates.get(at) else { return };
        let node = &self.nodes[at];
        let draw = if node.down { 0 } else { draw_of(rate, &node.used, &node.capacity) };
        self.levels.power_mw = self.levels.power_mw - self.bill.draws[at] + draw;
        self.bill.draws[at] = draw;
    }

    /// Charges an attempt to its class and team, as its row is written; what it comes to in dollars, if it ran and
    /// nodes have prices. Of the price of each of its nodes it is charged the share that it held in its dominant lane.
    pub(super) fn charge(&mut self, task: &Task, lost_work: Span, end: Option<Time>) -> Option<f64> {
        let attempt = task.running.filter(|attempt| self.bill.has_prices() && attempt.place != Time::NEVER)?;
        // What is inside a holder is paid for with it.
        let attempt = Some(attempt).filter(|attempt| attempt.within == NONE)?;
        let job = &self.jobs[task.job];
        let request = self.constrained(job.parts.of(task.index).request());
        let held = end.unwrap_or(self.now).since(attempt.place);
        let of = |node: u32, count: u32| {
            let share = dominant(&request, count, &self.nodes[node as usize].capacity);
            u128::from(self.bill.rates[node as usize].price) * u128::from(held.0) * share / PARTS
        };
        let charge: u128 = self.parts_of(&attempt).map(|(node, count, _)| of(node, count)).sum();
        let lost = (charge * u128::from(lost_work.0.min(held.0))).checked_div(u128::from(held.0)).unwrap_or(0);
        let (class, role, measured) = (job.class.0, job.role.0, job.measured);
        self.bill.lost += lost;
        if measured {
            for (tallies, label) in [(&mut self.measures.by_class, class), (&mut self.measures.by_role, role)] {
                crate::measure::Measures::tally(tallies, label).charge += charge;
            }
        }
        Some(usd(charge))
    }

    fn stay_of(&self, at: usize) -> Stay {
        let there = Span(self.now.0 - self.away_of(at).0);
        Stay { there, paid: self.paid_of(at), down: self.down_of(at) }
    }

    /// Nodes of the fleet that were ever there.
    pub(super) fn ever_there(&self, nodes: std::ops::Range<usize>) -> u64 {
        nodes.filter(|&at| self.comings.is_none() || self.away_of(at).0 < self.now.0 || self.now == Time::ZERO).count()
            as u64
    }

    /// Writes `cost.*`, `energy.kwh` and `by_group.*`. Nodes must be settled.
    pub(super) fn record_bill(&self, summary: &mut Summary) {
        if self.bill.is_empty() {
            return;
        }
        let nodes = self.nodes.iter().zip(&self.bill.rates).enumerate();
        let sheets: Vec<Sheet> = nodes.map(|(at, (node, rate))| Sheet::of(node, rate, &self.stay_of(at))).collect();
        let all = Sheet::sum(&sheets);
        if self.bill.has_prices() {
            let finished = summary.number("tasks.finished").filter(|&tasks| tasks > 0.0);
            let core_hours = self.conservation.busy[CPU] as f64 / PER_CORE_HOUR;
            summary.set("cost.total_usd", all.cost);
            if self.watch.is_some() || self.comings.is_some() {
                summary.set("cost.rate_usd_per_h", self.levels.price as f64 / 1e6);
            }
            summary.set("cost.idle_usd", all.idle);
            summary.set("cost.lost_usd", usd(self.bill.lost));
            summary.set("cost.per_task_usd", finished.map(|tasks| all.cost / tasks));
            summary.set("cost.per_core_hour_usd", (core_hours > 0.0).then(|| all.cost / core_hours));
        }
        if self.bill.rates.iter().any(|rate| rate.busy_mw > 0) {
            summary.set("energy.kwh", all.energy_kwh);
        }
        let mut begin = 0;
        for NodeGroup { name, count } in &self.bill.groups {
            let end = (begin + *count as usize).min(sheets.len());
            let group = Sheet::sum(&sheets[begin..end]);
            let mut set = |key: &str, value: f64| {
                summary.set_path(vec!["by_group".to_owned(), name.clone(), key.to_owned()], value);
            };
            set("cost_usd", group.cost);
            set("idle_usd", group.idle);
            set("energy_kwh", group.energy_kwh);
            summary
                .set_path(vec!["by_group".to_owned(), name.clone(), "nodes".to_owned()], self.ever_there(begin..end));
            begin = end;
        }
    }
}

/// Charged millionths of a dollar per hour times microseconds, in dollars.
pub(crate) fn usd(charge: u128) -> f64 {
    charge as f64 / PER_USD
}

/// How long a node was of the fleet, paid for, and down.
struct Stay {
    there: Span,
    paid: Span,
    down: Span,
}

/// What nodes came to.
#[derive(Clone, Copy, Debug, Default)]
struct Sheet {
    cost: f64,
    /// The part of it for what was not allocated.
    idle: f64,
    energy_kwh: f64,
}

impl Sheet {
    /// A node that was down was paid for and drew nothing.
    fn of(node: &Node, rate: &Upkeep, stay: &Stay) -> Self {
        let (span_us, paid_us) = (stay.there.0 as f64, stay.paid.0 as f64);
        let up_us = stay.there.0.saturating_sub(stay.down.0) as f64;
        let share = |lane: usize| {
            let all = f64::from(node.capacity[lane]) * span_us;
            if all > 0.0 { node.allocated[lane] as f64 / all } else { 0.0 }
        };
        let held = (0..LANES).map(share).fold(0.0, f64::max).min(1.0);
        let cost = rate.price as f64 * paid_us / PER_USD;
        // What is paid for while it boots is idle.
        let held = if paid_us > span_us { held * (span_us / paid_us) } else { held };
        let more = rate.busy_mw.saturating_sub(rate.idle_mw) as f64 * share(CPU).min(1.0);
        let energy_kwh = (rate.idle_mw as f64 * up_us + more * span_us) / PER_KWH;
        Self { cost, idle: cost * (1.0 - held), energy_kwh }
    }

    fn sum(sheets: &[Self]) -> Self {
        sheets.iter().fold(Self::default(), |sum, sheet| Self {
            cost: sum.cost + sheet.cost,
            idle: sum.idle + sheet.idle,
            energy_kwh: sum.energy_kwh + sheet.energy_kwh,
        })
    }
}
