//! First fit.
//!
//! **What it prefers.** The first node in fleet order that fits.
//! **When it is bad.** Large tasks late: low nodes are chewed up by whatever came first.
//! **Source.** Textbook first fit (Johnson 1973).

use super::Placement;
use super::search::{SAMPLED, search};
use crate::index::Rank;
use crate::ledger::{Node, Shape};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstFit;

impl Rank for FirstFit {
    const STICKY: bool = true;

    fn rank(&self, _shape: &Shape, _node: Node<'_>) -> i64 {
        0
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "first-fit",
    aliases: &[],
    summary: "the first node in fleet order that fits",
    options: SAMPLED,
    source: "textbook (Johnson 1973)",
    build: |config| search(config, FirstFit),
    part: None,
};
