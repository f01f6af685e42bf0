//! Balanced allocation.
//!
//! **What it prefers.** The node whose shares of cpu and memory (and gpu, where it has any) are closest to each other
//! after the task is on it, in whole hundredths.
//! **When it is bad.** Alone it does not pack: an empty node is as balanced as a full one. It is meant as one part of a
//! mix.
//! **Source.** kubernetes `NodeResourcesBalancedAllocation`: `(1 - standard deviation of the shares) * 100`, truncated.

use alloc::boxed::Box;

use super::Placement;
use crate::index::{Candidates, Rank};
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, GPU, MEMORY};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balanced;

impl Rank for Balanced {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let mut shares = [0.0_f64; 3];
        let mut lanes = 0;
        for lane in [CPU, MEMORY, GPU] {
            let capacity = node.capacity[lane];
            if capacity > 0 {
                let used = u64::from(capacity - node.free[lane]) + u64::from(shape.request[lane]);
                shares[lanes] = (used as f64 / f64::from(capacity)).min(1.0);
                lanes += 1;
            }
        }
        ((1.0 - deviation(&shares[..lanes])) * 100.0) as i64
    }
}

/// The population standard deviation; of two shares half their distance.
fn deviation(shares: &[f64]) -> f64 {
    match shares {
        [] | [_] => 0.0,
        [one, other] => libm::fabs(one - other) / 2.0,
        _ => {
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let squares: f64 = shares.iter().map(|share| (share - mean) * (share - mean)).sum();
            libm::sqrt(squares / shares.len() as f64)
        }
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "balanced",
    summary: "the node whose lanes are used most evenly after placing",
    options: &[],
    source: "kubernetes NodeResourcesBalancedAllocation",
    build: |_| Box::new(Candidates::new(Balanced)),
};
