//! `[fleet]` to machines: integer amounts after reserve and overcommit.

use std::collections::BTreeMap;

use windtunnel_scheduler::constraint::{HOSTNAME, TAINTS};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY, Resources, STANDARD_LANES};
use windtunnel_traces::model::{Fleet, Name, Node, NodeGroup, TASKS, Upkeep};
use windtunnel_traces::read::{Input, ReadOptions, open_fleet};

use super::workload::EFFECTS;
use super::{Context, InputDigest};
use crate::failure::Failure;
use crate::spec::fleet as spec;
use crate::spec::quantity::{Factor, Size};

/// Resolves the fleet; writes what is found out into `written`.
pub(super) fn resolve(written: &mut spec::Fleet, context: &mut Context<'_>) -> Result<Fleet, Failure> {
    let given = [written.trace.is_some(), written.pool.is_some(), !written.group.is_empty()];
    if given.into_iter().filter(|&one| one).count() != 1 {
        let sentence = "exactly one of `trace`, `pool` and `group` is needed; give one";
        return Err(context.places.failure("fleet", sentence));
    }
    let fleet = if let Some(trace) = &mut written.trace {
        from_trace(trace, context)?
    } else if let Some(pool) = &written.pool {
        from_pool(pool, context)?
    } else {
        from_groups(&written.group, context)?
    };
    if fleet.nodes.is_empty() {
        return Err(context.places.failure("fleet", "there are no nodes; give at least one"));
    }
    Ok(fleet)
}

fn from_trace(trace: &mut crate::spec::file::InputFile, context: &mut Context<'_>) -> Result<Fleet, Failure> {
    let key = "fleet.trace";
    let found = super::paths::find(&trace.path, trace.digest.as_ref(), key, context.base, context.places)?;
    let [file] = found.as_slice() else {
        return Err(context.places.failure("fleet.trace.path", "a fleet is one file; give one path"));
    };
    let input = Input::file(&file.path);
    let fleet = open_fleet(&input, trace.format.as_deref(), &ReadOptions::default()).map_err(|error| {
        // The sentence names the file with the trouble; the key says which scenario led there.
        context.within(key, error.into())
    })?;
    if trace.format.is_none() {
        trace.format = windtunnel_traces::read::recognise_input(&input).ok().map(|format| format.name().to_owned());
    }
    trace.path.0 = vec![file.written.clone()];
    trace.digest = Some(crate::spec::file::Paths(vec![file.digest.clone()]));
    context.inputs.push(InputDigest { key: "fleet".into(), digest: file.digest.clone() });
    Ok(fleet)
}

fn from_pool(pool: &spec::Amounts, context: &Context<'_>) -> Result<Fleet, Failure> {
    let extra = extra_lanes([&pool.lanes], "fleet.pool.lanes", context)?;
    let lanes = named(pool, &extra);
    if lanes == 0 {
        return Err(context.places.failure("fleet.pool", "the pool is empty; give at least `cpu`"));
    }
    let (capacity, gpus) = capacity(pool, &spec::Amounts::default(), spec::Overcommit::default(), &extra)
        .map_err(|(key, sentence)| context.places.failure(&format!("fleet.pool.{key}"), sentence))?;
    let node = Node { name: Name::Text("pool".into()), capacity, gpus, attributes: Vec::new(), domains: Vec::new() };
    Ok(Fleet { nodes: vec![node], lanes, extra_lanes: extra, ..Fleet::default() })
}

fn from_groups(groups: &[spec::Group], context: &mut Context<'_>) -> Result<Fleet, Failure> {
    if let Some(position) = groups.iter().position(|group| group.lanes.contains_key(TASKS)) {
        let sentence = "this lane counts tasks; give `tasks` instead, and take it out here";
        return Err(context.places.failure(&format!("fleet.group.{position}.lanes.{TASKS}"), sentence));
    }
    let counts_tasks = groups.iter().any(|group| group.tasks.is_some());
    let amounts: Vec<spec::Amounts> = groups.iter().map(|group| amounts(group, counts_tasks)).collect();
    let extra = extra_lanes(amounts.iter().map(|amounts| &amounts.lanes), "fleet.group", context)?;
    let lanes = amounts.iter().fold(0, |lanes, amounts| lanes | named(amounts, &extra));
    let mut fleet = Fleet { lanes, extra_lanes: extra, ..Fleet::default() };
    let has_upkeep = groups.iter().any(|group| group.price.is_some() || group.power.is_some());
    for (position, (group, amounts)) in groups.iter().zip(&amounts).enumerate() {
        let key = format!("fleet.group.{position}");
        if groups.iter().take(position).any(|other| other.name == group.name) {
            let sentence = format!("two groups are called `{}`; rename one", group.name);
            return Err(context.places.failure(&format!("{key}.name"), sentence));
        }
        for lane in [CPU, MEMORY, DISK] {
            if lanes & !named(amounts, &fleet.extra_lanes) & (1 << lane) != 0 {
                let name = fleet.lane_name(lane);
                let sentence = format!("other groups name `{name}`, this one does not; give `{name}` here too");
                return Err(context.places.failure(&key, sentence));
            }
        }
        let (capacity, gpus) = capacity(amounts, &group.reserve, group.overcommit, &fleet.extra_lanes)
            .map_err(|(inner, sentence)| context.places.failure(&format!("{key}.{inner}"), sentence))?;
        let upkeep = upkeep(group, &key, context)?;
        let count = most(group, &key, context)?;
        fleet.groups.push(NodeGroup { name: group.name.clone(), count });
        if has_upkeep {
            fleet.upkeep.extend((0..count).map(|_| upkeep));
        }
        let attributes = attributes(group, &key, context)?;
        for index in 0..count {
            fleet.nodes.push(Node {
                name: Name::Text(format!("{}-{index}", group.name).into()),
                capacity,
                gpus,
                attributes: attributes.clone(),
                domains: domains(group, index, &key, context)?,
            });
        }
    }
    Ok(fleet)
}

/// How many machines of a group there can be at most.
fn most(group: &spec::Group, key: &str, context: &Context<'_>) -> Result<u32, Failure> {
    if group.max.is_some_and(|max| max < group.count) {
        let sentence = format!("fewer than `count`, which is {}; write at least that", group.count);
        return Err(context.places.failure(&format!("{key}.max"), sentence));
    }
    let most = group.max.unwrap_or(group.count);
    if group.min.is_some_and(|min| min > most) {
        let sentence = format!("there are at most {most}; write no more than that");
        return Err(context.places.failure(&format!("{key}.min"), sentence));
    }
    Ok(most)
}

/// What a machine of a group costs and draws; nothing of what is not said.
fn upkeep(group: &spec::Group, key: &str, context: &Context<'_>) -> Result<Upkeep, Failure> {
    let (idle_mw, busy_mw) = group.power.as_ref().map_or((0, 0), |power| (power.idle.0, power.busy.0));
    if busy_mw < idle_mw {
        let sentence = "a busy machine draws less than an idle one; swap `idle` and `busy`";
        return Err(context.places.failure(&format!("{key}.power"), sentence));
    }
    Ok(Upkeep { price: group.price.map_or(0, |price| price.0), idle_mw, busy_mw })
}

/// Tells the scheduler what the nodes are called: an attribute like any other, for conditions on names.
pub(super) fn name_nodes(fleet: &mut Fleet) {
    for node in fleet.nodes.iter_mut().filter(|node| node.attribute(HOSTNAME).is_none()) {
        node.attributes.push((HOSTNAME.to_owned(), node.name.to_string()));
    }
}

/// What the machines of a group have. If any group limits its tasks, they are counted in a lane of their own.
fn amounts(group: &spec::Group, counts_tasks: bool) -> spec::Amounts {
    let mut lanes = group.lanes.clone();
    if counts_tasks {
        lanes.insert(TASKS.to_owned(), group.tasks.map_or(u64::from(u32::MAX), u64::from));
    }
    spec::Amounts { cpu: group.cpu, memory: group.memory, disk: group.disk, gpu: group.gpu, lanes }
}

fn attributes(group: &spec::Group, key: &str, context: &Context<'_>) -> Result<Vec<(String, String)>, Failure> {
    let mut attributes = group.attributes.clone();
    if let Some(model) = &group.gpu_model
        && attributes.insert("gpu_model".into(), model.clone()).is_some()
    {
        let sentence = "`gpu_model` is also an attribute; keep one of them";
        return Err(context.places.failure(&format!("{key}.gpu_model"), sentence));
    }
    if let Some(position) = group.taints.iter().position(|taint| !is_taint(taint)) {
        let sentence = format!(
            "`{}` is no taint; write key:effect or key=value:effect, with one of {}",
            group.taints[position],
            EFFECTS.join(", ")
        );
        return Err(context.places.failure(&format!("{key}.taints.{position}"), sentence));
    }
    if !group.taints.is_empty() && attributes.insert(TAINTS.to_owned(), group.taints.join(", ")).is_some() {
        return Err(context
            .places
            .failure(&format!("{key}.taints"), "`taints` is also an attribute; keep one of them"));
    }
    Ok(attributes.into_iter().collect())
}

/// Key, perhaps a value, and an effect.
fn is_taint(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(what, effect)| {
        let key = what.split_once('=').map_or(what, |(key, _)| key);
        !key.trim().is_empty() && !text.contains(',') && EFFECTS.contains(&effect)
    })
}

/// Zone, rack and own domains of the node at `index`: dealt out in turn, zones first.
fn domains(
    group: &spec::Group,
    index: u32,
    key: &str,
    context: &Context<'_>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut own = Vec::new();
    for (kind, each) in &group.domains {
        let refuse = |sentence: &str| Err(context.places.failure(&format!("{key}.domains.{kind}"), sentence));
        let Some(at) = index.checked_div(*each) else { return refuse("0 machines share one; write at least 1") };
        if kind == HOSTNAME
            || (kind == "zone" && group.zones.is_some())
            || (kind == "rack" && group.racks_per_zone.is_some())
        {
            return refuse("this kind is given already; take one of them out");
        }
        own.push((kind.clone(), format!("{}-{kind}-{at}", group.name)));
    }
    if group.zones.is_none() && group.racks_per_zone.is_none() {
        return Ok(own);
    }
    let zones = group.zones.unwrap_or(1);
    let (Some(zone), Some(turn)) = (index.checked_rem(zones), index.checked_div(zones)) else {
        return Err(context.places.failure(&format!("{key}.zones"), "there are 0 zones; give at least 1"));
    };
    let mut domains = vec![(String::from("zone"), format!("zone-{zone}"))];
    if let Some(racks) = group.racks_per_zone {
        let Some(rack) = turn.checked_rem(racks) else {
            return Err(context.places.failure(&format!("{key}.racks_per_zone"), "there are 0 racks; give at least 1"));
        };
        domains.push((String::from("rack"), format!("zone-{zone}-rack-{rack}")));
    }
    domains.append(&mut own);
    Ok(domains)
}

/// The names of the scenario's own lanes, in alphabetical order.
fn extra_lanes<'a>(
    tables: impl IntoIterator<Item = &'a BTreeMap<String, u64>>,
    key: &str,
    context: &Context<'_>,
) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = tables.into_iter().flat_map(BTreeMap::keys).cloned().collect();
    names.sort();
    names.dedup();
    let room = LANES - STANDARD_LANES.len();
    if names.len() > room {
        let sentence = format!("{} lanes of your own ({}); keep at most {room}", names.len(), names.join(", "));
        return Err(context.places.failure(key, sentence));
    }
    if let Some(name) = names.iter().find(|name| STANDARD_LANES.contains(&name.as_str())) {
        let sentence = format!("`{name}` is a lane of every node; give it outside `lanes`");
        return Err(context.places.failure(key, sentence));
    }
    Ok(names)
}

/// Which lanes `amounts` names.
pub(super) fn named(amounts: &spec::Amounts, extra: &[String]) -> u8 {
    let standard = [
        (CPU, amounts.cpu.is_some()),
        (MEMORY, amounts.memory.is_some()),
        (DISK, amounts.disk.is_some()),
        (GPU, amounts.gpu.is_some()),
    ];
    let own = extra.iter().enumerate().map(|(at, name)| (STANDARD_LANES.len() + at, amounts.lanes.contains_key(name)));
    standard.into_iter().chain(own).filter(|(_, given)| *given).fold(0, |mask, (lane, _)| mask | (1 << lane))
}

/// Key and sentence of what is wrong with an amount.
pub(super) type Wrong = (String, String);

/// Amounts as a row of lanes, for what is no node: quotas, reservations.
pub(super) fn row(amounts: &spec::Amounts, extra: &[String]) -> Result<Resources, Wrong> {
    if let Some(stray) = amounts.lanes.keys().find(|name| !extra.contains(name)) {
        let sentence = String::from("no node has this lane; name it under `lanes` of the fleet or take it out");
        return Err((format!("lanes.{stray}"), sentence));
    }
    // Gpus of a whole fleet are more than a node can have.
    let (gpu, rest) = (amounts.gpu.unwrap_or(0), spec::Amounts { gpu: None, ..amounts.clone() });
    let (mut row, _) = capacity(&rest, &spec::Amounts::default(), spec::Overcommit::default(), extra)?;
    let milli = gpu.checked_mul(1000).ok_or_else(|| (String::from("gpu"), String::from("too many; give fewer")))?;
    row[GPU] = milli;
    Ok(row)
}

/// What can be handed out: what there is, less the reserve, as often as it is counted. Also the number of gpus.
fn capacity(
    amounts: &spec::Amounts,
    reserve: &spec::Amounts,
    overcommit: spec::Overcommit,
    extra: &[String],
) -> Result<(Resources, u8), Wrong> {
    let gpus = amounts.gpu.unwrap_or(0);
    let gpus = u8::try_from(gpus).ok().filter(|&gpus| gpus <= 64);
    let gpus = gpus.ok_or_else(|| (String::from("gpu"), String::from("a node has at most 64 gpus; give fewer")))?;
    let mib = |size: Option<Size>, up: bool| size.map(|size| if up { size.mib_up() } else { size.mib_down() });
    let gpu_milli = |count: Option<u32>| count.map(|count| u64::from(count) * 1000);
    let mut rows = vec![
        (String::from("cpu"), amounts.cpu.map(|cpu| cpu.0), reserve.cpu.map(|cpu| cpu.0), overcommit.cpu),
        (String::from("memory"), mib(amounts.memory, false), mib(reserve.memory, true), overcommit.memory),
        (String::from("disk"), mib(amounts.disk, false), mib(reserve.disk, true), overcommit.disk),
        (String::from("gpu"), gpu_milli(amounts.gpu), gpu_milli(reserve.gpu), Factor::ONE),
    ];
    if reserve.gpu.is_some_and(|gpus| gpus > 0) {
        return Err((String::from("reserve.gpu"), String::from("gpus cannot be reserved; give fewer `gpu` instead")));
    }
    for name in extra {
        let own = (amounts.lanes.get(name).copied(), reserve.lanes.get(name).copied());
        rows.push((format!("lanes.{name}"), own.0, own.1, Factor::ONE));
    }
    if let Some(stray) = reserve.lanes.keys().find(|name| !extra.contains(name)) {
        let sentence = String::from("no node has this lane; name it under `lanes` or take it out");
        return Err((format!("reserve.lanes.{stray}"), sentence));
    }
    let mut row = Resources::ZERO;
    for (lane, (name, amount, reserved, factor)) in rows.into_iter().enumerate() {
        let Some(amount) = amount else {
            if reserved.is_some() {
                return Err((format!("reserve.{name}"), format!("the node has no `{name}`; give it or take this out")));
            }
            continue;
        };
        let Some(left) = amount.checked_sub(reserved.unwrap_or(0)) else {
            return Err((format!("reserve.{name}"), String::from("more than the node has; reserve less")));
        };
        let handed_out = u128::from(left) * u128::from(factor.0) / 1000;
        row[lane] = u32::try_from(handed_out).map_err(|_| {
            (name.clone(), String::from("too large for one node (the limit is 2^32 - 1 units); give less"))
        })?;
    }
    Ok((row, gpus))
}
