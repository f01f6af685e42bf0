//! What went on while nodes were down.

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{ALLOCATED, DOWN, Shade, WAITING};
use super::{Cell, Chart, Figure, Panel, Table, View, column, greatest, steps};
use crate::human::{count, duration, three_digits};

pub(super) struct Outages;

/// Counts that are drawn over the shaded outages.
const COUNTS: [(&str, &str, Shade); 2] =
    [("running_tasks", "Tasks running", ALLOCATED), ("waiting_tasks", "Tasks waiting", WAITING)];

impl Chart for Outages {
    fn name(&self) -> &'static str {
        "outages"
    }

    fn title(&self) -> &'static str {
        "Outages"
    }

    fn meaning(&self) -> &'static str {
        "What ran and waited while nodes were down: the shade is the deeper, the more of them were."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let series = &view.series;
        let Some(up) = column(series, "nodes_up") else { return Ok(None) };
        let nodes = up.max.iter().copied().max().unwrap_or(0) as f64;
        let down = |at: usize| nodes - up.mean[at];
        let most_down = greatest((0..up.mean.len()).map(down));
        if most_down <= 0.0 {
            return Ok(None);
        }
        let mut figure = Figure { legend: vec![(DOWN, "nodes down".to_owned())], ..Figure::default() };
        for (name, title, shade) in COUNTS {
            let Some(levels) = column(series, name) else { continue };
            let most = greatest(levels.max.iter().map(|&most| most as f64)).max(1.0);
            let frame = Frame::new(title, view.time_axis(), Axis::whole(most));
            let html = picture(&frame, |plot| {
                for at in (0..series.from.len()).filter(|&at| down(at) > 0.0) {
                    let (from, to) = (series.from[at].0 as f64, series.to[at].0 as f64);
                    plot.bar((from, to), (0.0, frame.y.to), DOWN, 0.15 + 0.6 * down(at) / most_down)?;
                }
                plot.steps(&steps(series, |at| levels.mean[at]), shade, 1.5)
            })?;
            figure.panels.push(Panel { title: title.to_owned(), html, wide: false });
        }
        figure.table = table(view, nodes);
        Ok(Some(figure))
    }
}

fn table(view: &View<'_>, nodes: f64) -> Table {
    let series = &view.coarse;
    let head = ["from", "nodes down, mean", "most"].map(str::to_owned).to_vec();
    let mut table = Table { head, ..Table::default() };
    if let Some(up) = column(series, "nodes_up") {
        for at in 0..series.from.len() {
            let row = [
                duration(series.from[at].0 as f64),
                three_digits(nodes - up.mean[at]),
                count(nodes - up.min[at] as f64),
            ];
            table.rows.push(row.map(Cell::Number).to_vec());
        }
    }
    table
}
