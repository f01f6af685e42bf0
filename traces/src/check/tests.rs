use windtunnel_scheduler::resources::MEMORY;

use super::*;
use crate::model::Name;
use crate::read::{Input, OnBadRow, ReadOptions, open_fleet, open_jobs};

fn source(text: &str) -> Box<dyn Source + Send> {
    let options = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    open_jobs(vec![Input::bytes("tasks", text.as_bytes())], None, &options).expect("opens")
}

const TASKS: &str = "job_id,submit_us,run_us,count,kind,cpu_milli,memory_mib,estimate_us,user,start_us,constraint\n\
                     a,1000000,5000000,2,gang,1000,10,6000000,ann,2000000,\n\
                     b,3000000,,1,batch,500,90,,bob,,os=linux\n\
                     c,9000000,0,1,batch,0,5,,ann,5,\n\
                     d,9000000,70,1,batch,1,5,60,ann,,\n";

#[test]
fn info_adds_up() {
    let info = info(&mut *source(TASKS)).expect("reads");
    assert_eq!((info.jobs, info.tasks, info.gangs, info.forever), (4, 5, 1, 1));
    assert_eq!((info.first_submit, info.last_submit), (Some(Time(1_000_000)), Some(Time(9_000_000))));
    assert_eq!(info.span(), Span::from_seconds(8));
    assert_eq!(info.cpu_milli_us, 2 * 1_000 * 5_000_000 + 70);
    assert!((info.cpu_seconds() - 10.0).abs() < 1e-6);
    assert_eq!((info.least[CPU], info.most[CPU], info.least[MEMORY], info.most[MEMORY]), (0, 1_000, 5, 90));
    assert_eq!((info.estimated, info.started, info.placed, info.constrained), (3, 3, 0, 1));
    assert!((info.estimated_share() - 0.6).abs() < 1e-12);
    assert_eq!(info.labels, 2);
    assert!(info.notes.is_empty());
}

#[test]
fn nothing_is_worth_no_division() {
    let info = Info::default();
    assert_eq!((info.span(), info.estimated_share()), (Span::ZERO, 0.0));
}

fn rules(findings: &[Finding]) -> Vec<(&str, u64)> {
    findings.iter().map(|finding| (finding.rule.as_str(), finding.count)).collect()
}

#[test]
fn every_rule_that_is_broken_is_found_and_no_other() {
    let findings = validate(&mut *source(TASKS), None);
    let expected =
        [("no_cpu_requested", 1), ("run_longer_than_estimate", 1), ("run_zero", 1), ("start_before_submit", 1)];
    assert_eq!(rules(&findings), expected);
    assert!(findings[0].message.ends_with("first: job c"), "{}", findings[0].message);
    assert!(validate(&mut *source("job_id,submit_us,cpu_milli\na,0,1\n"), None).is_empty());
}

#[test]
fn tasks_are_held_against_the_fleet() {
    let fleet = "node,cpu_milli,memory_mib,attribute_os\nn,1000,50,linux\nm,100,100,other\n";
    let fleet = open_fleet(&Input::bytes("fleet", fleet.as_bytes()), None, &ReadOptions::default()).expect("reads");
    let findings = validate(&mut *source(TASKS), Some(&fleet));
    let misfits = findings.iter().find(|finding| finding.rule == "fits_no_node").expect("a misfit");
    assert_eq!((misfits.count, misfits.message.ends_with("job b")), (1, true), "{}", misfits.message);
}

#[test]
fn notes_and_errors_of_the_reader_are_findings() {
    let findings = validate(&mut *source("job_id,submit_us,cpu_milli\na,0,1\nb,x,1\n"), None);
    assert_eq!(rules(&findings), [("bad_row", 1)]);
    assert_eq!(findings[0].lines, [3]);
    assert_eq!(rules(&validate(&mut *source("job_id,submit_us,cpu_milli\n"), None)), [("no_jobs", 1)]);
    let log = "1 0 0 -1 1 -1 -1 1 9 -1 5 1 1 -1 1 -1 -1 -1\n";
    assert_eq!(rules(&validate(&mut *source(log), None)), [("run_unknown", 1), ("unreadable", 1)]);
}

#[test]
fn jobs_out_of_order_or_of_one_name_are_found() {
    let mut jobs = Vec::new();
    let mut listed = source("job_id,submit_us,cpu_milli\na,5,1\nb,6,1\n");
    while let Ok(Some(job)) = listed.next_job() {
        jobs.push(job);
    }
    jobs[1].name = Name::new("a");
    jobs.swap(0, 1);
    assert_eq!(judge(&jobs[1], Some(&jobs[0]), None), [1, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn the_tables_of_rules_are_in_order_and_say_something() {
    assert!(NOTE_RULES.is_sorted());
    assert!(NOTE_RULES.iter().chain(&JOB_RULES).all(|(rule, meaning)| !rule.is_empty() && !meaning.is_empty()));
}
