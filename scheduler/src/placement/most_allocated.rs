//! Most allocated.
//!
//! **What it prefers.** The node with the largest weighted mean share of its lanes allocated after the task is on it,
//! each lane in whole hundredths.
//! **When it is bad.** Noisy neighbours: nodes run full while others idle. Ties are frequent (hundredths), so among
//! nearly equal nodes it is first fit.
//! **Source.** kubernetes noderesources/most_allocated.go (`NodeResourcesFit`, strategy `MostAllocated`): the weighted
//! integer mean over lanes of `requested * 100 / capacity`, 0 where more is requested than there is; a lane that the
//! node lacks is left out.

use super::lanes::{WEIGHT_CPU, WEIGHT_DISK, WEIGHT_GPU, WEIGHT_MEMORY, Weights, weights};
use super::least_allocated::weighted_mean;
use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::Config;
use crate::index::Rank;
use crate::ledger::{Node, Shape};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct MostAllocated {
    weights: Weights,
}

impl MostAllocated {
    /// With the weights of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { weights: weights(config) }
    }
}

impl Rank for MostAllocated {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let score = |used: u64, capacity: u64| if used > capacity { 0 } else { used * 100 / capacity };
        weighted_mean(&self.weights, shape, node, score)
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "most-allocated",
    aliases: &["kubernetes-most-allocated"],
    summary: "the node with the largest weighted mean share of cpu and memory allocated after placing",
    options: &[WEIGHT_CPU, WEIGHT_MEMORY, WEIGHT_DISK, WEIGHT_GPU, CHOICES, PERCENT],
    source: "kubernetes NodeResourcesFit, MostAllocated",
    build: |config| search(config, MostAllocated::new(config)),
    part: Some(|config| part(MostAllocated::new(config))),
};
