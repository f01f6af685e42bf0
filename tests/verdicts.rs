//! How often verdicts are wrong: two sides that are the same must not look different, a planted waste must be found.
//!
//! A twentieth of each runs by default; `VERDICTS=full cargo test --release verdicts -- --nocapture` runs all of it and
//! prints what was found.

use rayon::prelude::*;
use windtunnel::compare::{self, Arm, Request};
use windtunnel::progress::Interrupt;
use windtunnel::spec::Set;
use windtunnel::{Tool, load, simulate};
use windtunnel_outcome::recorder::Discard;
use windtunnel_reports::verdict::{Design, Numbers, Verdict, judge, numbers};
use windtunnel_scheduler::NodeId;
use windtunnel_scheduler::index::{Asked, Grid, Place};
use windtunnel_scheduler::ledger::{Ledger, Shape};
use windtunnel_scheduler::placement::Placement;

use crate::support::Scratch;

/// Twenty machines, busy enough that tasks wait now and then.
const TWENTY: &str = r#"
name = "twenty"
[[fleet.group]]
name = "m"
count = 20
cpu = 4
memory = "16GiB"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "1/s" }
tasks = 300
duration = { exponential = { mean = "60s" } }
shapes = [{ cpu = 1, memory = "2GiB", weight = 3 }, { cpu = 2, memory = "8GiB" }]
"#;

/// Two hundred machines with five times the work that they can hold at once.
const CROWD: &str = r#"
name = "crowd"
[[fleet.group]]
name = "m"
count = 200
cpu = 1
memory = "4GiB"
[[workload]]
[workload.synthetic]
arrivals = "at-once"
tasks = 1000
duration = { exponential = { mean = "60s" } }
shapes = [{ cpu = 1, memory = "1GiB" }]
"#;

/// Of so many comparisons, all or a twentieth.
fn part_of(all: u64) -> u64 {
    if std::env::var_os("VERDICTS").is_some_and(|word| word == "full") { all } else { all / 20 }
}

fn set(key: &str, value: impl ToString) -> Set {
    Set { key: key.into(), value: value.to_string() }
}

/// The numbers of one run.
fn run(tool: &Tool, scenario: &str, placement: &str, seed: u64) -> Numbers {
    let sets = [set("scheduler.placement", placement), set("seed", seed)];
    let resolved = load::load(scenario, &sets, tool.registries()).expect("the scenario is good");
    let go_on = &mut |_| std::ops::ControlFlow::Continue(());
    let outcome = simulate::once(tool, &resolved, &mut Discard, go_on).expect("the run ends");
    numbers(&outcome.summary)
}

/// Whether any headline metric came out worse.
fn regressed(base: &[Numbers], new: &[Numbers]) -> bool {
    judge(base, new, Design::Seeds).iter().any(|row| row.headline && row.verdict == Verdict::Worse)
}

#[test]
fn the_same_with_other_seeds_is_seldom_taken_for_worse() {
    let scratch = Scratch::new();
    scratch.write("twenty.toml", TWENTY);
    let scenario = scratch.path().join("twenty.toml").display().to_string();
    let tool = Tool::new();
    let comparisons = part_of(1_000);
    let alarms: u64 = (0..comparisons)
        .into_par_iter()
        .map(|comparison| {
            let runs = |from: u64| -> Vec<Numbers> {
                (from..from + 30).map(|seed| run(&tool, &scenario, "best-fit", seed)).collect()
            };
            let first = comparison * 60;
            u64::from(regressed(&runs(first), &runs(first + 30)))
        })
        .sum();
    println!("{alarms} false alarms in {comparisons} comparisons of 30 seeds");
    // Five in a hundred at most; of the 50 comparisons that run by default, what 5 % would exceed once in 300 times.
    let most = if comparisons == 1_000 { 50 } else { 7 };
    assert!(alarms <= most, "{alarms} false alarms in {comparisons} comparisons");
}

/// Best fit that never touches the first nodes.
#[derive(Clone)]
struct Wasteful {
    nodes: u32,
}

impl Place for Wasteful {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape: Shape = *ledger.shapes().shape(asked.shape);
        *nodes += ledger.node_count() as u64;
        let left = self.nodes..ledger.node_count() as u32;
        let fitting = left.map(NodeId).filter(|&node| ledger.fits(&shape, node));
        fitting.max_by_key(|&node| (Grid::new().score(ledger, &shape, node), std::cmp::Reverse(node)))
    }

    fn is_sticky(&self) -> bool {
        true
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}

const WASTES_TWO: Placement = Placement {
    name: "wastes-two",
    aliases: &[],
    summary: "best fit on all nodes but two",
    options: &[],
    source: "planted",
    build: |_| Box::new(Wasteful { nodes: 2 }),
    part: None,
};
const WASTES_FOUR: Placement = Placement {
    name: "wastes-four",
    aliases: &[],
    summary: "best fit on all nodes but four",
    options: &[],
    source: "planted",
    build: |_| Box::new(Wasteful { nodes: 4 }),
    part: None,
};

/// In how many of so many comparisons a planted waste is found.
fn found(placement: &str, comparisons: u64, seeds: u64) -> u64 {
    let scratch = Scratch::new();
    scratch.write("crowd.toml", CROWD);
    let scenario = scratch.path().join("crowd.toml").display().to_string();
    let tool = Tool::new().placement(&WASTES_TWO).placement(&WASTES_FOUR);
    let found = (0..comparisons).into_par_iter().map(|comparison| {
        let runs = |placement: &str| -> Vec<Numbers> {
            let seeds = comparison * seeds..(comparison + 1) * seeds;
            seeds.map(|seed| run(&tool, &scenario, placement, seed)).collect()
        };
        u64::from(regressed(&runs("best-fit"), &runs(placement)))
    });
    found.sum()
}

#[test]
fn a_waste_of_two_in_a_hundred_nodes_is_found() {
    let comparisons = part_of(100);
    let found = found("wastes-four", comparisons, 30);
    println!("a waste of 2 % found in {found} of {comparisons} comparisons of 30 seeds");
    assert!(found * 100 >= comparisons * 99, "{found} of {comparisons}");
}

#[test]
fn a_waste_of_one_in_a_hundred_nodes_is_found_with_more_seeds() {
    let comparisons = part_of(100);
    let found = found("wastes-two", comparisons, 100);
    println!("a waste of 1 % found in {found} of {comparisons} comparisons of 100 seeds");
    assert!(found * 100 >= comparisons * 99, "{found} of {comparisons}");
}

fn arm(text: &str) -> Arm {
    text.parse().expect("a side")
}

fn compared(scenario: &str, arms: &[&str], seeds: u32) -> compare::Found {
    let request = Request {
        scenario: scenario.to_owned(),
        sets: Vec::new(),
        arms: arms.iter().map(|text| arm(text)).collect(),
        seeds: Some(seeds),
        until: None,
        resample: None,
        warm_up: false,
        fork_at: None,
    };
    compare::run(&Tool::new(), &request, &Interrupt::default()).expect("both sides run")
}

#[test]
fn a_side_against_itself_differs_in_nothing() {
    let scratch = Scratch::new();
    scratch.write("twenty.toml", TWENTY);
    let scenario = scratch.path().join("twenty.toml").display().to_string();
    let found = compared(&scenario, &["one:", "other:"], 5);
    let comparison = &found.document.comparisons[0];
    assert!(comparison.divergence.is_none() && comparison.rows.len() > 100);
    for row in &comparison.rows {
        assert_eq!(row.verdict, Verdict::Same, "{}", row.name);
        assert!(row.diff.is_none_or(|diff| diff == 0.0), "{}: {:?}", row.name, row.diff);
        assert!(row.interval.is_none_or(|interval| interval == (0.0, 0.0)), "{}", row.name);
    }
}

/// A run inside a comparison is the run that `run` makes, and watching it changes nothing.
#[test]
fn the_runs_of_a_comparison_are_those_of_run() {
    let scratch = Scratch::new();
    scratch.write("twenty.toml", TWENTY);
    let scenario = scratch.path().join("twenty.toml").display().to_string();
    let tool = Tool::new();
    for placement in ["best-fit", "worst-fit", "random", "balanced", "next-fit"] {
        let sides = ["base:".to_owned(), format!("new:scheduler.placement={placement}")];
        let found = compared(&scenario, &[&sides[0], &sides[1]], 2);
        for (at, side) in found.document.arms.iter().enumerate() {
            let placement = if at == 0 { "best-fit" } else { placement };
            let fingerprint = |seed: u64| {
                let sets = [set("scheduler.placement", placement), set("seed", seed)];
                let resolved = load::load(&scenario, &sets, tool.registries()).expect("the scenario is good");
                let go_on = &mut |_| std::ops::ControlFlow::Continue(());
                let outcome = simulate::once(&tool, &resolved, &mut Discard, go_on).expect("the run ends");
                outcome.summary.text("fingerprint").unwrap_or_default().to_owned()
            };
            assert_eq!(side.fingerprints, [fingerprint(0), fingerprint(1)], "{placement}");
        }
        // They part exactly if their decisions differ.
        let arms = &found.document.arms;
        let parted = found.document.comparisons[0].divergence.is_some();
        assert_eq!(parted, arms[0].fingerprints[0] != arms[1].fingerprints[0], "{placement}");
    }
}
