//! `[[framework]]` of a kind with holders: what its tasks run in, and who is told what of it.

use windtunnel_scheduler::config::{self, Choice, Config, Holders, Inner, Unplaceable};
use windtunnel_scheduler::core::Registries;
use windtunnel_scheduler::event::{JobKind, Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Rules, Start, Workload};
use windtunnel_sim::model::HolderSource;
use windtunnel_traces::model::{Ask, Fleet, Job, Labels, Source, SourceError};

use super::workload::Plan;
use super::{Context, fleet, unknown_policy};
use crate::failure::Failure;
use crate::spec::framework::{Framework, Holder, Kind};
use crate::spec::scheduler::{Architecture, Unplaceable as Written};
use crate::spec::{Scenario, fleet::Amounts};

/// How many tasks a holder may have at once where nodes have a limit: that of a node is no matter of its holders.
const TASKS_MOST: u32 = 1 << 20;
/// After how long without a task a tracker is given back, if nothing is said.
const IDLE: Span = Span::from_seconds(60);

/// What a kind is called in the registry of the core; None for the one without holders.
fn name_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Batch => None,
        Kind::Coarse => Some("coarse"),
        Kind::Nested => Some("nested"),
        Kind::Slots => Some("slots"),
    }
}

/// Gives every framework with holders a party of its own, inside, and says where its holders come from. To be called
/// when every workload knows whose it is.
pub(super) fn resolve(
    scenario: &Scenario,
    fleet: &Fleet,
    config: Config,
    registries: &Registries,
    workloads: &mut [Plan],
    context: &Context<'_>,
) -> Result<(Config, Vec<HolderSource>), Failure> {
    let (mut inner, mut sources) = (Vec::new(), Vec::new());
    for (at, written) in scenario.framework.iter().enumerate() {
        let Some(kind) = name_of(written.kind) else {
            if written.holder.is_some() {
                let sentence = "a framework of kind \"batch\" holds nothing; take it out, or give kind = \"coarse\", \
                                \"slots\" or \"nested\"";
                return Err(context.places.failure(&format!("framework.{at}.holder"), sentence));
            }
            continue;
        };
        check_scheduler(scenario, at, context)?;
        let (holders, request) = holders(written, kind, at, fleet, context)?;
        let own: Vec<usize> = (0..workloads.len())
            .filter(|&one| scenario.workload[one].framework.as_ref() == Some(&written.name))
            .collect();
        for &one in &own {
            check_workload(scenario, one, &workloads[one], context)?;
        }
        let party = PartyId(1 + (config.frameworks.len() + inner.len()) as u16);
        let mut ask = Ask { request, ..Ask::default() };
        let first = own.first().map(|&one| (&scenario.workload[one], &mut workloads[one]));
        let (mut role, mut priority) = (String::new(), 0);
        if let Some((written, plan)) = first {
            // Where the tasks may not be, what they run in may not either. How they lie together is their own affair.
            plan.demands().add_to(&mut ask);
            (ask.layout, ask.disruption) = (None, None);
            role = written.role.clone().unwrap_or_default();
            priority = written.priority.unwrap_or(0);
        }
        for &one in &own {
            workloads[one].party = party;
        }
        let name = format!("{}/{}", written.name, word(written.kind));
        let workload = workloads.len() + sources.len();
        let (framework, room) = (written.name.clone(), holders.room);
        sources.push(HolderSource { framework, name, role, priority, workload, ask, room });
        inner.push(inside(written, &config, holders, registries, context)?);
    }
    Ok((Config { inner, ..config }, sources))
}

/// What the field calls them.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Batch | Kind::Nested => "workers",
        Kind::Coarse => "executors",
        Kind::Slots => "trackers",
    }
}

/// What the framework is told: it decides alone what runs in its holders.
fn inside(
    written: &Framework,
    config: &Config,
    holders: Holders,
    registries: &Registries,
    context: &Context<'_>,
) -> Result<Inner, Failure> {
    let own = Config {
        architecture: config::Architecture::Monolithic,
        placement: written.placement.as_ref().map_or_else(|| config.placement.clone(), |policy| policy.0.clone()),
        queue: written.queue.as_ref().map_or_else(|| config.queue.clone(), |policy| policy.0.clone()),
        backfill: Choice::named("none"),
        preemption: Choice::named("none"),
        unplaceable: Unplaceable::Wait,
        interval: Span::ZERO,
        allocator: None,
        frameworks: Vec::new(),
        holders: Some(Box::new(holders)),
        ..config.clone()
    };
    registries
        .check(&own)
        .map_err(|error| unknown_policy(&error, context.places).within(&format!("framework `{}`", written.name)))?;
    Ok(Inner { name: written.name.clone(), config: own })
}

/// What goes together with holders, and what does not.
fn check_scheduler(scenario: &Scenario, at: usize, context: &Context<'_>) -> Result<(), Failure> {
    let given = &scenario.scheduler;
    let key = format!("framework.{at}.kind");
    let has_terms = !(scenario.partition.is_empty() && scenario.qos.is_empty() && scenario.reservation.is_empty());
    if has_terms {
        let sentence = "partitions, qualities of service and reservations say nothing of what runs inside holders; \
                        write kind = \"batch\"";
        return Err(context.places.failure(&key, sentence));
    }
    if given.implementation != "core" {
        let other = &given.implementation;
        let sentence = format!("only the core runs tasks inside holders, not `{other}`; write kind = \"batch\"");
        return Err(context.places.failure(&key, sentence));
    }
    if scenario.model.instant == crate::spec::scheduler::Instant::PerEvent {
        let sentence = "a pass per event trusts estimates, and holders have none; write instant = \"batched\"";
        return Err(context.places.failure("model.instant", sentence));
    }
    if given.architecture == Architecture::Monolithic && given.unplaceable == Written::Reject {
        let sentence = "a holder that finds no place at once is asked for again at once, for ever; write \
                        unplaceable = \"wait\"";
        return Err(context.places.failure("scheduler.unplaceable", sentence));
    }
    Ok(())
}

/// What can run inside holders.
fn check_workload(scenario: &Scenario, at: usize, plan: &Plan, context: &Context<'_>) -> Result<(), Failure> {
    let written = &scenario.workload[at];
    let refuse = |key: &str, sentence: &str| Err(context.places.failure(&format!("workload.{at}{key}"), sentence));
    if plan.begins_on_nodes() {
        return refuse("", "what runs already lies on nodes, not in holders; take `warm` or `start` out");
    }
    if written.service.as_ref().is_some_and(|service| service.resident || service.unreachable.is_some()) {
        return refuse(".service", "replicas in holders have no node of their own; take `resident`, `unreachable` out");
    }
    if written.service.as_ref().is_some_and(|service| service.upgrade.is_some()) {
        return refuse(
            ".service.upgrade",
            "what runs in holders is not upgraded; give another framework, or take it out",
        );
    }
    let Some(spec) = plan.synthetic() else { return Ok(()) };
    let parts = std::iter::once(spec).chain(spec.stages.iter().map(|stage| &stage.jobs));
    for part in parts {
        if part.kinds.iter().any(|&(kind, _)| kind == JobKind::Daemon) {
            return refuse(".synthetic.kinds", "daemons belong to nodes, not to holders; give them another framework");
        }
        if part.shapes.iter().any(|shape| shape.gpu.count > 0) {
            return refuse(".synthetic.shapes", "holders have no gpus; give such tasks another framework");
        }
    }
    Ok(())
}

/// The holders of a framework, and what one asks of its node.
fn holders(
    written: &Framework,
    kind: &str,
    at: usize,
    fleet: &Fleet,
    context: &Context<'_>,
) -> Result<(Holders, Resources), Failure> {
    let key = format!("framework.{at}.holder");
    let refuse = |inner: &str, sentence: String| Err(context.places.failure(&format!("{key}{inner}"), sentence));
    let Some(holder) = &written.holder else {
        let sentence = format!("a framework of kind \"{kind}\" runs its tasks inside holders; say what one has");
        return Err(context
            .places
            .failure(&format!("framework.{at}.kind"), sentence)
            .hint("such as holder = { cpu = 4, memory = \"12GiB\" }"));
    };
    let Holder { cpu, memory, disk, count, most, idle } = *holder;
    for (name, most) in [("count", count), ("most", most)] {
        if most == Some(0) {
            return refuse(&format!(".{name}"), String::from("without holders no task ever runs; write at least 1"));
        }
    }
    if idle.is_some_and(|idle| idle.span() == Span::ZERO) {
        return refuse(".idle", String::from("what is given back at once is never used; write a time such as \"60s\""));
    }
    let stays = written.kind == Kind::Nested;
    match (stays, count, most.is_some(), idle.is_some()) {
        (true, None, ..) => {
            return refuse("", String::from("workers stay, so that their number has to be said; give `count`"));
        }
        (true, _, true, _) => {
            return refuse(".most", String::from("workers are `count`, no more and no fewer; take it out"));
        }
        (true, _, _, true) => return refuse(".idle", String::from("workers stay whatever runs in them; take it out")),
        (false, Some(_), ..) => {
            return refuse(
                ".count",
                format!("a framework of kind \"{kind}\" asks for as many as it needs; write `most`"),
            );
        }
        _ => {}
    }
    let request = fleet::row(&Amounts { cpu: Some(cpu), memory, disk, ..Amounts::default() }, &fleet.extra_lanes)
        .map_err(|(inner, sentence)| context.places.failure(&format!("{key}.{inner}"), sentence))?;
    let asked = request.masked(fleet.lanes);
    let fits: u64 = fleet.nodes.iter().map(|node| u64::from(asked.times_in(&node.capacity))).sum();
    if fits == 0 {
        return refuse("", String::from("no node has room for such a holder, even when empty; make it smaller"));
    }
    let mut room = asked;
    if let Some(lane) = fleet.tasks_lane() {
        room.0[lane] = TASKS_MOST;
    }
    let fits = u32::try_from(fits).unwrap_or(u32::MAX);
    if count.is_some_and(|count| count > fits) {
        return refuse(".count", format!("the fleet has room for {fits} such workers, even when empty; write fewer"));
    }
    // What can never be in place need not be asked for.
    let most = count.or(most).map_or(fits, |most| most.min(fits));
    let idle = idle.map(|idle| idle.span()).or((written.kind == Kind::Slots).then_some(IDLE));
    Ok((Holders { kind: kind.to_owned(), room, most, idle }, request))
}

/// Jobs that are handed in on demand: none by the clock.
struct OnDemand(Labels);

impl Source for OnDemand {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(None)
    }

    fn labels(&self) -> &Labels {
        &self.0
    }
}

/// The workload that holders are handed in as, to whoever places them. What is lost is asked for again.
pub(super) fn open(source: &HolderSource, config: &Config) -> Workload {
    let outside = config.frameworks.iter().position(|framework| framework.name == source.framework);
    let party = outside.map_or(PartyId::FIRST, |at| PartyId(at as u16 + 1));
    Workload {
        source: Box::new(OnDemand(Labels::default())),
        party,
        start: Start::Submit,
        loss: Loss::Rerun,
        retry: Retry::default(),
        max_unavailable: None,
        checkpoint: None,
        warm: None,
        terms: windtunnel_scheduler::partition::Terms::default(),
        rules: Rules::default(),
    }
}

#[cfg(test)]
mod tests;
