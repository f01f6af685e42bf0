//! Whole logs of the archive: every row is a job that ran, or is accounted for.

use windtunnel_scheduler::config::Instant;
use windtunnel_traces::read::{Input, ReadOptions, open_jobs};
use windtunnel_traces::transform::Estimate;

use super::{replay_input, strict};
use crate::support::data_file;

/// Replays a log in strict order. `notes` are all that is said of its rows, with how often; none is left out.
fn accounted(file: &str, cpus: u32, jobs: usize, notes: &[(&str, u64)]) {
    let Some(path) = data_file(file) else { return };
    let mut source = open_jobs(vec![Input::file(&path)], Some("swf"), &ReadOptions::default()).expect("it is readable");
    let mut read = 0;
    while source.next_job().expect("every row is sound").is_some() {
        read += 1;
    }
    let said = source.notes();
    let found: Vec<(&str, u64)> = said.iter().map(|note| (note.reason.as_str(), note.count)).collect();
    assert_eq!((read, found), (jobs, notes.to_vec()), "{file}");
    assert!(said.iter().all(|note| !note.skipped), "{file}: rows are left out");
    let (rows, outcome) = replay_input(Input::file(&path), cpus, Estimate::Actual, strict(Instant::Batched));
    assert_eq!(rows.starts.len(), jobs, "{file}");
    let number = |name: &str| outcome.summary.number(name);
    assert_eq!(number("jobs.submitted"), Some(jobs as f64));
    assert_eq!(number("jobs.finished").unwrap() + number("jobs.failed").unwrap(), jobs as f64);
    assert_eq!(number("conservation.cpu.residual"), Some(0.0));
    // What was allocated is what the jobs ran, so the share is that of the whole stretch, and none of it is lost twice.
    let (used, lost) = (number("utilization.cpu").unwrap(), number("loss_of_capacity.cpu").unwrap());
    assert!(used > 0.0 && lost >= 0.0 && used + lost <= 1.0, "{file}: {used} used, {lost} lost");
}

#[test]
fn nasa_ipsc_is_accounted_for() {
    // The archive cleaned the log: its header still counts 42,264 rows, and the numbers of those taken out are missing.
    let notes = [("header_count_differs", 1), ("job_numbers_missing", 42_264 - 18_239)];
    accounted("swf/NASA-iPSC-1993-3.1-cln.swf.gz", 128, 18_239, &notes);
}

#[test]
fn lublin_256_is_accounted_for() {
    accounted("swf/lublin_256.swf", 256, 10_000, &[]);
}
