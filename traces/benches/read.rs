//! How fast traces are read: jobs per second from our own tables and from a batch log.

use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use windtunnel_traces::read::{Input, ReadOptions, open_jobs};
use windtunnel_traces::write::tasks_parquet;

const JOBS: u64 = 100_000;

fn table() -> Vec<u8> {
    let mut text = String::from("job_id,submit_us,run_us,cpu_milli,memory_mib\n");
    for job in 0..JOBS {
        let run = 1_000_000 + job * 7_919 % 100_000_000;
        let _ = writeln!(text, "{job},{},{run},{},{}", job * 1_000, 1_000 * (1 + job % 8), 2_048 * (1 + job % 16));
    }
    text.into_bytes()
}

fn log() -> Vec<u8> {
    let mut text = String::new();
    for job in 0..JOBS {
        let (run, processors) = (job * 7_919 % 1_000, 1 + job % 8);
        let (user, group) = (job % 500, job % 7);
        let _ = writeln!(
            text,
            "{job} {job} 5 {run} {processors} -1 -1 {processors} 1000 -1 1 {user} {group} -1 1 -1 -1 -1"
        );
    }
    text.into_bytes()
}

fn count(input: &Input) -> u64 {
    let mut source = open_jobs(vec![input.clone()], None, &ReadOptions::default()).expect("opens");
    let mut jobs = 0;
    while source.next_job().expect("reads").is_some() {
        jobs += 1;
    }
    jobs
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let parquet = folder.path().join("tasks.parquet");
    let csv = Input::bytes("tasks.csv", table());
    let mut source = open_jobs(vec![csv.clone()], None, &ReadOptions::default()).expect("opens");
    tasks_parquet(&parquet, &mut *source, &[]).expect("writes");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(JOBS));
    for (name, input) in
        [("native csv", csv), ("native parquet", Input::file(parquet)), ("swf", Input::bytes("log.swf", log()))]
    {
        assert_eq!(count(&input), JOBS);
        group.bench_function(name, |bencher| bencher.iter(|| count(&input)));
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
