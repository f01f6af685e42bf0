//! The page of a sweep: maps of its numbers, what trades against what, and which axis matters.

use std::fmt::Write as _;

use super::{end, figure_or_error, open_page, write_lines};
use crate::chart::canvas::{DrawError, Frame, picture};
use crate::chart::palette::{ALLOCATED, HEAT, MARK};
use crate::chart::{Cell, Figure, Panel, Table, axis::Axis, escape};
use crate::human::{counted, share};
use crate::sweep::{SweepMeasure, SweepResult};
use crate::table::Line;

/// Maps are drawn of so many measures at most, and in so many panels each.
const MAPS_MAX: usize = 8;
const PANELS_MAX: usize = 12;

/// The page of a sweep; `command` makes it again.
#[must_use]
pub fn render(sweep: &SweepResult, command: &str) -> String {
    let mut page = open_page(&sweep.name, "windtunnel sweep");
    page.push_str("<section class=\"opening\">");
    for sentence in opening(sweep) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p>{}</p>", escape(&sentence));
    }
    page.push_str("</section>\n");
    let trade = [
        "trade",
        "What trades against what",
        "Each dot is a point of the sweep; the marked ones are beaten by \
                  no other in both numbers at once.",
    ];
    figure_or_error(&mut page, trade, front(sweep));
    let matters = [
        "matters",
        "What matters",
        "How far each number moves along an axis, all else averaged: the \
                   greatest mean less the least, as a share of the mean over all points.",
    ];
    figure_or_error(&mut page, matters, Ok(sensitivity(sweep)));
    for measure in sweep.measures.iter().filter(|measure| measure.values.iter().any(Option::is_some)).take(MAPS_MAX) {
        let meaning = "The mean over the seeds at each point; darker is more.";
        let name = measure.name.replace(['.', '_'], "-");
        figure_or_error(&mut page, [&name, &measure.name, meaning], Ok(map(sweep, measure)));
    }
    let _ = write!(page, "<section id=\"reproduce\"><h2>How to reproduce it</h2><pre>{}</pre>", escape(command));
    let lines = [("scenario", sweep.scenario.clone()), ("runs", (sweep.points() * sweep.seeds).to_string())];
    let lines = lines.map(|(label, value)| Line { label: label.to_owned(), value });
    write_lines(&mut page, &lines);
    page.push_str("<p class=\"meaning\">Every number of every run is in sweep.parquet.</p></section>\n");
    end(&mut page);
    page
}

/// What the sweep says, in sentences.
fn opening(sweep: &SweepResult) -> Vec<String> {
    let axes: Vec<String> = sweep
        .axes
        .iter()
        .map(|axis| format!("{} ({})", axis.title, counted(axis.values.len() as f64, "value")))
        .collect();
    let over = if axes.is_empty() { String::from("nothing") } else { axes.join(" and ") };
    let mut sentences = vec![format!(
        "{} was run at {} of {over}, with {} each.",
        sweep.scenario,
        counted(sweep.points() as f64, "point"),
        counted(sweep.seeds as f64, "seed")
    )];
    if let Some((cost, wait)) = sweep.trade() {
        let front = sweep.front(cost, wait);
        let least = front.iter().copied().min_by(|&a, &b| order(wait.values[a], wait.values[b]));
        if let Some(point) = least {
            sentences.push(format!(
                "The least {} is {}, at {}.",
                wait.name,
                wait.shown(wait.values[point]),
                sweep.words(point)
            ));
        }
        let mut ranked: Vec<(f64, &str)> = (0..sweep.axes.len())
            .filter_map(|axis| Some((sweep.sensitivity(wait, axis)?, sweep.axes[axis].title.as_str())))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        if let Some((moved, axis)) = ranked.first() {
            sentences.push(format!("{axis} matters most to it: along that axis its mean moves by {}.", share(*moved)));
        }
    }
    sentences
}

fn order(one: Option<f64>, other: Option<f64>) -> std::cmp::Ordering {
    one.unwrap_or(f64::INFINITY).total_cmp(&other.unwrap_or(f64::INFINITY))
}

fn front(sweep: &SweepResult) -> Result<Option<Figure>, DrawError> {
    let Some((cost, wait)) = sweep.trade() else { return Ok(None) };
    let front = sweep.front(cost, wait);
    let greatest = |measure: &SweepMeasure| measure.values.iter().flatten().copied().fold(0.0, f64::max);
    let axis = |measure: &SweepMeasure| match measure.is_share {
        true => Axis { to: 1.05, ..Axis::share(1.0) },
        false => Axis::amount(greatest(measure)),
    };
    let title = format!("{} by {}", wait.name, cost.name);
    let frame = Frame { size: (560, 320), ..Frame::new(&title, axis(cost), axis(wait)) };
    let html = picture(&frame, |plot| {
        for point in 0..sweep.points() {
            if let (Some(x), Some(y)) = (cost.values[point], wait.values[point]) {
                let marked = front.contains(&point);
                plot.dot((x, y), if marked { MARK } else { ALLOCATED }, if marked { 5.0 } else { 3.0 })?;
            }
        }
        Ok(())
    })?;
    let mut table = Table { head: vec!["point".to_owned(), cost.name.clone(), wait.name.clone()], ..Table::default() };
    let mut listed = front;
    listed.sort_by(|&a, &b| order(wait.values[a], wait.values[b]));
    for point in listed {
        let numbers = [cost, wait].map(|measure| Cell::Number(measure.shown(measure.values[point])));
        table.rows.push(std::iter::once(Cell::Text(sweep.words(point))).chain(numbers).collect());
    }
    let legend = vec![(MARK, "beaten by none".to_owned()), (ALLOCATED, "beaten".to_owned())];
    Ok(Some(Figure { legend, panels: vec![Panel { title, html, wide: false }], table, is_table: false }))
}

fn sensitivity(sweep: &SweepResult) -> Option<Figure> {
    let mut table = Table { head: vec!["number".to_owned()], ..Table::default() };
    table.head.extend(sweep.axes.iter().map(|axis| axis.title.clone()));
    for measure in &sweep.measures {
        let moved: Vec<Option<f64>> = (0..sweep.axes.len()).map(|axis| sweep.sensitivity(measure, axis)).collect();
        if moved.iter().all(Option::is_none) {
            continue;
        }
        let cells = moved.into_iter().map(|moved| Cell::Number(moved.map_or_else(|| "-".to_owned(), share)));
        table.rows.push(std::iter::once(Cell::Text(measure.name.clone())).chain(cells).collect());
    }
    (!table.rows.is_empty() && !sweep.axes.is_empty()).then(|| Figure { table, is_table: true, ..Figure::default() })
}

/// A measure over the last two axes, a panel for each point of the others.
fn map(sweep: &SweepResult, measure: &SweepMeasure) -> Option<Figure> {
    let columns = sweep.axes.last()?;
    let rows = sweep.axes.len().checked_sub(2).map(|at| &sweep.axes[at]);
    let (width, height) = (columns.values.len(), rows.map_or(1, |rows| rows.values.len()));
    let numbers: Vec<f64> = measure.values.iter().flatten().copied().collect();
    let least = numbers.iter().copied().reduce(f64::min)?;
    let most = numbers.iter().copied().reduce(f64::max)?;
    let cell = |value: Option<f64>| {
        let Some(value) = value else { return "<td class=\"n\">-</td>".to_owned() };
        let place = if most > least { (value - least) / (most - least) } else { 0.0 };
        let level = libm::round(place * (HEAT.len() - 1) as f64) as usize;
        let ink = if level > HEAT.len() / 2 { "paper" } else { "ink" };
        let shown = escape(&measure.shown(Some(value)));
        format!("<td class=\"n\" style=\"background:{};color:var(--{ink})\">{shown}</td>", HEAT[level].variable())
    };
    let panels = sweep.points() / (width * height);
    let mut figure = Figure::default();
    for panel in 0..panels.min(PANELS_MAX) {
        let first = panel * width * height;
        let title = match sweep.axes.len() {
            0..=2 => columns.title.clone(),
            axes => {
                let places = sweep.at(first);
                let fixed = sweep.axes[..axes - 2]
                    .iter()
                    .zip(places)
                    .map(|(axis, at)| format!("{} {}", axis.title, axis.values[at]));
                fixed.collect::<Vec<_>>().join(", ")
            }
        };
        let corner = rows.map_or("", |rows| rows.title.as_str());
        let mut html = format!("<div class=\"scroll\"><table><thead><tr><th>{}</th>", escape(corner));
        for value in &columns.values {
            let _ = write!(html, "<th class=\"n\">{}</th>", escape(value));
        }
        html.push_str("</tr></thead><tbody>");
        for row in 0..height {
            let name = rows.map_or("", |rows| rows.values[row].as_str());
            let _ = write!(html, "<tr><td>{}</td>", escape(name));
            (0..width).for_each(|column| html.push_str(&cell(measure.values[first + row * width + column])));
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>");
        figure.panels.push(Panel { title, html, wide: width > 6 });
    }
    Some(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_map_per_number_and_the_front() {
        let page = render(&crate::sweep::tests::sample(), "windtunnel sweep sample.toml");
        assert!(page.contains("quickstart was run at 6 points of machines (2 values) and policy (3 values)"), "{page}");
        assert!(page.contains("machines matters most to it"));
        assert!(page.contains("id=\"wait-s-p99\"") && page.contains("id=\"trade\"") && page.contains("200, best-fit"));
        // The greatest number has the darkest cell, the least the lightest.
        assert!(page.contains("style=\"background:var(--heat-10);color:var(--paper)\">2 min"), "{page}");
        assert!(page.contains("style=\"background:var(--heat-0);color:var(--ink)\">10 s"));
        assert!(page.len() < super::super::PAGE_BYTES_MAX);
    }
}
