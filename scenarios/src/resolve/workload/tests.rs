use std::path::Path;

use windtunnel_scheduler::core::Registries;

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
    let run = resolved(&[&set, "fleet.group.0.price=$1.00/h", "workload.0.start=recorded"]).unwrap();
    let warnings = run.warnings.join("\n");
    assert_eq!(run.warnings.len(), 3, "{warnings}");
    assert!(warnings.contains("`workload.1.trace.procs` has no effect on the format openb"), "{warnings}");
    assert!(warnings.contains("`fleet.group.0.price` has no effect"), "{warnings}");
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
