//! Sweeps from outside: killed and resumed, dealt out to shards, refused.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Scratch, program};

/// Twelve runs of a tiny scenario.
const SWEEP: &str = r#"
name = "tiny"
scenario = "tiny.toml"
seeds = 3
[[axis]]
name = "nodes"
key = "fleet.group.0.count"
values = [2, 3]
[[axis]]
key = "scheduler.placement"
values = ["best-fit", "worst-fit"]
"#;

/// A scenario of a few milliseconds.
pub const TINY: &str = r#"
name = "tiny"
[[fleet.group]]
name = "m"
count = 3
cpu = 4
memory = "16GiB"
[[workload]]
[workload.synthetic]
arrivals = { poisson = "1/s" }
tasks = 400
duration = { exponential = { mean = "8s" } }
shapes = [{ cpu = 1, memory = "2GiB" }]
"#;

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("tiny.toml", TINY);
    scratch.write("sweep.toml", SWEEP);
    scratch
}

/// `windtunnel sweep` in a folder.
pub fn sweep(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("sweep").args(arguments).current_dir(folder);
    command
}

/// Runs a command that must succeed.
pub fn must_do(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The results in a folder, byte by byte.
pub fn table(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name).join("sweep.parquet")).expect("the results are there")
}

#[test]
fn threads_and_shards_make_no_difference() {
    let scratch = scratch();
    let here = scratch.path();
    must_do(&mut sweep(here, &["sweep.toml", "--out", "one"]));
    must_do(sweep(here, &["sweep.toml", "--out", "two"]).env("RAYON_NUM_THREADS", "1"));
    assert!(table(here, "one") == table(here, "two"), "threads");

    // What an engine with shards does: the folder is made, each shard is one command, one may be repeated.
    must_do(&mut sweep(here, &["sweep.toml", "--engine", "kubernetes", "--shards", "4", "--out", "dealt"]));
    assert!(here.join("dealt/job.yaml").exists());
    for (variable, shard) in [("SLURM_ARRAY_TASK_ID", 3), ("JOB_COMPLETION_INDEX", 1), ("SLURM_ARRAY_TASK_ID", 1)] {
        must_do(sweep(here, &["shard", "dealt"]).env(variable, shard.to_string()));
    }
    let early = sweep(here, &["gather", "dealt"]).output().expect("the program starts");
    assert_eq!(early.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&early.stderr).contains("6 of 12 runs"), "{early:?}");
    must_do(&mut sweep(here, &["shard", "dealt", "--index", "0"]));
    must_do(&mut sweep(here, &["shard", "dealt", "--index", "2"]));
    must_do(&mut sweep(here, &["gather", "dealt"]));
    assert!(table(here, "one") == table(here, "dealt"), "shards");
}

#[test]
fn a_killed_sweep_resumes_and_nothing_is_done_twice() {
    let scratch = scratch();
    let here = scratch.path();
    must_do(&mut sweep(here, &["sweep.toml", "--out", "whole"]));
    let mut kept = 0;
    for moment in 0..6_u64 {
        let out = format!("killed-{moment}");
        let mut child = sweep(here, &["sweep.toml", "--out", &out])
            .env("RAYON_NUM_THREADS", "2")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(20 + 35 * moment));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        // Killed before it had a folder, or after it was done: nothing to resume or nothing left to do.
        let parts = here.join(&out).join("parts");
        let whole = |path: &Path| path.extension().is_some_and(|ending| ending == "parquet");
        let done = |folder: &Path| -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
            let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
            let paths = entries.flatten().map(|entry| entry.path()).filter(|path| whole(path));
            let mut done: Vec<_> = paths
                .map(|path| {
                    let time = path.metadata().and_then(|data| data.modified()).expect("files have times");
                    (path, time)
                })
                .collect();
            done.sort();
            done
        };
        let before = done(&parts);
        kept += before.len();
        must_do(&mut sweep(here, &["sweep.toml", "--out", &out, "--resume"]));
        let after = done(&parts);
        assert_eq!(after.len(), 12);
        assert!(before.iter().all(|one| after.contains(one)), "a run that was done is done again");
        assert!(table(here, "whole") == table(here, &out), "moment {moment}");
    }
    assert!(kept > 0, "every kill came before the first run");
}

#[test]
fn changed_inputs_are_not_resumed() {
    let scratch = scratch();
    let here = scratch.path();
    must_do(&mut sweep(here, &["sweep.toml", "--out", "out"]));
    scratch.write("tiny.toml", &TINY.replace("count = 3", "count = 4").replace("cpu = 4", "cpu = 5"));
    let refused = sweep(here, &["sweep.toml", "--out", "out", "--resume"]).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("holds runs of other inputs") && said.contains("--resume"), "{said}");
}

#[test]
fn a_point_that_is_no_scenario_is_named() {
    let scratch = scratch();
    scratch.write("sweep.toml", &SWEEP.replace("\"worst-fit\"", "\"wurst-fit\""));
    let refused = sweep(scratch.path(), &["sweep.toml"]).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("run 3 (fleet.group.0.count=2, scheduler.placement=\"wurst-fit\", seed=0)"), "{said}");
    assert!(said.contains("did you mean `worst-fit`?"), "{said}");
}
