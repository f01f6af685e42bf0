//! Lower bounds on the nodes of a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_outcome::bound::{Bounds, Items, TaskGroup, fewest_nodes};
use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::event::NodeSpec;
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::ledger::Ledger;
use windtunnel_scheduler::resources::Resources;

use super::books::Kind;

/// Groups of tasks with conditions of their own that are told apart: those with the most tasks.
const GROUPS_MOST: usize = 64;

/// What tasks demand of nodes.
type Conditions = Option<Arc<[Constraint]>>;

/// The fewest nodes that could hold all tasks but `may_wait` of them.
#[must_use]
pub fn of(nodes: &[Arc<NodeSpec>], kinds: &[Kind], may_wait: u64) -> Bounds {
    let mut ledger = Ledger::default();
    nodes.iter().for_each(|node| ledger.add_node(node));
    let rows: Vec<Resources> = nodes.iter().map(|node| node.capacity).collect();
    let mut groups: BTreeMap<Conditions, (u64, Vec<&Kind>)> = BTreeMap::new();
    for kind in kinds {
        let group = groups.entry(kind.spec.constraints.clone()).or_default();
        group.0 += kind.count;
        group.1.push(kind);
    }
    let mut groups: Vec<(u64, Vec<&Kind>)> = groups.into_values().collect();
    groups.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let mut told: Vec<TaskGroup> = Vec::new();
    for (at, (_, kinds)) in groups.iter().enumerate() {
        let tasks =
            kinds.iter().map(|kind| Items { request: kind.spec.request, gpu: kind.spec.gpu, count: kind.count });
        // Without its conditions a group may go anywhere, which bounds it from below as well.
        let able: Vec<u32> = if at < GROUPS_MOST {
            let shape = ledger.shape_of(&kinds[0].spec);
            let shape = *ledger.shapes().shape(shape);
            (0..nodes.len() as u32).filter(|&node| ledger.allows(&shape, NodeId(node))).collect()
        } else {
            (0..nodes.len() as u32).collect()
        };
        match told.iter_mut().find(|group| group.nodes == able) {
            Some(group) => group.tasks.extend(tasks),
            None => told.push(TaskGroup { tasks: tasks.collect(), nodes: able }),
        }
    }
    fewest_nodes(&rows, &told, may_wait)
}
