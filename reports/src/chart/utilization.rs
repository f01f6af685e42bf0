//! Allocated and used against capacity, resource by resource.

use super::axis::Axis;
use super::canvas::{DrawError, Frame, picture};
use super::palette::{ALLOCATED, CAPACITY, USED};
use super::{Cell, Chart, Figure, Lane, Panel, Table, View, column, greatest, steps};
use crate::human::{Unit, capital, duration, share};

pub(super) struct Utilization;

impl Chart for Utilization {
    fn name(&self) -> &'static str {
        "utilization"
    }

    fn title(&self) -> &'static str {
        "Allocated against capacity"
    }

    fn meaning(&self) -> &'static str {
        "How much of each resource was handed out, of what was up at the time; the pale band reaches from the least to \
         the greatest within each moment."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let mut figure = Figure::default();
        let lanes: Vec<Lane> = view.lanes().into_iter().filter(|lane| has_capacity(view, lane)).collect();
        for lane in &lanes {
            figure.panels.push(panel(view, lane)?);
        }
        if figure.panels.is_empty() {
            return Ok(None);
        }
        figure.legend = vec![(ALLOCATED, "allocated".to_owned()), (CAPACITY, "capacity that is up".to_owned())];
        if lanes.iter().any(|lane| column(&view.series, &format!("used_{}", lane.column)).is_some()) {
            figure.legend.insert(1, (USED, "really used".to_owned()));
        }
        figure.table = table(view, &lanes);
        Ok(Some(figure))
    }
}

fn has_capacity(view: &View<'_>, lane: &Lane) -> bool {
    let capacity = column(&view.series, &format!("capacity_{}", lane.column));
    capacity.is_some_and(|capacity| capacity.max.iter().any(|&most| most > 0))
}

fn panel(view: &View<'_>, lane: &Lane) -> Result<Panel, DrawError> {
    let series = &view.series;
    let of = |what: &str| column(series, &format!("{what}_{}", lane.column));
    let (allocated, capacity, used) = (of("allocated"), of("capacity"), of("used"));
    let most = greatest([allocated, capacity, used].into_iter().flatten().flat_map(|one| one.mean.iter().copied()));
    let unit = Unit::of_lane(lane.index, &lane.name, most);
    let title = capital(&unit.after(&lane.name));
    let frame = Frame::new(&title, view.time_axis(), Axis::amount(most / unit.size));
    let html = picture(&frame, |plot| {
        if let Some(allocated) = allocated {
            let mean = steps(series, |at| allocated.mean[at] / unit.size);
            let zero = steps(series, |_| 0.0);
            plot.between(&zero, &mean, ALLOCATED, 0.16)?;
            let least = steps(series, |at| allocated.min[at] as f64 / unit.size);
            let most = steps(series, |at| allocated.max[at] as f64 / unit.size);
            plot.between(&least, &most, ALLOCATED, 0.22)?;
            plot.steps(&mean, ALLOCATED, 1.5)?;
        }
        if let Some(used) = used {
            plot.steps(&steps(series, |at| used.mean[at] / unit.size), USED, 1.5)?;
        }
        if let Some(capacity) = capacity {
            plot.steps(&steps(series, |at| capacity.mean[at] / unit.size), CAPACITY, 1.5)?;
        }
        Ok(())
    })?;
    Ok(Panel { title, html, wide: false })
}

fn table(view: &View<'_>, lanes: &[Lane]) -> Table {
    let series = &view.coarse;
    let mut table = Table { head: vec!["from".to_owned()], ..Table::default() };
    table.head.extend(lanes.iter().flat_map(|lane| [lane.name.clone(), "of capacity".to_owned()]));
    for at in 0..series.from.len() {
        let mut row = vec![Cell::Number(duration(series.from[at].0 as f64))];
        for lane in lanes {
            let mean = |what: &str| column(series, &format!("{what}_{}", lane.column)).map_or(0.0, |one| one.mean[at]);
            let (allocated, capacity) = (mean("allocated"), mean("capacity"));
            row.push(Cell::Number(crate::human::amount(lane.index, &lane.name, allocated)));
            row.push(Cell::Number(if capacity > 0.0 { share(allocated / capacity) } else { "–".to_owned() }));
        }
        table.rows.push(row);
    }
    table
}
