//! How full every node was over time. Cells of equal shade that touch are one stroke, so that 60,000 of them stay
//! small.

use std::fmt::Write as _;

use windtunnel_outcome::heat::HeatTable;

use super::canvas::DrawError;
use super::palette::{DOWN, HEAT, Shade};
use super::{Cell, Chart, Figure, Panel, Table, View, axis, escape};
use crate::human::{counted, cut, duration, share};

pub(super) struct Heat;

/// Rows and columns of the table beneath at most.
const TABLE: (usize, usize) = (20, 8);

impl Chart for Heat {
    fn name(&self) -> &'static str {
        "heat"
    }

    fn title(&self) -> &'static str {
        "Every node over time"
    }

    fn meaning(&self) -> &'static str {
        "A row is a node (or as many neighbours in the fleet as share a row), its shade the share of cpu that was \
         allocated."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let Some(heat) = view.outcome.heat.as_ref().filter(|heat| heat.columns > 0 && !heat.cells.is_empty()) else {
            return Ok(None);
        };
        let nodes = view.outcome.nodes.len();
        let per_row = heat.first_node.get(1).map_or(nodes.max(1), |second| *second as usize);
        let title = if per_row == 1 {
            counted(heat.first_node.len() as f64, "node")
        } else {
            format!("{}, {} to a row", counted(nodes as f64, "node"), per_row)
        };
        let mut figure = Figure::default();
        let name = |first: u32| {
            view.outcome.nodes.get(first as usize).map_or_else(|| format!("node {first}"), |node| cut(&node.name, 14))
        };
        figure.panels.push(Panel { html: map(heat, &title, &name), title, wide: true });
        let last = HEAT.len() - 1;
        let levels = (0..=last).step_by(2);
        figure.legend = levels.map(|at| (HEAT[at], share(at as f64 / last as f64))).collect();
        if heat.cells.iter().any(|cell| cell.is_nan()) {
            figure.legend.push((DOWN, "down".to_owned()));
        }
        figure.table = table(view, heat, per_row);
        Ok(Some(figure))
    }
}

/// The shade of a cell: position in [`HEAT`], or one past its end for a node that is down.
fn level(cell: f32) -> usize {
    if cell.is_nan() {
        return HEAT.len();
    }
    let last = HEAT.len() - 1;
    // Only what is empty looks empty, only what is full looks full.
    match cell {
        cell if cell <= 0.0 => 0,
        cell if cell >= 0.9995 => last,
        cell => (1 + (f64::from(cell) * (last - 1) as f64) as usize).min(last - 1),
    }
}

fn shades() -> impl Iterator<Item = Shade> {
    HEAT.into_iter().chain([DOWN])
}

/// Cells as strokes in a drawing that stretches, axes as text around it that does not.
fn map(heat: &HeatTable, title: &str, name: &dyn Fn(u32) -> String) -> String {
    let (columns, rows) = (heat.columns, heat.first_node.len());
    let mut paths = vec![String::new(); HEAT.len() + 1];
    for (row, cells) in heat.cells.chunks(columns).enumerate() {
        let mut at = 0;
        while at < cells.len() {
            let shade = level(cells[at]);
            let run = cells[at..].iter().take_while(|cell| level(**cell) == shade).count();
            // Half a unit down: the stroke is one unit wide and lies around its line.
            let _ = write!(paths[shade], "M{at} {row}.5h{run}");
            at += run;
        }
    }
    let mut html = String::from("<div class=\"heat\"><div class=\"heat-y\">");
    let mut named = vec![0, rows / 2, rows.saturating_sub(1)];
    named.dedup();
    for at in named {
        let first = heat.first_node.get(at).copied().unwrap_or(0);
        let _ = write!(html, "<span>{}</span>", escape(&name(first)));
    }
    let height = (rows * 3).clamp(60, 420);
    let _ = write!(
        html,
        "</div><svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {columns} {rows}\" preserveAspectRatio=\"none\" \
         style=\"height:{height}px\" shape-rendering=\"crispEdges\" fill=\"none\">",
        escape(title)
    );
    for (path, shade) in paths.iter().zip(shades()).filter(|(path, _)| !path.is_empty()) {
        let colour = shade.colour();
        let _ = write!(html, "<path stroke=\"#{:02X}{:02X}{:02X}\" d=\"{path}\"/>", colour.0, colour.1, colour.2);
    }
    html.push_str("</svg><div class=\"heat-x\">");
    let time = axis::Axis::time(heat.from.0 as f64, heat.to.0 as f64, 5);
    for (position, text) in &time.marks {
        let left = (position - time.from) / (time.to - time.from) * 100.0;
        let _ = write!(html, "<span style=\"left:{left:.2}%\">{text}</span>");
    }
    html.push_str("</div></div>");
    html
}

fn table(view: &View<'_>, heat: &HeatTable, per_row: usize) -> Table {
    let (columns, rows) = (heat.columns, heat.first_node.len());
    let (group_rows, group_columns) = (rows.div_ceil(TABLE.0).max(1), columns.div_ceil(TABLE.1).max(1));
    let length = heat.to.since(heat.from).0 as f64;
    let edge = |column: usize| heat.from.0 as f64 + length * column as f64 / columns as f64;
    let mut table = Table { head: vec!["nodes from".to_owned()], ..Table::default() };
    table.head.extend((0..columns).step_by(group_columns).map(|column| format!("from {}", duration(edge(column)))));
    for row in (0..rows).step_by(group_rows) {
        let first = heat.first_node[row] as usize;
        let name = view.outcome.nodes.get(first).map_or_else(|| first.to_string(), |node| node.name.clone());
        let mut cells = vec![Cell::Text(cut(&name, 40))];
        for column in (0..columns).step_by(group_columns) {
            let (mut sum, mut known) = (0.0, 0.0);
            for row in row..(row + group_rows).min(rows) {
                let line = &heat.cells[row * columns..(row + 1) * columns];
                for cell in line[column..(column + group_columns).min(columns)].iter().filter(|cell| !cell.is_nan()) {
                    sum += f64::from(*cell);
                    known += 1.0;
                }
            }
            cells.push(Cell::Number(if known > 0.0 { share(sum / known) } else { "down".to_owned() }));
        }
        table.rows.push(cells);
    }
    if group_rows * per_row > 1 {
        table.left_out = Some(format!("Each row is the mean of {}.", counted((group_rows * per_row) as f64, "node")));
    }
    table
}

#[cfg(test)]
mod tests {
    use windtunnel_scheduler::time::Time;

    use super::*;

    fn table(columns: usize, rows: usize, cell: impl Fn(usize) -> f32) -> HeatTable {
        HeatTable {
            from: Time::ZERO,
            to: Time(86_400_000_000),
            columns,
            first_node: (0..rows as u32).collect(),
            cells: (0..columns * rows).map(cell).collect(),
        }
    }

    #[test]
    fn equal_neighbours_are_one_stroke() {
        let html = map(&table(4, 2, |at| [0.0, 0.0, 1.0, f32::NAN][at % 4]), "two nodes", &|_| String::new());
        assert!(html.contains("d=\"M0 0.5h2M0 1.5h2\""), "{html}");
        assert_eq!(html.matches("<path").count(), 3);
    }

    #[test]
    fn only_the_empty_looks_empty_and_only_the_full_looks_full() {
        assert_eq!([level(0.0), level(0.0001), level(0.999), level(1.0), level(f32::NAN)], [0, 1, 9, 10, 11]);
        assert!((0..=100).map(|at| level(at as f32 / 100.0)).is_sorted());
    }

    #[test]
    fn the_greatest_map_is_small_even_without_a_pattern() {
        let noise = |at: usize| windtunnel_scheduler::draw::unit(0, 0, at as u64, 0) as f32;
        let html = map(&table(300, 200, noise), "noise", &|_| String::new());
        assert!(html.len() < 800_000, "{} bytes", html.len());
    }
}
