use std::collections::BTreeSet;

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};

use super::*;
use crate::model::{Ask, Group, Groups, Job, Label, Labels, Name, Recorded, Run, SourceError, Truth};
use crate::synthetic::{Exponential, Law};

/// A trace in memory.
struct Listed {
    jobs: std::vec::IntoIter<Job>,
    labels: Labels,
    fails: bool,
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        match self.jobs.next() {
            None if self.fails => Err(SourceError { message: "bad row".into(), hints: vec![] }),
            job => Ok(job),
        }
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        vec![Note { reason: "row_empty".into(), skipped: true, count: 2, lines: vec![4, 9] }]
    }
}

fn job(name: u64, submit_s: u64, run_s: u64) -> Job {
    let recorded = Recorded { start: Some(Time((submit_s + 10) * 1_000_000)), ..Recorded::default() };
    let ask =
        Ask { request: Resources::new(1_000, 1_024), estimate: Some(Span::from_seconds(1_000)), ..Ask::default() };
    let run = Run::Same(Span::from_seconds(run_s));
    let truth = Truth { run, recorded: Some(recorded), ..Truth::default() };
    Job {
        name: Name::Number(name),
        submit: Time(submit_s * 1_000_000),
        priority: 3,
        role: Label(1),
        user: Label(2),
        class: Label(0),
        groups: Groups::One(Group { count: 1, ask, truth }),
        course: None,
    }
}

fn source(jobs: Vec<Job>) -> Boxed {
    let mut labels = Labels::default();
    labels.intern("prod");
    labels.intern("ann");
    Box::new(Listed { jobs: jobs.into_iter(), labels, fails: false })
}

/// Job i at 100 + 10 i seconds, running 60 + i seconds.
fn trace(count: u64) -> Boxed {
    source((0..count).map(|i| job(i, 100 + 10 * i, 60 + i)).collect())
}

fn drain(mut source: Boxed) -> (Vec<Job>, Vec<(String, u64)>) {
    let jobs = std::iter::from_fn(|| source.next_job().unwrap()).collect();
    assert_eq!(source.next_job().unwrap(), None);
    let notes = source.notes();
    assert!(notes.is_sorted_by(|one, other| one.reason <= other.reason));
    (jobs, notes.into_iter().map(|note| (note.reason, note.count)).collect())
}

fn apply(transform: &Transform, count: u64) -> (Vec<Job>, Vec<(String, u64)>) {
    drain(transform.apply(trace(count), 0, 0).unwrap())
}

fn scale(load: f64, arrivals: f64, time: f64) -> Transform {
    let ratio = |value| Ratio::new(value).unwrap();
    let scale = Scale { load: ratio(load), arrivals: ratio(arrivals), time: ratio(time) };
    Transform { scale, ..Transform::default() }
}

fn count(notes: &[(String, u64)], reason: &str) -> u64 {
    notes.iter().find(|(one, _)| one == reason).map_or(0, |(_, count)| *count)
}

#[test]
fn nothing_asked_is_nothing_done() {
    let (jobs, notes) = apply(&Transform::default(), 20);
    assert_eq!(jobs, drain(trace(20)).0);
    assert_eq!(notes, [("row_empty".to_owned(), 2)]);
    assert_eq!(apply(&scale(1.0, 1.0, 1.0), 20).0, jobs);
}

#[test]
fn load_keeps_or_clones() {
    for load in [0.25, 0.7, 1.2, 3.5] {
        let (jobs, notes) = apply(&scale(load, 1.0, 1.0), 100_000);
        let seen = jobs.len() as f64 / 100_000.0;
        println!("load {load}: {seen}");
        assert!((seen / load - 1.0).abs() < 0.01, "{load}: {seen}");
        let names: BTreeSet<String> = jobs.iter().map(|job| job.name.to_string()).collect();
        assert_eq!(names.len(), jobs.len(), "names are distinct");
        let (dropped, cloned) = (count(&notes, "load_dropped"), count(&notes, "load_cloned"));
        assert_eq!(100_000 - dropped + cloned, jobs.len() as u64);
        assert!(jobs.is_sorted_by_key(|job| job.submit));
    }
}

#[test]
fn clones_follow_their_original_under_names_of_their_own() {
    let (jobs, _) = apply(&scale(3.0, 1.0, 1.0), 2);
    let names: Vec<String> = jobs.iter().map(|job| job.name.to_string()).collect();
    assert_eq!(names, ["0", "0+1", "0+2", "1", "1+1", "1+2"]);
    assert_eq!(jobs[1].submit, jobs[0].submit);
    let recorded: Vec<bool> = jobs.iter().map(|job| job.groups.as_slice()[0].truth.recorded.is_some()).collect();
    assert_eq!(recorded, [true, false, false, true, false, false]);
}

#[test]
fn what_a_lower_load_keeps_a_higher_one_keeps() {
    let names = |load| -> BTreeSet<String> {
        apply(&scale(load, 1.0, 1.0), 2_000).0.iter().map(|job| job.name.to_string()).collect()
    };
    let (low, high, more) = (names(0.3), names(0.8), names(1.3));
    assert!(low.is_subset(&high) && high.is_subset(&more));
    // Nor does it matter what was cut before.
    let limit = Limit { from: Time(1_000_000_000), ..Limit::default() };
    let cut = Transform { limit, ..scale(0.3, 1.0, 1.0) };
    assert!(apply(&cut, 2_000).0.iter().all(|job| low.contains(&job.name.to_string())));
}

#[test]
fn arrivals_divide_gaps_and_time_stretches_all() {
    let start = |job: &Job| job.groups.as_slice()[0].truth.recorded.as_ref().unwrap().start.unwrap().0;
    let (jobs, notes) = apply(&scale(1.0, 3.0, 1.0), 4);
    let submits: Vec<u64> = jobs.iter().map(|job| job.submit.0).collect();
    assert_eq!(submits, [100_000_000, 103_333_333, 106_666_667, 110_000_000]);
    assert_eq!(jobs[3].groups.as_slice()[0].truth.run.of(0), Span::from_seconds(63));
    assert_eq!(start(&jobs[1]), 113_333_333, "the recorded wait stays");
    assert_eq!(count(&notes, "stretched"), 4);

    let (jobs, _) = apply(&scale(1.0, 1.0, 1.1), 4);
    assert_eq!(jobs[3].submit, Time(133_000_000));
    let group = &jobs[3].groups.as_slice()[0];
    assert_eq!((group.truth.run.of(0), group.ask.estimate), (Span(69_300_000), Some(Span(1_100_000_000))));
    assert_eq!(start(&jobs[3]), 144_000_000);
    let (jobs, _) = apply(&scale(1.0, 2.0, 2.0), 4);
    assert_eq!(jobs[3].submit, Time(130_000_000));
}

#[test]
fn limits_keep_recorded_times() {
    let limit = Limit { jobs: Some(3), from: Time(120_000_000), to: Time::NEVER };
    let (jobs, notes) = apply(&Transform { limit, ..Transform::default() }, 10);
    let submits: Vec<u64> = jobs.iter().map(|job| job.submit.0 / 1_000_000).collect();
    assert_eq!(submits, [120, 130, 140]);
    assert_eq!((count(&notes, "limit_before_from"), count(&notes, "limit_rest_not_read")), (2, 1));
    let limit = Limit { jobs: None, from: Time::ZERO, to: Time(120_000_000) };
    assert_eq!(apply(&Transform { limit, ..Transform::default() }, 10).0.len(), 2);
    let limit = Limit { to: Time::ZERO, ..Limit::default() };
    assert!(Transform { limit, ..Transform::default() }.apply(trace(1), 0, 0).is_err());
}

#[test]
fn a_shifted_trace_begins_at_zero() {
    let limit = Limit { from: Time(105_000_000), ..Limit::default() };
    let (jobs, notes) = apply(&Transform { shift: true, limit, ..Transform::default() }, 3);
    let submits: Vec<u64> = jobs.iter().map(|job| job.submit.0 / 1_000_000).collect();
    assert_eq!(submits, [0, 10]);
    let recorded = jobs[1].groups.as_slice()[0].truth.recorded.as_ref().unwrap();
    assert_eq!(recorded.start, Some(Time(20_000_000)));
    assert_eq!(count(&notes, "shifted"), 2);
}

#[test]
fn lifetimes_are_replaced() {
    let forever = Transform { lifetime: Lifetime::Forever, ..Transform::default() };
    let (jobs, notes) = apply(&forever, 3);
    assert!(jobs.iter().all(|job| job.groups.as_slice()[0].truth.run == Run::Same(Span::FOREVER)));
    assert_eq!(count(&notes, "lifetime_replaced"), 3);

    let law = Law::from(Exponential::new(Span::from_seconds(50), None).unwrap());
    let drawn = Transform { lifetime: Lifetime::Law(law), ..Transform::default() };
    let (jobs, _) = apply(&drawn, 100_000);
    let mean = jobs.iter().map(|job| job.groups.as_slice()[0].truth.run.of(0).as_seconds()).sum::<f64>() / 1e5;
    assert!((mean / 50.0 - 1.0).abs() < 0.01, "{mean}");

    let many = |kind| {
        let mut many = job(1, 0, 5);
        let group = &mut many.groups.as_mut_slice()[0];
        (group.count, group.ask.kind) = (3, kind);
        let (jobs, _) = drain(drawn.apply(source(vec![many]), 0, 0).unwrap());
        jobs[0].groups.as_slice()[0].truth.run.clone()
    };
    let (batch, gang) = (many(JobKind::Batch), many(JobKind::Gang));
    assert!(batch.of(0) == gang.of(0) && batch.of(1) != batch.of(0) && gang.of(1) == gang.of(0));
    assert!(many(JobKind::Service).of(2).is_forever());
}

#[test]
fn estimates_are_replaced() {
    let of = |estimate: Estimate| {
        let (jobs, notes) = apply(&Transform { estimate, ..Transform::default() }, 2);
        (jobs[1].groups.as_slice()[0].ask.estimate.map(|span| span.0), count(&notes, "estimate_changed"))
    };
    let s = Span::from_seconds;
    assert_eq!(of(Estimate::AsGiven), (Some(1_000_000_000), 0));
    assert_eq!(of(Estimate::None), (None, 2));
    assert_eq!(of(Estimate::Actual), (Some(61_000_000), 2));
    let factor = Ratio::new(1.1).unwrap();
    assert_eq!(of(Estimate::Factor { factor, add: s(60) }), (Some(1_160_000_000), 2));
    assert_eq!(of(Estimate::Modal(vec![s(900), s(3_600)])), (Some(3_600_000_000), 2));
    assert_eq!(of(Estimate::Modal(vec![s(1_000)])), (Some(1_000_000_000), 0));
    assert_eq!(of(Estimate::Modal(vec![s(60)])), (Some(1_000_000_000), 0));
    let (drawn, _) = of(Estimate::Uniform { from: 1.0, to: 2.0 });
    assert!((61_000_000..=122_000_000).contains(&drawn.unwrap()));
    assert!(Estimate::Modal(vec![s(2), s(1)]).check().is_err());
    assert_eq!(Estimate::Actual.of(None, &Run::Same(Span::FOREVER), || 0.5), None);
    assert_eq!(Estimate::Actual.of(None, &Run::Each([s(1), s(7), s(2)].into()), || 0.5), Some(s(7)));
}

#[test]
fn one_label_for_a_whole_workload() {
    let relabel = Relabel { role: Some("batch".into()), priority: Some(9), ..Relabel::default() };
    let mut source = Transform { relabel, ..Transform::default() }.apply(trace(2), 0, 0).unwrap();
    let job = source.next_job().unwrap().unwrap();
    let word = |label| source.labels().word(label);
    assert_eq!((word(job.role), word(job.user), word(job.class), job.priority), ("batch", "ann", "", 9));
    assert_eq!(source.notes()[0], Note { reason: "relabelled".into(), skipped: false, count: 1, lines: vec![] });
}

#[test]
fn sources_merge_by_submission_and_position() {
    let mut other = Labels::default();
    other.intern("dev");
    other.intern("prod");
    let jobs = vec![job(7, 100, 5), job(8, 105, 5), job(9, 500, 5)];
    let second = Box::new(Listed { jobs: jobs.into_iter(), labels: other, fails: false });
    let mut merged = Merged::new(vec![trace(3), second]);
    let mut seen = Vec::new();
    while let Some((place, job)) = merged.next_from().unwrap() {
        seen.push((place, job.name.to_string(), merged.labels().word(job.role).to_owned(), job.submit.0 / 1_000_000));
    }
    let row = |place, name: &str, role: &str, at| (place, name.to_owned(), role.to_owned(), at);
    assert_eq!(
        seen,
        [
            row(0, "0", "prod", 100),
            row(1, "7", "dev", 100),
            row(1, "8", "dev", 105),
            row(0, "1", "prod", 110),
            row(0, "2", "prod", 120),
            row(1, "9", "dev", 500),
        ]
    );
    assert_eq!(merged.notes(), [Note { reason: "row_empty".into(), skipped: true, count: 4, lines: vec![4, 9, 4, 9] }]);
}

#[test]
fn a_bad_row_ends_a_merge_after_the_jobs_before_it() {
    let bad = Box::new(Listed { jobs: vec![job(1, 1, 1)].into_iter(), labels: Labels::default(), fails: true });
    let mut merged = Merged::new(vec![bad, trace(3)]);
    assert_eq!(merged.next_job().unwrap().unwrap().name, Name::Number(1));
    assert_eq!(merged.next_job().unwrap_err().message, "bad row");
    assert_eq!(merged.next_job().unwrap(), None);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let mut transform = scale(1.4, 2.0, 1.5);
    transform.lifetime = Lifetime::Law(Exponential::new(Span::from_seconds(9), None).unwrap().into());
    transform.estimate = Estimate::Uniform { from: 1.0, to: 3.0 };
    let run = |seed, workload| drain(transform.apply(trace(1_000), seed, workload).unwrap()).0;
    assert_eq!(run(4, 0), run(4, 0));
    assert_ne!(run(4, 0), run(5, 0));
    assert_ne!(run(4, 0), run(4, 1));
}
