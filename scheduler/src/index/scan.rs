//! Asking every node: the specification that all other ways are held to.

use alloc::boxed::Box;

use super::{Asked, Place, Rank};
use crate::id::NodeId;
use crate::ledger::{Ledger, Shape};

/// Asks every node in order of id.
#[derive(Clone)]
pub struct Scan<R: Rank>(pub R);

impl<R: Rank> Place for Scan<R> {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape = *ledger.shapes().shape(asked.shape);
        *nodes += ledger.node_count() as u64;
        let mut best: Option<(i64, NodeId)> = None;
        for at in 0..ledger.node_count() as u32 {
            let id = NodeId(at);
            if ledger.fits(&shape, id) {
                let rank = self.0.rank(&shape, ledger.node(id));
                if best.is_none_or(|(most, _)| rank > most) {
                    best = Some((rank, id));
                }
            }
        }
        best.map(|(_, id)| id)
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        Some(self.0.rank(shape, ledger.node(node)))
    }

    fn is_sticky(&self) -> bool {
        R::STICKY
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}

/// The first node that fits at or after the one chosen last, going around: next-fit.
#[derive(Clone, Default)]
pub struct Cyclic {
    at: u32,
}

impl Place for Cyclic {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape = *ledger.shapes().shape(asked.shape);
        let count = ledger.node_count() as u32;
        for (looked, id) in (self.at.min(count)..count).chain(0..self.at.min(count)).map(NodeId).enumerate() {
            if ledger.fits(&shape, id) {
                *nodes += looked as u64 + 1;
                self.at = id.0;
                return Some(id);
            }
        }
        *nodes += u64::from(count);
        None
    }

    fn is_sticky(&self) -> bool {
        true
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
