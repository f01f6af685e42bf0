use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::resources::Resources;

use super::*;
use crate::model::{Name, Node, Recorded, Truth};
use crate::read::tests::{drain, notes_of};

fn open(text: &str, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
    Native.jobs(vec![Input::bytes("tasks.csv", text.as_bytes())], options)
}

fn read(text: &str) -> Vec<Job> {
    drain(&mut *open(text, &ReadOptions::default()).expect("opens")).expect("reads")
}

fn error(text: &str) -> SourceError {
    match open(text, &ReadOptions::default()) {
        Err(error) => error,
        Ok(mut source) => drain(&mut *source).expect_err("must fail"),
    }
}

fn fleet(text: &str) -> Result<Fleet, SourceError> {
    Native.fleet(&Input::bytes("fleet.csv", text.as_bytes()), &ReadOptions::default())
}

#[test]
fn three_columns_are_enough() {
    let jobs = read("cpu_milli,submit_us,job_id\n500,7,a\n");
    assert_eq!((&jobs[0].name, jobs[0].submit), (&Name::new("a"), Time(7)));
    let Groups::One(group) = &jobs[0].groups else { panic!("one group") };
    assert_eq!((group.count, group.ask.request), (1, Resources::new(500, 0)));
    assert_eq!(group.truth.run, Run::Same(Span::FOREVER));
    assert_eq!((group.ask.kind, group.truth.recorded.clone(), group.truth.usage), (JobKind::Batch, None, None));
}

#[test]
fn every_column_finds_its_place() {
    let text = "job_id,task_index,submit_us,run_us,count,gang,cpu_milli,memory_mib,disk_mib,gpu_count,gpu_milli,\
                lane_net,estimate_us,priority,role,user,class,constraint,\
                fails,start_us,node,gpus,used_cpu_milli,used_lane_net\n\
                j,0,5,6,2,true,100,200,300,1,250,9,60,-3,r,u,c,zone!=x; has:ssd,true,8,n-1,0|2,50,4\n";
    let mut source = open(text, &ReadOptions::default()).expect("opens");
    let job = source.next_job().expect("reads").expect("a job");
    let words = [job.role, job.user, job.class].map(|label| source.labels().word(label).to_string());
    assert_eq!((words, job.priority), (["r", "u", "c"].map(String::from), -3));
    let constraints = [
        Constraint { attribute: "zone".into(), condition: Condition::NotIn(vec!["x".into()]) },
        Constraint { attribute: "ssd".into(), condition: Condition::Exists },
    ];
    let expected = Group {
        count: 2,
        ask: crate::model::Ask {
            kind: JobKind::Gang,
            request: Resources([100, 200, 300, 250, 9, 0, 0, 0]),
            gpu: GpuRequest { count: 1, milli: 250 },
            estimate: Some(Span(60)),
            constraints: Some(constraints.to_vec().into()),
        },
        truth: Truth {
            run: Run::Same(Span(6)),
            fails: true,
            usage: Some(Resources([50, 0, 0, 0, 4, 0, 0, 0])),
            recorded: Some(Recorded { start: Some(Time(8)), node: Some(Name::new("n-1")), gpus: GpuSet(0b101) }),
            ..Truth::default()
        },
    };
    assert_eq!(job.groups, Groups::One(expected));
}

#[test]
fn rows_of_one_job_become_groups() {
    let jobs = read(
        "job_id,submit_us,run_us,count,cpu_milli\n\
         a,0,5,2,100\na,0,5,1,100\n\
         b,0,5,2,100\nb,0,6,1,100\n\
         c,0,5,1,100\nc,0,5,1,200\nc,0,7,1,200\n",
    );
    let shapes: Vec<Vec<(u32, u32, Run)>> = jobs
        .iter()
        .map(|job| {
            let shape = |group: &Group| (group.count, group.ask.request[0], group.truth.run.clone());
            job.groups.as_slice().iter().map(shape).collect()
        })
        .collect();
    let each = |spans: &[u64]| Run::Each(spans.iter().map(|&span| Span(span)).collect());
    assert_eq!(shapes[0], [(3, 100, Run::Same(Span(5)))]);
    assert_eq!(shapes[1], [(3, 100, each(&[5, 5, 6]))]);
    assert_eq!(shapes[2], [(1, 100, Run::Same(Span(5))), (2, 200, each(&[5, 7]))]);
}

#[test]
fn a_large_count_costs_no_memory() {
    let jobs = read("job_id,submit_us,run_us,count,cpu_milli\na,0,5,2000000000,1\na,0,6,2000000000,1\n");
    let counts: Vec<u32> = jobs[0].groups.as_slice().iter().map(|group| group.count).collect();
    assert_eq!(counts, [2_000_000_000, 2_000_000_000]);
}

#[test]
fn gpu_columns_complete_each_other() {
    let gpu = |count: &str, milli: &str| {
        let jobs = read(&format!("job_id,submit_us,cpu_milli,gpu_count,gpu_milli\na,0,1,{count},{milli}\n"));
        let ask = &jobs[0].groups.as_slice()[0].ask;
        (ask.gpu.count, ask.gpu.milli, ask.request[3])
    };
    assert_eq!(gpu("4", ""), (4, 1_000, 4_000));
    assert_eq!(gpu("", "300"), (1, 300, 300));
    assert_eq!(gpu("0", ""), (0, 0, 0));
    assert_eq!(gpu("2", "1000"), (2, 1_000, 2_000));
}

#[test]
fn lanes_have_the_places_that_the_fleet_gives_them() {
    let options = ReadOptions { lanes: vec!["disk_io".into(), "net".into()], ..ReadOptions::default() };
    let text = "job_id,submit_us,cpu_milli,lane_other,lane_net\na,0,1,8,9\n";
    let jobs = drain(&mut *open(text, &options).expect("opens")).expect("reads");
    assert_eq!(jobs[0].groups.as_slice()[0].ask.request, Resources([1, 0, 0, 0, 0, 9, 8, 0]));
    let many = "job_id,submit_us,cpu_milli,lane_a,lane_b,lane_c,lane_d,lane_e\n";
    assert!(error(many).message.contains("lane `e` is one too many"), "{}", error(many));
}

#[test]
fn a_wrong_header_names_the_nearest_column() {
    for (text, what) in [
        ("job_id,sumbit_us,cpu_milli\n", "did you mean `submit_us`?"),
        ("job_id,cpu_milli\n", "`submit_us` is missing"),
        ("job_id,job_id,submit_us,cpu_milli\n", "twice"),
        ("job_id,submit_us,cpu_milli,lane_\n", "there is no column `lane_`"),
    ] {
        let error = error(text);
        assert!(error.message.contains("tasks.csv line 1") && error.message.contains(what), "{error}");
    }
}

#[test]
fn malformed_rows_name_line_column_text_and_expectation() {
    let header = "job_id,task_index,submit_us,run_us,count,gang,kind,cpu_milli,gpu_count,gpu_milli,priority,\
                  constraint,gpus,role\n";
    for (row, parts) in [
        ("b,,x,,,,,1,,,,,,", ["`submit_us`", "`x`", "microseconds"]),
        ("b,,,,,,,1,,,,,,", ["`submit_us`", "nothing", "microseconds"]),
        (",,1,,,,,1,,,,,,", ["`job_id`", "nothing", "name"]),
        ("b,,1,-5,,,,1,,,,,,", ["`run_us`", "`-5`", "microseconds"]),
        ("b,,1,,0,,,1,,,,,,", ["`count`", "`0`", "from 1"]),
        ("b,,1,,,maybe,,1,,,,,,", ["`gang`", "`maybe`", "`true`"]),
        ("b,,1,,,true,batch,1,,,,,,", ["`gang`", "`true`", "`kind`"]),
        ("b,,1,,,,cron,1,,,,,,", ["`kind`", "`cron`", "`service`"]),
        ("b,,1,,,,,4294967296,,,,,,", ["`cpu_milli`", "`4294967296`", "millicores"]),
        ("b,,1,,,,,,,,,,,", ["`cpu_milli`", "nothing", "millicores"]),
        ("b,,1,,,,,1,65,,,,,", ["`gpu_count`", "`65`", "64"]),
        ("b,,1,,,,,1,2,500,,,,", ["`gpu_milli`", "`500`", "1000"]),
        ("b,,1,,,,,1,0,500,,,,", ["`gpu_milli`", "`500`", "`gpu_count` is 0"]),
        ("b,,1,,,,,1,,,2147483648,,,", ["`priority`", "`2147483648`", "32 bits"]),
        ("b,,1,,,,,1,,,,ssd,,", ["`constraint`", "`ssd`", "has:ssd"]),
        ("b,,1,,,,,1,,,,,0|64,", ["`gpus`", "`0|64`", "below 64"]),
        ("b,1,1,,,,,1,,,,,,", ["`task_index`", "`1`", "first task"]),
        ("a,7,1,,,,,1,,,,,,", ["`task_index`", "`7`", "expected 1"]),
        ("a,,2,,,,,1,,,,,,", ["`submit_us`", "another value", "same"]),
        ("a,,1,,,,,1,,,,,,other", ["`role`", "another value", "same"]),
        ("a,,1,,4294967295,,,1,,,,,,", ["`count`", "`4294967295`", "2^32"]),
        ("b,,0,,,,,1,,,,,,", ["`submit_us`", "`0`", "sort"]),
        ("b,,1", ["row of 3 fields", "`b,,1`", "14"]),
    ] {
        let text = format!("{header}a,,1,,,,,1,,,,,,\n{row}\nz,,1,,,,,1,,,,,,\n");
        let error = error(&text);
        assert!(error.message.starts_with("tasks.csv line 3, "), "{row}: {error}");
        for part in parts {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        let skip = ReadOptions { on_bad_row: OnBadRow::Skip, ..ReadOptions::default() };
        let mut source = open(&text, &skip).expect("opens");
        assert_eq!(drain(&mut *source).expect("reads").len(), 2, "{row}");
        assert_eq!(notes_of(&*source), [("bad_row".to_string(), 1)]);
    }
}

#[test]
fn quotes_and_parts_and_shifts_are_understood() {
    let header = "job_id,submit_us,cpu_milli,start_us\n";
    let parts = vec![
        Input::bytes("a", format!("{header}\"x, \"\"y\"\"\n2\",5,1,6\n").as_bytes()),
        Input::bytes("b", format!("{header}z,7,1,\n").as_bytes()),
    ];
    let shift = ReadOptions { shift: true, ..ReadOptions::default() };
    let jobs = drain(&mut *Native.jobs(parts, &shift).expect("opens")).expect("reads");
    assert_eq!(jobs[0].name, Name::new("x, \"y\"\n2"));
    assert_eq!((jobs[0].submit, jobs[1].submit), (Time(0), Time(2)));
    let recorded = jobs[0].groups.as_slice()[0].truth.recorded.as_ref();
    assert_eq!(recorded.and_then(|recorded| recorded.start), Some(Time(1)));
    let other = vec![
        Input::bytes("a", format!("{header}x,5,1,\n").as_bytes()),
        Input::bytes("b", *b"job_id,submit_us,cpu_milli\n"),
    ];
    let mut source = Native.jobs(other, &ReadOptions::default()).expect("opens");
    assert!(drain(&mut *source).expect_err("header").message.contains("b line 1"));
}

#[test]
fn a_fleet_names_the_lanes_it_has_columns_for() {
    let text =
        "node,cpu_milli,memory_mib,gpus,lane_net,attribute_gpu_model,domain_rack\nn1,1000,5,2,10,T4,r1\n2,8,,,,,\n";
    let fleet = fleet(text).expect("reads");
    assert_eq!(fleet.lanes, 0b1_1011);
    assert_eq!(fleet.extra_lanes, ["net"]);
    let first = Node {
        name: Name::new("n1"),
        capacity: Resources([1_000, 5, 0, 2_000, 10, 0, 0, 0]),
        gpus: 2,
        attributes: vec![("gpu_model".into(), "T4".into())],
        domains: vec![("rack".into(), "r1".into())],
    };
    assert_eq!(fleet.nodes[0], first);
    assert_eq!(fleet.nodes[1].capacity, Resources::new(8, 0));
    assert!(fleet.nodes[1].attributes.is_empty() && fleet.nodes[1].domains.is_empty());
}

#[test]
fn a_malformed_fleet_names_line_column_text_and_expectation() {
    for (row, what) in [
        ("n1,5,0,", "found `n1`, expected a name that no node above has"),
        ("n2,x,0,", "found `x`"),
        ("n2,,0,", "found nothing"),
        ("n2,1,65,", "found `65`"),
        (",1,0,", "the name of a node"),
        ("n2,1", "row of 2 fields"),
    ] {
        let error = fleet(&format!("node,cpu_milli,gpus,attribute_a\nn1,1,1,\n{row}\n")).expect_err(row);
        assert!(error.message.starts_with("fleet.csv line 3, ") && error.message.contains(what), "{error}");
    }
    assert!(fleet("node,cpu_mili\n").expect_err("unknown").message.contains("`cpu_milli`"));
    assert!(fleet("node,cpu_milli\n").expect_err("empty").message.contains("no node"));
}

fn with(text: &str, set: impl FnOnce(&mut ReadOptions)) -> Result<Box<dyn Source + Send>, SourceError> {
    let mut options = ReadOptions::default();
    set(&mut options);
    open(text, &options)
}

#[test]
fn jobs_may_stand_in_a_table_of_their_own() {
    let jobs = Input::bytes("jobs.csv", *b"job_id,submit_us,role\na,1,r\nnone,2,s\nb,3,t\nlast,4,t\n");
    let tasks = "job_id,cpu_milli,run_us\na,100,7\na,200,8\nb,300,9\n";
    let mut source = with(tasks, |options| options.jobs = Some(jobs.clone())).expect("opens");
    let read = drain(&mut *source).expect("reads");
    let seen: Vec<(String, u64, &str, usize)> = read
        .iter()
        .map(|job| (job.name.to_string(), job.submit.0, source.labels().word(job.role), job.groups.as_slice().len()))
        .collect();
    assert_eq!(seen, [("a".into(), 1, "r", 2), ("b".into(), 3, "t", 1)]);
    assert_eq!(notes_of(&*source), [("job_without_tasks".into(), 2)]);
    let unknown = "job_id,cpu_milli\nb,1\na,1\n";
    let error = with(unknown, |options| options.jobs = Some(jobs.clone()))
        .and_then(|mut source| drain(&mut *source))
        .expect_err("out of order");
    assert!(error.message.contains("tasks.csv line 3") && error.message.contains("jobs.csv"), "{error}");
    let twice = with("job_id,cpu_milli,submit_us\na,1,1\n", |options| options.jobs = Some(jobs)).err();
    assert!(twice.expect("refused").message.contains("belongs into the jobs table"));
}

#[test]
fn usage_is_the_mean_over_windows_by_their_length() {
    let usage = Input::bytes(
        "usage.csv",
        *b"job_id,task_index,from_us,to_us,used_cpu_milli\nj,1,0,10,100\nj,1,10,40,500\nj,9,0,1,1\nx,0,0,1,1\n",
    );
    let tasks = "job_id,submit_us,cpu_milli,count,run_us,used_cpu_milli\nj,0,1000,3,5,7\n";
    let mut source = with(tasks, |options| options.usage = Some(usage)).expect("opens");
    let jobs = drain(&mut *source).expect("reads");
    let parts: Vec<(u32, Option<u32>)> =
        jobs[0].groups.as_slice().iter().map(|group| (group.count, group.truth.usage.map(|usage| usage[0]))).collect();
    assert_eq!(parts, [(1, Some(7)), (1, Some(400)), (1, Some(7))]);
    assert_eq!(notes_of(&*source), [("usage_of_no_job".into(), 1), ("usage_of_no_task".into(), 1)]);
    let wrong = Input::bytes("usage.csv", *b"job_id,from_us,to_us\nj,5,5\n");
    let error = with(tasks, |options| options.usage = Some(wrong)).err().expect("an empty window");
    assert!(error.message.contains("usage.csv line 2, column `to_us`"), "{error}");
}

#[test]
fn the_description_of_the_tables_is_whole() {
    use super::columns::{FLEET_COLUMNS, TASK_COLUMNS, USAGE_COLUMNS};
    let described = |table: &str| -> Vec<&str> {
        super::schema::COLUMNS
            .iter()
            .filter(|note| note.table == table && !note.name.contains('<'))
            .map(|note| note.name)
            .collect()
    };
    let sorted = |names: &mut dyn Iterator<Item = &'static str>| {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(&mut described("tasks").into_iter()), sorted(&mut TASK_COLUMNS.iter().map(|(name, _)| *name)));
    assert_eq!(sorted(&mut described("fleet").into_iter()), sorted(&mut FLEET_COLUMNS.into_iter()));
    assert_eq!(sorted(&mut described("usage").into_iter()), sorted(&mut USAGE_COLUMNS.iter().map(|(name, _)| *name)));
    // Those of the jobs table are read, and no other is.
    let jobs = described("jobs");
    let header = jobs.join(",");
    let cells = jobs.iter().map(|_| "1").collect::<Vec<_>>().join(",");
    let table = Input::bytes("jobs.csv", format!("{header}\n{cells}\n").into_bytes());
    let mut source = with("job_id,cpu_milli\n1,1\n", |options| options.jobs = Some(table)).expect("opens");
    assert_eq!(drain(&mut *source).expect("reads").len(), 1);
    let more = Input::bytes("jobs.csv", *b"job_id,submit_us,run_us\n1,1,1\n");
    assert!(with("job_id,cpu_milli\n1,1\n", |options| options.jobs = Some(more)).is_err());
}
