//! Attributes of nodes, interned; constraints on them, evaluated once per set and value, when either is new.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::constraint::{Constraint, Test};

/// Sets of constraints that nobody uses but that are kept, since they may come again.
const IDLE_MOST: usize = 64;

/// An interned set of constraints. The generation tells apart sets that had the same slot one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConstraintId {
    /// The slot.
    pub slot: u32,
    /// How often the slot was reused.
    pub generation: u32,
}

/// One attribute: its values, and which of them each node has (0: none).
#[derive(Clone, Default)]
struct Column {
    values: Vec<String>,
    index: BTreeMap<String, u32>,
    of_node: Vec<u32>,
}

impl Column {
    fn id(&self, node: usize) -> u32 {
        self.of_node.get(node).copied().unwrap_or(0)
    }

    fn value(&self, id: u32) -> Option<&str> {
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

/// A condition on a column, with what it said of each value so far.
#[derive(Clone)]
struct Clause {
    column: u32,
    test: Test,
    verdicts: Vec<Option<bool>>,
}

impl Clause {
    fn is_met(&mut self, columns: &[Column], node: usize) -> bool {
        let column = &columns[self.column as usize];
        let id = column.id(node);
        let at = id as usize;
        if at >= self.verdicts.len() {
            self.verdicts.resize(at + 1, None);
        }
        *self.verdicts[at].get_or_insert_with(|| self.test.is_met(column.value(id)))
    }
}

/// A set of constraints with the nodes that meet all of them, one bit each.
#[derive(Clone)]
struct Interned {
    constraints: Arc<[Constraint]>,
    clauses: Vec<Clause>,
    nodes: Vec<u64>,
    generation: u32,
    users: u32,
    /// Whether the slot stands in the list of idle sets.
    listed: bool,
}

/// The attributes of all nodes and the constraint sets in use.
#[derive(Clone, Default)]
pub struct AttributeTable {
    names: BTreeMap<String, u32>,
    columns: Vec<Column>,
    sets: Vec<Interned>,
    vacant: Vec<u32>,
    idle: VecDeque<u32>,
    index: BTreeMap<Arc<[Constraint]>, u32>,
    /// The set asked for last: jobs of one kind come in runs and share their allocation.
    last: Option<(Arc<[Constraint]>, ConstraintId)>,
}

impl AttributeTable {
    /// Sets what a node has; of two values of one name the later holds. True if that is not what it had.
    pub fn set<'a>(&mut self, node: usize, attributes: impl IntoIterator<Item = &'a (String, String)>) -> bool {
        let had: Vec<u32> = self.columns.iter().map(|column| column.id(node)).collect();
        for column in &mut self.columns {
            if let Some(value) = column.of_node.get_mut(node) {
                *value = 0;
            }
        }
        for (name, value) in attributes {
            let column = self.column(name);
            self.columns[column as usize].set(node, value);
        }
        let columns = &self.columns;
        for set in self.sets.iter_mut().filter(|set| set.users > 0 || set.listed) {
            mark(columns, set, node);
        }
        let has = self.columns.iter().map(|column| column.id(node));
        !has.eq(had.iter().copied().chain(core::iter::repeat(0)).take(self.columns.len()))
    }

    /// True if the node meets all of these conditions.
    #[must_use]
    pub fn meets(&self, constraints: &[Constraint], node: usize) -> bool {
        constraints.iter().all(|constraint| constraint.condition.is_met(self.text(&constraint.attribute, node)))
    }

    /// The column of an attribute, new or old.
    pub fn column(&mut self, name: &str) -> u32 {
        if let Some(&column) = self.names.get(name) {
            return column;
        }
        self.columns.push(Column::default());
        let column = (self.columns.len() - 1) as u32;
        self.names.insert(name.to_string(), column);
        column
    }

    /// The value that a node has in a column; 0 if none.
    #[must_use]
    #[inline]
    pub fn value_id(&self, column: u32, node: usize) -> u32 {
        self.columns[column as usize].id(node)
    }

    /// The value of an attribute that a node has, as text.
    #[must_use]
    pub fn text(&self, name: &str, node: usize) -> Option<&str> {
        let column = &self.columns[*self.names.get(name)? as usize];
        column.value(column.id(node))
    }

    /// The id of a set of constraints, new or old; to be counted with [`AttributeTable::retain`] before another set is
    /// given up.
    pub fn intern(&mut self, constraints: &Arc<[Constraint]>, node_count: usize) -> ConstraintId {
        if let Some((last, id)) = &self.last
            && Arc::ptr_eq(last, constraints)
        {
            return *id;
        }
        let slot = match self.index.get(constraints) {
            Some(&slot) => slot,
            None => self.add(constraints, node_count),
        };
        let id = ConstraintId { slot, generation: self.sets[slot as usize].generation };
        self.last = Some((constraints.clone(), id));
        id
    }

    fn add(&mut self, constraints: &Arc<[Constraint]>, node_count: usize) -> u32 {
        let clauses = constraints.iter().map(|constraint| Clause {
            column: self.column(&constraint.attribute),
            test: Test::new(&constraint.condition),
            verdicts: Vec::new(),
        });
        let mut set = Interned {
            constraints: constraints.clone(),
            clauses: clauses.collect(),
            nodes: Vec::new(),
            generation: 0,
            users: 0,
            listed: false,
        };
        for node in 0..node_count {
            mark(&self.columns, &mut set, node);
        }
        let slot = match self.vacant.pop() {
            Some(slot) => {
                set.generation = self.sets[slot as usize].generation.wrapping_add(1);
                self.sets[slot as usize] = set;
                slot
            }
            None => {
                self.sets.push(set);
                (self.sets.len() - 1) as u32
            }
        };
        self.index.insert(constraints.clone(), slot);
        slot
    }

    /// Counts one use more of a set.
    pub fn retain(&mut self, id: ConstraintId) {
        self.sets[id.slot as usize].users += 1;
    }

    /// Counts one use less. Of the sets without any, a few are kept.
    pub fn forget(&mut self, id: ConstraintId) {
        let set = &mut self.sets[id.slot as usize];
        set.users -= 1;
        if set.users > 0 || set.listed {
            return;
        }
        set.listed = true;
        self.idle.push_back(id.slot);
        if self.idle.len() > IDLE_MOST
            && let Some(oldest) = self.idle.pop_front()
        {
            self.drop_if_unused(oldest);
        }
    }

    fn drop_if_unused(&mut self, slot: u32) {
        let set = &mut self.sets[slot as usize];
        set.listed = false;
        if set.users > 0 {
            return;
        }
        (set.nodes, set.clauses) = (Vec::new(), Vec::new());
        let constraints = core::mem::replace(&mut set.constraints, Arc::new([]));
        self.index.remove(&constraints);
        self.last = None;
        self.vacant.push(slot);
    }

    /// How many sets are kept.
    #[must_use]
    pub fn sets(&self) -> usize {
        self.sets.len() - self.vacant.len()
    }

    /// What a set of constraints demands.
    #[must_use]
    pub fn constraints(&self, set: ConstraintId) -> &[Constraint] {
        &self.sets[set.slot as usize].constraints
    }

    /// True if the node meets every constraint of the set.
    #[must_use]
    #[inline]
    pub fn allows(&self, set: ConstraintId, node: usize) -> bool {
        self.sets[set.slot as usize].nodes.get(node / 64).is_some_and(|word| word & (1 << (node % 64)) != 0)
    }
}

fn mark(columns: &[Column], set: &mut Interned, node: usize) {
    let met = set.clauses.iter_mut().all(|clause| clause.is_met(columns, node));
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
