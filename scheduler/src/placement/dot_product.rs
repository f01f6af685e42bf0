//! Dot product as the FGD study has it.
//!
//! **What it prefers.** The node whose free room points least the same way as the request: the least product of (cpu,
//! gpu) asked and (cpu, gpu) free, as shares of the largest node, in whole hundredths. So it fills nodes that have
//! little left of what the task wants; `tetris` prefers the opposite.
//! **When it is bad.** Gpus that are shared: it sees their sum only.
//! **Source.** Weng et al., USENIX ATC 2023 (FGD), and its simulator, after Tetris: `int(100 x (1 - product / 2))`.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, GPU};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct DotProduct;

impl Rank for DotProduct {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let mut product = 0.0;
        for lane in [CPU, GPU] {
            let largest = f64::from(node.scale.largest[lane]);
            if largest > 0.0 {
                product += f64::from(node.free[lane]) / largest * (f64::from(shape.request[lane]) / largest);
            }
        }
        (100.0 * (1.0 - product / 2.0)) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "dot-product",
    aliases: &[],
    summary: "the node whose free cpu and gpu are least aligned with the request",
    options: SAMPLED,
    source: "Weng et al., USENIX ATC 2023 (FGD): DotProd",
    build: |config| search(config, DotProduct),
    part: Some(|_| part(DotProduct)),
};
