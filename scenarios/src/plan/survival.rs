//! What a fleet has to survive: every domain of a kind by itself, or every so many of them at once.

use std::fmt;

use serde_json::{Value, json};
use windtunnel_scheduler::Time;
use windtunnel_scheduler::draw::{self, Kind};

use super::candidate::Kept;
use crate::failure::{Failure, listed};
use crate::resolve::Resolved;
use crate::spec::Set;

/// More combinations than this are sampled.
const COMBINATIONS_MOST: u64 = 1_000;
/// The draws of the sample.
const SAMPLE: Kind = u64::from_be_bytes(*b"plansurv");

/// What must not matter when it fails: `rack`, `zone`, `node:2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survive {
    /// `node`, or a kind of domain that the fleet has.
    pub kind: String,
    /// How many at once.
    pub at_once: u32,
}

impl std::str::FromStr for Survive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, at_once) = text.split_once(':').unwrap_or((text, "1"));
        let at_once = at_once.parse().ok().filter(|&count| (1..=2).contains(&count));
        match at_once {
            Some(at_once) if !kind.is_empty() => Ok(Self { kind: kind.to_owned(), at_once }),
            _ => Err(format!("`{text}` is no kind of domain; write `rack`, or `node:2` for any two nodes")),
        }
    }
}

impl fmt::Display for Survive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at_once {
            1 => f.write_str(&self.kind),
            count => write!(f, "{}:{count}", self.kind),
        }
    }
}

/// What fails together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    kind: String,
    names: Vec<String>,
}

impl Domain {
    pub(super) fn title(&self) -> String {
        self.names.join(" + ")
    }

    /// The settings that make it fail at `at` and for good; `planned` faults stand there already.
    pub(super) fn planned(&self, planned: usize, at: Time) -> Vec<Set> {
        let one = |(place, name): (usize, &String)| {
            let (kind, name) = (toml::Value::from(self.kind.as_str()), toml::Value::from(name.as_str()));
            let value = format!("{{ at = \"{}us\", kind = {kind}, name = {name} }}", at.0);
            Set { key: format!("faults.planned.{}", planned + place), value }
        };
        let list = (planned == 0).then(|| Set { key: "faults.planned".into(), value: "[]".into() });
        list.into_iter().chain(self.names.iter().enumerate().map(one)).collect()
    }
}

/// How the loss of a domain went.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// What was lost.
    pub kind: String,
    /// Which one, or which ones.
    pub domain: String,
    /// When.
    pub at: Time,
    /// Whether every objective held.
    pub holds: bool,
    /// The first objective that did not.
    pub objective: Option<String>,
}

impl Survival {
    pub(super) fn judged(domain: &Domain, at: Time, kept: &[Kept]) -> Self {
        let failing = kept.iter().find(|kept| !kept.holds);
        Self {
            kind: domain.kind.clone(),
            domain: domain.title(),
            at,
            holds: failing.is_none(),
            objective: failing.map(|kept| kept.objective.clone()),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "kind": self.kind, "domain": self.domain, "at_s": self.at.as_seconds(), "holds": self.holds,
            "objective": self.objective,
        })
    }
}

/// Everything that may fail, and of how many combinations it is a sample, if it is one.
pub(super) fn domains(resolved: &Resolved, survive: &Survive) -> Result<(Vec<Domain>, Option<u64>), Failure> {
    let mut names: Vec<String> = Vec::new();
    let mut kinds: Vec<&str> = vec!["node"];
    for node in &resolved.fleet.nodes {
        let domain = node.domains.iter().find(|(kind, _)| *kind == survive.kind).map(|(_, name)| name.clone());
        let name = if survive.kind == "node" { Some(node.name.to_string()) } else { domain };
        // Nodes of one domain mostly stand together, dealt out in turn otherwise: a fleet has few domains.
        if let Some(name) = name.filter(|name| survive.kind == "node" || !names.contains(name)) {
            names.push(name);
        }
        for (kind, _) in &node.domains {
            if !kinds.contains(&kind.as_str()) {
                kinds.push(kind);
            }
        }
    }
    if names.is_empty() {
        let sentence = format!("--survive: the fleet has no {}; write {}", survive.kind, listed(kinds));
        return Err(Failure::new(sentence));
    }
    let count = names.len() as u64;
    let together = |names: Vec<String>| Domain { kind: survive.kind.clone(), names };
    let all = if survive.at_once == 1 { count } else { count * (count - 1) / 2 };
    if all <= COMBINATIONS_MOST {
        let combinations = match survive.at_once {
            1 => names.into_iter().map(|name| together(vec![name])).collect(),
            _ => pairs(names.len()).map(|(a, b)| together(vec![names[a].clone(), names[b].clone()])).collect(),
        };
        return Ok((combinations, None));
    }
    let seed = resolved.scenario.seed;
    let chosen = (0..COMBINATIONS_MOST).map(|at| {
        let first = draw::below(count, seed, SAMPLE, at, 0) as usize;
        let second = (first + 1 + draw::below(count - 1, seed, SAMPLE, at, 1) as usize) % names.len();
        match survive.at_once {
            1 => together(vec![names[first].clone()]),
            _ => together(vec![names[first.min(second)].clone(), names[first.max(second)].clone()]),
        }
    });
    Ok((chosen.collect(), Some(all)))
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_written() {
        let rack: Survive = "rack".parse().unwrap();
        assert_eq!((rack.kind.as_str(), rack.at_once, rack.to_string().as_str()), ("rack", 1, "rack"));
        let two: Survive = "node:2".parse().unwrap();
        assert_eq!((two.at_once, two.to_string().as_str()), (2, "node:2"));
        for wrong in ["", ":2", "node:0", "node:3", "node:x"] {
            assert!(wrong.parse::<Survive>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_loss_is_planned_behind_what_is_planned_already() {
        let domain = Domain { kind: "rack".into(), names: vec!["a\"b".into(), "c".into()] };
        let sets: Vec<String> = domain.planned(2, Time(7)).iter().map(ToString::to_string).collect();
        assert_eq!(sets[0], "faults.planned.2={ at = \"7us\", kind = \"rack\", name = 'a\"b' }");
        assert!(sets[1].starts_with("faults.planned.3="));
        assert_eq!(domain.planned(0, Time(7))[0].to_string(), "faults.planned=[]");
    }

    #[test]
    fn every_pair_once() {
        assert_eq!(pairs(4).collect::<Vec<_>>(), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]);
    }
}
