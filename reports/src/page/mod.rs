//! `report.html`: one page that opens from disk, without network, scripts or fonts of its own.
//!
//! It depends on the outcome and on how it was made alone: rendering again from the files gives the same bytes.

pub mod compare;
mod fleet;
pub mod packing;
pub mod plan;
mod sentences;
pub mod sweep;
#[cfg(test)]
mod tests;
mod triggers;

use std::fmt::Write as _;

use windtunnel_outcome::Outcome;

use crate::chart::palette::style;
use windtunnel_outcome::Summary;

use crate::chart::{CHARTS, Cell, DrawError, Figure, Table, View, escape};
use crate::human::{seconds, share};
use crate::table::{self, Line};

/// Bytes that a page has at most: whatever the fleet, it can be sent by mail.
pub const PAGE_BYTES_MAX: usize = 2 << 20;
/// Characters of a scenario that a page shows; the whole of it is in `scenario.toml`.
const SCENARIO_MAX: usize = 200_000;
/// Warnings that a page shows one by one.
const WARNINGS_MAX: usize = 50;
/// Digests of inputs that a page shows.
const INPUTS_MAX: usize = 40;

/// How a run came about.
#[derive(Clone, Copy, Debug)]
pub struct Reproduction<'a> {
    /// The exact command.
    pub command: &'a str,
    /// The resolved scenario.
    pub scenario_toml: &'a str,
}

/// The page of a run.
#[must_use]
pub fn render(outcome: &Outcome, reproduction: &Reproduction<'_>) -> String {
    let name = table::text(&outcome.summary, "scenario").unwrap_or_else(|| "run".to_owned());
    let mut page = open_page(&name, "windtunnel run");
    page.push_str("<section class=\"opening\">");
    for sentence in sentences::opening(outcome) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p>{}</p>", escape(&sentence));
    }
    page.push_str("</section>\n");
    warnings(&mut page, &outcome.warnings);
    tiles(&mut page, outcome);
    charts(&mut page, outcome);
    if let Some(table) = fleet::table(outcome) {
        page.push_str(
            "<section id=\"fleet\"><h2>The fleet</h2><p class=\"meaning\">Equal nodes together: what they offer, \
                       and how much of it was allocated while they were up.</p>",
        );
        write_table(&mut page, &table);
        page.push_str("</section>\n");
    }
    if let Some(table) = triggers::table(&outcome.summary) {
        page.push_str(
            "<section id=\"triggers\"><h2>What triggers did</h2><p class=\"meaning\">Each firing: when, which limit \
                       held and what the number was, and what came of it.</p>",
        );
        write_table(&mut page, &table);
        page.push_str("</section>\n");
    }
    numbers(&mut page, &table::lines(&outcome.summary));
    assumptions(&mut page, reproduction.scenario_toml);
    reproduce(&mut page, &outcome.summary, reproduction);
    end(&mut page);
    page
}

/// The beginning of a page, up to its title.
fn open_page(name: &str, kind: &str) -> String {
    let name = crate::human::cut(name, 120);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">\n<title>{name}: windtunnel</title>\n<style>\n{}{}</style>\n\
         </head>\n<body>\n<main>\n<header><p class=\"kind\">{kind}</p><h1>{name}</h1></header>\n",
        style(),
        include_str!("style.css"),
        name = escape(&name),
    )
}

fn end(page: &mut String) {
    page.push_str("</main>\n</body>\n</html>\n");
}

fn warnings(page: &mut String, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    page.push_str("<section class=\"warnings\"><h2>To be kept in mind</h2><ul>");
    for warning in warnings.iter().take(WARNINGS_MAX) {
        let _ = write!(page, "<li>{}</li>", escape(&crate::human::cut(warning, 1_000)));
    }
    if let Some(more) = warnings.len().checked_sub(WARNINGS_MAX).filter(|more| *more > 0) {
        let _ = write!(page, "<li>and {more} more: see <code>warnings</code> in summary.json</li>");
    }
    page.push_str("</ul></section>\n");
}

/// The numbers that everybody looks for first.
fn tiles(page: &mut String, outcome: &Outcome) {
    let number = |name: &str| outcome.summary.number(name);
    let tasks = number("tasks.submitted").filter(|&tasks| tasks > 0.0);
    let finished = tasks.zip(number("tasks.finished")).map(|(tasks, finished)| share(finished / tasks));
    let mut tiles = vec![
        ("tasks finished".to_owned(), finished),
        ("median wait".to_owned(), number("wait_s.p50").map(seconds)),
        ("wait, 99th percentile".to_owned(), number("wait_s.p99").map(seconds)),
    ];
    for lane in table::lanes(&outcome.summary).into_iter().take(4) {
        let mean = number(&format!("allocation.{lane}.mean")).map(share);
        tiles.push((format!("{lane} allocated, mean"), mean));
    }
    tiles.push(("packing efficiency".to_owned(), number("packing.efficiency").map(share)));
    tiles.push(("makespan".to_owned(), number("makespan_s").map(seconds)));
    write_tiles(page, tiles);
}

/// Tiles of a value and what it is; one without a value is left out.
fn write_tiles(page: &mut String, tiles: impl IntoIterator<Item = (String, Option<String>)>) {
    page.push_str("<section class=\"tiles\">");
    for (label, value) in tiles {
        if let Some(value) = value {
            let _ = write!(page, "<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape(&value), escape(&label));
        }
    }
    page.push_str("</section>\n");
}

fn charts(page: &mut String, outcome: &Outcome) {
    let view = View::new(outcome);
    for chart in CHARTS {
        figure_or_error(page, [chart.name(), chart.title(), chart.meaning()], chart.figure(&view));
    }
}

/// A figure under its name, title and meaning; nothing if there is none, the reason if it could not be drawn.
fn figure_or_error(page: &mut String, heading: [&str; 3], figure: Result<Option<Figure>, DrawError>) {
    let [name, title, _] = heading;
    match figure {
        Ok(Some(figure)) => write_figure_as(page, heading, &figure),
        Ok(None) => {}
        Err(error) => {
            let (title, error) = (escape(title), escape(&error.to_string()));
            let _ = write!(page, "<section id=\"{name}\"><h2>{title}</h2><p>{error}</p></section>");
        }
    }
}

/// The section of a figure by its name, title and meaning.
fn write_figure_as(page: &mut String, [name, title, meaning]: [&str; 3], figure: &Figure) {
    // Writing to a string cannot fail, here and below.
    let _ =
        write!(page, "<section id=\"{name}\"><h2>{}</h2><p class=\"meaning\">{}</p>", escape(title), escape(meaning));
    if !figure.legend.is_empty() {
        page.push_str("<ul class=\"legend\">");
        for (shade, text) in &figure.legend {
            let _ = write!(page, "<li><i style=\"background:{}\"></i>{}</li>", shade.variable(), escape(text));
        }
        page.push_str("</ul>");
    }
    if !figure.panels.is_empty() {
        page.push_str("<div class=\"panels\">");
        for panel in &figure.panels {
            let wide = if panel.wide { " wide" } else { "" };
            let _ = write!(page, "<div class=\"panel{wide}\"><h3>{}</h3>{}</div>", escape(&panel.title), panel.html);
        }
        page.push_str("</div>");
    }
    if figure.is_table {
        write_table(page, &figure.table);
    } else if !figure.table.rows.is_empty() {
        page.push_str("<details><summary>The numbers behind it</summary>");
        write_table(page, &figure.table);
        page.push_str("</details>");
    }
    page.push_str("</section>\n");
}

fn write_table(page: &mut String, table: &Table) {
    page.push_str("<div class=\"scroll\"><table><thead><tr>");
    for (at, title) in table.head.iter().enumerate() {
        // A column is aligned as its first cell is.
        let number = table.rows.first().and_then(|row| row.get(at)).is_some_and(|cell| matches!(cell, Cell::Number(_)));
        let class = if number { " class=\"n\"" } else { "" };
        let _ = write!(page, "<th{class}>{}</th>", escape(title));
    }
    page.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        page.push_str("<tr>");
        for cell in row {
            let _ = match cell {
                Cell::Text(text) => write!(page, "<td>{}</td>", escape(text)),
                Cell::Number(text) => write!(page, "<td class=\"n\">{}</td>", escape(text)),
                Cell::Html(html) => write!(page, "<td>{html}</td>"),
            };
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>");
    if let Some(left_out) = &table.left_out {
        let _ = write!(page, "<p class=\"meaning\">{}</p>", escape(left_out));
    }
}

fn numbers(page: &mut String, lines: &[Line]) {
    page.push_str(
        "<section id=\"numbers\"><h2>The numbers</h2><p class=\"meaning\">Every number is in summary.json.</p>",
    );
    write_lines(page, lines);
    page.push_str("</section>\n");
}

fn write_lines(page: &mut String, lines: &[Line]) {
    page.push_str("<div class=\"scroll\"><table class=\"key\"><tbody>");
    for line in lines {
        let _ = write!(page, "<tr><th>{}</th><td>{}</td></tr>", escape(&line.label), escape(&line.value));
    }
    page.push_str("</tbody></table></div>");
}

fn assumptions(page: &mut String, scenario: &str) {
    page.push_str(
        "<section id=\"assumed\"><h2>What was assumed</h2><p class=\"meaning\">The scenario with every default \
                   written out, as in scenario.toml.</p><details><summary>The whole scenario</summary><pre>",
    );
    page.push_str(&escape(&crate::human::cut(scenario, SCENARIO_MAX)));
    page.push_str("</pre></details></section>\n");
}

fn reproduce(page: &mut String, summary: &Summary, reproduction: &Reproduction<'_>) {
    page.push_str("<section id=\"reproduce\"><h2>How to reproduce it</h2>");
    if !reproduction.command.is_empty() {
        let command = crate::human::cut(reproduction.command, 4_000);
        let _ = write!(page, "<pre>{}</pre>", escape(&command));
    }
    page.push_str(
        "<p class=\"meaning\">The same inputs and seed give the same fingerprint, and the same bytes in every file \
                   but run.json.</p>",
    );
    let line = |label: &str, value| Line { label: label.to_owned(), value };
    let mut lines: Vec<Line> = ["seed", "fingerprint"]
        .into_iter()
        .filter_map(|name| table::text(summary, name).map(|value| line(name, value)))
        .collect();
    let inputs = summary.iter().filter(|(path, _)| path.first().is_some_and(|first| first == "inputs"));
    for (path, _) in inputs.take(INPUTS_MAX) {
        let dotted = path.join(".");
        if let Some(value) = table::text(summary, &dotted) {
            lines.push(line(&format!("input {}", path[1..].join(".")), value));
        }
    }
    write_lines(page, &lines);
    page.push_str(
        "</section>\n<footer>Rendered by windtunnel from the files beside this page; <code>windtunnel report</code> \
                   renders it again.</footer>\n",
    );
}
