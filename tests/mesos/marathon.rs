// Marathon from the scenario file on: how it asks for offers, and how it keeps apps running.

use crate::support::{Scratch, program};

/// What running a scenario gives, with a table of jobs beside it: the output, and the summary if there is one.
fn run_scenario(scenario: &str, jobs: &str) -> (std::process::Output, serde_json::Value) {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", scenario);
    scratch.write("jobs.csv", jobs);
    let output = std::process::Command::new(program())
        .args(["run", "scenario.toml", "--out", "out"])
        .current_dir(scratch.path())
        .output()
        .expect("the program starts");
    let summary = std::fs::read_to_string(scratch.path().join("out/summary.json")).unwrap_or_default();
    (output, serde_json::from_str(&summary).unwrap_or_default())
}

/// The summary of a scenario that runs.
fn summary_of(scenario: &str, jobs: &str) -> serde_json::Value {
    let (output, summary) = run_scenario(scenario, jobs);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    summary
}

/// A number of a summary, by its dotted name.
fn number_of(summary: &serde_json::Value, name: &str) -> f64 {
    let found = name.split('.').fold(summary, |value, part| &value[part]);
    found.as_f64().unwrap_or_else(|| panic!("no number {name}"))
}

/// One node, and a framework that is idle at 22 s and has work again at 23 s.
const RESTLESS: &str = r#"
name = "restless"
[[fleet.group]]
name = "node"
count = 1
cpu = 1
memory = "1GiB"
[[workload]]
trace = { path = "jobs.csv" }
framework = "jobs"
[[framework]]
name = "jobs"
SET
[scheduler]
profile = "dcos-2.x"
suppress = true
"#;

#[test]
fn marathon_revives_at_most_every_5_s() {
    let jobs = "job_id,submit_us,run_us,cpu_milli\n1,20000000,2000000,1000\n2,23000000,1000000,1000\n";
    let wait = |set: &str| {
        let summary = summary_of(&RESTLESS.replace("SET", set), jobs);
        (number_of(&summary, "wait_s.max"), number_of(&summary, "by_framework.jobs.revived"))
    };
    // It revives at 20 s, and again at 25 s for the task that came at 23 s.
    assert_eq!(wait(""), (2.0, 2.0), "as the profile has it");
    assert_eq!(wait("revive_at_most_every = \"10s\""), (7.0, 2.0));
    assert_eq!(wait("revive_at_most_every = \"0s\""), (0.0, 2.0));
    // Longer than a run goes on where nothing starts otherwise.
    assert_eq!(wait("revive_at_most_every = \"3h\""), (10_797.0, 2.0));
}

/// Two replicas that fail 2 s after each start.
const CRASHING: &str = r#"
name = "crashing"
[[fleet.group]]
name = "node"
count = 2
cpu = 1
[[workload]]
trace = { path = "jobs.csv" }
service = { life = { constant = "2s" }, backoff = {} }
[stop]
at = "END"
"#;

#[test]
fn marathon_backs_off_an_app_as_a_whole() {
    let jobs = "job_id,submit_us,cpu_milli,count,kind\n1,0,1000,2,service\n";
    let started = |end: &str| number_of(&summary_of(&CRASHING.replace("END", end), jobs), "attempts.placed");
    // Both fail at 2 s: after 1 s for the first and 1.15 s for the second, both wait for 1.15 s.
    assert_eq!([started("3149ms"), started("3151ms")], [2.0, 4.0]);
    // Both fail at 5.15 s: 1.3225 s, and then 1.520875 s.
    assert_eq!([started("6670ms"), started("6671ms")], [4.0, 6.0]);
}

/// Three tiers, the uppermost first; the lowest is ready after 30 s.
fn tiers() -> String {
    let tier = |name: &str, service: &str, replicas: u32| {
        format!(
            r#"
[[workload]]
name = "{name}"
service = {service}
[workload.synthetic]
arrivals = "at-once"
jobs = 1
kinds = {{ service = 1 }}
size = {{ constant = {replicas} }}
duration = {{ constant = "1d" }}
shapes = [{{ cpu = 1 }}]"#
        )
    };
    let fleet = "\nname = \"tiers\"\n[[fleet.group]]\nname = \"node\"\ncount = 4\ncpu = 2";
    let web = tier("web", r#"{ needs = ["app"] }"#, 2);
    let app = tier("app", r#"{ needs = ["db"], ready_after = "10s" }"#, 2);
    let db = tier("db", r#"{ ready_after = "30s" }"#, 1);
    format!("{fleet}{web}{app}{db}\n")
}

#[test]
fn marathon_starts_apps_in_the_order_of_their_dependencies() {
    let tiers = tiers();
    for architecture in ["monolithic", "two-level", "shared-state"] {
        let scenario = format!("{tiers}[scheduler]\narchitecture = \"{architecture}\"\n");
        let summary = summary_of(&scenario, "");
        let numbers = ["met", "never_started", "wait_s.mean", "wait_s.max"]
            .map(|name| number_of(&summary, &format!("services.needs.{name}")));
        assert_eq!(numbers, [2.0, 0.0, 35.0, 40.0], "{architecture}");
        assert_eq!(number_of(&summary, "tasks.running_at_end"), 5.0);
        // What is needed fits nowhere: four tasks never start.
        let summary = summary_of(&scenario.replace("size = { constant = 1 }", "size = { constant = 9 }"), "");
        assert_eq!(number_of(&summary, "services.needs.never_started"), 4.0, "{architecture}");
        assert_eq!(number_of(&summary, "tasks.pending_at_end"), 5.0, "four of them, and one of what is needed");
    }
}

#[test]
fn dependencies_of_nobody_and_in_circles_are_refused() {
    let tiers = tiers();
    let refused = |scenario: &str, sentence: &str| {
        let (output, _) = run_scenario(scenario, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(sentence), "{error}");
    };
    refused(
        &tiers.replace("needs = [\"app\"]", "needs = [\"ap\"]"),
        "scenario.toml:9:22: `workload.0.service.needs.0`: there is no workload `ap`; did you mean `app`?",
    );
    refused(
        &tiers.replace("{ ready_after = \"30s\" }", "{ needs = [\"web\"] }"),
        "scenario.toml:9:13: `workload.0.service.needs`: `web` needs `app` needs `db` needs `web`, so that none of \
         them ever starts; take one of these out",
    );
    refused(
        &tiers.replacen("kinds = { service = 1 }\n", "", 1),
        "`workload.0.service.needs`: only services wait for others; give `synthetic.kinds`, or take it out",
    );
    let last = tiers.rfind("kinds = { service = 1 }").expect("it is there");
    refused(
        &format!("{}{}", &tiers[..last], &tiers[last + "kinds = { service = 1 }\n".len()..]),
        "`workload.1.service.needs.0`: `db` has no services, and is never ready; take it out",
    );
}

/// A pod of two containers of 0.6 cores on nodes of 1 core, and then of 2.
const PODS: &str = r#"
name = "pods"
[[fleet.group]]
name = "small"
count = 4
cpu = 1
memory = "4GiB"
[[fleet.group]]
name = "large"
count = 2
cpu = 3
memory = "4GiB"
[[workload]]
name = "web"
[workload.synthetic]
arrivals = "at-once"
jobs = 1
kinds = { service = 1 }
size = { constant = 6 }
duration = { constant = "1d" }
shapes = [{ containers = [
    { name = "nginx", cpu = 0.6, memory = "1GiB", image = "nginx" },
    { name = "log", cpu = 0.6, memory = "512MiB", image = "log" },
] }]
[model.launch]
registry_per_second = "1MiB"
images = { nginx = { base = "3MiB", app = "1MiB" }, log = { base = "3MiB", agent = "2MiB" } }
"#;

#[test]
fn marathon_pods_are_placed_as_one_and_pull_all_their_images() {
    for architecture in ["monolithic", "two-level", "shared-state"] {
        let scheduler = format!("[scheduler]\narchitecture = \"{architecture}\"\nplacement = \"first-fit\"\n");
        let summary = summary_of(&format!("{PODS}{scheduler}"), "");
        // A node of one core has room for one container and none for the pod; one of three cores has room for two pods.
        assert_eq!(number_of(&summary, "tasks.running_at_end"), 4.0, "{architecture}");
        assert_eq!(number_of(&summary, "tasks.pending_at_end"), 2.0);
        assert_eq!(number_of(&summary, "nodes.touched"), 2.0);
        // Both large nodes pull 6 MiB, which share the registry, and pull nothing for their second pods.
        assert_eq!(number_of(&summary, "wait_s.max"), 12.0, "{architecture}");
        assert_eq!(number_of(&summary, "allocation.cpu.at_end"), 4.8 / 10.0);
    }
}
