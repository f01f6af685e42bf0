//! Whether a change made anything better or worse: two sides, number by number.
//!
//! Both sides ran with the same seeds and so met the same arrivals, run times and failures: what is judged is the
//! difference of each pair. Its mean has a 95 % interval by Student's t. A difference is held for real if chance alone
//! would bring one as great in less than 5 % of all comparisons; over the headline metrics that is so for all of them
//! together (Holm, "A simple sequentially rejective multiple test procedure", 1979). What is real but within the margin
//! is still the same for every purpose.

mod document;
pub mod spread;
pub mod student;
mod text;

use std::collections::BTreeMap;

use windtunnel_outcome::Summary;
use windtunnel_outcome::metric::{self, Better, HEADLINE, Metric};

pub use document::{Arm, Comparison, Document, SCHEMA_VERSION};
pub use text::{difference, table, value};

/// By how much a number may differ and still be the same, as a share of the base.
pub const MARGIN: f64 = 0.005;
/// How often chance alone may be taken for a change.
const CHANCE: f64 = 0.05;

/// What came out for one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It changed for the better.
    Better,
    /// It changed for the worse.
    Worse,
    /// It did not change, or by less than the margin.
    Same,
    /// It may have changed: more seeds would tell. Also a change that is neither good nor bad.
    Undecided,
}

impl Verdict {
    /// The word in tables and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Undecided => "undecided",
        }
    }
}

/// Where the pairs come from, which says how far their mean may lie from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// One run without chance in it: the difference is exact.
    Exact,
    /// Seeds: every pair is one more look at the same truth, and their mean comes closer the more there are.
    Seeds,
    /// Resampled traces (Efron, "Bootstrap methods", 1979): the pairs scatter as one trace of this length would.
    Resamples,
}

/// Whether a number is one of the few that stand for all.
#[must_use]
pub fn is_headline(name: &str) -> bool {
    HEADLINE.contains(&name)
}

/// The numbers of one run, by dotted name; None where a number is undefined in it.
pub type Numbers = BTreeMap<String, Option<f64>>;

/// What a summary says, as far as it is a metric.
#[must_use]
pub fn numbers(summary: &Summary) -> Numbers {
    let known = summary.iter().filter(|(path, _)| metric::find_path(path).is_some());
    known.map(|(path, value)| (path.join("."), value.number())).collect()
}

/// One number on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// As in `summary.json`.
    pub name: String,
    /// What it is.
    pub metric: &'static Metric,
    /// Whether it is one of the few that stand for all.
    pub headline: bool,
    /// The mean over seeds on the base side.
    pub base: Option<f64>,
    /// The mean over seeds on the new side.
    pub new: Option<f64>,
    /// The mean of the differences, new minus base.
    pub diff: Option<f64>,
    /// The 95 % interval of the difference; None if one run with chance in it is all there is.
    pub interval: Option<(f64, f64)>,
    /// How likely chance alone is to bring such a difference, corrected for the number of headline metrics if it is
    /// one; None without chance.
    pub p: Option<f64>,
    /// What came out.
    pub verdict: Verdict,
    /// The pairs themselves: base and new, by seed.
    pub pairs: Vec<(f64, f64)>,
}

impl Row {
    /// The difference as a share of the base.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        let (diff, base) = (self.diff?, self.base?);
        (base != 0.0).then(|| diff / base.abs())
    }
}

/// Judges every number that either side has, ordered by name. `base` and `new` hold a run per seed, in the same order.
#[must_use]
pub fn judge(base: &[Numbers], new: &[Numbers], design: Design) -> Vec<Row> {
    let mut names: Vec<&String> = base.iter().chain(new).flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let mut rows: Vec<Row> = names.into_iter().filter_map(|name| row(name, base, new, design)).collect();
    correct(&mut rows);
    for row in &mut rows {
        row.verdict = verdict(row);
    }
    rows
}

fn row(name: &str, base: &[Numbers], new: &[Numbers], design: Design) -> Option<Row> {
    let metric = metric::find(name)?;
    let at = |side: &Numbers| side.get(name).copied().flatten();
    let both = base.iter().zip(new).map(|(base, new)| (at(base), at(new)));
    let pairs: Vec<(f64, f64)> = both.filter_map(|(base, new)| Some((base?, new?))).collect();
    let mean = |side: &[Numbers]| mean(&side.iter().filter_map(at).collect::<Vec<f64>>());
    let mut row = Row {
        name: name.to_owned(),
        metric,
        headline: is_headline(name),
        base: mean(base),
        new: mean(new),
        diff: None,
        interval: None,
        p: None,
        verdict: Verdict::Same,
        pairs,
    };
    if row.pairs.is_empty() {
        return Some(row);
    }
    let differences: Vec<f64> = row.pairs.iter().map(|(base, new)| new - base).collect();
    // Of pairs alone, so that the difference is that of the two means also where a number is undefined in some runs.
    row.base = self::mean(&row.pairs.iter().map(|pair| pair.0).collect::<Vec<f64>>());
    row.new = self::mean(&row.pairs.iter().map(|pair| pair.1).collect::<Vec<f64>>());
    row.diff = self::mean(&differences);
    (row.interval, row.p) = spread::of(&differences, design);
    Some(row)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Corrects the chances of the headline metrics for their number, after Holm.
fn correct(rows: &mut [Row]) {
    let mut order: Vec<usize> = (0..rows.len()).filter(|&at| rows[at].headline && rows[at].p.is_some()).collect();
    order.sort_by(|&one, &other| rows[one].p.partial_cmp(&rows[other].p).unwrap_or(std::cmp::Ordering::Equal));
    let mut least: f64 = 0.0;
    let count = order.len();
    for (rank, at) in order.into_iter().enumerate() {
        let p = rows[at].p.unwrap_or(1.0);
        least = least.max((p * (count - rank) as f64).min(1.0));
        rows[at].p = Some(least);
    }
}

fn verdict(row: &Row) -> Verdict {
    let (Some(base), Some(diff)) = (row.base, row.diff) else {
        // Undefined on both sides, or on one.
        return if row.base.is_none() && row.new.is_none() { Verdict::Same } else { Verdict::Undecided };
    };
    let margin = MARGIN * base.abs();
    let within = |value: f64| value.abs() <= margin;
    if row.pairs.iter().all(|(base, new)| base == new) {
        return Verdict::Same;
    }
    let Some((low, high)) = row.interval else { return Verdict::Undecided };
    if within(low) && within(high) {
        return Verdict::Same;
    }
    let is_real = row.p.is_none_or(|p| p < CHANCE);
    if !is_real || within(diff) {
        return Verdict::Undecided;
    }
    match (row.metric.better, diff > 0.0) {
        (Better::Neither, _) => Verdict::Undecided,
        (Better::Higher, true) | (Better::Lower, false) => Verdict::Better,
        (Better::Higher, false) | (Better::Lower, true) => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests;
