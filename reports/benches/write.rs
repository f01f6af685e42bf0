//! What the rows of a run cost: CPU time per batch of task rows, the Parquet file included.

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use windtunnel_outcome::rows::{Cause, NameRef, State, TaskRow};
use windtunnel_outcome::{Outcome, Recorder};
use windtunnel_reports::write::{RecordOptions, ResultWriter};
use windtunnel_scheduler::draw::{bits, unit};
use windtunnel_scheduler::event::GpuSet;
use windtunnel_scheduler::id::TaskId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

const ROWS: u64 = 1_000_000;
const NODES: usize = 50_000;

/// The names of all nodes in one piece, as a world of many nodes should keep them: a name that lies somewhere in
/// memory by itself costs as much to fetch as all else of its row to write.
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    fn new() -> Self {
        let mut names = Self { text: String::new(), ends: vec![0] };
        for node in 0..NODES {
            names.text.push_str(&format!("node-{node}"));
            names.ends.push(names.text.len());
        }
        names
    }

    fn name(&self, node: usize) -> &str {
        &self.text[self.ends[node]..self.ends[node + 1]]
    }
}

/// Rows like those of the common workload: ends in order, lives of about a quarter of an hour.
fn row<'a>(index: u64, waiting: bool, nodes: &'a Names) -> TaskRow<'a> {
    let draw = bits(0, 7, index, 0);
    let end = Time(1_000_000_000 + index * 1_724 + draw % 1_700);
    let life = (-990e6 * libm::log(unit(0, 8, index, 0))) as u64;
    let start = Time(end.0.saturating_sub(life));
    let wait = Span(if waiting { draw >> 36 } else { 0 });
    let submit = Time(start.0.saturating_sub(wait.0));
    let cores = 1_u32 << (draw % 6);
    let mut causes = [Span::ZERO; Cause::COUNT];
    causes[(draw % 2) as usize] = wait;
    TaskRow {
        id: TaskId(0),
        job: NameRef::Number(index + (draw >> 50)),
        index: 0,
        attempt: 0,
        count: 1,
        class: ["batch", "service"][(draw >> 20 & 1) as usize],
        role: "default",
        submit,
        eligible: submit,
        place: Some(start),
        start: Some(start),
        end: Some(end),
        node: Some(nodes.name((draw >> 8) as usize % NODES)),
        holder: None,
        gpus: GpuSet::NONE,
        state: State::Finished,
        requested: Resources::new(cores * 1000, (cores * 1024) << (draw >> 30 & 3)),
        wait: Some(wait),
        causes,
        lost_work: Span::ZERO,
        cost_usd: None,
    }
}

fn write_rows(out: &Path, rows: &[TaskRow<'_>]) {
    let mut writer = ResultWriter::create(out, &RecordOptions::default()).expect("the bench may write there");
    for row in rows {
        writer.task(black_box(row));
    }
    writer.finish(&Outcome::default()).expect("the bench may write there");
}

fn tasks(criterion: &mut Criterion) {
    let above = tempfile::tempdir().expect("there is room for temporary files");
    let nodes = Names::new();
    let mut group = criterion.benchmark_group("tasks.parquet");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    for (name, waiting) in [("no wait", false), ("waiting", true)] {
        let rows: Vec<TaskRow<'_>> = (0..ROWS).map(|index| row(index, waiting, &nodes)).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| (), |()| write_rows(&above.path().join("out"), &rows), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, tasks);
criterion_main!(benches);
