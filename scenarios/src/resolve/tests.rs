use std::path::PathBuf;

use windtunnel_scheduler::resources::Resources;

use super::*;
use crate::spec::{self, Set};

const HEAD: &str = "name = \"t\"\n";
const FLEET: &str = "[[fleet.group]]\nname = \"m\"\ncount = 7\ncpu = 64\nmemory = \"256GiB\"\n";
const WORK: &str = r#"[[workload]]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 10
duration = { constant = "60s" }
shapes = [{ cpu = 1, memory = "2GiB" }]
"#;

fn resolved_in(base: &Path, text: &str, sets: &[&str]) -> Result<Resolved, String> {
    let sets: Vec<Set> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let (scenario, places) = spec::parse("t.toml", text, &sets).map_err(|failure| failure.to_string())?;
    resolve(scenario, &places, base, &Registries::default()).map_err(|failure| failure.to_string())
}

fn resolved(fleet: &str, work: &str, sets: &[&str]) -> Result<Resolved, String> {
    resolved_in(Path::new(""), &format!("{HEAD}{fleet}{work}"), sets)
}

#[track_caller]
fn complains(sets: &[&str], expected: &str) {
    let error = resolved(FLEET, WORK, sets).err().unwrap_or_else(|| panic!("{sets:?} is taken"));
    assert!(error.contains(expected), "{sets:?}: {error}");
}

#[test]
fn groups_become_nodes_in_zones_and_racks() {
    let sets = [
        "fleet.group.0.zones=2",
        "fleet.group.0.racks_per_zone=3",
        "fleet.group.0.gpu=4",
        "fleet.group.0.gpu_model=T4",
    ];
    let fleet = resolved(FLEET, WORK, &sets).unwrap().fleet;
    let names: Vec<String> = fleet.nodes.iter().map(|node| node.name.to_string()).collect();
    assert_eq!(names, ["m-0", "m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]);
    let racks: Vec<&str> = fleet.nodes.iter().map(|node| node.domains[1].1.as_str()).collect();
    let expected = ["0-rack-0", "1-rack-0", "0-rack-1", "1-rack-1", "0-rack-2", "1-rack-2", "0-rack-0"];
    assert_eq!(racks, expected.map(|rack| format!("zone-{rack}")));
    assert_eq!(fleet.nodes[3].domains[0], (String::from("zone"), String::from("zone-1")));
    assert_eq!(fleet.nodes[0].attributes, [(String::from("gpu_model"), String::from("T4"))]);
    assert_eq!((fleet.nodes[0].gpus, fleet.nodes[0].capacity), (4, Resources([64_000, 262_144, 0, 4000, 0, 0, 0, 0])));
    assert_eq!(fleet.lanes, 0b1011);
}

#[test]
fn reserve_comes_off_before_overcommit() {
    let sets = ["fleet.group.0.reserve={cpu=\"500m\",memory=\"2GiB\"}", "fleet.group.0.overcommit={cpu=1.5}"];
    let node = resolved(FLEET, WORK, &sets).unwrap().fleet.nodes[0].clone();
    assert_eq!(node.capacity, Resources::new((64_000 - 500) * 3 / 2, 262_144 - 2048));
}

#[test]
fn overload_is_held_against_what_nodes_have() {
    let sets = ["fleet.group.0.reserve={memory=\"1MiB\"}", "fleet.group.0.overcommit={cpu=1.333,memory=1.7}"];
    let run = |more: &[&str]| resolved(FLEET, WORK, &[&sets[..], more].concat()).unwrap();
    assert_eq!(run(&[]).model.overload, None);
    let overload = run(&["model.overload={kill_after=\"10s\"}"]).model.overload.unwrap();
    assert_eq!(overload.kill_after, Some(windtunnel_scheduler::Span::from_seconds(10)));
    assert_eq!(overload.room, [Resources::new(64_000, 262_143); 7]);
    assert_eq!(run(&["model.overload={}"]).model.overload.unwrap().kill_after, None);
    complains(&["model.overload={kill_after=\"0s\"}"], "`model.overload.kill_after`: a task that is put back at once");
}

#[test]
fn a_launch_that_is_asked_for_can_be_lost() {
    let run = |link: &str| resolved(FLEET, WORK, &[link]).unwrap();
    let lossy = run("model.link={loss=\"1%\",confirm=\"5m\"}");
    assert_eq!(lossy.model.link.confirm, Some(windtunnel_scheduler::Span::from_seconds(300)));
    assert!(lossy.warnings.is_empty(), "{:?}", lossy.warnings);
    assert!(run("model.link={confirm=\"5m\"}").warnings[0].contains("`model.link.confirm` has no effect"));
}

#[test]
fn own_lanes_follow_the_standard_ones_by_name() {
    let fleet = format!("{FLEET}lanes = {{ ports = 100, disks = 12 }}\n");
    let work = WORK.replace("memory = \"2GiB\"", "lanes = { ports = 3 }");
    let run = resolved(&fleet, &work, &[]).unwrap();
    assert_eq!(run.fleet.extra_lanes, ["disks", "ports"]);
    assert_eq!(run.fleet.nodes[0].capacity.0[4..6], [12, 100]);
    assert_eq!(run.workloads[0].synthetic().unwrap().shapes[0].request.0, [1000, 0, 0, 0, 0, 3, 0, 0]);
    let error = resolved(FLEET, &work, &[]).err().unwrap();
    assert!(
        error.contains("t.toml:12:32: `workload.0.synthetic.shapes.0.lanes.ports`: no node has this lane"),
        "{error}"
    );
}

#[test]
fn what_a_fleet_cannot_be_is_refused_by_key() {
    complains(
        &["fleet.group.0.memory=8192TiB"],
        "--set fleet.group.0.memory=8192TiB: `fleet.group.0.memory`: too large",
    );
    complains(&["fleet.group.0.cpu=5000000", "fleet.group.0.overcommit={cpu=2}"], "`fleet.group.0.cpu`: too large");
    complains(&["fleet.group.0.reserve={cpu=65}"], "`fleet.group.0.reserve.cpu`: more than the node has; reserve less");
    complains(&["fleet.group.0.reserve={disk=\"1GiB\"}"], "`fleet.group.0.reserve.disk`: the node has no `disk`");
    complains(&["fleet.group.0.gpu=65"], "`fleet.group.0.gpu`: a node has at most 64 gpus");
    complains(&["fleet.group.0.zones=0"], "`fleet.group.0.zones`: there are 0 zones");
    complains(&["fleet.group.0.count=0"], "`fleet`: there are no nodes");
    complains(&["fleet.pool={cpu=1}"], "`fleet`: exactly one of `trace`, `pool` and `group`");
    complains(&["fleet.group.1={name=\"m\",count=1,cpu=1,memory=\"1GiB\"}"], "two groups are called `m`; rename one");
    complains(&["fleet.group.1={name=\"n\",count=1,cpu=1}"], "`fleet.group.1`: other groups name `memory`");
    complains(&["fleet.group.0.lanes={a=1,b=1,c=1,d=1,e=1}"], "5 lanes of your own (a, b, c, d, e); keep at most 4");
}

#[test]
fn what_needs_something_else_says_so() {
    complains(
        &["workload.0.on_loss=resume"],
        "`workload.0.on_loss`: \"resume\" needs a `checkpoint`; give checkpoint =",
    );
    let fine = ["scheduler.architecture=monolithic", "scheduler.backfill=none", "scheduler.sorter=drf"];
    assert!(resolved(FLEET, WORK, &fine).is_ok());
}

#[test]
fn policies_are_known_or_nearly() {
    complains(
        &["scheduler.placement=bst-fit"],
        "`scheduler.placement`: there is no policy `bst-fit`; did you mean `best-fit`?",
    );
    complains(
        &["scheduler.placement={name=\"best-fit\",x=1}"],
        "`best-fit` has no option `x`; write `choices` or `percentage_of_nodes_to_score`",
    );
    complains(&["scheduler.queue=zzz"], "`scheduler.queue`: there is no policy `zzz`; write `f1`, `fair-share`");
    assert!(resolved(FLEET, WORK, &["scheduler.placement=zzz", "scheduler.use=mine"]).is_ok());
}

#[test]
fn ends_and_spans_must_make_sense() {
    let endless = WORK.replace("tasks = 10\n", "");
    let error = resolved(FLEET, &endless, &[]).err().unwrap();
    assert!(error.contains("`workload.0.synthetic`: jobs arrive without end; give `tasks`"), "{error}");
    assert!(resolved(FLEET, &endless, &["stop.at=1h"]).is_ok());
    assert!(resolved(FLEET, &endless, &["workload.0.limit.jobs=5"]).is_ok());
    complains(&["measure.from=2d", "measure.to=1d"], "`measure.to`: 1d is not after 2d");
    complains(&["measure.from=2d", "stop.at=1d"], "`measure.from`: measuring begins at 2d, the run ends at 1d");
    complains(&["name=../x"], "`name`: `../x` cannot be a folder");
}

#[test]
fn a_resolved_scenario_resolves_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.swf"), "; MaxProcs: 8\n1 0 -1 10 2 -1 -1 2 20 -1 1 1 1 1 1 1 -1 -1\n")
        .unwrap();
    let text = format!(
        "{HEAD}[fleet]\npool = {{ cpu = 4 }}\n[[workload]]\ntrace = {{ path = \"a.swf\" }}\n{}",
        WORK.replace("[[workload]]", "[[workload]]\nestimate = { factor = 2 }")
    );
    let first = resolved_in(folder.path(), &text, &["scheduler.interval=5s"]).unwrap();
    let trace = first.scenario.workload[0].trace.as_ref().unwrap();
    assert_eq!(trace.format.as_deref(), Some("swf"));
    assert_eq!((trace.job_as, trace.max_processors), (Some(spec::workload::JobAs::Pool), Some(4)));
    assert!(PathBuf::from(&trace.path.0[0]).is_absolute());
    let keys: Vec<&str> = first.inputs.iter().map(|input| input.key.as_str()).collect();
    assert_eq!(keys, ["workload.0", "scenario"]);
    let written = first.text().unwrap();
    let second = resolved_in(Path::new("/nowhere"), &written, &[]).unwrap();
    assert_eq!(written, second.text().unwrap());
    assert_eq!((first.inputs, first.config), (second.inputs, second.config));
    std::fs::write(folder.path().join("a.swf"), "; changed\n").unwrap();
    let error = resolved_in(Path::new(""), &written, &[]).err().unwrap();
    assert!(error.contains("restore the file or take the digest out"), "{error}");
}

#[test]
fn the_library_resolves_where_its_data_is() {
    let data = std::env::var_os("WINDTUNNEL_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let has_data = data.is_dir();
    assert!(has_data || std::env::var("CI").as_deref() != Ok("true"), "{} is missing", data.display());
    for entry in crate::library::entries().filter(|entry| entry.kind == "scenario" && entry.name != "scale/1m") {
        if entry.text.contains("${") && !has_data {
            println!("{} is skipped: there is no {}", entry.name, data.display());
            continue;
        }
        let text = entry.text.replace("${WINDTUNNEL_DATA}", &data.display().to_string());
        let run = resolved_in(Path::new(""), &text, &[]).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        // Records of failures overlap, and some say that no time passed: that is said whenever one is replayed.
        let of_record = |warning: &&String| warning.starts_with("`faults.trace`");
        assert!(run.warnings.iter().all(|warning| of_record(&warning)), "{}: {:?}", entry.name, run.warnings);
        assert!(run.experiment().is_ok(), "{}", entry.name);
        let again = resolved_in(Path::new(""), &run.text().unwrap(), &[]).unwrap();
        // The comment says what came from a profile; written down, all of it is the scenario's own.
        let text = run.text().unwrap();
        let plain = if text.starts_with('#') { text.split_once('\n').unwrap().1 } else { &text };
        assert_eq!(again.text().unwrap(), plain, "{}", entry.name);
        assert_eq!((again.warnings, again.inputs), (run.warnings, run.inputs), "{}", entry.name);
    }
}

#[test]
fn the_scale_family_offers_three_quarters() {
    let entry = crate::library::scenario("scale/1k").unwrap();
    let run = resolved_in(Path::new(""), entry.text, &[]).unwrap();
    let spec = run.workloads[0].synthetic().unwrap();
    assert_eq!(spec.shapes.len(), 24);
    let offered = spec.offered().unwrap();
    let share = offered[0] / (1000.0 * 64_000.0);
    assert!((0.73..0.77).contains(&share), "{share}");
    let mean = spec.mean_request().unwrap();
    assert!((mean[0] - 4210.0).abs() < 1.0 && (mean[1] / mean[0] * 1000.0 / 1024.0 - 3.75).abs() < 1e-6, "{mean:?}");
}

#[test]
fn a_head_that_holds_a_reservation_blocks() {
    let config = resolved(FLEET, WORK, &["scheduler.backfill=easy"]).unwrap().config;
    assert_eq!((config.backfill.name.as_str(), config.head_of_line), ("easy", config::HeadOfLine::Block));
    complains(&["scheduler.backfill=easy", "scheduler.head_of_line=skip"], "`scheduler.head_of_line`: a head that may");
    complains(&["scheduler.backfill=esy"], "`scheduler.backfill`: there is no policy `esy`; did you mean `easy`?");
    let depth = "scheduler.backfill={ name = \"easy\", depth = 0 }";
    complains(&[depth], "`scheduler.backfill.depth`: has no such value; write a whole number");
    let interval = "scheduler.backfill={ name = \"easy\", interval = \"30\" }";
    complains(&[interval], "`scheduler.backfill.interval`: has no such value; write a whole number with a unit");
    for idle in
        [["scheduler.backfill_order=shortest", "seed=0"], ["scheduler.backfill=easy", "scheduler.unplaceable=reject"]]
    {
        let warnings = resolved(FLEET, WORK, &idle).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("has no effect")), "{idle:?}: {warnings:?}");
    }
    let again = resolved(FLEET, WORK, &["scheduler.backfill=easy"]).unwrap().text().unwrap();
    resolved_in(Path::new(""), &again, &[]).unwrap();
}

#[test]
fn a_profile_fills_in_what_is_not_written() {
    let run = resolved(FLEET, WORK, &["scheduler.profile=kubernetes", "scheduler.placement=first-fit"]).unwrap();
    assert_eq!((run.config.queue.name.as_str(), run.config.placement.name.as_str()), ("priority", "first-fit"));
    assert_eq!(run.profile.keys, ["scheduler.head_of_line", "scheduler.preemption", "scheduler.queue"]);
    let text = run.text().unwrap();
    let head = "# From profile kubernetes: scheduler.head_of_line, scheduler.preemption, scheduler.queue\n";
    assert!(text.starts_with(head), "{text}");
    let again = resolved_in(Path::new(""), &text, &[]).unwrap();
    assert_eq!((again.scenario, again.profile.keys), (run.scenario, vec![]));
    complains(
        &["scheduler.profile=kubernets"],
        "--set scheduler.profile=kubernets: `scheduler.profile`: there is no profile `kubernets`; did you mean \
         `kubernetes`?",
    );
}

#[test]
fn every_profile_can_be_followed_and_cites_its_source() {
    let profiles: Vec<_> = crate::library::entries().filter(|entry| entry.kind == "profile").collect();
    assert!(!profiles.is_empty());
    for profile in profiles {
        let run = resolved(FLEET, WORK, &[&format!("scheduler.profile={}", profile.name)]);
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", profile.name));
        assert_eq!(run.warnings, Vec::<String>::new(), "{}", profile.name);
        assert!(!run.profile.keys.is_empty(), "{} says nothing", profile.name);
        assert!(run.profile.keys.iter().all(|key| key.contains('.') && key != "scheduler.profile"));
        assert!(profile.about().any(|line| line.starts_with("Source: ")), "{} cites nothing", profile.name);
    }
}

#[test]
fn a_pass_per_event_needs_requests_that_hold() {
    let shrunk = ["model.instant=per-event", "workload.0.estimate={ factor = 0.5 }"];
    complains(&shrunk, "`model.instant`: tasks of workload 0 may outlive their requests");
    complains(&["model.instant=per-event", "workload.0.estimate={ uniform = { from = 0.9, to = 2 } }"], "may outlive");
    for fine in [["model.instant=per-event", "workload.0.estimate={ factor = 2 }"], ["seed=1", shrunk[1]]] {
        assert!(resolved(FLEET, WORK, &fine).is_ok(), "{fine:?}");
    }
    assert!(resolved(FLEET, WORK, &["model.instant=per-event"]).is_ok());
}

#[test]
fn price_and_power_are_those_of_every_machine_of_the_group() {
    let fleet = format!("{FLEET}price = \"$3.06/h\"\npower = {{ idle = \"150W\", busy = \"0.4kW\" }}\n");
    let fleet = resolved(&fleet, WORK, &[]).unwrap().fleet;
    assert_eq!(fleet.upkeep.len(), 7);
    let rate = fleet.upkeep[6];
    assert_eq!((rate.price, rate.idle_mw, rate.busy_mw), (3_060_000, 150_000, 400_000));
    assert_eq!((fleet.groups[0].name.as_str(), fleet.groups[0].count), ("m", 7));
    assert!(resolved(FLEET, WORK, &[]).unwrap().fleet.upkeep.is_empty(), "nobody said");
    complains(&["fleet.group.0.power={ idle = \"2W\", busy = \"1W\" }"], "swap `idle` and `busy`");
}

/// The demands that the workload of a scenario puts on its tasks.
fn demanded(sets: &[&str]) -> windtunnel_traces::model::Ask {
    let resolved = resolved(FLEET, WORK, sets).unwrap_or_else(|error| panic!("{sets:?}: {error}"));
    let mut workload = resolved.workloads[0].open(0).unwrap();
    let job = workload.source.next_job().unwrap().unwrap();
    job.groups.as_slice()[0].ask.clone()
}

#[test]
fn constraints_of_a_workload_reach_its_tasks() {
    use windtunnel_scheduler::constraint::Condition;
    use windtunnel_scheduler::layout::{Law, Wish};
    let sets = [
        "fleet.group.0.zones=2",
        "fleet.group.0.attributes={ssd=\"yes\", clock=\"2.5\"}",
        "workload.0.priority=7",
        "workload.0.preemptible=false",
        "workload.0.disruption_budget=2",
        "workload.0.constraints=[[\"zone\", \"GROUP_BY\", 2], {attribute=\"hostname\", unique=true}, \
         {attribute=\"clock\", at_least=2}, {attribute=\"ssd\", is=\"yes\", weight=3}]",
        "workload.0.synthetic.shapes.0.constraints=[[\"zone\", \"MAX_PER\", 2], [\"hostname\", \"LIKE\", \"m-[0-3]\"]]",
    ];
    let ask = demanded(&sets);
    let layout = ask.layout.expect("there are rules");
    let laws: Vec<Law> = layout.rules.iter().map(|rule| rule.law).collect();
    assert_eq!(laws, [Law::MaxPer(2), Law::GroupBy(2), Law::Unique]);
    assert!(matches!(&layout.preferences[..], [one] if one.weight == 3 && matches!(one.wish, Wish::Node(_))));
    let conditions: Vec<Condition> = ask.constraints.unwrap().iter().map(|one| one.condition.clone()).collect();
    let clock = Condition::Within { least: 2000, most: i64::MAX };
    assert_eq!(conditions, [Condition::Like("m-[0-3]".into()), clock]);
    assert_eq!((ask.protected, ask.disruption), (true, Some(2)));
    let resolved = resolved(FLEET, WORK, &sets).unwrap();
    assert_eq!(resolved.fleet.nodes[3].attribute("hostname"), Some("m-3"), "a condition is on names");
    let again = resolved.text().unwrap();
    assert!(again.contains("max_per") || again.contains("MAX_PER"), "{again}");
    let (scenario, places) = spec::parse("t.toml", &again, &[]).unwrap();
    assert_eq!(resolve(scenario, &places, Path::new(""), &Registries::default()).unwrap().text().unwrap(), again);
}

#[test]
fn taints_domains_and_limits_of_nodes() {
    use windtunnel_scheduler::constraint::Condition;
    let sets = [
        "fleet.group.0.taints=[\"spot:NoSchedule\", \"old=1:PreferNoSchedule\"]",
        "fleet.group.0.domains={nvlink=2}",
        "fleet.group.0.tasks=3",
    ];
    let resolved = resolved(FLEET, WORK, &sets).unwrap();
    let node = &resolved.fleet.nodes[5];
    assert_eq!(node.attribute("taints"), Some("spot:NoSchedule, old=1:PreferNoSchedule"));
    assert_eq!(node.attribute("nvlink"), Some("m-nvlink-2"));
    assert_eq!((resolved.fleet.tasks_lane(), node.capacity[4]), (Some(4), 3));
    let ask = demanded(&sets);
    assert_eq!(ask.constraints.unwrap()[0].condition, Condition::Tolerates(vec![]), "nobody says what he tolerates");
    assert_eq!(ask.layout.unwrap().preferences.len(), 1, "some taints only ask");
    let tolerant = [&sets[..], &["workload.0.tolerations=[\"spot\"]"]].concat();
    let ask = demanded(&tolerant);
    assert!(ask.constraints.unwrap()[0].condition.is_met(Some("spot:NoSchedule, old=1:PreferNoSchedule")));
}

#[test]
fn demands_that_mean_nothing_are_refused() {
    let constraint = |text: &str| format!("workload.0.constraints=[{text}]");
    for (text, expected) in [
        ("[\"zone\", \"NEAR\"]", "`workload.0.constraints.0`: there is no operator `NEAR`; write one of UNIQUE"),
        ("[\"zone\", \"GROUP_BY\"]", "`GROUP_BY` needs a number from 1; write zone GROUP_BY 3"),
        ("{attribute=\"zone\"}", "nothing is demanded of the attribute"),
        ("{unique=true}", "no attribute is named"),
        ("{attribute=\"zone\", like=\"(\"}", "`(` is no pattern (unclosed group); correct it"),
        ("{attribute=\"zone\", max_skew=0}", "`max_skew = 0` lets no task run; write a number from 1"),
        ("{attribute=\"zone\", min_domains=2}", "`min_domains` belongs to `max_skew`; give that too"),
        ("{attribute=\"a\", at_least=3, at_most=2}", "`at_least` is above `at_most`"),
        ("{attribute=\"zone\", unique=true, weight=0}", "a preference without weight is none"),
        ("{attribute=\"zone\", value=2}", "`value` belongs to an `operator`"),
    ] {
        complains(&[&constraint(text)], expected);
    }
    complains(&["workload.0.within={}"], "`workload.0.within`: no kind of domain is named");
    complains(&["workload.0.tolerations=[\"a:Never\"]"], "there is no effect `Never`; write one of NoSchedule");
    complains(&["fleet.group.0.taints=[\"spot\"]"], "`spot` is no taint; write key:effect or key=value:effect");
    complains(&["fleet.group.0.domains={nvlink=0}"], "0 machines share one; write at least 1");
    complains(&["fleet.group.0.lanes={tasks=3}"], "this lane counts tasks; give `tasks` instead");
    complains(&["scheduler.preemption=nobody"], "there is no policy `nobody`");
    complains(&["scheduler.preemption={name=\"priority\", mode=\"suspend\"}"], "write \"requeue\" or \"cancel\"");
    let all = "partition=[{name=\"all\"}]";
    for (sets, why) in [
        (&["scheduler.unplaceable=reject"][..], Some("nobody waits")),
        (&["scheduler.architecture=two-level", all], Some("who hands out room knows nothing of partitions")),
        (&["scheduler.architecture=shared-state", all], Some("who hands out room knows nothing of partitions")),
        (&["scheduler.architecture=two-level"], None),
        (&["scheduler.architecture=shared-state"], None),
        (&[all], None),
        (&["scheduler.backfill=conservative"], None),
    ] {
        let sets: Vec<&str> = ["scheduler.preemption=priority"].iter().chain(sets).copied().collect();
        let warned = resolved(FLEET, WORK, &sets).unwrap().warnings;
        let found = warned.iter().find(|warning| warning.contains("`scheduler.preemption` has no effect"));
        assert_eq!(found.is_some(), why.is_some(), "{sets:?}: {warned:?}");
        assert!(found.zip(why).is_none_or(|(found, why)| found.contains(why)), "{sets:?}: {warned:?}");
    }
}
