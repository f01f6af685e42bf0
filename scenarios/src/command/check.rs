//! `windtunnel check`: read everything, run nothing.

use clap::Args;
use serde_json::{Map, Value, json};
use windtunnel_traces::model::Fleet;

use super::Verdict;
use super::common::ScenarioArguments;
use crate::failure::Failure;
use crate::resolve::Resolved;
use crate::survey::{self, Survey};
use crate::talk::{self, number, whole};
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// Treat every warning as an error.
    #[arg(long)]
    strict: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let resolved = arguments.scenario.load(tool)?;
    tool.build(&resolved.scenario.scheduler.implementation)?;
    let surveys = survey::survey(&resolved)?;
    let mut warnings = resolved.warnings.clone();
    for survey in surveys.iter().filter(|survey| survey.misfits > 0) {
        let (name, misfits) = (&survey.name, whole(survey.misfits));
        let jobs = survey.misfit_jobs.join(", ");
        warnings.push(format!("{misfits} tasks of {name} fit no node, even an empty one; first: {jobs}"));
    }
    if arguments.strict
        && let Some(first) = warnings.first()
    {
        return Err(Failure::new(first.clone()).hint(format!("{} warnings are errors under --strict", warnings.len())));
    }
    if arguments.json {
        talk::json(&as_json(&resolved, &surveys, &warnings)?)?;
    } else {
        talk::out(&as_text(&resolved, &surveys)?)?;
        talk::warn(&warnings);
    }
    Ok(Verdict::Fine)
}

fn as_text(resolved: &Resolved, surveys: &[Survey]) -> Result<String, Failure> {
    let fleet = &resolved.fleet;
    let capacity = survey::capacity(fleet);
    let mut text = resolved.text()?;
    text.push_str(&format!("\n# {} nodes\n", whole(fleet.nodes.len() as u64)));
    let lanes: Vec<usize> = fleet.named_lanes().collect();
    let mut header =
        vec![String::from("workload"), String::from("jobs"), String::from("tasks"), String::from("fit no node")];
    header.extend(lanes.iter().map(|&lane| format!("{} load", fleet.lane_name(lane))));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = surveys.iter().map(|survey| {
        let mut row = vec![survey.name.clone(), whole(survey.jobs), whole(survey.tasks), whole(survey.misfits)];
        row.extend(lanes.iter().map(|&lane| match survey.load(lane, &capacity) {
            Some(load) => format!("{} %", number(load * 100.0)),
            None => String::from("-"),
        }));
        row
    });
    let right: Vec<usize> = (1..header.len()).collect();
    text.push_str(&talk::table(&header, rows, &right));
    let notes = surveys.iter().flat_map(|survey| {
        survey.notes.iter().map(|note| {
            let what = if note.skipped { "left out" } else { "changed" };
            vec![survey.name.clone(), note.reason.clone(), what.to_owned(), whole(note.count), lines(&note.lines)]
        })
    });
    let notes: Vec<Vec<String>> = notes.collect();
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&talk::table(&["workload", "reason", "rows are", "count", "first lines"], notes, &[3]));
    }
    Ok(text)
}

/// The first lines where something happened.
pub(super) fn lines(lines: &[u64]) -> String {
    lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn as_json(resolved: &Resolved, surveys: &[Survey], warnings: &[String]) -> Result<Value, Failure> {
    let fleet = &resolved.fleet;
    let scenario = serde_json::to_value(&resolved.scenario)
        .map_err(|error| Failure::new(format!("the scenario cannot be written as JSON ({error}); report this")))?;
    let workloads: Vec<Value> = surveys.iter().map(|survey| workload(survey, fleet)).collect();
    let totals = survey::capacity(fleet);
    let capacity: Map<String, Value> = fleet
        .named_lanes()
        .map(|lane| (fleet.lane_name(lane).to_owned(), totals.0.get(lane).copied().into()))
        .collect();
    Ok(json!({
        "scenario": scenario,
        "profile": resolved.scenario.scheduler.profile,
        "from_profile": resolved.profile.keys,
        "nodes": fleet.nodes.len(),
        "capacity": capacity,
        "workloads": workloads,
        "inputs": resolved.inputs.iter().map(|input| (input.key.clone(), input.digest.clone().into()))
            .collect::<Map<String, Value>>(),
        "warnings": warnings,
    }))
}

fn workload(survey: &Survey, fleet: &Fleet) -> Value {
    let capacity = survey::capacity(fleet);
    let load: Map<String, Value> = fleet
        .named_lanes()
        .map(|lane| (fleet.lane_name(lane).to_owned(), survey.load(lane, &capacity).into()))
        .collect();
    let notes: Vec<Value> = survey
        .notes
        .iter()
        .map(|note| json!({ "reason": note.reason, "skipped": note.skipped, "count": note.count, "lines": note.lines }))
        .collect();
    json!({
        "name": survey.name,
        "jobs": survey.jobs,
        "tasks": survey.tasks,
        "tasks_forever": survey.forever_tasks,
        "first_submit_s": survey.first.map(|time| time.as_seconds()),
        "last_submit_s": survey.last.map(|time| time.as_seconds()),
        "offered_load": load,
        "fit_no_node": survey.misfits,
        "fit_no_node_jobs": survey.misfit_jobs,
        "notes": notes,
    })
}
