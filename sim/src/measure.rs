//! The numbers of a run while it goes on: distributions, levels over time, counts by state.

use windtunnel_outcome::Summary;
use windtunnel_outcome::bound::NodeBound;
use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::heat::Heat;
use windtunnel_outcome::recorder::{SlowTask, WaitProfile};
use windtunnel_outcome::rows::{Cause, State};
use windtunnel_outcome::series::Series;
use windtunnel_scheduler::resources::{CPU, LANES, Totals};
use windtunnel_scheduler::time::{Span, Time};

use crate::experiment::Measure;

/// Values kept one by one for the headline distributions; sketched beyond.
pub(crate) const EXACT_MOST: usize = 1 << 20;
/// The same for each class and team.
const EXACT_MOST_EACH: usize = 1 << 16;
/// Bars of a picture of waits.
const WAIT_BARS: usize = 120;
const PERMILLE: usize = 1000;
const SLOWEST: usize = 10;

/// What the fleet looks like between two instants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub used: Totals,
    pub capacity: Totals,
    pub pending: Totals,
    /// What running tasks really use, as far as the trace says.
    pub usage: Totals,
    pub waiting: u64,
    pub running: u64,
    pub nodes_in_use: u64,
    pub nodes_up: u64,
    /// Millionths of a dollar per hour.
    pub price: u64,
    /// Milliwatts.
    pub power_mw: u64,
}

/// Tasks and waits of one class or team.
#[derive(Clone)]
pub(crate) struct Tally {
    pub states: [u64; State::ALL.len()],
    pub waits: Distribution,
    pub allocated: [u128; LANES],
    /// Millionths of a dollar per hour times microseconds.
    pub charge: u128,
}

impl Tally {
    fn new() -> Self {
        Self {
            states: [0; State::ALL.len()],
            waits: Distribution::new(EXACT_MOST_EACH),
            allocated: [0; LANES],
            charge: 0,
        }
    }
}

/// Shares of time by level, in thousandths of capacity.
#[derive(Clone)]
struct LevelShares {
    time_us: Vec<u64>,
    level: usize,
}

/// Cpu-microseconds that were there, that were allocated, and that were free while somebody waited.
#[derive(Clone, Copy, Default)]
struct CpuTime {
    capacity: u128,
    busy: u128,
    idle_while_waited: u128,
}

/// From the first submission to the last end.
#[derive(Clone, Copy, Default)]
struct Stretch {
    /// So far.
    now: CpuTime,
    /// The first submission, and what there was until then.
    first: Option<(Time, CpuTime)>,
    /// The last end, likewise.
    last: Option<(Time, CpuTime)>,
}

/// Everything that is counted.
#[derive(Clone)]
pub(crate) struct Measures {
    pub window: Measure,
    pub lanes: Vec<(usize, String)>,
    pub waits: Distribution,
    pub job_waits: Distribution,
    pub flows: Distribution,
    slowdowns: Distribution,
    slowdown_sum: f64,
    processor_slowdowns: f64,
    pub by_class: Vec<Option<Tally>>,
    pub by_role: Vec<Option<Tally>>,
    pub states: [u64; State::ALL.len()],
    pub jobs: [u64; State::ALL.len()],
    pub jobs_submitted: u64,
    pub tasks_submitted: u64,
    pub placed: u64,
    /// Rows by state.
    pub rows: [u64; State::ALL.len()],
    pub causes: [u128; Cause::COUNT],
    pub series: Series,
    pub heat: Heat,
    bound: NodeBound,
    levels: Levels,
    since: Time,
    shares: Vec<LevelShares>,
    allocated: [u128; LANES],
    available: [u128; LANES],
    used: [u128; LANES],
    busy: Stretch,
    pub has_usage: bool,
    packing: f64,
    packing_sum: f64,
    packing_us: u64,
    pub slowest: Vec<SlowTask>,
    stranded_from: usize,
    /// Where the columns of price and power stand, if there are any.
    upkeep_from: Option<usize>,
}

/// The columns of the series beside those of each lane.
const COUNTS: [&str; 5] = ["waiting_tasks", "running_tasks", "nodes_in_use", "nodes_up", NEEDED];
/// The fewest nodes that could hold what runs: the only count that is not a level of the world.
const NEEDED: &str = "nodes_needed";
/// What the fleet costs and draws, in millionths of a dollar per hour and in milliwatts, where nodes have either.
const UPKEEP: [&str; 2] = ["price_micro_usd_per_h", "power_mw"];
/// The columns of each lane: what is allocated, what is there, what is asked for in vain, what is really used.
const PER_LANE: [&str; 4] = ["allocated", "capacity", "pending", USED];
/// Left out where the trace does not say.
const USED: &str = "used";

/// The unit of a lane, as the end of a column's name.
pub(crate) fn lane_column(what: &str, lane: usize, name: &str) -> String {
    let unit = match lane {
        0 | 3 => "_milli",
        1 | 2 => "_mib",
        _ => "",
    };
    format!("{what}_{name}{unit}")
}

/// Why room that is free cannot be used.
pub(crate) const STRANDED: [&str; 5] = ["cpu", "memory", "disk", "gpu", "extra"];

impl Measures {
    pub(crate) fn new(
        window: Measure,
        lanes: Vec<(usize, String)>,
        sampling: windtunnel_outcome::series::Sampling,
        cpu: &[u32],
        bound: NodeBound,
        has_upkeep: bool,
    ) -> Self {
        let mut names: Vec<String> = COUNTS.iter().map(|&name| name.to_owned()).collect();
        for (lane, name) in &lanes {
            names.extend(PER_LANE.iter().map(|what| lane_column(what, *lane, name)));
        }
        let stranded_from = names.len();
        for (lane, name) in &lanes {
            names.extend(STRANDED.iter().map(|cause| lane_column("stranded", *lane, &format!("{name}_{cause}"))));
        }
        let upkeep_from = has_upkeep.then_some(names.len());
        names.extend(UPKEEP.iter().filter(|_| has_upkeep).map(|&name| name.to_owned()));
        let shares = lanes.iter().map(|_| LevelShares { time_us: vec![0; PERMILLE + 1], level: 0 }).collect();
        Self {
            window,
            lanes,
            waits: Distribution::new(EXACT_MOST),
            job_waits: Distribution::new(EXACT_MOST),
            flows: Distribution::new(EXACT_MOST),
            slowdowns: Distribution::new(EXACT_MOST),
            slowdown_sum: 0.0,
            processor_slowdowns: 0.0,
            by_class: Vec::new(),
            by_role: Vec::new(),
            states: [0; State::ALL.len()],
            jobs: [0; State::ALL.len()],
            jobs_submitted: 0,
            tasks_submitted: 0,
            placed: 0,
            rows: [0; State::ALL.len()],
            causes: [0; Cause::COUNT],
            series: Series::new(names, sampling),
            heat: Heat::new(cpu),
            bound,
            levels: Levels::default(),
            since: Time::ZERO,
            shares,
            allocated: [0; LANES],
            available: [0; LANES],
            used: [0; LANES],
            busy: Stretch::default(),
            has_usage: false,
            packing: 0.0,
            packing_sum: 0.0,
            packing_us: 0,
            slowest: Vec::new(),
            stranded_from,
            upkeep_from,
        }
    }

    /// True if a job handed in at `submit` counts.
    pub(crate) fn counts(&self, submit: Time) -> bool {
        self.window.from <= submit && submit < self.window.to
    }

    /// Lets the levels hold until `now`.
    pub(crate) fn advance(&mut self, now: Time) {
        let from = self.since.max(self.window.from);
        let span = now.min(self.window.to).since(from).0;
        self.since = now;
        if span == 0 {
            return;
        }
        for (at, (lane, _)) in self.lanes.iter().enumerate() {
            let shares = &mut self.shares[at];
            shares.time_us[shares.level] += span;
            self.allocated[*lane] += u128::from(self.levels.used.0[*lane]) * u128::from(span);
            self.available[*lane] += u128::from(self.levels.capacity.0[*lane]) * u128::from(span);
            self.used[*lane] += u128::from(self.levels.usage.0[*lane]) * u128::from(span);
        }
        let cpu = &mut self.busy.now;
        let (free, span_us) = (self.levels.capacity.0[CPU].saturating_sub(self.levels.used.0[CPU]), u128::from(span));
        cpu.capacity += u128::from(self.levels.capacity.0[CPU]) * span_us;
        cpu.busy += u128::from(self.levels.used.0[CPU]) * span_us;
        if self.levels.waiting > 0 {
            cpu.idle_while_waited += u128::from(free) * span_us;
        }
        if self.levels.nodes_in_use > 0 {
            self.packing_sum += self.packing * span as f64;
            self.packing_us += span;
        }
    }

    /// The levels as they stand after the instant `now`.
    pub(crate) fn observe(&mut self, now: Time, levels: &Levels) {
        let old = &self.levels;
        let counts = |levels: &Levels| [levels.waiting, levels.running, levels.nodes_in_use, levels.nodes_up];
        for (column, (before, after)) in counts(old).into_iter().zip(counts(levels)).enumerate() {
            if before != after {
                self.series.set(now, column, after);
            }
        }
        if let Some(column) = self.upkeep_from {
            for (column, [before, after]) in
                (column..).zip([[old.price, levels.price], [old.power_mw, levels.power_mw]])
            {
                if before != after {
                    self.series.set(now, column, after);
                }
            }
        }
        let mut packing_changed = old.nodes_in_use != levels.nodes_in_use;
        for at in 0..self.lanes.len() {
            let lane = self.lanes[at].0;
            let column = COUNTS.len() + at * PER_LANE.len();
            let rows = |levels: &Levels| {
                [&levels.used, &levels.capacity, &levels.pending, &levels.usage].map(|row| row.0[lane])
            };
            let (before, after) = (rows(old), rows(levels));
            for offset in 0..PER_LANE.len() {
                if before[offset] != after[offset] {
                    self.series.set(now, column + offset, after[offset]);
                }
            }
            if before[..2] != after[..2] {
                packing_changed = true;
                let share = (after[0] * PERMILLE as u64 + after[1] / 2).checked_div(after[1]).unwrap_or(0);
                self.shares[at].level = (share as usize).min(PERMILLE);
            }
        }
        if packing_changed {
            let needed = self.bound.lower(&levels.used);
            self.series.set(now, COUNTS.len() - 1, needed);
            if levels.nodes_in_use > 0 {
                self.packing = needed as f64 / levels.nodes_in_use as f64;
            }
        }
        self.levels = *levels;
    }

    /// What is stranded, by lane and cause, as sampled at `now`.
    pub(crate) fn observe_stranded(&mut self, now: Time, stranded: &[[u64; STRANDED.len()]; LANES]) {
        for at in 0..self.lanes.len() {
            for (cause, &amount) in stranded[self.lanes[at].0].iter().enumerate() {
                self.series.set(now, self.stranded_from + at * STRANDED.len() + cause, amount);
            }
        }
    }

    /// The numbers of a class or a team.
    pub(crate) fn tally(tallies: &mut Vec<Option<Tally>>, label: u16) -> &mut Tally {
        let at = usize::from(label);
        if at >= tallies.len() {
            tallies.resize_with(at + 1, || None);
        }
        tallies[at].get_or_insert_with(Tally::new)
    }

    /// A task of `count` members started for the first time.
    pub(crate) fn task_started(&mut self, class: u16, role: u16, wait: Span, count: u32) {
        let count = u64::from(count);
        self.waits.add_times(wait.0, count);
        Self::tally(&mut self.by_class, class).waits.add_times(wait.0, count);
        Self::tally(&mut self.by_role, role).waits.add_times(wait.0, count);
    }

    /// `count` tasks are over, or stand like this at the end.
    pub(crate) fn task_over(&mut self, class: u16, role: u16, state: State, count: u32) {
        let count = u64::from(count);
        self.states[state as usize] += count;
        Self::tally(&mut self.by_class, class).states[state as usize] += count;
        Self::tally(&mut self.by_role, role).states[state as usize] += count;
    }

    /// A job was handed in.
    pub(crate) fn submitted(&mut self, submit: Time) {
        self.busy.first.get_or_insert((submit, self.busy.now));
    }

    /// A task ended now.
    pub(crate) fn ended(&mut self, now: Time) {
        self.busy.last = Some((now, self.busy.now));
    }

    /// All tasks of a job ended: its bounded slowdown is `max(1, flow / max(tau, run))`,
    /// the one per processor `max(1, flow / (processors * max(tau, run)))`.
    pub(crate) fn job_ended(&mut self, submit: Time, first_start: Time, end: Time, cpu_milli: u64) {
        let flow = end.since(submit);
        let run = end.since(first_start).0.max(self.window.tau.0).max(1);
        self.flows.add(flow.0);
        let slowdown = (flow.0 as f64 / run as f64).max(1.0);
        self.slowdown_sum += slowdown;
        let processors = (cpu_milli as f64 / 1e3).max(1.0);
        self.processor_slowdowns += (flow.0 as f64 / run as f64 / processors).max(1.0);
        // Percentiles in millionths; the mean is kept in full.
        self.slowdowns.add((slowdown * 1e6) as u64);
    }

    /// True if a wait is among the longest so far.
    pub(crate) fn is_slow(&self, wait: Span) -> bool {
        wait > Span::ZERO && (self.slowest.len() < SLOWEST || self.slowest.last().is_some_and(|last| wait > last.wait))
    }

    /// Keeps a task among the longest waits; the earlier one stays ahead on ties.
    pub(crate) fn keep_slow(&mut self, task: SlowTask) {
        let at = self.slowest.partition_point(|other| other.wait >= task.wait);
        self.slowest.insert(at, task);
        self.slowest.truncate(SLOWEST);
    }

    /// The share of capacity that was allocated at least this often, in thousandths of time.
    fn share_at(&self, at: usize, permille: u64) -> Option<f64> {
        let total: u64 = self.shares[at].time_us.iter().sum();
        let wanted = (u128::from(total) * u128::from(permille)).div_ceil(1000) as u64;
        let mut seen = 0;
        for (level, time_us) in self.shares[at].time_us.iter().enumerate() {
            seen += time_us;
            if seen >= wanted && total > 0 {
                return Some(level as f64 / PERMILLE as f64);
            }
        }
        None
    }

    /// Writes every number that is known here.
    pub(crate) fn record(&mut self, summary: &mut Summary) {
        record_seconds(summary, "wait_s", &mut self.waits);
        record_seconds(summary, "job_wait_s", &mut self.job_waits);
        record_seconds(summary, "flow_s", &mut self.flows);
        let count = self.slowdowns.count();
        summary.set("bounded_slowdown.mean", (count > 0).then(|| self.slowdown_sum / count as f64));
        let mean = (count > 0).then(|| self.processor_slowdowns / count as f64);
        summary.set("per_processor_slowdown.mean", mean);
        for (name, value) in
            [("p50", self.slowdowns.p50()), ("p99", self.slowdowns.p99()), ("max", self.slowdowns.max())]
        {
            summary.set(&format!("bounded_slowdown.{name}"), value.map(|millionths| millionths as f64 / 1e6));
        }
        for cause in Cause::ALL {
            // The mean per task, so that the causes add up to the mean wait.
            let count = self.waits.count();
            let mean = (count > 0).then(|| self.causes[cause as usize] as f64 / count as f64 / 1e6);
            summary.set(&format!("wait_by_cause_s.{}", cause.name()), mean);
        }
        self.record_stretch(summary);
        for at in 0..self.lanes.len() {
            let (lane, name) = self.lanes[at].clone();
            let mean = (self.available[lane] > 0).then(|| self.allocated[lane] as f64 / self.available[lane] as f64);
            let capacity = self.levels.capacity.0[lane];
            let at_end = (capacity > 0).then(|| self.levels.used.0[lane] as f64 / capacity as f64);
            summary.set(&format!("allocation.{name}.mean"), mean);
            summary.set(&format!("allocation.{name}.p50"), self.share_at(at, 500));
            summary.set(&format!("allocation.{name}.p99"), self.share_at(at, 990));
            summary.set(&format!("allocation.{name}.at_end"), at_end);
            if self.has_usage {
                let mean = (self.available[lane] > 0).then(|| self.used[lane] as f64 / self.available[lane] as f64);
                let at_end = (capacity > 0).then(|| self.levels.usage.0[lane] as f64 / capacity as f64);
                summary.set(&format!("usage.{name}.mean"), mean);
                summary.set(&format!("usage.{name}.at_end"), at_end);
            }
        }
        let efficiency = (self.packing_us > 0).then(|| self.packing_sum / self.packing_us as f64);
        summary.set("packing.efficiency", efficiency);
        summary.set("packing.at_end", (self.levels.nodes_in_use > 0).then_some(self.packing));
        self.record_states(summary);
    }

    /// What is said of the time from the first submission to the last end.
    fn record_stretch(&self, summary: &mut Summary) {
        let ends = self.busy.first.zip(self.busy.last);
        summary.set("makespan_s", ends.map(|((submit, _), (end, _))| end.since(submit).as_seconds()));
        let part = |what: fn(&CpuTime) -> u128| {
            let ((_, first), (_, last)) = ends?;
            let capacity = last.capacity.checked_sub(first.capacity).filter(|&capacity| capacity > 0)?;
            Some(what(&last).saturating_sub(what(&first)) as f64 / capacity as f64)
        };
        summary.set("utilization.cpu", part(|cpu| cpu.busy));
        summary.set("loss_of_capacity.cpu", part(|cpu| cpu.idle_while_waited));
        let waits: Vec<f64> = self.by_role.iter().flatten().filter_map(|tally| tally.waits.mean()).collect();
        let (sum, squares) = waits.iter().fold((0.0, 0.0), |(sum, squares), wait| (sum + wait, squares + wait * wait));
        let several = waits.len() > 1 && squares > 0.0;
        summary.set("fairness.wait_jain", several.then(|| sum * sum / (waits.len() as f64 * squares)));
    }

    fn record_states(&self, summary: &mut Summary) {
        summary.set("tasks.submitted", self.tasks_submitted);
        summary.set("jobs.submitted", self.jobs_submitted);
        for state in State::ALL {
            summary.set(&format!("tasks.{}", state_key(state)), self.states[state as usize]);
            summary.set(&format!("jobs.{}", state_key(state)), self.jobs[state as usize]);
            summary.set(&format!("attempts.{}", state_key(state)), self.rows[state as usize]);
        }
        summary.set("attempts.total", self.rows.iter().sum::<u64>());
        summary.set("attempts.placed", self.placed);
    }

    /// What was up of a lane, times microseconds.
    pub(crate) fn available(&self, lane: usize) -> u128 {
        self.available[lane]
    }

    /// Takes the columns of real usage out of a table if no trace had any.
    pub(crate) fn without_unused(has_usage: bool, series: &mut windtunnel_outcome::series::SeriesTable) {
        series.columns.retain(|column| has_usage || !column.name.starts_with("used_"));
    }

    /// Writes the numbers of classes or teams under `by_class` or `by_role`.
    pub(crate) fn record_tallies<'a>(
        &mut self,
        summary: &mut Summary,
        kind: &str,
        word: impl Fn(u16) -> &'a str,
        profiles: &mut Vec<WaitProfile>,
    ) {
        let is_class = kind == "class";
        let tallies = std::mem::take(if is_class { &mut self.by_class } else { &mut self.by_role });
        for (label, tally) in tallies.into_iter().enumerate() {
            let Some(mut tally) = tally else { continue };
            let name = match word(label as u16) {
                "" => "(none)",
                name => name,
            };
            let path = |rest: &[&str]| {
                let head = [format!("by_{kind}"), name.to_owned()];
                head.into_iter().chain(rest.iter().map(|&part| part.to_owned())).collect::<Vec<_>>()
            };
            summary.set_path(path(&["tasks", "submitted"]), tally.states.iter().sum::<u64>());
            for state in State::ALL {
                summary.set_path(path(&["tasks", state_key(state)]), tally.states[state as usize]);
            }
            for (key, value) in marks(&mut tally.waits) {
                summary.set_path(path(&["wait_s", key]), value);
            }
            if self.upkeep_from.is_some() {
                summary.set_path(path(&["cost_usd"]), crate::world::usd(tally.charge));
            }
            for (lane, lane_name) in &self.lanes {
                let share =
                    (self.available[*lane] > 0).then(|| tally.allocated[*lane] as f64 / self.available[*lane] as f64);
                summary.set_path(path(&["allocation", lane_name, "mean"]), share);
            }
            profiles.push(profile(if is_class { "class" } else { "role" }, name, &mut tally.waits));
        }
    }
}

/// How the count of a state is called in the summary.
fn state_key(state: State) -> &'static str {
    match state {
        State::Pending => "pending_at_end",
        State::Running => "running_at_end",
        state => state.name(),
    }
}

/// Mean, percentiles and maximum in seconds.
fn marks(distribution: &mut Distribution) -> [(&'static str, Option<f64>); 6] {
    let seconds = |us: Option<u64>| us.map(|us| us as f64 / 1e6);
    [
        ("mean", distribution.mean().map(|mean| mean / 1e6)),
        ("p50", seconds(distribution.p50())),
        ("p90", seconds(distribution.p90())),
        ("p99", seconds(distribution.p99())),
        ("p999", seconds(distribution.p999())),
        ("max", seconds(distribution.max())),
    ]
}

pub(crate) fn record_seconds(summary: &mut Summary, name: &str, distribution: &mut Distribution) {
    for (key, value) in marks(distribution) {
        summary.set(&format!("{name}.{key}"), value);
    }
}

/// The distribution of waits, for a picture.
pub(crate) fn profile(kind: &'static str, name: &str, waits: &mut Distribution) -> WaitProfile {
    let mark = |us: Option<u64>| us.map(Span);
    WaitProfile {
        kind,
        name: name.to_owned(),
        count: waits.count(),
        zero: waits.zeros(),
        bins: waits.bins(WAIT_BARS),
        marks: [mark(waits.p50()), mark(waits.p90()), mark(waits.p99())],
    }
}
