//! Runs of schedules, stages of graphs, attempts after failures: by hand.

use std::sync::Arc;

use windtunnel_scheduler::allocator::two_level::{FrameworkSpec, Membership};
use windtunnel_scheduler::config::{Architecture, Framework};
use windtunnel_scheduler::event::Retry;
use windtunnel_traces::model::{Course, Stage};

use super::*;
use crate::experiment::{Failures, Schedule};

fn run_of(schedule: u32, job: Job) -> Job {
    Job { course: Some(Box::new(Course::Run { schedule })), ..job }
}

fn stage(job: Job, stage: u32, after: &[u32]) -> Job {
    let stage = Stage { graph: 0, stage, stages: 4, after: Arc::from(after) };
    Job { course: Some(Box::new(Course::Stage(stage))), ..job }
}

fn failing(mut group: Group) -> Group {
    group.truth.fails = true;
    group
}

/// One framework under this architecture.
pub(super) fn split(setup: &mut Experiment, architecture: Architecture) {
    let config = Config { architecture, ..setup.scheduler.clone() };
    if architecture != Architecture::Monolithic {
        let party = PartyId(1);
        setup.workloads[0].party = party;
        let spec = FrameworkSpec { party, roles: vec![Membership::of("a")], ..FrameworkSpec::default() };
        setup.scheduler.frameworks = vec![Framework { name: "a".to_owned(), spec, config: config.clone() }];
    }
    setup.scheduler = Config { frameworks: std::mem::take(&mut setup.scheduler.frameworks), ..config };
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("no number {name}"))
}

#[test]
fn a_run_is_left_out_while_the_one_before_is_not_over() {
    let jobs = || {
        let long = |name, at| run_of(0, job(name, at, group(1, 1_000, 25)));
        vec![long(0, 0), run_of(1, job(9, 0, group(1, 1_000, 5))), long(1, 10), long(2, 20), long(3, 30)]
    };
    for (overlaps, names) in [(false, vec!["9/0", "0/0", "3/0"]), (true, vec!["9/0", "0/0", "1/0", "2/0", "3/0"])] {
        let mut setup = experiment(fleet(&[(8_000, 0)]), jobs());
        setup.workloads[0].rules.schedule = Some(Schedule { overlaps, deadline: None });
        let (outcome, tape) = run(setup);
        let seen: Vec<_> = tape.rows.iter().map(|row| row.task.as_str()).collect();
        assert_eq!(seen, names);
        assert_eq!(number(&outcome, "cron.runs") as usize, names.len());
        assert_eq!(number(&outcome, "cron.skipped") as usize, 5 - names.len());
        assert_eq!(number(&outcome, "jobs.submitted") as usize, names.len(), "what is left out is not handed in");
    }
}

#[test]
fn a_run_that_does_not_start_in_time_is_missed() {
    // One cpu: the second run would start after 20 s, the third after 10 s.
    let jobs = vec![
        job(0, 0, group(1, 1_000, 30)),
        run_of(0, job(1, 10, group(1, 1_000, 5))),
        run_of(0, job(2, 20, group(1, 1_000, 5))),
    ];
    for architecture in [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel] {
        let mut setup = experiment(fleet(&[(1_000, 0)]), jobs.clone());
        split(&mut setup, architecture);
        setup.workloads[0].rules.schedule = Some(Schedule { overlaps: false, deadline: Some(Span::from_seconds(15)) });
        let (outcome, tape) = run(setup);
        // The run of 20 s comes while that of 10 s waits, and is left out.
        let missed = tape.rows.iter().find(|row| row.task == "1/0").expect("it has a row");
        assert_eq!((missed.state, missed.end), (State::Rejected, Some(Time(25 * SECOND + 1))), "{architecture:?}");
        let counts = ["runs", "skipped", "missed"].map(|name| number(&outcome, &format!("cron.{name}")));
        assert_eq!(counts, [1.0, 1.0, 1.0]);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    }
}

/// 0 before 1 and 2, which stand before 3.
fn diamond(groups: [Group; 4]) -> Vec<Job> {
    let after: [&[u32]; 4] = [&[], &[0], &[0], &[1, 2]];
    let jobs = (0..4).zip(groups).map(|(at, group)| stage(job(u64::from(at), 5, group), at, after[at as usize]));
    jobs.collect()
}

#[test]
fn stages_begin_when_all_before_them_have_succeeded() {
    let lengths = [10, 20, 5, 1].map(|length| group(2, 1_000, length));
    let (outcome, tape) = run(experiment(fleet(&[(8_000, 0)]), diamond(lengths)));
    let starts = ["0/0", "1/1", "2/0", "3/1"].map(|task| tape.start_of(task).map(|start| start / SECOND));
    assert_eq!(starts, [5, 15, 15, 35].map(Some));
    assert!(tape.rows.iter().all(|row| row.wait == Some(Span::ZERO)), "waiting for others is not waiting for room");
    let counts = ["graphs", "succeeded", "failed", "jobs_unsubmitted"];
    assert_eq!(counts.map(|name| number(&outcome, &format!("dag.{name}"))), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(number(&outcome, "dag.flow_s.max"), 31.0);
}

#[test]
fn a_stage_that_fails_leaves_those_behind_it_unsubmitted() {
    let lengths = [group(1, 1_000, 10), failing(group(1, 1_000, 20)), group(1, 1_000, 50), group(1, 1_000, 1)];
    let (outcome, tape) = run(experiment(fleet(&[(8_000, 0)]), diamond(lengths)));
    let states: Vec<_> = tape.rows.iter().map(|row| (row.task.as_str(), row.state)).collect();
    assert_eq!(states, [("0/0", State::Finished), ("1/0", State::Failed), ("2/0", State::Finished)]);
    let counts = ["graphs", "succeeded", "failed", "open_at_end", "jobs_unsubmitted"];
    assert_eq!(counts.map(|name| number(&outcome, &format!("dag.{name}"))), [1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(number(&outcome, "jobs.submitted"), 3.0);
    // The first one: all the others.
    let lengths = [failing(group(1, 1_000, 10)), group(1, 1_000, 1), group(1, 1_000, 1), group(1, 1_000, 1)];
    let (outcome, _) = run(experiment(fleet(&[(8_000, 0)]), diamond(lengths)));
    assert_eq!(number(&outcome, "dag.jobs_unsubmitted"), 3.0);
}

#[test]
fn a_stage_without_room_holds_up_its_graph_to_the_end() {
    let lengths = [group(1, 1_000, 10), group(1, 9_000, 1), group(1, 1_000, 1), group(1, 1_000, 1)];
    let (outcome, _) = run(experiment(fleet(&[(8_000, 0)]), diamond(lengths)));
    let counts = ["succeeded", "failed", "open_at_end", "jobs_held_at_end"];
    assert_eq!(counts.map(|name| number(&outcome, &format!("dag.{name}"))), [0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn attempts_after_failures_count() {
    let retry = Retry { most: Some(2), pause: Span::from_seconds(7), pause_most: Span::ZERO };
    let with = |shares: Vec<f64>| {
        let lengths = [failing(group(1, 1_000, 10)), group(1, 1_000, 1), group(1, 1_000, 1), group(1, 1_000, 1)];
        let mut setup = experiment(fleet(&[(8_000, 0)]), diamond(lengths));
        setup.workloads[0].rules.failures = Some(Failures { retry, shares });
        run(setup)
    };
    // It fails once: at 15 s, and runs again from 22 s on.
    let (outcome, tape) = with(vec![0.0]);
    let ends: Vec<_> = tape.rows.iter().filter(|row| row.task == "0/0").map(|row| (row.state, row.end)).collect();
    assert_eq!(ends, [(State::Failed, Some(seconds(15))), (State::Finished, Some(seconds(32)))]);
    assert_eq!((number(&outcome, "dag.succeeded"), number(&outcome, "tasks.failed")), (1.0, 0.0));
    // It fails whenever it is tried: three times, after pauses of 7 and 14 s.
    for shares in [vec![1.0], Vec::new()] {
        let (outcome, tape) = with(shares);
        let ends: Vec<_> = tape.rows.iter().map(|row| (row.state, row.end)).collect();
        assert_eq!(ends, [15, 32, 56].map(|at| (State::Failed, Some(seconds(at)))));
        assert_eq!((number(&outcome, "dag.failed"), number(&outcome, "tasks.failed")), (1.0, 1.0));
    }
}
