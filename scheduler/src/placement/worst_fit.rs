//! Worst fit.
//!
//! **What it prefers.** Among the nodes in use the one with the most room; an empty node only if none in use fits.
//! **When it is bad.** Packing: it evens out the load of open nodes and leaves no large hole for a large task. To
//! spread over empty nodes too, use `least-allocated`.
//! **Source.** Textbook worst fit (Johnson 1973), where a new bin is opened only when no open one fits.

use alloc::boxed::Box;

use super::Placement;
use crate::index::{Candidates, Rank};
use crate::ledger::{Node, Shape};

/// Above every share: eight lanes of 2^32.
const IN_USE: i64 = 1 << 40;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorstFit;

impl Rank for WorstFit {
    const STICKY: bool = false;

    fn rank(&self, _shape: &Shape, node: Node<'_>) -> i64 {
        let in_use = if node.tasks > 0 { IN_USE } else { 0 };
        in_use + node.scale.share(node.free) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "worst-fit",
    summary: "the node in use with the most room; an empty one only if none in use fits",
    options: &[],
    source: "textbook (Johnson 1973)",
    build: |_| Box::new(Candidates::new(WorstFit)),
};
