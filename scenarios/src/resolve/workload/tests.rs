use std::path::Path;

use windtunnel_scheduler::core::Registries;
use windtunnel_scheduler::service::KillSelection;
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::experiment::Schedule;
use windtunnel_traces::model::Course;

use crate::resolve::{Resolved, resolve};
use crate::spec::{self, Set};

const BASE: &str = r#"name = "t"
[[fleet.group]]
name = "m"
count = 7
cpu = 64
memory = "256GiB"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 100
duration = { lognormal = { median = "5m", p99 = "6h" } }
shapes = [{ cpu = 2, memory_per_cpu = ["1GiB", "3GiB"], weight = 4 }, { cpu = 1, gpu = 0.5 }]
"#;

fn resolved(sets: &[&str]) -> Result<Resolved, String> {
    let sets: Vec<Set> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let (scenario, places) = spec::parse("t.toml", BASE, &sets).map_err(|failure| failure.to_string())?;
    resolve(scenario, &places, Path::new(""), &Registries::default()).map_err(|failure| failure.to_string())
}

#[track_caller]
fn complains(sets: &[&str], expected: &str) {
    let error = resolved(sets).err().unwrap_or_else(|| panic!("{sets:?} is taken"));
    assert!(error.contains(expected), "{sets:?}: {error}");
}

#[test]
fn memory_per_cpu_stands_for_a_shape_each() {
    let run = resolved(&[]).unwrap();
    let spec = run.workloads[0].synthetic().unwrap();
    let shapes: Vec<_> =
        spec.shapes.iter().map(|shape| (shape.request.0[0], shape.request.0[1], shape.weight)).collect();
    assert_eq!(shapes, [(2000, 2048, 2.0), (2000, 6144, 2.0), (1000, 0, 1.0)]);
    assert_eq!((spec.shapes[2].gpu.count, spec.shapes[2].gpu.milli), (1, 500));
}

#[test]
fn laws_are_known_and_their_options_read_by_unit() {
    let duration = |value: &str| format!("workload.0.synthetic.duration={value}");
    for fine in [
        "{exponential={mean=\"100s\"}}",
        "{constant=\"60s\"}",
        "{lognormal={median=\"5m\",sigma=1,max=\"12h\"}}",
        "{uniform={min=\"1s\",max=\"2s\"}}",
    ] {
        assert!(resolved(&[&duration(fine)]).is_ok(), "{fine}: {:?}", resolved(&[&duration(fine)]).err());
    }
    complains(
        &[&duration("{lognorml={median=\"5m\"}}")],
        "no law of duration is called `lognorml`; did you mean `lognormal`?",
    );
    complains(&[&duration("{lognormal={median=5,sigma=1}}")], "lognormal.median`: not a time such as");
    complains(&[&duration("{lognormal={median=\"5GiB\",sigma=1}}")], "unknown unit; write a duration such as");
    complains(
        &[&duration("{lognormal={median=\"5m\",sigma=-1}}")],
        "`workload.0.synthetic.duration.lognormal.sigma`: `sigma` is",
    );
    complains(&[&duration("{lognormal={middle=\"5m\"}}")], "lognormal.middle`: lognormal has no option `middle`");
    complains(&[&duration("{poisson=\"2/s\"}")], "no law of duration is called `poisson`");
    complains(&[&duration("{constant=\"1s\",uniform=\"2s\"}")], "`constant` and `uniform` side by side; keep one");
    complains(&["workload.0.synthetic.arrivals={poisson=2}"], "poisson.rate`: not a rate such as");
}

#[test]
fn contradictions_name_the_key() {
    complains(&["workload.0.trace={path=\"x\"}"], "exactly one of `trace` and `synthetic` is needed");
    complains(&["workload.0.synthetic.family={}"], "exactly one of `shapes` and `family` is needed");
    complains(&["workload.0.synthetic.shapes=[]"], "exactly one of `shapes` and `family` is needed");
    complains(&["workload.0.synthetic.shapes=[{cpu=1,gpu=1.5}]"], "shapes.0.gpu`: a task takes a part of one gpu");
    complains(
        &["workload.0.synthetic.shapes=[{cpu=1,memory=\"1GiB\",memory_per_cpu=[\"1GiB\"]}]"],
        "shapes.0.memory_per_cpu`: `memory` is given too",
    );
    complains(&["workload.0.synthetic.shapes=[{cpu=1,weight=-1}]"], "`workload.0.synthetic.shapes.0.weight`");
    complains(&["workload.0.synthetic.warm=0%"], "0% is no share to fill");
    complains(&["workload.0.synthetic.warm=101%"], "101% is no share to fill");
    complains(&["workload.0.synthetic.size={constant=0}"], "`workload.0.synthetic.size`: `size` is 0");
    complains(&["workload.0.lifetime={constant=\"1s\"}"], "a synthetic workload has a `duration`");
    complains(&["workload.0.scale={load=0}"], "`workload.0.scale.load`: 0 is no factor");
    complains(&["workload.0.estimate={factor=-1}"], "`workload.0.estimate.factor`: -1 is no factor");
    complains(&["workload.0.estimate={factor=1,modal=[\"1s\"]}"], "give `factor` and `add`, or `uniform`, or `modal`");
    complains(&["workload.0.limit={from=\"2d\",to=\"1d\"}"], "`workload.0.limit.to`: 1d is not after 2d");
}

#[test]
fn a_pod_asks_for_the_sum_of_what_its_containers_ask() {
    let pod = |rest: &str| format!("workload.0.synthetic.shapes=[{{containers=[{rest}], weight=2}}]");
    let two = "{name=\"web\", cpu=1.5, memory=\"1GiB\", gpu=1}, \
               {name=\"log\", cpu=\"100m\", memory=\"512KiB\", disk=\"1GiB\", gpu=2}";
    let run = resolved(&[&pod(two)]).unwrap();
    let shape = &run.workloads[0].synthetic().unwrap().shapes[0];
    // Memory is rounded up once.
    assert_eq!((&shape.request.0[..3], shape.weight), ([1_600, 1_025, 1_024].as_slice(), 2.0));
    assert_eq!((shape.gpu.count, shape.gpu.milli), (3, 1_000));
    let part = resolved(&[&pod("{name=\"a\", cpu=1, gpu=0.5}, {name=\"b\", cpu=1}")]).unwrap();
    let gpu = part.workloads[0].synthetic().unwrap().shapes[0].gpu;
    assert_eq!((gpu.count, gpu.milli), (1, 500));
    complains(
        &["workload.0.synthetic.shapes=[{cpu=1, containers=[{name=\"a\", cpu=1}]}]"],
        "`workload.0.synthetic.shapes.0.cpu`: a pod asks for what its containers ask; take this out",
    );
    complains(&[&pod("{cpu=1}")], "containers.0.name`: a container needs a name; write one");
    complains(&[&pod("{name=\"\", cpu=1}")], "containers.0.name`: a container needs a name; write one");
    complains(
        &[&pod("{name=\"a\", cpu=1}, {name=\"a\", cpu=1}")],
        "containers.1.name`: two containers are called `a`; rename one",
    );
    complains(
        &[&pod("{name=\"a\", gpu=0.5}, {name=\"b\", gpu=0.5}")],
        "containers.0.gpu`: a part of a gpu does not add up with others",
    );
}

#[test]
fn pods_pull_the_images_of_their_containers() {
    let images = "model.launch={images={web={base=\"3MiB\", app=\"1MiB\"}, log={base=\"3MiB\", agent=\"2MiB\"}}}";
    let pod = |web: &str, log: &str| {
        format!("workload.0.synthetic.shapes=[{{containers=[{{name=\"a\", cpu=1{web}}}, {{name=\"b\"{log}}}]}}]")
    };
    let both = pod(", image=\"web\"", ", image=\"log\"");
    let launch = resolved(&[images, &both]).unwrap().model.launch.unwrap();
    let size = |image: u32| -> u64 {
        launch.images[image as usize].iter().map(|&layer| launch.layers[layer as usize] >> 20).sum()
    };
    assert_eq!(launch.of_workload.iter().map(|image| image.map(size)).collect::<Vec<_>>(), [Some(6)], "base is one");
    let one = resolved(&[images, &pod("", ", image=\"log\"")]).unwrap().model.launch.unwrap();
    assert_eq!((one.of_workload, one.images.len()), (vec![Some(0)], 2), "images stand in order of their names");
    complains(
        &[images, &pod(", image=\"wep\"", "")],
        "`workload.0.synthetic.shapes.0.containers.0.image`: no image is called `wep`; did you mean `web`?",
    );
    complains(&[images, &both, "workload.0.image=web"], "containers.0.image`: the workload has an `image` too");
    let mixed = "workload.0.synthetic.shapes=[{cpu=1}, {containers=[{name=\"a\", cpu=1, image=\"web\"}]}]";
    complains(&[images, mixed], "shapes.1`: all tasks of a workload run the same images");
    let idle = resolved(&[&both]).unwrap().warnings;
    assert_eq!(idle, ["`workload.0.synthetic.shapes.0.containers.0.image` has no effect: there is no [model.launch]"]);
}

#[test]
fn a_missing_or_wrong_file_is_named_with_its_key() {
    complains(
        &["workload.1={trace={path=\"none.swf\"}}"],
        "--set workload.1={trace={path=\"none.swf\"}}: `workload.1.trace.path`: none.swf cannot be read",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    std::fs::write(&file, "what is this\n").unwrap();
    let set = format!("workload.1={{trace={{path=\"{}\"}}}}", file.display());
    complains(&[&set], "no known format begins");
    let set = format!("workload.1={{trace={{format=\"swff\",path=\"{}\"}}}}", file.display());
    complains(&[&set], "`workload.1.trace.format`: there is no format `swff`; did you mean `swf`?");
}

#[test]
fn options_without_effect_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pods.csv");
    let header =
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time";
    std::fs::write(&file, format!("{header}\np,1000,1024,0,0,,LS,Running,0,10,0\n")).unwrap();
    let set = format!("workload.1={{trace={{format=\"openb\",procs=\"allocated\",path=\"{}\"}}}}", file.display());
    let run = resolved(&[&set, "workload.0.start=recorded"]).unwrap();
    let warnings = run.warnings.join("\n");
    assert_eq!(run.warnings.len(), 2, "{warnings}");
    assert!(warnings.contains("`workload.1.trace.procs` has no effect on the format openb"), "{warnings}");
    assert!(warnings.contains("`workload.0.start` has no effect"), "{warnings}");
}

#[test]
fn generated_work_is_reported_under_its_name_and_drawn_alike_each_time() {
    let run = resolved(&["workload.0.name=etl", "workload.0.role=data", "workload.0.synthetic.warm=50%"]).unwrap();
    let read = || {
        let mut opened = run.workloads[0].open(run.scenario.seed).unwrap();
        let mut jobs = Vec::new();
        while let Some(job) = opened.source.next_job().unwrap() {
            let labels = opened.source.labels();
            assert_eq!((labels.word(job.class), labels.word(job.role)), ("etl", "data"));
            jobs.push(job);
        }
        assert_eq!(opened.warm.map(|warm| warm.permille), Some(500));
        jobs
    };
    let jobs = read();
    assert_eq!(jobs.len(), 100);
    assert_eq!(jobs, read());
}

/// Sets under `workload.0.synthetic`.
fn generated<'a>(sets: &[&'a str]) -> Vec<String> {
    sets.iter().map(|set: &&'a str| format!("workload.0.synthetic.{set}")).collect()
}

#[track_caller]
fn complains_of(sets: &[&str], expected: &str) {
    let sets = generated(sets);
    complains(&sets.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

const DAG: &str = "dag=[{name=\"extract\"},{name=\"load\",after=[\"extract\"],size={constant=3},fails=\"100%\"}]";

/// [`BASE`] with a schedule for arrivals, and without a number of tasks.
fn by_the_clock(cron: &str, more: &str) -> Result<Resolved, String> {
    let text = BASE.replace("arrivals = { poisson = \"2/s\" }\ntasks = 100", &format!("cron = {cron}\n{more}"));
    let (scenario, places) = spec::parse("t.toml", &text, &[]).map_err(|failure| failure.to_string())?;
    resolve(scenario, &places, Path::new(""), &Registries::default()).map_err(|failure| failure.to_string())
}

#[test]
fn schedules_hand_in_their_runs_round_by_round() {
    let run = by_the_clock("{ every = \"1h\", times = 2, schedules = 3, spread = \"30m\" }", "start = \"5m\"").unwrap();
    let opened = run.workloads[0].open(0).unwrap();
    let mut source = opened.source;
    let mut seen = Vec::new();
    while let Some(job) = source.next_job().unwrap() {
        let Some(Course::Run { schedule }) = job.course.as_deref() else { panic!("a run") };
        seen.push((*schedule, job.submit.0 / 60_000_000));
    }
    assert_eq!(seen, [(0, 5), (1, 15), (2, 25), (0, 65), (1, 75), (2, 85)]);
    assert_eq!(opened.rules.schedule, Some(Schedule { overlaps: true, deadline: None }));
    let run = by_the_clock(
        "{ every = \"1h\", concurrency = \"forbid\", starting_deadline = \"1m\" }",
        "until = \"3h\"\nfails = \"10%\"",
    );
    let opened = run.unwrap().workloads[0].open(0).unwrap();
    let schedule = opened.rules.schedule.unwrap();
    assert_eq!((schedule.overlaps, schedule.deadline), (false, Some(Span::from_seconds(60))));
}

#[test]
fn a_schedule_that_makes_no_sense_is_refused() {
    for (cron, more, expected) in [
        ("{ every = \"0s\" }", "", "synthetic.cron.every`: a run every 0s never ends"),
        ("{ every = \"1h\", schedules = 0 }", "", "cron.schedules`: `schedules` is 0"),
        ("{ every = \"1h\", spread = \"2h\" }", "", "cron.spread`: `spread` is longer than `every`"),
        ("{ every = \"1h\", times = 0 }", "", "cron.times`: a schedule without runs is nothing"),
        ("{ every = \"1h\", times = 2 }", "jobs = 3", "cron.times`: `jobs` is given too; keep one of them"),
        ("{ every = \"1h\" }", "", "jobs arrive without end"),
        ("{ every = \"1h\" }", "arrivals = \"at-once\"", "exactly one of `arrivals` and `cron` is needed"),
        (
            "{ every = \"1h\", times = 1 }",
            "kinds = { service = 1 }",
            "synthetic.kinds`: services and daemons never end",
        ),
        ("{ every = \"1h\", times = 1 }", DAG, "synthetic.cron`: stages of a graph are no runs of a schedule"),
        ("{ every = \"1h\", concurrency = \"deny\" }", "", "unknown value `deny`; write `allow` or `forbid`"),
    ] {
        let error = by_the_clock(cron, more).err().unwrap_or_else(|| panic!("{cron} {more} is taken"));
        assert!(error.contains(expected), "{cron} {more}: {error}");
    }
    complains(
        &["workload.0.synthetic={duration={constant=\"1s\"},shapes=[{cpu=1}]}"],
        "exactly one of `arrivals` and `cron` is needed; give one",
    );
}

#[test]
fn a_graph_brings_a_job_for_each_stage() {
    let dag = format!("workload.0.synthetic.{DAG}");
    let text = BASE.replace("tasks = 100", "jobs = 2");
    let (scenario, places) = spec::parse("t.toml", &text, &[dag.parse().unwrap()]).unwrap();
    let run = resolve(scenario, &places, Path::new(""), &Registries::default()).unwrap();
    let mut source = run.workloads[0].open(0).unwrap().source;
    let mut seen = Vec::new();
    while let Some(job) = source.next_job().unwrap() {
        let Some(Course::Stage(stage)) = job.course.as_deref() else { panic!("a stage") };
        let group = &job.groups.as_slice()[0];
        seen.push((job.name.to_string(), stage.graph, stage.after.to_vec(), group.count, group.truth.fails));
    }
    let row = |name: &str, graph, after: &[u32], count| (name.to_owned(), graph, after.to_vec(), count, count == 3);
    let rows = [row("1.extract", 0, &[], 1), row("1.load", 0, &[0], 3), row("2.extract", 1, &[], 1)];
    assert_eq!(seen[..3], rows);
    assert_eq!(seen.len(), 4);
    // Twice the load is twice the graphs, whole ones.
    let scale: Set = "workload.0.scale={load=2}".parse().unwrap();
    let (scenario, places) = spec::parse("t.toml", &text, &[dag.parse().unwrap(), scale]).unwrap();
    let doubled = resolve(scenario, &places, Path::new(""), &Registries::default()).unwrap();
    let mut source = doubled.workloads[0].open(0).unwrap().source;
    let mut stages = std::collections::BTreeMap::new();
    while let Some(job) = source.next_job().unwrap() {
        let Some(Course::Stage(stage)) = job.course.as_deref() else { panic!("a stage") };
        *stages.entry(stage.graph).or_insert(0) += 1;
    }
    assert_eq!(stages.into_values().collect::<Vec<_>>(), [2, 2, 2, 2]);
    // Three tasks for one, of the same shapes, beside the one.
    let spec = run.workloads[0].synthetic().unwrap();
    let alone = windtunnel_traces::synthetic::SyntheticSpec { stages: Vec::new(), ..spec.clone() };
    assert!((spec.offered().unwrap()[0] / alone.offered().unwrap()[0] - 4.0).abs() < 1e-9);
}

#[test]
fn a_graph_that_makes_no_sense_is_refused() {
    complains_of(&["dag=[{name=\"a b\"}]"], "dag.0.name`: `a b` is no name for a stage");
    complains_of(&["dag=[{name=\"a\"},{name=\"a\"}]"], "dag.1.name`: two stages are called `a`; rename one");
    complains_of(&["dag=[{name=\"a\",after=[\"b\"]},{name=\"b\"}]"], "dag.0.after`: `b` does not stand before `a`");
    complains_of(&["dag=[{name=\"first\"},{name=\"b\",after=[\"frist\"]}]"], "there is no stage `frist`; did you mean");
    complains_of(&["dag=[{name=\"a\",kind=\"service\"}]"], "dag.0.kind`: services and daemons never end");
    complains_of(&["dag=[{name=\"a\"}]"], "workload.0.synthetic.tasks`: graphs are not cut job by job");
    let dag = "workload.0.synthetic.dag=[{name=\"a\"}]";
    complains(&[dag, "workload.0.limit={jobs=2}"], "`workload.0.limit`: graphs are not cut job by job");
}

#[test]
fn tries_after_failures_are_said_to_have_no_effect_where_nothing_fails() {
    let run = resolved(&["workload.0.on_failure={retries=2}"]).unwrap();
    assert!(run.warnings.iter().any(|warning| warning.contains("`workload.0.on_failure` has no effect")));
    let sets = ["workload.0.on_failure={retries=2,backoff={first=\"1s\"}}", "workload.0.synthetic.fails=\"5%\""];
    let run = resolved(&sets).unwrap();
    assert_eq!(run.warnings.len(), 0);
    let failures = run.workloads[0].open(0).unwrap().rules.failures.unwrap();
    assert_eq!((failures.retry.most, failures.retry.pause), (Some(2), Span::from_seconds(1)));
    assert_eq!(failures.shares, [0.05]);
}

/// The first workload as services, to an end.
const SERVICES: [&str; 2] = ["workload.0.synthetic.kinds={service=1}", "stop.at=1h"];

#[test]
fn rules_of_services_have_the_defaults_of_marathon() {
    let rules = |service: &str| {
        let service = format!("workload.0.service={service}");
        let run = resolved(&[SERVICES[0], SERVICES[1], &service]).unwrap();
        assert_eq!(run.warnings.len(), 0, "{:?}", run.warnings);
        run.workloads[0].open(0).unwrap().rules.service.unwrap()
    };
    let upgrades = rules("{upgrade={at=\"10m\"}}").upgrades.unwrap();
    assert_eq!((upgrades.at.as_slice(), upgrades.ready_after), ([Time(600_000_000)].as_slice(), Span::ZERO));
    assert_eq!((upgrades.health_milli, upgrades.over_milli), (1_000, 1_000));
    let upgrades = rules("{upgrade={at=[\"10m\",\"20m\"],min_health=0.5,max_over=0,ready_after=\"30s\"}}").upgrades;
    let upgrades = upgrades.unwrap();
    assert_eq!((upgrades.at.len(), upgrades.ready_after), (2, Span::from_seconds(30)));
    assert_eq!((upgrades.health_milli, upgrades.over_milli), (500, 0));
    let plain = rules("{}");
    assert!(plain.delays.is_none() && plain.kill.is_none() && plain.unreachable.is_none() && plain.life.is_none());
    let all = rules(
        "{backoff={},kill=\"oldest\",unreachable={inactive=\"5m\",expunge=\"10m\"},life={exponential={mean=\"1h\"}}}",
    );
    let delays = all.delays.unwrap();
    assert_eq!((delays.first.0, delays.factor_milli, delays.most.0), (1_000_000, 1150, 300_000_000));
    assert_eq!(all.kill, Some(KillSelection::OldestFirst));
    let strategy = all.unreachable.unwrap();
    assert_eq!((strategy.inactive, strategy.expunge), (Span::from_seconds(300), Span::from_seconds(600)));
    assert!(all.life.is_some());
}

#[test]
fn rules_of_services_that_make_no_sense_are_refused() {
    for (service, expected) in [
        ("{backoff={first=\"0s\"}}", "service.backoff.first`: a delay of 0s never grows"),
        ("{backoff={first=\"10m\"}}", "service.backoff.max`: 5m is shorter than the first delay of 10m"),
        ("{backoff={factor=0.5}}", "service.backoff.factor`: 0.5 is no factor to grow by"),
        ("{unreachable={inactive=\"5m\"}}", "service.unreachable.expunge`: nobody is forgotten before being replaced"),
        ("{replace_after=\"1h\"}", "service.replace_after`: only a replica that belongs to its node waits for it"),
        ("{resident=true,unreachable={}}", "service.unreachable`: a replica that belongs to its node waits for it"),
        ("{upgrade={at=[]}}", "service.upgrade.at`: no instant is named; write one, or take the upgrade out"),
        ("{upgrade={at=\"1h\",min_health=1.5}}", "service.upgrade.min_health`: 1.5 is no share of the replicas"),
        ("{upgrade={at=\"1h\",max_over=-0.1}}", "service.upgrade.max_over`: -0.1 is no share of the replicas"),
        ("{upgrade={}}", "at"),
        ("{upgrade={at=2}}", "an instant such as"),
        ("{upgrade={at=\"2x\"}}", "2x"),
        ("{life={exponental={mean=\"1h\"}}}", "did you mean `exponential`?"),
    ] {
        let service = format!("workload.0.service={service}");
        complains(&[SERVICES[0], SERVICES[1], &service], expected);
    }
    let endless = "workload.0.service={life={exponential={mean=\"1h\"}}}";
    complains(&[SERVICES[0], endless], "services that fail again and again have no end; give [stop] at");
    complains(
        &["workload.0.service={upgrade={at=\"1h\"}}"],
        "workload.0.service.upgrade`: only services are upgraded, and the workload has none",
    );
    let run = resolved(&["workload.0.service={kill=\"oldest\"}"]).unwrap();
    assert!(run.warnings.iter().any(|warning| warning.contains("`workload.0.service` has no effect")));
}
