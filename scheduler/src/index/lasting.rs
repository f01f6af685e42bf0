//! Best fit in time first: where the task outlasts what runs there by the least.

use alloc::boxed::Box;

use super::{Asked, Grid, Place};
use crate::id::NodeId;
use crate::ledger::Ledger;
use crate::time::Time;

/// Nodes looked at in the order of best fit before all are asked in order of id, which is cheaper for each.
const LOOKS: u64 = 512;

/// Among the nodes that a task outlasts by the least, in classes, the fullest that fits, lowest id first.
#[derive(Clone)]
pub struct Lasting {
    grid: Grid,
    /// The upper end of the first class, in microseconds.
    step_us: u64,
}

impl Lasting {
    /// Classes whose upper ends are `step_us`, twice that, four times that, ...
    #[must_use]
    pub fn new(step_us: u64) -> Self {
        Self { grid: Grid::new(), step_us: step_us.max(1) }
    }
}

/// By how much a task that ends at `end` outlasts a node that is in use until `latest`, as a class: 0 for not at all,
/// then one more for each doubling of `step_us`.
fn class_of(step_us: u64, end: Time, latest: Time) -> u32 {
    match end.0.saturating_sub(latest.0) {
        0 => 0,
        over => 1 + over.div_ceil(step_us).checked_next_power_of_two().map_or(64, u64::trailing_zeros),
    }
}

impl Place for Lasting {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        let shape = *ledger.shapes().shape(asked.shape);
        let begin = *nodes;
        self.grid.catch_up(ledger, nodes);
        let step_us = self.step_us;
        let class = |id: NodeId| class_of(step_us, asked.end, ledger.node(id).latest_end.max(asked.now));
        if let Some(found) = self.grid.search_by(ledger, &shape, class, nodes, begin + LOOKS) {
            return found;
        }
        let mut best: Option<(u32, u64, NodeId)> = None;
        *nodes += ledger.node_count() as u64;
        for id in (0..ledger.node_count() as u32).map(NodeId).filter(|&id| ledger.fits(&shape, id)) {
            let node = ledger.node(id);
            let key = (class(id), node.scale.share(node.free), id);
            if best.is_none_or(|best| key < best) {
                best = Some(key);
            }
        }
        best.map(|(_, _, id)| id)
    }

    fn is_sticky(&self) -> bool {
        // An equal task does not outlast the one that was put there, and nobody else is fuller.
        true
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}
