//! What a synthetic job costs.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use windtunnel_scheduler::time::Span;
use windtunnel_traces::model::Source;
use windtunnel_traces::synthetic::{
    Arrivals, Bursty, DAY, Daily, Family, Lognormal, Poisson, Shape, Synthetic, SyntheticSpec, background, grid,
};

const JOBS: u64 = 100_000;

/// The common workload of the scale scenarios for 10,000 nodes, with other arrivals or shapes.
fn common(arrivals: Arrivals, shapes: Vec<Shape>) -> SyntheticSpec {
    let s = Span::from_seconds;
    let duration = Lognormal::new(s(600), 1.0, Some(s(12 * 3_600))).expect("a law");
    let mut spec = SyntheticSpec::new(arrivals, duration.into(), shapes);
    spec.tasks = Some(JOBS);
    spec
}

fn shapes() -> Vec<Shape> {
    let cpu = [(1_000, 0.35), (2_000, 0.25), (4_000, 0.20), (8_000, 0.12), (16_000, 0.06), (32_000, 0.02)];
    grid(&cpu, &[(1_024, 1.0), (2_048, 1.0), (4_096, 1.0), (8_192, 1.0)]).expect("a grid")
}

fn jobs(c: &mut Criterion) {
    let rate = 116.0;
    let peak = Span::from_seconds(14 * 3_600);
    let cases = [
        ("poisson", Arrivals::from(Poisson::new(rate).expect("a rate")), shapes()),
        ("daily", Daily::wave(rate, 3.0, peak, DAY).expect("a rate").into(), shapes()),
        ("bursty", Bursty::new(rate, 10.0, Span::ZERO).expect("a rate").into(), shapes()),
        (
            "ten_thousand_shapes",
            Poisson::new(rate).expect("a rate").into(),
            Family::default().shapes(0).expect("shapes"),
        ),
    ];
    let mut group = c.benchmark_group("synthetic");
    group.throughput(Throughput::Elements(JOBS));
    for (name, arrivals, shapes) in cases {
        let spec = common(arrivals, shapes);
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || Synthetic::new(&spec, 0, 0).expect("a workload"),
                |source| {
                    let mut last = 0;
                    while let Ok(Some(job)) = source.next_job() {
                        last ^= job.submit.0 ^ job.groups.as_slice()[0].truth.run.of(0).0;
                    }
                    last
                },
                BatchSize::SmallInput,
            );
        });
    }
    let mut warm = background(&common(Poisson::new(rate).expect("a rate").into(), shapes()), 0, 0).expect("a workload");
    group.bench_function("background", |b| {
        b.iter(|| (0..JOBS).fold(0, |sum, index| sum ^ warm.task(index).truth.run.of(0).0));
    });
    group.finish();
}

criterion_group!(benches, jobs);
criterion_main!(benches);
