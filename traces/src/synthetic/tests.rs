use std::collections::BTreeSet;

use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::digest::Digest;
use windtunnel_scheduler::event::{GpuRequest, JobKind};
use windtunnel_scheduler::resources::{CPU, GPU, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::*;
use crate::model::{Background, Job, Name, Run, Source};
use crate::transform::{Estimate, Ratio};

/// The common workload of the scale scenarios for `nodes` machines.
fn common(nodes: f64) -> SyntheticSpec {
    let cpu = [(1, 0.35), (2, 0.25), (4, 0.20), (8, 0.12), (16, 0.06), (32, 0.02)]
        .map(|(cores, share)| (cores * 1_000, share));
    let memory = [(1_024, 1.0), (2_048, 1.0), (4_096, 1.0), (8_192, 1.0)];
    let s = Span::from_seconds;
    let duration = Lognormal::new(s(600), 1.0, Some(s(12 * 3_600))).unwrap();
    SyntheticSpec::new(Poisson::new(0.0116 * nodes).unwrap().into(), duration.into(), grid(&cpu, &memory).unwrap())
}

fn all(spec: &SyntheticSpec, seed: u64, workload: u32) -> Vec<Job> {
    let mut source = Synthetic::new(spec, seed, workload).unwrap();
    std::iter::from_fn(|| source.next_job().unwrap()).collect()
}

/// A bit of everything.
fn mixed() -> SyntheticSpec {
    let mut spec = common(100.0);
    spec.jobs = Some(20_000);
    spec.sizes = Sizes::Geometric { mean: 3.0, max: 50 };
    spec.replicas = Some(Sizes::Constant(4));
    spec.kinds = vec![(JobKind::Batch, 8.0), (JobKind::Gang, 1.0), (JobKind::Service, 1.0)];
    spec.priorities = vec![(0, 0.9), (100, 0.1)];
    spec.roles = vec![("prod".into(), 1.0), ("dev".into(), 3.0)];
    spec.users = vec![("ann".into(), 1.0), ("bob".into(), 1.0)];
    spec.classes = vec![("web".into(), 0.2), ("etl".into(), 0.8)];
    spec.estimate = Estimate::Uniform { from: 1.0, to: 5.0 };
    spec.fails = 0.02;
    spec
}

#[test]
fn the_common_workload_offers_three_quarters() {
    let offered = common(1_000.0).offered().unwrap();
    let share = offered[CPU] / 64_000_000.0;
    println!("offered cpu {share:.4}");
    assert!((share - 0.755).abs() < 0.005, "{share}");
    let mean = common(1.0).mean_request().unwrap()[CPU];
    assert!((mean - 4_210.0).abs() < 1.0, "{mean}");

    let mut spec = common(1_000.0);
    spec.jobs = Some(200_000);
    let jobs = all(&spec, 0, 0);
    let work: f64 = jobs
        .iter()
        .map(|job| {
            let group = &job.groups.as_slice()[0];
            f64::from(group.ask.request[CPU]) * group.truth.run.of(0).0 as f64
        })
        .sum();
    let seen = work / jobs.last().unwrap().submit.0 as f64 / 64_000_000.0;
    println!("offered cpu, drawn {seen:.4}");
    assert!((seen / share - 1.0).abs() < 0.02, "{seen}");
}

#[test]
fn the_same_seed_gives_the_same_jobs_and_another_gives_others() {
    let spec = mixed();
    let jobs = all(&spec, 1, 0);
    assert_eq!(jobs, all(&spec, 1, 0));
    for (seed, workload) in [(2, 0), (1, 1)] {
        let others = all(&spec, seed, workload);
        let alike = jobs.iter().zip(&others).filter(|(one, other)| one.groups == other.groups).count();
        assert!(alike < 20, "{alike} jobs are alike");
    }
}

/// What job i is does not depend on what the others are: the jobs of another mix of sizes and arrivals keep their
/// draws.
#[test]
fn a_job_depends_on_its_number_only() {
    let spec = mixed();
    let mut other = spec.clone();
    other.arrivals = Regular::new(5.0).unwrap().into();
    other.sizes = Sizes::Constant(2);
    other.priorities = Vec::new();
    for (one, other) in all(&spec, 1, 0).iter().zip(all(&other, 1, 0)) {
        let (group, changed) = (&one.groups.as_slice()[0], &other.groups.as_slice()[0]);
        assert_eq!((one.role, one.user, one.class), (other.role, other.user, other.class));
        assert_eq!((group.ask.kind, group.ask.request), (changed.ask.kind, changed.ask.request));
        assert_eq!(group.truth.run.of(0), changed.truth.run.of(0));
        assert_eq!(group.truth.fails, changed.truth.fails);
    }
    let (mut first, mut last) = (Residual::new(&spec, 1, 0).unwrap(), Residual::new(&spec, 1, 0).unwrap());
    let there: Vec<_> = (0..1_000).map(|index| first.task(index)).collect();
    let back: Vec<_> = (0..1_000).rev().map(|index| last.task(index)).collect();
    assert!(there.iter().eq(back.iter().rev()));
}

/// The bits of a workload are a promise: a change here changes every scenario's result.
#[test]
fn the_bits_of_a_workload_do_not_change() {
    let mut digest = Digest::new();
    for job in all(&mixed(), 1, 0) {
        let group = &job.groups.as_slice()[0];
        let estimate = group.ask.estimate.map_or(0, |span| span.0);
        for word in [job.submit.0, u64::from(group.count), u64::from(group.ask.request[CPU]), estimate] {
            digest.word(word);
        }
        for task in 0..group.count {
            digest.word(group.truth.run.of(task).0);
        }
    }
    assert_eq!(format!("{:032x}", digest.value()), "a90ea2a009f08fce6365840c39552fae");
}

#[test]
fn shares_are_those_asked_for() {
    let spec = mixed();
    let source = Synthetic::new(&spec, 0, 0).unwrap();
    let labels = source.labels().clone();
    let jobs = all(&spec, 0, 0);
    let share = |test: &dyn Fn(&Job) -> bool| jobs.iter().filter(|job| test(job)).count() as f64 / jobs.len() as f64;
    let kind = |wanted| move |job: &Job| job.groups.as_slice()[0].ask.kind == wanted;
    assert!((share(&kind(JobKind::Gang)) - 0.1).abs() < 0.01);
    assert!((share(&kind(JobKind::Service)) - 0.1).abs() < 0.01);
    assert!((share(&|job| job.priority == 100) - 0.1).abs() < 0.01);
    assert!((share(&|job| labels.word(job.role) == "prod") - 0.25).abs() < 0.01);
    assert!((share(&|job| labels.word(job.user) == "bob") - 0.5).abs() < 0.02);
    assert!((share(&|job| labels.word(job.class) == "web") - 0.2).abs() < 0.01);
    assert!((share(&|job| job.groups.as_slice()[0].truth.fails) - 0.018).abs() < 0.004);
    for job in &jobs {
        let group = &job.groups.as_slice()[0];
        match group.ask.kind {
            JobKind::Service => {
                assert_eq!((group.count, &group.truth.run), (4, &Run::Same(Span::FOREVER)));
                assert_eq!((group.ask.estimate, group.truth.fails), (None, false));
            }
            JobKind::Gang => assert!(matches!(group.truth.run, Run::Same(_))),
            JobKind::Batch => {
                assert_eq!(matches!(group.truth.run, Run::Each(_)), group.count > 1);
                let longest = (0..group.count).map(|task| group.truth.run.of(task)).max().unwrap();
                let estimate = group.ask.estimate.unwrap();
                assert!(estimate >= longest && estimate.0 <= longest.0 * 5 + 1);
            }
        }
    }
}

#[test]
fn it_ends_where_it_is_told_to() {
    let mut spec = common(100.0);
    assert!(!spec.ends());
    spec.sizes = Sizes::Constant(7);
    spec.tasks = Some(100);
    let jobs = all(&spec, 0, 0);
    let counts: Vec<u32> = jobs.iter().map(|job| job.groups.as_slice()[0].count).collect();
    assert_eq!((counts.len(), counts.iter().sum::<u32>(), counts[14]), (15, 100, 2));
    assert_eq!(jobs[14].name, Name::Number(15));
    let mut source = Synthetic::new(&spec, 0, 0).unwrap();
    while source.next_job().unwrap().is_some() {}
    assert_eq!(source.next_job().unwrap(), None);
    assert_eq!(source.notes()[0].reason, "last_job_cut_to_task_limit");

    spec.tasks = None;
    spec.start = Time(5_000_000);
    spec.until = Time(65_000_000);
    assert!(spec.ends());
    let jobs = all(&spec, 0, 0);
    assert!(jobs.iter().all(|job| job.submit >= spec.start && job.submit < spec.until));
    assert!((40..110).contains(&jobs.len()), "{}", jobs.len());
    spec.jobs = Some(3);
    assert_eq!(all(&spec, 0, 0), jobs[..3]);
}

#[test]
fn constraints_come_with_their_share() {
    let mut spec = common(100.0);
    let zone = Constraint { attribute: "zone".into(), condition: Condition::In(vec!["a".into()]) };
    let gpu = GpuRequest { count: 1, milli: 500 };
    spec.shapes = vec![
        Shape { constraints: vec![zone.clone()], constrained: 0.3, ..Shape::new(Resources::new(1_000, 1_024)) },
        Shape { gpu, gpu_models: vec!["T4".into()], ..Shape::new(Resources::new(2_000, 1_024)) },
    ];
    spec.jobs = Some(20_000);
    let (mut plain, mut zoned) = (0.0, 0.0);
    for job in all(&spec, 0, 0) {
        let ask = &job.groups.as_slice()[0].ask;
        match (ask.request[CPU], &ask.constraints) {
            (1_000, None) => plain += 1.0,
            (1_000, Some(list)) => {
                assert!(list.iter().eq([&zone]));
                zoned += 1.0;
            }
            (_, list) => {
                assert_eq!((ask.gpu, ask.request[GPU]), (gpu, 500));
                assert_eq!(list.as_ref().unwrap()[0].attribute, "gpu_model");
            }
        }
    }
    assert!((zoned / (zoned + plain) - 0.3_f64).abs() < 0.015);
    assert!((zoned + plain - 10_000.0_f64).abs() < 300.0);
}

#[test]
fn the_background_is_the_steady_state() {
    let spec = common(100.0);
    let mut warm = background(&spec, 0, 0).unwrap();
    let (mut left, mut cpu) = (0.0, 0.0);
    for index in 0..200_000 {
        let group = warm.task(index);
        assert_eq!(group.count, 1);
        left += group.truth.run.of(0).0 as f64 / 200_000.0;
        cpu += f64::from(group.ask.request[CPU]) / 200_000.0;
    }
    // The second moment of the capped lognormal, by the midpoint rule over its own quantiles.
    let steps = 2_000_000;
    let second: f64 = (0..steps)
        .map(|step| spec.duration.sample((f64::from(step) + 0.5) / f64::from(steps)).0 as f64)
        .map(|us| us * us)
        .sum();
    let wanted = second / f64::from(steps) / (2.0 * spec.duration.mean_us());
    println!("background: {:.2} s left for {:.2}; {cpu:.1} millicores", left / 1e6, wanted / 1e6);
    assert!((left / wanted - 1.0).abs() < 0.01, "{left} for {wanted}");
    assert!((cpu / 4_210.0 - 1.0).abs() < 0.01, "{cpu}");
}

#[test]
fn every_generator_tells_what_it_takes() {
    let mut seen = BTreeSet::new();
    for entry in GENERATORS {
        assert!(seen.insert((entry.make.sort(), entry.name)), "{} twice", entry.name);
        assert!(!entry.summary.is_empty() && !entry.source.is_empty());
        assert!(
            entry.bare.is_empty() || entry.options.iter().any(|option| option.name == entry.bare),
            "{}",
            entry.name
        );
        let make = |terms: &Terms| match entry.make {
            Make::Arrivals(_) => entry.arrivals(terms).map(|_| ()),
            Make::Duration(_) => entry.duration(terms).map(|_| ()),
        };
        let unknown = make(&Terms::new().with("colour", Value::Number(1.0))).unwrap_err();
        assert_eq!(unknown.key, "colour", "{unknown}");
        for option in entry.options {
            let wrong = if option.unit == Unit::Number { Value::Span(Span(1)) } else { Value::Number(1.0) };
            assert_eq!(make(&Terms::new().with(option.name, wrong)).unwrap_err().key, option.name);
        }
        if !entry.options.is_empty() {
            let error = make(&Terms::new()).unwrap_err();
            assert!(error.message.contains(": give") && error.message.contains(entry.name), "{}: {error}", entry.name);
        }
    }
    let error = generator("duration", "poisson").err().unwrap();
    assert!(error.message.contains("exponential, lognormal"), "{error}");
    assert!(generator("arrivals", "poisson").unwrap().duration(&Terms::new()).is_err());
}

#[test]
fn generators_make_what_the_options_say() {
    let s = |seconds| Value::Span(Span::from_seconds(seconds));
    let duration = |name: &str, terms: Terms| generator("duration", name).unwrap().duration(&terms).unwrap();
    let mean = |law: Law| (law.mean_us() / 1e6 * 1e6).round() / 1e6;
    assert_eq!(mean(duration("exponential", Terms::new().with("mean", s(100)))), 100.0);
    assert_eq!(mean(duration("constant", Terms::new().with("value", s(7)))), 7.0);
    assert_eq!(mean(duration("uniform", Terms::new().with("max", s(10)))), 5.0);
    assert_eq!(mean(duration("gamma", Terms::new().with("mean", s(3)).with("shape", Value::Number(2.0)))), 3.0);
    assert_eq!(mean(duration("weibull", Terms::new().with("mean", s(3)).with("shape", Value::Number(0.7)))), 3.0);
    assert_eq!(mean(duration("pareto", Terms::new().with("min", s(3)).with("shape", Value::Number(2.0)))), 6.0);
    assert_eq!(
        mean(duration("hyperexponential", Terms::new().with("mean", s(3)).with("cv2", Value::Number(4.0)))),
        3.0
    );
    let listed = Value::Spans(vec![Span::from_seconds(1), Span::from_seconds(2)]);
    let weights = Value::Numbers(vec![1.0, 3.0]);
    assert_eq!(mean(duration("empirical", Terms::new().with("values", listed).with("weights", weights))), 1.75);
    let terms = Terms::new().with("median", s(300)).with("p99", s(21_600)).with("max", s(43_200));
    let law = duration("lognormal", terms.clone());
    assert_eq!(law.sample(0.999_999), Span::from_seconds(43_200));
    let both = generator("duration", "lognormal").unwrap().duration(&terms.with("sigma", Value::Number(1.0)));
    assert!(both.is_err());
    let rate = Terms::new().with("rate", Value::Rate(2.0));
    for name in ["poisson", "daily", "bursty", "constant"] {
        let law = generator("arrivals", name).unwrap().arrivals(&rate).unwrap();
        assert!((law.rate_per_s() - 2.0).abs() < 1e-12, "{name}");
    }
    let both = rate.with("profile", Value::Numbers(vec![1.0])).with("peak", s(3));
    assert_eq!(generator("arrivals", "daily").unwrap().arrivals(&both).unwrap_err().key, "peak");
}

#[test]
fn bad_specifications_are_refused_by_key() {
    let key = |change: &dyn Fn(&mut SyntheticSpec)| {
        let mut spec = mixed();
        change(&mut spec);
        let error = Synthetic::new(&spec, 0, 0).unwrap_err();
        assert!(error.message.contains(": give"), "{error}");
        error.key
    };
    assert_eq!(key(&|spec| spec.shapes.clear()), "shapes");
    assert_eq!(key(&|spec| spec.shapes[3].weight = -1.0), "shapes.3.weight");
    assert_eq!(key(&|spec| spec.shapes[3].request = Resources::ZERO), "shapes.3");
    assert_eq!(key(&|spec| spec.shapes[2].gpu = GpuRequest { count: 2, milli: 500 }), "shapes.2.gpu");
    assert_eq!(key(&|spec| spec.shapes[2].gpu_models = vec!["T4".into()]), "shapes.2.gpu_model");
    assert_eq!(key(&|spec| spec.shapes[1].constrained = 2.0), "shapes.1.constrained");
    assert_eq!(key(&|spec| spec.sizes = Sizes::Constant(0)), "size");
    assert_eq!(key(&|spec| spec.roles[0].1 = f64::NAN), "roles.0.weight");
    assert_eq!(key(&|spec| spec.fails = 1.5), "fails");
    assert_eq!(key(&|spec| spec.estimate = Estimate::Uniform { from: 2.0, to: 1.0 }), "estimate");
    let mut spec = mixed();
    spec.estimate = Estimate::Factor { factor: Ratio::new(2.0).unwrap(), add: Span(5) };
    assert!(Synthetic::new(&spec, 0, 0).is_ok());
}
