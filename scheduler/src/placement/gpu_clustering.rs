//! Gpu clustering.
//!
//! **What it prefers.** Nodes whose gpu tasks are of the task's own kind: parts of a gpu, one gpu, two, and so on. The
//! score is `75 + q` if there is no other kind, `50 + q` if there are others too, `25 + q` without any, `q` with others
//! only, where `q = 25 x (largest - gpu left) / largest` prefers the fullest.
//! **When it is bad.** Tasks without gpus, to which all nodes are alike; many kinds on few nodes.
//! **Source.** Weng et al., USENIX ATC 2023 (FGD): GpuClustering, after Gandiva (Xiao et al., OSDI 2018).

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::resources::GPU;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct GpuClustering;

impl Rank for GpuClustering {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let Some(tag) = shape.gpu.tag() else { return 0 };
        let own = 1_u64 << tag;
        let quarter = match (node.gpu_tags & own != 0, node.gpu_tags & !own != 0) {
            (true, false) => 75,
            (true, true) => 50,
            (false, false) => 25,
            (false, true) => 0,
        };
        let (largest, left) = (i64::from(node.scale.largest[GPU]), i64::from(node.free[GPU]));
        quarter + (25 * (largest - left)).checked_div(largest).unwrap_or(0)
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "gpu-clustering",
    aliases: &[],
    summary: "nodes that hold gpu tasks of the same kind: parts, one gpu, two, ...",
    options: SAMPLED,
    source: "Weng et al., USENIX ATC 2023 (FGD): GpuClustering",
    build: |config| search(config, GpuClustering),
    part: Some(|_| part(GpuClustering)),
};
