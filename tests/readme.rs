//! Every command of the README, in its order, in one folder: what is promised there must work as it stands.

use std::process::Command;

use crate::support::{Scratch, data_file, data_root, program};

const README: &str = include_str!("../README.md");
const QUICKSTART: &str = include_str!("../scenarios/quickstart.toml");

/// The lines of the shell blocks.
fn commands() -> Vec<&'static str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in README.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && !command.is_empty() => commands.push(command),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_works() {
    let scratch = Scratch::new();
    scratch.write("scenarios/quickstart.toml", QUICKSTART);
    let mut ran = 0;
    for command in commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let ours = command.strip_prefix("cargo run --release -- ").or(command.strip_prefix("windtunnel "));
        let mut child = match (ours, words.as_slice()) {
            // A shell takes the quotes off.
            (Some(arguments), _) => {
                let mut child = Command::new("sh");
                child.args(["-c", &format!("exec \"$0\" {arguments}")]).arg(program());
                child
            }
            // It is this very test run.
            (None, ["cargo", "test", "--release"]) => continue,
            (None, ["cmp", files @ ..]) => {
                let mut child = Command::new("cmp");
                child.args(files);
                child
            }
            _ => panic!("the README has a command that is not tested: {command}"),
        };
        if command.contains("kth-sp2") && data_file("swf/KTH-SP2-strong.swf").is_none() {
            continue;
        }
        let output = child.current_dir(scratch.path()).env("WINDTUNNEL_DATA", data_root()).output();
        let output = output.expect("the command starts");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran >= 4, "only {ran} commands were found");
    assert!(scratch.path().join("runs/quickstart/report.html").exists(), "the first command leaves a report");
}
