//! `[[partition]]`, `[[qos]]` and `[[reservation]]` to what the core is told of them, and to whose jobs go there.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::partition::{self, Cap, Terms};
use windtunnel_scheduler::resources::{CPU, Resources};
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::experiment::{Claim, Routing};
use windtunnel_traces::model::Fleet;

use crate::failure::{Failure, listed, nearest};
use crate::spec::batch as spec;
use crate::spec::file::Paths;
use crate::spec::{Places, Scenario};

/// Reservations that come again more often than this are a mistake.
const TIMES_MOST: u32 = 10_000;

/// Resolves the rules of the batch system into `config`; nodes get the attributes by which they are named.
pub(super) fn resolve(
    scenario: &Scenario,
    places: &Places,
    fleet: &mut Fleet,
    config: &mut Config,
) -> Result<Routing, Failure> {
    check_names(scenario, places)?;
    name_nodes(scenario, fleet);
    let (mut partitions, mut qos, mut reservations) = (Vec::new(), Vec::new(), Vec::new());
    let highest = scenario.qos.iter().map(|qos| qos.priority).max().unwrap_or(0);
    for (at, given) in scenario.qos.iter().enumerate() {
        let limits = limits(&given.limits, &format!("qos.{at}"), places)?;
        qos.push(partition::Qos { factor: over(given.priority, highest), limits });
    }
    let highest = scenario.partition.iter().map(|partition| partition.priority).max().unwrap_or(0);
    for (at, given) in scenario.partition.iter().enumerate() {
        let key = format!("partition.{at}");
        let of_qos = given.qos.as_deref().map(|name| qos_named(scenario, name, &format!("{key}.qos"), places));
        partitions.push(partition::Partition {
            nodes: nodes(&given.nodes, &key, fleet, places)?,
            tier: given.tier,
            factor: over(given.priority, highest),
            qos: of_qos.transpose()?,
            default_time: given.default_time.map(|time| time.span()),
            limits: limits(&given.limits, &key, places)?,
        });
    }
    for (at, given) in scenario.reservation.iter().enumerate() {
        reservations.push(reservation(given, at, scenario, fleet, places)?);
    }
    (config.partitions, config.qos, config.reservations) = (partitions, qos, reservations);
    check_scheduler(scenario, config, places)?;
    let claim = |classes: &[String], roles: &[String], rest: bool| Claim {
        classes: classes.to_vec(),
        roles: roles.to_vec(),
        rest,
    };
    Ok(Routing {
        partitions: scenario.partition.iter().map(|one| claim(&one.classes, &one.roles, one.default)).collect(),
        qos: scenario.qos.iter().map(|one| claim(&one.classes, &one.roles, one.default)).collect(),
        reservations: scenario.reservation.iter().map(|one| claim(&one.classes, &one.roles, false)).collect(),
    })
}

/// What a workload says of all of its jobs.
pub(super) fn terms(scenario: &Scenario, position: usize, places: &Places) -> Result<Terms, Failure> {
    let workload = &scenario.workload[position];
    let find = |word: &Option<String>, what: &str, known: Vec<&str>| match word {
        Some(word) => named(word, what, &known, &format!("workload.{position}.{what}"), places).map(Some),
        None => Ok(None),
    };
    let partitions = scenario.partition.iter().map(|one| one.name.as_str()).collect();
    let qos = scenario.qos.iter().map(|one| one.name.as_str()).collect();
    let reservations = scenario.reservation.iter().map(|one| one.name.as_str()).collect();
    Ok(Terms {
        user: 0,
        partition: find(&workload.partition, "partition", partitions)?,
        qos: find(&workload.qos, "qos", qos)?,
        reservation: find(&workload.reservation, "reservation", reservations)?,
    })
}

/// A share of the highest; nothing if none has any.
fn over(priority: u32, highest: u32) -> f64 {
    if highest == 0 { 0.0 } else { f64::from(priority) / f64::from(highest) }
}

fn qos_named(scenario: &Scenario, name: &str, key: &str, places: &Places) -> Result<u16, Failure> {
    let known: Vec<&str> = scenario.qos.iter().map(|qos| qos.name.as_str()).collect();
    named(name, "qos", &known, key, places)
}

/// The position of a name among the known ones.
fn named(name: &str, what: &str, known: &[&str], key: &str, places: &Places) -> Result<u16, Failure> {
    if let Some(at) = known.iter().position(|other| *other == name) {
        return u16::try_from(at)
            .map_err(|_| places.failure(key, format!("there are too many of `{what}`; give fewer")));
    }
    let fix = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("add a [[{what}]] of that name"),
        None => format!("write {}", listed(known.iter().copied())),
    };
    Err(places.failure(key, format!("there is no {what} `{name}`; {fix}")))
}

/// Names are unique, and one at most takes the rest.
fn check_names(scenario: &Scenario, places: &Places) -> Result<(), Failure> {
    let partitions = scenario.partition.iter().map(|one| (one.name.as_str(), one.default)).collect::<Vec<_>>();
    let qos = scenario.qos.iter().map(|one| (one.name.as_str(), one.default)).collect();
    let reservations = scenario.reservation.iter().map(|one| (one.name.as_str(), false)).collect();
    for (what, list) in [("partition", partitions), ("qos", qos), ("reservation", reservations)] {
        for (at, (name, is_default)) in list.iter().enumerate() {
            if list[..at].iter().any(|(other, _)| other == name) {
                let sentence = format!("two of them are called `{name}`; rename one");
                return Err(places.failure(&format!("{what}.{at}.name"), sentence));
            }
            if *is_default && list[..at].iter().any(|(_, other)| *other) {
                let sentence = "only one can take the jobs that nobody claims; keep one `default = true`";
                return Err(places.failure(&format!("{what}.{at}.default"), sentence));
            }
        }
    }
    Ok(())
}

/// Every set of nodes that the scenario names.
fn sets(scenario: &Scenario) -> impl Iterator<Item = &BTreeMap<String, Paths>> {
    let partitions = scenario.partition.iter().map(|partition| &partition.nodes);
    partitions.chain(scenario.reservation.iter().map(|reservation| &reservation.nodes))
}

/// Gives nodes the attributes `group` and `node`, where a set of nodes asks for them and they have no other.
fn name_nodes(scenario: &Scenario, fleet: &mut Fleet) {
    let wants = |name: &str| sets(scenario).any(|set| set.contains_key(name));
    let groups = scenario.fleet.group.iter().flat_map(|group| (0..group.count).map(|_| group.name.as_str()));
    if wants("group") {
        for (node, group) in fleet.nodes.iter_mut().zip(groups) {
            if node.attributes.iter().all(|(name, _)| name != "group") {
                node.attributes.push(("group".to_owned(), group.to_owned()));
            }
        }
    }
    if wants("node") {
        for node in &mut fleet.nodes {
            if node.attributes.iter().all(|(name, _)| name != "node") {
                node.attributes.push(("node".to_owned(), node.name.to_string()));
            }
        }
    }
}

/// The conditions that a set of nodes is made by; none for all nodes.
fn nodes(
    set: &BTreeMap<String, Paths>,
    key: &str,
    fleet: &Fleet,
    places: &Places,
) -> Result<Option<Arc<[Constraint]>>, Failure> {
    let met = |attribute: &String, values: &Paths| {
        fleet
            .nodes
            .iter()
            .any(|node| node.attributes.iter().any(|(name, value)| name == attribute && values.0.contains(value)))
    };
    if let Some((attribute, _)) = set.iter().find(|(attribute, values)| !met(attribute, values)) {
        let sentence = "no node has such a value of this attribute; take it out, or write what nodes have";
        return Err(places.failure(&format!("{key}.nodes.{attribute}"), sentence));
    }
    let condition = |(attribute, values): (&String, &Paths)| Constraint {
        attribute: attribute.clone(),
        condition: Condition::In(values.0.clone()),
    };
    Ok((!set.is_empty()).then(|| set.iter().map(condition).collect()))
}

fn limits(given: &spec::Limits, key: &str, places: &Places) -> Result<partition::Limits, Failure> {
    if let (Some(least), Some(most)) = (given.job_cpu_min, given.job_cpu)
        && least.0 > most.0
    {
        let sentence = "more than `job_cpu`: no job could be handed in; write less";
        return Err(places.failure(&format!("{key}.limits.job_cpu_min"), sentence));
    }
    let milli = |cpu: Option<crate::spec::quantity::Cpu>| cpu.map(|cpu| cpu.0);
    Ok(partition::Limits {
        job_cpu_least_milli: milli(given.job_cpu_min),
        job_cpu_milli: milli(given.job_cpu),
        time: given.time.map(|time| time.span()),
        all: Cap { cpu_milli: milli(given.cpu), jobs: given.jobs },
        account: Cap { cpu_milli: milli(given.account_cpu), jobs: given.account_jobs },
        user: Cap { cpu_milli: milli(given.user_cpu), jobs: given.user_jobs },
    })
}

fn reservation(
    given: &spec::Reservation,
    at: usize,
    scenario: &Scenario,
    fleet: &Fleet,
    places: &Places,
) -> Result<partition::Reservation, Failure> {
    let key = format!("reservation.{at}");
    let refuse = |name: &str, sentence: &str| Err(places.failure(&format!("{key}.{name}"), sentence));
    if given.length.span() == Span::ZERO {
        return refuse("length", "nothing is kept; write a length above 0s");
    }
    if given.times == 0 || given.times > TIMES_MOST {
        return refuse("times", "write a number from 1 to 10000");
    }
    match given.every {
        None if given.times > 1 => return refuse("times", "it is not said when it comes again; give `every`"),
        Some(every) if every.span() < given.length.span() => {
            return refuse("every", "it would come again before it is over; write more than `length`");
        }
        _ => {}
    }
    if given.cpu.is_some() && scenario.fleet.pool.is_none() {
        return refuse("cpu", "only a pool is reserved by processors; name `nodes`");
    }
    let capacity = fleet.nodes.first().map_or(0, |node| node.capacity[CPU]);
    let amount = match given.cpu.map(|cpu| u32::try_from(cpu.0)) {
        None => None,
        Some(Ok(milli)) if milli > 0 && milli <= capacity => {
            let mut amount = Resources::ZERO;
            amount[CPU] = milli;
            Some(amount)
        }
        Some(_) => return refuse("cpu", "write a number of processors above 0 that the pool has"),
    };
    Ok(partition::Reservation {
        nodes: nodes(&given.nodes, &key, fleet, places)?,
        amount,
        start: Time(given.start.0),
        length: given.length.span(),
        every: given.every.map_or(Span::ZERO, |every| every.span()),
        times: given.times,
    })
}

/// What does not go together with partitions and the like.
fn check_scheduler(scenario: &Scenario, config: &Config, places: &Places) -> Result<(), Failure> {
    if !config.has_terms() {
        return Ok(());
    }
    if config.backfill.name == "head-only" {
        let sentence =
            "head-only knows one queue of one machine, no partitions, limits or reservations; write \"easy\"";
        return Err(places.failure("scheduler.backfill", sentence));
    }
    if scenario.scheduler.unplaceable == crate::spec::scheduler::Unplaceable::Reject {
        let sentence = "jobs of a partition, a quality of service or a reservation wait; write \"wait\"";
        return Err(places.failure("scheduler.unplaceable", sentence));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
