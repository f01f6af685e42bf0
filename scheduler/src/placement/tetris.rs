//! Tetris-style alignment.
//!
//! **What it prefers.** The node whose free room points the same way as the request: the largest `sum over lanes of
//! request x free`, both as shares of the node. A task that needs much memory goes where much memory is free.
//! **When it is bad.** Alone it favours empty nodes, where every lane is free: it aligns, it does not pack.
//! **Points.** The mean over lanes of request x free, x 100.
//! **Source.** Grandl, Ananthanarayanan, Kandula, Rao, Akella, SIGCOMM 2014, "Multi-resource packing for cluster
//! schedulers": the alignment score, without its shortest-remaining-time part.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::{POINT, Rank};
use crate::ledger::{Node, Shape};
use crate::resources::LANES;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tetris;

impl Tetris {
    /// The dot product, from 0 to the number of lanes.
    fn alignment(shape: &Shape, node: Node<'_>) -> f64 {
        let mut sum = 0.0;
        for lane in 0..LANES {
            let (request, capacity) = (shape.request[lane], node.capacity[lane]);
            if request > 0 && capacity > 0 {
                let capacity = f64::from(capacity);
                sum += f64::from(request) / capacity * (f64::from(node.free[lane]) / capacity);
            }
        }
        sum
    }
}

impl Rank for Tetris {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        // At most 8, in 2^-48ths.
        (Self::alignment(shape, node) * (1_u64 << 48) as f64) as i64
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let lanes = f64::from(node.scale.lanes().max(1));
        (Self::alignment(shape, node) / lanes * 100.0 * POINT as f64) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "tetris",
    aliases: &[],
    summary: "the node whose free room is best aligned with the request",
    options: SAMPLED,
    source: "Grandl et al., SIGCOMM 2014, alignment score",
    build: |config| search(config, Tetris),
    part: Some(|_| part(Tetris)),
};
