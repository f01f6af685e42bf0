//! The tasks that waited longest, and where their wait went.

use std::fmt::Write as _;

use windtunnel_outcome::recorder::SlowTask;
use windtunnel_outcome::rows::Cause;

use super::canvas::DrawError;
use super::palette::CAUSES;
use super::{Cell, Chart, Figure, Table, View, escape, greatest};
use crate::human::{cut, duration};

pub(super) struct Slowest;

const ROWS: usize = 10;

/// A cause in words.
pub(crate) const fn in_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Capacity => "too little room in all",
        Cause::Fragmentation => "room, but on no single node",
        Cause::Constraint => "room only where a constraint forbids it",
        Cause::HeadOfLine => "behind a job that may not be passed",
        Cause::Gang => "gang does not fit as a whole",
        Cause::Decision => "waiting for the scheduler to think",
        Cause::Launch => "launch",
        Cause::Quota => "quota, limit or share used up",
        Cause::Backoff => "back-off",
        Cause::OfferCycle => "room not offered yet",
        Cause::Detection => "placed on a machine that was gone",
        Cause::Rerun => "placements that came to nothing",
    }
}

impl Chart for Slowest {
    fn name(&self) -> &'static str {
        "slowest"
    }

    fn title(&self) -> &'static str {
        "The tasks that waited longest"
    }

    fn meaning(&self) -> &'static str {
        "Where their wait went: each bar is as long as the wait, compared with the longest."
    }

    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError> {
        let slowest = &view.outcome.slowest[..view.outcome.slowest.len().min(ROWS)];
        if slowest.is_empty() {
            return Ok(None);
        }
        let longest = greatest(slowest.iter().map(|task| task.wait.0 as f64)).max(1.0);
        let head = ["task", "class", "team", "submitted at", "node", "waited", "where the wait went"];
        let table = Table {
            head: head.map(str::to_owned).to_vec(),
            rows: slowest.iter().map(|task| row(task, longest)).collect(),
            left_out: None,
        };
        let met = Cause::ALL
            .iter()
            .zip(CAUSES)
            .filter(|(cause, _)| slowest.iter().any(|task| task.causes[**cause as usize].0 > 0));
        let legend = met.map(|(cause, shade)| (shade, in_words(*cause).to_owned())).collect();
        Ok(Some(Figure { legend, table, is_table: true, ..Figure::default() }))
    }
}

fn row(task: &SlowTask, longest: f64) -> Vec<Cell> {
    vec![
        Cell::Text(cut(&task.task, 60)),
        Cell::Text(cut(&task.class, 40)),
        Cell::Text(cut(&task.role, 40)),
        Cell::Number(duration(task.submit.0 as f64)),
        Cell::Text(task.node.as_deref().map_or_else(|| "–".to_owned(), |node| cut(node, 40))),
        Cell::Number(duration(task.wait.0 as f64)),
        Cell::Html(bar(task, longest)),
    ]
}

/// A stacked bar, drawn by the style sheet alone; each part says what it is.
fn bar(task: &SlowTask, longest: f64) -> String {
    let mut html = String::from("<span class=\"stack\">");
    for (cause, shade) in Cause::ALL.iter().zip(CAUSES) {
        let span = task.causes[*cause as usize].0 as f64;
        if span > 0.0 {
            let text = escape(&format!("{}: {}", in_words(*cause), duration(span)));
            let _ = write!(
                html,
                "<i style=\"width:{:.2}%;background:{}\" title=\"{text}\"></i>",
                span / longest * 100.0,
                shade.variable()
            );
        }
    }
    html.push_str("</span>");
    html
}
