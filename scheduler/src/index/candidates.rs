//! The best node per shape, kept up to date from the log of changes: serves any [`Rank`], structure or not.
//!
//! For each shape in use the fleet is cut into blocks of 64 nodes, and of each block only the best node is remembered.
//! A changed node is ranked once per shape that is asked for; a block is looked through again only when its best node
//! got worse and the block still looks best. The ranks of all nodes are kept for as many shapes as there is room for,
//! so that this asks no node. Cost per decision: shapes in rotation x changes since, and a few blocks.
//!
//! Of policies that know for each node what no shape gets beyond there, that is kept instead, once for all shapes: a
//! node that cannot become the best of its block is then not ranked at all.
//!
//! Each shape takes all changes since it was last asked for at once: their cache misses overlap. Taking every change
//! into account for every shape as it comes was measured to be a third slower.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ceilings::Ceilings;
use super::ranks::{Kept, NONE, Ranks};
use super::{Asked, Place, Rank, devices_by, opinion_of};
use crate::event::GpuSet;
use crate::id::NodeId;
use crate::ledger::{Ledger, Shape, ShapeId};

/// Nodes of which only the best is remembered.
pub const BLOCK: usize = 64;
/// Blocks under one entry of the top row.
const SUPER: usize = 32;
/// What all remembered shapes together may take. Beyond it the shape asked for longest ago is forgotten.
const BYTES_MOST: usize = 32 << 20;
/// What the ranks of all nodes may take besides, for all shapes that they are kept for.
const RANKS_MOST: usize = 32 << 20;
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
    /// The rank of every node; empty if there is no room for them, or if there are ceilings.
    ranks: Ranks,
    /// How far below the ceilings this shape stays.
    toll: i64,
}

/// The best node of a block; if `stale`, `rank` is only an upper bound.
#[derive(Clone, Copy)]
struct Best {
    rank: i64,
    node: u32,
    stale: bool,
}

impl Best {
    /// True if a node of at most this rank may take its place, ties to the lowest id.
    #[inline]
    fn may_be_beaten(&self, rank: i64, node: u32) -> bool {
        rank > self.rank || rank == self.rank && node < self.node
    }
}

/// The best rank that is possible under a ceiling for a shape with this toll.
#[inline]
fn reach<R: Rank>(ceiling: i64, toll: i64) -> i64 {
    ceiling.saturating_sub(toll) >> R::CEILINGS.unwrap_or(0)
}

/// The lowest ceiling under which this rank is possible.
#[inline]
fn needed<R: Rank>(rank: i64, toll: i64) -> i64 {
    rank.saturating_mul(1 << R::CEILINGS.unwrap_or(0)).saturating_add(toll)
}

/// A policy that is searched through remembered best nodes.
#[derive(Clone)]
pub struct Candidates<R: Rank> {
    policy: R,
    memories: Vec<Memory>,
    /// The memory of each shape slot, `u32::MAX` for none.
    of_shape: Vec<u32>,
    ceilings: Ceilings,
    /// Decisions so far.
    clock: u64,
    /// What all memories together may take; a few are kept however little that is.
    bytes_most: usize,
    /// The epoch that the policy is prepared for.
    epoch: u64,
}

impl<R: Rank> Candidates<R> {
    /// A policy with nothing remembered yet.
    pub fn new(policy: R) -> Self {
        Self::within(BYTES_MOST, policy)
    }

    /// The same with another limit on what it remembers.
    pub(super) fn within(bytes_most: usize, policy: R) -> Self {
        let (memories, of_shape, ceilings) = (Vec::new(), Vec::new(), Ceilings::default());
        Self { policy, memories, of_shape, ceilings, clock: 0, bytes_most, epoch: u64::MAX }
    }

    /// How many shapes are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.memories.len()
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
        let at = if self.memories.len() < (self.bytes_most / bytes).max(MEMORIES_LEAST) {
            self.memories.push(Memory::new(id));
            self.memories.len() - 1
        } else {
            let oldest = (0..self.memories.len()).min_by_key(|&at| self.memories[at].used).unwrap_or(0);
            self.of_shape[self.memories[oldest].shape.slot as usize] = u32::MAX;
            self.memories[oldest].begin_anew(id);
            oldest
        };
        self.of_shape[slot] = at as u32;
        at
    }
}

/// A policy looking at the nodes for one shape.
struct View<'a, R> {
    policy: &'a R,
    ledger: &'a Ledger,
    shape: &'a Shape,
    ceilings: &'a Ceilings,
}

impl<R: Rank> View<'_, R> {
    fn rank(&self, id: NodeId) -> i64 {
        if self.ledger.fits(self.shape, id) { self.policy.rank(self.shape, self.ledger.node(id)) } else { NONE }
    }

    /// The best node of a block, asked one by one.
    fn best_of(&self, block: usize) -> Best {
        best_in(block, self.ledger.node_count(), |at| self.rank(NodeId(at as u32)))
    }

    /// The best node of a block, from the ranks if they are kept.
    fn look_through(&self, memory: &Memory, block: usize) -> Best {
        if R::CEILINGS.is_some() {
            return match self.ceilings.all() {
                Ranks::Narrow(ceilings) => self.best_below(block, ceilings, memory.toll),
                Ranks::Wide(ceilings) => self.best_below(block, ceilings, memory.toll),
            };
        }
        if memory.ranks.is_empty() {
            return self.best_of(block);
        }
        match &memory.ranks {
            Ranks::Narrow(ranks) => best_among(block, ranks),
            Ranks::Wide(ranks) => best_among(block, ranks),
        }
    }

    /// True unless it is clear what the change of a node means for its block: nothing; or that the best one got worse,
    /// which is noted.
    #[inline]
    fn may_matter(&self, memory: &mut Memory, id: NodeId) -> bool {
        let block = id.index() / BLOCK;
        let best = &mut memory.blocks[block];
        let possible = reach::<R>(self.ceilings.of(id), memory.toll);
        if best.node != id.0 {
            return best.may_be_beaten(possible, id.0);
        }
        if possible < best.rank {
            best.stale = true;
            best.rank = best.rank.min(reach::<R>(self.ceilings.of_block(block), memory.toll));
            return false;
        }
        true
    }

    /// The best node of a block. Only nodes are ranked that may be better than those before, the most promising first.
    fn best_below<T: Kept>(&self, block: usize, ceilings: &[T], toll: i64) -> Best {
        let from = block * BLOCK;
        let ceilings = &ceilings[from..ceilings.len().min(from + BLOCK)];
        let highest = self.ceilings.of_block(block);
        let first = ceilings.iter().position(|ceiling| ceiling.rank() == highest).unwrap_or(0);
        let node = (from + first) as u32;
        let mut best = Best { rank: self.rank(NodeId(node)), node, stale: false };
        // Nodes before the best one may take its place with the same rank, those behind it only with a higher one.
        let (mut before, mut behind) = (needed::<R>(best.rank, toll), needed::<R>(best.rank.saturating_add(1), toll));
        for (at, ceiling) in ceilings.iter().enumerate() {
            let node = (from + at) as u32;
            if ceiling.rank() >= (if node < best.node { before } else { behind }) && at != first {
                let rank = self.rank(NodeId(node));
                if best.may_be_beaten(rank, node) {
                    (best.rank, best.node) = (rank, node);
                    (before, behind) = (needed::<R>(rank, toll), needed::<R>(rank.saturating_add(1), toll));
                }
            }
        }
        best
    }

    fn rebuild(&self, memory: &mut Memory, keeps_ranks: bool) {
        let nodes = self.ledger.node_count();
        memory.ranks.clear();
        memory.toll = self.policy.toll(self.shape, self.ledger.scale());
        if keeps_ranks && R::CEILINGS.is_none() {
            memory.ranks.fill((0..nodes as u32).map(|at| self.rank(NodeId(at))));
        }
        let mut blocks = core::mem::take(&mut memory.blocks);
        blocks.clear();
        blocks.extend((0..nodes.div_ceil(BLOCK)).map(|block| self.look_through(memory, block)));
        memory.blocks = blocks;
        memory.tops.clear();
        memory.tops.extend(memory.blocks.chunks(SUPER).map(top_of));
        memory.epoch = self.ledger.epoch();
    }

    /// Takes the changes since the memory was last brought up to date into account. Says how many nodes that was.
    fn catch_up(&self, memory: &mut Memory, keeps_ranks: bool) -> u64 {
        let (changes, lag) = (self.ledger.changes(), memory.lag(self.ledger));
        match lag.and_then(|_| changes.since(memory.seen)) {
            Some(changed) => {
                for id in changed {
                    if R::CEILINGS.is_none() || self.may_matter(memory, id) {
                        let rank = self.rank(id);
                        memory.note(id, rank);
                    }
                }
            }
            None => self.rebuild(memory, keeps_ranks),
        }
        memory.seen = changes.count();
        lag.unwrap_or(self.ledger.node_count() as u64)
    }

    /// The best node, lowest id first; blocks whose best is only a bound are ranked anew on the way.
    fn pick(&self, memory: &mut Memory, nodes: &mut u64) -> Option<NodeId> {
        loop {
            let (mut top, mut rank) = (0, NONE);
            for (at, &bound) in memory.tops.iter().enumerate() {
                if bound > rank {
                    (top, rank) = (at, bound);
                }
            }
            if rank == NONE {
                return None;
            }
            let from = top * SUPER;
            let to = (from + SUPER).min(memory.blocks.len());
            match (from..to).find(|&block| memory.blocks[block].rank == rank) {
                Some(block) if memory.blocks[block].stale => {
                    memory.blocks[block] = self.look_through(memory, block);
                    *nodes += if memory.ranks.is_empty() && R::CEILINGS.is_none() { BLOCK as u64 } else { 0 };
                    memory.tops[top] = top_of(&memory.blocks[from..to]);
                }
                Some(block) => return Some(NodeId(memory.blocks[block].node)),
                None => memory.tops[top] = top_of(&memory.blocks[from..to]),
            }
        }
    }

    /// The best node that the layout of `laid_out`, this shape otherwise, admits, lowest id first. Only blocks whose
    /// bound beats what was found are looked at.
    fn pick_admitted(&self, laid_out: &Shape, memory: &Memory, nodes: &mut u64) -> Option<NodeId> {
        let mut best = Best { rank: NONE, node: 0, stale: false };
        for (top, &bound) in memory.tops.iter().enumerate() {
            if bound <= best.rank {
                continue;
            }
            let from = top * SUPER;
            for block in from..(from + SUPER).min(memory.blocks.len()) {
                let known = memory.blocks[block];
                if known.rank <= best.rank {
                    continue;
                }
                *nodes += 1;
                if !known.stale && self.ledger.admits(laid_out, NodeId(known.node)) {
                    best = known;
                    continue;
                }
                *nodes += BLOCK as u64;
                // Whom the layout admits is not in the ranks.
                let found = View { shape: laid_out, ..*self }.best_of(block);
                if found.rank > best.rank {
                    best = found;
                }
            }
        }
        (best.rank > NONE).then_some(NodeId(best.node))
    }
}

/// The best of the nodes of a block of `count` nodes in all, lowest id first.
#[inline]
fn best_in(block: usize, count: usize, rank: impl Fn(usize) -> i64) -> Best {
    let mut best = Best { rank: NONE, node: (block * BLOCK) as u32, stale: false };
    for at in block * BLOCK..((block + 1) * BLOCK).min(count) {
        let rank = rank(at);
        if rank > best.rank {
            best = Best { rank, node: at as u32, stale: false };
        }
    }
    best
}

/// The same from ranks that are kept.
#[inline]
fn best_among<T: Kept>(block: usize, ranks: &[T]) -> Best {
    best_in(block, ranks.len(), |at| ranks[at].rank())
}

fn top_of(blocks: &[Best]) -> i64 {
    blocks.iter().map(|best| best.rank).max().unwrap_or(NONE)
}

impl Memory {
    /// Nothing known of a shape yet.
    fn new(shape: ShapeId) -> Self {
        let (blocks, tops, ranks) = (Vec::new(), Vec::new(), Ranks::default());
        Self { shape, epoch: u64::MAX, seen: 0, used: 0, blocks, tops, ranks, toll: 0 }
    }

    /// The same for another shape, in the room that this one takes.
    fn begin_anew(&mut self, shape: ShapeId) {
        (self.shape, self.epoch) = (shape, u64::MAX);
    }

    /// How many changes it does not know of; None if it is cheaper to begin anew.
    #[inline]
    fn lag(&self, ledger: &Ledger) -> Option<u64> {
        let lag = ledger.changes().count() - self.seen;
        // Ranking a changed node touches memory at random; ranking all in order is about four times cheaper per node.
        (self.epoch == ledger.epoch() && lag <= (ledger.node_count() / 4) as u64).then_some(lag)
    }

    /// A node has a new rank.
    #[inline]
    fn note(&mut self, id: NodeId, rank: i64) {
        self.ranks.set(id.index(), rank);
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
        if self.epoch != ledger.epoch() {
            self.epoch = ledger.epoch();
            self.policy.prepare(ledger);
        }
        // What a layout forbids changes with every task of its job: it is asked last, and never remembered.
        let id = ledger.shapes().plain(asked.shape);
        let shape = *ledger.shapes().shape(id);
        let at = self.memory_of(ledger, id);
        self.clock += 1;
        if self.memories[at].shape != id {
            self.memories[at].begin_anew(id);
        }
        self.memories[at].used = self.clock;
        self.ceilings.catch_up(&self.policy, ledger);
        let memory = &mut self.memories[at];
        let view = View { policy: &self.policy, ledger, shape: &shape, ceilings: &self.ceilings };
        *nodes += view.catch_up(memory, at < RANKS_MOST / (size_of::<i64>() * ledger.node_count().max(1)));
        if id == asked.shape {
            view.pick(memory, nodes)
        } else {
            view.pick_admitted(ledger.shapes().shape(asked.shape), memory, nodes)
        }
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        Some(opinion_of(&self.policy, ledger, shape, node))
    }

    fn devices(&self, ledger: &Ledger, asked: Asked, node: NodeId) -> GpuSet {
        devices_by(&self.policy, ledger, asked, node)
    }

    fn is_sticky(&self) -> bool {
        R::STICKY
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
