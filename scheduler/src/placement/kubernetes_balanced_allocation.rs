//! Kubernetes' NodeResourcesBalancedAllocation.
//!
//! **What it prefers.** The node whose lanes are used in the most equal shares after the task is on it. Unlike
//! `balanced`, gpus do not count unless they are given a weight, and a task that asks for nothing is given no points
//! anywhere.
//! **When it is bad.** Alone it does not pack, as `balanced`.
//! **Source.** kubernetes noderesources/balanced_allocation.go: `int((1 - deviation) * 100)` over the shares of the
//! lanes, each at most 1; of two lanes half their distance, of more the population standard deviation. Best-effort pods
//! are skipped.

use super::balanced::deviation;
use super::lanes::{WEIGHT_CPU, WEIGHT_DISK, WEIGHT_GPU, WEIGHT_MEMORY, Weights, weights};
use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::Config;
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::resources::STANDARD_LANES;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct KubernetesBalancedAllocation {
    weights: Weights,
}

impl KubernetesBalancedAllocation {
    /// With the lanes of the configuration; weights other than 0 make no difference.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { weights: weights(config) }
    }
}

impl Rank for KubernetesBalancedAllocation {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let mut shares = [0.0_f64; STANDARD_LANES.len()];
        let (mut lanes, mut asked) = (0, 0);
        for (lane, _) in self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
            let (capacity, request) = (node.capacity[lane], shape.request[lane]);
            asked |= request;
            if capacity > 0 {
                let used = u64::from(capacity - node.free[lane]) + u64::from(request);
                shares[lanes] = (used as f64 / f64::from(capacity)).min(1.0);
                lanes += 1;
            }
        }
        if asked == 0 { 0 } else { ((1.0 - deviation(&shares[..lanes])) * 100.0) as i64 }
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "kubernetes-balanced-allocation",
    aliases: &[],
    summary: "the node whose lanes are used in the most equal shares after placing",
    options: &[WEIGHT_CPU, WEIGHT_MEMORY, WEIGHT_DISK, WEIGHT_GPU, CHOICES, PERCENT],
    source: "kubernetes NodeResourcesBalancedAllocation",
    build: |config| search(config, KubernetesBalancedAllocation::new(config)),
    part: Some(|config| part(KubernetesBalancedAllocation::new(config))),
};
