//! Nomad's bin packing.
//!
//! **What it prefers.** The node with the least cpu and memory free after the task is on it, each free share weighed
//! exponentially, so that the last tenth of a lane counts most.
//! **When it is bad.** Lanes used in different proportions; other lanes than cpu and memory are not seen.
//! **Points.** ScoreFit / 18 x 100.
//! **Source.** hashicorp/nomad nomad/structs/funcs.go, ScoreFitBinPack (after Google's "best fit v3"): `20 - (10^free
//! cpu + 10^free memory)`, at least 0 and at most 18, free as a share of the node.

use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::{POINT, Rank};
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, MEMORY};

/// The largest ScoreFit.
pub(super) const BEST: f64 = 18.0;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct NomadBinpack;

/// ScoreFit of a node whose cpu and memory are free in these shares: 0 to 18, larger the fuller.
#[must_use]
pub fn score_fit(free_cpu: f64, free_memory: f64) -> f64 {
    (20.0 - (libm::exp10(free_cpu) + libm::exp10(free_memory))).clamp(0.0, BEST)
}

/// The share of a lane that is free after the task is on the node: all of it where the node has none.
pub(super) fn free_share(shape: &Shape, node: Node<'_>, lane: usize) -> f64 {
    let capacity = node.capacity[lane];
    if capacity == 0 {
        return 1.0;
    }
    (f64::from(node.free[lane]) - f64::from(shape.request[lane])) / f64::from(capacity)
}

/// A ScoreFit as points.
pub(super) fn as_points(score: f64) -> i64 {
    (score / BEST * 100.0 * POINT as f64) as i64
}

impl Rank for NomadBinpack {
    const STICKY: bool = true;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        as_points(score_fit(free_share(shape, node, CPU), free_share(shape, node, MEMORY)))
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        self.rank(shape, node)
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "nomad-binpack",
    aliases: &[],
    summary: "the fullest node by ScoreFit, free shares weighed exponentially",
    options: SAMPLED,
    source: "hashicorp/nomad ScoreFitBinPack",
    build: |config| search(config, NomadBinpack),
    part: Some(|_| part(NomadBinpack)),
};
