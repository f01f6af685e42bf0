//! How a node is found without asking all of them.
//!
//! Every index is exact: it answers with the node that [`Scan`], the specification, would answer with, ties to the
//! lowest id. Every index catches up from the ledger's log of changed nodes when it is next asked, so the ledger knows
//! none of them.

mod candidates;
mod grid;
mod scan;
mod uniform;

pub use candidates::Candidates;
pub use grid::Grid;
pub use scan::{Cyclic, Scan};
pub use uniform::Uniform;

use alloc::boxed::Box;

use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
use crate::ledger::{Ledger, Node, Shape, ShapeId};

/// A pure preference among nodes that fit: what a placement policy is. Ties go to the lowest id.
pub trait Rank: Clone + Send + 'static {
    /// Whether a task put on the best node leaves that node the best one for the next equal task, as long as it fits:
    /// true for policies that fill, false for those that spread.
    const STICKY: bool;

    /// How good it is to start one task of this shape on the node; larger is better. Never `i64::MIN`.
    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64;
}

/// A placement policy together with the way nodes are searched for it.
pub trait Place: Send {
    /// The node for one task of this shape; None if it fits nowhere now.
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId>;

    /// Which devices the task gets there.
    fn devices(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> GpuSet {
        ledger.choose_devices(shape, node)
    }

    /// How much the policy likes a task of this shape on a node that it fits on: larger is better, comparable within
    /// one policy only; None if it has no such number. For explanations, never asked on the way to a decision.
    fn score(&self, _ledger: &Ledger, _shape: &Shape, _node: NodeId) -> Option<i64> {
        None
    }

    /// See [`Rank::STICKY`].
    fn is_sticky(&self) -> bool;

    /// A copy in the same state.
    fn copy(&self) -> Box<dyn Place>;
}

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The task; only chance may look at it.
    pub task: TaskId,
    /// What it needs.
    pub shape: ShapeId,
}

#[cfg(test)]
mod tests;
