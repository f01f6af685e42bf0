use super::*;
use crate::read::OnBadRow;
use crate::read::tests::{data, drain, notes_of};
use windtunnel_scheduler::resources::{CPU, MEMORY};

const HEADER: &str =
    "JobID|User|Submit|Start|End|State|NNodes|NCPUS|ReqCPUS|ReqMem|ReqTRES|Timelimit|NodeList|JobName|NTasks\n";

/// Jobs, and the counts of what was noted.
type Read = (Vec<Job>, Vec<(String, u64)>);

fn read(rows: &str, options: &ReadOptions) -> Result<Read, SourceError> {
    let parts = vec![Input::bytes("sacct.log", format!("{HEADER}{rows}").as_bytes())];
    let mut source = Sacct.jobs(parts, options)?;
    let jobs = drain(&mut *source)?;
    Ok((jobs, notes_of(&*source)))
}

fn row(id: &str, name: &str) -> String {
    let times = "1970-01-02T00:00:00|1970-01-02T00:01:00|1970-01-02T01:01:00";
    format!("{id}|u|{times}|COMPLETED|2|18|16|2800Mc|cpu=16,gres/gpu=4|3-00:00:00|b[1-2]|{name}|\n")
}

#[test]
fn an_allocation_is_one_task_or_a_task_per_node() {
    let day = 86_400_000_000;
    let (jobs, _) = read(&row("7", "x"), &ReadOptions::default()).expect("reads");
    let group = &jobs[0].groups.as_slice()[0];
    assert_eq!((jobs[0].name.to_string().as_str(), jobs[0].submit.0), ("7", day));
    assert_eq!((group.count, group.ask.kind), (1, JobKind::Batch));
    assert_eq!(group.ask.request, Resources([16_000, 16 * 2_800, 0, 4_000, 0, 0, 0, 0]));
    assert_eq!(group.ask.gpu, GpuRequest { count: 4, milli: 1_000 });
    assert_eq!((group.ask.estimate, group.truth.run.of(0)), (Some(Span(3 * day)), Span::from_seconds(3_600)));
    assert_eq!(group.truth.recorded.as_ref().map(|recorded| recorded.node.clone()), Some(None), "two nodes");
    let gang = ReadOptions { job_as: JobAs::Gang, procs: Processors::Allocated, ..ReadOptions::default() };
    let (jobs, _) = read(&row("7", "x"), &gang).expect("reads");
    let group = &jobs[0].groups.as_slice()[0];
    assert_eq!((group.count, group.ask.kind), (2, JobKind::Gang));
    assert_eq!((group.ask.request[CPU], group.ask.request[MEMORY]), (9_000, 9 * 2_800));
    assert_eq!(group.ask.gpu.count, 2);
}

#[test]
fn a_name_may_hold_bars_and_line_ends() {
    let rows = [row("1", "a||b|"), row("2", "two\nlines|and a bar"), row("3", "plain")].concat();
    let (jobs, notes) = read(&rows, &ReadOptions::default()).expect("reads");
    assert_eq!(jobs.iter().map(|job| job.name.to_string()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn a_row_that_is_cut_does_not_swallow_the_next() {
    let rows = format!("9|u|1970-01-02T00:00:00|cut\n{}", row("1", "x"));
    let error = read(&rows, &ReadOptions::default()).expect_err("refused");
    assert!(error.message.contains("sacct.log line 2, row of 4 fields"), "{error}");
    let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    let (jobs, notes) = read(&rows, &skip).expect("reads");
    assert_eq!((jobs.len(), notes), (1, vec![("bad_row".to_owned(), 1)]));
}

#[test]
fn steps_and_what_never_ran_are_left_out_and_counted() {
    let never = "5_[7-9%2]|u|1970-01-02T00:00:00|Unknown|Unknown|PENDING|1|1|1|1G|||None assigned|x|\n";
    let running = "6|u|1970-01-02T00:00:00|1970-01-02T00:00:05|Unknown|RUNNING|1|1|1|1Gn||UNLIMITED|n1|x|\n";
    let rows = [row("1", "x").as_str(), row("1.batch", "x").as_str(), never, running].concat();
    let (jobs, notes) = read(&rows, &ReadOptions::default()).expect("reads");
    assert_eq!(jobs.iter().map(|job| job.name.to_string()).collect::<Vec<_>>(), ["1", "6"]);
    let group = &jobs[1].groups.as_slice()[0];
    assert_eq!((group.truth.run.of(0), group.ask.estimate, group.ask.request[MEMORY]), (Span::FOREVER, None, 1_024));
    assert_eq!(group.truth.recorded.as_ref().and_then(|recorded| recorded.node.clone()), Some(Name::new("n1")));
    let expected = [("never_ran", 1), ("steps_of_a_job", 1), ("still_running_at_the_end", 1)];
    assert_eq!(notes, expected.map(|(reason, count)| (reason.to_owned(), count)));
}

#[test]
fn the_words_are_read_exactly() {
    assert_eq!(words::time(b"1970-01-01T00:00:00"), Some(windtunnel_scheduler::Time(0)));
    assert_eq!(words::time(b"2000-03-01 00:00:00"), Some(windtunnel_scheduler::Time(951_868_800_000_000)));
    assert_eq!(words::time(b"2021-12-10T14:23:28"), Some(windtunnel_scheduler::Time(1_639_146_208_000_000)));
    for bad in ["Unknown", "None", "", "2021-13-10T14:23:28", "2021-12-10T25:23:28", "1969-12-31T23:59:59"] {
        assert_eq!(words::time(bad.as_bytes()), None, "{bad}");
    }
    assert_eq!(words::duration(b"1-00:00:01"), Some(Span::from_seconds(86_401)));
    assert_eq!(words::duration(b"05:07"), Some(Span::from_seconds(307)));
    assert_eq!(words::duration(b"Partition_Limit"), None);
    assert_eq!(words::mebibytes(b"2800Mc"), Some((2_800, words::Per::Cpu)));
    assert_eq!(words::mebibytes(b"1.5Gn"), Some((1_536, words::Per::Node)));
    assert_eq!(words::mebibytes(b"187000M"), Some((187_000, words::Per::Job)));
    assert_eq!(words::mebibytes(b"100K"), Some((1, words::Per::Job)), "rounded up");
    assert_eq!(words::mebibytes(b"xM"), None);
    assert_eq!(words::trackable(b"billing=12,cpu=12,gres/gpu=4", "gres/gpu"), Some(&b"4"[..]));
    assert_eq!(words::trackable(b"gres/gpu:a100=4", "gres/gpu"), None);
}

/// Lines of real clusters, with every trap.
#[test]
fn real_files_are_read() {
    let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    // Jobs, rows that make no sense, steps: counted by a script of its own over the same files.
    for (name, jobs, bad, steps) in
        [("simple", 4, 0, 0), ("dump2101", 12, 1, 2), ("dump2110", 2, 1, 2), ("submitline_multiline", 3, 1, 7)]
    {
        let Some(file) = data(&format!("slurm/sacct_{name}.log")) else { return };
        let mut source = Sacct.jobs(vec![Input::file(file)], &skip).expect("opens");
        let read = drain(&mut *source).expect("reads");
        let notes = notes_of(&*source);
        let count = |wanted: &str| notes.iter().find(|(reason, _)| reason == wanted).map_or(0, |(_, count)| *count);
        assert_eq!((read.len(), count("bad_row"), count("steps_of_a_job")), (jobs, bad, steps), "{name}: {notes:?}");
    }
}
