use std::sync::Arc;

use super::*;
use crate::read::OnBadRow;
use crate::read::tests::{drain, notes_of};

const HEADER: &str =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

fn open(text: &str, options: &ReadOptions) -> Result<OpenbSource, SourceError> {
    OpenbSource::open(vec![Input::bytes("pods.csv", text.as_bytes())], options)
}

fn pods(rows: &str) -> (Vec<Job>, OpenbSource) {
    let mut source = open(&format!("{HEADER}{rows}"), &ReadOptions::default()).expect("opens");
    (drain(&mut source).expect("reads"), source)
}

fn error(text: &str) -> SourceError {
    match open(text, &ReadOptions::default()) {
        Err(error) => error,
        Ok(mut source) => drain(&mut source).expect_err("must fail"),
    }
}

fn fleet(text: &str) -> Result<Fleet, SourceError> {
    Openb.fleet(&Input::bytes("nodes.csv", text.as_bytes()), &ReadOptions::default())
}

fn group(job: &Job) -> &Group {
    &job.groups.as_slice()[0]
}

#[test]
fn a_pod_is_a_job_of_one_task() {
    let (jobs, source) = pods("p-1,12000,16384,1,460,V100|P100,LS,Running,10,100,30\n");
    let job = &jobs[0];
    assert_eq!((job.name.to_string(), job.submit), ("p-1".to_string(), Time(10_000_000)));
    assert_eq!(source.labels().word(job.class), "LS");
    let group = group(job);
    assert_eq!((group.count, group.ask.kind), (1, windtunnel_scheduler::event::JobKind::Batch));
    assert_eq!(group.ask.request, Resources([12_000, 16_384, 0, 460, 0, 0, 0, 0]));
    assert_eq!(group.ask.gpu, GpuRequest { count: 1, milli: 460 });
    assert_eq!(group.truth.run.of(0), Span::from_seconds(70), "from scheduling to deletion");
    assert_eq!(group.truth.recorded.as_ref().and_then(|recorded| recorded.start), Some(Time(30_000_000)));
    let expected =
        Constraint { attribute: "gpu_model".into(), condition: Condition::In(vec!["V100".into(), "P100".into()]) };
    assert_eq!(group.ask.constraints.as_deref(), Some(&[expected][..]));
}

#[test]
fn run_times_come_from_what_is_known() {
    let (jobs, _) = pods(
        "never-scheduled,1,1,0,0,,BE,Pending,10,100,\n\
         alive,1,1,0,0,,BE,Running,10,,30\n\
         neither,1,1,0,0,,BE,Failed,10,,\n",
    );
    let runs: Vec<Span> = jobs.iter().map(|job| group(job).truth.run.of(0)).collect();
    assert_eq!(runs, [Span::from_seconds(90), Span::FOREVER, Span::FOREVER]);
    assert_eq!(group(&jobs[0]).truth.recorded, None);
    assert_eq!(jobs.iter().map(|job| group(job).truth.fails).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn lists_without_times_are_pods_that_stay() {
    let columns: Vec<&str> = HEADER.trim_end().split(',').collect();
    let values = ["p", "1", "2", "2", "1000", "T4", "BE"];
    for width in 5..=7 {
        let text = format!("{}\n{}\n", columns[..width].join(","), values[..width].join(","));
        let jobs = drain(&mut open(&text, &ReadOptions::default()).expect("opens")).expect("reads");
        assert_eq!((jobs[0].submit, group(&jobs[0]).truth.run.of(0)), (Time::ZERO, Span::FOREVER), "{width}");
        assert_eq!(group(&jobs[0]).ask.request[GPU], 2_000);
        assert_eq!(group(&jobs[0]).ask.constraints.is_some(), width > 5);
    }
}

#[test]
fn equal_constraints_share_one_allocation() {
    let (jobs, _) = pods("a,1,1,1,500,T4,BE,Running,0,,\nb,1,1,1,500,T4,BE,Running,0,,\n");
    match (&group(&jobs[0]).ask.constraints, &group(&jobs[1]).ask.constraints) {
        (Some(left), Some(right)) => assert!(Arc::ptr_eq(left, right)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pods_out_of_order_are_sorted() {
    let (jobs, source) = pods("a,1,1,0,0,,,,9,,\nb,1,1,0,0,,,,5,,\nc,1,1,0,0,,,,9,,\n");
    assert_eq!(jobs.iter().map(|job| job.name.to_string()).collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!(notes_of(&source), [("sorted_by_submit".to_string(), 1)]);
}

#[test]
fn shifting_moves_submits_and_starts() {
    let options = ReadOptions { shift: true, ..ReadOptions::default() };
    let text = format!("{HEADER}a,1,1,0,0,,,,50,90,60\nb,1,1,0,0,,,,70,,\n");
    let jobs = drain(&mut open(&text, &options).expect("opens")).expect("reads");
    assert_eq!(jobs.iter().map(|job| job.submit.0 / 1_000_000).collect::<Vec<_>>(), [0, 20]);
    assert_eq!(group(&jobs[0]).truth.recorded.as_ref().and_then(|recorded| recorded.start), Some(Time(10_000_000)));
}

#[test]
fn malformed_pods_name_column_text_and_expectation() {
    for (row, parts) in [
        ("p,x,1,0,0,,,,0,,", ["`cpu_milli`", "`x`", "millicores"]),
        ("p,4294967296,1,0,0,,,,0,,", ["`cpu_milli`", "`4294967296`", "below 2^32"]),
        ("p,1,1,65,1000,,,,0,,", ["`num_gpu`", "`65`", "0 to 64"]),
        ("p,1,1,2,500,,,,0,,", ["`gpu_milli`", "`500`", "1000"]),
        ("p,1,1,1,0,,,,0,,", ["`gpu_milli`", "`0`", "1 to 1000"]),
        ("p,1,1,0,0,,,,,,", ["`creation_time`", "nothing", "seconds"]),
        ("p,1,1,0,0,,,,0,nan,", ["`deletion_time`", "`nan`", "seconds"]),
        ("p,1,1,0,0,,,,10,20,30", ["`deletion_time`", "`20`", "after"]),
        (",1,1,0,0,,,,10,20,30", ["`name`", "nothing", "pod"]),
        ("p,1,1", ["row of 3 fields", "`p,1,1`", "11"]),
    ] {
        let text = format!("{HEADER}good,1,1,0,0,,,,0,,\n{row}\ngood,1,1,0,0,,,,0,,\n");
        let error = error(&text);
        assert!(error.message.starts_with("pods.csv line 3, "), "{error}");
        for part in parts {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
        let mut source = open(&text, &skip).expect("opens");
        assert_eq!(drain(&mut source).expect("reads").len(), 2, "{row}");
        assert_eq!(notes_of(&source), [("bad_row".to_string(), 1)]);
    }
}

#[test]
fn a_wrong_header_says_what_is_wrong_with_it() {
    let nodes = "sn,cpu_milli,memory_mib,gpu,model\n";
    for (text, what) in [
        ("", "empty"),
        ("name;cpu_milli\n", "there is no column"),
        ("name,cpu_mili,memory_mib,num_gpu,gpu_milli\n", "did you mean `cpu_milli`?"),
        ("name,memory_mib,num_gpu,gpu_milli\n", "`cpu_milli` is missing"),
        ("name,name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", "twice"),
        (nodes, "node list"),
    ] {
        let error = error(text);
        assert!(error.message.contains("pods.csv line 1") && error.message.contains(what), "{error}");
    }
    assert!(fleet(HEADER).expect_err("pods").message.contains("pod list"));
}

#[test]
fn nodes_become_a_fleet() {
    let fleet =
        fleet("sn,cpu_milli,memory_mib,gpu,model\nn-0,32000,262144,0,\nn-1,64000,1024,2,P100\n").expect("reads");
    assert_eq!(fleet.named_lanes().collect::<Vec<_>>(), [CPU, MEMORY, GPU]);
    assert_eq!(fleet.nodes.len(), 2);
    assert!(fleet.nodes[0].attributes.is_empty(), "an empty model is a node without gpus");
    let node = &fleet.nodes[1];
    assert_eq!((node.name.to_string(), node.gpus), ("n-1".to_string(), 2));
    assert_eq!(node.capacity, Resources([64_000, 1_024, 0, 2_000, 0, 0, 0, 0]));
    assert_eq!(node.attributes, [("gpu_model".to_string(), "P100".to_string())]);
}

#[test]
fn a_malformed_node_is_an_error_even_if_bad_rows_are_skipped() {
    let text = "sn,cpu_milli,memory_mib,gpu,model\nn-0,32000,262144,65,\n";
    let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    let error = Openb.fleet(&Input::bytes("nodes.csv", text.as_bytes()), &skip).expect_err("too many devices");
    assert!(error.message.starts_with("nodes.csv line 2, column `gpu`: found `65`"), "{error}");
    assert!(fleet("sn,cpu_milli,memory_mib,gpu,model\n").expect_err("empty").message.contains("no node"));
}
