//! How free room falls to pieces while the fleet fills up.

use windtunnel_outcome::fragment::FragmentCause;

use super::super::axis::Axis;
use super::super::canvas::{DrawError, Frame, Step, picture};
use super::super::palette::FRAGMENTS;
use super::super::{Cell, Figure, Panel, Table, greatest};
use super::PackingChart;
use crate::human::{capital, share};
use crate::packing::{LoadPoint, PackingResult};

pub(super) struct Fragments;

impl PackingChart for Fragments {
    fn name(&self) -> &'static str {
        "fragmentation"
    }

    fn title(&self) -> &'static str {
        "Fragmentation while the fleet fills up"
    }

    fn meaning(&self) -> &'static str {
        "The empty fleet is filled with the workload until a whole fleet was asked for; shown is what is free and of \
         no use to the average task, by why it is of none."
    }

    fn figure(&self, result: &PackingResult) -> Result<Option<Figure>, DrawError> {
        let mut figure = Figure::default();
        let mut present = [false; FragmentCause::COUNT];
        let mut shown = Vec::new();
        for (lane, name) in &result.lanes {
            let parts = |point: &LoadPoint| point.fragmented[*lane];
            let most = greatest(result.load.iter().map(|point| parts(point).iter().sum::<f64>()));
            if most <= 0.0 {
                continue;
            }
            for point in &result.load {
                present.iter_mut().zip(parts(point)).for_each(|(present, share)| *present |= share > 0.0);
            }
            let title = format!("{}, share of capacity by load", capital(name));
            figure.panels.push(panel(&result.load, *lane, title, most)?);
            shown.push((*lane, name.clone()));
        }
        if shown.is_empty() {
            return Ok(None);
        }
        let causes = FragmentCause::ALL.into_iter().zip(FRAGMENTS).zip(present).filter(|(_, present)| *present);
        figure.legend = causes.map(|((cause, shade), _)| (shade, cause.words().to_owned())).collect();
        figure.table = table(&result.load, &shown);
        Ok(Some(figure))
    }
}

fn panel(load: &[LoadPoint], lane: usize, title: String, most: f64) -> Result<Panel, DrawError> {
    let last = load.last().map_or(1.0, |point| point.load).max(1e-6);
    // Amounts hold until the next point is reached.
    let steps = |values: &[f64]| -> Vec<Step> {
        let ends = load.iter().skip(1).map(|point| point.load).chain([last]);
        let spans = load.iter().zip(ends).zip(values);
        spans.map(|((point, to), value)| Step { from: point.load, to, value: *value }).collect()
    };
    let frame = Frame::new(&title, Axis { to: last * 1.05, ..Axis::share(last) }, Axis::share(most));
    let html = picture(&frame, |plot| {
        let mut below = vec![0.0; load.len()];
        for cause in FragmentCause::ALL {
            let parts = load.iter().map(|point| point.fragmented[lane][cause as usize]);
            let above: Vec<f64> = below.iter().zip(parts).map(|(below, part)| below + part).collect();
            if above != below {
                plot.between(&steps(&below), &steps(&above), FRAGMENTS[cause as usize], 0.85)?;
            }
            below = above;
        }
        Ok(())
    })?;
    Ok(Panel { title, html, wide: false })
}

fn table(load: &[LoadPoint], lanes: &[(usize, String)]) -> Table {
    let mut head = vec!["asked for".to_owned(), "allocated".to_owned()];
    head.extend(lanes.iter().flat_map(|(_, name)| [format!("{name}, of capacity"), "mostly".to_owned()]));
    let row = |point: &LoadPoint| {
        let mut row = vec![Cell::Number(share(point.load)), Cell::Number(share(point.allocated))];
        for (lane, _) in lanes {
            let parts = point.fragmented[*lane];
            let most = greatest(parts);
            let main = FragmentCause::ALL.into_iter().find(|&cause| parts[cause as usize] == most && most > 0.0);
            row.push(Cell::Number(share(parts.iter().sum())));
            row.push(Cell::Text(main.map_or_else(String::new, |cause| cause.words().to_owned())));
        }
        row
    };
    Table { head, rows: load.iter().map(row).collect(), left_out: None }
}
