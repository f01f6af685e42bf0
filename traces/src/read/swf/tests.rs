use super::*;
use crate::read::tests::{drain, notes_of};
use crate::read::{Overrun, Processors};

/// A row with the fields that matter: number, submit, wait, run, allocated, requested, limit, status.
fn row(fields: [&str; 8]) -> String {
    let [number, submit, wait, run, allocated, requested, limit, status] = fields;
    format!("{number} {submit} {wait} {run} {allocated} -1 -1 {requested} {limit} -1 {status} 3 7 -1 2 -1 -1 -1\n")
}

fn open(text: &str, options: &ReadOptions) -> Result<SwfSource, SourceError> {
    SwfSource::open(vec![Input::bytes("log.swf", text.as_bytes())], options)
}

fn read(text: &str, options: &ReadOptions) -> (Vec<Job>, Vec<(String, u64)>) {
    let mut source = open(text, options).expect("opens");
    let jobs = drain(&mut source).expect("reads");
    (jobs, notes_of(&source))
}

fn plain(text: &str) -> (Vec<Job>, Vec<(String, u64)>) {
    read(text, &ReadOptions::default())
}

fn error(text: &str) -> SourceError {
    match open(text, &ReadOptions::default()) {
        Err(error) => error,
        Ok(mut source) => drain(&mut source).expect_err("must fail"),
    }
}

fn group(job: &Job) -> &Group {
    &job.groups.as_slice()[0]
}

fn noted(notes: &[(String, u64)], reason: &str) -> u64 {
    notes.iter().find(|(name, _)| name == reason).map_or(0, |(_, count)| *count)
}

#[test]
fn every_field_finds_its_place() {
    let text = "7 100 20 300 4 -1 -1 8 600 2048 1 12 34 -1 5 -1 -1 -1\n";
    let mut source = open(text, &ReadOptions::default()).expect("opens");
    let job = source.next_job().expect("reads").expect("a job");
    let words = [job.user, job.role, job.class].map(|label| source.labels().word(label).to_string());
    assert_eq!(words, ["12", "34", "5"]);
    assert_eq!((&job.name, job.submit), (&Name::Number(7), Time(100_000_000)));
    let group = group(&job);
    assert_eq!((group.count, group.ask.kind), (1, JobKind::Batch));
    assert_eq!(group.ask.request, Resources::new(8_000, 16));
    assert_eq!(group.ask.estimate.map(|span| span.0), Some(600_000_000));
    assert_eq!(group.truth.run.of(0).0, 300_000_000);
    assert_eq!(group.truth.recorded.as_ref().and_then(|recorded| recorded.start), Some(Time(120_000_000)));
    assert!(!group.truth.fails);
    assert_eq!(source.next_job(), Ok(None));
    assert!(source.notes().is_empty());
}

#[test]
fn a_job_is_one_wide_task_or_a_gang_of_narrow_ones() {
    let text = "1 0 0 10 4 -1 -1 8 10 1500 1 1 1 -1 1 -1 -1 -1\n";
    let (jobs, notes) = read(text, &ReadOptions { job_as: JobAs::Gang, ..ReadOptions::default() });
    let gang = group(&jobs[0]);
    assert_eq!((gang.count, gang.ask.kind), (8, JobKind::Gang));
    assert_eq!(gang.ask.request, Resources::new(1_000, 2), "1500 KiB are rounded up to 2 MiB");
    assert_eq!(noted(&notes, "memory_rounded_up_to_mib"), 1);
    let (jobs, _) = plain(text);
    assert_eq!(group(&jobs[0]).ask.request, Resources::new(8_000, 12), "8 x 1500 KiB are rounded once");
}

#[test]
fn allocated_and_requested_processors_differ() {
    let text = row(["1", "0", "0", "5", "4", "8", "9", "1"]) + &row(["2", "1", "0", "5", "4", "-1", "9", "1"]);
    let cpus = |procs| -> Vec<u32> {
        let (jobs, _) = read(&text, &ReadOptions { procs, ..ReadOptions::default() });
        jobs.iter().map(|job| group(job).ask.request[CPU]).collect()
    };
    assert_eq!(cpus(Processors::Requested), [8_000, 4_000]);
    assert_eq!(cpus(Processors::Allocated), [4_000, 4_000]);
    assert_eq!(cpus(Processors::Larger), [8_000, 4_000]);
}

#[test]
fn a_run_beyond_the_request_is_clipped_or_kept_and_counted() {
    let text = row(["1", "0", "0", "100", "1", "1", "60", "1"]) + &row(["2", "0", "0", "60", "1", "1", "60", "1"]);
    let (jobs, notes) = plain(&text);
    assert_eq!(group(&jobs[0]).truth.run.of(0).0, 60_000_000);
    assert_eq!(notes, [("run_clipped_to_request".to_string(), 1)]);
    let (jobs, notes) = read(&text, &ReadOptions { overrun: Overrun::Extend, ..ReadOptions::default() });
    assert_eq!(group(&jobs[0]).truth.run.of(0).0, 100_000_000);
    assert_eq!(group(&jobs[0]).ask.estimate.map(|span| span.0), Some(60_000_000));
    assert_eq!(notes, [("run_beyond_request".to_string(), 1)]);
    let (jobs, notes) = read(&text, &ReadOptions { overrun: Overrun::Kill, ..ReadOptions::default() });
    let ends: Vec<_> = jobs.iter().map(|job| (group(job).truth.run.of(0).0, group(job).truth.killed)).collect();
    assert_eq!(ends, [(60_000_000, true), (60_000_000, false)]);
    assert_eq!(notes, [("run_killed_at_request".to_string(), 1)]);
}

#[test]
fn without_a_requested_time_there_is_no_estimate() {
    let (jobs, _) = plain(&row(["1", "0", "-1", "100", "1", "1", "-1", "1"]));
    assert_eq!(group(&jobs[0]).ask.estimate, None);
    assert_eq!(group(&jobs[0]).truth.recorded, None, "an unknown wait is no start");
}

#[test]
fn rows_that_are_no_jobs_are_counted_by_reason() {
    let text = [
        row(["1", "0", "0", "0", "1", "1", "9", "1"]),
        row(["2", "0", "0", "-1", "1", "1", "9", "5"]),
        row(["3", "0", "0", "5", "-1", "0", "9", "1"]),
        row(["4", "0", "0", "5", "1", "1", "9", "2"]),
        row(["4", "0", "0", "5", "1", "1", "9", "3"]),
        row(["4", "0", "0", "5", "1", "1", "9", "1"]),
        row(["5", "-1", "0", "5", "1", "1", "9", "1"]),
        row(["6", "0", "-1", "0", "-1", "1", "9", "5"]),
        row(["7", "0", "0", "5", "1", "1", "9", "0"]),
    ]
    .concat();
    let (jobs, notes) = plain(&text);
    let names: Vec<String> = jobs.iter().map(|job| job.name.to_string()).collect();
    assert_eq!(names, ["1", "4", "6", "7"], "a run of 0 s is less than half a second, not unknown");
    assert_eq!(group(&jobs[0]).truth.run.of(0), windtunnel_scheduler::time::Span::ZERO);
    assert!(group(&jobs[3]).truth.fails && !group(&jobs[1]).truth.fails);
    let reasons = ["run_unknown", "no_processors", "partial_execution", "submit_unknown", "cancelled_before_start"];
    assert_eq!(reasons.map(|reason| noted(&notes, reason)), [1, 1, 2, 1, 1]);
}

#[test]
fn jobs_wider_than_the_machine_are_left_out() {
    let jobs = row(["1", "0", "0", "5", "1", "101", "9", "1"]) + &row(["2", "0", "0", "5", "1", "100", "9", "1"]);
    for header in ["; MaxProcs: 100\n", "; MaxNodes: 100 (two partitions)\n", "; MaxNodes: 7\n; MaxProcs: 100\n"] {
        let (read, notes) = plain(&(header.to_string() + &jobs));
        assert_eq!((read.len(), noted(&notes, "wider_than_machine")), (1, 1), "{header}");
    }
    let wide = ReadOptions { max_processors: Some(200), ..ReadOptions::default() };
    assert_eq!(read(&("; MaxProcs: 100\n".to_string() + &jobs), &wide).0.len(), 2);
    assert_eq!(plain(&jobs).0.len(), 2, "without a header nothing is too wide");
}

#[test]
fn submits_that_do_not_begin_at_0_stay_unless_told() {
    let text = row(["1", "500", "5", "5", "1", "1", "9", "1"]) + &row(["2", "600", "5", "5", "1", "1", "9", "1"]);
    let submits = |shift| -> Vec<(u64, u64)> {
        let (jobs, _) = read(&text, &ReadOptions { shift, ..ReadOptions::default() });
        let start = |job: &Job| group(job).truth.recorded.as_ref().and_then(|recorded| recorded.start);
        jobs.iter().map(|job| (job.submit.0 / 1_000_000, start(job).map_or(0, |start| start.0 / 1_000_000))).collect()
    };
    assert_eq!(submits(false), [(500, 505), (600, 605)]);
    assert_eq!(submits(true), [(0, 5), (100, 105)]);
}

#[test]
fn decimals_are_exact_in_times_and_rounded_up_in_processors() {
    let (jobs, notes) = plain(&row(["1", "0.25", "0.000001", "1.123456", "2.0", "2.5", "1.5", "1"]));
    assert_eq!(jobs[0].submit, Time(250_000));
    assert_eq!(group(&jobs[0]).truth.run.of(0).0, 1_123_456);
    assert_eq!(group(&jobs[0]).truth.recorded.as_ref().and_then(|recorded| recorded.start), Some(Time(250_001)));
    assert_eq!(group(&jobs[0]).ask.request[CPU], 3_000);
    assert_eq!(notes, [("processors_rounded_up".to_string(), 1)]);
    let (jobs, notes) = plain(&row(["1.0", "0", "0", "1.1234567", "1", "1", "9", "1"]));
    assert_eq!(group(&jobs[0]).truth.run.of(0).0, 1_123_457);
    assert_eq!(notes, [("time_rounded_to_us".to_string(), 1)]);
    let wrong = error(&row(["1.5", "0", "0", "1", "1", "1", "9", "1"]));
    assert!(wrong.message.contains("field 1 (job number)") && wrong.message.contains("`1.5`"), "{wrong}");
}

#[test]
fn rows_out_of_order_are_sorted_within_a_window() {
    let text = row(["1", "50", "0", "5", "1", "1", "9", "1"])
        + &row(["2", "10", "0", "5", "1", "1", "9", "1"])
        + &row(["3", "50", "0", "5", "1", "1", "9", "1"])
        + &row(["4", "10", "0", "5", "1", "1", "9", "1"]);
    let (jobs, notes) = plain(&text);
    let names: Vec<String> = jobs.iter().map(|job| job.name.to_string()).collect();
    assert_eq!(names, ["2", "4", "1", "3"], "equal submits keep the order of the file");
    assert_eq!(noted(&notes, "sorted_by_submit"), 2);
}

#[test]
fn a_row_too_late_for_the_window_is_an_error_with_its_line() {
    let mut text = String::new();
    for number in 0..=WINDOW {
        text += &row([&number.to_string(), "100", "0", "5", "1", "1", "9", "1"]);
    }
    text += &row(["70000", "3", "0", "5", "1", "1", "9", "1"]);
    let late = error(&text);
    assert!(late.message.contains(&format!("line {}", WINDOW + 2)), "{late}");
    assert!(late.message.contains("submit time"), "{late}");
    let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
    let (jobs, notes) = read(&text, &skip);
    assert_eq!((jobs.len(), noted(&notes, "too_late_to_sort")), (WINDOW + 1, 1));
}

#[test]
fn blanks_and_tabs_and_line_ends_of_any_kind_set_fields_apart() {
    let fields = "1 0 5 9 4 -1 -1 4 9 -1 1 1 1 -1 1 -1 -1 -1";
    for text in [
        format!("   {fields}\n"),
        format!("\t{}\r\n", fields.replace(' ', "\t \t")),
        format!("\n\n{fields}"),
        format!("; Version: 2.2\r\n\r\n{fields}\r\n\r\n; the end\r\n"),
    ] {
        assert_eq!(plain(&text).0.len(), 1, "{text:?}");
    }
}

#[test]
fn the_header_is_read_with_its_continuations() {
    let text =
        "; Version: 2.2\n; Information: http://one\n;              http://two\n;\n; MaxJobs: 3\n; MaxRecords: 4\n\
                ; UnixStartTime: 843480031\n; TimeZoneString: Europe/Stockholm\n; MaxNodes: 100 (of 128)\n\
                ; MaxProcs: 200\n; Note: a : b\n"
            .to_string()
            + &row(["1", "0", "0", "5", "1", "1", "9", "1"])
            + "; MaxProcs: 1\n";
    let mut source = open(&text, &ReadOptions::default()).expect("opens");
    drain(&mut source).expect("reads");
    let header = source.header();
    assert_eq!(header.directives[1], ("Information".into(), "http://one\nhttp://two".into()));
    assert_eq!((header.max_jobs, header.max_records, header.rows()), (Some(3), Some(4), Some(4)));
    assert_eq!((header.max_nodes, header.max_procs, header.width()), (Some(100), Some(200), Some(200)));
    assert_eq!(header.unix_start_time, Some(843_480_031));
    assert_eq!(header.time_zone.as_deref(), Some("Europe/Stockholm"));
    assert_eq!(noted(&notes_of(&source), "header_count_differs"), 1);
}

#[test]
fn gaps_and_repeats_in_the_numbering_are_counted() {
    let text: String =
        ["3", "4", "8", "8", "9"].map(|number| row([number, "0", "0", "5", "1", "1", "9", "1"])).concat();
    let (_, notes) = plain(&text);
    assert_eq!(noted(&notes, "job_numbers_missing"), 3);
    assert_eq!(noted(&notes, "job_number_not_ascending"), 1);
}

#[test]
fn a_file_that_is_another_format_says_so_on_line_1() {
    let wide = format!("{} 1 2 3\n", row(["1", "0", "0", "5", "1", "1", "9", "1"]).trim_end()).repeat(3);
    for (text, what) in [
        ("; 1 ; 2 ; 3\n; 4 ; 5 ; 6\n".to_string(), "comment"),
        (wide, "21 fields"),
        ("1,2,3\n".to_string(), "1 field "),
        (String::new(), "empty"),
        ("\n\n".to_string(), "blank"),
    ] {
        let error = error(&text);
        assert!(error.message.contains("log.swf line 1") && error.message.contains(what), "{error}");
    }
}

#[test]
fn a_log_without_a_single_job_is_an_error() {
    let error = error(&row(["1", "0", "0", "-1", "1", "1", "9", "5"]));
    assert!(error.message.contains("none of its 1 rows") && error.message.contains("1 run_unknown"), "{error}");
}

#[test]
fn a_malformed_row_names_file_line_field_text_and_expectation() {
    let good = row(["1", "0", "0", "5", "1", "1", "9", "1"]);
    for (bad, parts) in [
        (row(["2", "0", "0", "five", "1", "1", "9", "1"]), ["field 4 (run time)", "`five`", "a number"]),
        (row(["2", "0", "0", "1e5", "1", "1", "9", "1"]), ["field 4 (run time)", "`1e5`", "a number"]),
        (row(["2", "99999999999999", "0", "5", "1", "1", "9", "1"]), ["field 2 (submit time)", "9999", "seconds"]),
        (row(["2", "0", "0", "5", "1", "9999999", "9", "1"]), ["field 8", "`9999999`", "at most"]),
        (row(["2", "0", "0", "5", "1", "18446744073709551615.5", "9", "1"]), ["field 8", "5.5`", "at most"]),
        (row(["-2", "0", "0", "5", "1", "1", "9", "1"]), ["field 1 (job number)", "`-2`", "from 0"]),
        ("2 0 0 5 1\n".to_string(), ["row of 5 fields", "`2 0 0 5 1`", "18 fields"]),
    ] {
        let text = format!("; Version: 2\n{good}{bad}{good}");
        let error = error(&text);
        assert!(error.message.starts_with("log.swf line 3, "), "{error}");
        for part in parts {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        assert!(error.hints[0].contains("--on-bad-row skip"));
        let (jobs, notes) = read(&text, &ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() });
        assert_eq!((jobs.len(), noted(&notes, "bad_row")), (2, 1), "{bad}");
    }
}

#[test]
fn several_parts_are_one_stream_and_errors_name_the_part() {
    let part = |number: &str, submit: &str| {
        "; MaxProcs: 9\n".to_string() + &row([number, submit, "0", "5", "1", "1", "9", "1"])
    };
    let inputs =
        |second: &str| vec![Input::bytes("one", part("1", "5").as_bytes()), Input::bytes("two", second.as_bytes())];
    let mut source = SwfSource::open(inputs(&part("2", "6")), &ReadOptions::default()).expect("opens");
    assert_eq!(drain(&mut source).expect("reads").len(), 2);
    assert!(source.notes().is_empty(), "{:?}", source.notes());
    let mut source = SwfSource::open(inputs("; \nx\n"), &ReadOptions::default()).expect("opens");
    assert!(drain(&mut source).expect_err("bad").message.starts_with("two line 2"));
    assert_eq!(source.next_job(), Ok(None), "after an error the stream is over");
}
