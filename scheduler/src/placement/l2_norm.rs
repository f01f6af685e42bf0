//! Norm-based greedy, L2.
//!
//! **What it prefers.** The node whose remaining room, as a vector of shares of the largest node, is the shortest:
//! `sum over lanes of ((free - request) / largest)^2`, the least. Squares make one lane with much room count more than
//! two with little, so it closes the most lopsided gaps first where `best-fit` (the L1 form) only counts the total.
//! **When it is bad.** Small tasks on fleets of mixed nodes: like best fit it fills the small nodes first.
//! **Points.** 100 for no room left, 0 for a largest node that stays empty.
//! **Source.** Panigrahy, Talwar, Uyeda, Wieder 2011, "Heuristics for vector bin packing", norm-based greedy.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::{POINT, Rank};
use crate::ledger::{Node, Shape};
use crate::resources::LANES;

/// Shares are cut to so many bits before they are squared: a millionth of the largest node.
const BITS: u32 = 20;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct L2Norm;

impl Rank for L2Norm {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let mut sum = 0_u64;
        for lane in 0..LANES {
            let left = u64::from(node.free[lane].saturating_sub(shape.request[lane]));
            // A weight is 2^32 / largest, so this is at most 2^20.
            let share = left.wrapping_mul(node.scale.weight[lane]) >> (32 - BITS);
            sum += share * share;
        }
        -(sum as i64)
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let longest = i128::from(node.scale.lanes().max(1)) << (2 * BITS);
        ((longest + i128::from(self.rank(shape, node))) * 100 * i128::from(POINT) / longest) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "l2-norm",
    aliases: &[],
    summary: "the node whose remaining room is the shortest vector",
    options: SAMPLED,
    source: "Panigrahy et al. 2011, norm-based greedy",
    build: |config| search(config, L2Norm),
    part: Some(|_| part(L2Norm)),
};
