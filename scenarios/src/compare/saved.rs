//! Runs that lie in folders: of another build, or saved earlier. They are held against each other row by row.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use windtunnel_outcome::{Outcome, Summary};
use windtunnel_reports::diverge::{Choice, Divergence, Spread, Start};
use windtunnel_reports::read::{self, Frame, ReadError};
use windtunnel_scheduler::digest;
use windtunnel_scheduler::time::Time;

use crate::failure::Failure;
use crate::spec::Set;

/// The first attempt of one task, as a folder has it.
struct Row {
    submit: Time,
    place: Option<Time>,
    start: Option<Time>,
    node: Option<String>,
}

/// The first attempts of a run, by the name of the task.
type Rows = BTreeMap<String, Row>;

fn unreadable(error: ReadError) -> Failure {
    Failure::Input { message: error.message, hints: error.hints }
}

/// The numbers of a folder, and all that its page shows.
pub(crate) fn load(folder: &Path) -> Result<Outcome, Failure> {
    read::load(folder).map(|saved| saved.outcome).map_err(unreadable)
}

/// Runs a scenario by a build of the program, into a folder.
pub(super) fn run_by(build: &Path, scenario: &str, sets: &[Set], out: &Path) -> Result<PathBuf, Failure> {
    let mut command = Command::new(build);
    command.arg("run").arg(scenario).arg("--out").arg(out);
    for set in sets {
        command.arg("--set").arg(set.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let shown = build.display();
    let output = command.output().map_err(|error| {
        Failure::new(format!("{shown} cannot be run ({error}); name another build of windtunnel behind the @"))
    })?;
    if output.status.success() {
        return Ok(out.to_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.lines().find_map(|line| line.strip_prefix("error: "));
    let line = line.or_else(|| told.lines().last()).unwrap_or("it says nothing");
    Err(Failure::new(format!("{shown} failed on this scenario: {line}"))
        .hint("a build that does not know a key of the scenario refuses it: compare on what both know"))
}

/// Numbers of two versions mean different things.
pub(crate) fn same_version(base: &Summary, new: &Summary, names: [&str; 2]) -> Result<(), Failure> {
    let version = |summary: &Summary| summary.number("schema_version");
    if version(base) == version(new) {
        return Ok(());
    }
    let shown = |summary: &Summary| version(summary).map_or_else(|| "none".to_owned(), |version| version.to_string());
    Err(Failure::new(format!(
        "the numbers of `{}` are of version {}, those of `{}` of version {}; compare builds of one version",
        names[0],
        shown(base),
        names[1],
        shown(new)
    )))
}

fn rows(folder: &Path) -> Result<Rows, ReadError> {
    let columns = ["task_id", "attempt", "class", "submit_us", "place_us", "start_us", "node"];
    let frame = Frame::read(&folder.join("tasks.parquet"), Some(&columns))?;
    let (names, nodes, classes) = (frame.texts("task_id")?, frame.texts("node")?, frame.texts("class")?);
    let [attempts, submits, places, starts] =
        ["attempt", "submit_us", "place_us", "start_us"].map(|name| frame.wholes(name));
    let (attempts, submits, places, starts) = (attempts?, submits?, places?, starts?);
    let mut rows = Rows::new();
    for (at, name) in names.into_iter().enumerate() {
        let Some(name) = name.filter(|_| attempts[at] == Some(0) && classes[at].as_deref() != Some("background"))
        else {
            continue;
        };
        let row = Row {
            submit: Time(submits[at].unwrap_or(0)),
            place: places[at].map(Time),
            start: starts[at].map(Time),
            node: nodes[at].clone(),
        };
        rows.insert(name, row);
    }
    Ok(rows)
}

/// The first task that two folders place differently, and how the difference spread; None if they place all alike.
pub(crate) fn divergence(base: &Path, new: &Path, seed: u64) -> Result<Option<Divergence>, Failure> {
    let (base, new) = (rows(base).map_err(unreadable)?, rows(new).map_err(unreadable)?);
    let differs = |name: &String| {
        let (one, other) = (base.get(name), new.get(name));
        one.and_then(|row| row.place) != other.and_then(|row| row.place)
            || one.and_then(|row| row.node.as_ref()) != other.and_then(|row| row.node.as_ref())
    };
    let placed =
        |name: &String| [&base, &new].into_iter().filter_map(|rows| rows.get(name).and_then(|row| row.place)).min();
    let names = || base.keys().chain(new.keys().filter(|name| !base.contains_key(*name)));
    // Of several at one instant the first by name: rows do not say in which order they were decided.
    let first = names().filter(|name| differs(name)).filter_map(|name| Some((placed(name)?, name))).min();
    let Some((at, task)) = first else { return Ok(None) };
    let choice = |rows: &Rows| {
        let row = rows.get(task).filter(|row| row.place == Some(at))?;
        Some(Choice { decision: "place".into(), task: Some(task.clone()), node: row.node.clone() })
    };
    let start = |row: Option<&Row>| {
        let row = row?;
        let node = row.node.as_deref().map_or(0, digest::of_name);
        row.start.map(|start| Start { submit: row.submit, start, node })
    };
    let starts = |rows: &Rows| -> Vec<Option<Start>> { names().map(|name| start(rows.get(name))).collect() };
    let alike = base.values().filter(|row| row.place.is_some_and(|place| place < at)).count() as u64;
    Ok(Some(Divergence {
        seed,
        at,
        alike,
        base: choice(&base),
        new: choice(&new),
        opinions: Vec::new(),
        spread: Spread::of(&starts(&base), &starts(&new)),
    }))
}
