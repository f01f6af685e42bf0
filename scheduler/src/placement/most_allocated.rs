//! Most allocated.
//!
//! **What it prefers.** The node with the largest mean share of cpu and memory allocated after the task is on it, in
//! whole hundredths per lane.
//! **When it is bad.** Noisy neighbours: nodes run full while others idle. Ties are frequent (hundredths), so among
//! nearly equal nodes it is first fit.
//! **Source.** kubernetes `NodeResourcesFit`, strategy `MostAllocated`: the mean over lanes of `requested * 100 /
//! capacity`.

use alloc::boxed::Box;

use super::Placement;
use super::least_allocated::mean_score;
use crate::index::{Candidates, Rank};
use crate::ledger::{Node, Shape};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostAllocated;

impl Rank for MostAllocated {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        mean_score(node, |(capacity, request), free| (capacity - free + u64::from(request)) * 100 / capacity, shape)
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "most-allocated",
    summary: "the node with the largest mean share of cpu and memory allocated after placing",
    options: &[],
    source: "kubernetes NodeResourcesFit, MostAllocated",
    build: |_| Box::new(Candidates::new(MostAllocated)),
};
