//! How long tasks waited here, against how long they really did.

use windtunnel_outcome::recorder::WaitProfile;

use super::canvas::DrawError;
use super::palette::{ALLOCATED, CAPACITY};
use super::versus::wait_picture;
use super::{Cell, Chart, Figure, Panel, Table, View};
use crate::human::{count, duration};

pub(super) struct History;

impl Chart for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn title(&self) -> &'static str {
        "Against history"
    }

    fn meaning(&self) -> &'static str {
        "The share of tasks that waited longer than so long, in this run and when the trace was recorded, on a \
         logarithmic axis."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let of = |kind: &str| view.outcome.waits.iter().find(|profile| profile.kind == kind && profile.count > 0);
        let (Some(real), Some(here)) = (of("history"), of("all")) else { return Ok(None) };
        let Some(html) = wait_picture([real, here], [CAPACITY, ALLOCATED])? else { return Ok(None) };
        let head = ["", "tasks", "p50", "p90", "p99"].map(str::to_owned).to_vec();
        let rows = vec![row("recorded", real), row("in this run", here)];
        let title = "Share of the tasks that waited longer than so long".to_owned();
        Ok(Some(Figure {
            legend: vec![(CAPACITY, "recorded".to_owned()), (ALLOCATED, "in this run".to_owned())],
            panels: vec![Panel { title, html, wide: true }],
            table: Table { head, rows, left_out: None },
            is_table: false,
        }))
    }
}

fn row(name: &str, profile: &WaitProfile) -> Vec<Cell> {
    let marks = profile.marks.iter();
    let marks =
        marks.map(|mark| Cell::Number(mark.map_or_else(|| "\u{2013}".to_owned(), |mark| duration(mark.0 as f64))));
    let count = Cell::Number(count(profile.count as f64));
    [Cell::Text(name.to_owned()), count].into_iter().chain(marks).collect()
}
