//! Durations out of a list, as measured.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, whole};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, required};
use crate::synthetic::{Generator, Make};

/// Durations out of a list with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// Ascending.
    values: Vec<Span>,
    /// The share of draws up to and including each value; the last is 1.
    shares: Vec<f64>,
    /// The share of the work up to and including each value; the last is 1.
    work: Vec<f64>,
    mean: f64,
}

impl Empirical {
    /// From values and, if they are not equally likely, one weight for each.
    ///
    /// # Errors
    /// If there are no values, one is zero or forever, or the weights do not fit them.
    pub fn new(values: &[Span], weights: Option<&[f64]>) -> Result<Self, BadTerm> {
        if weights.is_some_and(|weights| weights.len() != values.len()) {
            let message = format!("`weights` does not match `values`: give {} weights", values.len());
            return Err(BadTerm::new("weights", message));
        }
        let mut pairs = Vec::with_capacity(values.len());
        for (place, &value) in values.iter().enumerate() {
            finite("values", value)?;
            let weight = weights.and_then(|weights| weights.get(place)).copied().unwrap_or(1.0);
            if !weight.is_finite() || weight < 0.0 {
                let message = format!("weight {weight} in `weights`: give finite numbers of at least 0");
                return Err(BadTerm::new("weights", message));
            }
            if weight > 0.0 {
                pairs.push((value, weight));
            }
        }
        if pairs.is_empty() {
            return Err(BadTerm::new("values", "`values` leaves nothing to draw: give at least one time"));
        }
        // Stable, so equal values keep their order and sums their last bit.
        pairs.sort_by_key(|(value, _)| *value);
        let shares = running(pairs.iter().map(|(_, weight)| *weight));
        let work = running(pairs.iter().map(|(value, weight)| value.0 as f64 * weight));
        let weight: f64 = pairs.iter().map(|(_, weight)| weight).sum();
        let mean = pairs.iter().map(|(value, one)| value.0 as f64 * (one / weight)).sum();
        Ok(Self { values: pairs.into_iter().map(|(value, _)| value).collect(), shares, work, mean })
    }

    fn at(&self, sums: &[f64], u: f64) -> Span {
        let place = sums.partition_point(|&sum| sum <= u).min(self.values.len() - 1);
        self.values[place]
    }
}

/// Running sums, divided by the last.
fn running(parts: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums: Vec<f64> = parts
        .map(|part| {
            sum += part;
            sum
        })
        .collect();
    for one in &mut sums {
        *one /= sum;
    }
    sums
}

impl DurationLaw for Empirical {
    fn sample(&self, u: f64) -> Span {
        self.at(&self.shares, u)
    }

    fn mean_us(&self) -> f64 {
        self.mean
    }

    fn residual(&self, u1: f64, u2: f64) -> Span {
        whole(self.at(&self.work, u1).0 as f64 * u2)
    }
}

/// The registry entry.
pub static EMPIRICAL: Generator = Generator {
    name: "empirical",
    summary: "durations out of a list",
    bare: "values",
    options: &[VALUES, WEIGHTS],
    source: "by definition; nothing between the listed values is drawn",
    make: Make::Duration(|terms| {
        let values = required("empirical", &VALUES, terms.spans("values")?)?;
        Ok(Law::from(Empirical::new(values, terms.numbers("weights")?)?))
    }),
};

const VALUES: Choosable = Choosable { name: "values", unit: Unit::Spans, default: "", summary: "the durations" };
const WEIGHTS: Choosable =
    Choosable { name: "weights", unit: Unit::Numbers, default: "all equal", summary: "one weight for each value" };
