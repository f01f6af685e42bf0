//! Backfilling on real logs, job by job, and on instances that carry their answer.

use windtunnel_scheduler::config::{BackfillOrder, Choice, Config, Instant};
use windtunnel_scheduler::time::Span;
use windtunnel_traces::read::Input;
use windtunnel_traces::transform::{Estimate, Ratio};

use super::{holds, replay_input};
use crate::support::data_file;

fn filled(backfill: &str, instant: Instant) -> Config {
    Config { backfill: Choice::named(backfill), placement: Choice::named("first-fit"), instant, ..Config::default() }
}

#[test]
fn kth_sp2_easy_batched_start_by_start() {
    let file = "reference/KTH-SP2-strong.easy.batched.csv.gz";
    let Some(outcome) = holds("swf/KTH-SP2-strong.swf", 100, file, filled("easy", Instant::Batched)) else { return };
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(format!("{:.6}", number("wait_s.mean")), "6834.587269");
    assert_eq!(format!("{:.6}", number("bounded_slowdown.mean")), "92.687654");
    assert_eq!(number("wait_s.max"), 262_194.0);
    assert_eq!(outcome.end.0, 29_363_626_000_000);
}

#[test]
fn kth_sp2_easy_per_event_start_by_start() {
    let file = "reference/KTH-SP2-strong.easy.per-event.csv.gz";
    let Some(outcome) = holds("swf/KTH-SP2-strong.swf", 100, file, filled("easy", Instant::PerEvent)) else { return };
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(format!("{:.6}", number("wait_s.mean")), "6836.872090");
    assert_eq!(format!("{:.10}", number("bounded_slowdown.mean")), "92.5765397336");
    assert_eq!(format!("{:.8}", number("flow_s.mean")), "15696.79818124");
    assert_eq!(number("wait_s.max"), 262_194.0);
    assert_eq!(outcome.end.0, 29_363_626_000_000);
}

#[test]
fn lublin_256_easy_batched_start_by_start() {
    let file = "reference/lublin_256.easy.batched.csv.gz";
    holds("swf/lublin_256.swf", 256, file, filled("easy", Instant::Batched));
}

/// An instance of `swf/micro`: the finish that the integer part of each id promises, and the same as a log.
fn micro(name: &str) -> Option<(Vec<u64>, Input)> {
    let text = std::fs::read_to_string(data_file(&format!("swf/micro/{name}"))?).expect("the instance is readable");
    let (mut finishes, mut log) = (Vec::new(), String::from("; MaxProcs: 100\n"));
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [submit, id, estimate, procs, actual] = fields[..5] else { unreachable!("five fields are taken") };
        let finish = id.split('.').next().and_then(|whole| whole.parse().ok()).expect("an id is a number");
        finishes.push(finish);
        let job = finishes.len();
        log += &format!("{job} {submit} -1 {actual} {procs} -1 -1 {procs} {estimate} -1 1 1 1 -1 1 -1 -1 -1\n");
    }
    Some((finishes, Input::bytes(name, log.into_bytes())))
}

/// Runs an instance in both conventions; what differs from its ids.
fn differences(name: &str, estimate: &Estimate, config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    for instant in [Instant::Batched, Instant::PerEvent] {
        let Some((expected, input)) = micro(name) else { return found };
        let config = Config { instant, ..config.clone() };
        let (rows, outcome) = replay_input(input, 100, estimate.clone(), config);
        assert_eq!(outcome.summary.number("jobs.finished"), Some(expected.len() as f64), "{name}");
        let finishes: Vec<u64> = rows.ends.iter().map(|&(_, end)| end / 1_000_000).collect();
        if finishes != expected {
            found.push(format!("{name} {instant:?}: {finishes:?} instead of {expected:?}"));
        }
    }
    found
}

fn all_hold(family: &str, count: usize, config: &Config) {
    all_hold_with(family, count, &Estimate::AsGiven, config);
}

fn all_hold_with(family: &str, count: usize, estimate: &Estimate, config: &Config) {
    let names = (0..count).map(|number| format!("{family}.{number}"));
    let found: Vec<String> = names.flat_map(|name| differences(&name, estimate, config)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn micro_instances_of_easy() {
    let easy = filled("easy", Instant::Batched);
    for (family, count) in [("basic_input", 29), ("bf_input", 9), ("easy_bf_input", 4), ("extreme_input", 3)] {
        all_hold(family, count, &easy);
    }
}

#[test]
fn micro_instances_of_conservative() {
    let conservative = filled("conservative", Instant::Batched);
    for (family, count) in [("basic_input", 29), ("bf_input", 9), ("cons_bf_input", 1), ("extreme_input", 3)] {
        all_hold(family, count, &conservative);
    }
}

#[test]
fn micro_instances_of_strict_order() {
    let strict = super::strict(Instant::Batched);
    for (family, count) in [("basic_input", 29), ("fcfs_input", 8)] {
        all_hold(family, count, &strict);
    }
}

#[test]
fn micro_instances_of_shortest_first() {
    let shortest = Config { backfill_order: BackfillOrder::Shortest, ..filled("easy", Instant::Batched) };
    all_hold("sjbf", 3, &shortest);
}

/// Estimates are twice the run time.
#[test]
fn micro_instances_of_doubled_estimates() {
    let factor = Ratio::new(2.0).expect("a number");
    let doubled = Estimate::Factor { factor, add: Span::ZERO };
    for backfill in ["easy", "conservative"] {
        all_hold_with("double_bf", 3, &doubled, &filled(backfill, Instant::Batched));
    }
}
