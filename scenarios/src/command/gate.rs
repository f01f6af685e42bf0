//! `windtunnel gate`: scenarios held against their baselines, for machines that decide whether a change goes in.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use windtunnel_outcome::Outcome;
use windtunnel_reports::gate::{self as report, Gated};
use windtunnel_reports::write::{RUN_FILE, ResultFolder};

use super::Verdict;
use super::common::quoted;
use crate::facts::Watch;
use crate::failure::Failure;
use crate::gate::{self, Request};
use crate::progress::Interrupt;
use crate::spec::Set;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Scenario files, or names from `windtunnel library list`.
    #[arg(value_name = "SCENARIO", required = true)]
    scenario: Vec<String>,
    /// What is held against; left out: `<name>.baseline.json` beside the scenario.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the baseline anew instead of holding anything against it.
    #[arg(long)]
    update: bool,
    /// Set a key, lists by position: `workload.0.scale.load=1.2`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Set>,
    /// Where the results go; left out: `runs/<name>.gate/`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print `gate.json` instead of the text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    if arguments.baseline.is_some() && arguments.scenario.len() > 1 {
        let sentence = "one --baseline cannot serve several scenarios; leave it out, each has its own beside it";
        return Err(Failure::new(sentence));
    }
    let mut all = Vec::new();
    for scenario in &arguments.scenario {
        let request = Request {
            scenario: scenario.clone(),
            sets: arguments.set.clone(),
            baseline: arguments.baseline.clone(),
            update: arguments.update,
        };
        all.push(gate::run(tool, &request, &interrupt)?);
    }
    let json = format!("{:#}\n", report::to_json(&all));
    let mut folder = ResultFolder::create(&out(arguments, &all))?;
    folder.write("gate.json", &json)?;
    folder.write("gate.md", report::markdown(&all))?;
    folder.write("gate.xml", report::junit(&all))?;
    folder.write(RUN_FILE, watch.facts(&Outcome::default()).to_json(&again(arguments)))?;
    interrupt.close()?;
    folder.commit()?;
    on_github(&all)?;
    talk::out(&if arguments.json { json } else { report::text(&all) })?;
    Ok(match &all {
        all if all.iter().any(Gated::is_failed) => Verdict::NotRun,
        all if all.iter().any(Gated::is_regressed) => Verdict::Findings,
        _ => Verdict::Fine,
    })
}

fn out(arguments: &Arguments, all: &[Gated]) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| {
        let name = match all {
            // What could not be read is called by its path.
            [one] => Path::new(&one.name).file_stem().map(|stem| format!("{}.gate", stem.to_string_lossy())),
            _ => None,
        };
        Path::new("runs").join(name.unwrap_or_else(|| "gate".to_owned()))
    })
}

/// Under GitHub Actions: annotations of the change, and a page in the summary of the workflow.
fn on_github(all: &[Gated]) -> Result<(), Failure> {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|on| on == "true") {
        // The runner reads workflow commands from either stream; data stays alone on stdout.
        let annotations = report::annotations(all);
        if !annotations.is_empty() {
            talk::say(annotations.trim_end());
        }
    }
    let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return Ok(()) };
    let appended = std::fs::OpenOptions::new().create(true).append(true).open(&summary);
    appended.and_then(|mut file| file.write_all(report::markdown(all).as_bytes())).map_err(|error| {
        let path = Path::new(&summary).display();
        Failure::new(format!("{path} cannot be written ({error}); correct GITHUB_STEP_SUMMARY"))
    })
}

/// The exact command.
fn again(arguments: &Arguments) -> String {
    let mut words = vec!["windtunnel gate".to_owned()];
    words.extend(arguments.scenario.iter().map(|scenario| quoted(scenario)));
    words.extend(arguments.set.iter().map(|set| format!("--set {}", quoted(&set.to_string()))));
    words.extend(arguments.baseline.iter().map(|path| format!("--baseline {}", quoted(&path.display().to_string()))));
    words.extend(arguments.update.then(|| "--update".to_owned()));
    words.join(" ")
}
