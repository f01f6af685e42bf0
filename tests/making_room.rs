//! Scenes of preemption and of constraints, from the scenario to the rows: each is a snapshot, to be read by eye.

use std::fmt::Write as _;
use std::process::Command;

use polars::prelude::*;

use crate::support::{Scratch, program};

/// Runs a scenario beside its files; its summary, and every attempt as `task on node: start to end, state`.
fn play(scratch: &Scratch, sets: &[&str]) -> (serde_json::Value, String) {
    let out = scratch.path().join("out");
    let mut command = Command::new(program());
    command.arg("run").arg(scratch.path().join("scene.toml")).arg("--out").arg(&out);
    for set in sets {
        command.args(["--set", set]);
    }
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{sets:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(out.join("summary.json")).expect("the summary is there");
    let file = std::fs::File::open(out.join("tasks.parquet")).expect("the rows are there");
    let frame = ParquetReader::new(file).finish().expect("the rows are Parquet");
    let text_of = |column: &str| {
        let column = frame.column(column).expect("the column is there").cast(&DataType::String).expect("text");
        let cells = column.str().expect("text").iter().map(|cell| cell.unwrap_or("-").to_owned());
        cells.collect::<Vec<String>>()
    };
    let seconds = |cell: &String| cell.parse::<f64>().map_or_else(|_| "-".to_owned(), |us| (us / 1e6).to_string());
    let (tasks, nodes, states) = (text_of("task_id"), text_of("node"), text_of("state"));
    let (starts, ends, lost) = (text_of("start_us"), text_of("end_us"), text_of("lost_work_us"));
    let mut lines = String::new();
    for row in 0..frame.height() {
        let (start, end) = (seconds(&starts[row]), seconds(&ends[row]));
        let _ = write!(lines, "{} on {}: {start} to {end} s, {}", tasks[row], nodes[row], states[row]);
        let _ = match seconds(&lost[row]).as_str() {
            "0" | "-" => writeln!(lines),
            lost => writeln!(lines, ", {lost} s lost"),
        };
    }
    (serde_json::from_str(&text).expect("the summary is JSON"), lines)
}

/// Three nodes full of unimportant work, then something important that needs half a node, and something that needs all.
const IMPORTANT: &str = "\
job_id,submit_us,run_us,cpu_milli,priority,kind,count
old,0,100000000,2000,1,,
oldest,0,100000000,2000,2,,
small,1000000,60000000,1000,1,batch,4
wide,3000000,80000000,4000,1,,
urgent,10000000,20000000,2000,5,,
urgent-too,12000000,20000000,4000,5,,
equal,14000000,1000000,4000,1,,
";

const PREEMPTION: &str = r#"name = "making-room"
[[fleet.group]]
name = "n"
count = 3
cpu = 4
[[workload]]
trace = { format = "native", path = "jobs.csv" }
[scheduler]
queue = "priority"
placement = "first-fit"
"#;

#[test]
fn what_each_preemption_policy_does() {
    let scratch = Scratch::new();
    scratch.write("scene.toml", PREEMPTION);
    scratch.write("jobs.csv", IMPORTANT);
    let mut scene = String::new();
    for policy in [
        r#""none""#,
        r#""priority""#,
        r#"{ name = "priority", mode = "cancel", grace = "5s" }"#,
        r#""kubernetes""#,
        r#""slurm""#,
    ] {
        let (summary, lines) = play(&scratch, &[&format!("scheduler.preemption={policy}")]);
        let _ = writeln!(scene, "# {policy}\n{lines}");
        assert_eq!(summary["conservation"]["cpu"]["residual"], 0.0, "{policy}");
        let tasks = |state: &str| summary["tasks"][state].as_u64().expect("a count");
        assert_eq!(tasks("finished") + tasks("evicted"), 10, "{policy}: nobody is forgotten");
    }
    insta::assert_snapshot!(scene);
}

/// Two teams over three nodes: the one fills them with work that is not important, the other has the rest.
const TEAMS: &str = r#"name = "teams"
[[fleet.group]]
name = "n"
count = 3
cpu = 4
[[workload]]
name = "patient"
trace = { format = "native", path = "patient.csv" }
[[workload]]
name = "pressing"
trace = { format = "native", path = "pressing.csv" }
[scheduler]
queue = "priority"
placement = "first-fit"
"#;

/// How many attempts were evicted, when they run; and that nobody was who is as important as the most important.
fn forced(lines: &str, never: &[&str]) -> usize {
    let evicted: Vec<&str> = lines.lines().filter(|line| line.contains("evicted")).collect();
    let wrong = evicted.iter().find(|line| never.iter().any(|name| line.starts_with(name)));
    assert!(wrong.is_none(), "{wrong:?} was as important");
    evicted.len()
}

#[test]
fn the_important_push_out_others_of_any_team() {
    let scratch = Scratch::new();
    scratch.write("scene.toml", TEAMS);
    let head = "job_id,submit_us,run_us,cpu_milli,priority,kind,count\n";
    scratch.write("patient.csv", &format!("{head}low,0,100000000,1000,1,batch,10\nhigh,0,100000000,1000,5,batch,2\n"));
    let pressing = "small,10000000,20000000,1000,5,batch,3\nwide,20000000,20000000,4000,4,,\n\
                    equal,21000000,20000000,4000,1,,\n";
    scratch.write("pressing.csv", &format!("{head}{pressing}"));
    let mut scene = String::new();
    let partition = r#"partition=[{name="all"}]"#;
    for sets in [
        &["scheduler.architecture=shared-state"][..],
        &["scheduler.architecture=shared-state", "scheduler.conflicts=coarse", "scheduler.commit=gang"],
        &[partition, "workload.0.partition=all", "workload.1.partition=all"],
        &["scheduler.backfill=conservative"],
    ] {
        let policy = r#"scheduler.preemption={ name = "priority", grace = "5s" }"#;
        let all: Vec<&str> = [policy].iter().chain(sets).copied().collect();
        let (summary, lines) = play(&scratch, &all);
        assert_eq!(summary["conservation"]["cpu"]["residual"], 0.0, "{sets:?}");
        assert_eq!(summary["tasks"]["finished"], 17, "{sets:?}: nobody is forgotten");
        assert!(forced(&lines, &["high", "small"]) >= 4, "{sets:?}: {lines}");
        assert_eq!(lines.matches("small").count(), 3, "{sets:?}: once in place it stays");
        assert_eq!(lines.matches(" 15 to 35 s, finished").count(), 3, "{sets:?}: when the grace is over\n{lines}");
        let _ = writeln!(scene, "# {sets:?}\n{lines}");
    }
    insta::assert_snapshot!(scene);
}

const CONSTRAINTS: &str = r#"name = "places"
[[fleet.group]]
name = "n"
count = 6
cpu = 8
zones = 2
attributes = { disk = "ssd" }
tasks = 4
[[fleet.group]]
name = "spot"
count = 2
cpu = 8
domains = { zone = 1 }
taints = ["spot:NoSchedule"]
[[workload]]
trace = { format = "native", path = "jobs.csv" }
[[workload]]
name = "tolerant"
trace = { format = "native", path = "more.csv" }
tolerations = ["spot"]
constraints = [{ attribute = "disk", exists = false, weight = 1 }, { attribute = "hostname", max_per = 2 }]
[stop]
at = "10s"
"#;

#[test]
fn constraints_of_workloads_and_of_rows_are_kept_side_by_side() {
    let scratch = Scratch::new();
    scratch.write("scene.toml", CONSTRAINTS);
    let jobs = "job_id,submit_us,run_us,cpu_milli,count,kind,constraint\n\
                agent,0,,500,1,daemon,disk=ssd\n\
                db,1000000,,1000,3,service,hostname UNIQUE; zone CLUSTER zone-1\n\
                web,2000000,,1000,5,service,zone GROUP_BY 2\n\
                pin,3000000,5000000,1000,3,,hostname LIKE n-[02]\n\
                nowhere,4000000,5000000,1000,1,,disk IS hdd\n";
    scratch.write("jobs.csv", jobs);
    scratch.write("more.csv", "job_id,submit_us,run_us,cpu_milli,count\nmore,5000000,2000000,1000,7\n");
    let (summary, lines) = play(&scratch, &[]);
    assert_eq!(summary["tasks"]["pending_at_end"], 1, "no node has such a disk");
    insta::assert_snapshot!(lines);
}
