//! A snapshot as the core's own ledger: what fits where is asked of the code that decides it in production.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::event::{GpuRequest, JobSpec};
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::ledger::{Ledger, ShapeId};
use windtunnel_scheduler::resources::Resources;

use super::repack::Piece;
use super::snapshot::{Held, Snapshot};

/// Kinds of tasks that stand for the workload at most.
const KINDS_MOST: usize = 64;
/// Of all tasks, those that the most frequent kinds stand for (Weng et al., USENIX ATC 2023, section 4).
const COVERED_PERCENT: u64 = 95;

/// The nodes of a snapshot with its tasks on them.
pub struct Books {
    /// Room.
    pub ledger: Ledger,
    /// The tasks, each with its shape.
    pub held: Vec<(Held, ShapeId)>,
    /// Tasks for which there was no room where they were said to be.
    pub displaced: u64,
}

impl Books {
    /// Opens the books of a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut ledger = Ledger::default();
        for node in &snapshot.nodes {
            ledger.add_node(node);
        }
        let mut books = Self { ledger, held: Vec::with_capacity(snapshot.held.len()), displaced: 0 };
        for held in &snapshot.held {
            books.take(held);
        }
        books
    }

    fn take(&mut self, held: &Held) {
        let id = self.ledger.shape_of(&held.spec);
        let shape = *self.ledger.shapes().shape(id);
        let mut kept = Held { spec: held.spec.clone(), spots: Vec::with_capacity(held.spots.len()) };
        for spot in &held.spots {
            if self.ledger.take(&shape, NodeId(spot.node), spot.count, spot.gpus) {
                kept.spots.push(*spot);
            } else {
                self.displaced += u64::from(spot.count);
            }
        }
        self.held.push((kept, id));
    }

    /// Nodes that hold nothing.
    #[must_use]
    pub fn empty_nodes(&self) -> u64 {
        let nodes = 0..self.ledger.node_count() as u32;
        nodes.filter(|&node| self.ledger.node(NodeId(node)).tasks == 0).count() as u64
    }
}

/// A kind of task, and how often it occurs.
#[derive(Clone, Debug)]
pub struct Kind {
    /// A job of such tasks.
    pub spec: JobSpec,
    /// How many there are.
    pub count: u64,
}

/// Request, devices and conditions: what makes tasks alike.
type Key = (Resources, GpuRequest, Option<Arc<[Constraint]>>);

/// The kinds of tasks, the most frequent first, equals in the order of their first occurrence.
#[must_use]
pub fn kinds_of(pieces: &[Piece]) -> Vec<Kind> {
    let mut at: BTreeMap<Key, usize> = BTreeMap::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for Piece { spec } in pieces {
        let next = kinds.len();
        let known = *at.entry((spec.request, spec.gpu, spec.constraints.clone())).or_insert(next);
        if known == next {
            kinds.push(Kind { spec: JobSpec { count: 1, ..spec.clone() }, count: 0 });
        }
        kinds[known].count += u64::from(spec.count);
    }
    // The sort is stable.
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    kinds
}

/// The kinds that stand for the workload: the most frequent ones that make up 95 % of all tasks. Where that takes more
/// than 64, 64 of them at equal distances in order of size.
#[must_use]
pub fn typical_of(kinds: &[Kind]) -> Vec<Kind> {
    let all: u64 = kinds.iter().map(|kind| kind.count).sum();
    let mut covered = 0;
    let mut typical: Vec<Kind> = Vec::new();
    for kind in kinds {
        if covered * 100 >= all * COVERED_PERCENT {
            break;
        }
        covered += kind.count;
        typical.push(kind.clone());
    }
    if typical.len() <= KINDS_MOST {
        return typical;
    }
    typical.sort_by_key(|one| one.spec.request);
    let every = |at: usize| typical[(2 * at + 1) * typical.len() / (2 * KINDS_MOST)].clone();
    (0..KINDS_MOST).map(every).collect()
}
