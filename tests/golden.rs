//! Library scenarios with their numbers and fingerprints, and what must hold between the files of one run.

use std::path::Path;
use std::process::Command;

use polars::prelude::*;

use crate::support::{Scratch, data_root, program};

/// Runs a scenario of the library into `out` and gives its summary.
fn summary_of(scenario: &str, out: &Path, sets: &[&str]) -> serde_json::Value {
    let mut command = Command::new(program());
    command.args(["run", scenario, "--out"]).arg(out).env("WINDTUNNEL_DATA", data_root());
    for set in sets {
        command.args(["--set", set]);
    }
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(out.join("summary.json")).expect("the summary is there");
    serde_json::from_str(&text).expect("the summary is JSON")
}

fn tasks_of(out: &Path) -> DataFrame {
    let file = std::fs::File::open(out.join("tasks.parquet")).expect("the rows are there");
    ParquetReader::new(file).finish().expect("the rows are Parquet")
}

fn whole(frame: &DataFrame, column: &str) -> Vec<Option<i64>> {
    let column = frame.column(column).expect("the column is there").cast(&DataType::Int64).expect("whole numbers");
    column.i64().expect("whole numbers").iter().collect()
}

/// Busy lane-seconds out of the rows alone must be what the conservation sums say.
fn busy_agrees(summary: &serde_json::Value, out: &Path) {
    let frame = tasks_of(out);
    let end_us =
        (summary["conservation"]["cpu"]["capacity"].as_f64().expect("a number") / cores_of(out) * 1e6).round() as i64;
    let (place, end) = (whole(&frame, "place_us"), whole(&frame, "end_us"));
    let (count, cpu) = (whole(&frame, "count"), whole(&frame, "requested_cpu_milli"));
    let mut busy: i128 = 0;
    for row in 0..frame.height() {
        if let Some(from) = place[row] {
            let held = end[row].unwrap_or(end_us) - from;
            busy += i128::from(held) * i128::from(count[row].unwrap_or(1)) * i128::from(cpu[row].unwrap_or(0));
        }
    }
    let said = summary["conservation"]["cpu"]["busy"].as_f64().expect("a number")
        + summary["conservation"]["cpu"]["lost"].as_f64().expect("a number");
    let ours = busy as f64 / 1e9;
    assert!((ours - said).abs() <= 1e-9 * said.abs(), "rows say {ours} core-seconds, the summary says {said}");
    assert_eq!(summary["conservation"]["cpu"]["residual"].as_f64(), Some(0.0));
}

fn cores_of(out: &Path) -> f64 {
    let file = std::fs::File::open(out.join("nodes.parquet")).expect("the nodes are there");
    let frame = ParquetReader::new(file).finish().expect("the nodes are Parquet");
    whole(&frame, "capacity_cpu_milli").into_iter().flatten().sum::<i64>() as f64 / 1000.0
}

fn every_task_is_in_one_state(summary: &serde_json::Value) {
    let tasks = summary["tasks"].as_object().expect("a table");
    let states: u64 = tasks.iter().filter(|(name, _)| *name != "submitted").filter_map(|(_, n)| n.as_u64()).sum();
    assert_eq!(tasks["submitted"].as_u64(), Some(states), "{tasks:?}");
}

#[test]
fn quickstart() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("quickstart", &out, &[]);
    every_task_is_in_one_state(&summary);
    busy_agrees(&summary, &out);
    insta::assert_snapshot!(std::fs::read_to_string(out.join("summary.json")).expect("it was read before"));
}

#[test]
fn what_is_really_used_stands_beside_what_is_allocated() {
    let scratch = Scratch::new();
    scratch.write(
        "scenario.toml",
        "name = \"usage\"\nworkload = [{ trace = { path = \"tasks.csv\" } }]\n\
         [[fleet.group]]\nname = \"m\"\ncount = 1\ncpu = 4\n",
    );
    let rows = "job_id,submit_us,run_us,cpu_milli,used_cpu_milli\na,0,10000000,2000,1000\nb,0,5000000,1000,500\n";
    scratch.write("tasks.csv", rows);
    let out = scratch.path().join("out");
    let scenario = scratch.path().join("scenario.toml");
    let summary = summary_of(&scenario.display().to_string(), &out, &[]);
    // Of 4 cores over 10 s: 2 and 1 asked for 10 and 5 s, half of it used.
    assert_eq!(summary["allocation"]["cpu"]["mean"].as_f64(), Some(0.625));
    assert_eq!(summary["usage"]["cpu"]["mean"].as_f64(), Some(0.3125));
    let page = std::fs::read_to_string(out.join("report.html")).expect("the page is there");
    assert!(page.contains("really used"), "the picture shows it");
}

/// The expected numbers are those of a script outside this repository, which joins the intervals of each machine in the
/// raw file: node 0 has 118 records of 134,309 minutes in all, which are 133,371 minutes down once overlaps are joined;
/// all 400 machines with records were down for 510,163 minutes.
#[test]
fn lanl_machines_are_up_for_as_long_as_the_record_says() {
    if crate::support::data_file("failures/LA-UR-05-7318-failure-data-1996-2005.csv.xz").is_none() {
        return;
    }
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("lanl", &out, &[]);
    every_task_is_in_one_state(&summary);
    busy_agrees(&summary, &out);
    let nodes = ParquetReader::new(std::fs::File::open(out.join("nodes.parquet")).expect("the nodes are there"));
    let nodes = nodes.finish().expect("the nodes are Parquet");
    let down = whole(&nodes, "down_us");
    let minutes = |us: i64| us as f64 / 6e7;
    assert_eq!(down[0].map(minutes), Some(133_371.0));
    assert_eq!(minutes(down.iter().flatten().sum()), 510_163.0);
    let span = 1_360.0 * 1_440.0;
    for (name, down) in [("min", 133_371.0 / span), ("mean", 510_163.0 / (span * 512.0))] {
        let said = summary["availability"][name].as_f64().expect("a number");
        // The last digit is the rounding of a quotient.
        assert!((said - (1.0 - down)).abs() < 1e-15, "{name}: {said}");
    }
}

#[test]
fn requests_may_come_from_what_is_used() {
    let scratch = Scratch::new();
    scratch.write(
        "scenario.toml",
        "name = \"sized\"\nworkload = [{ trace = { path = \"tasks.csv\" } }]\n\
         [[fleet.group]]\nname = \"m\"\ncount = 1\ncpu = 4\n",
    );
    let rows = "job_id,submit_us,run_us,cpu_milli,used_cpu_milli\na,0,10000000,2000,1000\nb,0,5000000,1000,500\n";
    scratch.write("tasks.csv", rows);
    let out = scratch.path().join("out");
    let scenario = scratch.path().join("scenario.toml").display().to_string();
    // 4 cores for 10 s; both tasks ask for 1,000 millicores and a tenth, the one for 10 s and the other for 5 s.
    let summary = summary_of(&scenario, &out, &["workload.0.requests.cpu=max of usage + 10%"]);
    assert_eq!(summary["allocation"]["cpu"]["mean"].as_f64(), Some(1.1 * 15.0 / 40.0));
    assert_eq!(summary["usage"]["cpu"]["mean"].as_f64(), Some(0.3125));
    busy_agrees(&summary, &out);
}

#[test]
fn openb_every_pod_is_accounted_for() {
    if crate::support::data_file("openb/openb_pod_list_default.csv").is_none() {
        return;
    }
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("openb", &out, &[]);
    every_task_is_in_one_state(&summary);
    assert_eq!(summary["tasks"]["submitted"].as_u64(), Some(8152));
    busy_agrees(&summary, &out);
    insta::assert_snapshot!(summary["fingerprint"].as_str().unwrap_or_default());
}

#[test]
fn fgd_from_the_library() {
    if crate::support::data_file("openb/fgd/seed42_pods.csv.gz").is_none() {
        return;
    }
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("fgd", &out, &[]);
    every_task_is_in_one_state(&summary);
    let tasks = |state: &str| summary["tasks"][state].as_u64();
    assert_eq!(
        (tasks("submitted"), tasks("rejected"), tasks("running_at_end")),
        (Some(10_866), Some(2_532), Some(8_334))
    );
    // What the study's README prints of the end of this run.
    let at_end = |lane: &str| summary["allocation"][lane]["at_end"].as_f64().expect("a share");
    assert!((at_end("cpu") - 89_928_302.0 / 107_018_000.0).abs() < 1e-9, "{}", at_end("cpu"));
    assert!((at_end("gpu") - 5_919_410.0 / 6_212_000.0).abs() < 1e-9, "{}", at_end("gpu"));
    insta::assert_snapshot!(summary["fingerprint"].as_str().unwrap_or_default());
}

#[test]
fn kth_sp2_from_the_library() {
    if crate::support::data_file("swf/KTH-SP2-strong.swf").is_none() {
        return;
    }
    let scratch = Scratch::new();
    let summary = summary_of("kth-sp2", &scratch.path().join("out"), &[]);
    assert_eq!(format!("{:.6}", summary["wait_s"]["mean"].as_f64().unwrap_or(0.0)), "353776.409150");
    let sets = ["model.instant=per-event"];
    let summary = summary_of("kth-sp2", &scratch.path().join("per-event"), &sets);
    assert_eq!(format!("{:.6}", summary["bounded_slowdown"]["mean"].as_f64().unwrap_or(0.0)), "6814.973310");
    let summary = summary_of("kth-sp2-easy", &scratch.path().join("easy"), &sets);
    assert_eq!(format!("{:.6}", summary["bounded_slowdown"]["mean"].as_f64().unwrap_or(0.0)), "92.576540");
}

/// The tables of these sections of the page, a line per row, without the tags.
fn tables_of(out: &Path, sections: &[&str]) -> String {
    let page = std::fs::read_to_string(out.join("report.html")).expect("the page is there");
    let mut text = String::new();
    for section in sections {
        let from = page.find(&format!("<section id=\"{section}\">")).expect("the section is there");
        let end = from + page[from..].find("</section>").expect("it ends");
        let table = from + page[from..end].find("<table").expect("it has a table");
        text.push_str(&format!("{section}:\n"));
        let rows = page[table..end].replace("</tr>", "\n").replace("</th>", " | ").replace("</td>", " | ");
        let mut inside = false;
        for letter in rows.chars() {
            match letter {
                '<' => inside = true,
                '>' => inside = false,
                _ if inside => {}
                letter => text.push(letter),
            }
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The row of the radius of a blast for one domain.
fn blast_of(out: &Path, domain: &str) -> [i64; 3] {
    let file = std::fs::File::open(out.join("page/blast.parquet")).expect("the radius was asked for");
    let frame = ParquetReader::new(file).finish().expect("the rows are Parquet");
    let names = frame.column("domain").expect("the column is there").cast(&DataType::String).expect("names are text");
    let names: Vec<Option<&str>> = names.str().expect("names are text").iter().collect();
    let row = names.iter().position(|name| *name == Some(domain)).expect("the domain is there");
    ["tasks", "services", "services_below"].map(|column| whole(&frame, column)[row].expect("a number"))
}

#[test]
fn zone_loss_takes_what_the_radius_of_the_blast_said() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("zone-loss", &out, &[]);
    every_task_is_in_one_state(&summary);
    busy_agrees(&summary, &out);
    let [tasks, services, _] = blast_of(&out, "zone-1");
    assert_eq!(summary["loss"]["tasks"].as_i64(), Some(tasks), "what was lost is what was said to be at stake");
    assert!(tasks > 100 && services > 10, "{tasks} {services}");
    assert_eq!(summary["availability"]["failures"].as_i64(), Some(30));
    let rows = tasks_of(&out);
    let states = rows.column("state").expect("the column is there").cast(&DataType::String).expect("states are text");
    let lost = states.str().expect("states are text").iter().filter(|state| *state == Some("lost")).count() as i64;
    let in_vain = summary["loss"]["placed_in_vain"].as_i64().expect("a number");
    assert_eq!(lost, tasks + in_vain, "a row for each, and for each that was sent where nobody was");
    insta::assert_snapshot!(std::fs::read_to_string(out.join("summary.json")).expect("it was read before"));
    insta::assert_snapshot!("zone_loss_on_the_page", tables_of(&out, &["numbers", "outages", "blast"]));
}

/// A master that takes in ten agents a second has a thousand of them at the door when a zone is back: they are turned
/// away and come again, and what runs twice does so a minute longer.
#[test]
fn a_thundering_herd_is_taken_in_as_fast_as_the_master_can() {
    let scratch = Scratch::new();
    let [slow, quick] = ["10/s", "1000/s"].map(|limit| {
        let out = scratch.path().join(limit.replace('/', "-"));
        let summary = summary_of("thundering", &out, &[&format!("model.detection.register_limit={limit}")]);
        every_task_is_in_one_state(&summary);
        assert_eq!(summary["conservation"]["cpu"]["residual"], 0.0);
        // All of the zone's tasks run on unheard while others run in their place.
        assert_eq!((&summary["belief"]["double_runs"], &summary["loss"]["tasks"]), (&2000.into(), &2000.into()));
        let detected = summary["detect_s"]["mean"].as_f64().expect("a number");
        assert!((75.0..=90.0).contains(&detected), "five pings of 15 s, the first at any phase: {detected}");
        let refused = summary["belief"]["registrations_refused"].as_i64().expect("a number");
        (refused, summary["belief"]["double_s"].as_f64().expect("a number") / 2_000.0)
    });
    assert_eq!((slow.0, quick.0), (6_088, 689));
    let longer = slow.1 - quick.1;
    assert!((50.0..=100.0).contains(&longer), "half of 100 s, and what is lost by coming at the wrong time: {longer}");
}

#[test]
fn failures_of_a_month() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let summary = summary_of("failures", &out, &[]);
    every_task_is_in_one_state(&summary);
    busy_agrees(&summary, &out);
    insta::assert_snapshot!(std::fs::read_to_string(out.join("summary.json")).expect("it was read before"));
    insta::assert_snapshot!("failures_of_a_month_on_the_page", tables_of(&out, &["numbers", "outages"]));
}

#[test]
fn the_radius_of_a_recorded_placement_comes_from_the_trace() {
    // Two tasks ran on b for 100 s and one on a from 20 s on; here best fit puts all three on a.
    let scratch = Scratch::new();
    let jobs = "job_id,submit_us,cpu_milli,count,start_us,run_us,node\n\
                x,0,1000,2,0,100000000,b\ny,10000000,1000,1,20000000,100000000,a\n";
    std::fs::write(scratch.path().join("jobs.csv"), jobs).expect("there is room");
    std::fs::write(scratch.path().join("nodes.csv"), "node,cpu_milli\na,4000\nb,4000\n").expect("there is room");
    let scenario = "name = \"recorded\"\n\
                    fleet = { trace = { path = \"nodes.csv\" } }\n\
                    workload = [{ trace = { path = \"jobs.csv\" } }]\n\
                    record = { blast = { kinds = [\"node\"], at = [\"15s\", \"30s\"], recorded = true } }\n";
    let path = scratch.path().join("recorded.toml");
    std::fs::write(&path, scenario).expect("there is room");
    let out = scratch.path().join("out");
    let summary = summary_of(&path.display().to_string(), &out, &[]);
    assert_eq!(summary["blast"]["node"]["tasks_max"].as_u64(), Some(3));
    assert_eq!(summary["history"]["blast"]["node"]["tasks_max"].as_u64(), Some(2));
    let file = std::fs::File::open(out.join("page/blast.parquet")).expect("the radius was asked for");
    let frame = ParquetReader::new(file).finish().expect("the rows are Parquet");
    let words = |name: &str| -> Vec<String> {
        let column = frame.column(name).expect("the column is there").cast(&DataType::String).expect("words");
        column.str().expect("words").iter().map(|word| word.unwrap_or_default().to_owned()).collect()
    };
    let (placements, domains, tasks) = (words("placement"), words("domain"), whole(&frame, "tasks"));
    let rows: Vec<_> =
        (0..8).map(|row| (placements[row].as_str(), domains[row].as_str(), tasks[row].unwrap_or(-1))).collect();
    let (early, late) = rows.split_at(4);
    assert_eq!(early, [("run", "a", 3), ("run", "b", 0), ("recorded", "a", 0), ("recorded", "b", 2)]);
    assert_eq!(late, [("run", "a", 3), ("run", "b", 0), ("recorded", "a", 1), ("recorded", "b", 2)]);
    let page = std::fs::read_to_string(out.join("report.html")).expect("the page is there");
    assert!(page.contains("node, as recorded"), "the page tells them apart");
}

#[test]
fn what_is_used_is_held_against_what_nodes_have() {
    // A node that promises twice its 2 GiB. From 4 s on two tasks use 2,500 MiB: the later one is killed after 2 s, and
    // again, until the other ends at 10 s.
    let scratch = Scratch::new();
    let jobs = "job_id,submit_us,cpu_milli,memory_mib,run_us,used_cpu_milli,used_memory_mib\n\
                x,0,1000,2000,10000000,500,1500\ny,4000000,1000,2000,10000000,1000,1000\n";
    std::fs::write(scratch.path().join("jobs.csv"), jobs).expect("there is room");
    let scenario = "name = \"used\"\n\
                    workload = [{ trace = { path = \"jobs.csv\" } }]\n\
                    model.overload = { kill_after = \"2s\" }\n\
                    [[fleet.group]]\n\
                    name = \"n\"\ncount = 1\ncpu = 4\nmemory = \"2GiB\"\novercommit = { memory = 2 }\n";
    let path = scratch.path().join("used.toml");
    std::fs::write(&path, scenario).expect("there is room");
    let out = scratch.path().join("out");
    let summary = summary_of(&path.display().to_string(), &out, &[]);
    every_task_is_in_one_state(&summary);
    let overload = |name: &str| summary["overload"][name].as_f64().expect("a number");
    assert_eq!((overload("memory_s"), overload("killed"), overload("cpu_s")), (6.0, 2.0, 0.0));
    assert_eq!(summary["makespan_s"].as_f64(), Some(18.0));
    // Task x holds 500 of 4,000 millicores for 10 s for nothing, of 18 s.
    assert_eq!(summary["reclaimable"]["cpu"].as_f64(), Some(5_000.0 / 72_000.0));
    let numbers = tables_of(&out, &["numbers"]);
    let line = "nodes short of what is used | cpu 0 s, 0 tasks throttled; memory 6 s, 2 tasks killed";
    assert!(numbers.contains(line), "{numbers}");
}
