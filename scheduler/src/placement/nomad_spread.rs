//! Nomad's spreading.
//!
//! **What it prefers.** The node with the most cpu and memory free after the task is on it, each free share weighed
//! exponentially: the mirror of `nomad-binpack`.
//! **When it is bad.** Packing: no node stays empty.
//! **Points.** The score / 18 x 100.
//! **Source.** hashicorp/nomad nomad/structs/funcs.go, ScoreFitSpread: `10^free cpu + 10^free memory - 2`, at least 0
//! and at most 18, free as a share of the node.

use super::nomad_binpack::{BEST, as_points, free_share};
use super::search::{SAMPLED, search};
use super::{Placement, part};
use crate::index::Rank;
use crate::ledger::{Node, Shape};
use crate::resources::{CPU, MEMORY};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct NomadSpread;

/// ScoreFitSpread of a node whose cpu and memory are free in these shares: 0 to 18, larger the emptier.
#[must_use]
pub fn score_spread(free_cpu: f64, free_memory: f64) -> f64 {
    (libm::exp10(free_cpu) + libm::exp10(free_memory) - 2.0).clamp(0.0, BEST)
}

impl Rank for NomadSpread {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        as_points(score_spread(free_share(shape, node, CPU), free_share(shape, node, MEMORY)))
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        self.rank(shape, node)
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "nomad-spread",
    aliases: &[],
    summary: "the emptiest node by ScoreFit, free shares weighed exponentially",
    options: SAMPLED,
    source: "hashicorp/nomad ScoreFitSpread",
    build: |config| search(config, NomadSpread),
    part: Some(|_| part(NomadSpread)),
};
