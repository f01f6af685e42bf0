//! The nodes of a run, equal ones together.

use std::collections::BTreeMap;

use windtunnel_outcome::Outcome;
use windtunnel_outcome::rows::NodeRow;

use crate::chart::{Cell, Table};
use crate::human::{amount, count, counted, share};
use crate::write::{lane_seconds, lanes_of};

/// Rows at most: those with the most nodes.
const ROWS: usize = 16;

#[derive(Default)]
struct Shape {
    nodes: u64,
    never_used: u64,
    failures: u64,
    /// Allocated and offered lane-seconds, by position of the lane.
    lanes: Vec<(f64, f64)>,
}

/// A row per shape of node; None without nodes.
pub(super) fn table(outcome: &Outcome) -> Option<Table> {
    if outcome.nodes.is_empty() {
        return None;
    }
    let offered = |lane: usize| outcome.nodes.iter().any(|node| node.capacity[lane] > 0);
    let lanes: Vec<(usize, String)> = lanes_of(&outcome.lanes).into_iter().filter(|(lane, _)| offered(*lane)).collect();
    let mut shapes: BTreeMap<_, Shape> = BTreeMap::new();
    for node in &outcome.nodes {
        let key = (node.capacity, node.gpus, node.gpu_model.as_deref());
        shapes.entry(key).or_default().add(node, &lanes);
    }
    let mut shapes: Vec<_> = shapes.into_iter().collect();
    // The sort is stable: equals stay in the order of their capacity.
    shapes.sort_by_key(|(_, shape)| std::cmp::Reverse(shape.nodes));
    let mut table = Table { head: vec!["nodes".to_owned()], ..Table::default() };
    table.head.extend(lanes.iter().flat_map(|(_, name)| [format!("{name} each"), "allocated".to_owned()]));
    table.head.extend(["gpu model", "never used", "failures"].map(str::to_owned));
    for ((capacity, _, model), shape) in shapes.iter().take(ROWS) {
        let mut row = vec![Cell::Number(count(shape.nodes as f64))];
        for ((lane, name), (allocated, offered)) in lanes.iter().zip(&shape.lanes) {
            row.push(Cell::Number(amount(*lane, name, f64::from(capacity[*lane]))));
            row.push(Cell::Number(if *offered > 0.0 { share(allocated / offered) } else { "–".to_owned() }));
        }
        row.push(Cell::Text(model.map_or_else(|| "–".to_owned(), |model| crate::human::cut(model, 30))));
        row.push(Cell::Number(count(shape.never_used as f64)));
        row.push(Cell::Number(count(shape.failures as f64)));
        table.rows.push(row);
    }
    let rest: u64 = shapes.iter().skip(ROWS).map(|(_, shape)| shape.nodes).sum();
    if rest > 0 {
        let kinds = counted((shapes.len() - ROWS) as f64, "rarer shape");
        table.left_out = Some(format!("{kinds} with {} left out.", counted(rest as f64, "node")));
    }
    Some(table)
}

impl Shape {
    fn add(&mut self, node: &NodeRow, lanes: &[(usize, String)]) {
        self.nodes += 1;
        self.never_used += u64::from(node.starts == 0 && node.allocated.iter().all(|&amount| amount == 0));
        self.failures += u64::from(node.failures);
        self.lanes.resize(lanes.len(), (0.0, 0.0));
        for ((lane, _), (allocated, offered)) in lanes.iter().zip(&mut self.lanes) {
            *allocated += lane_seconds(*lane, node.allocated[*lane]);
            *offered += lane_seconds(*lane, u128::from(node.capacity[*lane]) * u128::from(node.up.0));
        }
    }
}
