//! `[[trigger]]`: what is watched, and what is done.

use std::path::Path;

use windtunnel_outcome::limit::Limit;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::core::Registries;
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::elastic::Elastic;
use windtunnel_sim::trigger::{self as sim, Change, When, can_watch};
use windtunnel_traces::model::{Ask, Fleet, Group, Groups, Job, Label, Name, Run, Truth};

use super::Context;
use crate::failure::{Failure, nearest};
use crate::spec::{self, Scenario, Set, fleet::Amounts, trigger as written};

/// Firings that a group has room for whose `max` nobody gave.
const FIRINGS: u32 = 100;
/// Keys of the scheduler that say what it is, rather than what it does.
const FIXED: [&str; 3] = ["scheduler.architecture", "scheduler.use", "scheduler.profile"];

/// Gives groups that triggers add to room to grow, if nobody said how much; names triggers that have no name.
pub(super) fn prepare(scenario: &mut Scenario) {
    let adds = scenario.trigger.iter().flat_map(|trigger| &trigger.actions).filter_map(|one| one.add_nodes.as_ref());
    for add in adds {
        let group = scenario.fleet.group.iter_mut().find(|group| group.name == add.group && group.max.is_none());
        if let Some(group) = group {
            group.max = Some(group.count.saturating_add(add.count.saturating_mul(FIRINGS)));
        }
    }
    for (at, trigger) in scenario.trigger.iter_mut().enumerate() {
        trigger.name.get_or_insert_with(|| format!("trigger-{at}"));
    }
}

/// What triggers need to know.
pub(super) struct Facts<'a> {
    pub scenario: &'a Scenario,
    pub fleet: &'a Fleet,
    pub elastic: &'a [Elastic],
    pub config: &'a Config,
    pub registries: &'a Registries,
}

pub(super) fn resolve(facts: &Facts<'_>, context: &Context<'_>) -> Result<Vec<sim::Trigger>, Failure> {
    let triggers = facts.scenario.trigger.iter().enumerate();
    triggers.map(|(at, trigger)| one(trigger, at, facts, context)).collect()
}

fn one(
    trigger: &written::Trigger,
    at: usize,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<sim::Trigger, Failure> {
    let key = format!("trigger.{at}");
    let refuse = |inner: &str, sentence: String| Err(context.places.failure(&format!("{key}{inner}"), sentence));
    let name = trigger.name.clone().unwrap_or_default();
    if facts.scenario.trigger[..at].iter().any(|other| other.name.as_ref() == Some(&name)) {
        return refuse(".name", format!("two triggers are called `{name}`; rename one"));
    }
    let when = match (&trigger.when, trigger.at) {
        (Some(text), None) => When::Holds(Box::new(limit(text, &format!("{key}.when"), facts, context)?)),
        (None, Some(at)) => When::At(Time(at.0)),
        _ => return refuse("", "exactly one of `when` and `at` is needed; give one".to_owned()),
    };
    if let (When::At(_), Some(inner)) =
        (&when, [(trigger.hold, ".for"), (trigger.cooldown, ".cooldown")].iter().find(|(given, _)| given.is_some()))
    {
        return refuse(inner.1, "an instant comes once; take this out, or write `when`".to_owned());
    }
    if trigger.actions.is_empty() {
        return refuse(".do", "nothing is done; write an action such as { stop = true }".to_owned());
    }
    let actions = trigger.actions.iter().enumerate();
    let actions = actions.map(|(nth, one)| action(one, &name, &format!("{key}.do.{nth}"), facts, context));
    Ok(sim::Trigger {
        actions: actions.collect::<Result<_, _>>()?,
        name,
        when,
        hold: trigger.hold.map_or(Span::ZERO, |hold| hold.span()),
        cooldown: trigger.cooldown.map(|cooldown| cooldown.span()).filter(|&cooldown| cooldown > Span::ZERO),
    })
}

/// The limit of a trigger, on a number that is known while a run goes on.
fn limit(text: &str, key: &str, facts: &Facts<'_>, context: &Context<'_>) -> Result<Limit, Failure> {
    let limit: Limit = text.parse().map_err(|error: windtunnel_outcome::limit::BadLimit| {
        context.places.failure(key, error.to_string()).hint("`windtunnel metrics` says which numbers are live")
    })?;
    if !can_watch(&limit) || limit.subject != windtunnel_outcome::limit::Subject::Number {
        let sentence = format!("`{}` is only known at the end of a run; name a live metric", limit.name);
        return Err(context.places.failure(key, sentence).hint("`windtunnel metrics` says which numbers are live"));
    }
    if limit.name.starts_with("cost.") && facts.fleet.upkeep.iter().all(|rate| rate.price == 0) {
        let sentence = "no node has a price; give one to a group of the fleet";
        return Err(context.places.failure(key, sentence));
    }
    Ok(limit)
}

fn action(
    written: &written::Action,
    trigger: &str,
    key: &str,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<sim::Action, Failure> {
    let written::Action { add_nodes, remove_nodes, drain_nodes, scale, submit, set, stop } = written;
    let given = [
        add_nodes.is_some(),
        remove_nodes.is_some(),
        drain_nodes.is_some(),
        scale.is_some(),
        submit.is_some(),
        set.is_some(),
        *stop == Some(true),
    ];
    if given.into_iter().filter(|&one| one).count() != 1 {
        let names: Vec<&str> = sim::ACTIONS.iter().map(|kind| kind.name).collect();
        let sentence = format!("one action at a time; write exactly one of {}", names.join(", "));
        return Err(context.places.failure(key, sentence));
    }
    let group = |name: &str, inner: &str| group(name, &format!("{key}.{inner}.group"), facts, context);
    if let Some(add) = add_nodes {
        return Ok(sim::Action::AddNodes { group: group(&add.group, "add_nodes")?, count: add.count });
    }
    let leave = |leave: &written::Leave, inner: &str| -> Result<sim::Leave, Failure> {
        let (grace, deadline) = (leave.grace.span(), leave.deadline.span());
        Ok(sim::Leave { group: group(&leave.group, inner)?, count: leave.count, grace, deadline })
    };
    if let Some(written) = remove_nodes {
        return Ok(sim::Action::RemoveNodes(leave(written, "remove_nodes")?));
    }
    if let Some(written) = drain_nodes {
        return Ok(sim::Action::DrainNodes(leave(written, "drain_nodes")?));
    }
    if let Some(written) = scale {
        let change = match (written.by, written.to) {
            (Some(by), None) => Change::By(by),
            (None, Some(to)) => Change::To(to),
            _ => {
                let sentence = "exactly one of `by` and `to` is needed; give one";
                return Err(context.places.failure(&format!("{key}.scale"), sentence));
            }
        };
        return Ok(sim::Action::Scale { service: written.service.clone(), change });
    }
    if let Some(written) = submit {
        return job(written, trigger, &format!("{key}.submit"), facts, context);
    }
    match set {
        Some(keys) => {
            let sets = keys.iter().map(|(key, value)| Set { key: key.clone(), value: value.to_string() });
            let sets: Vec<Set> = sets.collect();
            let changed = change(facts.scenario, facts.config, &sets, context.base, facts.registries);
            changed.map_err(|failure| context.within(&format!("{key}.set"), failure))
        }
        None => Ok(sim::Action::Stop),
    }
}

fn group(name: &str, key: &str, facts: &Facts<'_>, context: &Context<'_>) -> Result<usize, Failure> {
    facts.elastic.iter().position(|group| group.name == name).ok_or_else(|| {
        let names = || facts.scenario.fleet.group.iter().map(|group| group.name.as_str());
        let fix = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::from("name a [[fleet.group]]"),
        };
        context.places.failure(key, format!("there is no group `{name}`; {fix}"))
    })
}

fn job(
    written: &written::Submit,
    trigger: &str,
    key: &str,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<sim::Action, Failure> {
    let workload = written.workload as usize;
    if workload >= facts.scenario.workload.len() {
        let sentence = format!("there are only {}; write a position", facts.scenario.workload.len());
        return Err(context.places.failure(&format!("{key}.workload"), sentence));
    }
    if written.tasks == 0 {
        return Err(context.places.failure(&format!("{key}.tasks"), "no tasks are no job; write at least 1"));
    }
    let amounts = Amounts { cpu: written.cpu, memory: written.memory, disk: written.disk, ..Amounts::default() };
    let mut request: Resources = super::fleet::row(&amounts, &facts.fleet.extra_lanes)
        .map_err(|(inner, sentence)| context.places.failure(&format!("{key}.{inner}"), sentence))?;
    let gpus = u8::try_from(written.gpu.unwrap_or(0)).ok().filter(|&gpus| gpus <= 64);
    let Some(gpus) = gpus else {
        return Err(context.places.failure(&format!("{key}.gpu"), "a task has at most 64 gpus; give fewer"));
    };
    request[GPU] = u32::from(gpus) * 1000;
    let gpu = if gpus == 0 { GpuRequest::default() } else { GpuRequest { count: gpus, milli: 1000 } };
    let group = Group {
        count: written.tasks,
        ask: Ask { request, gpu, ..Ask::default() },
        truth: Truth { run: Run::Same(written.duration.span()), ..Truth::default() },
    };
    let name = written.name.clone().unwrap_or_else(|| trigger.to_owned());
    let job = Job {
        name: Name::Text(name.into()),
        submit: Time::ZERO,
        priority: written.priority,
        role: Label::default(),
        user: Label::default(),
        class: Label::default(),
        groups: Groups::One(group),
        course: None,
    };
    let (class, role) = (written.class.clone(), written.role.clone());
    Ok(sim::Action::Submit(Box::new(sim::Submit { job, class, role, workload })))
}

/// The change that keys of the scheduler make, as an action.
fn change(
    scenario: &Scenario,
    config: &Config,
    sets: &[Set],
    base: &Path,
    registries: &Registries,
) -> Result<sim::Action, Failure> {
    if let Some(set) = sets.iter().find(|set| !set.key.starts_with("scheduler.") || FIXED.contains(&set.key.as_str())) {
        let sentence = format!("`{}` cannot change while a run goes on; name a policy of [scheduler]", set.key);
        return Err(Failure::new(sentence).hint("such as scheduler.placement, scheduler.queue, scheduler.backfill"));
    }
    let mut plain = scenario.clone();
    plain.trigger.clear();
    let (other, places) = spec::parse(&scenario.name, &super::write(&plain)?, sets)?;
    let after = super::resolve(other, &places, base, registries)?.config;
    let words: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let (before, after) = (Box::new(config.clone()), Box::new(after));
    Ok(sim::Action::Set { before, after, words: words.join(", ") })
}

impl super::Resolved {
    /// A trigger that changes keys of the scheduler at an instant.
    ///
    /// # Errors
    /// If a key cannot change while a run goes on.
    pub fn change_at(
        &self,
        at: Time,
        name: &str,
        sets: &[Set],
        base: &Path,
        registries: &Registries,
    ) -> Result<sim::Trigger, Failure> {
        let action = change(&self.scenario, &self.config, sets, base, registries)?;
        let (name, when) = (name.to_owned(), When::At(at));
        Ok(sim::Trigger { name, when, hold: Span::ZERO, cooldown: None, actions: vec![action] })
    }
}
