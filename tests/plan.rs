//! Planning against what can be worked out by hand.

#![expect(clippy::disallowed_methods, reason = "a reference of its own may use the mathematics of the platform")]

use std::process::Command;

use serde_json::Value;

use crate::support::{Scratch, program};

/// Jobs of one processor, exponential in gaps and lengths: M/M/c with c machines of one processor each.
const QUEUE: &str = r#"
name = "queue"
[[fleet.group]]
name = "server"
count = 12
cpu = 1
price = "$0.10/h"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "8/s" }
tasks = 200000
duration = { exponential = { mean = "1s" } }
shapes = [{ cpu = 1 }]
[scheduler]
head_of_line = "block"
[measure]
from = "60s"
"#;

fn plan(scenario: &str, arguments: &[&str]) -> Value {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", scenario);
    let mut command = Command::new(program());
    command.args(["plan", "scenario.toml", "--json"]).args(arguments).current_dir(scratch.path());
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON and nothing else")
}

/// The share of jobs that wait longer than `t` services in M/M/c (Erlang C; Erlang 1917).
fn waits_longer(c: u32, load: f64, t: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 0.0;
    for k in 0..c {
        sum += term;
        term *= load / f64::from(k + 1);
    }
    let c = f64::from(c);
    let last = term * c / (c - load);
    last / (sum + last) * f64::exp(-(c - load) * t)
}

#[test]
fn the_smallest_fleet_is_the_one_of_erlang() {
    // At most one job in ten may wait longer than half a service: p90 <= 0.5 s.
    let expected = (9..).find(|&c| waits_longer(c, 8.0, 0.5) <= 0.1).expect("enough servers always do");
    // The bound must not lie near a jump, or chance would decide.
    assert!(waits_longer(expected, 8.0, 0.5) < 0.09 && waits_longer(expected - 1, 8.0, 0.5) > 0.11);
    let answer = plan(QUEUE, &["--slo", "wait_s.p90 <= 500ms", "--seeds", "2"]);
    assert_eq!(answer["answer"]["nodes"], expected, "{answer:#}");
    assert_eq!(answer["answer"]["groups"]["server"], expected);
    let cost = answer["answer"]["cost_usd_per_month"].as_f64().expect("there is a price");
    assert!((cost - f64::from(expected) * 0.1 * 730.0).abs() < 1e-6, "{cost}");
    assert_eq!(answer["binding"]["objective"], "wait_s.p90 <= 500ms");
    assert_eq!(answer["binding"]["resource"], "cpu");
    let tried = answer["tried"].as_array().expect("a list");
    let below = tried.iter().find(|one| one["nodes"] == expected - 1).expect("one fewer was tried");
    assert_eq!(below["holds"], false);
    assert_eq!(answer["anomalies"], Value::Array(vec![]));
}

#[test]
fn a_dear_kind_gives_way_to_a_cheap_one() {
    let two = QUEUE
        .replace(
            "price = \"$0.10/h\"",
            "price = \"$0.10/h\"\n[[fleet.group]]\nname = \"dear\"\ncount = 6\ncpu = 1\nprice = \"$0.30/h\"",
        )
        .replace("tasks = 200000", "tasks = 40000")
        .replace("count = 12", "count = 6");
    let answer = plan(&two, &["--slo", "wait_s.p90 <= 500ms", "--vary", "server,dear", "--seeds", "1"]);
    assert_eq!(answer["answer"]["groups"]["dear"], 0, "{answer:#}");
    let servers = answer["answer"]["groups"]["server"].as_u64().expect("a count");
    assert!((9..=11).contains(&servers), "{servers}");
}

/// 102 machines, each job an hour: 60 at once today. A job waits only if there are more than 102, give or take the
/// draws by which jobs are cloned.
const STEADY: &str = r#"
name = "steady"
[[fleet.group]]
name = "m"
count = 102
cpu = 1
[[workload]]
[workload.synthetic]
arrivals = "at-once"
jobs = 60
duration = { constant = "1h" }
shapes = [{ cpu = 1 }]
"#;

#[test]
fn growth_breaks_a_fleet_in_the_period_that_was_worked_out() {
    let answer = plan(STEADY, &["--slo", "wait_s.max <= 0s", "--growth", "10%/month", "--seeds", "1"]);
    // 60 x 1.1^5 = 96.6, 60 x 1.1^6 = 106.3.
    assert_eq!(answer["breaks_at"], 6, "{answer:#}");
    assert_eq!(answer["steps"].as_array().expect("a list").len(), 8);
}

#[test]
fn a_fleet_survives_a_rack_and_one_machine_fewer_does_not() {
    // Six jobs of an hour, three machines per rack. With six machines the loss of a rack sends three jobs to the other
    // three, where they begin after an hour: two hours in all. With five, two machines are left for six jobs: three.
    let scene = STEADY.replace("count = 102", "count = 12\ndomains = { rack = 3 }").replace("jobs = 60", "jobs = 6");
    let objectives = ["--slo", "makespan_s <= 2h", "--seeds", "1"];
    let answer = plan(&scene, &[&objectives[..], &["--survive", "rack"]].concat());
    assert_eq!(answer["answer"]["nodes"], 6, "{answer:#}");
    assert_eq!(answer["binding"]["objective"], "makespan_s <= 2h");
    assert_eq!(answer["binding"]["domain"], "m-rack-0");
    assert_eq!(answer["survives"].as_array().expect("a list").len(), 2);
    let without = plan(&scene, &objectives);
    assert_eq!(without["answer"]["nodes"], 3, "two hours are enough if nothing fails: {without:#}");
}

/// Of each of three teams, 99 tasks in a hundred begin within five minutes.
const PATIENCE: [&str; 6] = [
    "--slo",
    "by_role.web.wait_s.p99 < 5m",
    "--slo",
    "by_role.analytics.wait_s.p99 < 5m",
    "--slo",
    "by_role.ci.wait_s.p99 < 5m",
];

#[test]
fn a_pool_needs_fewer_machines_than_a_partition() {
    let ask = |arguments: &[&str]| -> Value {
        let mut command = Command::new(program());
        command.args(["plan", "static-partition", "--json", "--seeds", "1", "--set", "stop.at=6h"]);
        command.args(PATIENCE).args(arguments);
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON and nothing else")
    };
    let number = |answer: &Value, key: &str| answer["answer"][key].as_f64().expect("there is an answer");
    let apart = ask(&["--vary", "web,analytics,ci"]);
    let pooled = ask(&["--vary", "analytics", "--set", "scheduler.reservation=[]"]);
    // 99 of a hundred replicas of a core and 4 GiB, sixteen to a machine, take seven.
    assert_eq!(apart["answer"]["groups"]["web"], 7, "{apart:#}");
    for key in ["nodes", "cost_usd_per_month"] {
        let (apart, pooled) = (number(&apart, key), number(&pooled, key));
        assert!(pooled < apart, "{key}: {pooled} in one pool, {apart} in three parts");
    }
}

#[test]
fn an_objective_of_a_team_that_nobody_knows_is_refused() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", STEADY);
    let arguments = ["plan", "scenario.toml", "--slo", "by_role.nobody.wait_s.p90 < 1m"];
    let output = Command::new(program()).args(arguments).current_dir(scratch.path()).output();
    let output = output.expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), told.contains("no task is of that team or class")), (Some(2), true), "{told}");
}

#[test]
fn the_answer_is_on_a_page() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", STEADY);
    let perform = |arguments: &[&str]| {
        let arguments = ["plan", "scenario.toml", "--slo", "wait_s.max <= 0s", "--seeds", "1"].iter().chain(arguments);
        let output = Command::new(program()).args(arguments).current_dir(scratch.path()).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let read = |name: &str| std::fs::read_to_string(scratch.path().join(name)).expect(name);
    let told = perform(&["--growth", "10%/month", "--out", "grown"]);
    assert!(told.ends_with("grown/plan.html\n"), "{told}");
    let page = read("grown/plan.html");
    assert!(page.contains("<p>wait_s.max &lt;= 0s fails in month 6, at 177.2% of today&#39;s load</p>"), "{page}");
    assert!(page.contains("wait_s.max by load in per cent of today") && page.contains("<svg"), "{page}");
    assert!(page.contains("windtunnel plan scenario.toml --slo"), "{page}");
    let document: Value = serde_json::from_str(&read("grown/plan.json")).expect("it is JSON");
    assert_eq!(document["breaks_at"], 6);
    perform(&[]);
    let page = read("runs/steady.plan/plan.html");
    assert!(page.contains("<p>60 machines keep wait_s.max &lt;= 0s: 60 m</p>"), "{page}");
    assert!(page.contains("59 m"), "one fewer was tried");
}

#[test]
fn from_nothing_to_a_report_in_three_commands() {
    let scratch = Scratch::new();
    let perform = |arguments: &[&str]| {
        let output = Command::new(program()).args(arguments).current_dir(scratch.path()).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(perform(&["init", "--provider", "aws", "--nodes", "8", "--out", "mine.toml"]), "mine.toml\n");
    let told = perform(&["plan", "mine.toml", "--slo", "wait_s.p99 < 60s", "--seeds", "1"]);
    assert!(told.contains("machines keep wait_s.p99 < 60s") && told.contains(" a month"), "{told}");
    perform(&["run", "mine.toml", "--out", "out"]);
    assert!(scratch.path().join("out/report.html").exists());
    let again = Command::new(program())
        .args(["init", "--provider", "aws", "--out", "mine.toml"])
        .current_dir(scratch.path())
        .output();
    let again = again.expect("the program starts");
    assert_eq!(again.status.code(), Some(2), "what somebody wrote is not overwritten");
}
