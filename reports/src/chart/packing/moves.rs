//! What migrations would buy.

use super::super::axis::Axis;
use super::super::canvas::{DrawError, Frame, Step, picture};
use super::super::palette::USED;
use super::super::{Cell, Figure, Panel, Table};
use super::PackingChart;
use crate::human::{count, share};
use crate::packing::PackingResult;

pub(super) struct Moves;

/// Corners of the curve at most.
const POINTS: usize = 300;
/// Rows of the table at most.
const ROWS: usize = 16;

impl PackingChart for Moves {
    fn name(&self) -> &'static str {
        "moves"
    }

    fn title(&self) -> &'static str {
        "What migrations would buy"
    }

    fn meaning(&self) -> &'static str {
        "Nodes are emptied one by one, those with the fewest tasks first; each task moves to the fullest node in use \
         that has room for it."
    }

    fn figure(&self, result: &PackingResult) -> Result<Option<Figure>, DrawError> {
        let moves = &result.moves;
        let Some(&last) = moves.last() else { return Ok(None) };
        let title = "Nodes emptied by tasks moved".to_owned();
        let frame = Frame::new(&title, Axis::amount(last as f64), Axis::whole(moves.len() as f64));
        let stride = moves.len().div_ceil(POINTS).max(1);
        let kept: Vec<usize> = (0..moves.len()).step_by(stride).chain([moves.len() - 1]).collect();
        let mut steps = vec![Step { from: 0.0, to: moves[0] as f64, value: 0.0 }];
        for pair in kept.windows(2) {
            let (from, to) = (moves[pair[0]] as f64, moves[pair[1]] as f64);
            steps.push(Step { from, to, value: pair[0] as f64 + 1.0 });
        }
        steps.push(Step { from: last as f64, to: frame.x.to, value: moves.len() as f64 });
        let html = picture(&frame, |plot| {
            let zero: Vec<Step> = steps.iter().map(|step| Step { value: 0.0, ..*step }).collect();
            plot.between(&zero, &steps, USED, 0.16)?;
            plot.steps(&steps, USED, 1.75)
        })?;
        let panels = vec![Panel { title, html, wide: false }];
        Ok(Some(Figure { panels, table: table(moves, result.summary.number("snapshot.tasks")), ..Figure::default() }))
    }
}

fn table(moves: &[u64], tasks: Option<f64>) -> Table {
    let head = ["nodes emptied", "tasks moved", "of all tasks", "tasks per node"].map(str::to_owned).to_vec();
    let stride = moves.len().div_ceil(ROWS).max(1);
    let rows = (1..=moves.len() / stride).map(|row| row * stride).chain([moves.len()]);
    let mut rows: Vec<usize> = rows.collect();
    rows.dedup();
    let row = |&nodes: &usize| {
        let moved = moves[nodes - 1] as f64;
        let part = tasks.filter(|&tasks| tasks > 0.0).map_or_else(String::new, |tasks| share(moved / tasks));
        let each = crate::human::three_digits(moved / nodes as f64);
        [count(nodes as f64), count(moved), part, each].map(Cell::Number).to_vec()
    };
    Table { head, rows: rows.iter().map(row).collect(), left_out: None }
}
