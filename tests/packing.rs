//! `windtunnel packing`: worked examples, the integers of others, and the same bytes at any number of threads.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Arc;

use windtunnel::Tool;
use windtunnel::packing::repack::{Order, Packer, Piece, Workload, largest_of};
use windtunnel::packing::snapshot::{Held, Snapshot, Spot};
use windtunnel::packing::{self, Measured, Options};
use windtunnel::progress::Interrupt;
use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_scheduler::event::{GpuSet, JobSpec, NodeSpec};
use windtunnel_scheduler::id::{JobId, NodeId};
use windtunnel_scheduler::resources::Resources;

use crate::support::{Scratch, program};

mod borg;
mod falkenauer;
mod fgd;

/// Equal nodes of so many millicores and MiB.
fn nodes(count: u32, cpu: u32, memory: u32) -> Vec<Arc<NodeSpec>> {
    let capacity = Resources::new(cpu, memory);
    (0..count).map(|at| Arc::new(NodeSpec { node: NodeId(at), capacity, ..NodeSpec::default() })).collect()
}

/// A job of equal tasks, each on the node named.
fn held(job: u64, cpu: u32, memory: u32, on: &[u32]) -> Vec<Held> {
    let spec =
        JobSpec { job: JobId(job), count: on.len() as u32, request: Resources::new(cpu, memory), ..JobSpec::default() };
    let spec = Arc::new(spec);
    let spot = |&node: &u32| Spot { node, count: 1, gpus: GpuSet::NONE };
    on.iter().map(|node| Held { spec: spec.clone(), spots: vec![spot(node)] }).collect()
}

fn config(placement: &str) -> Config {
    Config { placement: Choice::named(placement), ..Config::default() }
}

fn measure(snapshot: &Snapshot, placement: &str, order: Order) -> Measured {
    let tool = Tool::new();
    let packer = Packer::new(&tool, "core", &config(placement));
    let lanes = [(0, "cpu".to_owned()), (1, "memory".to_owned())];
    let options = Options { trials: 3, order, pending_ppm: 2_000, unit: None, seed: 0 };
    packing::measure(snapshot, &lanes, &packer, &options, &Interrupt::default()).expect("there is something to pack")
}

fn numbers<const N: usize>(measured: &Measured, names: [&str; N]) -> [f64; N] {
    names.map(|name| measured.value(name).unwrap_or_else(|| panic!("there is no {name}")))
}

#[test]
fn pairs_on_ten_nodes_worked_out_by_hand() {
    // Twelve tasks of two cores on ten nodes of four: worst fit in life, two to a node from scratch.
    let on: Vec<u32> = (0..10).chain([0, 1]).collect();
    let snapshot = Snapshot { nodes: nodes(10, 4_000, 100), held: held(0, 2_000, 1, &on), ..Snapshot::default() };
    let measured = measure(&snapshot, "best-fit", Order::AsGiven);
    let of = |name: &str| numbers(&measured, [name])[0];
    assert_eq!([of("snapshot.tasks"), of("snapshot.nodes"), of("snapshot.nodes_in_use")], [12.0, 10.0, 10.0]);
    assert_eq!([of("utilization.cpu"), of("utilization.memory")], [0.6, 0.012]);
    assert_eq!(measured.trials, [6, 6, 6]);
    assert_eq!([of("compaction.min_nodes"), of("compaction.p90_nodes"), of("compaction.p90_share")], [6.0, 6.0, 0.6]);
    assert_eq!([of("lower_bound.nodes"), of("packed.nodes"), of("gap")], [6.0, 6.0, 0.0]);
    assert_eq!(of("inflation.factor"), 1.749, "20 tasks fit, and at 1.75 there are 21");
    assert_eq!(of("inflation.vertical"), 1.0, "a little more than half a node: ten tasks fit");
    assert_eq!(of("hole_filling.units"), 8.0, "a pair is missing on eight nodes");
    // The eight that hold one task pair up: four moves empty four.
    assert_eq!([of("defragmentation.freed_nodes"), of("defragmentation.migrations")], [4.0, 4.0]);
    assert_eq!([of("fragmentation.cpu.share"), of("stranded.cpu.share")], [0.0, 0.0], "every hole holds a task");
    assert_eq!(measured.left.len(), 10);
    assert_eq!(measured.left.iter().filter(|left| left.cpu == 0.5 && left.memory == 0.99).count(), 8);
}

#[test]
fn what_is_short_is_what_strands_the_rest() {
    // Two nodes of 10 cores and 100 MiB: one has all its memory taken by one core, the other all its cores.
    let mut tasks = held(0, 1_000, 100, &[0]);
    tasks.extend(held(1, 10_000, 10, &[1]));
    let snapshot = Snapshot { nodes: nodes(2, 10_000, 100), held: tasks, ..Snapshot::default() };
    let measured = measure(&snapshot, "first-fit", Order::AsGiven);
    let [cpu, memory] = numbers(&measured, ["stranded.cpu.by_cause.no_memory", "stranded.memory.by_cause.no_cpu"]);
    assert_eq!([cpu, memory], [0.45, 0.45], "nine of twenty cores, 90 of 200 MiB");
    // The task of ten cores lacks cores on both nodes: on average half of what is free is lost for want of each.
    let names =
        ["fragmentation.cpu.by_cause.no_memory", "fragmentation.cpu.by_cause.no_cpu", "fragmentation.cpu.of_free"];
    assert_eq!(numbers(&measured, names), [0.225, 0.225, 1.0]);
    assert_eq!(numbers(&measured, ["hole_filling.units", "defragmentation.freed_nodes"]), [0.0, 0.0]);
}

#[test]
fn a_workload_that_its_scheduler_packs_worse_needs_more_cells() {
    // 3 + 1 and 2 + 2 fill two nodes of four; in the order 1, 2, 2, 3 best fit puts 1 and 2 together and then has
    // room for 2 on the second, and none for 3.
    let mut tasks = held(0, 1_000, 0, &[0]);
    tasks.extend(held(1, 2_000, 0, &[1, 1]));
    tasks.extend(held(2, 3_000, 0, &[0]));
    let snapshot = Snapshot { nodes: nodes(2, 4_000, 0), held: tasks, ..Snapshot::default() };
    let measured = measure(&snapshot, "best-fit", Order::AsGiven);
    assert_eq!(numbers(&measured, ["compaction.max_nodes", "lower_bound.nodes", "gap"]), [3.0, 2.0, 0.5]);
    assert_eq!(numbers(&measured, ["packed.nodes", "packed.pending"]), [2.0, 1.0]);
    assert!(numbers(&measured, ["inflation.factor"])[0] < 1.0);
    let measured = measure(&snapshot, "best-fit", Order::Decreasing);
    assert_eq!(numbers(&measured, ["compaction.max_nodes", "gap", "packed.pending"]), [2.0, 0.0, 0.0]);
}

const SCENARIO: &str = r#"
name = "tiny"
[[fleet.group]]
name = "m"
count = 12
cpu = 4
memory = "16GiB"
zones = 3
[[workload]]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 300
duration = { exponential = { mean = "10s" } }
shapes = [{ cpu = 1, memory = "2GiB", weight = 3 }, { cpu = 2, memory = "3GiB" }, { cpu = 0.5, memory = "4GiB" }]
[scheduler]
placement = "worst-fit"
"#;

fn packing_in(scratch: &Scratch, threads: &str, arguments: &[&str]) -> Output {
    Command::new(program())
        .arg("packing")
        .args(arguments)
        .current_dir(scratch.path())
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .expect("the program starts")
}

fn json_of(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("stdout is JSON and nothing else")
}

#[test]
fn the_same_bytes_at_any_number_of_threads_and_every_promised_key() {
    let scratch = Scratch::new();
    scratch.write("tiny.toml", SCENARIO);
    let one = packing_in(&scratch, "1", &["tiny.toml", "--json", "--trials", "5"]);
    let four = packing_in(&scratch, "4", &["tiny.toml", "--json", "--trials", "5", "--out", "four"]);
    let json = json_of(&one);
    assert_eq!(one.stdout, four.stdout);
    for name in "compaction.min_nodes compaction.p50_nodes compaction.p90_nodes compaction.max_nodes \
                 compaction.p90_share inflation.factor hole_filling.units utilization.cpu utilization.memory \
                 lower_bound.nodes gap packing.efficiency"
        .split_whitespace()
    {
        let value = name.split('.').try_fold(&json, |object, key| object.get(key));
        assert!(value.is_some_and(serde_json::Value::is_number), "{name}: {value:?}");
        assert!(windtunnel_outcome::metric::find(name).is_some(), "{name} is a metric");
    }
    assert_eq!(scratch.names(), ["four", "runs", "tiny.toml"]);
    for file in ["summary.json", "report.html", "scenario.toml", "run.json"] {
        assert!(scratch.path().join("runs/tiny.packing").join(file).is_file(), "{file}");
    }
    let page = |folder: &str| std::fs::read_to_string(scratch.path().join(folder).join("report.html"));
    let page = page("four").expect("there is a page");
    for figure in ["compaction", "left", "fragmentation", "moves", "packing"] {
        assert!(page.contains(&format!("<section id=\"{figure}\">")), "{figure}");
    }
}

#[test]
fn the_recorded_placement_is_the_simulated_one() {
    let scratch = Scratch::new();
    scratch.write("tiny.toml", SCENARIO);
    let run = Command::new(program()).args(["run", "tiny.toml"]).current_dir(scratch.path()).output();
    assert!(run.expect("the program starts").status.success());
    for at in [&[][..], &["--at", "60s"][..]] {
        let of = |subject: &str| {
            let arguments: Vec<&str> =
                [subject, "--json", "--trials", "2"].into_iter().chain(at.iter().copied()).collect();
            json_of(&packing_in(&scratch, "2", &arguments))
        };
        let (simulated, recorded) = (of("tiny.toml"), of("runs/tiny"));
        for family in ["snapshot", "utilization", "compaction", "fragmentation", "defragmentation", "lower_bound"] {
            if (family, at.len()) != ("snapshot", 2) {
                assert_eq!(simulated[family], recorded[family], "{family} {at:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_packed_is_said() {
    let scratch = Scratch::new();
    scratch.write("tiny.toml", SCENARIO);
    let said = |arguments: &[&str]| {
        let output = packing_in(&scratch, "1", arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
    };
    let nothing = "error: nothing runs at this instant, so there is nothing to pack; name another with --at";
    assert_eq!(said(&["tiny.toml", "--at", "0s"]), nothing);
    assert_eq!(said(&["."]), "error: . is not the folder of a run; name one, as in runs/quickstart");
    let late = "error: the run ends at 5 s, before --at 60 s; name an earlier instant";
    assert_eq!(said(&["tiny.toml", "--set", "stop.at=5s", "--at", "1m"]), late);
    assert_eq!(scratch.names(), ["tiny.toml"], "nothing half-written is left");
}

/// Pieces of one task each, in order.
fn pieces(requests: &[Resources]) -> Vec<Piece> {
    let piece = |(at, &request): (usize, &Resources)| Piece {
        spec: JobSpec { job: JobId(at as u64), count: 1, request, ..JobSpec::default() },
    };
    requests.iter().enumerate().map(piece).collect()
}

/// How many nodes a placement policy uses of as many as there are items.
fn in_use(requests: &[Resources], node: Resources, placement: &str, order: Order) -> u64 {
    let fleet: Vec<Arc<NodeSpec>> = (0..requests.len() as u32)
        .map(|at| Arc::new(NodeSpec { node: NodeId(at), capacity: node, ..NodeSpec::default() }))
        .collect();
    let tool = Tool::new();
    let packer = Packer::new(&tool, "core", &config(placement));
    let workload = Workload::new(&pieces(requests), order, &largest_of(&fleet));
    let packed = packer.count(fleet.iter(), &workload).expect("our core is never gone");
    assert_eq!(packed.pending, 0);
    packed.nodes
}

/// How often each value occurs.
fn counted<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}
