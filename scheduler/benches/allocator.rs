//! One run of the two-level allocator over everything, on the grid of Mesos's own benchmarks and under their names.
//!
//! Every agent has 2 cpus, 1 GiB and 4 GiB of disk, and a task of 1 cpu, 128 MiB and 1 GiB of one of the frameworks in
//! turn; all frameworks are in one role. Published for Mesos (blog of October 2018, read off a chart, another machine):
//! 5k agents x 100 frameworks and up to 20k x 2k, 23 s in 1.6, 3.8 s in 1.7.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel_scheduler::Decision;
use windtunnel_scheduler::allocator::two_level::{AgentSpec, FrameworkSpec, Membership, Options, TwoLevel};
use windtunnel_scheduler::event::Room;
use windtunnel_scheduler::id::{NodeId, PartyId, TaskId};
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

/// Agents and frameworks.
const GRID: [(u32, u16); 6] =
    [(1_000, 100), (5_000, 500), (10_000, 1_000), (20_000, 2_000), (50_000, 200), (50_000, 6_000)];
/// A refusal that outlives every run.
const LONG: Span = Span::from_seconds(86_400);

fn row(cpu_milli: u32, memory: u32, disk: u32) -> Resources {
    Resources([cpu_milli, memory, disk, 0, 0, 0, 0, 0])
}

/// A cluster in which nothing is offered yet.
fn cluster(agents: u32, frameworks: u16, sorter: &str) -> TwoLevel {
    let options = Options { role_sorter: sorter.into(), framework_sorter: sorter.into(), ..Options::default() };
    let mut allocator = TwoLevel::new(options);
    let mut out = Vec::new();
    for party in 1..=frameworks {
        let roles = vec![Membership::of("role1")];
        allocator.add_framework(&FrameworkSpec { party: PartyId(party), roles, ..FrameworkSpec::default() });
    }
    for at in 0..agents {
        let capacity = row(2_000, 1_024, 4_096);
        allocator.add_agent(NodeId(at), &AgentSpec { capacity, ..AgentSpec::default() }, &mut out);
        let party = PartyId((at % u32::from(frameworks)) as u16 + 1);
        let (task, request) = (TaskId(u64::from(at)), row(1_000, 128, 1_024));
        allocator.adopt(&Room { party, task, node: NodeId(at), request, ..Room::default() }, &mut out);
    }
    allocator
}

/// The time of one run that offers every agent to somebody.
fn offer_everything(allocator: &TwoLevel, iterations: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut out = Vec::new();
    for _ in 0..iterations {
        let mut fresh = allocator.clone();
        out.clear();
        let begun = Instant::now();
        fresh.run_batch(Time(1_000_000), &mut out);
        spent += begun.elapsed();
        black_box(&out);
    }
    spent
}

/// The time of the fifth run, when everybody has declined everything that it was offered in the four before.
fn after_declines(allocator: &TwoLevel, iterations: u64) -> Duration {
    let mut declined = allocator.clone();
    let mut out: Vec<Decision> = Vec::new();
    for run in 0..4 {
        let now = Time(run * 1_000_000);
        declined.run_batch(now, &mut out);
        for decision in out.drain(..) {
            if let Decision::Offer { to, offer } = decision {
                declined.decline(now, to, offer.offer, LONG);
            }
        }
    }
    offer_everything(&declined, iterations)
}

fn runs(criterion: &mut Criterion) {
    for (name, measure) in
        [("AddAndUpdateSlave", offer_everything as fn(&TwoLevel, u64) -> Duration), ("DeclineOffers", after_declines)]
    {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
        for (agents, frameworks) in GRID {
            for sorter in ["drf", "random"] {
                let allocator = cluster(agents, frameworks, sorter);
                let id = BenchmarkId::new(sorter, format!("{agents} agents x {frameworks} frameworks"));
                group.bench_function(id, |bencher| bencher.iter_custom(|times| measure(&allocator, times)));
            }
        }
        group.finish();
    }
}

criterion_group!(benches, runs);
criterion_main!(benches);
