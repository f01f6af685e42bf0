//! The engine: the agenda under the hold model, and the common workload from end to end without result files.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel_outcome::recorder::Discard;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::draw::unit;
use windtunnel_scheduler::event::Loss;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_sim::agenda::{Agenda, Entry};
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Start, Stop, Workload};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{Arrivals, Law, Lognormal, Poisson, Synthetic, SyntheticSpec, grid};

/// A gap with an exponential law, mean one second.
fn gap(index: u64) -> u64 {
    (-libm::log(unit(0, 1, index, 0)) * 1e6) as u64
}

fn agenda(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("agenda");
    group.sample_size(10);
    for pending in [10_000_u64, 100_000, 1_000_000] {
        let mut agenda = Agenda::default();
        for what in 0..pending {
            agenda.push(Entry { at: Time(gap(what)), what });
        }
        let mut happening = Vec::new();
        let mut index = pending;
        group.bench_function(BenchmarkId::new("hold", pending), |bencher| {
            bencher.iter(|| {
                let Some(now) = agenda.earliest() else { return };
                agenda.pop(now, &mut happening);
                for what in happening.drain(..) {
                    index += 1;
                    agenda.push(Entry { at: now + Span(gap(index)), what: black_box(what) });
                }
            });
        });
    }
    group.finish();
}

/// The common workload: `nodes` machines of 64 cores and 256 GiB, and so many tasks.
fn experiment(nodes: u32, tasks: u64) -> Option<Experiment> {
    let cores = [(1, 0.35), (2, 0.25), (4, 0.20), (8, 0.12), (16, 0.06), (32, 0.02)];
    let cores = cores.map(|(cores, weight)| (cores * 1000, weight));
    let memory = [1024, 2048, 4096, 8192].map(|mib| (mib, 1.0));
    let longest = Some(Span::from_seconds(12 * 3600));
    let duration = Law::from(Lognormal::new(Span::from_seconds(600), 1.0, longest).ok()?);
    let arrivals = Arrivals::from(Poisson::new(0.0116 * f64::from(nodes)).ok()?);
    let mut spec = SyntheticSpec::new(arrivals, duration, grid(&cores, &memory).ok()?);
    spec.tasks = Some(tasks);
    let node = |at: u32| Node {
        name: Name::Number(u64::from(at)),
        capacity: Resources::new(64_000, 256 * 1024),
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    Some(Experiment {
        seed: 0,
        fleet: Fleet { nodes: (0..nodes).map(node).collect(), lanes: 3, ..Fleet::default() },
        workloads: vec![Workload {
            source: Box::new(Synthetic::new(&spec, 0, 0).ok()?),
            party: PartyId::FIRST,
            start: Start::Submit,
            loss: Loss::Rerun,
            retry: windtunnel_scheduler::event::Retry::default(),
            max_unavailable: None,
            checkpoint: None,
            warm: None,
            terms: Default::default(),
            rules: Default::default(),
        }],
        scheduler: Config::default(),
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Auto,
        routing: Default::default(),
        model: windtunnel_sim::model::Model::default(),
    })
}

fn end_to_end(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("end_to_end");
    group.sample_size(10);
    for nodes in [1_000, 10_000] {
        group.bench_function(BenchmarkId::new("best-fit, 100,000 tasks", nodes), |bencher| {
            bencher.iter(|| {
                let mut core = Core::new(&Registries::default());
                let experiment = experiment(nodes, 100_000).expect("the workload is sound");
                windtunnel_sim::run(experiment, &mut core, &mut Discard, &mut |_| ControlFlow::Continue(()))
                    .expect("the run is sound")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, agenda, end_to_end);
criterion_main!(benches);
