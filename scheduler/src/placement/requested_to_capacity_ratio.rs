//! Kubernetes' RequestedToCapacityRatio.
//!
//! **What it prefers.** The node with the best score for its utilization after the task is on it, where the scenario
//! draws the curve from utilization to score: falling it spreads, rising it packs, anything between can be had.
//! **When it is bad.** Where nobody tuned the curve; in whole hundredths ties are frequent.
//! **Source.** kubernetes noderesources/requested_to_capacity_ratio.go: utilization is `requested * 100 / capacity`,
//! 100 where more is requested than there is; scores of 0 to 10 are made ten times as large and connected by straight
//! lines in integers; the weighted mean counts only lanes whose score is above 0 and is rounded half away from zero.

use alloc::vec;
use alloc::vec::Vec;

use super::lanes::{WEIGHT_CPU, WEIGHT_DISK, WEIGHT_GPU, WEIGHT_MEMORY, Weights, weights};
use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::{Choice, Config, Setting};
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::registry::OptionNote;

/// The curve.
const SHAPE: OptionNote = OptionNote {
    name: "shape",
    default: "0: 0, 100: 10",
    meaning: "the curve: [{ utilization = 0, score = 0 }, { utilization = 100, score = 10 }], utilization rising",
};

/// See the module.
#[derive(Clone, Debug)]
pub struct RequestedToCapacityRatio {
    weights: Weights,
    /// The score of every utilization, from 0 to 100.
    curve: Vec<u64>,
}

impl RequestedToCapacityRatio {
    /// With the curve and the weights of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let points = points(&config.placement).unwrap_or_else(|| vec![(0, 0), (100, 100)]);
        Self { weights: weights(config), curve: (0..=100).map(|at| at_curve(&points, at) as u64).collect() }
    }
}

/// The score at a utilization: along a straight line between two points, level outside of them.
fn at_curve(points: &[(i64, i64)], at: i64) -> i64 {
    match points.iter().position(|&(utilization, _)| at <= utilization) {
        None => points.last().map_or(0, |&(_, score)| score),
        Some(0) => points[0].1,
        Some(above) => {
            let ((from, low), (to, high)) = (points[above - 1], points[above]);
            low + (high - low) * (at - from) / (to - from)
        }
    }
}

/// The curve of a choice, scores made ten times as large; None if it gives none that makes sense.
fn points(choice: &Choice) -> Option<Vec<(i64, i64)>> {
    let whole = |value: Option<&Setting>, most: f64| match value {
        Some(&Setting::Number(number)) if (0.0..=most).contains(&number) => {
            Some(number as i64).filter(|whole| *whole as f64 == number)
        }
        _ => None,
    };
    let tables = choice.tables(SHAPE.name)?;
    let points = tables.into_iter().map(|point| {
        let known = point.len() == 2;
        let (utilization, score) = (whole(point.get("utilization"), 100.0), whole(point.get("score"), 10.0));
        known.then_some((utilization?, score? * 10))
    });
    let points = points.collect::<Option<Vec<_>>>()?;
    (!points.is_empty() && points.windows(2).all(|two| two[0].0 < two[1].0)).then_some(points)
}

/// Why the curve of a choice cannot be followed; None if it can.
pub(super) fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    (choice.options.contains_key(SHAPE.name) && points(choice).is_none()).then_some((
        SHAPE.name,
        "write points such as [{ utilization = 0, score = 10 }, { utilization = 100, score = 0 }], whole numbers, \
         utilization rising from 0 to 100, scores from 0 to 10",
    ))
}

impl Rank for RequestedToCapacityRatio {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let (mut sum, mut whole) = (0, 0);
        for (lane, &weight) in self.weights.iter().enumerate() {
            let capacity = u64::from(node.capacity[lane]);
            if weight == 0 {
                continue;
            }
            let used = capacity - u64::from(node.free[lane]) + u64::from(shape.request[lane]);
            // A lane that the node lacks counts as full.
            let utilization = (used * 100).checked_div(capacity).unwrap_or(100).min(100);
            let score = self.curve[utilization as usize];
            if score > 0 {
                sum += weight * score;
                whole += weight;
            }
        }
        // To the nearest, halves up: nothing is below 0.
        (2 * sum + whole).checked_div(2 * whole).unwrap_or(0) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "requested-to-capacity-ratio",
    aliases: &["kubernetes-requested-to-capacity-ratio"],
    summary: "the node whose utilization after placing has the best score on a curve of the scenario",
    options: &[SHAPE, WEIGHT_CPU, WEIGHT_MEMORY, WEIGHT_DISK, WEIGHT_GPU, CHOICES, PERCENT],
    source: "kubernetes NodeResourcesFit, RequestedToCapacityRatio",
    build: |config| search(config, RequestedToCapacityRatio::new(config)),
    part: Some(|config| part(RequestedToCapacityRatio::new(config))),
};
