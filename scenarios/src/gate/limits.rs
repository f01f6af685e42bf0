//! The limits of `[gate]`, held against numbers.

use std::collections::BTreeMap;
use std::path::Path;

use windtunnel_outcome::limit::{self, Limit, Relation, Subject};
use windtunnel_outcome::metric::{Better, HEADLINE, Metric};
use windtunnel_reports::gate::{Check, Rule};
use windtunnel_reports::verdict::{Design, Numbers, spread};

use super::Baseline;
use crate::failure::Failure;
use crate::spec::gate::{Amount, Gate, GateLimit};

/// One limit, understood.
struct Held {
    name: String,
    metric: &'static Metric,
    kind: Kind,
}

enum Kind {
    WorseBy(f64),
    Absolute { relation: Relation, value: f64, written: String },
}

/// All limits of a gate.
pub(super) struct Limits {
    held: Vec<Held>,
}

impl Limits {
    /// Reads `[gate]`.
    pub fn of(gate: &Gate) -> Result<Self, Failure> {
        let share = gate.worse_by.share();
        let mut held = Vec::new();
        if gate.limit.is_empty() {
            for name in HEADLINE {
                let metric = limit::known(name).map_err(|error| Failure::new(error.to_string()))?;
                held.push(Held { name: (*name).to_owned(), metric, kind: Kind::WorseBy(share) });
            }
        }
        for (at, written) in gate.limit.iter().enumerate() {
            let place = |message: String| Failure::new(message).within(&format!("`gate.limit.{at}`"));
            understand(written, share, &mut held).map_err(place)?;
        }
        Ok(Self { held })
    }

    /// What a baseline keeps: the headline metrics and whatever a limit names.
    pub fn kept(&self, runs: &[Numbers]) -> BTreeMap<String, Vec<Option<f64>>> {
        let names = HEADLINE.iter().map(|name| (*name).to_owned()).chain(self.held.iter().map(|one| one.name.clone()));
        let there = names.filter(|name| runs.iter().any(|run| run.contains_key(name)));
        there.map(|name| (name.clone(), values(runs, &name))).collect()
    }

    /// Holds a run against every limit. A headline metric that neither side has is left out.
    pub fn check(&self, old: &Baseline, runs: &[Numbers], path: &Path) -> Result<Vec<Check>, Failure> {
        let mut checks = Vec::new();
        for held in &self.held {
            let now = values(runs, &held.name);
            let is_there = runs.iter().any(|run| run.contains_key(&held.name));
            let before = old.metrics.get(&held.name);
            match (&held.kind, before) {
                (Kind::WorseBy(_), None) if !is_there && HEADLINE.contains(&held.name.as_str()) => {}
                (_, _) if !is_there => {
                    let sentence = format!("the run has no `{}`; name a metric that it has", held.name);
                    return Err(Failure::new(sentence).hint("`windtunnel run` writes all it has into summary.json"));
                }
                (Kind::WorseBy(_), None) => {
                    let sentence = format!("{} does not have `{}`; run --update", path.display(), held.name);
                    return Err(Failure::new(sentence));
                }
                (Kind::WorseBy(share), Some(before)) => checks.push(held.relative(*share, before, &now)),
                (Kind::Absolute { relation, value, written }, before) => {
                    let base = before.and_then(|before| mean(before));
                    checks.push(held.absolute((*relation, *value, written), base, &now));
                }
            }
        }
        Ok(checks)
    }
}

impl Held {
    /// Broken if it is worse by more than the share: with several seeds only if the whole interval is.
    fn relative(&self, share: f64, before: &[Option<f64>], now: &[Option<f64>]) -> Check {
        let pairs: Vec<(f64, f64)> =
            before.iter().zip(now).filter_map(|(one, other)| Some(((*one)?, (*other)?))).collect();
        let base = mean_of(pairs.iter().map(|pair| pair.0)).or_else(|| mean(before));
        let after = mean_of(pairs.iter().map(|pair| pair.1)).or_else(|| mean(now));
        let sign = if self.metric.better == Better::Higher { -1.0 } else { 1.0 };
        let worse: Vec<f64> = pairs.iter().map(|(base, now)| sign * (now - base)).collect();
        let holds = match (base, after) {
            (None, _) => true,
            // What was defined is not any more: nothing ended, nothing started.
            (Some(_), None) => false,
            (Some(base), Some(_)) if worse.is_empty() => base == 0.0,
            (Some(base), Some(_)) => {
                let design = if worse.len() == 1 { Design::Exact } else { Design::Seeds };
                let least = spread::of(&worse, design).0.map_or(f64::INFINITY, |(low, _)| low);
                least <= share * base.abs()
            }
        };
        Check { name: self.name.clone(), metric: self.metric, rule: Rule::WorseBy(share), base, now: after, holds }
    }

    /// Broken if the value lies beyond: with several seeds only if the whole interval of their mean does.
    fn absolute(&self, limit: (Relation, f64, &str), base: Option<f64>, now: &[Option<f64>]) -> Check {
        let (relation, value, written) = limit;
        let known: Vec<f64> = now.iter().flatten().copied().collect();
        let design = if known.len() == 1 { Design::Exact } else { Design::Seeds };
        let holds = match (known.as_slice(), relation) {
            ([], _) => false,
            (known, Relation::Equal) => known.iter().all(|&one| relation.holds(one, value)),
            (known, _) => {
                let interval = spread::of(known, design).0.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                relation.holds(interval.0, value) || relation.holds(interval.1, value)
            }
        };
        let rule = Rule::Absolute(format!("{} {written}", relation.sign()));
        Check { name: self.name.clone(), metric: self.metric, rule, base, now: mean(now), holds }
    }
}

/// Reads one `[[gate.limit]]`.
fn understand(written: &GateLimit, share: f64, held: &mut Vec<Held>) -> Result<(), String> {
    let worse_by = written.worse_by.map(crate::spec::quantity::Percent::share);
    if let Some(must) = &written.must {
        if written.metric.is_some() || worse_by.is_some() || written.min.is_some() || written.max.is_some() {
            return Err("`must` is a whole limit; take the other keys out".to_owned());
        }
        let limit: Limit = must.parse().map_err(|error| format!("{error}"))?;
        if limit.subject == Subject::Interval || limit.over.is_some() {
            return Err(format!("`{must}` is no limit of a whole run; take `over` and `ci` out"));
        }
        let text = limit.to_string();
        let written = text.rsplit(' ').next().unwrap_or_default().to_owned();
        let kind = Kind::Absolute { relation: limit.relation, value: limit.value, written };
        held.push(Held { name: limit.name.clone(), metric: limit.metric, kind });
        return Ok(());
    }
    let Some(name) = &written.metric else {
        return Err(
            "no metric is named; write metric = \"packing.efficiency\", or must = \"wait_s.p99 < 60s\"".to_owned()
        );
    };
    let metric = limit::known(name).map_err(|error| error.to_string())?;
    let bounds = [(&written.min, Relation::AtLeast), (&written.max, Relation::AtMost)];
    let is_absolute = bounds.iter().any(|(bound, _)| bound.is_some());
    if worse_by.is_some() || !is_absolute {
        if metric.better == Better::Neither {
            return Err(format!("more or less of `{name}` is neither good nor bad; give min or max"));
        }
        held.push(Held { name: name.clone(), metric, kind: Kind::WorseBy(worse_by.unwrap_or(share)) });
    }
    for (bound, relation) in bounds {
        if let Some(Amount(written)) = bound {
            let value = limit::amount(written, metric.unit).map_err(|error| error.to_string())?;
            let kind = Kind::Absolute { relation, value, written: written.clone() };
            held.push(Held { name: name.clone(), metric, kind });
        }
    }
    Ok(())
}

fn values(runs: &[Numbers], name: &str) -> Vec<Option<f64>> {
    runs.iter().map(|run| run.get(name).copied().flatten()).collect()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    mean_of(values.iter().flatten().copied())
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
