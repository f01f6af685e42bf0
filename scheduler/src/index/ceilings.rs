//! What no shape gets beyond on each node: kept once for all shapes, so that most nodes need not be ranked for most.

use alloc::vec::Vec;

use super::Rank;
use super::candidates::BLOCK;
use super::ranks::{Kept, NONE, Ranks};
use crate::id::NodeId;
use crate::ledger::Ledger;

/// The ceiling of every node and of every block of nodes, see [`Rank::ceiling`]; none at all for policies without.
#[derive(Clone, Default)]
pub struct Ceilings {
    of_node: Ranks,
    /// The highest of each block.
    of_block: Vec<i64>,
    /// The epoch they are of.
    epoch: u64,
    /// Changes of nodes that are taken into account.
    seen: u64,
}

impl Ceilings {
    /// Takes in what changed since this was last called.
    #[inline]
    pub fn catch_up<R: Rank>(&mut self, policy: &R, ledger: &Ledger) {
        if R::CEILINGS.is_none() {
            return;
        }
        let changes = ledger.changes();
        let is_current = self.epoch == ledger.epoch() && !self.of_node.is_empty();
        match is_current.then(|| changes.since(self.seen)).flatten() {
            Some(changed) => changed.for_each(|id| {
                self.of_node.set(id.index(), ceiling(policy, ledger, id));
                let block = id.index() / BLOCK;
                self.of_block[block] = self.highest(block);
            }),
            None => {
                self.of_node.clear();
                self.of_node.fill((0..ledger.node_count() as u32).map(|at| ceiling(policy, ledger, NodeId(at))));
                self.of_block.clear();
                for block in 0..ledger.node_count().div_ceil(BLOCK) {
                    self.of_block.push(self.highest(block));
                }
                self.epoch = ledger.epoch();
            }
        }
        self.seen = changes.count();
    }

    /// The highest ceiling of a block, looked for.
    fn highest(&self, block: usize) -> i64 {
        match &self.of_node {
            Ranks::Narrow(all) => highest_of(&all[block * BLOCK..], i16::MIN),
            Ranks::Wide(all) => highest_of(&all[block * BLOCK..], NONE),
        }
    }

    /// The ceiling of a node.
    #[inline]
    pub fn of(&self, node: NodeId) -> i64 {
        self.of_node.of(node.index())
    }

    /// The highest ceiling of a block.
    #[inline]
    pub fn of_block(&self, block: usize) -> i64 {
        self.of_block[block]
    }

    /// All of them, as they are kept.
    #[inline]
    pub fn all(&self) -> &Ranks {
        &self.of_node
    }
}

/// The highest of the first block of these.
#[inline]
fn highest_of<T: Kept + Ord>(from: &[T], lowest: T) -> i64 {
    from[..from.len().min(BLOCK)].iter().fold(lowest, |highest, &one| highest.max(one)).rank()
}

/// Of a node that takes nothing there is no ceiling: it is below all.
#[inline]
fn ceiling<R: Rank>(policy: &R, ledger: &Ledger, id: NodeId) -> i64 {
    if ledger.is_open(id) { policy.ceiling(ledger.node(id)) } else { NONE }
}
