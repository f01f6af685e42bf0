//! The log of changed nodes: how every index learns what happened since it last looked.

use alloc::vec::Vec;

use crate::id::NodeId;

const KEPT: usize = 1 << 16;

/// The last 65,536 changes of nodes, numbered from 0.
#[derive(Clone, Default)]
pub struct ChangeLog {
    ring: Vec<u32>,
    count: u64,
}

impl ChangeLog {
    /// A node's room changed.
    #[inline]
    pub fn push(&mut self, node: NodeId) {
        if self.ring.len() < KEPT {
            if self.ring.capacity() == 0 {
                self.ring.reserve_exact(KEPT);
            }
            self.ring.push(node.0);
        } else {
            self.ring[self.count as usize % KEPT] = node.0;
        }
        self.count += 1;
    }

    /// How many changes there were so far: what a reader remembers to catch up from.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The nodes that changed since `seen` changes, oldest first, a node once per change; None if some are forgotten.
    #[must_use]
    pub fn since(&self, seen: u64) -> Option<impl Iterator<Item = NodeId> + '_> {
        if self.count.saturating_sub(seen) > KEPT as u64 {
            return None;
        }
        Some((seen..self.count).map(|at| NodeId(self.ring[at as usize % KEPT])))
    }
}
