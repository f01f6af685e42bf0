//! The snapshot of a saved run: its placement as `tasks.parquet` has it, not simulated again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use windtunnel_reports::read::{Frame, ReadError};
use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobSpec, NodeSpec};
use windtunnel_scheduler::id::{JobId, NodeId, TaskId};
use windtunnel_scheduler::resources::{GPU, LANES, Resources, STANDARD_LANES};
use windtunnel_scheduler::time::Time;

use super::snapshot::{Held, Snapshot, Spot};
use crate::failure::Failure;
use crate::resolve::Resolved;

/// An attempt that was placed.
struct Row {
    job: String,
    place: u64,
    end: u64,
    submit: u64,
    node: Option<String>,
    count: u32,
    gpus: u64,
    request: Resources,
}

/// Reads the snapshot of a saved run at the peak of what it allocated, or just before the instant `at`. Conditions on
/// nodes are not in the file: they are taken from the workloads of its scenario, job by job. Sentences go to `warn`.
///
/// # Errors
/// If a file is missing, is not what a run writes, or names a node that the fleet does not have.
pub fn load(
    folder: &Path,
    resolved: &Resolved,
    at: Option<Time>,
    warn: &mut dyn FnMut(String),
) -> Result<Snapshot, Failure> {
    if !resolved.model.holders.is_empty() {
        let sentence = "tasks.parquet does not say which tasks ran inside executors or the like of a framework; name \
                        the scenario instead of the folder";
        return Err(Failure::new(sentence));
    }
    let rows = rows_of(&folder.join("tasks.parquet"), resolved).map_err(failure)?;
    let capacity: Vec<u128> =
        (0..LANES).map(|lane| resolved.fleet.nodes.iter().map(|node| u128::from(node.capacity[lane])).sum()).collect();
    let at = at.map_or_else(|| peak(&rows, &capacity), |at| at.0.saturating_sub(1));
    let mut alive: Vec<&Row> = rows.iter().filter(|row| row.place <= at && at < row.end).collect();
    alive.sort_by_key(|row| row.submit);
    let spread: u64 = alive.iter().filter(|row| row.node.is_none()).map(|row| u64::from(row.count)).sum();
    if spread > 0 {
        warn(format!("{spread} tasks of gangs over several nodes are left out: the file does not say where they ran"));
    }
    let conditions = conditions_of(resolved, &alive)?;
    let numbers: BTreeMap<String, u32> =
        resolved.fleet.nodes.iter().enumerate().map(|(at, node)| (node.name.to_string(), at as u32)).collect();
    let nodes = resolved.fleet.nodes.iter().enumerate().map(|(at, node)| {
        Arc::new(NodeSpec {
            node: NodeId(at as u32),
            capacity: node.capacity,
            gpus: node.gpus,
            attributes: node.attributes.clone(),
            domains: node.domains.clone(),
        })
    });
    let mut snapshot = Snapshot { at: Time(at), nodes: nodes.collect(), held: Vec::new() };
    let mut jobs: BTreeMap<&str, JobId> = BTreeMap::new();
    let mut specs: BTreeMap<(JobId, Resources, u64), Arc<JobSpec>> = BTreeMap::new();
    for row in alive {
        let Some(name) = &row.node else { continue };
        let Some(&node) = numbers.get(name) else {
            let sentence =
                format!("tasks.parquet names a node `{name}` that scenario.toml has not; name another folder");
            return Err(Failure::new(sentence).within(&folder.display().to_string()));
        };
        let next = JobId(jobs.len() as u64);
        let job = *jobs.entry(&row.job).or_insert(next);
        let devices = u64::from(row.gpus.count_ones());
        let spec = specs.entry((job, row.request, devices)).or_insert_with(|| Arc::new(spec_of(row, job, &conditions)));
        let spot = Spot { node, count: row.count, gpus: GpuSet(row.gpus) };
        snapshot.held.push(Held { spec: spec.clone(), spots: vec![spot] });
    }
    Ok(snapshot)
}

fn failure(error: ReadError) -> Failure {
    Failure::Input { message: error.message, hints: error.hints }
}

fn rows_of(path: &Path, resolved: &Resolved) -> Result<Vec<Row>, ReadError> {
    let lanes: Vec<(usize, String)> =
        resolved.fleet.named_lanes().map(|lane| (lane, requested(lane, resolved.fleet.lane_name(lane)))).collect();
    let mut columns = vec!["job_id", "submit_us", "place_us", "end_us", "node", "count", "gpus"];
    columns.extend(lanes.iter().map(|(_, name)| name.as_str()));
    let frame = Frame::read(path, Some(&columns))?;
    let (jobs, nodes, gpus) = (frame.texts("job_id")?, frame.texts("node")?, frame.sets("gpus")?);
    let [submit, place, end, count] = ["submit_us", "place_us", "end_us", "count"].map(|name| frame.wholes(name));
    let (submit, place, end, count) = (submit?, place?, end?, count?);
    let mut amounts = Vec::new();
    for (lane, name) in &lanes {
        amounts.push((*lane, frame.wholes(name)?));
    }
    let rows = jobs.into_iter().zip(nodes).enumerate().filter_map(|(at, (job, node))| {
        let mut request = Resources::ZERO;
        for (lane, column) in &amounts {
            request[*lane] = column[at].unwrap_or(0) as u32;
        }
        Some(Row {
            job: job.unwrap_or_default(),
            place: place[at]?,
            end: end[at].unwrap_or(u64::MAX),
            submit: submit[at].unwrap_or(0),
            node,
            count: count[at].unwrap_or(1) as u32,
            gpus: gpus[at],
            request,
        })
    });
    Ok(rows.collect())
}

/// The column of what was requested of a lane.
fn requested(lane: usize, name: &str) -> String {
    let unit = match lane {
        0 | 3 => "_milli",
        1 | 2 => "_mib",
        _ => "",
    };
    debug_assert!(lane >= STANDARD_LANES.len() || name == STANDARD_LANES[lane]);
    format!("requested_{name}{unit}")
}

/// The first instant at which the most allocated lane is allocated the most; ends of an instant come before starts.
fn peak(rows: &[Row], capacity: &[u128]) -> u64 {
    let mut changes: Vec<(u64, bool, usize)> = Vec::with_capacity(rows.len() * 2);
    for (at, row) in rows.iter().enumerate() {
        changes.push((row.place, true, at));
        if row.end != u64::MAX {
            changes.push((row.end, false, at));
        }
    }
    changes.sort_unstable();
    let mut used = [0_u128; LANES];
    let (mut most, mut when) = (0.0, 0);
    for (position, &(now, starts, at)) in changes.iter().enumerate() {
        for (lane, used) in used.iter_mut().enumerate() {
            let amount = u128::from(rows[at].request[lane]) * u128::from(rows[at].count);
            *used = if starts { *used + amount } else { used.saturating_sub(amount) };
        }
        let complete = changes.get(position + 1).is_none_or(|next| next.0 > now);
        let shares = used.iter().zip(capacity).filter(|(_, all)| **all > 0);
        let level = shares.map(|(used, all)| *used as f64 / *all as f64).fold(0.0, f64::max);
        if complete && level > most {
            (most, when) = (level, now);
        }
    }
    when
}

/// The conditions of the jobs that are alive, by name; of a name that occurs more than once, the first.
fn conditions_of(resolved: &Resolved, alive: &[&Row]) -> Result<BTreeMap<String, Arc<[Constraint]>>, Failure> {
    let wanted: std::collections::BTreeSet<&str> = alive.iter().map(|row| row.job.as_str()).collect();
    let mut found = BTreeMap::new();
    for plan in &resolved.workloads {
        let mut workload = plan.open(resolved.scenario.seed)?;
        while let Some(job) = workload.source.next_job()? {
            let set = job.groups.as_slice().iter().find_map(|group| group.ask.constraints.clone());
            let Some(set) = set else { continue };
            let name = job.name.to_string();
            if wanted.contains(name.as_str()) {
                found.entry(name).or_insert(set);
            }
        }
    }
    Ok(found)
}

fn spec_of(row: &Row, job: JobId, conditions: &BTreeMap<String, Arc<[Constraint]>>) -> JobSpec {
    let devices = row.gpus.count_ones();
    let milli = row.request[GPU].checked_div(devices).unwrap_or(0);
    JobSpec {
        job,
        first_task: TaskId(0),
        count: 1,
        request: row.request,
        gpu: GpuRequest { count: devices as u8, milli: milli as u16 },
        constraints: conditions.get(&row.job).cloned(),
        ..JobSpec::default()
    }
}
