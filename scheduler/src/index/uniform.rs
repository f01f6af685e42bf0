//! Every node that fits is equally likely, by keyed draws.

use alloc::boxed::Box;

use super::{Asked, Place};
use crate::draw::{Kind, below};
use crate::id::NodeId;
use crate::ledger::Ledger;

/// The stream of draws of this policy.
const DRAW: Kind = 0x0070_6c61_6365;
/// Blind draws before all nodes are asked: with one node in ten fitting, 97 of 100 searches end here.
const TRIES: u64 = 32;

/// A uniform choice among the nodes that fit.
#[derive(Clone)]
pub struct Uniform {
    /// The key of its draws.
    pub seed: u64,
}

impl Place for Uniform {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape = *ledger.shapes().shape(asked.shape);
        let count = ledger.node_count() as u64;
        for index in 0..TRIES.min(count) {
            *nodes += 1;
            let id = NodeId(below(count, self.seed, DRAW, asked.task.0, index) as u32);
            if ledger.fits(&shape, id) {
                return Some(id);
            }
        }
        // Rejection gave nothing; an independent draw over all that fit leaves the choice uniform.
        *nodes += 2 * count;
        let fitting = || (0..count as u32).map(NodeId).filter(|&id| ledger.fits(&shape, id));
        let able = fitting().count() as u64;
        fitting().nth(below(able, self.seed, DRAW, asked.task.0, TRIES) as usize)
    }

    fn is_sticky(&self) -> bool {
        false
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
