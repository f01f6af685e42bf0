//! Defragmentation: how many migrations buy how many empty nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::event::NodeSpec;
use windtunnel_scheduler::id::{NodeId, TaskId};
use windtunnel_scheduler::index::{Asked, Candidates, Place};
use windtunnel_scheduler::ledger::{Ledger, ShapeId};
use windtunnel_scheduler::placement::BestFit;

use super::books::Books;
use super::snapshot::Spot;

/// A node that was emptied: how many tasks were moved up to then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Nodes that hold something before anything is moved.
    pub in_use: u64,
    /// Tasks on them.
    pub tasks: u64,
    /// Migrations made when so many nodes (position + 1) have been emptied.
    pub migrations: Vec<u64>,
}

impl Moves {
    /// How many nodes a budget of migrations empties.
    #[must_use]
    pub fn freed_by(&self, budget: u64) -> u64 {
        self.migrations.partition_point(|&migrations| migrations <= budget) as u64
    }
}

/// A spot of a task, as it stands now.
#[derive(Clone, Copy)]
struct Stay {
    shape: ShapeId,
    task: u64,
    spot: Spot,
}

/// Empties nodes one by one until no further node can be emptied.
///
/// The node with the fewest tasks first, of these the one with the least of its capacity taken, then the lowest id; its
/// tasks go where best fit puts them among nodes that hold something, all of them or none. A node that took tasks is
/// not emptied any more, so no task moves twice. Conditions, devices and room are those of the core's own ledger.
#[must_use]
pub fn defragment(nodes: &[Arc<NodeSpec>], books: &Books) -> Moves {
    let mut stays: BTreeMap<u32, Vec<Stay>> = BTreeMap::new();
    for (task, (held, shape)) in books.held.iter().enumerate() {
        for &spot in &held.spots {
            stays.entry(spot.node).or_default().push(Stay { shape: *shape, task: task as u64, spot });
        }
    }
    let mut ledger = books.ledger.clone();
    for node in (0..nodes.len() as u32).filter(|node| !stays.contains_key(node)) {
        ledger.lose_node(NodeId(node));
    }
    let size = |node: u32| {
        let view = ledger.node(NodeId(node));
        let taken = view.capacity.checked_sub(view.free).unwrap_or_default();
        (view.tasks, view.scale.share(&taken), node)
    };
    let mut order: Vec<(u32, u64, u32)> = stays.keys().map(|&node| size(node)).collect();
    order.sort_unstable();
    let tasks = order.iter().map(|(tasks, ..)| u64::from(*tasks)).sum();
    let mut moves = Moves { in_use: order.len() as u64, tasks, migrations: Vec::new() };
    let mut mover = Mover { ledger, index: Candidates::new(BestFit), took: vec![false; nodes.len()] };
    let mut made = 0;
    for (tasks, _, node) in order {
        if !mover.took[node as usize] && mover.empty(&nodes[node as usize], &stays[&node]) {
            made += u64::from(tasks);
            moves.migrations.push(made);
        }
    }
    moves
}

struct Mover {
    ledger: Ledger,
    index: Candidates<BestFit>,
    took: Vec<bool>,
}

impl Mover {
    /// Moves everything off a node; false, and nothing is moved, if that is not possible.
    fn empty(&mut self, node: &NodeSpec, stays: &[Stay]) -> bool {
        let from = node.node;
        for stay in stays {
            let shape = *self.ledger.shapes().shape(stay.shape);
            self.ledger.release(&shape, from, stay.spot.count, stay.spot.gpus);
        }
        self.ledger.lose_node(from);
        let mut made: Vec<Stay> = Vec::new();
        let all = stays.iter().all(|stay| (0..stay.spot.count).all(|_| self.move_one(stay, &mut made)));
        if all {
            made.iter().for_each(|stay| self.took[stay.spot.node as usize] = true);
            return true;
        }
        for stay in &made {
            let shape = *self.ledger.shapes().shape(stay.shape);
            self.ledger.release(&shape, NodeId(stay.spot.node), 1, stay.spot.gpus);
        }
        self.ledger.add_node(node);
        for stay in stays {
            let shape = *self.ledger.shapes().shape(stay.shape);
            // It was there a moment ago.
            let _ = self.ledger.take(&shape, from, stay.spot.count, stay.spot.gpus);
        }
        false
    }

    fn move_one(&mut self, stay: &Stay, made: &mut Vec<Stay>) -> bool {
        let asked = Asked { task: TaskId(stay.task), shape: stay.shape };
        let Some(to) = self.index.place(&self.ledger, asked, &mut 0) else { return false };
        let shape = *self.ledger.shapes().shape(stay.shape);
        let gpus = self.ledger.choose_devices(&shape, to);
        if !self.ledger.take(&shape, to, 1, gpus) {
            return false;
        }
        made.push(Stay { spot: Spot { node: to.0, count: 1, gpus }, ..*stay });
        true
    }
}
