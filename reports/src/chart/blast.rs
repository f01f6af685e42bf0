//! What would be lost with each domain.

use windtunnel_outcome::recorder::BlastRow;

use super::canvas::DrawError;
use super::{Cell, Chart, Figure, Table, View};
use crate::human::{count, duration};

pub(super) struct Blast;

const ROWS: usize = 20;

impl Chart for Blast {
    fn name(&self) -> &'static str {
        "blast"
    }

    fn title(&self) -> &'static str {
        "The radius of a blast"
    }

    fn meaning(&self) -> &'static str {
        "What would be lost if a domain died at that instant, the worst first."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let mut rows: Vec<&BlastRow> = view.outcome.blasts.iter().collect();
        if rows.is_empty() {
            return Ok(None);
        }
        rows.sort_by_key(|row| std::cmp::Reverse((row.services_below, row.tasks)));
        let head = ["at", "kind", "domain", "nodes", "tasks", "services hit", "services below", "jobs hit"];
        let left_out = rows.len().saturating_sub(ROWS);
        let table = Table {
            head: head.map(str::to_owned).to_vec(),
            rows: rows.into_iter().take(ROWS).map(row).collect(),
            left_out: (left_out > 0).then(|| format!("{left_out} more rows are in page/blast.parquet.")),
        };
        Ok(Some(Figure { table, is_table: true, ..Figure::default() }))
    }
}

fn row(row: &BlastRow) -> Vec<Cell> {
    let kind = if row.recorded { format!("{}, as recorded", row.kind) } else { row.kind.clone() };
    let mut cells = vec![Cell::Number(duration(row.at.0 as f64)), Cell::Text(kind), Cell::Text(row.domain.clone())];
    let counts = [row.nodes, row.tasks, row.services, row.services_below, row.jobs];
    cells.extend(counts.map(|value| Cell::Number(count(value as f64))));
    cells
}
