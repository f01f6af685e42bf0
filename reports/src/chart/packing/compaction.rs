//! How many nodes the trials of compaction needed.

use super::super::axis::Axis;
use super::super::canvas::{DrawError, Frame, Step, picture};
use super::super::palette::{ALLOCATED, CAPACITY, MARK};
use super::super::{Cell, Figure, Panel, Table};
use super::PackingChart;
use crate::human::{count, counted, share};
use crate::packing::PackingResult;

pub(super) struct Compaction;

impl PackingChart for Compaction {
    fn name(&self) -> &'static str {
        "compaction"
    }

    fn title(&self) -> &'static str {
        "How few nodes would do"
    }

    fn meaning(&self) -> &'static str {
        "Nodes are taken away in random orders until what is left, packed from scratch, no longer holds the tasks; the \
         line says how many of the orders needed no more than so many nodes."
    }

    fn figure(&self, result: &PackingResult) -> Result<Option<Figure>, DrawError> {
        let mut sorted = result.trials.clone();
        sorted.sort_unstable();
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return Ok(None) };
        let number = |name: &str| result.summary.number(name);
        let (bound, fleet) = (number("lower_bound.nodes"), number("snapshot.nodes"));
        let p90 = number("compaction.p90_nodes");
        let mut ends = vec![least as f64, most as f64];
        ends.extend(bound);
        ends.extend(fleet);
        let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ends.iter().copied().fold(0.0, f64::max);
        let title = format!("Share of {} by nodes needed", counted(sorted.len() as f64, "order"));
        let mut html = String::new();
        for (class, size) in [("desk", (900, 250)), ("phone", (440, 270))] {
            let x = Axis::between(low, high, size.0 as usize / 110);
            // Room above for what is written at the flags.
            let y = Axis { to: 1.35, ..Axis::share(1.0) };
            let frame = Frame { size, ..Frame::new(&title, x, y) };
            let svg = picture(&frame, |plot| {
                let curve = cumulative(&sorted, frame.x.from, frame.x.to);
                let zero: Vec<Step> = curve.iter().map(|step| Step { value: 0.0, ..*step }).collect();
                plot.between(&zero, &curve, ALLOCATED, 0.16)?;
                plot.steps(&curve, ALLOCATED, 1.75)?;
                // From right to left, so that each flag stands below those at its right.
                let mut flags = vec![];
                flags.extend(fleet.map(|nodes| (nodes, "the fleet", CAPACITY)));
                flags.extend(p90.map(|nodes| (nodes, "p90", MARK)));
                flags.extend(bound.map(|nodes| (nodes, "lower bound", CAPACITY)));
                flags.sort_by(|one, other| other.0.total_cmp(&one.0));
                for (at, (nodes, name, shade)) in flags.into_iter().enumerate() {
                    plot.flag(nodes, 17 * at as u32, &format!("{name}: {}", count(nodes)), shade)?;
                }
                Ok(())
            })?;
            html += &format!("<div class=\"{class}\">{svg}</div>");
        }
        let panels = vec![Panel { title, html, wide: true }];
        Ok(Some(Figure { panels, table: table(&result.trials, fleet), ..Figure::default() }))
    }
}

/// The share of trials that need no more than so many nodes.
fn cumulative(sorted: &[u64], from: f64, to: f64) -> Vec<Step> {
    let mut steps = vec![];
    let mut at = from;
    for (position, &nodes) in sorted.iter().enumerate() {
        let value = position as f64 / sorted.len() as f64;
        if nodes as f64 > at {
            steps.push(Step { from: at, to: nodes as f64, value });
            at = nodes as f64;
        }
    }
    steps.push(Step { from: at, to, value: 1.0 });
    steps
}

fn table(trials: &[u64], fleet: Option<f64>) -> Table {
    let head = ["order", "nodes", "of the fleet"].map(str::to_owned).to_vec();
    let row = |(at, &nodes): (usize, &u64)| {
        let part = fleet.filter(|&fleet| fleet > 0.0).map_or_else(String::new, |fleet| share(nodes as f64 / fleet));
        [count(at as f64), count(nodes as f64), part].map(Cell::Number).to_vec()
    };
    Table { head, rows: trials.iter().enumerate().map(row).collect(), left_out: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_where_a_trial_ends() {
        let steps = cumulative(&[4, 4, 8], 2.0, 10.0);
        let corners: Vec<(f64, f64, f64)> = steps.iter().map(|step| (step.from, step.to, step.value)).collect();
        assert_eq!(corners, [(2.0, 4.0, 0.0), (4.0, 8.0, 2.0 / 3.0), (8.0, 10.0, 1.0)]);
    }
}
