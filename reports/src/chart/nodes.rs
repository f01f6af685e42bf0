//! How tightly what runs is packed, over time.

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{ALLOCATED, CAPACITY, USED};
use super::{Cell, Chart, Figure, Panel, Table, View, column, greatest, steps};
use crate::human::{count, duration, share};

pub(super) struct Nodes;

impl Chart for Nodes {
    fn name(&self) -> &'static str {
        "packing"
    }

    fn title(&self) -> &'static str {
        "Packing over time"
    }

    fn meaning(&self) -> &'static str {
        "Nodes that held something, against the fewest that could have held it if tasks could be cut at will; no \
         packing does with fewer."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let series = &view.series;
        let (Some(in_use), Some(needed)) = (column(series, "nodes_in_use"), column(series, "nodes_needed")) else {
            return Ok(None);
        };
        if in_use.max.iter().all(|&most| most == 0) {
            return Ok(None);
        }
        let up = column(series, "nodes_up");
        let most = greatest([Some(in_use), up].into_iter().flatten().flat_map(|one| one.mean.iter().copied()));
        let title = "Nodes".to_owned();
        let frame = Frame::new(&title, view.time_axis(), Axis::whole(most));
        let html = picture(&frame, |plot| {
            let (lower, upper) = (steps(series, |at| needed.mean[at]), steps(series, |at| in_use.mean[at]));
            plot.between(&lower, &upper, ALLOCATED, 0.25)?;
            plot.steps(&upper, ALLOCATED, 1.5)?;
            plot.steps(&lower, USED, 1.5)?;
            if let Some(up) = up {
                plot.steps(&steps(series, |at| up.mean[at]), CAPACITY, 1.5)?;
            }
            Ok(())
        })?;
        let efficiency = |at: usize| if in_use.mean[at] > 0.0 { needed.mean[at] / in_use.mean[at] } else { 0.0 };
        let title_share = "Packing efficiency: fewest nodes / nodes in use".to_owned();
        let frame = Frame::new(&title_share, view.time_axis(), Axis::share(1.0));
        let shares = picture(&frame, |plot| {
            let curve = steps(series, efficiency);
            plot.between(&steps(series, |_| 0.0), &curve, USED, 0.16)?;
            plot.steps(&curve, USED, 1.5)
        })?;
        let panel = |title: String, html: String| Panel { title, html, wide: false };
        let mut legend =
            vec![(ALLOCATED, "nodes that held something".to_owned()), (USED, "fewest that could hold it".to_owned())];
        legend.extend(up.map(|_| (CAPACITY, "nodes up".to_owned())));
        let panels = vec![panel(title, html), panel(title_share, shares)];
        Ok(Some(Figure { legend, panels, table: table(view), ..Figure::default() }))
    }
}

fn table(view: &View<'_>) -> Table {
    let series = &view.coarse;
    let head = ["from", "nodes in use", "fewest", "efficiency"].map(str::to_owned).to_vec();
    let level = |name: &str, at: usize| column(series, name).map_or(0.0, |levels| levels.mean[at]);
    let row = |at: usize| {
        let (in_use, needed) = (level("nodes_in_use", at), level("nodes_needed", at));
        let efficiency = if in_use > 0.0 { share(needed / in_use) } else { "–".to_owned() };
        [duration(series.from[at].0 as f64), count(in_use), count(needed), efficiency].map(Cell::Number).to_vec()
    };
    Table { head, rows: (0..series.from.len()).map(row).collect(), left_out: None }
}
