//! Worst fit.
//!
//! **What it prefers.** Among the nodes in use the one with the most room; an empty node only if none in use fits.
//! **When it is bad.** Packing: it evens out the load of open nodes and leaves no large hole for a large task. To
//! spread over empty nodes too, use `least-allocated`.
//! **Points.** 50 to 100 for a node in use, 0 to 50 for an empty one, by the room it has.
//! **Source.** Textbook worst fit (Johnson 1973), where a new bin is opened only when no open one fits.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::{POINT, Rank};
use crate::ledger::{Node, Shape};

/// Above every share: eight lanes of 2^32.
const IN_USE: i64 = 1 << 40;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorstFit;

impl Rank for WorstFit {
    const STICKY: bool = false;

    fn rank(&self, _shape: &Shape, node: Node<'_>) -> i64 {
        self.ceiling(node)
    }

    const CEILINGS: Option<u32> = Some(0);

    /// It does not matter what is to be placed, only whether it fits.
    fn ceiling(&self, node: Node<'_>) -> i64 {
        let in_use = if node.tasks > 0 { IN_USE } else { 0 };
        in_use + node.scale.share(node.free) as i64
    }

    fn points(&self, _shape: &Shape, node: Node<'_>) -> i64 {
        let in_use = if node.tasks > 0 { 50 * POINT } else { 0 };
        let whole = i128::from(node.scale.lanes().max(1)) << 32;
        in_use + (i128::from(node.scale.share(node.free)) * 50 * i128::from(POINT) / whole) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "worst-fit",
    aliases: &[],
    summary: "the node in use with the most room; an empty one only if none in use fits",
    options: SAMPLED,
    source: "textbook (Johnson 1973)",
    build: |config| search(config, WorstFit),
    part: Some(|_| part(WorstFit)),
};
