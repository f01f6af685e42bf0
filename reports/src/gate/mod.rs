//! What a gate found: for people at a terminal, for a page of Markdown, for machines that read JUnit, for annotations.

mod junit;
mod markdown;
#[cfg(test)]
mod tests;
mod text;

use serde_json::{Value, json};
use windtunnel_outcome::metric::Metric;

pub use junit::junit;
pub use markdown::markdown;
pub use text::{annotations, text};

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Gated {
    /// What the scenario is called.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The baseline, as it would be named.
    pub baseline: String,
    /// How many seeds were run.
    pub seeds: usize,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was held against its limits.
    Checked {
        /// Limit by limit.
        checks: Vec<Check>,
        /// How its decisions stand to those of the baseline.
        decisions: Decisions,
    },
    /// A new baseline was written.
    Updated {
        /// Whether there was one before and it said the same.
        unchanged: bool,
    },
    /// It could not be run or not be compared: one sentence, and hints.
    Failed {
        /// The sentence.
        message: String,
        /// What to do.
        hints: Vec<String>,
    },
}

/// One limit, held against what came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// As in `summary.json`.
    pub name: String,
    /// What it is.
    pub metric: &'static Metric,
    /// What is allowed.
    pub rule: Rule,
    /// What the baseline has, the mean over seeds.
    pub base: Option<f64>,
    /// What came out.
    pub now: Option<f64>,
    /// Whether the limit holds.
    pub holds: bool,
}

/// What a limit allows.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// To be worse than the baseline by this share of it, in the bad direction.
    WorseBy(f64),
    /// What stands here, whatever the baseline has.
    Absolute(String),
}

/// How the decisions of a run stand to those of its baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decisions {
    /// They are the same.
    Same,
    /// They differ from some decision on.
    Differ {
        /// So many at least are the same.
        alike: u64,
        /// The instant of the last that is known to be the same, in microseconds.
        from_us: u64,
        /// The instant by which they differ.
        to_us: u64,
    },
}

impl Gated {
    /// The limits that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Check> {
        let checks = match &self.outcome {
            Outcome::Checked { checks, .. } => checks.as_slice(),
            _ => &[],
        };
        checks.iter().filter(|check| !check.holds)
    }

    /// Whether some limit does not hold.
    #[must_use]
    pub fn is_regressed(&self) -> bool {
        self.broken().next().is_some()
    }

    /// Whether it could not be run.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }

    /// The word for what came out.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.outcome {
            Outcome::Checked { .. } if self.is_regressed() => "regressed",
            Outcome::Checked { .. } => "passed",
            Outcome::Updated { unchanged: true } => "baseline unchanged",
            Outcome::Updated { unchanged: false } => "baseline written",
            Outcome::Failed { .. } => "could not run",
        }
    }
}

impl Check {
    /// By how much it is worse than the baseline, as a share of it; below 0 if it is better.
    #[must_use]
    pub fn worse_by(&self) -> Option<f64> {
        let (base, now) = (self.base?, self.now?);
        let worse = match self.metric.better {
            windtunnel_outcome::metric::Better::Higher => base - now,
            _ => now - base,
        };
        (base != 0.0).then(|| worse / base.abs())
    }

    /// What happened, in a few words: `4 s -> 9 s, worse by 125 % (0.5 % is allowed)`.
    #[must_use]
    pub fn words(&self) -> String {
        let value = |value: Option<f64>| {
            value.map_or_else(|| "undefined".to_owned(), |value| crate::verdict::value(self.metric, value))
        };
        match &self.rule {
            Rule::Absolute(must) => format!("{}, but must be {must}", value(self.now)),
            Rule::WorseBy(share) => {
                let allowed = percent(*share);
                let by = match self.worse_by() {
                    Some(worse) if worse > 0.0 => format!("worse by {} ({allowed} is allowed)", percent(worse)),
                    Some(worse) if worse < 0.0 => format!("better by {}", percent(-worse)),
                    Some(_) => "the same".to_owned(),
                    None if self.base == self.now => "the same".to_owned(),
                    None => format!("worse ({allowed} is allowed)"),
                };
                format!("{} -> {}, {by}", value(self.base), value(self.now))
            }
        }
    }
}

/// A share in per cent, with as many digits as it needs to be read.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        size if size >= 10.0 => format!("{percent:.0} %"),
        size if size >= 0.1 => format!("{} %", crate::human::three_digits(percent)),
        _ => format!("{percent:.2} %"),
    }
}

impl Decisions {
    /// In a sentence without a full stop.
    #[must_use]
    pub fn words(&self) -> String {
        use crate::human::{count, duration};
        match self {
            Self::Same => "every decision is that of the baseline".to_owned(),
            Self::Differ { alike: 0, .. } => "decisions differ from the beginning on".to_owned(),
            Self::Differ { alike, from_us, to_us } => format!(
                "decisions differ from some instant between {} and {} on; the first {} are the same",
                duration(*from_us as f64),
                duration(*to_us as f64),
                count(*alike as f64)
            ),
        }
    }
}

/// As `gate.json`.
#[must_use]
pub fn to_json(all: &[Gated]) -> Value {
    let scenarios = all.iter().map(|gated| {
        let mut json = json!({ "scenario": gated.name, "file": gated.file, "baseline": gated.baseline,
            "seeds": gated.seeds, "outcome": gated.word() });
        match &gated.outcome {
            Outcome::Checked { checks, decisions } => {
                let checks = checks.iter().map(|check| {
                    let (worse_by, must) = match &check.rule {
                        Rule::WorseBy(share) => (Some(*share), None),
                        Rule::Absolute(must) => (None, Some(must)),
                    };
                    json!({ "metric": check.name, "base": check.base, "now": check.now, "holds": check.holds,
                        "worse_by": worse_by, "must": must, "words": check.words() })
                });
                json["limits"] = checks.collect();
                json["decisions"] = match decisions {
                    Decisions::Same => json!("same"),
                    Decisions::Differ { alike, from_us, to_us } => {
                        json!({ "alike": alike, "from_us": from_us, "to_us": to_us })
                    }
                };
            }
            Outcome::Updated { .. } => {}
            Outcome::Failed { message, hints } => {
                json["error"] = json!(message);
                json["hints"] = json!(hints);
            }
        }
        json
    });
    json!({ "schema_version": 1, "scenarios": scenarios.collect::<Vec<Value>>() })
}
