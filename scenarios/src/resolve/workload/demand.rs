//! `constraints`, `within` and `tolerations` to what the scheduler is told.

use windtunnel_scheduler::constraint::{Condition, Constraint, HOSTNAME, TAINTS, Toleration};
use windtunnel_scheduler::layout::{Choose, Law, Layout, Level, Preference, Rule, Wish};
use windtunnel_traces::model::{Demand, Demands, Fleet, pattern};

use super::super::Context;
use crate::failure::Failure;
use crate::spec::demand::{self as spec, Demanded, Term, Within};
use crate::spec::workload::Workload;

/// Effects of taints: two keep tasks off, one only asks.
pub(in crate::resolve) const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Everything that is demanded of all tasks of a workload, and whether names of nodes matter to it.
pub(super) fn resolve(
    written: &Workload,
    key: &str,
    fleet: &Fleet,
    context: &mut Context<'_>,
) -> Result<(Demands, bool), Failure> {
    let mut demand = terms(&written.constraints, &format!("{key}.constraints"), context)?;
    if let Some(within) = &written.within {
        levels(within, &mut demand.layout, &format!("{key}.within"), context)?;
    }
    tolerate(written, &mut demand, key, fleet, context)?;
    let most = Layout::PREFERENCES_MOST;
    if demand.layout.preferences.len() > most {
        let sentence = format!("{} preferences; keep at most {most}", demand.layout.preferences.len());
        return Err(context.places.failure(&format!("{key}.constraints"), sentence));
    }
    warn_of_strangers(&demand, key, fleet, context);
    let names_matter = names_matter(&demand.constraints, &demand.layout);
    Ok((Demands::new(&demand, !written.preemptible, written.disruption_budget), names_matter))
}

/// A list of demands.
pub(super) fn terms(written: &[Term], key: &str, context: &Context<'_>) -> Result<Demand, Failure> {
    let mut demand = Demand::default();
    for (position, term) in written.iter().enumerate() {
        let refuse = |sentence: String| context.places.failure(&format!("{key}.{position}"), sentence);
        match term {
            Term::Operator(words) => {
                let value = words.get(2).map(String::as_str);
                demand.add_operator(&words[0], &words[1], value).map_err(refuse)?;
            }
            Term::Table(one) => add(one, &mut demand).map_err(refuse)?,
        }
    }
    Ok(demand)
}

/// Adds what one table demands.
fn add(one: &Demanded, demand: &mut Demand) -> Result<(), String> {
    if one.attribute.is_empty() {
        return Err(String::from("no attribute is named; give `attribute`, such as \"zone\" or \"hostname\""));
    }
    let mut own = Demand::default();
    if let Some(operator) = &one.operator {
        own.add_operator(&one.attribute, operator, one.value.as_ref().map(|word| word.0.as_str()))?;
    } else if one.value.is_some() {
        return Err(String::from("`value` belongs to an `operator`; give one, or write `is`"));
    }
    for condition in conditions(one)? {
        own.require(&one.attribute, condition);
    }
    for law in laws(one)? {
        own.rule(&one.attribute, law);
    }
    if own.is_nothing() {
        return Err(String::from("nothing is demanded of the attribute; give a key such as `in`, `like` or `unique`"));
    }
    let Some(weight) = one.weight else {
        demand.constraints.append(&mut own.constraints);
        demand.layout.rules.append(&mut own.layout.rules);
        return Ok(());
    };
    if weight == 0 {
        return Err(String::from("a preference without weight is none; write a weight from 1, or take the demand out"));
    }
    let nodes = own.constraints.into_iter().map(Wish::Node);
    let wishes = nodes.chain(own.layout.rules.into_iter().map(Wish::Rule));
    demand.layout.preferences.extend(wishes.map(|wish| Preference { weight, wish }));
    Ok(())
}

/// The conditions on the node alone.
fn conditions(one: &Demanded) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    if let Some(value) = &one.is {
        conditions.push(Condition::Is(value.clone()));
    }
    for (values, condition) in
        [(&one.one_of, Condition::In as fn(Vec<String>) -> Condition), (&one.not_in, Condition::NotIn)]
    {
        match values {
            Some(values) if values.is_empty() => {
                return Err(String::from("the list of values is empty; name at least one"));
            }
            Some(values) => conditions.push(condition(values.clone())),
            None => {}
        }
    }
    match one.exists {
        Some(true) => conditions.push(Condition::Exists),
        Some(false) => conditions.push(Condition::Absent),
        None => {}
    }
    if let Some(text) = &one.like {
        conditions.push(Condition::Like(pattern(text)?));
    }
    if let Some(text) = &one.unlike {
        conditions.push(Condition::Unlike(pattern(text)?));
    }
    if one.at_least.is_some() || one.at_most.is_some() {
        let least = one.at_least.map_or(Ok(i64::MIN), milli)?;
        let most = one.at_most.map_or(Ok(i64::MAX), milli)?;
        if least > most {
            return Err(String::from("`at_least` is above `at_most`, which no number meets; exchange them"));
        }
        conditions.push(Condition::Within { least, most });
    }
    Ok(conditions)
}

/// A number in thousandths.
fn milli(number: f64) -> Result<i64, String> {
    let thousandths = (number * 1e3).round();
    if thousandths.abs() < 9e15 {
        Ok(thousandths as i64)
    } else {
        Err(format!("{number} is too large to be compared; write a number below 9e12"))
    }
}

/// The rules about where the other tasks of the job are.
fn laws(one: &Demanded) -> Result<Vec<Law>, String> {
    let mut laws = Vec::new();
    for (flag, name, law) in [(one.unique, "unique", Law::Unique), (one.cluster, "cluster", Law::Cluster)] {
        match flag {
            Some(true) => laws.push(law),
            Some(false) => return Err(format!("`{name} = false` demands nothing; take it out")),
            None => {}
        }
    }
    let domains = one.min_domains.unwrap_or(0);
    let numbers = [
        ("max_per", one.max_per.map(|most| (most, Law::MaxPer(most)))),
        ("group_by", one.group_by.map(|number| (number, Law::GroupBy(number)))),
        ("group_by_old", one.group_by_old.map(|number| (number, Law::GroupByOld(number)))),
        ("max_skew", one.max_skew.map(|most| (most, Law::Skew { most, domains }))),
    ];
    for (name, given) in numbers {
        match given {
            Some((0, _)) => return Err(format!("`{name} = 0` lets no task run; write a number from 1")),
            Some((_, law)) => laws.push(law),
            None => {}
        }
    }
    if one.min_domains.is_some() && one.max_skew.is_none() {
        return Err(String::from("`min_domains` belongs to `max_skew`; give that too"));
    }
    Ok(laws)
}

fn levels(within: &Within, layout: &mut Layout, key: &str, context: &Context<'_>) -> Result<(), Failure> {
    let levels = &within.0;
    let preferred = levels.preferred.iter().map(|kind| Level { kind: kind.clone(), required: false });
    let required = levels.required.iter().map(|kind| Level { kind: kind.clone(), required: true });
    layout.within = preferred.chain(required).collect();
    layout.choose = match levels.choose {
        spec::Choose::BestFit => Choose::BestFit,
        spec::Choose::LeastFragmentation => Choose::LeastFragmentation,
    };
    if layout.within.is_empty() {
        return Err(context.places.failure(key, "no kind of domain is named; give `required` or `preferred`"));
    }
    Ok(())
}

/// Where nodes have taints, every task says which of them it does not mind.
fn tolerate(
    written: &Workload,
    demand: &mut Demand,
    key: &str,
    fleet: &Fleet,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let mut given = Vec::new();
    for (position, text) in written.tolerations.iter().enumerate() {
        let toleration = toleration(text)
            .map_err(|sentence| context.places.failure(&format!("{key}.tolerations.{position}"), sentence))?;
        given.push(toleration);
    }
    let taints: Vec<&str> = fleet.nodes.iter().filter_map(|node| node.attribute(TAINTS)).collect();
    if taints.is_empty() {
        if !given.is_empty() {
            context.warn(format!("`{key}.tolerations` has no effect: no node has taints"));
        }
        return Ok(());
    }
    demand.require(TAINTS, Condition::Tolerates(given.clone()));
    if taints.iter().any(|taints| taints.contains("PreferNoSchedule")) {
        let condition = Condition::Welcomes(given);
        let wish = Wish::Node(Constraint { attribute: TAINTS.to_owned(), condition });
        demand.layout.preferences.push(Preference { weight: 1, wish });
    }
    Ok(())
}

/// `key`, `key=value`, `key=value:effect`, or `*`.
fn toleration(text: &str) -> Result<Toleration, String> {
    let (what, effect) = match text.split_once(':') {
        Some((what, effect)) => (what, Some(effect)),
        None => (text, None),
    };
    if let Some(effect) = effect.filter(|effect| !EFFECTS.contains(effect)) {
        return Err(format!("there is no effect `{effect}`; write one of {}", EFFECTS.join(", ")));
    }
    let (key, value) = match what.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (what, None),
    };
    if key.is_empty() {
        return Err(String::from("no taint is named; write its key, or \"*\" for all"));
    }
    let key = (key != "*").then(|| key.to_owned());
    Ok(Toleration { key, value, effect: effect.map(str::to_owned) })
}

/// Says which attributes no node has.
fn warn_of_strangers(demand: &Demand, key: &str, fleet: &Fleet, context: &mut Context<'_>) {
    let rules = demand.layout.rules.iter().map(|rule: &Rule| &rule.attribute);
    let levels = demand.layout.within.iter().map(|level| &level.kind);
    for attribute in rules.chain(levels).filter(|attribute| *attribute != HOSTNAME) {
        if fleet.nodes.iter().all(|node| node.attribute(attribute).is_none()) {
            context
                .warn(format!("`{key}` asks for the attribute `{attribute}`, which no node has: its tasks will wait"));
        }
    }
}

/// True if a condition is on the names of nodes, which the scheduler then has to be told.
pub(super) fn names_matter(constraints: &[Constraint], layout: &Layout) -> bool {
    let wishes = layout.preferences.iter().filter_map(|preference| match &preference.wish {
        Wish::Node(constraint) => Some(constraint),
        Wish::Rule(_) => None,
    });
    constraints.iter().chain(wishes).any(|constraint| constraint.attribute == HOSTNAME)
}
