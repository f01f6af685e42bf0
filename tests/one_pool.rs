//! What users of Mesos suffered, as scenarios of the library: each shows its trouble, and its cure by one `--set`.

use std::process::Command;

use crate::support::{Scratch, program};

/// The summary of a scenario of the library.
fn summary_of(scenario: &str, sets: &[&str]) -> serde_json::Value {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let mut command = Command::new(program());
    command.args(["run", scenario, "--out"]).arg(&out);
    for set in sets {
        command.args(["--set", set]);
    }
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(out.join("summary.json")).expect("the summary is there");
    serde_json::from_str(&text).expect("the summary is JSON")
}

fn number(summary: &serde_json::Value, name: &str) -> f64 {
    let found = name.split('.').fold(summary, |value, part| &value[part]);
    found.as_f64().unwrap_or_else(|| panic!("no number {name}"))
}

/// The longest time for which a framework had work and started none, without and with a cure.
fn starved(scenario: &str, framework: &str, cure: &str) -> (f64, f64) {
    let name = format!("by_framework.{framework}.starved_s");
    (number(&summary_of(scenario, &[]), &name), number(&summary_of(scenario, &[cure]), &name))
}

#[test]
fn idle_frameworks_starve_the_one_with_work() {
    let (drf, random) = starved("idle-frameworks", "big", "scheduler.sorter=random");
    assert!(drf > 20.0 * 60.0, "never served again: {drf} s");
    assert!(random < 60.0, "{random} s");
    let (_, suppressed) = starved("idle-frameworks", "big", "scheduler.suppress=true");
    assert!(suppressed < 10.0, "{suppressed} s");
}

#[test]
fn a_hoarder_starves_the_other() {
    // A node that comes free goes to the one that uses less, and lies there: the other works on what is left for
    // minutes at a time. Under any seed its work waits many times as long.
    for seed in ["seed=0", "seed=1"] {
        let mean = |sets: &[&str]| number(&summary_of("hoarder", sets), "wait_s.mean");
        let (kept, taken_back) = (mean(&[seed]), mean(&[seed, "scheduler.offer_timeout=2m"]));
        assert!(kept > 10.0 * taken_back, "{seed}: {kept} s, {taken_back} s");
    }
}

#[test]
fn a_greedy_framework_has_a_ceiling() {
    let limit = "scheduler.quota=[{ role = \"greedy\", limit = { cpu = 80 } }]";
    let (free, limited) = starved("greedy", "modest", limit);
    assert!(free > 30.0 * 60.0, "{free} s");
    assert!(limited < 30.0, "{limited} s");
}

#[test]
fn declines_make_the_next_task_wait() {
    let mean = |sets: &[&str]| number(&summary_of("declines", sets), "wait_s.mean");
    let (short, long) = (mean(&[]), mean(&["scheduler.decline=2m"]));
    let revived = mean(&["scheduler.decline=2m", "scheduler.revive=true"]);
    assert!(long > 3.0 * short && revived < long / 3.0, "{short} s, {long} s, {revived} s");
}

#[test]
fn large_disks_are_left_alone_by_best_fit() {
    let started = |sets: &[&str]| number(&summary_of("fragmented-disks", sets), "by_framework.large.launches");
    let (first, best) = (started(&[]), started(&["scheduler.placement=best-fit"]));
    assert!(best > first, "{first} and {best} large tasks started");
}

#[test]
fn one_pool_beats_three_partitions() {
    let mean = |sets: &[&str]| number(&summary_of("static-partition", sets), "wait_s.mean");
    let (cut, whole) = (mean(&[]), mean(&["scheduler.reservation=[]"]));
    assert!(whole < cut / 2.0, "{cut} s in partitions, {whole} s in one pool");
}

#[test]
fn one_pool_runs_under_every_architecture() {
    let mut numbers = Vec::new();
    for architecture in ["two-level", "monolithic", "shared-state"] {
        let summary = summary_of("one-pool", &[&format!("scheduler.architecture={architecture}")]);
        assert_eq!(number(&summary, "conservation.cpu.residual"), 0.0);
        let of = |name: &str| summary["tasks"][name].as_u64().unwrap_or(0);
        let fingerprint = summary["fingerprint"].as_str().unwrap_or_default();
        numbers.push(format!(
            "{architecture}: {} tasks, {} finished, {} run, {} wait; mean wait {:.3} s; {fingerprint}",
            of("submitted"),
            of("finished"),
            of("running_at_end"),
            of("pending_at_end"),
            number(&summary, "wait_s.mean"),
        ));
    }
    insta::assert_snapshot!(numbers.join("\n"));
}

/// Jobs by the clock, graphs of jobs, and a service that fails, beside each other.
const KINDS: &str = r#"
name = "kinds"
[[fleet.group]]
name = "m"
count = 4
cpu = 4
memory = "8GiB"
[[workload]]
name = "nightly"
on_failure = { retries = 3, backoff = { first = "10s" } }
[workload.synthetic]
cron = { every = "10m", times = 6, schedules = 5, spread = "5m", concurrency = "forbid", starting_deadline = "1m" }
duration = { lognormal = { median = "4m", sigma = 0.8, max = "1h" } }
fails = "20%"
shapes = [{ cpu = 1, memory = "1GiB" }]
[[workload]]
name = "etl"
on_failure = { retries = 2 }
[workload.synthetic]
arrivals = { constant = "6/h" }
jobs = 6
duration = { constant = "2m" }
shapes = [{ cpu = 1, memory = "1GiB" }]
[[workload.synthetic.dag]]
name = "extract"
size = { constant = 2 }
fails = "50%"
[[workload.synthetic.dag]]
name = "transform"
after = ["extract"]
kind = "gang"
size = { constant = 3 }
[[workload.synthetic.dag]]
name = "load"
after = ["extract", "transform"]
[[workload]]
name = "web"
service = { life = { exponential = { mean = "20m" } }, backoff = {}, unreachable = { expunge = "5m" } }
[workload.synthetic]
arrivals = "at-once"
jobs = 1
kinds = { service = 1 }
size = { constant = 3 }
duration = { constant = "1d" }
shapes = [{ cpu = 1, memory = "1GiB" }]
[[workload]]
name = "store"
service = { resident = true }
constraints = [["hostname", "UNIQUE"]]
[workload.synthetic]
arrivals = "at-once"
jobs = 1
kinds = { service = 1 }
size = { constant = 3 }
duration = { constant = "1d" }
shapes = [{ cpu = 0.5, memory = "1GiB" }]
[faults]
node = { mtbf = "1h", repair = "6m" }
[model]
detection = { ping = "15s", misses = 2 }
[stop]
at = "2h"
"#;

#[test]
fn every_kind_of_work_runs_under_every_architecture() {
    let scratch = Scratch::new();
    scratch.write("kinds.toml", KINDS);
    let path = scratch.path().join("kinds.toml").display().to_string();
    for architecture in ["two-level", "monolithic", "shared-state"] {
        for seed in ["seed=0", "seed=1", "seed=2"] {
            let summary = summary_of(&path, &[&format!("scheduler.architecture={architecture}"), seed]);
            let of = |name: &str| number(&summary, name);
            assert_eq!(of("conservation.cpu.residual"), 0.0);
            assert_eq!(
                of("cron.runs") + of("cron.skipped"),
                30.0,
                "{architecture}, {seed}: six runs of five schedules"
            );
            assert!(of("cron.skipped") > 0.0, "{architecture}, {seed}: some take longer than ten minutes");
            let settled = of("dag.succeeded") + of("dag.failed") + of("dag.open_at_end");
            assert_eq!((of("dag.graphs"), settled), (6.0, 6.0), "{architecture}, {seed}");
            assert!(of("dag.succeeded") > 0.0 && of("services.crashes") > 0.0, "{architecture}, {seed}");
            assert_eq!(of("by_class.store.tasks.submitted"), 3.0);
        }
    }
}

#[test]
fn packages_are_refused_with_the_nearest() {
    let scratch = Scratch::new();
    scratch.write(
        "packages/mine.toml",
        "[options]\nn = 2\n[workload.synthetic]\narrivals = \"at-once\"\njobs = \"$instances\"\n\
        size = { constant = \"$n\" }\nduration = { constant = \"1m\" }\nshapes = [{ cpu = 1 }]\n",
    );
    let scenario = |workload: &str| {
        format!("name = \"p\"\n[[fleet.group]]\nname = \"m\"\ncount = 2\ncpu = 8\n[[workload]]\n{workload}\n")
    };
    let check = |text: &str| {
        scratch.write("s.toml", text);
        let mut command = Command::new(program());
        let output = command.arg("check").arg(scratch.path().join("s.toml")).output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, _) = check(&scenario("package = \"mine\"\ninstances = 3\noptions = { n = 4 }"));
    assert_eq!(code, Some(0), "the user's own");
    let (code, error) = check(&scenario("package = \"casandra\""));
    assert!(code == Some(2) && error.contains("did you mean `cassandra`?"), "{error}");
    let (code, error) = check(&scenario("package = \"mine\"\noptions = { m = 4 }"));
    assert!(code == Some(2) && error.contains("has no option `m`"), "{error}");
}
