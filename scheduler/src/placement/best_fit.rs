//! Best fit.
//!
//! **What it prefers.** The node that is left with the least room, summed over lanes as shares of the largest node.
//! **When it is bad.** Lanes used in different proportions: it fills one lane and strands the other.
//! **Source.** Textbook best fit (Johnson 1973); the sum of normalised lanes is the L1 form of Panigrahy et al. 2011.

use alloc::boxed::Box;

use super::Placement;
use crate::index::{Grid, Rank};
use crate::ledger::{Node, Shape};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct BestFit;

impl Rank for BestFit {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        node.scale.share(&shape.request) as i64 - node.scale.share(node.free) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "best-fit",
    summary: "the node left with the least room, lanes weighed by the largest node",
    options: &[],
    source: "textbook (Johnson 1973); L1 norm over lanes (Panigrahy et al. 2011)",
    build: |_| Box::new(Grid::new()),
};
