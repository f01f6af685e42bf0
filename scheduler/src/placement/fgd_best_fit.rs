//! Best fit as the FGD study has it.
//!
//! **What it prefers.** The node with the least cpu and gpu free after the task is on it, each as a share of the
//! largest node, in whole hundredths. Unlike `best-fit` it does not see memory, and it has many ties.
//! **When it is bad.** Gpus are kept for nobody: what is left of them fits no common task.
//! **Source.** Weng et al., USENIX ATC 2023 (FGD), and its simulator: `int(100 x (1 - (0.5 x cpu left / largest + 0.5 x
//! gpu left / largest)))`. Its scaling of the scores to 0..100 keeps their order and is left out.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, GPU};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct FgdBestFit;

impl Rank for FgdBestFit {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let mut left = 0.0;
        // The order of operations is that of the study: a truncated score near a whole number depends on it.
        for lane in [CPU, GPU] {
            let largest = node.scale.largest[lane];
            if largest > 0 {
                let room = f64::from(node.free[lane].saturating_sub(shape.request[lane]));
                left += room / f64::from(largest) * 0.5;
            }
        }
        ((1.0 - left) * 100.0) as i64
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "fgd-best-fit",
    aliases: &[],
    summary: "the node with the least cpu and gpu left, in hundredths of the largest node",
    options: SAMPLED,
    source: "Weng et al., USENIX ATC 2023 (FGD): BestFit",
    build: |config| search(config, FgdBestFit),
    part: Some(|_| part(FgdBestFit)),
};
