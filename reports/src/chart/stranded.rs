//! Room that is free and of no use, by what is missing beside it.

use windtunnel_outcome::series::SeriesColumn;

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::MISSING;
use super::{Cell, Chart, Figure, Lane, Panel, Table, View, column, greatest, steps};
use crate::human::{capital, duration, share};

pub(super) struct Stranded;

/// What may be missing, as the columns call it, in the order of [`MISSING`].
pub(crate) const CAUSES: [&str; 5] = ["cpu", "memory", "disk", "gpu", "extra"];

/// The column of what is stranded in a lane for want of `cause`: `stranded_cpu_memory_milli`.
pub(crate) fn column_name(lane: usize, name: &str, cause: &str) -> String {
    format!("stranded_{}", crate::write::lane_with_unit(lane, &format!("{name}_{cause}")))
}

impl Chart for Stranded {
    fn name(&self) -> &'static str {
        "stranded"
    }

    fn title(&self) -> &'static str {
        "Stranded room"
    }

    fn meaning(&self) -> &'static str {
        "Room that was free, yet of no use to the tasks at hand, by what its nodes lacked."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let mut figure = Figure::default();
        let mut present = [false; CAUSES.len()];
        let mut lanes = Vec::new();
        for lane in view.lanes() {
            let Some(capacity) = column(&view.series, &format!("capacity_{}", lane.column)) else { continue };
            let causes = causes_of(view, &lane);
            if causes.iter().any(|(_, levels)| levels.max.iter().any(|&most| most > 0)) {
                figure.panels.push(panel(view, &lane, capacity, &causes)?);
                causes.iter().for_each(|(at, levels)| present[*at] |= levels.max.iter().any(|&most| most > 0));
                lanes.push(lane);
            }
        }
        if lanes.is_empty() {
            return Ok(None);
        }
        let shown = CAUSES.iter().zip(MISSING).zip(present).filter(|(_, present)| *present);
        figure.legend = shown.map(|((cause, shade), _)| (shade, missing(cause))).collect();
        figure.table = table(view, &lanes);
        Ok(Some(figure))
    }
}

/// What is missing, in words.
pub(crate) fn missing(cause: &str) -> String {
    match cause {
        "extra" => "too little of another resource".to_owned(),
        cause => format!("too little {cause}"),
    }
}

fn causes_of<'a>(view: &'a View<'_>, lane: &Lane) -> Vec<(usize, &'a SeriesColumn)> {
    let found = |(at, cause): (usize, &&str)| {
        column(&view.series, &column_name(lane.index, &lane.name, cause)).map(|levels| (at, levels))
    };
    CAUSES.iter().enumerate().filter_map(found).collect()
}

fn panel(
    view: &View<'_>,
    lane: &Lane,
    capacity: &SeriesColumn,
    causes: &[(usize, &SeriesColumn)],
) -> Result<Panel, DrawError> {
    let series = &view.series;
    let of_capacity = |amount: f64, at: usize| if capacity.mean[at] > 0.0 { amount / capacity.mean[at] } else { 0.0 };
    let total = |at: usize| causes.iter().map(|(_, levels)| levels.mean[at]).sum::<f64>();
    let most = greatest((0..series.from.len()).map(|at| of_capacity(total(at), at)));
    let title = format!("{}, share of capacity", capital(&lane.name));
    let frame = Frame::new(&title, view.time_axis(), Axis::share(most));
    let html = picture(&frame, |plot| {
        let mut below = vec![0.0; series.from.len()];
        for (cause, levels) in causes {
            let above: Vec<f64> = below.iter().zip(&levels.mean).map(|(below, level)| below + level).collect();
            let lower = steps(series, |at| of_capacity(below[at], at));
            let upper = steps(series, |at| of_capacity(above[at], at));
            plot.between(&lower, &upper, MISSING[*cause], 0.85)?;
            below = above;
        }
        Ok(())
    })?;
    Ok(Panel { title, html, wide: false })
}

fn table(view: &View<'_>, lanes: &[Lane]) -> Table {
    let series = &view.coarse;
    let mut table = Table { head: vec!["from".to_owned()], ..Table::default() };
    table.head.extend(lanes.iter().flat_map(|lane| [format!("{}, of capacity", lane.name), "mostly".to_owned()]));
    for at in 0..series.from.len() {
        let mut row = vec![Cell::Number(duration(series.from[at].0 as f64))];
        for lane in lanes {
            let level = |name: &str| column(series, name).map_or(0.0, |levels| levels.mean[at]);
            let capacity = level(&format!("capacity_{}", lane.column));
            let parts = CAUSES.map(|cause| level(&column_name(lane.index, &lane.name, cause)));
            let total: f64 = parts.iter().sum();
            let most = greatest(parts);
            let main = CAUSES.iter().zip(parts).find(|(_, part)| *part == most && most > 0.0);
            row.push(Cell::Number(if capacity > 0.0 { share(total / capacity) } else { "–".to_owned() }));
            row.push(Cell::Text(main.map_or_else(String::new, |(cause, _)| missing(cause))));
        }
        table.rows.push(row);
    }
    table
}
