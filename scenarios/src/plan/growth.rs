//! When does it break: the load grows by a rate, the fleet stays.

use std::fmt;

use serde_json::{Value, json};
use windtunnel_outcome::Summary;
use windtunnel_outcome::recorder::Discard;

use super::candidate::{Kept, judge};
use super::{Question, check};
use crate::failure::Failure;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::simulate;
use crate::spec::Set;
use crate::tool::Tool;

/// More periods than this are not looked at.
const PERIODS_MOST: u32 = 120;
/// Periods after the one that breaks, for the picture.
const BEYOND: u32 = 1;

/// So much more load in each period, compounded: `10%/month`.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// The share that is added.
    pub rate: f64,
    /// What a period is called.
    pub period: String,
    written: String,
}

impl std::str::FromStr for Growth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || format!("`{text}` is no growth; write a share per period, such as 10%/month");
        let (rate, period) = text.split_once('/').ok_or_else(fail)?;
        let rate: f64 = rate.trim().strip_suffix('%').and_then(|rate| rate.trim().parse().ok()).ok_or_else(fail)?;
        let known = ["day", "week", "month", "quarter", "year"];
        if !(known.contains(&period) && rate > 0.0 && rate <= 1_000.0) {
            return Err(fail());
        }
        Ok(Self { rate: rate / 100.0, period: period.to_owned(), written: text.to_owned() })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// One period.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How many periods from now.
    pub period: u32,
    /// The load as a multiple of today's.
    pub load: f64,
    /// Whether every objective holds with every seed.
    pub holds: bool,
    /// Each objective.
    pub objectives: Vec<Kept>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The first period in which an objective fails; None if none does within ten years of months.
    pub breaks_at: Option<u32>,
    /// Every period up to there, and a little beyond.
    pub steps: Vec<Step>,
}

/// Lets the load grow until an objective fails.
///
/// # Errors
/// If the scenario cannot be read or run, or after Ctrl-C.
pub fn forecast(
    tool: &Tool,
    question: &Question,
    resolved: &Resolved,
    growth: &Growth,
    interrupt: &Interrupt,
) -> Result<Forecast, Failure> {
    check(&question.objectives)?;
    let today: Vec<f64> = resolved.scenario.workload.iter().map(|workload| workload.scale.load).collect();
    let first = resolved.scenario.seed;
    let mut steps: Vec<Step> = Vec::new();
    let mut breaks_at = None;
    let mut load = 1.0;
    for period in 0..=PERIODS_MOST {
        let jobs: Vec<Vec<Set>> = (0..u64::from(question.seeds.max(1)))
            .map(|at| {
                let grown = today.iter().enumerate().map(|(place, today)| Set {
                    key: format!("workload.{place}.scale.load"),
                    value: format!("{:.6}", today * load),
                });
                let seed = Set { key: "seed".into(), value: first.wrapping_add(at).to_string() };
                question.sets.iter().cloned().chain(grown).chain(std::iter::once(seed)).collect()
            })
            .collect();
        let title = format!("{} {period}", growth.period);
        let summaries: Vec<Summary> = simulate::side_by_side(&title, &jobs, interrupt, |sets: &Vec<Set>, ask| {
            let resolved = question.scenario.load(sets, tool.registries())?;
            Ok(simulate::once(tool, &resolved, &mut Discard, ask)?.summary)
        })?;
        let objectives = judge(&question.objectives, &summaries);
        let holds = objectives.iter().all(|kept| kept.holds);
        steps.push(Step { period, load, holds, objectives });
        if !holds && breaks_at.is_none() {
            breaks_at = Some(period);
        }
        if breaks_at.is_some_and(|broke| period >= broke + BEYOND) {
            break;
        }
        load *= 1.0 + growth.rate;
    }
    Ok(Forecast { breaks_at, steps })
}

impl Forecast {
    /// As JSON, for machines.
    #[must_use]
    pub fn to_json(&self, growth: &Growth) -> Value {
        let steps = self.steps.iter().map(|step| {
            let objectives = step.objectives.iter().map(|kept| {
                let spread = kept.spread.map(super::Spread::to_json);
                (kept.objective.clone(), json!({ "holds": kept.holds, "value": spread }))
            });
            json!({
                "period": step.period, "load": step.load, "holds": step.holds,
                "objectives": Value::Object(objectives.collect()),
            })
        });
        json!({
            "growth": { "rate": growth.rate, "per": growth.period },
            "breaks_at": self.breaks_at,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_share_per_period() {
        let growth: Growth = "10%/month".parse().unwrap();
        assert_eq!((growth.rate, growth.period.as_str(), growth.to_string().as_str()), (0.1, "month", "10%/month"));
        for wrong in ["10%", "10/month", "%/month", "-1%/month", "0%/year", "10%/fortnight"] {
            assert!(wrong.parse::<Growth>().is_err(), "{wrong}");
        }
    }
}
