//! Gpu packing.
//!
//! **What it prefers.** Gpus that are in use already, then free gpus of nodes in use, then idle nodes. The score is
//! `100 - sum of percent left on the gpus taken / 10`, at least 50, if only used gpus are needed; `50 - free gpus
//! opened`, at least 33, if some are opened; `33 - gpus`, at least the number of gpus, on a node whose gpus are all
//! free. Gpus are taken fullest first.
//! **When it is bad.** Tasks without gpus: all nodes are alike to it, so they take the cpus of gpu nodes in order.
//! **Source.** Weng et al., USENIX ATC 2023 (FGD): GpuPacking, after the packing of Weng et al., NSDI 2022.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::event::GpuSet;
use crate::index::Rank;
use crate::ledger::{Node, Shape};

/// A whole device.
const WHOLE: u16 = 1_000;
const BEST: i64 = 100;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct GpuPacking;

impl Rank for GpuPacking {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        if shape.gpu.count == 0 {
            return 0;
        }
        let free = node.gpus.iter().filter(|&&left| left == WHOLE).count() as i64;
        if free == node.gpus.len() as i64 {
            return (BEST / 3 - free).max(free);
        }
        let (mut taken, mut opened, mut percent_left) = (GpuSet::NONE, 0, 0);
        for _ in 0..shape.gpu.count {
            let able = |&(at, &left): &(usize, &u16)| left >= shape.gpu.milli && taken.0 & (1 << at) == 0;
            let Some((at, &left)) = node.gpus.iter().enumerate().filter(able).min_by_key(|&(_, left)| left) else {
                return 0;
            };
            taken.0 |= 1 << at;
            opened += i64::from(left == WHOLE);
            percent_left += i64::from(left) * 100 / i64::from(WHOLE);
        }
        if opened > 0 { (BEST / 2 - opened).max(BEST / 3) } else { (BEST - percent_left / 10).max(BEST / 2) }
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "gpu-packing",
    aliases: &[],
    summary: "used gpus first, then free gpus of nodes in use, then idle nodes",
    options: SAMPLED,
    source: "Weng et al., USENIX ATC 2023 (FGD): GpuPacking",
    build: |config| search(config, GpuPacking),
    part: Some(|_| part(GpuPacking)),
};
