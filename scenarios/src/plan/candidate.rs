//! One fleet on trial: it is simulated with every seed, and with every failure that it has to survive.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use windtunnel_outcome::limit::{Limit, Relation};
use windtunnel_outcome::recorder::Discard;
use windtunnel_outcome::{Outcome, Summary};
use windtunnel_scheduler::Time;

use super::Question;
use super::survival::{Domain, Survival, Survive, domains};
use crate::failure::Failure;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::simulate;
use crate::spec::Set;
use crate::tool::Tool;

/// Hours in a month: a twelfth of a year.
const HOURS_PER_MONTH: f64 = 730.0;
/// The lanes whose allocation is told.
const LANES: [&str; 4] = ["cpu", "memory", "disk", "gpu"];

/// The number of an objective over the seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// None of none.
    pub(super) fn of(numbers: &[f64]) -> Option<Self> {
        let least = numbers.iter().copied().reduce(f64::min)?;
        let most = numbers.iter().copied().reduce(f64::max)?;
        Some(Self { min: least, mean: numbers.iter().sum::<f64>() / numbers.len() as f64, max: most })
    }

    pub(super) fn to_json(self) -> Value {
        json!({ "min": self.min, "mean": self.mean, "max": self.max })
    }
}

/// How an objective fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// As written.
    pub objective: String,
    /// Whether it held with every seed.
    pub holds: bool,
    /// Its number over the seeds; None where it is undefined.
    pub spread: Option<Spread>,
}

/// How a fleet fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How many machines of each varied group.
    pub counts: Vec<u32>,
    /// The names of these groups.
    pub groups: Vec<String>,
    /// Machines that are not varied.
    pub fixed: u32,
    /// Whether every objective held with every seed, and through every loss.
    pub holds: bool,
    /// Each objective.
    pub objectives: Vec<Kept>,
    /// The losses that were tried, up to the first that is not survived.
    pub survivals: Vec<Survival>,
    /// Allocation by lane, mean over the seeds: `(lane, mean, p99)`.
    pub allocation: Vec<(&'static str, f64, f64)>,
    /// What all machines cost in a month; None if one has no price.
    pub cost_usd_per_month: Option<f64>,
}

impl Evaluation {
    /// All machines.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.fixed + self.counts.iter().sum::<u32>()
    }

    /// What is minimised: the cost, or the number of machines where there are no prices.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.cost_usd_per_month.unwrap_or_else(|| f64::from(self.nodes()))
    }

    /// The lane that is allocated most, by its 99th percentile.
    #[must_use]
    pub fn fullest(&self) -> Option<&'static str> {
        let fuller = |best: (&'static str, f64), one: &(&'static str, f64, f64)| {
            if one.2 > best.1 { (one.0, one.2) } else { best }
        };
        let (lane, share) = self.allocation.iter().fold(("", 0.0), fuller);
        (share > 0.0).then_some(lane)
    }

    fn counts_json(&self) -> Value {
        let counts = self.groups.iter().zip(&self.counts).map(|(name, count)| (name.clone(), json!(count)));
        Value::Object(counts.collect())
    }

    fn lanes_json(&self, of: impl Fn(&(&'static str, f64, f64)) -> f64) -> Value {
        Value::Object(self.allocation.iter().map(|lane| (lane.0.to_owned(), json!(of(lane)))).collect())
    }

    pub(super) fn as_answer(&self) -> Value {
        json!({
            "nodes": self.nodes(),
            "groups": self.counts_json(),
            "cost_usd_per_month": self.cost_usd_per_month,
            "utilization": self.lanes_json(|lane| lane.1),
            "headroom": self.lanes_json(|lane| 1.0 - lane.2),
            "objectives": self.objectives_json(),
        })
    }

    fn objectives_json(&self) -> Value {
        let one = |kept: &Kept| {
            let spread = kept.spread.map(Spread::to_json);
            (kept.objective.clone(), json!({ "holds": kept.holds, "value": spread }))
        };
        Value::Object(self.objectives.iter().map(one).collect::<Map<_, _>>())
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "nodes": self.nodes(),
            "groups": self.counts_json(),
            "holds": self.holds,
            "objectives": self.objectives_json(),
            "not_survived": self.survivals.iter().find(|one| !one.holds).map(|one| one.domain.clone()),
            "cost_usd_per_month": self.cost_usd_per_month,
        })
    }
}

/// How the objectives fared in some runs.
pub(super) fn judge(objectives: &[Limit], runs: &[Summary]) -> Vec<Kept> {
    let one = |limit: &Limit| {
        let numbers: Vec<Option<f64>> = runs.iter().map(|run| run.number(&limit.name)).collect();
        // A wait of nothing that started is no wait kept: what is undefined holds only if nothing was handed in.
        let empty = |run: &Summary| tasks(run, slice_of(&limit.name).unwrap_or(""), "submitted") == 0.0;
        let holds =
            numbers.iter().zip(runs).all(|(number, run)| number.map_or_else(|| empty(run), |one| limit.holds(one)));
        let defined: Vec<f64> = numbers.into_iter().flatten().collect();
        Kept { objective: limit.to_string(), holds: holds && all_served(limit, runs), spread: Spread::of(&defined) }
    };
    objectives.iter().map(one).collect()
}

/// What is measured of tasks that started or ended only.
const OF_THE_SERVED: [&str; 5] = ["wait_s.", "flow_s.", "bounded_slowdown.", "per_processor_slowdown.", "makespan_s"];

/// Of which tasks a metric tells that says nothing of those that still wait: what stands before its name, as in
/// `by_role.web.`, nothing for all tasks. None if it is no such metric.
fn slice_of(name: &str) -> Option<&str> {
    let at = OF_THE_SERVED.iter().find_map(|tail| name.find(tail))?;
    Some(&name[..at])
}

/// An objective of a team or class of which no run knows would fail with any fleet.
fn know_slices(objectives: &[Limit], runs: &[Summary]) -> Result<(), Failure> {
    let is_unknown = |limit: &&Limit| {
        let slice = slice_of(&limit.name).filter(|slice| slice.starts_with("by_"));
        let counted = |slice: &str| runs.iter().any(|run| run.number(&format!("{slice}tasks.submitted")).is_some());
        slice.is_some_and(|slice| !counted(slice)) && runs.iter().all(|run| run.number(&limit.name).is_none())
    };
    match objectives.iter().find(is_unknown) {
        None => Ok(()),
        Some(limit) => Err(Failure::new(format!(
            "--slo '{limit}': no task is of that team or class; `by_role` goes by the `role` of a workload, `by_class` \
             by its `class`"
        ))),
    }
}

/// A count of the tasks of a slice; of all tasks, if they are not counted for the slice.
fn tasks(run: &Summary, slice: &str, which: &str) -> f64 {
    let of = |slice: &str| run.number(&format!("{slice}tasks.{which}"));
    of(slice).or_else(|| of("")).unwrap_or(0.0)
}

/// An upper limit on a wait means nothing for tasks that never started: no more may be left over that wait for room
/// than a percentile leaves out.
fn all_served(limit: &Limit, runs: &[Summary]) -> bool {
    let is_upper = matches!(limit.relation, Relation::Below | Relation::AtMost);
    let Some(slice) = slice_of(&limit.name).filter(|_| is_upper) else { return true };
    let left = |run: &Summary| {
        let pending = tasks(run, slice, "pending_at_end") + tasks(run, slice, "rejected");
        pending > share_above(&limit.name) * tasks(run, slice, "submitted")
    };
    !runs.iter().any(left)
}

/// The share of tasks that a percentile leaves above it: 0.01 for `.p99`; 0 for a mean.
fn share_above(name: &str) -> f64 {
    match name.rsplit('.').next() {
        Some("p50") => 0.5,
        Some("p90") => 0.1,
        Some("p99") => 0.01,
        Some("p999") => 0.001,
        _ => 0.0,
    }
}

/// Where fleets are put on trial; none is tried twice.
pub(super) struct Bench<'a> {
    tool: &'a Tool,
    question: &'a Question,
    interrupt: &'a Interrupt,
    groups: Vec<usize>,
    names: Vec<String>,
    start: Vec<u32>,
    /// Dollars an hour of one machine of each varied group.
    prices: Vec<Option<f64>>,
    fixed: u32,
    fixed_price: Option<f64>,
    seeds: Vec<u64>,
    /// How many faults are planned already: those tried for survival come behind them.
    planned: usize,
    known: BTreeMap<Vec<u32>, Evaluation>,
    /// The loss that was not survived last: it is tried first.
    feared: Option<String>,
    sampled: Option<(usize, u64)>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        tool: &'a Tool,
        question: &'a Question,
        resolved: &Resolved,
        groups: Vec<usize>,
        interrupt: &'a Interrupt,
    ) -> Result<Self, Failure> {
        let written = &resolved.scenario.fleet.group;
        let price = |at: usize| written[at].price.map(|price| price.0 as f64 / 1e6);
        let others: Vec<usize> = (0..written.len()).filter(|at| !groups.contains(at)).collect();
        let fixed_price = others.iter().map(|&at| Some(price(at)? * f64::from(written[at].count))).sum();
        let first = resolved.scenario.seed;
        Ok(Self {
            tool,
            question,
            interrupt,
            names: groups.iter().map(|&at| written[at].name.clone()).collect(),
            start: groups.iter().map(|&at| written[at].count).collect(),
            prices: groups.iter().map(|&at| price(at)).collect(),
            fixed: others.iter().map(|&at| written[at].count).sum(),
            fixed_price,
            seeds: (0..u64::from(question.seeds.max(1))).map(|at| first.wrapping_add(at)).collect(),
            planned: resolved.scenario.faults.planned.len(),
            groups,
            known: BTreeMap::new(),
            feared: None,
            sampled: None,
        })
    }

    pub(super) fn start(&self) -> &[u32] {
        &self.start
    }

    pub(super) fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    pub(super) fn sampled(&self) -> Option<(usize, u64)> {
        self.sampled
    }

    pub(super) fn fixed_nodes(&self) -> u32 {
        self.fixed
    }

    pub(super) fn all(&self) -> Vec<Evaluation> {
        self.known.values().cloned().collect()
    }

    /// The varied groups, those whose machines cost most first; without prices, in order.
    pub(super) fn dearest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by(|&a, &b| self.prices[b].unwrap_or(0.0).total_cmp(&self.prices[a].unwrap_or(0.0)));
        order
    }

    fn cost(&self, counts: &[u32]) -> Option<f64> {
        let varied: Option<f64> =
            self.prices.iter().zip(counts).map(|(price, &count)| Some((*price)? * f64::from(count))).sum();
        Some((varied? + self.fixed_price?) * HOURS_PER_MONTH)
    }

    pub(super) fn is_cheaper(&self, one: &[u32], other: &[u32]) -> bool {
        let nodes = |counts: &[u32]| counts.iter().sum::<u32>();
        let price = |counts: &[u32]| self.cost(counts).unwrap_or_else(|| f64::from(nodes(counts)));
        price(one).total_cmp(&price(other)).then(nodes(one).cmp(&nodes(other))).is_lt()
    }

    pub(super) fn holds(&mut self, counts: &[u32]) -> Result<bool, Failure> {
        if let Some(known) = self.known.get(counts) {
            return Ok(known.holds);
        }
        let evaluation = self.evaluate(counts)?;
        let holds = evaluation.holds;
        self.known.insert(counts.to_vec(), evaluation);
        Ok(holds)
    }

    fn sets(&self, counts: &[u32], seed: u64) -> Vec<Set> {
        let mut sets = self.question.sets.clone();
        let count = |(&group, count): (&usize, &u32)| Set {
            key: format!("fleet.group.{group}.count"),
            value: count.to_string(),
        };
        sets.extend(self.groups.iter().zip(counts).map(count));
        sets.push(Set { key: "seed".into(), value: seed.to_string() });
        sets
    }

    fn evaluate(&mut self, counts: &[u32]) -> Result<Evaluation, Failure> {
        let title =
            self.names.iter().zip(counts).map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
        let (tool, text) = (self.tool, &self.question.scenario);
        let jobs: Vec<Vec<Set>> = self.seeds.iter().map(|&seed| self.sets(counts, seed)).collect();
        let outcomes = simulate::side_by_side(&title, &jobs, self.interrupt, |sets: &Vec<Set>, ask| {
            simulate::once(tool, &text.load(sets, tool.registries())?, &mut Discard, ask)
        })?;
        let summaries: Vec<Summary> = outcomes.iter().map(|outcome| outcome.summary.clone()).collect();
        know_slices(&self.question.objectives, &summaries)?;
        let objectives = judge(&self.question.objectives, &summaries);
        let mut holds = objectives.iter().all(|kept| kept.holds);
        let mut survivals = Vec::new();
        if let (true, Some(survive), Some(first)) = (holds, self.question.survive.clone(), outcomes.first()) {
            survivals = self.survive(&title, counts, &survive, first)?;
            holds = survivals.iter().all(|survival| survival.holds);
        }
        Ok(Evaluation {
            counts: counts.to_vec(),
            groups: self.names.clone(),
            fixed: self.fixed,
            holds,
            objectives,
            survivals,
            allocation: allocation(&summaries),
            cost_usd_per_month: self.cost(counts),
        })
    }

    /// Every loss, at the instant at which the undisturbed run held most; up to the first that is not survived.
    fn survive(
        &mut self,
        title: &str,
        counts: &[u32],
        survive: &Survive,
        undisturbed: &Outcome,
    ) -> Result<Vec<Survival>, Failure> {
        let base = self.sets(counts, self.seeds[0]);
        let resolved = self.question.scenario.load(&base, self.tool.registries())?;
        let (mut all, sampled) = domains(&resolved, survive)?;
        self.sampled = sampled.map(|of| (all.len(), of));
        if let Some(feared) = &self.feared
            && let Some(at) = all.iter().position(|domain| domain.title() == *feared)
        {
            all[..=at].rotate_right(1);
        }
        let worst = worst_moment(undisturbed);
        let (tool, text, objectives) = (self.tool, &self.question.scenario, &self.question.objectives);
        let planned = self.planned;
        let trial = |domain: &Domain, ask: windtunnel_sim::OnProgress<'_>| -> Result<Survival, Failure> {
            let mut sets = base.clone();
            sets.extend(domain.planned(planned, worst));
            let outcome = simulate::once(tool, &text.load(&sets, tool.registries())?, &mut Discard, ask)?;
            Ok(Survival::judged(domain, worst, &judge(objectives, &[outcome.summary])))
        };
        let mut survivals = Vec::with_capacity(all.len());
        // One by one first, since the loss feared most ends the trial; then as many at once as there are processors.
        let batches = std::iter::once(1).chain(std::iter::repeat(4 * rayon::current_num_threads()));
        let mut rest = &all[..];
        for size in batches {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            survivals.extend(simulate::side_by_side(title, batch, self.interrupt, trial)?);
            rest = later;
            if let Some(lost) = survivals.iter().find(|survival| !survival.holds) {
                self.feared = Some(lost.domain.clone());
                break;
            }
            if rest.is_empty() {
                break;
            }
        }
        Ok(survivals)
    }
}

fn allocation(summaries: &[Summary]) -> Vec<(&'static str, f64, f64)> {
    let mean = |name: String| {
        let numbers: Vec<f64> = summaries.iter().filter_map(|one| one.number(&name)).collect();
        Spread::of(&numbers).map(|spread| spread.mean)
    };
    let lane = |lane: &&'static str| {
        Some((*lane, mean(format!("allocation.{lane}.mean"))?, mean(format!("allocation.{lane}.p99"))?))
    };
    LANES.iter().filter_map(lane).collect()
}

/// The instant at which the most cpu was allocated; the first of equals.
fn worst_moment(outcome: &Outcome) -> Time {
    let series = &outcome.series;
    let Some(column) = series.columns.iter().find(|column| column.name.starts_with("allocated_cpu")) else {
        return Time::ZERO;
    };
    let mut best = (0, Time::ZERO);
    for (at, &most) in column.max.iter().enumerate() {
        if most > best.0 {
            // The middle of the point: the level is reached somewhere within it.
            best = (most, Time(series.from[at].0.midpoint(series.to[at].0)));
        }
    }
    best.1
}
