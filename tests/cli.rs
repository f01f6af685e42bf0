//! The program from outside: exit codes and both streams, above all for input that is wrong.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Scratch, program};

const GOOD: &str = r#"
name = "tiny"
[[fleet.group]]
name = "m"
count = 3
cpu = 4
memory = "16GiB"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "1/s" }
tasks = 50
duration = { constant = "10s" }
shapes = [{ cpu = 1, memory = "2GiB" }]
"#;

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .env_remove("WINDTUNNEL_DATA")
        .env("COLUMNS", "100")
        .output()
        .expect("the program starts")
}

/// Exit code and both streams, without what differs from machine to machine.
fn shown(folder: &Path, output: &Output) -> String {
    let clean = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "[FOLDER]");
    let code = output.status.code().map_or("signal".to_owned(), |code| code.to_string());
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", clean(&output.stdout), clean(&output.stderr))
}

/// Runs `run SCENARIO` on this text and shows what comes of it; nothing may be left behind.
fn refused(text: &str) -> String {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", text);
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(scratch.path(), &output));
    assert_eq!(scratch.names(), ["scenario.toml"], "nothing half-written is left");
    shown(scratch.path(), &output)
}

#[test]
fn an_unknown_key_names_the_nearest() {
    insta::assert_snapshot!(refused(&GOOD.replace("count = 3", "cuont = 3")));
}

#[test]
fn an_unknown_policy_names_the_nearest() {
    insta::assert_snapshot!(refused(&format!("{GOOD}\n[scheduler]\nplacement = \"best-fot\"\n")));
}

#[test]
fn a_wrong_unit_lists_the_right_ones() {
    insta::assert_snapshot!(refused(&GOOD.replace("16GiB", "16GHz")));
}

#[test]
fn a_number_without_a_unit_is_refused() {
    insta::assert_snapshot!(refused(&GOOD.replace("\"10s\"", "10")));
}

#[test]
fn a_missing_file_is_named() {
    let text = GOOD.split("[[workload]]").next().unwrap_or_default();
    insta::assert_snapshot!(refused(&format!(
        "{text}[[workload]]\ntrace = {{ format = \"swf\", path = \"no.swf\" }}\n"
    )));
}

fn with_trace(name: &str, content: &str) -> String {
    with_format("", name, content)
}

fn with_format(format: &str, name: &str, content: &str) -> String {
    let scratch = Scratch::new();
    let fleet = GOOD.split("[[workload]]").next().unwrap_or_default();
    scratch.write("scenario.toml", &format!("{fleet}[[workload]]\ntrace = {{ {format}path = \"{name}\" }}\n"));
    scratch.write(name, content);
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(scratch.path(), &output));
    assert_eq!(scratch.names().len(), 2, "nothing half-written is left: {:?}", scratch.names());
    shown(scratch.path(), &output)
}

#[test]
fn an_empty_trace_is_refused() {
    insta::assert_snapshot!(with_trace("empty.swf", ""));
}

#[test]
fn a_trace_of_comments_only_is_refused() {
    insta::assert_snapshot!(with_trace("comments.swf", "; MaxProcs: 8\n; nothing else\n"));
}

#[test]
fn a_row_with_a_field_too_few_is_shown() {
    insta::assert_snapshot!(with_format(
        "format = \"swf\", ",
        "short.swf",
        "1 0 -1 10 1 -1 -1 1 20 -1 1 1 1 -1 -1 -1 -1\n"
    ));
}

#[test]
fn a_task_larger_than_any_node_is_reported() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", &GOOD.replace("cpu = 1,", "cpu = 5,"));
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stderr);
    let warning = told.lines().find(|line| line.contains("can never be placed")).unwrap_or("no word of it");
    insta::assert_snapshot!(warning);
}

#[test]
fn an_output_folder_of_somebody_else_is_left_alone() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", GOOD);
    scratch.write("out/precious.txt", "keep");
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "out"]);
    assert_eq!(std::fs::read_to_string(scratch.path().join("out/precious.txt")).ok().as_deref(), Some("keep"));
    insta::assert_snapshot!(shown(scratch.path(), &output));
}

#[test]
fn an_output_folder_that_cannot_be_made_is_named() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", GOOD);
    scratch.write("file", "not a folder");
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "file/out"]);
    insta::assert_snapshot!(shown(scratch.path(), &output));
}

#[test]
fn a_full_disk_is_one_sentence() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full here");
        return;
    }
    let scratch = Scratch::new();
    scratch.write("scenario.toml", GOOD);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it can be opened");
    let output = Command::new(program())
        .args(["metrics", "--markdown"])
        .current_dir(scratch.path())
        .stdout(full)
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", &GOOD.replace("tasks = 50", "tasks = 500000000"));
    let mut child = Command::new(program())
        .args(["run", "scenario.toml", "--out", "out"])
        .current_dir(scratch.path())
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    // Until it has begun to write, there is nothing that could be left.
    for _ in 0..600 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if scratch.names().len() > 1 {
            break;
        }
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(scratch.names(), ["scenario.toml"], "nothing half-written is left");
}

#[test]
fn two_runs_are_the_same_bytes_at_any_thread_count() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", GOOD);
    for (out, threads) in [("one", "1"), ("two", "2"), ("again", "2")] {
        let output = Command::new(program())
            .args(["run", "scenario.toml", "--out", out])
            .current_dir(scratch.path())
            .env("RAYON_NUM_THREADS", threads)
            .env("POLARS_MAX_THREADS", threads)
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", shown(scratch.path(), &output));
    }
    for file in ["summary.json", "tasks.parquet", "nodes.parquet", "series.parquet", "scenario.toml"] {
        let bytes = |out: &str| std::fs::read(scratch.path().join(out).join(file)).expect("the file is there");
        assert_eq!(bytes("one"), bytes("two"), "{file} depends on the number of threads");
        assert_eq!(bytes("two"), bytes("again"), "{file} differs from run to run");
    }
}

#[test]
fn the_last_line_is_the_path_of_the_report() {
    let scratch = Scratch::new();
    scratch.write("scenario.toml", GOOD);
    let output = run_in(scratch.path(), &["run", "scenario.toml", "--out", "out"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = text.lines().last().unwrap_or_default();
    assert!(report.ends_with("report.html") && scratch.path().join(report).exists(), "{text}");
}

#[test]
fn the_data_folder_beside_the_checkout_is_found_without_a_variable() {
    if crate::support::data_file("swf/KTH-SP2-strong.swf").is_none() || std::env::var_os("WINDTUNNEL_DATA").is_some() {
        return;
    }
    // The command runs in the checkout and the scenario lies in a folder of it: the path is that of the command.
    let output = run_in(Path::new(env!("CARGO_MANIFEST_DIR")), &["check", "scenarios/kth-sp2.toml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Windows of a log are runs of their own: the second one knows nothing of the first.
#[test]
fn windows_are_replayed_on_an_empty_fleet() {
    let scratch = Scratch::new();
    let log: String = (1..=6)
        .map(|job| format!("{job} {} -1 100 4 -1 -1 4 100 -1 1 1 1 -1 1 -1 -1 -1\n", (job - 1) / 2 * 10))
        .collect();
    scratch.write("log.swf", &format!("; MaxProcs: 4\n{log}"));
    scratch.write(
        "w.toml",
        "name = \"w\"\n[fleet]\npool = { cpu = 4 }\n[[workload]]\ntrace = { format = \"swf\", path = \"log.swf\" }\n\
         windows = { jobs = 2 }\n[scheduler]\nbackfill = \"head-only\"\n",
    );
    let output = run_in(scratch.path(), &["run", "w.toml", "--out", "out"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(scratch.path().join("out/summary.json")).expect("the summary is there");
    let summary: serde_json::Value = serde_json::from_str(&text).expect("the summary is JSON");
    let windows = &summary["windows"];
    assert_eq!(windows["count"].as_u64(), Some(3), "{windows}");
    for window in ["0", "1", "2", "mean"] {
        // One job starts at once, the other waits for it.
        assert_eq!(windows[window]["wait_s"]["mean"].as_f64(), Some(50.0), "{windows}");
        assert_eq!(windows[window]["bounded_slowdown"]["mean"].as_f64(), Some(1.5), "{windows}");
    }
    assert_eq!(windows["2"]["start"].as_u64(), Some(4));
    let output = run_in(scratch.path(), &["run", "w.toml", "--out", "out", "--set", "workload.0.windows.starts=[5]"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("the window from job 5 on holds 1 of 2 jobs"), "{error}");
}
