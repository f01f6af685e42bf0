//! Best fit.
//!
//! **What it prefers.** The node that is left with the least room, summed over lanes as shares of the largest node.
//! **When it is bad.** Lanes used in different proportions: it fills one lane and strands the other.
//! **Points.** 100 for no room left, 0 for a largest node that stays empty.
//! **Source.** Textbook best fit (Johnson 1973); the sum of normalised lanes is the L1 form of Panigrahy et al. 2011.

use alloc::boxed::Box;

use super::search::{SAMPLED, search_else};
use super::{Placement, part};
use crate::index::{Grid, POINT, Rank};
use crate::ledger::{Node, Shape};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct BestFit;

impl Rank for BestFit {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        node.scale.share(&shape.request) as i64 - node.scale.share(node.free) as i64
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let whole = i128::from(node.scale.lanes().max(1)) << 32;
        ((whole + i128::from(self.rank(shape, node))) * 100 * i128::from(POINT) / whole) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "best-fit",
    aliases: &[],
    summary: "the node left with the least room, lanes weighed by the largest node",
    options: SAMPLED,
    source: "textbook (Johnson 1973); L1 norm over lanes (Panigrahy et al. 2011)",
    build: |config| search_else(config, BestFit, |_| Box::new(Grid::new())),
    part: Some(|_| part(BestFit)),
};
