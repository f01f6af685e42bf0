//! A run that never was, with plausible numbers in every corner: for tests, and for looking at the page.

use windtunnel_outcome::Outcome;
use windtunnel_outcome::distribution::Bin;
use windtunnel_outcome::heat::HeatTable;
use windtunnel_outcome::recorder::{BlastRow, SlowTask, WaitProfile};
use windtunnel_outcome::rows::{Cause, NodeRow};
use windtunnel_outcome::series::{SeriesColumn, SeriesTable};
use windtunnel_scheduler::draw::unit;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

const HOUR_US: u64 = 3_600_000_000;
const DAYS: u64 = 7;

/// The scenario of [`outcome`], as it might be resolved.
pub const SCENARIO: &str = "name = \"sample\"\nseed = 0\n\n[fleet]\n[[fleet.group]]\nname = \"m5\"\ncount = 400\n\
                            cpu = 64\nmemory = \"256GiB\"\n\n[scheduler]\nplacement = \"best-fit\"\nqueue = \"fifo\"\n";

fn noise(kind: u64, at: usize) -> f64 {
    unit(0, kind, at as u64, 0)
}

/// How busy the fleet is at a point: a daily wave, a peak on the fourth day.
fn load(at: usize, points: usize) -> f64 {
    let day = at as f64 / points as f64 * DAYS as f64;
    let wave = 0.16 * libm::sin(day * core::f64::consts::TAU);
    let peak = if (3.2..3.9).contains(&day) { 0.25 } else { 0.0 };
    let rise = 1.0 - libm::exp(-day * 6.0);
    ((0.66 + wave + peak + 0.05 * noise(1, at)) * rise).clamp(0.0, 0.985)
}

/// A run of `nodes` nodes over a week in `points` points.
#[must_use]
pub fn outcome(nodes: usize, points: usize) -> Outcome {
    let mut outcome = Outcome { end: Time(DAYS * 24 * HOUR_US), ..Outcome::default() };
    outcome.lanes =
        [(0, "cpu"), (1, "memory"), (3, "gpu"), (4, "licences")].map(|(lane, name)| (lane, name.into())).to_vec();
    outcome.nodes = (0..nodes).map(node).collect();
    outcome.series = series(nodes, points);
    outcome.heat = Some(heat(nodes));
    outcome.waits = waits();
    outcome.blasts = (0..6).map(blast).collect();
    outcome.slowest = (0..10).map(slow).collect();
    outcome.warnings = vec![
        "12 rows of trace.csv were skipped: no cpu request (column cpus)".to_owned(),
        "20 tasks of class \"render\" <b>ask</b> for more memory than any node has and were rejected".to_owned(),
    ];
    summary(&mut outcome, nodes);
    outcome
}

fn capacity(at: usize) -> Resources {
    match at % 10 {
        9 => Resources([96_000, 786_432, 1 << 21, 8_000, 4, 0, 0, 0]),
        7 | 8 => Resources([32_000, 131_072, 1 << 20, 0, 0, 0, 0, 0]),
        _ => Resources([64_000, 262_144, 1 << 20, 0, 0, 0, 0, 0]),
    }
}

fn node(at: usize) -> NodeRow {
    let capacity = capacity(at);
    let down = if at % 37 == 5 { Span(6 * HOUR_US) } else { Span::ZERO };
    let up = Span(DAYS * 24 * HOUR_US - down.0);
    let share = if at % 50 == 49 { 0.0 } else { 0.5 + 0.4 * noise(2, at) };
    let used = |lane: u32| (f64::from(lane) * up.0 as f64 * share) as u128;
    NodeRow {
        name: format!("rack{}-node{at}", at / 40),
        capacity,
        gpus: (capacity[3] / 1000) as u8,
        gpu_model: (capacity[3] > 0).then(|| "A100".to_owned()),
        domains: vec![("rack".into(), format!("rack{}", at / 40)), ("zone".into(), format!("z{}", at % 3))],
        allocated: capacity.0.map(used),
        used: None,
        up,
        down,
        failures: u32::from(down.0 > 0),
        starts: (share * 1000.0) as u64,
        tasks_max: 30,
    }
}

fn series(nodes: usize, points: usize) -> SeriesTable {
    let length = DAYS * 24 * HOUR_US;
    let edge = |at: usize| Time((u128::from(length) * at as u128 / points as u128) as u64);
    let total = (0..nodes).fold([0.0; 5], |mut sum, at| {
        sum.iter_mut().zip(capacity(at).0).for_each(|(sum, lane)| *sum += f64::from(lane));
        sum
    });
    let mut table =
        SeriesTable { from: (0..points).map(edge).collect(), to: (1..=points).map(edge).collect(), columns: vec![] };
    let mut add = |name: &str, spread: f64, of: &dyn Fn(usize) -> f64| {
        let mean: Vec<f64> = (0..points).map(of).collect();
        let min = mean.iter().map(|mean| (mean * (1.0 - spread)) as u64).collect();
        let max = mean.iter().map(|mean| libm::ceil(mean * (1.0 + spread)) as u64).collect();
        table.columns.push(SeriesColumn { name: name.into(), mean, min, max });
    };
    let queue = |at: usize| libm::pow((load(at, points) - 0.85).max(0.0) * 10.0, 3.0) * 300.0;
    let up = |at: usize| if (0.3..0.34).contains(&(at as f64 / points as f64)) { 0.9 } else { 1.0 };
    add("waiting_tasks", 0.3, &queue);
    add("running_tasks", 0.02, &|at| load(at, points) * nodes as f64 * 14.0);
    add("nodes_in_use", 0.0, &|at| (load(at, points) * 1.15).min(1.0) * nodes as f64);
    add("nodes_needed", 0.0, &|at| load(at, points) * nodes as f64);
    add("nodes_up", 0.0, &|at| up(at) * nodes as f64);
    add("price_micro_usd_per_h", 0.0, &|_| nodes as f64 * 3.06e6);
    add("power_mw", 0.02, &|at| nodes as f64 * (150e3 + 250e3 * load(at, points)) * up(at));
    let lanes = [("cpu_milli", total[0], 1.0), ("memory_mib", total[1], 0.71), ("gpu_milli", total[3], 0.9)];
    for (lane, total, part) in lanes.into_iter().chain([("licences", total[4], 0.4)]) {
        add(&format!("allocated_{lane}"), 0.03, &|at| load(at, points) * total * part * up(at));
        add(&format!("used_{lane}"), 0.03, &|at| load(at, points) * total * part * up(at) * 0.55);
        add(&format!("capacity_{lane}"), 0.0, &|at| total * up(at));
        add(&format!("pending_{lane}"), 0.3, &|at| queue(at) * total / 3e5);
    }
    for (name, total, part) in [
        ("stranded_cpu_memory_milli", total[0], 0.06),
        ("stranded_cpu_gpu_milli", total[0], 0.02),
        ("stranded_memory_cpu_mib", total[1], 0.11),
        ("stranded_memory_disk_mib", total[1], 0.01),
    ] {
        add(name, 0.1, &|at| total * part * load(at, points) * (0.8 + 0.4 * noise(3, at)));
    }
    table
}

fn heat(nodes: usize) -> HeatTable {
    let per_row = nodes.div_ceil(200).max(1);
    let first_node: Vec<u32> = (0..nodes).step_by(per_row).map(|node| node as u32).collect();
    let columns = 300;
    let cell = |(row, column): (usize, usize)| {
        if row % 37 == 5 && (90..101).contains(&column) {
            return f32::NAN;
        }
        let order = row as f64 / first_node.len() as f64;
        let fill = load(column, columns) * 1.5 - order * 0.6;
        (libm::round((fill + 0.15 * noise(4, row * columns + column)) * 64.0) / 64.0).clamp(0.0, 1.0) as f32
    };
    let cells = (0..first_node.len()).flat_map(|row| (0..columns).map(move |column| (row, column))).map(cell).collect();
    HeatTable { from: Time::ZERO, to: Time(DAYS * 24 * HOUR_US), columns, first_node, cells }
}

fn profile(kind: &'static str, name: &str, scale: f64, zero: u64) -> WaitProfile {
    let mut bins = Vec::new();
    let mut from = 100_000_u64;
    for at in 0..40_u64 {
        let to = from + from / 3 + 1;
        let distance = (at as f64 - 18.0 - scale) / 6.0;
        bins.push(Bin { from, to, count: (40_000.0 * libm::exp(-distance * distance / 2.0)) as u64 });
        from = to;
    }
    let count = zero + bins.iter().map(|bin| bin.count).sum::<u64>();
    let at = |permille: u64| {
        let mut seen = zero;
        let wanted = count * permille / 1000;
        if seen >= wanted {
            return Some(Span::ZERO);
        }
        bins.iter()
            .find(|bin| {
                seen += bin.count;
                seen >= wanted
            })
            .map(|bin| Span(bin.to - 1))
    };
    let marks = [at(500), at(900), at(990)];
    WaitProfile { kind, name: name.into(), count, zero, bins, marks }
}

fn waits() -> Vec<WaitProfile> {
    vec![
        profile("all", "", 0.0, 900_000),
        profile("history", "", 1.5, 880_000),
        profile("class", "batch", 2.0, 300_000),
        profile("class", "service", -6.0, 500_000),
        profile("class", "render <nightly> & co.", 8.0, 1_000),
        profile("role", "search", 1.0, 200_000),
        profile("role", "ads", -3.0, 700_000),
        profile("role", "a team with a rather long name", 5.0, 20_000),
    ]
}

fn blast(at: u64) -> BlastRow {
    BlastRow {
        at: Time(72 * HOUR_US),
        recorded: false,
        kind: if at < 4 { "rack" } else { "zone" }.into(),
        domain: format!("<rack> {at}"),
        nodes: 40,
        tasks: 560 - 30 * at,
        services: 12,
        services_below: at % 3,
        jobs: 200 + at,
    }
}

fn slow(at: u64) -> SlowTask {
    let wait = (10 - at) * 2 * HOUR_US + 17 * 60_000_000;
    let mut causes = [Span::ZERO; Cause::COUNT];
    causes[0] = Span(wait / 2);
    causes[1 + (at % 3) as usize] = Span(wait / 4);
    causes[6] = Span(2_000_000);
    causes[3] = Span(causes[3].0 + wait - wait / 2 - wait / 4 - 2_000_000);
    SlowTask {
        task: format!("{}/{at}", 918_000 + at),
        class: if at.is_multiple_of(2) { "batch" } else { "render <nightly>" }.into(),
        role: "search".into(),
        submit: Time((80 + at) * HOUR_US),
        wait: Span(wait),
        node: (at != 4).then(|| format!("rack{at}-node{}", at * 40)),
        causes,
    }
}

fn summary(outcome: &mut Outcome, nodes: usize) {
    let summary = &mut outcome.summary;
    for (name, value) in [
        ("jobs.submitted", 24_310_u64),
        ("jobs.finished", 24_290),
        ("tasks.submitted", 1_234_567),
        ("tasks.finished", 1_234_100),
        ("tasks.failed", 112),
        ("tasks.rejected", 20),
        ("tasks.pending_at_end", 335),
        ("attempts.placed", 1_240_001),
        ("nodes.count", nodes as u64),
        ("nodes.touched", nodes as u64 - nodes as u64 / 50),
        ("availability.failures", 11),
        ("seed", 0),
    ] {
        summary.set(name, value);
    }
    for (name, value) in [
        ("wait_s.mean", 41.5),
        ("wait_s.p50", 0.0),
        ("wait_s.p90", 62.0),
        ("wait_s.p99", 1_931.0),
        ("wait_s.max", 73_020.0),
        ("wait_by_cause_s.capacity", 30.1),
        ("wait_by_cause_s.fragmentation", 8.2),
        ("wait_by_cause_s.head_of_line", 3.2),
        ("allocation.cpu.mean", 0.663),
        ("allocation.cpu.p99", 0.971),
        ("allocation.memory.mean", 0.471),
        ("allocation.gpu.mean", 0.597),
        ("packing.efficiency", 0.871),
        ("makespan_s", 604_100.0),
        ("by_group.m5.cost_usd", 201_600.0),
        ("by_group.m5.idle_usd", 68_000.0),
        ("by_group.m5.energy_kwh", 21_400.0),
        ("by_role.search.cost_usd", 91_000.0),
        ("by_role.ads.cost_usd", 42_600.0),
    ] {
        summary.set(name, value);
    }
    summary.set("scenario", "sample");
    summary.set("fingerprint", "9f3c2a1be07745d6a2b4c8d01e6f7a90");
    summary.set("inputs.trace.csv", "sha256:5b2f0c8f2d7c0e9a4f2d");
}
