//! `compare.json`: what a comparison found, for machines.

use serde_json::{Map, Value, json};

use super::Row;

/// The version of the keys of `compare.json`.
pub const SCHEMA_VERSION: u64 = 1;

/// One side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// What it sets, as on the command line.
    pub set: Vec<String>,
    /// The build that ran it, if it is another one.
    pub build: Option<String>,
    /// The fingerprint of every run, by seed.
    pub fingerprints: Vec<String>,
}

/// The base against one other side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Number by number.
    pub rows: Vec<Row>,
    /// Where the two first decide differently; None if they never do.
    pub divergence: Option<crate::diverge::Divergence>,
}

/// Everything that a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What the scenario is called.
    pub scenario: String,
    /// The seeds of both sides.
    pub seeds: Vec<u64>,
    /// What the interval means: one sentence.
    pub design: String,
    /// The sides, the base first.
    pub arms: Vec<Arm>,
    /// The base against each of the others, in order.
    pub comparisons: Vec<Comparison>,
    /// What a reader must know: one sentence each.
    pub warnings: Vec<String>,
}

impl Document {
    /// As JSON. `metrics` and `first_divergence` are those of the base against the first of the others; with more
    /// sides, `comparisons` has those of all.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let arms = self.arms.iter().map(
            |arm| json!({ "name": arm.name, "set": arm.set, "build": arm.build, "fingerprints": arm.fingerprints }),
        );
        let mut json = json!({
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario,
            "seeds": self.seeds,
            "design": self.design,
            "margin": super::MARGIN,
            "arms": arms.collect::<Vec<Value>>(),
            "warnings": self.warnings,
        });
        if let Some(first) = self.comparisons.first() {
            json["metrics"] = metrics(&first.rows);
            json["first_divergence"] = divergence(first);
        }
        if self.comparisons.len() > 1 {
            let names = self.arms.iter().skip(1).map(|arm| &arm.name);
            let all = names.zip(&self.comparisons).map(|(name, comparison)| {
                json!({ "new": name, "metrics": metrics(&comparison.rows),
                    "first_divergence": divergence(comparison) })
            });
            json["comparisons"] = all.collect();
        }
        json
    }
}

fn divergence(comparison: &Comparison) -> Value {
    comparison.divergence.as_ref().map_or(Value::Null, crate::diverge::Divergence::to_json)
}

fn metrics(rows: &[Row]) -> Value {
    let all = rows.iter().map(|row| {
        let (low, high) = row.interval.map_or((None, None), |(low, high)| (Some(low), Some(high)));
        let value = json!({
            "base": row.base, "new": row.new, "diff": row.diff, "ci_low": low, "ci_high": high, "p": row.p,
            "verdict": row.verdict.name(), "unit": row.metric.unit, "better": row.metric.better.name(),
            "headline": row.headline,
        });
        (row.name.clone(), value)
    });
    Value::Object(all.collect::<Map<String, Value>>())
}
