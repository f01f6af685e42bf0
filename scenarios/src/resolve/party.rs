//! `[[framework]]` and the keys of `[scheduler]` about offers, to the configurations of the parties.

use windtunnel_scheduler::allocator::two_level::{
    Capabilities, FrameworkSpec, Membership, Options, Quota, StaticReservation,
};
use windtunnel_scheduler::config::{self, Config, Habits};
use windtunnel_scheduler::core::Registries;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::LANES;
use windtunnel_scheduler::time::Span;
use windtunnel_traces::model::Fleet;

use super::workload::Plan;
use super::{Context, fleet, unknown_policy};
use crate::failure::{Failure, nearest};
use crate::spec::framework::{self as framework_spec, Capability};
use crate::spec::scheduler::{self as spec, Architecture};
use crate::spec::{Scenario, fleet::Amounts};

/// The least time between two wishes to be offered again what was refused, where nothing is said of it.
const REVIVE_EVERY: Span = Span::from_seconds(5);
/// Parties have numbers of 16 bits, and the allocator is one.
const FRAMEWORKS_MOST: usize = u16::MAX as usize - 1;

/// Settles who takes part. Frameworks that no table names are written into the scenario, each workload's own after it.
pub(super) fn resolve(
    scenario: &mut Scenario,
    fleet: &Fleet,
    config: Config,
    registries: &Registries,
    workloads: &mut [Plan],
    context: &mut Context<'_>,
) -> Result<Config, Failure> {
    check_names(scenario, context)?;
    warn_idle(scenario, context);
    if scenario.scheduler.architecture == Architecture::Monolithic {
        return Ok(config);
    }
    if scenario.scheduler.unplaceable == spec::Unplaceable::Reject {
        context.warn(String::from(
            "`scheduler.unplaceable` has no effect: a framework cannot know that a task fits nowhere; all wait",
        ));
    }
    for (plan, written) in workloads.iter().zip(&mut scenario.workload) {
        if written.framework.is_none() {
            written.framework = Some(plan.name.clone());
        }
        let name = written.framework.clone().unwrap_or_default();
        if scenario.framework.iter().all(|framework| framework.name != name) {
            let role = Some(written.role.clone().unwrap_or_else(|| name.clone()));
            scenario.framework.push(own_framework(name, role));
        }
    }
    if scenario.framework.len() > FRAMEWORKS_MOST {
        return Err(context.places.failure("framework", format!("at most {FRAMEWORKS_MOST} frameworks; give fewer")));
    }
    for (plan, written) in workloads.iter_mut().zip(&scenario.workload) {
        let at = scenario.framework.iter().position(|framework| Some(&framework.name) == written.framework.as_ref());
        plan.party = PartyId(at.map_or(0, |at| at as u16 + 1));
    }
    let frameworks = (0..scenario.framework.len())
        .map(|at| one_framework(scenario, at, &config, registries, context))
        .collect::<Result<Vec<_>, _>>()?;
    let allocator = match scenario.scheduler.architecture {
        Architecture::TwoLevel => Some(Box::new(options(scenario, fleet, context)?)),
        _ => None,
    };
    let conflicts = match scenario.scheduler.conflicts {
        spec::Conflicts::Fine => config::Conflicts::Fine,
        spec::Conflicts::Coarse => config::Conflicts::Coarse,
    };
    Ok(Config { allocator, conflicts, frameworks, ..config })
}

fn own_framework(name: String, role: Option<String>) -> framework_spec::Framework {
    framework_spec::Framework {
        name,
        kind: framework_spec::Kind::default(),
        holder: None,
        role,
        weight: None,
        decline: None,
        hold: crate::spec::quantity::Duration::ZERO,
        suppress: None,
        revive: None,
        revive_at_most_every: None,
        max_per_offer: None,
        max_launches: None,
        placement: None,
        queue: None,
        capabilities: Vec::new(),
    }
}

/// Names are unique, and a workload names one that exists.
fn check_names(scenario: &Scenario, context: &Context<'_>) -> Result<(), Failure> {
    let names = || scenario.framework.iter().map(|framework| framework.name.as_str());
    for (at, name) in names().enumerate() {
        if names().take(at).any(|other| other == name) {
            let sentence = format!("two frameworks are called `{name}`; rename one");
            return Err(context.places.failure(&format!("framework.{at}.name"), sentence));
        }
    }
    for (at, workload) in scenario.workload.iter().enumerate() {
        let Some(name) = workload.framework.as_deref() else { continue };
        if names().all(|known| known != name) {
            let fix = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add a [[framework]] with name = \"{name}\""),
            };
            let sentence = format!("there is no framework `{name}`; {fix}");
            return Err(context.places.failure(&format!("workload.{at}.framework"), sentence));
        }
    }
    Ok(())
}

/// Keys about offers have no effect where nobody is offered anything.
fn warn_idle(scenario: &Scenario, context: &mut Context<'_>) {
    const OFFERS: [&str; 13] = [
        "sorter",
        "allocation_interval",
        "offer_timeout",
        "min_allocatable",
        "unshared",
        "keep_gpus",
        "weights",
        "quota",
        "reservation",
        "decline",
        "suppress",
        "revive",
        "revive_at_most_every",
    ];
    let architecture = scenario.scheduler.architecture;
    let idle: &[(&str, &[&str])] = match architecture {
        Architecture::Monolithic => &[("monolithic", &OFFERS), ("monolithic", &["conflicts", "commit"])],
        Architecture::TwoLevel => &[("two-level", &["conflicts", "commit"])],
        Architecture::SharedState => &[("shared-state", &OFFERS)],
    };
    // What is as it would be anyway, as in a scenario that was written out, is no wish.
    let value = |scheduler: &spec::Scheduler| serde_json::to_value(scheduler).unwrap_or_default();
    let (given, usual) = (value(&scenario.scheduler), value(&spec::Scheduler::default()));
    let is_wish = |key: &str| context.places.has(&format!("scheduler.{key}")) && given[key] != usual[key];
    for (name, keys) in idle {
        for key in keys.iter().filter(|key| is_wish(key)) {
            context.warnings.push(format!("`scheduler.{key}` has no effect under architecture = \"{name}\""));
        }
    }
}

fn one_framework(
    scenario: &Scenario,
    at: usize,
    config: &Config,
    registries: &Registries,
    context: &Context<'_>,
) -> Result<config::Framework, Failure> {
    let (written, given) = (&scenario.framework[at], &scenario.scheduler);
    let rest = written.revive_at_most_every.or(given.revive_at_most_every).map(|every| every.span());
    let habits = Habits {
        refuse: written.decline.unwrap_or(given.decline).span(),
        hold: written.hold.span(),
        suppresses: written.suppress.unwrap_or(given.suppress),
        revives: written.revive.unwrap_or(given.revive).then_some(rest.unwrap_or(REVIVE_EVERY)),
        resumes: rest.unwrap_or_default(),
        per_offer: written.max_per_offer,
        launches: written.max_launches.map(|most| (most.tasks, most.every.span())),
        commit: match given.commit {
            spec::Commit::Incremental => config::Commit::Incremental,
            spec::Commit::Gang => config::Commit::Gang,
        },
    };
    let none = written.max_per_offer == Some(0) || written.max_launches.is_some_and(|most| most.tasks == 0);
    if none {
        let sentence = "a framework that may launch nothing has no use for offers; write a number above 0";
        return Err(context.places.failure(&format!("framework.{at}"), sentence));
    }
    // Where a framework holds something, its own policies are about what runs inside.
    let is_outside = written.kind == framework_spec::Kind::Batch;
    let own = |policy: &Option<spec::Policy>, usual: &config::Choice| {
        policy.as_ref().filter(|_| is_outside).map_or_else(|| usual.clone(), |policy| policy.0.clone())
    };
    let (placement, queue) = (own(&written.placement, &config.placement), own(&written.queue, &config.queue));
    let own = Config { placement, queue, habits, ..config.clone() };
    registries
        .check(&own)
        .map_err(|error| unknown_policy(&error, context.places).within(&format!("framework `{}`", written.name)))?;
    let capabilities = written.capabilities.iter().fold(Capabilities::default(), |all, one| {
        all.with(match one {
            Capability::Gpus => Capabilities::GPU_RESOURCES,
            Capability::Revocable => Capabilities::REVOCABLE_RESOURCES,
            Capability::Regions => Capabilities::REGION_AWARE,
        })
    });
    let role = written.role.as_ref().unwrap_or(&written.name);
    check_role(role, &format!("framework.{at}.role"), context)?;
    let spec = FrameworkSpec { party: PartyId(at as u16 + 1), roles: vec![Membership::of(role)], capabilities };
    Ok(config::Framework { name: written.name.clone(), spec, config: own })
}

/// A role is a path whose parts are not empty and not dots.
fn check_role(role: &str, key: &str, context: &Context<'_>) -> Result<(), Failure> {
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(char::is_whitespace);
    if role.split('/').any(bad) {
        let sentence = format!("`{role}` is no role; write words joined by /, such as \"eng/backend\"");
        return Err(context.places.failure(key, sentence));
    }
    Ok(())
}

fn options(scenario: &Scenario, fleet: &Fleet, context: &Context<'_>) -> Result<Options, Failure> {
    let given = &scenario.scheduler;
    let row = |amounts: &Amounts, key: &str| {
        fleet::row(amounts, &fleet.extra_lanes)
            .map_err(|(inner, sentence)| context.places.failure(&format!("{key}.{inner}"), sentence))
    };
    let sorter = match given.sorter {
        spec::Sorter::Drf => "drf",
        spec::Sorter::Random => "random",
    };
    let mut options = Options {
        role_sorter: sorter.to_owned(),
        framework_sorter: sorter.to_owned(),
        interval: given.allocation_interval.span(),
        offer_timeout: given.offer_timeout.map(|timeout| timeout.span()),
        weights: weights(scenario, context)?,
        keeps_gpus: given.keep_gpus,
        seed: scenario.seed,
        ..Options::default()
    };
    if options.interval == Span::ZERO {
        let sentence = "runs without a pause never end; write a length of time such as \"1s\"";
        return Err(context.places.failure("scheduler.allocation_interval", sentence));
    }
    if let Some(rows) = &given.min_allocatable {
        let rows = rows.iter().enumerate().map(|(at, one)| row(one, &format!("scheduler.min_allocatable.{at}")));
        options.least = rows.collect::<Result<_, _>>()?;
    }
    for (at, name) in given.unshared.iter().enumerate() {
        let Some(lane) = (0..LANES).find(|&lane| fleet.lane_name(lane) == name) else {
            let sentence = format!("the fleet has no lane `{name}`; name one that it has");
            return Err(context.places.failure(&format!("scheduler.unshared.{at}"), sentence));
        };
        options.excluded |= 1 << lane;
    }
    for (at, quota) in given.quota.iter().enumerate() {
        let key = format!("scheduler.quota.{at}");
        let mut own =
            Quota::limit(&row(&quota.limit, &format!("{key}.limit"))?, fleet::named(&quota.limit, &fleet.extra_lanes));
        own.guarantee = Quota::guarantee(&row(&quota.guarantee, &format!("{key}.guarantee"))?).guarantee;
        check_quota(&quota.role, &own, fleet, &key, context)?;
        options.quotas.push((quota.role.clone(), own));
    }
    for (at, reservation) in given.reservation.iter().enumerate() {
        let key = format!("scheduler.reservation.{at}");
        check_role(&reservation.role, &format!("{key}.role"), context)?;
        if reservation.on.len() > 1 {
            return Err(context.places.failure(&format!("{key}.on"), "one attribute at most; give one"));
        }
        let on = reservation.on.iter().next().map(|(name, value)| (name.clone(), value.clone()));
        let resources = row(&reservation.resources, &format!("{key}.resources"))?;
        options.reservations.push(StaticReservation { role: reservation.role.clone(), on, resources });
    }
    Ok(options)
}

fn check_quota(role: &str, quota: &Quota, fleet: &Fleet, key: &str, context: &Context<'_>) -> Result<(), Failure> {
    if role.contains('/') {
        let sentence = format!("`{role}` is not a top-level role; give the quota to the first part of its path");
        return Err(context.places.failure(&format!("{key}.role"), sentence));
    }
    for lane in 0..LANES {
        let (promised, most) = (quota.guarantee.0[lane], quota.limit.0[lane]);
        let name = fleet.lane_name(lane);
        if promised > most {
            let sentence = format!("the guarantee of `{name}` is above the limit; raise the limit");
            return Err(context.places.failure(&format!("{key}.guarantee"), sentence));
        }
        let capacity: u64 = fleet.nodes.iter().map(|node| u64::from(node.capacity[lane])).sum();
        if promised > capacity {
            let sentence = format!("more `{name}` is promised than the fleet has; promise less");
            return Err(context.places.failure(&format!("{key}.guarantee"), sentence));
        }
    }
    Ok(())
}

/// Weights by role: of [scheduler], and of the frameworks in it.
fn weights(scenario: &Scenario, context: &Context<'_>) -> Result<Vec<(String, f64)>, Failure> {
    let table = scenario.scheduler.weights.iter();
    let mut weights: Vec<(String, f64)> = table.map(|(role, weight)| (role.clone(), *weight)).collect();
    for (at, framework) in scenario.framework.iter().enumerate() {
        let Some(weight) = framework.weight else { continue };
        let role = framework.role.as_ref().unwrap_or(&framework.name);
        match weights.iter().find(|(known, _)| known == role) {
            Some((_, known)) if *known != weight => {
                let sentence = format!("role `{role}` has the weight {known} elsewhere; give it one weight");
                return Err(context.places.failure(&format!("framework.{at}.weight"), sentence));
            }
            Some(_) => {}
            None => weights.push((role.clone(), weight)),
        }
    }
    match weights.iter().find(|(_, weight)| !(weight.is_finite() && *weight > 0.0)) {
        None => Ok(weights),
        Some((role, weight)) => {
            let sentence = format!("{weight} is no weight for `{role}`; write a number above 0");
            Err(context.places.failure("scheduler.weights", sentence))
        }
    }
}
