//! Ranking only a sample of the nodes that fit.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Asked, Place, Rank, devices_by, opinion_of};
use crate::draw::{Kind, below, bits};
use crate::event::GpuSet;
use crate::id::NodeId;
use crate::ledger::{Ledger, Shape};

/// The streams of draws: nodes drawn blindly, and keys by which a sample is cut from all nodes that fit.
const DRAW: Kind = 0x6368_6f69_6365;
const KEY: Kind = 0x6368_6f69_6b65;
/// Blind draws for each node of a sample: with one node in ten fitting, few samples need more.
const TRIES: u64 = 32;

/// How many nodes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Of(u32),
    /// The logarithm to base 2 of the number of nodes, rounded up, at least 2.
    Log2,
}

impl Count {
    fn of(self, nodes: u64) -> usize {
        match self {
            Self::Of(count) => count.max(1) as usize,
            Self::Log2 => (nodes.max(1).next_power_of_two().trailing_zeros() as usize).max(2),
        }
    }
}

/// The best of a few nodes, drawn among those that fit, all equally likely: the power of so many choices.
///
/// The draws are keyed by (seed, task). Of equally good nodes the lowest id wins.
#[derive(Clone)]
pub struct Choices<R: Rank> {
    policy: R,
    count: Count,
    seed: u64,
    epoch: u64,
    drawn: Vec<u32>,
    keyed: Vec<(u64, u32)>,
}

impl<R: Rank> Choices<R> {
    /// The best of `count` by `policy`.
    pub fn new(policy: R, count: Count, seed: u64) -> Self {
        Self { policy, count, seed, epoch: u64::MAX, drawn: Vec::new(), keyed: Vec::new() }
    }

    /// Draws blindly; true if that gave a whole sample.
    fn draw(&mut self, ledger: &Ledger, shape: &Shape, task: u64, count: usize, nodes: &mut u64) -> bool {
        let all = ledger.node_count() as u64;
        self.drawn.clear();
        for index in 0..TRIES * count as u64 {
            if self.drawn.len() == count {
                return true;
            }
            *nodes += 1;
            let id = below(all, self.seed, DRAW, task, index) as u32;
            if ledger.fits(shape, NodeId(id)) && !self.drawn.contains(&id) {
                self.drawn.push(id);
            }
        }
        self.drawn.len() == count
    }

    /// Gives each node that fits a key by chance and takes those with the smallest: as good a sample, from all nodes.
    fn cut(&mut self, ledger: &Ledger, shape: &Shape, task: u64, count: usize, nodes: &mut u64) {
        let all = ledger.node_count() as u32;
        *nodes += u64::from(all);
        self.keyed.clear();
        for id in (0..all).filter(|&id| ledger.fits(shape, NodeId(id))) {
            let entry = (bits(self.seed, KEY, task, u64::from(id)), id);
            if self.keyed.len() == count && self.keyed.last().is_some_and(|last| *last <= entry) {
                continue;
            }
            let at = self.keyed.partition_point(|other| *other < entry);
            self.keyed.truncate(count - 1);
            self.keyed.insert(at, entry);
        }
        self.drawn.clear();
        self.drawn.extend(self.keyed.iter().map(|&(_, id)| id));
    }
}

impl<R: Rank> Place for Choices<R> {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        if self.epoch != ledger.epoch() {
            self.epoch = ledger.epoch();
            self.policy.prepare(ledger);
        }
        let shape = *ledger.shapes().shape(asked.shape);
        let count = self.count.of(ledger.node_count() as u64).min(ledger.node_count());
        if count == 0 {
            return None;
        }
        if !self.draw(ledger, &shape, asked.task.0, count, nodes) {
            self.cut(ledger, &shape, asked.task.0, count, nodes);
        }
        best_of(&self.policy, ledger, &shape, self.drawn.iter().copied().map(NodeId))
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        Some(opinion_of(&self.policy, ledger, shape, node))
    }

    fn devices(&self, ledger: &Ledger, asked: Asked, node: NodeId) -> GpuSet {
        devices_by(&self.policy, ledger, asked, node)
    }

    fn is_sticky(&self) -> bool {
        false
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}

/// The best of these nodes, the lowest id among equals.
fn best_of<R: Rank>(policy: &R, ledger: &Ledger, shape: &Shape, nodes: impl Iterator<Item = NodeId>) -> Option<NodeId> {
    let mut best: Option<(i64, NodeId)> = None;
    for id in nodes {
        let rank = policy.rank(shape, ledger.node(id));
        if best.is_none_or(|(most, node)| rank > most || (rank == most && id < node)) {
            best = Some((rank, id));
        }
    }
    best.map(|(_, id)| id)
}

/// How many nodes that fit are enough of `nodes`, of which so many percent are to be ranked, 0 for a share that falls
/// with the size of the fleet: kubernetes `numFeasibleNodesToFind`.
///
/// All of fewer than 100 nodes; else `nodes * percent / 100`, at least 100, where the share that falls is
/// `50 - nodes / 125`, at least 5.
#[must_use]
pub fn enough(nodes: u64, percent: u64) -> u64 {
    const LEAST: u64 = 100;
    if nodes < LEAST || percent >= 100 {
        return nodes;
    }
    let percent = if percent == 0 { 50_u64.saturating_sub(nodes / 125).max(5) } else { percent };
    (nodes * percent / 100).max(LEAST)
}

/// The best of the first nodes that fit, looked for in fleet order from where the last search ended: kubernetes'
/// `percentageOfNodesToScore`. Of equally good nodes the lowest id wins (upstream: any, by chance).
#[derive(Clone)]
pub struct Rotating<R: Rank> {
    policy: R,
    percent: u64,
    at: u32,
    epoch: u64,
}

impl<R: Rank> Rotating<R> {
    /// The best by `policy` of so many percent of the nodes, see [`enough`].
    pub fn new(policy: R, percent: u64) -> Self {
        Self { policy, percent, at: 0, epoch: u64::MAX }
    }
}

impl<R: Rank> Place for Rotating<R> {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        if self.epoch != ledger.epoch() {
            self.epoch = ledger.epoch();
            self.policy.prepare(ledger);
        }
        let shape = *ledger.shapes().shape(asked.shape);
        let count = ledger.node_count() as u32;
        let from = self.at.min(count);
        let most = enough(u64::from(count), self.percent);
        let mut looked = 0;
        let around = (from..count).chain(0..from).map(NodeId).inspect(|_| looked += 1);
        let fitting = around.filter(|&id| ledger.fits(&shape, id)).take(most as usize);
        let best = best_of(&self.policy, ledger, &shape, fitting);
        self.at = (from + looked).checked_rem(count).unwrap_or(0);
        *nodes += u64::from(looked);
        best
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        Some(opinion_of(&self.policy, ledger, shape, node))
    }

    fn devices(&self, ledger: &Ledger, asked: Asked, node: NodeId) -> GpuSet {
        devices_by(&self.policy, ledger, asked, node)
    }

    fn is_sticky(&self) -> bool {
        false
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
