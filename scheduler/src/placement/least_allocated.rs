//! Least allocated.
//!
//! **What it prefers.** The node with the largest mean share of cpu and memory free after the task is on it, in whole
//! hundredths per lane.
//! **When it is bad.** Packing: it spreads over every node, so large tasks find no large hole and no node can be
//! switched off.
//! **Source.** kubernetes `NodeResourcesFit`, strategy `LeastAllocated`: the mean over lanes of `(capacity - requested)
//! * 100 / capacity`, integer division.

use alloc::boxed::Box;

use super::Placement;
use crate::index::{Candidates, Rank};
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, MEMORY};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastAllocated;

impl Rank for LeastAllocated {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        mean_score(node, |capacity, free| (free - u64::from(capacity.1)) * 100 / capacity.0, shape)
    }
}

/// The integer mean over cpu and memory of `score((capacity, request), free)`; lanes that the node lacks are left out.
pub(super) fn mean_score(node: Node<'_>, score: impl Fn((u64, u32), u64) -> u64, shape: &Shape) -> i64 {
    let (mut sum, mut lanes) = (0, 0);
    for lane in [CPU, MEMORY] {
        let capacity = u64::from(node.capacity[lane]);
        if capacity > 0 {
            sum += score((capacity, shape.request[lane]), u64::from(node.free[lane]));
            lanes += 1;
        }
    }
    sum.checked_div(lanes).unwrap_or(0) as i64
}

pub(super) const ENTRY: Placement = Placement {
    name: "least-allocated",
    summary: "the node with the largest mean share of cpu and memory free after placing",
    options: &[],
    source: "kubernetes NodeResourcesFit, LeastAllocated",
    build: |_| Box::new(Candidates::new(LeastAllocated)),
};
