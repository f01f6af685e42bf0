//! Reads a result folder back: what is needed to render its page again, to compare it with another, to explain it.

mod frame;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use windtunnel_outcome::distribution::Bin;
use windtunnel_outcome::heat::HeatTable;
use windtunnel_outcome::recorder::{BlastRow, SlowTask, WaitProfile};
use windtunnel_outcome::rows::{Cause, NodeRow};
use windtunnel_outcome::series::{SeriesColumn, SeriesTable};
use windtunnel_outcome::{Outcome, Summary};
use windtunnel_scheduler::resources::{LANES, Resources, STANDARD_LANES};
use windtunnel_scheduler::time::{Span, Time};

pub use frame::Frame;

use crate::page::{self, Reproduction};
use crate::write::{BLAST_COLUMNS, BLAST_RECORDED, RUN_FILE, RunFacts, lane_time, lane_with_unit, summary};

/// A result that could not be read: one sentence and hints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// The sentence: lower case, names the file.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl ReadError {
    /// `path` could not be read because of `reason`.
    fn new(path: &Path, reason: impl std::fmt::Display) -> Self {
        let reason = reason.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        Self {
            message: format!("cannot read {}: {reason}; run the scenario again to make it anew", path.display()),
            hints: Vec::new(),
        }
    }
}

/// A result as it was saved.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// The run, as far as files keep it: everything that its page shows.
    pub outcome: Outcome,
    /// The resolved scenario.
    pub scenario_toml: String,
    /// The command that made it.
    pub command: String,
    /// What was not deterministic about it.
    pub facts: RunFacts,
}

/// Reads a result folder. `tasks.parquet` and the logs may be large and are left alone: see [`Frame`].
///
/// # Errors
/// If a file is missing or is not what a run writes.
pub fn load(folder: &Path) -> Result<Saved, ReadError> {
    let (summary, warnings) = load_summary(folder)?;
    let (command, facts) = load_run(folder)?;
    let (nodes, lanes) = load_nodes(&folder.join("nodes.parquet"))?;
    let series = load_series(&folder.join("series.parquet"))?;
    let heat = load_heat(&folder.join("page/heat.parquet"))?;
    let end = series.to.last().copied().unwrap_or_default();
    let outcome = Outcome {
        summary,
        end: heat.as_ref().map_or(end, |heat| heat.to.max(end)),
        nodes,
        lanes,
        series,
        heat,
        waits: load_waits(&folder.join("page/waits.parquet"))?,
        slowest: load_slowest(&folder.join("page/slowest.parquet"))?,
        blasts: load_blasts(&folder.join("page/blast.parquet"))?,
        warnings,
    };
    let scenario_toml = text(&folder.join("scenario.toml"))?;
    Ok(Saved { outcome, scenario_toml, command, facts })
}

/// Reads the numbers and the warnings of a result.
///
/// # Errors
/// If `summary.json` is missing or is not one.
pub fn load_summary(folder: &Path) -> Result<(Summary, Vec<String>), ReadError> {
    let path = folder.join("summary.json");
    summary::from_json(&text(&path)?).map_err(|reason| ReadError::new(&path, reason))
}

/// Renders the page of a result again and gives its path.
///
/// # Errors
/// If the result cannot be read, or the page cannot be written.
pub fn render_again(folder: &Path) -> Result<PathBuf, ReadError> {
    let saved = load(folder)?;
    let reproduction = Reproduction { command: &saved.command, scenario_toml: &saved.scenario_toml };
    let page = page::render(&saved.outcome, &reproduction);
    let path = folder.join("report.html");
    let partial = folder.join(format!(".report.html.partial-{}", std::process::id()));
    fs::write(&partial, page).and_then(|()| fs::rename(&partial, &path)).map_err(|error| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&partial);
        let error = crate::write::cannot("write", &path, &error);
        ReadError { message: error.message, hints: error.hints }
    })?;
    Ok(path)
}

fn text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|error| {
        let mut failure = ReadError::new(path, &error);
        if error.kind() == std::io::ErrorKind::NotFound {
            failure.message =
                format!("{} is not there: name the folder of a result, as in runs/quickstart", path.display());
        }
        failure
    })
}

fn load_run(folder: &Path) -> Result<(String, RunFacts), ReadError> {
    let path = folder.join(RUN_FILE);
    let json: serde_json::Value = serde_json::from_str(&text(&path)?).map_err(|error| ReadError::new(&path, error))?;
    let command = json.get("command").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Ok((command, serde_json::from_value(json).map_err(|error| ReadError::new(&path, error))?))
}

/// Nodes, and the lanes that the fleet names beyond the standard ones.
type Nodes = (Vec<NodeRow>, Vec<(usize, String)>);

fn load_nodes(path: &Path) -> Result<Nodes, ReadError> {
    let frame = Frame::read(path, None)?;
    let names = frame.names();
    // The columns of capacity stand in the order of the lanes; those beyond the standard ones have no unit behind.
    let standard: Vec<String> = (0..STANDARD_LANES.len())
        .map(|lane| format!("capacity_{}", lane_with_unit(lane, STANDARD_LANES[lane])))
        .collect();
    let extra = names.iter().filter(|name| !standard.contains(name)).filter_map(|name| name.strip_prefix("capacity_"));
    let extra: Vec<(usize, String)> =
        extra.enumerate().map(|(at, name)| (STANDARD_LANES.len() + at, name.to_owned())).collect();
    let kinds = names.iter().filter_map(|name| name.strip_prefix("domain_").map(|kind| (name, kind)));
    let mut domains = Vec::new();
    for (name, kind) in kinds {
        domains.push((kind.to_owned(), frame.texts(name)?));
    }
    let node_names = frame.texts("node")?;
    let models = frame.texts("gpu_model")?;
    let [gpus, up, down, failures, starts, tasks_max] =
        wholes_of(&frame, ["gpus", "up_us", "down_us", "failures", "starts", "tasks_max"])?;
    let mut nodes = Vec::with_capacity(node_names.len());
    for (at, name) in node_names.into_iter().enumerate() {
        nodes.push(NodeRow {
            name: name.unwrap_or_default(),
            capacity: Resources::ZERO,
            gpus: gpus[at] as u8,
            gpu_model: models[at].clone(),
            domains: domains
                .iter()
                .filter_map(|(kind, names)| names[at].clone().map(|name| (kind.clone(), name)))
                .collect(),
            allocated: [0; LANES],
            used: None,
            up: Span(up[at]),
            down: Span(down[at]),
            failures: failures[at] as u32,
            starts: starts[at],
            tasks_max: tasks_max[at] as u32,
        });
    }
    for (lane, name) in crate::write::lanes_of(&extra) {
        load_lane(&frame, &mut nodes, lane, &name)?;
    }
    Ok((nodes, extra))
}

/// Fills in one lane of every node.
fn load_lane(frame: &Frame, nodes: &mut [NodeRow], lane: usize, name: &str) -> Result<(), ReadError> {
    let capacity = frame.wholes(&format!("capacity_{}", lane_with_unit(lane, name)))?;
    let allocated = frame.reals(&format!("allocated_{}", lane_time(lane, name)))?;
    let used = frame.reals(&format!("used_{}", lane_time(lane, name)))?;
    // The inverse of what is written, to the nearest whole.
    let lane_us = |amount: f64| {
        let per_unit = if matches!(lane, 0 | 3) { 1e9 } else { 1e6 };
        libm::round(amount * per_unit) as u128
    };
    for (at, node) in nodes.iter_mut().enumerate() {
        node.capacity[lane] = capacity[at].unwrap_or(0) as u32;
        node.allocated[lane] = allocated[at].map_or(0, lane_us);
        if let Some(amount) = used[at] {
            node.used.get_or_insert([0; LANES])[lane] = lane_us(amount);
        }
    }
    Ok(())
}

/// Several columns of whole numbers; what is missing is 0.
fn wholes_of<const N: usize>(frame: &Frame, names: [&str; N]) -> Result<[Vec<u64>; N], ReadError> {
    let mut columns = names.map(|_| Vec::new());
    for (column, name) in columns.iter_mut().zip(names) {
        *column = frame.wholes(name)?.into_iter().map(Option::unwrap_or_default).collect();
    }
    Ok(columns)
}

fn load_series(path: &Path) -> Result<SeriesTable, ReadError> {
    let frame = Frame::read(path, None)?;
    let [from, to] = wholes_of(&frame, ["from_us", "to_us"])?;
    let mut series = SeriesTable {
        from: from.into_iter().map(Time).collect(),
        to: to.into_iter().map(Time).collect(),
        columns: Vec::new(),
    };
    for name in frame.real_names() {
        let [min, max] = wholes_of(&frame, [&format!("{name}_min"), &format!("{name}_max")])?;
        let mean = frame.reals(&name)?.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        series.columns.push(SeriesColumn { name, mean, min, max });
    }
    Ok(series)
}

fn load_heat(path: &Path) -> Result<Option<HeatTable>, ReadError> {
    let frame = Frame::read(path, None)?;
    let [nodes, from, to] = wholes_of(&frame, ["first_node", "from_us", "to_us"])?;
    let shares = frame.reals("allocated_share")?;
    let (Some(&first), Some(&begin), Some(&end)) = (nodes.first(), from.first(), to.last()) else { return Ok(None) };
    let columns = nodes.iter().take_while(|&&node| node == first).count();
    Ok(Some(HeatTable {
        from: Time(begin),
        to: Time(end),
        columns,
        first_node: nodes.iter().step_by(columns).map(|&node| node as u32).collect(),
        cells: shares.into_iter().map(|share| share.map_or(f32::NAN, |share| share as f32)).collect(),
    }))
}

fn load_waits(path: &Path) -> Result<Vec<WaitProfile>, ReadError> {
    let frame = Frame::read(path, None)?;
    let (kinds, names) = (frame.texts("kind")?, frame.texts("name")?);
    let [from, to, tasks] = wholes_of(&frame, ["from_us", "to_us", "tasks"])?;
    let marks = [frame.wholes("p50_us")?, frame.wholes("p90_us")?, frame.wholes("p99_us")?];
    let mut profiles: Vec<WaitProfile> = Vec::new();
    for (at, (kind, name)) in kinds.iter().zip(names).enumerate() {
        let kind = match kind.as_deref() {
            Some("all") => "all",
            Some("class") => "class",
            Some("role") => "role",
            Some("history") => "history",
            other => return Err(ReadError::new(path, format!("it holds waits by {other:?}"))),
        };
        // The first row of a profile is the one without a bar.
        if to[at] == 0 {
            profiles.push(WaitProfile {
                kind,
                name: name.unwrap_or_default(),
                count: tasks[at],
                zero: tasks[at],
                bins: Vec::new(),
                marks: [0, 1, 2].map(|mark| marks[mark][at].map(Span)),
            });
        } else if let Some(profile) = profiles.last_mut() {
            profile.count += tasks[at];
            profile.bins.push(Bin { from: from[at], to: to[at], count: tasks[at] });
        }
    }
    Ok(profiles)
}

/// Results of earlier versions have no such table.
fn load_blasts(path: &Path) -> Result<Vec<BlastRow>, ReadError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let frame = Frame::read(path, None)?;
    let [at, nodes, tasks, services, services_below, jobs] = wholes_of(&frame, BLAST_COLUMNS)?;
    let words = |name: &str| -> Result<Vec<String>, ReadError> {
        Ok(frame.texts(name)?.into_iter().map(Option::unwrap_or_default).collect())
    };
    let (kinds, domains) = (words("kind")?, words("domain")?);
    // Results of earlier versions are all of the run.
    let placements = words("placement").unwrap_or_default();
    let row = |row: usize| BlastRow {
        at: Time(at[row]),
        recorded: placements.get(row).is_some_and(|placement| placement == BLAST_RECORDED),
        kind: kinds[row].clone(),
        domain: domains[row].clone(),
        nodes: nodes[row],
        tasks: tasks[row],
        services: services[row],
        services_below: services_below[row],
        jobs: jobs[row],
    };
    Ok((0..kinds.len()).map(row).collect())
}

fn load_slowest(path: &Path) -> Result<Vec<SlowTask>, ReadError> {
    let frame = Frame::read(path, None)?;
    let nodes = frame.texts("node")?;
    let [submit, wait] = wholes_of(&frame, ["submit_us", "wait_us"])?;
    let mut causes = Vec::new();
    for cause in Cause::ALL {
        causes.push(wholes_of(&frame, [&format!("wait_{}_us", cause.name())])?);
    }
    let required = |name: &str| -> Result<Vec<String>, ReadError> {
        Ok(frame.texts(name)?.into_iter().map(Option::unwrap_or_default).collect())
    };
    let (tasks, classes, roles) = (required("task_id")?, required("class")?, required("role")?);
    let task = |at: usize| SlowTask {
        task: tasks[at].clone(),
        class: classes[at].clone(),
        role: roles[at].clone(),
        submit: Time(submit[at]),
        wait: Span(wait[at]),
        node: nodes[at].clone(),
        causes: std::array::from_fn(|cause| Span(causes[cause][0][at])),
    };
    Ok((0..tasks.len()).map(task).collect())
}
