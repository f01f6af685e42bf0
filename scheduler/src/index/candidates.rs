//! The best node per shape, kept up to date from the log of changes: serves any [`Rank`], structure or not.
//!
//! For each shape in use the fleet is cut into blocks of 64 nodes, and of each block only the best node is remembered.
//! A changed node is ranked once per shape that is asked for; a block is ranked anew only when its best node got worse
//! and the block still looks best. Cost per decision: shapes in rotation x changes since, and one or two blocks.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Asked, Place, Rank};
use crate::id::NodeId;
use crate::ledger::{Ledger, Shape, ShapeId};

const BLOCK: usize = 64;
/// Blocks under one entry of the top row.
const SUPER: usize = 64;
const NONE: i64 = i64::MIN;
/// What all remembered shapes together may take. Beyond it the shape asked for longest ago is forgotten.
const BYTES_MOST: usize = 32 << 20;
/// Shapes that are remembered however large the fleet is.
pub(super) const MEMORIES_LEAST: usize = 16;

/// The best node of each block for one shape.
#[derive(Clone)]
struct Memory {
    shape: ShapeId,
    epoch: u64,
    /// Changes of nodes that are taken into account.
    seen: u64,
    /// When it was last asked for, in decisions.
    used: u64,
    blocks: Vec<Best>,
    /// An upper bound of each run of `SUPER` blocks.
    tops: Vec<i64>,
}

/// The best node of a block; if `stale`, `rank` is only an upper bound.
#[derive(Clone, Copy)]
struct Best {
    rank: i64,
    node: u32,
    stale: bool,
}

/// A policy that is searched through remembered best nodes.
#[derive(Clone)]
pub struct Candidates<R: Rank> {
    policy: R,
    memories: Vec<Memory>,
    /// The memory of each shape slot, `u32::MAX` for none.
    of_shape: Vec<u32>,
    clock: u64,
    /// What all memories together may take; a few are kept however little that is.
    bytes_most: usize,
}

impl<R: Rank> Candidates<R> {
    /// A policy with nothing remembered yet.
    pub fn new(policy: R) -> Self {
        Self::within(BYTES_MOST, policy)
    }

    /// The same with another limit on what it remembers.
    pub(super) fn within(bytes_most: usize, policy: R) -> Self {
        Self { policy, memories: Vec::new(), of_shape: Vec::new(), clock: 0, bytes_most }
    }

    /// How many shapes are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.memories.len()
    }

    fn rank(&self, ledger: &Ledger, shape: &Shape, id: NodeId) -> i64 {
        if ledger.fits(shape, id) { self.policy.rank(shape, ledger.node(id)) } else { NONE }
    }

    /// The best node of a block, asked one by one.
    fn best_of(&self, ledger: &Ledger, shape: &Shape, block: usize) -> Best {
        let mut best = Best { rank: NONE, node: (block * BLOCK) as u32, stale: false };
        for at in block * BLOCK..((block + 1) * BLOCK).min(ledger.node_count()) {
            let rank = self.rank(ledger, shape, NodeId(at as u32));
            if rank > best.rank {
                best = Best { rank, node: at as u32, stale: false };
            }
        }
        best
    }

    /// The memory of a shape: its index in `memories`. It may be out of date.
    fn memory_of(&mut self, ledger: &Ledger, id: ShapeId) -> usize {
        let slot = id.slot as usize;
        if slot >= self.of_shape.len() {
            self.of_shape.resize(slot + 1, u32::MAX);
        }
        let known = self.of_shape[slot];
        if known != u32::MAX {
            return known as usize;
        }
        let blocks = ledger.node_count().div_ceil(BLOCK);
        let bytes = blocks * size_of::<Best>() + size_of::<Memory>();
        let fresh = Memory { shape: id, epoch: u64::MAX, seen: 0, used: 0, blocks: Vec::new(), tops: Vec::new() };
        let at = if self.memories.len() < (self.bytes_most / bytes).max(MEMORIES_LEAST) {
            self.memories.push(fresh);
            self.memories.len() - 1
        } else {
            let oldest = (0..self.memories.len()).min_by_key(|&at| self.memories[at].used).unwrap_or(0);
            self.of_shape[self.memories[oldest].shape.slot as usize] = u32::MAX;
            let old = &mut self.memories[oldest];
            *old = Memory { blocks: core::mem::take(&mut old.blocks), tops: core::mem::take(&mut old.tops), ..fresh };
            oldest
        };
        self.of_shape[slot] = at as u32;
        at
    }

    fn rebuild(&self, ledger: &Ledger, shape: &Shape, memory: &mut Memory) {
        let count = ledger.node_count().div_ceil(BLOCK);
        memory.blocks.clear();
        memory.blocks.extend((0..count).map(|block| self.best_of(ledger, shape, block)));
        memory.tops.clear();
        memory.tops.extend(memory.blocks.chunks(SUPER).map(top_of));
        memory.epoch = ledger.epoch();
    }

    /// Takes the changes since the memory was last asked into account. Says how many nodes were ranked.
    fn catch_up(&self, ledger: &Ledger, shape: &Shape, memory: &mut Memory) -> u64 {
        let lag = ledger.changes().count() - memory.seen;
        // Ranking a changed node touches memory at random; ranking all in order is about four times cheaper per node.
        let current = memory.epoch == ledger.epoch() && lag <= (ledger.node_count() / 4) as u64;
        match current.then(|| ledger.changes().since(memory.seen)).flatten() {
            Some(changed) => {
                for id in changed {
                    let rank = self.rank(ledger, shape, id);
                    memory.note(id, rank);
                }
            }
            None => self.rebuild(ledger, shape, memory),
        }
        memory.seen = ledger.changes().count();
        if current { lag } else { ledger.node_count() as u64 }
    }

    /// The best node, lowest id first; blocks whose best is only a bound are ranked anew on the way.
    fn pick(&self, ledger: &Ledger, shape: &Shape, memory: &mut Memory, nodes: &mut u64) -> Option<NodeId> {
        loop {
            let (top, &rank) =
                memory.tops.iter().enumerate().max_by_key(|&(at, &rank)| (rank, core::cmp::Reverse(at)))?;
            if rank == NONE {
                return None;
            }
            let from = top * SUPER;
            let to = (from + SUPER).min(memory.blocks.len());
            match (from..to).find(|&block| memory.blocks[block].rank == rank) {
                Some(block) if memory.blocks[block].stale => {
                    memory.blocks[block] = self.best_of(ledger, shape, block);
                    *nodes += BLOCK as u64;
                    memory.tops[top] = top_of(&memory.blocks[from..to]);
                }
                Some(block) => return Some(NodeId(memory.blocks[block].node)),
                None => memory.tops[top] = top_of(&memory.blocks[from..to]),
            }
        }
    }
}

fn top_of(blocks: &[Best]) -> i64 {
    blocks.iter().map(|best| best.rank).max().unwrap_or(NONE)
}

impl Memory {
    /// A node has a new rank.
    #[inline]
    fn note(&mut self, id: NodeId, rank: i64) {
        let block = id.index() / BLOCK;
        let best = &mut self.blocks[block];
        if rank > best.rank {
            *best = Best { rank, node: id.0, stale: false };
            let top = &mut self.tops[block / SUPER];
            *top = rank.max(*top);
        } else if best.node == id.0 {
            best.stale |= rank < best.rank;
        } else if rank == best.rank && id.0 < best.node && rank != NONE {
            // Of a bound it is not known which nodes reach it: that stays open until the block is ranked anew.
            best.node = id.0;
        }
    }
}

impl<R: Rank> Place for Candidates<R> {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape = *ledger.shapes().shape(asked.shape);
        let at = self.memory_of(ledger, asked.shape);
        self.clock += 1;
        let mut memory = core::mem::replace(
            &mut self.memories[at],
            Memory { shape: asked.shape, epoch: 0, seen: 0, used: 0, blocks: Vec::new(), tops: Vec::new() },
        );
        if memory.shape != asked.shape {
            memory.shape = asked.shape;
            memory.epoch = u64::MAX;
        }
        memory.used = self.clock;
        *nodes += self.catch_up(ledger, &shape, &mut memory);
        let found = self.pick(ledger, &shape, &mut memory, nodes);
        self.memories[at] = memory;
        found
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        Some(self.policy.rank(shape, ledger.node(node)))
    }

    fn is_sticky(&self) -> bool {
        R::STICKY
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
