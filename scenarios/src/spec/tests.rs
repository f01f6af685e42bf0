use super::*;

const SMALL: &str = r#"name = "small"
[fleet]
[[fleet.group]]
name = "m5"
count = 10
cpu = 64
memory = "256GiB"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 1000
duration = { exponential = { mean = "100s" } }
shapes = [{ cpu = 1, memory = "2GiB", weight = 3 }, { cpu = 4, memory = "16GiB" }]
"#;

fn read(text: &str, sets: &[&str]) -> Result<Scenario, String> {
    let sets: Vec<Set> = sets.iter().map(|set| set.parse().unwrap()).collect();
    parse("small.toml", text, &sets).map(|(scenario, _)| scenario).map_err(|failure| failure.to_string())
}

#[track_caller]
fn complains(text: &str, sets: &[&str], expected: &str) {
    assert_eq!(read(text, sets).unwrap_err(), expected);
}

fn with(extra: &str) -> String {
    format!("{SMALL}{extra}")
}

#[test]
fn defaults_are_those_of_the_design() {
    let scenario = read(SMALL, &[]).unwrap();
    assert_eq!(scenario.seed, 0);
    assert_eq!(scenario.scheduler.placement, scheduler::Policy::named("best-fit"));
    assert_eq!(scenario.scheduler.queue, scheduler::Policy::named("fifo"));
    assert_eq!(scenario.scheduler.head_of_line, scheduler::HeadOfLine::Skip);
    assert_eq!(scenario.scheduler.unplaceable, scheduler::Unplaceable::Wait);
    assert_eq!(scenario.workload[0].on_loss, workload::OnLoss::Rerun);
    assert_eq!(scenario.workload[0].lifetime, workload::Lifetime::Trace);
    assert_eq!(scenario.fleet.group[0].overcommit.cpu, quantity::Factor::ONE);
    assert_eq!(scenario.record.series, run::Series::Auto);
}

#[test]
fn what_is_written_is_read_back() {
    let full = with(
        r#"
[[workload]]
name = "log"
role = "hpc"
trace = { format = "swf", path = ["a.swf", "b.swf"], procs = "allocated", job_as = "pool", shift = true }
lifetime = { lognormal = { median = "5m", sigma = 1 } }
estimate = { factor = 2.0, add = "60s" }
on_loss = "fail"
scale = { load = 1.2 }
limit = { jobs = 10000, from = "2d", to = "9d" }
[scheduler]
placement = { name = "random", tries = 2, plain = true, word = "x" }
head_of_line = "block"
interval = "250ms"
[model]
instant = "per-event"
[measure]
from = "2d"
[stop]
at = "7d"
[record]
series = "10s"
"#,
    );
    for text in [SMALL, &full] {
        let first = read(text, &[]).unwrap();
        let written = toml::to_string(&first).unwrap();
        let second = read(&written, &[]).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(first, second, "{written}");
        assert!(written.contains("unplaceable = \"wait\""), "defaults are written: {written}");
    }
}

#[test]
fn unknown_keys_name_the_nearest() {
    complains(
        &SMALL.replace("memory = \"256", "memroy = \"256"),
        &[],
        "small.toml:7:1: unknown key `fleet.group.0.memroy`; did you mean `memory`?",
    );
    complains(&with("[schedular]\n"), &[], "small.toml:14:2: unknown key `schedular`; did you mean `scheduler`?");
    let error = read(&with("[stop]\nzzz = 1\n"), &[]).unwrap_err();
    assert_eq!(error, "small.toml:15:1: unknown key `stop.zzz`; write `when` or `at`");
    complains(
        &with("[scheduler]\nhead_of_line = \"skp\"\n"),
        &[],
        "small.toml:15:16: `scheduler.head_of_line`: unknown value `skp`; did you mean `skip`?",
    );
}

#[test]
fn a_trigger_is_read() {
    let error = read(&with("[[trigger]]\nname = \"x\"\n"), &[]).unwrap_err();
    assert!(error.contains("small.toml:14:"), "{error}");
    assert!(error.ends_with("`trigger.0` has no `do`; add it"), "{error}");
    let text = "[[trigger]]\nwhen = \"wait_s.p99 over 10m > 5m\"\nfor = \"10m\"\ncooldown = \"30m\"\n\
                do = [{ add_nodes = { group = \"m5\", count = 10 } }, { stop = true }]\n";
    let trigger = &read(&with(text), &[]).unwrap().trigger[0];
    assert_eq!(trigger.hold, Some(quantity::Duration(600_000_000)));
    assert_eq!(trigger.actions[0].add_nodes.as_ref().map(|add| add.count), Some(10));
    assert_eq!(trigger.actions[1].stop, Some(true));
}

#[test]
fn a_gate_and_its_sides_are_read() {
    let text = with(
        "[gate]\nseeds = 3\n[[gate.limit]]\nmetric = \"wait_s.p99\"\nmax = 60\n[[gate.limit]]\n\
         must = \"tasks.lost == 0\"\n[[arm]]\nname = \"new\"\nset = { \"scheduler.placement\" = \"first-fit\" }\n",
    );
    let scenario = read(&text, &[]).unwrap();
    assert_eq!((scenario.gate.seeds, scenario.gate.worse_by), (3, gate::MARGIN));
    assert_eq!(scenario.gate.limit[0].max, Some(gate::Amount("60".into())));
    assert_eq!(scenario.arm[0].set["scheduler.placement"].as_str(), Some("first-fit"));
    let written = toml::to_string(&scenario).unwrap();
    assert_eq!(read(&written, &[]).unwrap(), scenario, "{written}");
    complains(&with("[gate]\nseed = 1\n"), &[], "small.toml:15:1: unknown key `gate.seed`; did you mean `seeds`?");
}

#[test]
fn wrong_units_list_the_right_ones() {
    let error = read(&SMALL.replace("256GiB", "256"), &[]).unwrap_err();
    assert_eq!(
        error,
        "small.toml:7:10: `fleet.group.0.memory`: `256`: a unit is missing; write a size such as \"256GiB\" \
         (a number and one of B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)"
    );
    let error = read(&with("[stop]\nat = 7\n"), &[]).unwrap_err();
    assert!(
        error.starts_with("small.toml:15:6: `stop.at`: `7`: a unit is missing; write a duration such as"),
        "{error}"
    );
    let error = read(&with("[record]\nseries = \"fast\"\n"), &[]).unwrap_err();
    assert!(error.contains("15:10") && error.contains("\"auto\", \"event\" or a duration"), "{error}");
}

#[test]
fn wrong_types_and_missing_keys() {
    complains("name = \"x\"\n", &[], "small.toml: `fleet` is missing; add a [fleet] with a trace, a pool or groups");
    complains(&SMALL.replace("count = 10\n", ""), &[], "small.toml:3:1: `fleet.group.0` has no `count`; add it");
    let error = read(&SMALL.replace("count = 10", "count = \"ten\""), &[]).unwrap_err();
    assert_eq!(error, "small.toml:5:9: `fleet.group.0.count`: string \"ten\"; write a whole number from 0");
    let error = read(&SMALL.replace("count = 10", "count = "), &[]).unwrap_err();
    assert!(error.starts_with("small.toml:5:"), "{error}");
    let error = read(&SMALL.replace("count = 10", "count = 10\ncount = 11"), &[]).unwrap_err();
    assert!(error.starts_with("small.toml:6:1") && error.contains("duplicate"), "{error}");
}

#[test]
fn sets_reach_tables_and_lists_and_make_what_is_missing() {
    let sets =
        ["seed=7", "scheduler.placement=first-fit", "fleet.group.0.count=20", "workload.0.estimate={factor=2.0}"];
    let scenario = read(SMALL, &sets).unwrap();
    assert_eq!(scenario.seed, 7);
    assert_eq!(scenario.scheduler.placement, scheduler::Policy::named("first-fit"));
    assert_eq!(scenario.fleet.group[0].count, 20);
    assert!(
        matches!(&scenario.workload[0].estimate, workload::Estimate::Changed(change) if change.factor == Some(2.0))
    );
    let grown = read(SMALL, &["workload.1={trace={path=\"x.swf\"}}", "stop.at=7d"]).unwrap();
    assert_eq!((grown.workload.len(), grown.stop.at), (2, Some("7d".parse().unwrap())));
}

#[test]
fn errors_of_sets_mention_them() {
    complains(SMALL, &["sed=7"], "--set sed=7: unknown key `sed`; did you mean `seed`?");
    complains(
        SMALL,
        &["workload.3.estimate=actual"],
        "--set workload.3.estimate=actual: the list has no item `3`; write a position from 0 to 0",
    );
    complains(SMALL, &["name.x=1"], "--set name.x=1: `name` is not a table; name a table");
    let error = read(SMALL, &["stop.at=7"]).unwrap_err();
    assert!(error.starts_with("--set stop.at=7: `stop.at`: `7`: a unit is missing"), "{error}");
    let error = read(SMALL, &["workload.0.scale={laod=2.0}"]).unwrap_err();
    assert_eq!(error, "--set workload.0.scale={laod=2.0}: unknown key `workload.0.scale.laod`; did you mean `load`?");
    assert!("seed".parse::<Set>().unwrap_err().contains("KEY=VALUE"));
    assert!("a..b=1".parse::<Set>().is_err());
}

#[test]
fn places_survive_for_later_complaints() {
    let (_, places) = parse("small.toml", SMALL, &["fleet.group.0.cpu=8".parse().unwrap()]).unwrap();
    assert_eq!(places.whereabouts("fleet.group.0.memory"), "small.toml:7:1");
    assert_eq!(places.whereabouts("fleet.group.0.cpu"), "--set fleet.group.0.cpu=8");
    assert_eq!(places.whereabouts("workload.0.synthetic.duration.exponential.sigma"), "small.toml:12:14");
    assert_eq!(places.failure("stop.at", "no").to_string(), "small.toml: `stop.at`: no");
}

#[test]
fn the_reference_lists_every_table() {
    let page = reference::markdown();
    for heading in ["## [[fleet.group]]", "## [[workload]]", "## [scheduler]", "## [workload.synthetic]", "## [stop]"] {
        assert!(page.contains(heading), "{heading} in\n{page}");
    }
    assert!(page.contains("| `name` | text | required |") && page.contains("`\"block\"`"), "{page}");
    assert_eq!(reference::json()["additionalProperties"], serde_json::Value::Bool(false));
}
