//! Attributes of nodes, interned; constraints on them, evaluated once per set and node, when either is new.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::constraint::Constraint;

/// An interned set of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConstraintId(pub u32);

/// One attribute: its values, and which of them each node has (0: none).
#[derive(Clone, Default)]
struct Column {
    values: Vec<String>,
    index: BTreeMap<String, u32>,
    of_node: Vec<u32>,
}

impl Column {
    fn value(&self, node: usize) -> Option<&str> {
        let id = *self.of_node.get(node)?;
        id.checked_sub(1).map(|at| self.values[at as usize].as_str())
    }

    fn set(&mut self, node: usize, value: &str) {
        let id = match self.index.get(value) {
            Some(&id) => id,
            None => {
                self.values.push(value.to_string());
                let id = self.values.len() as u32;
                self.index.insert(value.to_string(), id);
                id
            }
        };
        if node >= self.of_node.len() {
            self.of_node.resize(node + 1, 0);
        }
        self.of_node[node] = id;
    }
}

/// A set of constraints with the nodes that meet all of them, one bit each.
#[derive(Clone)]
struct Interned {
    constraints: Arc<[Constraint]>,
    nodes: Vec<u64>,
}

/// The attributes of all nodes and the constraint sets in use.
#[derive(Clone, Default)]
pub struct AttributeTable {
    columns: BTreeMap<String, Column>,
    sets: Vec<Interned>,
    index: BTreeMap<Arc<[Constraint]>, ConstraintId>,
    /// The set asked for last: jobs of one kind come in runs and share their allocation.
    last: Option<(Arc<[Constraint]>, ConstraintId)>,
}

impl AttributeTable {
    /// Sets what a node has.
    pub fn set(&mut self, node: usize, attributes: &[(String, String)]) {
        for column in self.columns.values_mut() {
            if let Some(value) = column.of_node.get_mut(node) {
                *value = 0;
            }
        }
        for (name, value) in attributes {
            self.columns.entry(name.clone()).or_default().set(node, value);
        }
        let columns = &self.columns;
        for set in &mut self.sets {
            mark(columns, set, node);
        }
    }

    /// The id of a set of constraints, new or old.
    pub fn intern(&mut self, constraints: &Arc<[Constraint]>, node_count: usize) -> ConstraintId {
        if let Some((last, id)) = &self.last
            && Arc::ptr_eq(last, constraints)
        {
            return *id;
        }
        let id = match self.index.get(constraints) {
            Some(&id) => id,
            None => {
                let id = ConstraintId(self.sets.len() as u32);
                let mut set = Interned { constraints: constraints.clone(), nodes: Vec::new() };
                for node in 0..node_count {
                    mark(&self.columns, &mut set, node);
                }
                self.sets.push(set);
                self.index.insert(constraints.clone(), id);
                id
            }
        };
        self.last = Some((constraints.clone(), id));
        id
    }

    /// What a set of constraints demands.
    #[must_use]
    pub fn constraints(&self, set: ConstraintId) -> &[Constraint] {
        &self.sets[set.0 as usize].constraints
    }

    /// True if the node meets every constraint of the set.
    #[must_use]
    #[inline]
    pub fn allows(&self, set: ConstraintId, node: usize) -> bool {
        self.sets[set.0 as usize].nodes.get(node / 64).is_some_and(|word| word & (1 << (node % 64)) != 0)
    }
}

fn mark(columns: &BTreeMap<String, Column>, set: &mut Interned, node: usize) {
    let met = set.constraints.iter().all(|constraint| {
        let value = columns.get(&constraint.attribute).and_then(|column| column.value(node));
        constraint.condition.is_met(value)
    });
    if node / 64 >= set.nodes.len() {
        set.nodes.resize(node / 64 + 1, 0);
    }
    let bit = 1_u64 << (node % 64);
    if met {
        set.nodes[node / 64] |= bit;
    } else {
        set.nodes[node / 64] &= !bit;
    }
}
