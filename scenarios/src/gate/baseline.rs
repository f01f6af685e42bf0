//! What a gate holds later runs against: a small file of numbers that stands beside the scenario.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use windtunnel_reports::gate::Decisions;

use super::chain::Chain;
use crate::failure::Failure;

/// The version of the keys of a baseline.
const SCHEMA_VERSION: u64 = 1;
/// Links of the chain of decisions: between two of them the gate can say no closer from where on decisions differ.
const LINKS: usize = 64;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema_version: u64,
    /// What the scenario is called.
    pub scenario: String,
    /// What the numbers are bound to: digests of fleet, workload, faults and rules. Not of how decisions are made.
    pub inputs: BTreeMap<String, String>,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// Every number by name, a value per seed; null where it was undefined.
    pub metrics: BTreeMap<String, Vec<Option<f64>>>,
    /// The fingerprint of every run.
    pub fingerprints: Vec<String>,
    /// The decisions of the first run: how many there are.
    pub decisions: u64,
    /// The chain over them: `count instant digest` of the first so many, some 64 links apart.
    pub chain: Vec<String>,
}

impl Baseline {
    /// What a run leaves for later ones.
    #[must_use]
    pub fn new(scenario: &str, inputs: BTreeMap<String, String>, seeds: Vec<u64>, chain: &Chain) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            scenario: scenario.to_owned(),
            inputs,
            seeds,
            metrics: BTreeMap::new(),
            fingerprints: Vec::new(),
            decisions: chain.len() as u64,
            chain: chain.links(LINKS).into_iter().map(|link| link.to_string()).collect(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is not there, or is not what a gate writes.
    pub fn load(path: &Path, scenario: &str) -> Result<Self, Failure> {
        let update = format!("`windtunnel gate {scenario} --update` writes it; commit it beside the scenario");
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let sentence = format!("there is no baseline {}; run once with --update", path.display());
                return Err(Failure::new(sentence).hint(update));
            }
            Err(error) => {
                let sentence = format!("{} cannot be read ({error}); correct the path", path.display());
                return Err(Failure::new(sentence));
            }
        };
        let baseline: Self = serde_json::from_str(&text).map_err(|error| {
            let sentence = format!("{} is no baseline ({error}); write it anew with --update", path.display());
            Failure::new(sentence).hint(update.clone())
        })?;
        if baseline.schema_version != SCHEMA_VERSION {
            let sentence = format!(
                "{} is of version {}, this build reads {SCHEMA_VERSION}; write it anew with --update",
                path.display(),
                baseline.schema_version
            );
            return Err(Failure::new(sentence).hint(update));
        }
        Ok(baseline)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never for what a gate gathers.
    pub fn text(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| Failure::new(format!("the baseline cannot be written as text ({error}); report this")))
    }

    /// Which inputs are not those of `now`, in order.
    #[must_use]
    pub fn changed(&self, now: &Self) -> Vec<String> {
        let mut changed: Vec<String> = self.inputs.keys().chain(now.inputs.keys()).cloned().collect();
        changed.sort();
        changed.dedup();
        changed.retain(|key| self.inputs.get(key) != now.inputs.get(key));
        if self.seeds != now.seeds {
            changed.push("seeds".to_owned());
        }
        changed
    }

    /// How the decisions of a run stand to those of this baseline.
    #[must_use]
    pub fn held_against(&self, chain: &Chain, fingerprints: &[String]) -> Decisions {
        if self.fingerprints == fingerprints {
            return Decisions::Same;
        }
        let (mut alike, mut from_us) = (0, 0);
        for link in self.chain.iter().filter_map(|text| text.parse::<super::chain::Link>().ok()) {
            if chain.at(link.count) != Some(link) {
                return Decisions::Differ { alike, from_us, to_us: link.at_us };
            }
            (alike, from_us) = (link.count, link.at_us);
        }
        // All of the baseline is there, and more; or only another seed differs.
        Decisions::Differ { alike, from_us, to_us: chain.end_us().max(from_us) }
    }
}
