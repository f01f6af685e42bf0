//! `[faults]` and what of `[model]` goes with it: presets filled in, laws and domains found, units made integers.

use windtunnel_scheduler::resources::{CPU, MEMORY, Resources};
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::fault::{
    Burst, Chance, Domains, Effect, FAULTS, FaultSource, Faults, Listed, Repeat, Upkeep, When, model as fault_model,
};
use windtunnel_sim::model::{Blast, Detection, Link, Model, Overload};
use windtunnel_traces::model::Fleet;
use windtunnel_traces::synthetic::{Law, generator};

use super::Context;
use super::workload::synthetic::{bad_term, duration, terms};
use crate::failure::{Failure, listed, nearest};
use crate::library;
use crate::spec::Scenario;
use crate::spec::faults as spec;
use crate::spec::generator::{Generator, Given, Term};
use crate::spec::quantity::{Duration, Rate};
use crate::spec::takes::Takes;

mod launch;
mod trace;

/// Resolves what may go wrong; writes what a preset gives into `scenario`.
pub(super) fn resolve(scenario: &mut Scenario, fleet: &Fleet, context: &mut Context<'_>) -> Result<Model, Failure> {
    let model = Model {
        detection: detection(scenario, context)?,
        link: link(scenario, context)?,
        launch: launch::resolve(scenario, context)?,
        decision_time: launch::decision_time(scenario, context),
        overload: overload(scenario, fleet, context)?,
        blast: blast(scenario, fleet, context)?,
        ..Model::default()
    };
    let preset = fill(&mut scenario.faults, fleet, context)?;
    let mut sources = Vec::new();
    for (kind, breakdowns) in &scenario.faults.kinds {
        let several = breakdowns.0.len() > 1;
        for (at, breakdown) in breakdowns.0.iter().enumerate() {
            let key = if several { format!("faults.{kind}.{at}") } else { format!("faults.{kind}") };
            let name = if at == 0 { kind.clone() } else { format!("{kind}-{at}") };
            let breakdown = from_preset(breakdown, fleet, preset.contains(kind), context);
            sources.push(source(name, kind, &breakdown, &key, fleet, context)?);
        }
    }
    if !scenario.faults.planned.is_empty() {
        sources.extend(planned(&scenario.faults.planned, fleet, context)?);
    }
    if let Some(trace) = &mut scenario.faults.trace {
        sources.extend(trace::resolve(trace, fleet, context)?);
    }
    let upkeep = upkeep(scenario, fleet, context)?;
    if sources.is_empty() && model.detection.is_some() {
        context.warn(String::from("`model.detection` has no effect: no machine ever falls silent; give [faults]"));
    }
    Ok(Model { faults: Faults { sources, upkeep }, ..model })
}

/// Fills in the preset: the kinds that came from it.
fn fill(faults: &mut spec::Faults, fleet: &Fleet, context: &mut Context<'_>) -> Result<Vec<String>, Failure> {
    let Some(name) = &faults.preset else { return Ok(Vec::new()) };
    let known = || library::entries().filter(|entry| entry.kind == "failures");
    let Some(entry) = known().find(|entry| entry.name == name) else {
        let names = || known().map(|entry| entry.name);
        let fix = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", listed(names())),
        };
        return Err(context.places.failure("faults.preset", format!("there is no preset `{name}`; {fix}")));
    };
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        faults: spec::Faults,
    }
    let file: File = toml::from_str(entry.text).map_err(|error| {
        context.places.failure("faults.preset", format!("the preset `{name}` cannot be read ({error}); report this"))
    })?;
    let mut given = Vec::new();
    for (kind, breakdowns) in file.faults.kinds {
        if faults.kinds.contains_key(&kind) {
            continue;
        }
        if Domains::of(fleet, &kind).is_empty() {
            context.warn(format!("preset `{name}`: no node is in a {kind}, so none fails"));
            continue;
        }
        given.push(kind.clone());
        faults.kinds.insert(kind, breakdowns);
    }
    Ok(given)
}

/// A preset does not know the fleet: bursts within a kind of domain that it has not are left out.
fn from_preset(
    breakdown: &spec::Breakdown,
    fleet: &Fleet,
    is_preset: bool,
    context: &mut Context<'_>,
) -> spec::Breakdown {
    let mut breakdown = breakdown.clone();
    if let Some(burst) = breakdown.burst.take_if(|burst| is_preset && Domains::of(fleet, &burst.within).is_empty()) {
        context.warn(format!("no node is in a {}, so no failure takes others along", burst.within));
    }
    breakdown
}

fn source(
    name: String,
    kind: &str,
    written: &spec::Breakdown,
    key: &str,
    fleet: &Fleet,
    context: &Context<'_>,
) -> Result<FaultSource, Failure> {
    let places = context.places;
    check_kind(kind, fleet, key, context)?;
    let between = between(written, key, context)?;
    let repair = match &written.repair {
        Takes::Bare(mean) => duration(&bare("exponential", *mean), &format!("{key}.repair"), context)?,
        Takes::Law(law) => duration(law, &format!("{key}.repair"), context)?,
    };
    let burst = match &written.burst {
        Some(burst) => {
            check_kind(&burst.within, fleet, &format!("{key}.burst.within"), context)?;
            Some(Burst {
                chance: burst.chance.share(),
                kind: burst.within.clone(),
                share: burst.share.share(),
                within: burst.over.span(),
            })
        }
        None => None,
    };
    let repeat = written.repeat.map(|repeat| Repeat { chance: repeat.chance.share(), within: repeat.within.span() });
    if repeat.is_some_and(|repeat| repeat.chance >= 1.0 && repeat.within == Span::ZERO) {
        return Err(places.failure(&format!("{key}.repeat"), "it would never be up again; give a time `within`"));
    }
    let effect = effect(&written.does, &format!("{key}.does"), context)?;
    let chance =
        Chance { kind: kind.to_owned(), between, repair, crews: written.crews, repeat, burst, fresh: written.fresh };
    Ok(FaultSource { name, effect, when: When::Chance(chance) })
}

/// A law with a duration for its first option.
fn bare(name: &str, duration: Duration) -> Generator {
    Generator { name: name.to_owned(), terms: Given::First(Term::Text(duration.to_string())) }
}

/// The law of the time between failures: the mean is `mtbf` unless the law has one of its own.
fn between(written: &spec::Breakdown, key: &str, context: &Context<'_>) -> Result<Law, Failure> {
    let mut law = written.distribution.clone();
    let key_of_law = format!("{key}.distribution");
    if let Some(mtbf) = written.mtbf {
        let takes_mean = generator("duration", &law.name)
            .is_ok_and(|known| known.options.iter().any(|option| option.name == "mean"));
        let mean = Term::Text(mtbf.to_string());
        match (&mut law.terms, law.name.as_str()) {
            (terms, "constant") => *terms = Given::First(mean),
            (Given::Named(terms), _) if takes_mean && !terms.contains_key("mean") => {
                terms.insert("mean".into(), mean);
            }
            _ => {
                let sentence = "the law has a mean of its own; take `mtbf` or that out";
                return Err(context.places.failure(&format!("{key}.mtbf"), sentence));
            }
        }
    } else if law.name == "exponential" && matches!(&law.terms, Given::Named(terms) if terms.is_empty()) {
        let sentence = "how often it fails is missing; give `mtbf`, such as \"90d\", or a whole `distribution`";
        return Err(context.places.failure(key, sentence));
    }
    duration(&law, &key_of_law, context)
}

/// What a strike does.
fn effect(written: &Generator, key: &str, context: &Context<'_>) -> Result<Effect, Failure> {
    let Some(known) = fault_model(&written.name) else {
        let names = || FAULTS.iter().map(|model| model.name);
        let fix = match nearest(&written.name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", listed(names())),
        };
        return Err(context.places.failure(key, format!("no fault is called `{}`; {fix}", written.name)));
    };
    let terms = terms((known.name, known.bare, known.options), written, key, context)?;
    known.effect(&terms).map_err(|error| bad_term(written, key, &error, context))
}

/// The kind of a domain must be one that a node is in.
fn check_kind(kind: &str, fleet: &Fleet, key: &str, context: &Context<'_>) -> Result<(), Failure> {
    if !Domains::of(fleet, kind).is_empty() {
        return Ok(());
    }
    let known = kinds_of(fleet);
    let names = || known.iter().map(String::as_str);
    let fix = match nearest(kind, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the fleet has {}", listed(names())),
    };
    Err(context.places.failure(key, format!("no node is in a `{kind}`; {fix}")))
}

/// `node`, and the kinds of domains that nodes are in.
fn kinds_of(fleet: &Fleet) -> Vec<String> {
    let kinds: std::collections::BTreeSet<&String> =
        fleet.nodes.iter().flat_map(|node| node.domains.iter().map(|(kind, _)| kind)).collect();
    std::iter::once(String::from("node")).chain(kinds.into_iter().cloned()).collect()
}

/// Strikes that are known beforehand: one source for each.
fn planned(written: &[spec::Planned], fleet: &Fleet, context: &Context<'_>) -> Result<Vec<FaultSource>, Failure> {
    let mut sources = Vec::new();
    for (at, one) in written.iter().enumerate() {
        let key = format!("faults.planned.{at}");
        check_kind(&one.kind, fleet, &format!("{key}.kind"), context)?;
        let nodes = nodes_of(fleet, &one.kind, &one.name);
        if nodes.is_empty() {
            let domains = Domains::of(fleet, &one.kind);
            let names: Vec<String> = match one.kind.as_str() {
                "node" => fleet.nodes.iter().map(|node| node.name.to_string()).collect(),
                _ => (0..domains.len() as u32).filter_map(|at| domains.name(at).map(str::to_owned)).collect(),
            };
            let fix = match nearest(&one.name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the first is `{}`", names.first().map_or("", String::as_str)),
            };
            let sentence = format!("no {} is called `{}`; {fix}", one.kind, one.name);
            return Err(context.places.failure(&format!("{key}.name"), sentence));
        }
        let begin = Time(one.at.0);
        let end = one.lasts.map_or(Time::NEVER, |lasts| begin + lasts.span());
        if begin == end {
            return Err(context.places.failure(&format!("{key}.for"), "it lasts no time; write a longer time"));
        }
        sources.push(FaultSource {
            name: format!("planned-{at}"),
            effect: effect(&one.does, &format!("{key}.does"), context)?,
            when: When::Listed(vec![Listed { nodes, begin, end }]),
        });
    }
    Ok(sources)
}

/// Planned work on the machines.
fn upkeep(scenario: &Scenario, fleet: &Fleet, context: &Context<'_>) -> Result<Vec<Upkeep>, Failure> {
    let mut upkeep = Vec::new();
    for (at, one) in scenario.maintenance.iter().enumerate() {
        let key = format!("maintenance.{at}");
        check_kind(&one.kind, fleet, &format!("{key}.kind"), context)?;
        if let Some(per) = &one.per {
            check_kind(per, fleet, &format!("{key}.per"), context)?;
        }
        let zero = [
            ("at_once", one.at_once == 0),
            ("takes", one.takes.0 == 0),
            ("every", one.every.is_some_and(|every| every.0 == 0)),
        ];
        if let Some((name, _)) = zero.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(context.places.failure(&format!("{key}.{name}"), "0 never comes to an end; write more"));
        }
        upkeep.push(Upkeep {
            kind: one.kind.clone(),
            begin: Time(one.at.0),
            every: one.every.map(Duration::span),
            at_once: one.at_once,
            per: one.per.clone(),
            takes: one.takes.span(),
            grace: one.grace.span(),
            deadline: one.deadline.span(),
        });
    }
    Ok(upkeep)
}

/// What nodes really have: what is promised of them, less what overcommitment adds.
fn overload(scenario: &Scenario, fleet: &Fleet, context: &Context<'_>) -> Result<Option<Overload>, Failure> {
    let Some(written) = &scenario.model.overload else { return Ok(None) };
    if written.kill_after == Some(Duration::ZERO) {
        let sentence = "a task that is put back at once would be killed for ever; write a longer time";
        return Err(context.places.failure("model.overload.kill_after", sentence));
    }
    let mut room: Vec<Resources> = fleet.nodes.iter().map(|node| node.capacity).collect();
    let mut nodes = room.iter_mut();
    for (group, written) in fleet.groups.iter().zip(&scenario.fleet.group) {
        let factors = [(CPU, written.overcommit.cpu), (MEMORY, written.overcommit.memory)];
        for node in nodes.by_ref().take(group.count as usize) {
            for (lane, factor) in factors {
                let has = u64::from(node[lane]).saturating_mul(1000).div_ceil(factor.0.max(1));
                node[lane] = u32::try_from(has).unwrap_or(u32::MAX);
            }
        }
    }
    Ok(Some(Overload { kill_after: written.kill_after.map(Duration::span), room }))
}

/// Of what and when the radius of a blast is taken.
fn blast(scenario: &Scenario, fleet: &Fleet, context: &Context<'_>) -> Result<Blast, Failure> {
    let Some(written) = &scenario.record.blast else { return Ok(Blast::default()) };
    for (at, kind) in written.kinds.iter().enumerate() {
        check_kind(kind, fleet, &format!("record.blast.kinds.{at}"), context)?;
    }
    let at = written.at.iter().map(|at| Time(at.0)).collect();
    Ok(Blast { kinds: written.kinds.clone(), at, recorded: written.recorded })
}

/// The positions of the nodes of one domain.
fn nodes_of(fleet: &Fleet, kind: &str, name: &str) -> Box<[u32]> {
    let nodes = fleet.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| match kind {
            "node" => node.name.to_string() == name,
            _ => node.domains.iter().any(|(known, domain)| known == kind && domain == name),
        })
        .map(|(at, _)| at as u32)
        .collect()
}

/// The time between two of so many per time.
fn gap(rate: Option<Rate>) -> Span {
    rate.map_or(Span::ZERO, |rate| Span((rate.gap_us() + 0.5) as u64))
}

fn detection(scenario: &Scenario, context: &Context<'_>) -> Result<Option<Detection>, Failure> {
    let Some(written) = &scenario.model.detection else { return Ok(None) };
    if written.misses == 0 {
        return Err(context.places.failure("model.detection.misses", "nothing is missed 0 times; write at least 1"));
    }
    if written.ping == Duration::ZERO {
        return Err(context.places.failure("model.detection.ping", "a ping every 0s never ends; write a longer time"));
    }
    Ok(Some(Detection {
        ping: written.ping.span(),
        misses: written.misses,
        removal_gap: gap(written.removal_limit),
        register: written.register.span(),
        again: written.register_again.span(),
        again_most: written.register_again_max.span(),
        register_gap: gap(written.register_limit),
    }))
}

fn link(scenario: &Scenario, context: &mut Context<'_>) -> Result<Link, Failure> {
    let Some(written) = &scenario.model.link else { return Ok(Link::default()) };
    if written.loss.share() >= 1.0 {
        return Err(context.places.failure("model.link.loss", "nothing would ever arrive; write less than 100%"));
    }
    if written.loss.0 > 0 && written.retry == Duration::ZERO {
        return Err(context.places.failure("model.link.retry", "a retry after 0s is none; write a longer time"));
    }
    if written.confirm.is_some() && written.loss.0 == 0 {
        context.warn(String::from("`model.link.confirm` has no effect: no launch is lost; give model.link.loss"));
    }
    Ok(Link {
        delay: written.delay.span(),
        loss: written.loss.share(),
        retry: written.retry.span(),
        retry_most: written.retry_max.span(),
        confirm: written.confirm.map(Duration::span),
    })
}
