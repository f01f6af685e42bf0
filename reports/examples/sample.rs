//! Writes the page of a run that never was: `cargo run -p windtunnel-reports --example sample -- page.html [nodes]`.

use std::process::ExitCode;

use windtunnel_reports::page::{Reproduction, render};

#[path = "../src/sample.rs"]
mod sample;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "sample.html".to_owned());
    let nodes = arguments.next().and_then(|nodes| nodes.parse().ok()).unwrap_or(400);
    let outcome = sample::outcome(nodes, 2_000);
    let reproduction = Reproduction { command: "windtunnel run sample --seed 0", scenario_toml: sample::SCENARIO };
    match std::fs::write(&path, render(&outcome, &reproduction)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {path}: {error}");
            ExitCode::FAILURE
        }
    }
}
