use windtunnel_scheduler::time::Time;

use super::super::{Input, ReadOptions, open_failures, recognise_failures};
use super::*;
use crate::model::Outage;

fn read(text: &str) -> Failures {
    open_failures(vec![Input::bytes("a.csv", text.as_bytes())], None, &ReadOptions::default()).expect("it is readable")
}

fn spans(failures: &Failures) -> Vec<(String, u64, u64)> {
    let seconds = |time: Time| if time == Time::NEVER { u64::MAX } else { time.0 / 1_000_000 };
    let row = |one: &Outage| (one.node.to_string(), seconds(one.begin), seconds(one.end));
    failures.outages.iter().map(row).collect()
}

const LANL: &str = "System,machine type,nodes,nodenumz,Prob Started,Prob Fixed,Down Time\n";

#[test]
fn lanl_outages_overlap_and_are_accounted_for() {
    let text = format!(
        "{LANL}2,c,49,0,1/2/2000 1:00,1/2/2000 2:00,60\n2,c,49,0,1/2/2000 1:30,1/2/2000 3:00,90\n\
         2,c,49,0,1/2/2000 1:30,1/2/2000 1:30,0\n9,c,49,7,1/3/2000 0:00,1/3/2000 0:10,11\n"
    );
    let failures = read(&text);
    assert_eq!(spans(&failures), [("0".into(), 3_600, 10_800), ("7".into(), 86_400, 87_000)]);
    let counts: Vec<_> = failures
        .systems
        .iter()
        .map(|one| (one.system.to_string(), one.records, one.kept, one.merged, one.skipped, one.nodes))
        .collect();
    assert_eq!(counts, [("2".into(), 3, 1, 1, 1, 1), ("9".into(), 1, 1, 0, 0, 1)]);
    let reasons: Vec<&str> = failures.notes.iter().map(|note| note.reason.as_str()).collect();
    assert_eq!(reasons, ["down_time_differs_from_its_ends", "no_time_passes"]);
    let mut nine = failures;
    nine.keep_system(&Name::new("9"));
    assert_eq!(spans(&nine), [("7".into(), 0, 600)]);
}

#[test]
fn a_bad_date_is_named_or_counted() {
    let text = format!("{LANL}2,c,49,0,2/30/2000 1:00,1/2/2000 2:00,60\n2,c,49,1,1/2/2000 1:00,1/2/2000 2:00,60\n");
    let input = || vec![Input::bytes("a.csv", text.as_bytes())];
    let error = open_failures(input(), None, &ReadOptions::default()).unwrap_err();
    assert!(error.message.contains("line 2") && error.message.contains("`Prob Started`"), "{error}");
    let options = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    let failures = open_failures(input(), None, &options).unwrap();
    assert_eq!((failures.systems[0].records, failures.systems[0].skipped, failures.outages.len()), (2, 1, 1));
}

#[test]
fn fta_keeps_stretches_without_availability() {
    let text = "# event_id\tcomponent_id\tnode_id\tplatform_id\tnode_name\tevent_type\tstart\tstop\tend_reason\n\
                \t 1\t 0\t 17\t 3\t host a\t 0\t 86460\t 86520\t NULL\n\
                \t 2\t 0\t 17\t 3\t host a\t 1\t 86520\t 90000\t NULL\n\
                \t 3\t 0\t 18\t 3\t b\t 0\t 86400\t NULL\t NULL\n";
    let failures = read(text);
    assert_eq!(spans(&failures), [("18".into(), 0, u64::MAX), ("17".into(), 60, 120)]);
}

#[test]
fn google_machines_are_away_from_removal_to_return() {
    let failures = read("0,5,0,p,0.5,0.5\n60000000,5,1,p,0.5,0.5\n90000000,5,0,p,0.5,0.5\n70000000,6,1,p,1,1\n");
    assert_eq!(spans(&failures), [("5".into(), 60, 90), ("6".into(), 70, u64::MAX)]);
}

#[test]
fn alibaba_soft_errors_never_end() {
    let failures = read("0,7,add,,64,0.6,1\n-5,7,softerror,disk_full,64,0.6,1\n30,8,harderror,,64,0.6,1\n");
    assert_eq!(spans(&failures), [("7".into(), 0, u64::MAX), ("8".into(), 30, u64::MAX)]);
    assert_eq!(failures.outages.iter().map(|one| one.soft).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn what_is_no_record_of_failures_says_which_there_are() {
    let error = recognise_failures(&Input::bytes("a.csv", *b"job_id,submit_us\n")).err().unwrap();
    assert!(error.hints[0].contains("lanl") && error.hints[0].contains("fta"), "{error:?}");
}
