//! The files as an independent reader sees them.

use std::fs;
use std::io::Cursor;

use polars::prelude::*;
use windtunnel_outcome::rows::{Cause, NameRef, State, TaskRow};
use windtunnel_scheduler::event::{Ending, GpuSet};
use windtunnel_scheduler::id::{JobId, NodeId, TaskId};
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_scheduler::veto::{Veto, VetoCounts};

use super::*;

fn read(bytes: Vec<u8>) -> DataFrame {
    ParquetReader::new(Cursor::new(bytes)).finish().expect("an independent reader understands the file")
}

/// Numbers without a pattern.
fn noise(index: u64) -> u64 {
    windtunnel_scheduler::draw::bits(0, 1, index, 0)
}

struct Made {
    job: String,
    node: String,
    row: TaskRow<'static>,
}

/// Rows that meet every corner: missing times, names and numbers, gpus, long runs and none.
fn made(index: u64) -> Made {
    let draw = noise(index);
    let submit = Time(draw % 1_000_000_000_000);
    let wait = Span(if index.is_multiple_of(3) { 0 } else { draw >> 40 });
    let started = !index.is_multiple_of(11);
    let start = started.then(|| submit + wait);
    let mut causes = [Span::ZERO; Cause::COUNT];
    causes[(draw % 7) as usize] = wait;
    let row = TaskRow {
        id: TaskId(0),
        job: NameRef::Number(index),
        index: (draw % 100) as u32,
        attempt: (index % 4) as u32,
        count: 1,
        class: if index.is_multiple_of(2) { "batch" } else { "a much longer name of a class" },
        role: "",
        submit,
        eligible: submit,
        place: start,
        start,
        end: (started && !index.is_multiple_of(13)).then(|| Time(index * 1000)),
        node: None,
        holder: None,
        gpus: GpuSet(if index.is_multiple_of(5) { draw & 0xff } else { 0 }),
        state: State::ALL[(draw % 8) as usize],
        requested: Resources([draw as u32 % 64_000, 2048, 0, 0, index as u32 % 7, 0, 0, 0]),
        wait: started.then_some(wait),
        causes,
        lost_work: Span(u64::MAX * (index % 2)),
        cost_usd: None,
    };
    Made { job: format!("job-{}", draw % 1000), node: format!("node-{}", draw % 5000), row }
}

fn task_file(rows: u64) -> Vec<u8> {
    let mut table = TaskTable::new(Vec::new(), &[(4, "licences".to_owned())]).unwrap();
    for index in 0..rows {
        let made = made(index);
        let job = if index.is_multiple_of(2) { made.row.job } else { NameRef::Text(&made.job) };
        let node = made.row.start.map(|_| made.node.as_str());
        table.push(&TaskRow { job, node, ..made.row }).unwrap();
    }
    table.finish().unwrap()
}

fn wholes(frame: &DataFrame, name: &str) -> Vec<Option<i64>> {
    frame.column(name).unwrap().i64().unwrap().iter().collect()
}

fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    frame.column(name).unwrap().str().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn every_value_of_every_task_reads_back() {
    // Several row groups, the last of them odd; and very few rows, where no block is full.
    for rows in [2 * parquet::GROUP_ROWS + 1_237, 1, 2, 128, 129, 130] {
        let frame = read(task_file(rows));
        assert_eq!(frame.height() as u64, rows);
        let made: Vec<Made> = (0..rows).map(made).collect();
        let time = |pick: fn(&TaskRow<'_>) -> Option<Time>| -> Vec<Option<i64>> {
            made.iter().map(|made| pick(&made.row).map(|time| time.0 as i64)).collect()
        };
        assert!(wholes(&frame, "submit_us") == time(|row| Some(row.submit)));
        assert!(wholes(&frame, "place_us") == time(|row| row.place));
        assert!(wholes(&frame, "start_us") == time(|row| row.start));
        assert!(wholes(&frame, "end_us") == time(|row| row.end));
        assert!(wholes(&frame, "wait_us") == time(|row| row.wait.map(|wait| Time(wait.0))));
        let mut sums = vec![0; rows as usize];
        for cause in Cause::ALL {
            for (sum, value) in sums.iter_mut().zip(wholes(&frame, &format!("wait_{}_us", cause.name()))) {
                *sum += value.unwrap();
            }
        }
        assert!(
            sums.iter()
                .zip(&made)
                .all(|(sum, made)| *sum == made.row.causes.iter().map(|one| one.0 as i64).sum::<i64>())
        );
        let lost = wholes(&frame, "lost_work_us");
        assert!(lost.iter().enumerate().all(|(at, lost)| *lost == Some(if at % 2 == 1 { i64::MAX } else { 0 })));
        let cpu = wholes(&frame, "requested_cpu_milli");
        assert!(cpu.iter().zip(&made).all(|(cpu, made)| *cpu == Some(i64::from(made.row.requested[0]))));
        let extra = wholes(&frame, "requested_licences");
        assert!(extra.iter().zip(&made).all(|(extra, made)| *extra == Some(i64::from(made.row.requested[4]))));

        let job =
            |(index, made): (usize, &Made)| if index.is_multiple_of(2) { index.to_string() } else { made.job.clone() };
        let jobs: Vec<String> = made.iter().enumerate().map(job).collect();
        assert!(texts(&frame, "job_id").iter().zip(&jobs).all(|(read, job)| read.as_deref() == Some(job)));
        let tasks = texts(&frame, "task_id");
        let task = |at: usize| format!("{}/{}", jobs[at], made[at].row.index);
        assert!(tasks.iter().enumerate().all(|(at, read)| read.as_deref() == Some(&task(at))));
        let nodes = texts(&frame, "node");
        assert!(nodes.iter().zip(&made).all(|(read, made)| *read == made.row.start.map(|_| made.node.clone())));
        let states = texts(&frame, "state");
        assert!(states.iter().zip(&made).all(|(read, made)| read.as_deref() == Some(made.row.state.name())));
        let classes = texts(&frame, "class");
        assert!(classes.iter().zip(&made).all(|(read, made)| read.as_deref() == Some(made.row.class)));
        let gpus = frame.column("gpus").unwrap().list().unwrap();
        for (at, made) in made.iter().enumerate() {
            let list = gpus.get_as_series(at).unwrap();
            let list: Vec<usize> = list.i64().unwrap().iter().map(|one| one.unwrap() as usize).collect();
            assert_eq!(list, made.row.gpus.iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_columns_are_those_that_are_promised() {
    let frame = read(task_file(3));
    let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
    let expected = "job_id task_id attempt count class role submit_us eligible_us place_us start_us end_us node gpus \
                    state requested_cpu_milli requested_memory_mib requested_disk_mib requested_gpu_milli \
                    requested_licences wait_us wait_capacity_us wait_fragmentation_us wait_constraint_us \
                    wait_head_of_line_us wait_gang_us wait_decision_us wait_launch_us wait_quota_us \
                    wait_backoff_us wait_offer_cycle_us wait_detection_us wait_rerun_us \
                    wait_preemption_us lost_work_us";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_run_without_tasks_has_a_table_without_rows() {
    let frame = read(task_file(0));
    assert_eq!((frame.height(), frame.width()), (0, 34));
}

#[test]
fn equal_rows_make_equal_bytes() {
    assert!(task_file(5_000) == task_file(5_000));
}

#[test]
fn a_full_disk_is_told_at_the_end_and_leaves_nothing() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(TaskTable::new(Full, &[]).is_err());

    let above = tempfile::tempdir().unwrap();
    let mut writer = ResultWriter::create(&above.path().join("out"), &RecordOptions::default()).unwrap();
    writer.keep("tasks.parquet", Err(io::ErrorKind::StorageFull.into()));
    writer.task(&made(1).row);
    let error = writer.finish(&Outcome::default()).unwrap_err();
    assert!(error.message.ends_with("tasks.parquet: the disk is full"), "{error}");
    assert!(writer.commit(&Outcome::default(), &Extras::default(), RunFacts::default).is_err());
    drop(writer);
    assert_eq!(fs::read_dir(above.path()).unwrap().count(), 0);
}

#[test]
fn the_log_holds_whole_messages() {
    let above = tempfile::tempdir().unwrap();
    let out = above.path().join("out");
    let options = RecordOptions { events: true, decisions: true, ..RecordOptions::default() };
    let mut writer = ResultWriter::create(&out, &options).unwrap();
    assert!(writer.wants_events() && writer.wants_decisions());
    let events =
        [Event::Configured(Box::default()), Event::TaskEnded { task: TaskId(3), ending: Ending::Lost }, Event::Woken];
    writer.heard(Time(5), PartyId(0), &events);
    let mut vetoes = VetoCounts::default();
    vetoes.count(Veto::Memory);
    let place = Decision::Place { task: TaskId(1), node: NodeId(2), count: 1, gpus: GpuSet(5), more: false };
    let decisions = [place, Decision::Defer { job: JobId(7), vetoes }];
    for decision in &decisions {
        writer.note(Time(6), PartyId(1), decision);
    }
    writer.finish(&Outcome::default()).unwrap();
    writer.commit(&Outcome::default(), &Extras::default(), RunFacts::default).unwrap();

    let frame = read(fs::read(out.join("events.parquet")).unwrap());
    let kinds: Vec<_> = texts(&frame, "kind").into_iter().flatten().collect();
    assert_eq!(kinds, ["configured", "task_ended", "woken"]);
    let payloads = texts(&frame, "payload");
    for (payload, event) in payloads.iter().flatten().zip(&events) {
        assert_eq!(serde_json::from_str::<Event>(payload).unwrap(), *event);
    }
    let frame = read(fs::read(out.join("decisions.parquet")).unwrap());
    assert_eq!(wholes(&frame, "at_us"), [Some(6), Some(6)]);
    assert_eq!(wholes(&frame, "party"), [Some(1), Some(1)]);
    let payloads = texts(&frame, "payload");
    for (payload, decision) in payloads.iter().flatten().zip(&decisions) {
        assert_eq!(serde_json::from_str::<Decision>(payload).unwrap(), *decision);
    }
}

#[test]
fn attempts_say_in_which_holder_they_ran_where_there_are_any() {
    let with = |wanted: bool| {
        let mut table = TaskTable::new(Vec::new(), &[]).unwrap().with_holders(wanted);
        for (index, holder) in [(0, Some("spark/executors-0/0")), (1, None)] {
            table.push(&TaskRow { holder, ..made(index).row }).unwrap();
        }
        read(table.finish().unwrap())
    };
    assert_eq!(texts(&with(true), "holder"), [Some("spark/executors-0/0".to_owned()), None]);
    assert!(with(false).column("holder").is_err());
}
