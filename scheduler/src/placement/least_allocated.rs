//! Least allocated.
//!
//! **What it prefers.** The node with the largest weighted mean share of its lanes free after the task is on it, each
//! lane in whole hundredths.
//! **When it is bad.** Packing: it spreads over every node, so large tasks find no large hole and no node can be
//! switched off.
//! **Source.** kubernetes noderesources/least_allocated.go (`NodeResourcesFit`, strategy `LeastAllocated`): the
//! weighted integer mean over lanes of `(capacity - requested) * 100 / capacity`, 0 where more is requested than there
//! is; a lane that the node lacks is left out.

use super::lanes::{WEIGHT_CPU, WEIGHT_DISK, WEIGHT_GPU, WEIGHT_MEMORY, Weights, weights};
use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::Config;
use crate::index::Rank;
use crate::ledger::{Node, Scale, Shape};
use crate::resources::Resources;

/// A ceiling is finer than a hundredth by so many bits, in which it fits 16: parts of hundredths decide how many nodes
/// reach the best one.
const FINER: u32 = 7;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct LeastAllocated {
    weights: Weights,
}

impl LeastAllocated {
    /// With the weights of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { weights: weights(config) }
    }
}

impl Rank for LeastAllocated {
    const STICKY: bool = false;

    #[inline(always)] // So that of a node only what counts is fetched.
    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        weighted_mean(&self.weights, shape, node, |used, capacity| capacity.saturating_sub(used) * 100 / capacity)
    }

    const CEILINGS: Option<u32> = Some(FINER);

    /// What a task would get that asks for nothing, in full.
    fn ceiling(&self, node: Node<'_>) -> i64 {
        let share = |used: u64, capacity: u64| (((capacity - used) * 100) << FINER).div_ceil(capacity);
        let (sum, whole) = weighted_sum(&self.weights, &Resources::ZERO, node, share);
        if whole == 0 { 0 } else { sum.div_ceil(whole) as i64 }
    }

    /// What the request is of the largest node it is at least of every other.
    fn toll(&self, shape: &Shape, scale: &Scale) -> i64 {
        let (mut sum, mut whole) = (0, 0);
        for (lane, &weight) in self.weights.iter().enumerate().filter(|&(lane, _)| scale.largest[lane] > 0) {
            sum += weight * (((u64::from(shape.request[lane]) * 100) << FINER) / u64::from(scale.largest[lane]));
            whole += weight;
        }
        sum.checked_div(whole).unwrap_or(0) as i64
    }
}

/// The integer mean of `score(used after placing, capacity)` over the lanes that count and that the node has.
#[inline(always)]
pub(super) fn weighted_mean(weights: &Weights, shape: &Shape, node: Node<'_>, score: impl Fn(u64, u64) -> u64) -> i64 {
    let (sum, whole) = weighted_sum(weights, &shape.request, node, score);
    sum.checked_div(whole).unwrap_or(0) as i64
}

/// The sum, and the sum of the weights.
#[inline(always)]
fn weighted_sum(weights: &Weights, request: &Resources, node: Node<'_>, score: impl Fn(u64, u64) -> u64) -> (u64, u64) {
    let (mut sum, mut whole) = (0, 0);
    for (lane, &weight) in weights.iter().enumerate() {
        let capacity = u64::from(node.capacity[lane]);
        if capacity > 0 && weight > 0 {
            let used = capacity - u64::from(node.free[lane]) + u64::from(request[lane]);
            sum += weight * score(used, capacity);
            whole += weight;
        }
    }
    (sum, whole)
}

pub(super) const ENTRY: Placement = Placement {
    name: "least-allocated",
    aliases: &["kubernetes-least-allocated"],
    summary: "the node with the largest weighted mean share of cpu and memory free after placing",
    options: &[WEIGHT_CPU, WEIGHT_MEMORY, WEIGHT_DISK, WEIGHT_GPU, CHOICES, PERCENT],
    source: "kubernetes NodeResourcesFit, LeastAllocated",
    build: |config| search(config, LeastAllocated::new(config)),
    part: Some(|config| part(LeastAllocated::new(config))),
};
