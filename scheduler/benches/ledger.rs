//! The books under every decision: room taken and given back at nodes drawn at random, and a shape asked for again.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::ledger::Ledger;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::{JobId, JobSpec, NodeId, NodeSpec, RoleId, TaskId};

fn fleet(nodes: u32) -> Ledger {
    let mut ledger = Ledger::default();
    for at in 0..nodes {
        ledger.add_node(&NodeSpec {
            node: NodeId(at),
            capacity: Resources::new(64_000, 256 * 1024),
            gpus: 0,
            ..NodeSpec::default()
        });
    }
    ledger
}

fn spec(job: u64) -> JobSpec {
    JobSpec {
        job: JobId(job),
        first_task: TaskId(job),
        count: 1,
        kind: JobKind::Batch,
        request: Resources::new(1_000 + 10 * (job % 1_000) as u32, 4_096),
        gpu: GpuRequest::default(),
        estimate: None,
        priority: 0,
        role: RoleId(0),
        ..JobSpec::default()
    }
}

fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    for nodes in [1_000, 50_000] {
        let mut ledger = fleet(nodes);
        let held = ledger.shape_of(&spec(0));
        let shape = *ledger.shapes().shape(held);
        let mut turn = 0;
        group.bench_function(BenchmarkId::new("take and release", nodes), |bencher| {
            bencher.iter(|| {
                turn += 1;
                let node = NodeId(below(u64::from(nodes), 0, 1, turn, 0) as u32);
                assert!(ledger.take(&shape, node, 1, GpuSet::NONE));
                ledger.release(&shape, node, 1, GpuSet::NONE);
            });
        });
    }
    let mut ledger = fleet(1);
    let mut job = 0;
    group.bench_function("shape, a thousand in use", |bencher| {
        bencher.iter(|| {
            job += 1;
            black_box(ledger.shape_of(&spec(job)));
        });
    });
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
