//! Triggers, from the scenario file to the page.

use std::process::{Command, Output};

use crate::support::{Scratch, program};

/// Two nodes at $3.06 an hour and work for a day.
const SCENE: &str = r#"
name = "budget"
[[fleet.group]]
name = "m5"
count = 2
max = 4
boot = "5m"
cpu = 4
price = "$3.06/h"
[[workload]]
[workload.synthetic]
arrivals = { constant = "1/h" }
tasks = 20
duration = { constant = "30m" }
shapes = [{ cpu = 2 }]
[stop]
at = "20h"
[[trigger]]
name = "budget"
when = "cost.total_usd > $100"
do = [{ remove_nodes = { group = "m5" } }, { set = { "scheduler.placement" = "first-fit" } }]
[[trigger]]
name = "noon"
at = "12h"
do = [{ submit = { tasks = 8, cpu = 2, duration = "1h" } }]
[[trigger]]
when = "queue.tasks > 0"
for = "10m"
cooldown = "1h"
do = [{ add_nodes = { group = "m5" } }]
"#;

fn run(scenario: &str) -> (Scratch, Output) {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", scenario);
    let output = Command::new(program())
        .args(["run", "scenario.toml", "--out", "out"])
        .current_dir(scratch.path())
        .output()
        .expect("the program starts");
    (scratch, output)
}

fn summary(scratch: &Scratch) -> serde_json::Value {
    let text = std::fs::read_to_string(scratch.path().join("out/summary.json")).expect("the summary is there");
    serde_json::from_str(&text).expect("the summary is JSON")
}

#[test]
fn a_scenario_with_triggers_says_what_they_did() {
    let (scratch, output) = run(SCENE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = summary(&scratch);
    // $6.12 an hour for 12 h 10 min, when the third node is ordered: $74.46; $9.18 an hour for the rest of the $100.
    let at = (12.0 + 1.0 / 6.0) + (100.0 - 74.46) / 9.18;
    let said = summary["triggers"]["budget"]["last_s"].as_f64().expect("it fired");
    assert!((said - at * 3_600.0).abs() < 1e-5, "{said} is not {}", at * 3_600.0);
    assert_eq!(summary["triggers"]["trigger-2"]["last_s"].as_f64(), Some(43_800.0));
    assert_eq!(summary["firings"]["0"]["did"].as_str(), Some("handed in noon"));
    assert_eq!(summary["conservation"]["cpu"]["residual"].as_f64(), Some(0.0));
    let page = std::fs::read_to_string(scratch.path().join("out/report.html")).expect("the page is there");
    assert!(page.contains("What triggers did") && page.contains("ordered 1 of 1 nodes of m5"));
    // What was written out is the same experiment again.
    let resolved = std::fs::read_to_string(scratch.path().join("out/scenario.toml")).expect("it is there");
    let (again, output) = run(&resolved);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (said, once) = (self::summary(&again), summary);
    assert_eq!(said["fingerprint"], once["fingerprint"]);
}

#[test]
fn a_trigger_that_means_nothing_is_refused_with_the_place() {
    let cases = [
        ("when = \"makespan_s > 5\"\ndo = [{ stop = true }]", "`makespan_s` is only known at the end of a run"),
        ("when = \"wait_s.p9 > 5\"\ndo = [{ stop = true }]", "did you mean `wait_s.p90`?"),
        ("at = \"1h\"\ndo = []", "nothing is done; write an action such as { stop = true }"),
        ("at = \"1h\"\ndo = [{ add_nodes = { group = \"m4\" } }]", "there is no group `m4`; name a [[fleet.group]]"),
        ("do = [{ stop = true }]", "exactly one of `when` and `at` is needed; give one"),
        ("at = \"1h\"\ndo = [{ set = { seed = 1 } }]", "`seed` cannot change while a run goes on"),
        ("at = \"1h\"\ndo = [{ set = { \"scheduler.placement\" = \"bst-fit\" } }]", "did you mean `best-fit`?"),
        ("at = \"1h\"\ndo = [{ scale = { service = \"x\" } }]", "exactly one of `by` and `to` is needed"),
    ];
    for (trigger, expected) in cases {
        let (_, output) = run(&format!("{SCENE}[[trigger]]\n{trigger}\n"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{trigger}: {said}");
        assert!(said.contains("scenario.toml:") && said.contains(expected), "{trigger}: {said}");
    }
}

#[test]
fn sides_part_at_an_instant_and_are_what_they_would_be_from_the_start() {
    const DAY: &str = r#"
name = "day"
[[fleet.group]]
name = "m"
count = 20
cpu = 8
[[workload]]
[workload.synthetic]
arrivals = { poisson = "200/h" }
tasks = 4000
duration = { exponential = { mean = "20m" } }
shapes = [{ cpu = 1, weight = 2 }, { cpu = 3 }]
"#;
    let scratch = Scratch::new();
    scratch.write("day.toml", DAY);
    let changed =
        "[[trigger]]\nname = \"fork\"\nat = \"14h\"\ndo = [{ set = { \"scheduler.placement\" = \"worst-fit\" } }]\n";
    scratch.write("changed.toml", &format!("{DAY}{changed}"));
    let program = |arguments: &[&str]| {
        let output = Command::new(program()).args(arguments).current_dir(scratch.path()).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let sides = ["--arm", "same:", "--arm", "new:scheduler.placement=worst-fit"];
    let options = ["--fork-at", "14h", "--seeds", "3", "--json"];
    let found = program(&[&["compare", "day.toml"][..], &sides, &options].concat());
    let found: serde_json::Value = serde_json::from_slice(&found).expect("JSON and nothing else");
    for (arm, scenario) in ["day.toml", "changed.toml"].into_iter().enumerate() {
        for seed in 0..3 {
            program(&["run", scenario, "--seed", &seed.to_string(), "--out", "out"]);
            let expected = summary(&scratch)["fingerprint"].clone();
            assert_eq!(found["arms"][arm]["fingerprints"][seed], expected, "{scenario}, seed {seed}");
        }
    }
    let parted = found["first_divergence"]["at_us"].as_u64().expect("they part");
    assert!(parted >= 14 * 3_600 * 1_000_000, "{parted}");
}

#[test]
fn a_group_grows_and_shrinks_by_rule() {
    const BURST: &str = r#"
name = "burst"
[[fleet.group]]
name = "base"
count = 2
cpu = 4
price = "$0.20/h"
[[fleet.group]]
name = "spot"
count = 0
max = 10
boot = "2m"
spot = { mean = "50y" }
autoscale = { rule = "cluster-autoscaler" }
cpu = 4
price = "$0.06/h"
[[workload]]
[workload.synthetic]
arrivals = "at-once"
tasks = 48
duration = { constant = "1h" }
shapes = [{ cpu = 1 }]
[stop]
at = "3h"
"#;
    let (scratch, output) = run(BURST);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = summary(&scratch);
    // Eight start at once; the other forty fill ten nodes, ordered after 10 s and booted two minutes later.
    assert_eq!(summary["wait_s"]["max"].as_f64(), Some(130.0));
    assert_eq!(summary["nodes"]["ordered"].as_u64(), Some(10));
    assert_eq!(summary["nodes"]["removed"].as_u64(), Some(10));
    assert_eq!(summary["conservation"]["cpu"]["residual"].as_f64(), Some(0.0));
    let wrong = BURST.replace("\"cluster-autoscaler\"", "\"fenzo\", scan = \"10s\"");
    let (_, output) = run(&wrong);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`fleet.group.1.autoscale.scan`: `fenzo` has no such number"), "{said}");
}
