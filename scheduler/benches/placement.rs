//! One placement, with the departures that keep the fleet at its level: per policy, fleet size and fill.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::index::{Asked, Grid, Place, Scan};
use windtunnel_scheduler::ledger::{Ledger, ShapeId};
use windtunnel_scheduler::placement::{BestFit, PLACEMENTS};
use windtunnel_scheduler::resources::{CPU, Resources};
use windtunnel_scheduler::{JobId, JobSpec, NodeId, NodeSpec, RoleId, TaskId};

const CORES: [(u32, u64); 6] = [(1, 35), (2, 25), (4, 20), (8, 12), (16, 6), (32, 2)];

/// A fleet held at a level by departures of tasks drawn at random.
struct Churn {
    ledger: Ledger,
    shapes: Vec<(ShapeId, u32)>,
    running: Vec<(usize, NodeId)>,
    place: Box<dyn Place>,
    target: u64,
    used: u64,
    task: u64,
}

impl Churn {
    fn new(nodes: u32, fill_percent: u64, place: Box<dyn Place>) -> Self {
        let mut ledger = Ledger::default();
        for at in 0..nodes {
            ledger.add_node(&NodeSpec {
                node: NodeId(at),
                capacity: Resources::new(64_000, 256 * 1024),
                gpus: 0,
                ..NodeSpec::default()
            });
        }
        let mut shapes = Vec::new();
        for (cores, _) in CORES {
            for gib in [1, 2, 4, 8] {
                let request = Resources::new(cores * 1000, cores * gib * 1024);
                shapes.push((ledger.shape_of(&spec(request)), request[CPU]));
            }
        }
        let target = u64::from(nodes) * 64_000 * fill_percent / 100;
        let mut churn = Self { ledger, shapes, running: Vec::new(), place, target, used: 0, task: 0 };
        while churn.used < churn.target {
            churn.step();
        }
        churn
    }

    /// The index of a drawn shape.
    fn draw(&self) -> usize {
        let mut at = below(100, 0, 1, self.task, 0);
        let size = CORES.iter().position(|&(_, weight)| {
            let here = at < weight;
            at = at.saturating_sub(weight);
            here
        });
        size.unwrap_or(0) * 4 + below(4, 0, 2, self.task, 0) as usize
    }

    fn step(&mut self) {
        self.task += 1;
        let drawn = self.draw();
        let (id, cpu) = self.shapes[drawn];
        let asked = Asked::new(TaskId(self.task), id);
        let found = self.place.place(&self.ledger, asked, &mut 0);
        let Some(node) = black_box(found) else {
            self.leave();
            return;
        };
        let shape = *self.ledger.shapes().shape(id);
        assert!(self.ledger.take(&shape, node, 1, GpuSet::NONE));
        self.running.push((drawn, node));
        self.used += u64::from(cpu);
        while self.used > self.target {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.task += 1;
        let at = below(self.running.len() as u64, 0, 3, self.task, 0) as usize;
        let (shape, node) = self.running.swap_remove(at);
        let (id, cpu) = self.shapes[shape];
        let shape = *self.ledger.shapes().shape(id);
        self.ledger.release(&shape, node, 1, GpuSet::NONE);
        self.used -= u64::from(cpu);
    }
}

fn spec(request: Resources) -> JobSpec {
    JobSpec {
        job: JobId(0),
        first_task: TaskId(0),
        count: 1,
        kind: JobKind::Batch,
        request,
        gpu: GpuRequest::default(),
        estimate: None,
        priority: 0,
        role: RoleId(0),
        ..JobSpec::default()
    }
}

fn placement(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("placement");
    // Some 250 cases: what one takes is counted in microseconds.
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    for nodes in [1_000, 10_000, 50_000] {
        for fill in [50, 80, 95] {
            let label = format!("{nodes}/{fill}%");
            for policy in PLACEMENTS {
                let mut churn = Churn::new(nodes, fill, (policy.build)(&Config::default()));
                group.bench_function(BenchmarkId::new(policy.name, &label), |bencher| bencher.iter(|| churn.step()));
            }
            // The specification, against which the ratio counts.
            let mut churn = Churn::new(nodes, fill, Box::new(Grid::new()));
            churn.place = Box::new(Scan(BestFit));
            group.bench_function(BenchmarkId::new("best-fit-scan", &label), |bencher| bencher.iter(|| churn.step()));
        }
    }
    group.finish();
}

criterion_group!(benches, placement);
criterion_main!(benches);
