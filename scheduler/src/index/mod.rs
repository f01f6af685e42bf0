//! How a node is found without asking all of them.
//!
//! Every index is exact: it answers with the node that [`Scan`], the specification, would answer with, ties to the
//! lowest id. Every index catches up from the ledger's log of changed nodes when it is next asked, so the ledger knows
//! none of them.

mod candidates;
mod ceilings;
mod grid;
mod lasting;
mod ranks;
mod sample;
mod scan;
mod uniform;

pub use candidates::Candidates;
pub use grid::Grid;
pub use lasting::Lasting;
pub use sample::{Choices, Count, Rotating, enough};
pub use scan::{Cyclic, Scan};
pub use uniform::Uniform;

use alloc::boxed::Box;

use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
use crate::ledger::{Ledger, Node, Scale, Shape, ShapeId};
use crate::time::Time;

/// One of the 100 points that a policy may give: cut finely, so that what is finer than whole points keeps its order.
pub const POINT: i64 = 1 << 20;

/// A pure preference among nodes that fit: what a placement policy is. Ties go to the lowest id.
pub trait Rank: Clone + Send + 'static {
    /// Whether a task put on the best node leaves that node the best one for the next equal task, as long as it fits:
    /// true for policies that fill, false for those that spread.
    const STICKY: bool;

    /// How good it is to start one task of this shape on the node, where it fits; larger is better. Never `i64::MIN`.
    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64;

    /// The same on the scale on which policies are weighed against each other: from 0 to 100 [`POINT`]s, without
    /// looking at other nodes. As it stands here for ranks that are whole points.
    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        self.rank(shape, node).clamp(0, 100) * POINT
    }

    /// By how many bits ceilings are finer than ranks; None if the policy has no ceilings. They spare most nodes from
    /// being ranked.
    const CEILINGS: Option<u32> = None;

    /// What no shape gets beyond on the node: where it fits, [`Rank::rank`] is at most this less the shape's
    /// [`Rank::toll`], cut to whole ranks. Looked at only if there are ceilings. Never `i64::MIN`.
    fn ceiling(&self, _node: Node<'_>) -> i64 {
        i64::MAX
    }

    /// How far below every ceiling the ranks of a shape stay, in a fleet of this scale. Never negative.
    fn toll(&self, _shape: &Shape, _scale: &Scale) -> i64 {
        0
    }

    /// Takes in what does not change from decision to decision. Called before anything else is asked, and again
    /// whenever [`Ledger::epoch`] has changed.
    fn prepare(&mut self, _ledger: &Ledger) {}

    /// Which devices one task of this shape gets on the node, where it fits; None for those of
    /// [`Ledger::choose_devices`].
    fn devices(&self, _shape: &Shape, _node: Node<'_>) -> Option<GpuSet> {
        None
    }
}

/// A placement policy together with the way nodes are searched for it.
pub trait Place: Send {
    /// The node for one task of this shape; None if it fits nowhere now.
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId>;

    /// Which devices the task gets there; asked after [`Place::place`] gave that node.
    fn devices(&self, ledger: &Ledger, asked: Asked, node: NodeId) -> GpuSet {
        ledger.choose_devices(ledger.shapes().shape(asked.shape), node)
    }

    /// How much the policy likes a task of this shape on a node that it fits on: larger is better, comparable within
    /// one policy only; None if it has no such number. For explanations, never asked on the way to a decision.
    fn score(&self, _ledger: &Ledger, _shape: &Shape, _node: NodeId) -> Option<i64> {
        None
    }

    /// See [`Rank::STICKY`].
    fn is_sticky(&self) -> bool;

    /// Where the next search begins, if that depends on the last one.
    fn cursor(&self) -> u32 {
        0
    }

    /// Takes back what searches have moved since [`Place::cursor`] said this: what they found is given up.
    fn rewind(&mut self, _cursor: u32) {}

    /// Looks at what is known of the node, so that it is in the cache: see [`crate::Scheduler::foresee`].
    fn fetch(&self, _node: NodeId) -> u64 {
        0
    }

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
    /// The instant.
    pub now: Time,
    /// When it is believed to end if it starts now; `Time::NEVER` if nobody said.
    pub end: Time,
}

impl Asked {
    /// A task at the beginning of time that nobody knows the end of.
    #[must_use]
    pub fn new(task: TaskId, shape: ShapeId) -> Self {
        Self { task, shape, now: Time::ZERO, end: Time::NEVER }
    }
}

/// The rank of a node by a policy that may not be prepared yet: for explanations.
fn opinion_of<R: Rank>(policy: &R, ledger: &Ledger, shape: &Shape, node: NodeId) -> i64 {
    let mut policy = policy.clone();
    policy.prepare(ledger);
    policy.rank(shape, ledger.node(node))
}

/// The devices that a policy wants, else those that the ledger chooses.
fn devices_by<R: Rank>(policy: &R, ledger: &Ledger, asked: Asked, node: NodeId) -> GpuSet {
    let shape = ledger.shapes().shape(asked.shape);
    policy.devices(shape, ledger.node(node)).unwrap_or_else(|| ledger.choose_devices(shape, node))
}

impl Asked {
    /// The same for one member of a gang: chance gives each its own.
    #[must_use]
    pub fn of_member(self, member: u32) -> Self {
        Self { task: TaskId(self.task.0 ^ u64::from(member) << 40), ..self }
    }
}

#[cfg(test)]
mod tests;
