//! What waits and what runs.

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{ALLOCATED, CAPACITY, Shade, WAITING};
use super::{Cell, Chart, Figure, Lane, Panel, Table, View, column, greatest, steps};
use crate::human::{Unit, count, duration};

pub(super) struct Queue;

/// Counts over time: the column, what it is called, its colour, and whether zeros alone are worth a picture.
const COUNTS: [(&str, &str, Shade, bool); 3] = [
    ("waiting_tasks", "Tasks waiting", WAITING, true),
    ("running_tasks", "Tasks running", ALLOCATED, false),
    ("nodes_in_use", "Nodes that hold something", CAPACITY, false),
];

impl Chart for Queue {
    fn name(&self) -> &'static str {
        "queue"
    }

    fn title(&self) -> &'static str {
        "Queue"
    }

    fn meaning(&self) -> &'static str {
        "How many tasks waited and ran, and what the waiting ones asked for."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let series = &view.series;
        let mut figure = Figure::default();
        let mut shown = Vec::new();
        for (name, title, shade, even_empty) in COUNTS {
            let Some(levels) = column(series, name) else { continue };
            if levels.max.iter().any(|&most| most > 0) || (even_empty && !levels.max.is_empty()) {
                let most = greatest(levels.max.iter().map(|&most| most as f64));
                figure.panels.push(panel(view, name, title, shade, 1.0, Axis::whole(most))?);
                shown.push((name, title));
            }
        }
        for lane in view.lanes() {
            figure.panels.extend(pending(view, &lane)?);
        }
        if figure.panels.is_empty() {
            return Ok(None);
        }
        figure.table = table(view, &shown);
        Ok(Some(figure))
    }
}

/// What waiting tasks ask of a lane, if ever anything.
fn pending(view: &View<'_>, lane: &Lane) -> Result<Option<Panel>, DrawError> {
    let name = format!("pending_{}", lane.column);
    let Some(levels) = column(&view.series, &name) else { return Ok(None) };
    let most = greatest(levels.max.iter().map(|&most| most as f64));
    if most == 0.0 {
        return Ok(None);
    }
    let unit = Unit::of_lane(lane.index, &lane.name, most);
    let title = format!("Waiting tasks ask for: {}", unit.after(&lane.name));
    panel(view, &name, &title, WAITING, unit.size, Axis::amount(most / unit.size)).map(Some)
}

fn panel(view: &View<'_>, name: &str, title: &str, shade: Shade, size: f64, y: Axis) -> Result<Panel, DrawError> {
    let series = &view.series;
    let frame = Frame::new(title, view.time_axis(), y);
    let html = picture(&frame, |plot| {
        if let Some(levels) = column(series, name) {
            let mean = steps(series, |at| levels.mean[at] / size);
            plot.between(&steps(series, |_| 0.0), &mean, shade, 0.16)?;
            let least = steps(series, |at| levels.min[at] as f64 / size);
            let most = steps(series, |at| levels.max[at] as f64 / size);
            plot.between(&least, &most, shade, 0.25)?;
            plot.steps(&mean, shade, 1.5)?;
        }
        Ok(())
    })?;
    Ok(Panel { title: title.to_owned(), html, wide: false })
}

fn table(view: &View<'_>, shown: &[(&str, &str)]) -> Table {
    let series = &view.coarse;
    let mut table = Table { head: vec!["from".to_owned()], ..Table::default() };
    table.head.extend(shown.iter().flat_map(|(_, title)| [format!("{title}, mean"), "most".to_owned()]));
    for at in 0..series.from.len() {
        let mut row = vec![Cell::Number(duration(series.from[at].0 as f64))];
        for (name, _) in shown {
            let (mean, most) = column(series, name).map_or((0.0, 0), |levels| (levels.mean[at], levels.max[at]));
            row.push(Cell::Number(crate::human::three_digits(mean)));
            row.push(Cell::Number(count(most as f64)));
        }
        table.rows.push(row);
    }
    table
}
