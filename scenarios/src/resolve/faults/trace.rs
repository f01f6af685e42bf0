//! `[faults] trace`: recorded outages laid upon the nodes of the fleet.

use std::collections::BTreeMap;

use windtunnel_scheduler::draw::{self, Kind};
use windtunnel_sim::fault::{Effect, FaultSource, Listed, When};
use windtunnel_traces::model::{Failures, Fleet, Name};
use windtunnel_traces::read::{self, Input, ReadOptions};

use super::super::{Context, InputDigest};
use crate::failure::{Failure, listed, nearest};
use crate::spec::faults::FaultTrace;
use crate::spec::file::Paths;
use crate::spec::workload::OnBadRow;

/// Which nodes an outage of a share of the fleet takes.
const SHARE: Kind = u64::from_be_bytes(*b"faultshr");

pub(super) fn resolve(
    written: &mut FaultTrace,
    fleet: &Fleet,
    context: &mut Context<'_>,
) -> Result<Vec<FaultSource>, Failure> {
    let key = "faults.trace";
    let found = super::super::paths::find(&written.path, written.digest.as_ref(), key, context.base, context.places)?;
    let parts: Vec<Input> = found.iter().map(|file| Input::file(&file.path)).collect();
    if written.format.is_none() {
        let first = parts.first().ok_or_else(|| context.places.failure(key, "no file is named; give `path`"))?;
        let format = read::recognise_failures(first).map_err(|error| context.within(key, error.into()))?;
        written.format = Some(format.name().to_owned());
    }
    let on_bad_row = match written.on_bad_row {
        OnBadRow::Fail => read::OnBadRow::Fail,
        OnBadRow::Skip => read::OnBadRow::Skip,
    };
    let options = ReadOptions { on_bad_row, ..ReadOptions::default() };
    let mut failures = read::open_failures(parts, written.format.as_deref(), &options)
        .map_err(|error| context.within(key, error.into()))?;
    if let Some(system) = &written.system {
        let names: Vec<String> = failures.systems.iter().map(|count| count.system.to_string()).collect();
        if !names.contains(system) {
            let fix = match nearest(system, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the file has {}", listed(names.iter().map(String::as_str))),
            };
            return Err(context
                .places
                .failure("faults.trace.system", format!("no system is called `{system}`; {fix}")));
        }
        failures.keep_system(&Name::new(system));
    }
    written.path.0 = found.iter().map(|file| file.written.clone()).collect();
    written.digest = Some(Paths(found.iter().map(|file| file.digest.clone()).collect()));
    for (at, file) in found.iter().enumerate() {
        let key = if found.len() == 1 { "faults".to_owned() } else { format!("faults.{at}") };
        context.inputs.push(InputDigest { key, digest: file.digest.clone() });
    }
    Ok(lay(&failures, fleet, context))
}

/// The outages as strikes upon the fleet: by name where machines are called the same, else the k-th machine of the
/// record is the k-th node.
fn lay(failures: &Failures, fleet: &Fleet, context: &mut Context<'_>) -> Vec<FaultSource> {
    let machines = failures.nodes();
    let names: BTreeMap<String, u32> =
        fleet.nodes.iter().enumerate().map(|(at, node)| (node.name.to_string(), at as u32)).collect();
    let by_name = machines.iter().any(|(_, node)| names.contains_key(&node.to_string()));
    let place_of = |at: usize, node: &Name| match by_name {
        true => names.get(&node.to_string()).copied(),
        false => (at < fleet.nodes.len()).then_some(at as u32),
    };
    let places: BTreeMap<(&Name, &Name), Option<u32>> =
        machines.iter().enumerate().map(|(at, key)| ((&key.0, &key.1), place_of(at, &key.1))).collect();
    let (mut hard, mut soft, mut homeless) = (Vec::new(), Vec::new(), 0_u64);
    for outage in &failures.outages {
        let Some(node) = places.get(&(&outage.system, &outage.node)).copied().flatten() else {
            homeless += 1;
            continue;
        };
        let strike = Listed { nodes: [node].into(), begin: outage.begin, end: outage.end };
        if outage.soft { soft.push(strike) } else { hard.push(strike) }
    }
    if homeless > 0 {
        let (machines, nodes) = (machines.len(), fleet.nodes.len());
        context.warn(format!(
            "`faults.trace`: {homeless} outages are left out: {machines} machines are recorded, the fleet has {nodes}"
        ));
    }
    let merged: u64 = failures.systems.iter().map(|count| count.merged).sum();
    if merged > 0 {
        context.warn(format!("`faults.trace`: {merged} records overlap another of their machine and are part of it"));
    }
    for note in failures.notes.iter().filter(|note| note.skipped) {
        let reason = note.reason.replace('_', " ");
        context.warn(format!("`faults.trace`: {} records left out: {reason}", note.count));
    }
    hard.extend(failures.shares.iter().enumerate().map(|(at, share)| {
        let struck =
            |node: &u32| draw::below(1_000_000, 0, SHARE, u64::from(*node), at as u64) < share.millionths.into();
        let nodes = (0..fleet.nodes.len() as u32).filter(struck).collect();
        Listed { nodes, begin: share.begin, end: share.end }
    }));
    let source = |name: &str, effect, listed: Vec<Listed>| {
        (!listed.is_empty()).then(|| FaultSource { name: name.to_owned(), effect, when: When::Listed(listed) })
    };
    [source("trace", Effect::Outage, hard), source("trace-soft", Effect::Soft, soft)].into_iter().flatten().collect()
}
