//! The numbers of a run while it goes on: distributions, levels over time, counts by state.

use windtunnel_outcome::Summary;
use windtunnel_outcome::bound::NodeBound;
use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::heat::Heat;
use windtunnel_outcome::recorder::{SlowTask, WaitProfile};
use windtunnel_outcome::rows::{Cause, State};
use windtunnel_outcome::series::{Rows, Series};
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

/// What became of one lane so far.
#[derive(Clone)]
struct LaneTimes {
    lane: usize,
    /// Amount times microseconds: what was allocated, what was there, what was really used.
    allocated: u128,
    available: u128,
    used: u128,
    /// How long what is allocated stood at each share of what is there, in thousandths.
    time_us: Vec<u64>,
    /// Where it stands now.
    level: usize,
}

impl LaneTimes {
    fn new(lane: usize) -> Self {
        Self { lane, allocated: 0, available: 0, used: 0, time_us: vec![0; PERMILLE + 1], level: 0 }
    }

    /// The mean share of what was there; None if nothing was.
    fn share_of(&self, amount_us: u128) -> Option<f64> {
        (self.available > 0).then(|| amount_us as f64 / self.available as f64)
    }

    /// The share that was allocated at least this often, in thousandths of time.
    fn share_at(&self, permille: u64) -> Option<f64> {
        let total: u64 = self.time_us.iter().sum();
        let wanted = (u128::from(total) * u128::from(permille)).div_ceil(1000) as u64;
        let mut seen = 0;
        for (level, time_us) in self.time_us.iter().enumerate() {
            seen += time_us;
            if seen >= wanted && total > 0 {
                return Some(level as f64 / PERMILLE as f64);
            }
        }
        None
    }
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
    /// Cpu-microseconds so far that were free while somebody waited.
    idle_while_waited: u128,
    /// The first submission, and what there was until then.
    first: Option<(Time, CpuTime)>,
    /// The last end, likewise.
    last: Option<(Time, CpuTime)>,
}

/// What there is to be seen of one instant.
#[derive(Clone, Copy, Default)]
struct Sight {
    /// The first submission that counts, if it came at this instant.
    submit: Option<Time>,
    /// Whether a task ended.
    ended: bool,
}

/// What is counted a little later, in the order in which it happened.
#[derive(Clone, Copy)]
enum Late {
    /// So many tasks of a class and a team started for the first time.
    Started { class: u16, role: u16, wait: Span, count: u32 },
    /// So many are over.
    Over { class: u16, role: u16, state: State, count: u32 },
    /// All tasks of a job started.
    JobStarted { wait: Span },
    /// All tasks of a job ended.
    JobOver { submit: Time, first_start: Time, end: Time, cpu_milli: u64 },
}

/// Instants that are taken in together, and rows that are written together: each on its own would find the code that
/// does it gone from the cache, since a task needs more code from its submission to its end than there is room for.
pub(crate) const TOGETHER: usize = 32;
/// About what happens in as many instants.
const LATE_MOST: usize = 2 * TOGETHER;

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
    since: Time,
    /// What was seen at the last instants; the first [`Measures::fresh`] of it are still to be taken in.
    seen: Vec<Sight>,
    /// When it was seen.
    instants: Vec<Time>,
    /// The levels that were taken in last, then those that were seen: at each instant one of each of the columns.
    seen_levels: Vec<u64>,
    /// The columns of the series that hold levels.
    columns: Vec<usize>,
    fresh: usize,
    /// The first submission that counts, if it came at this instant.
    submit: Option<Time>,
    /// Whether a task ended at this instant.
    ended: bool,
    late: Vec<Late>,
    times: Vec<LaneTimes>,
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
const NEEDED_AT: usize = COUNTS.len() - 1;
const WAITING: usize = 0;
const NODES_IN_USE: usize = 2;
/// What the fleet costs and draws, in millionths of a dollar per hour and in milliwatts, where nodes have either.
const UPKEEP: [&str; 2] = ["price_micro_usd_per_h", "power_mw"];
/// The columns of each lane: what is allocated, what is there, what is asked for in vain, what is really used.
const PER_LANE: [&str; 4] = ["allocated", "capacity", "pending", USED];
/// Left out where the trace does not say.
const USED: &str = "used";

/// The columns of each lane among a row of levels.
#[inline]
fn by_lane(levels: &[u64]) -> &[[u64; PER_LANE.len()]] {
    levels[COUNTS.len()..].as_chunks().0
}

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
        let columns: Vec<usize> =
            (0..stranded_from).chain(upkeep_from.into_iter().flat_map(|from| from..names.len())).collect();
        let times = lanes.iter().map(|&(lane, _)| LaneTimes::new(lane)).collect();
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
            since: Time::ZERO,
            seen: vec![Sight::default(); TOGETHER],
            instants: vec![Time::ZERO; TOGETHER],
            seen_levels: vec![0; columns.len() * (TOGETHER + 1)],
            columns,
            fresh: 0,
            submit: None,
            ended: false,
            late: Vec::with_capacity(LATE_MOST),
            times,
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

    /// The levels as they stand after the instant `now`.
    #[inline]
    pub(crate) fn observe(&mut self, now: Time, levels: &Levels) {
        let (submit, ended) = (self.submit.take(), std::mem::take(&mut self.ended));
        (self.instants[self.fresh], self.seen[self.fresh]) = (now, Sight { submit, ended });
        self.fresh += 1;
        let width = self.columns.len();
        let row = &mut self.seen_levels[self.fresh * width..][..width];
        let (counts, lanes) = row.split_at_mut(COUNTS.len());
        counts[..NEEDED_AT].copy_from_slice(&[levels.waiting, levels.running, levels.nodes_in_use, levels.nodes_up]);
        for (row, &(lane, _)) in lanes.chunks_exact_mut(PER_LANE.len()).zip(&self.lanes) {
            let levels = [&levels.used, &levels.capacity, &levels.pending, &levels.usage];
            row.copy_from_slice(&levels.map(|row| row.0[lane]));
        }
        if self.upkeep_from.is_some() {
            row[self.stranded_from..].copy_from_slice(&[levels.price, levels.power_mw]);
        }
        if self.fresh == TOGETHER {
            self.take_in();
        }
    }

    /// Takes in all that was seen. To be called before anything is read that depends on it.
    pub(crate) fn take_in(&mut self) {
        let (width, fresh) = (self.columns.len(), std::mem::take(&mut self.fresh));
        let mut rows = std::mem::take(&mut self.seen_levels);
        for at in 0..fresh {
            let (before, after) = rows[at * width..(at + 2) * width].split_at_mut(width);
            let (now, Sight { submit, ended }) = (self.instants[at], self.seen[at]);
            self.hold_until(now, before);
            if let Some(submit) = submit {
                self.busy.first = Some((submit, self.cpu_time()));
            }
            if ended {
                self.busy.last = Some((now, self.cpu_time()));
            }
            self.change(before, after);
        }
        let (instants, levels) = (&self.instants[..fresh], &rows[width..(fresh + 1) * width]);
        self.series.set_rows(&Rows { instants, columns: &self.columns, levels });
        rows.copy_within(fresh * width..(fresh + 1) * width, 0);
        self.seen_levels = rows;
    }

    /// Lets the levels hold until the run is over.
    pub(crate) fn end(&mut self, end: Time) {
        self.take_in();
        let rows = std::mem::take(&mut self.seen_levels);
        self.hold_until(end, &rows[..self.columns.len()]);
        self.seen_levels = rows;
    }

    /// Lets these levels hold until `now`.
    fn hold_until(&mut self, now: Time, levels: &[u64]) {
        let from = self.since.max(self.window.from);
        let span = now.min(self.window.to).since(from).0;
        self.since = now;
        if span == 0 {
            return;
        }
        let span_us = u128::from(span);
        for (times, [allocated, capacity, _, used]) in self.times.iter_mut().zip(by_lane(levels)) {
            times.time_us[times.level] += span;
            times.allocated += u128::from(*allocated) * span_us;
            times.available += u128::from(*capacity) * span_us;
            if *used > 0 {
                times.used += u128::from(*used) * span_us;
            }
            if levels[WAITING] > 0 && times.lane == CPU {
                self.busy.idle_while_waited += u128::from(capacity.saturating_sub(*allocated)) * span_us;
            }
        }
        if levels[NODES_IN_USE] > 0 {
            self.packing_sum += self.packing * span as f64;
            self.packing_us += span;
        }
    }

    /// From now on the levels are these. How many nodes they need is added.
    fn change(&mut self, old: &[u64], levels: &mut [u64]) {
        levels[NEEDED_AT] = old[NEEDED_AT];
        let mut packing_changed = old[NODES_IN_USE] != levels[NODES_IN_USE];
        for ((times, old), new) in self.times.iter_mut().zip(by_lane(old)).zip(by_lane(levels)) {
            let [allocated, capacity, ..] = *new;
            if old[..2] != new[..2] {
                packing_changed = true;
                let share = (allocated * PERMILLE as u64 + capacity / 2).checked_div(capacity).unwrap_or(0);
                times.level = (share as usize).min(PERMILLE);
            }
        }
        if packing_changed {
            let lanes = self.times.iter().zip(by_lane(levels));
            let needed = self.bound.lower(lanes.map(|(times, row)| (times.lane, row[0])));
            levels[NEEDED_AT] = needed;
            if levels[NODES_IN_USE] > 0 {
                self.packing = needed as f64 / levels[NODES_IN_USE] as f64;
            }
        }
    }

    /// What is stranded, by lane and cause, as sampled at `now`.
    pub(crate) fn observe_stranded(&mut self, now: Time, stranded: &[[u64; STRANDED.len()]; LANES]) {
        self.take_in();
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
        self.count_later(Late::Started { class, role, wait, count });
    }

    /// All tasks of a job started, the last of them after so long.
    pub(crate) fn job_started(&mut self, wait: Span) {
        self.count_later(Late::JobStarted { wait });
    }

    /// `count` tasks are over, or stand like this at the end.
    pub(crate) fn task_over(&mut self, class: u16, role: u16, state: State, count: u32) {
        self.states[state as usize] += u64::from(count);
        self.count_later(Late::Over { class, role, state, count });
    }

    /// A job was handed in.
    pub(crate) fn submitted(&mut self, submit: Time) {
        if self.jobs_submitted == 1 {
            self.submit = Some(submit);
        }
    }

    /// A task ended now.
    pub(crate) fn ended(&mut self) {
        self.ended = true;
    }

    /// All tasks of a job ended: its bounded slowdown is `max(1, flow / max(tau, run))`,
    /// the one per processor `max(1, flow / (processors * max(tau, run)))`.
    pub(crate) fn job_ended(&mut self, submit: Time, first_start: Time, end: Time, cpu_milli: u64) {
        self.count_later(Late::JobOver { submit, first_start, end, cpu_milli });
    }

    #[inline]
    fn count_later(&mut self, late: Late) {
        self.late.push(late);
        if self.late.len() == LATE_MOST {
            self.count_late();
        }
    }

    /// Counts what is still to be counted. To be called before any of it is read.
    fn count_late(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        for late in late.drain(..) {
            match late {
                Late::Started { class, role, wait, count } => {
                    let count = u64::from(count);
                    self.waits.add_times(wait.0, count);
                    Self::tally(&mut self.by_class, class).waits.add_times(wait.0, count);
                    Self::tally(&mut self.by_role, role).waits.add_times(wait.0, count);
                }
                Late::Over { class, role, state, count } => {
                    Self::tally(&mut self.by_class, class).states[state as usize] += u64::from(count);
                    Self::tally(&mut self.by_role, role).states[state as usize] += u64::from(count);
                }
                Late::JobStarted { wait } => self.job_waits.add(wait.0),
                Late::JobOver { submit, first_start, end, cpu_milli } => {
                    self.count_job(submit, first_start, end, cpu_milli);
                }
            }
        }
        self.late = late;
    }

    fn count_job(&mut self, submit: Time, first_start: Time, end: Time, cpu_milli: u64) {
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

    /// What became of the cpu so far.
    fn cpu_time(&self) -> CpuTime {
        let cpu = self.times.iter().find(|times| times.lane == CPU);
        let (capacity, busy) = cpu.map_or((0, 0), |times| (times.available, times.allocated));
        CpuTime { capacity, busy, idle_while_waited: self.busy.idle_while_waited }
    }

    /// Writes every number that is known here.
    pub(crate) fn record(&mut self, summary: &mut Summary) {
        self.count_late();
        if std::mem::take(&mut self.ended) {
            // What ended only because the run did.
            self.busy.last = Some((self.since, self.cpu_time()));
        }
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
            let name = &self.lanes[at].1;
            let times = &self.times[at];
            let [allocated, capacity, _, used] = by_lane(&self.seen_levels)[at];
            let at_end = |amount: u64| (capacity > 0).then(|| amount as f64 / capacity as f64);
            summary.set(&format!("allocation.{name}.mean"), times.share_of(times.allocated));
            summary.set(&format!("allocation.{name}.p50"), times.share_at(500));
            summary.set(&format!("allocation.{name}.p99"), times.share_at(990));
            summary.set(&format!("allocation.{name}.at_end"), at_end(allocated));
            if self.has_usage {
                summary.set(&format!("usage.{name}.mean"), times.share_of(times.used));
                summary.set(&format!("usage.{name}.at_end"), at_end(used));
            }
        }
        let efficiency = (self.packing_us > 0).then(|| self.packing_sum / self.packing_us as f64);
        summary.set("packing.efficiency", efficiency);
        summary.set("packing.at_end", (self.seen_levels[NODES_IN_USE] > 0).then_some(self.packing));
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
        self.times.iter().find(|times| times.lane == lane).map_or(0, |times| times.available)
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
            for (times, (lane, lane_name)) in self.times.iter().zip(&self.lanes) {
                let share = times.share_of(tally.allocated[*lane]);
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
