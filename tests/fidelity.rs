//! Published and computed results: the numbers of others that the simulator is held to.

use std::io::Read;
use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::{NameRef, TaskRow};
use windtunnel_scheduler::config::{Choice, Config, HeadOfLine, Instant};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::Loss;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Experiment, Measure, Routing, Sampling, Start, Stop, Workload};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::read::{Input, ReadOptions, open_jobs};
use windtunnel_traces::transform::{Boxed, Estimate, Estimated};

use crate::support::data_file;

mod backfill;
mod failures;
mod fgd;
mod logs;
mod orders;
mod plain;
mod queueing;
mod table;
mod windows;

/// Keeps the start and the end of every job, in microseconds.
#[derive(Default)]
struct Starts {
    starts: Vec<(u64, u64)>,
    ends: Vec<(u64, u64)>,
}

impl Recorder for Starts {
    fn task(&mut self, row: &TaskRow<'_>) {
        if let (NameRef::Number(job), Some(start), Some(end)) = (row.job, row.start, row.end) {
            self.starts.push((job, start.0));
            self.ends.push((job, end.0));
        }
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

fn replay(log: &str, cpus: u32, config: Config) -> (Vec<(u64, u64)>, Outcome) {
    // lublin_256 has no requested times: the reference takes the run times.
    let estimate = if log.contains("lublin") { Estimate::Actual } else { Estimate::AsGiven };
    let input = Input::file(data_file(log).expect("asked for before"));
    let (rows, outcome) = replay_input(input, cpus, estimate, config);
    (rows.starts, outcome)
}

/// Replays a log on a pool of so many cpus: the start of each job, and the rest.
fn replay_input(input: Input, cpus: u32, estimate: Estimate, config: Config) -> (Starts, Outcome) {
    let source = open_jobs(vec![input], Some("swf"), &ReadOptions::default()).expect("the log is readable");
    replay_jobs(Box::new(Estimated::new(source, estimate, 0, 0).expect("the estimate makes sense")), cpus, config)
}

/// The same for jobs that are read already.
fn replay_jobs(source: Boxed, cpus: u32, config: Config) -> (Starts, Outcome) {
    let (attributes, domains) = (vec![], vec![]);
    let capacity = Resources::new(cpus * 1000, 0);
    let node = Node { name: Name::new("pool"), capacity, gpus: 0, attributes, domains };
    let experiment = Experiment {
        seed: 0,
        fleet: Fleet { nodes: vec![node], lanes: 1, ..Fleet::default() },
        workloads: vec![Workload {
            source,
            party: PartyId::FIRST,
            start: Start::Submit,
            loss: Loss::Rerun,
            retry: windtunnel_scheduler::event::Retry::default(),
            max_unavailable: None,
            checkpoint: None,
            warm: None,
            terms: Terms::default(),
            rules: Default::default(),
        }],
        scheduler: config,
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Auto,
        routing: Routing::default(),
        model: windtunnel_sim::model::Model::default(),
    };
    let mut core = Core::new(&Registries::default());
    let mut starts = Starts::default();
    let outcome = windtunnel_sim::run(experiment, &mut core, &mut starts, &mut |_| ControlFlow::Continue(()))
        .expect("the run is sound");
    starts.starts.sort_unstable();
    starts.ends.sort_unstable();
    (starts, outcome)
}

/// Job ids with their reference starts, in microseconds.
fn reference(file: &str) -> Vec<(u64, u64)> {
    let file = std::fs::File::open(data_file(file).expect("asked for before")).expect("the reference is there");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("the reference is text");
    let mut rows: Vec<(u64, u64)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            let id = fields.next().and_then(|id| id.parse().ok()).expect("a job id");
            let start: u64 = fields.nth(1).and_then(|start| start.parse().ok()).expect("a start");
            (id, start * 1_000_000)
        })
        .collect();
    rows.sort_unstable();
    rows
}

fn strict(instant: Instant) -> Config {
    Config { head_of_line: HeadOfLine::Block, placement: Choice::named("first-fit"), instant, ..Config::default() }
}

fn holds(log: &str, cpus: u32, file: &str, config: Config) -> Option<Outcome> {
    data_file(log)?;
    let expected = reference(file);
    let (starts, outcome) = replay(log, cpus, config);
    assert_eq!(starts.len(), expected.len(), "every job starts");
    let differ: Vec<_> = starts.iter().zip(&expected).filter(|(ours, theirs)| ours != theirs).take(3).collect();
    assert!(differ.is_empty(), "starts differ from {file}, the first (ours, theirs): {differ:?}");
    Some(outcome)
}

#[test]
fn kth_sp2_strict_fcfs_batched_start_by_start() {
    let log = "swf/KTH-SP2-strong.swf";
    let file = "reference/KTH-SP2-strong.fcfs.batched.csv.gz";
    let Some(outcome) = holds(log, 100, file, strict(Instant::Batched)) else { return };
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(format!("{:.6}", number("wait_s.mean")), "353776.409150");
    assert_eq!(format!("{:.6}", number("bounded_slowdown.mean")), "6814.973310");
}

#[test]
fn kth_sp2_strict_fcfs_per_event_start_by_start() {
    let log = "swf/KTH-SP2-strong.swf";
    let file = "reference/KTH-SP2-strong.fcfs.per-event.csv.gz";
    let Some(outcome) = holds(log, 100, file, strict(Instant::PerEvent)) else { return };
    let slowdown = outcome.summary.number("bounded_slowdown.mean").expect("the run has it");
    assert_eq!(format!("{slowdown:.6}"), "6814.973310");
}

#[test]
fn lublin_256_strict_fcfs_batched_start_by_start() {
    holds("swf/lublin_256.swf", 256, "reference/lublin_256.fcfs.batched.csv.gz", strict(Instant::Batched));
}
