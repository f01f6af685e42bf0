//! The page of a packing report.

use std::fmt::Write as _;

use super::{Reproduction, assumptions, end, figure_or_error, numbers, open_page, reproduce, warnings, write_tiles};
use crate::chart::packing::PACKING_CHARTS;
use crate::chart::{CHARTS, View};
use crate::packing::{PackingResult, lines, opening, tiles};
use crate::table;

/// Pictures of the run that say something of its packing.
const OF_THE_RUN: [&str; 2] = ["packing", "stranded"];

/// The page of a packing report.
#[must_use]
pub fn render(result: &PackingResult, reproduction: &Reproduction<'_>) -> String {
    let name = table::text(&result.summary, "scenario").unwrap_or_else(|| "packing".to_owned());
    let mut page = open_page(&name, "windtunnel packing");
    page.push_str("<section class=\"opening\">");
    for sentence in opening(result) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p>{}</p>", crate::chart::escape(&sentence));
    }
    page.push_str("</section>\n");
    warnings(&mut page, &result.warnings);
    write_tiles(&mut page, tiles(result).into_iter().map(|(label, value)| (label.to_owned(), value)));
    for chart in PACKING_CHARTS {
        figure_or_error(&mut page, [chart.name(), chart.title(), chart.meaning()], chart.figure(result));
    }
    if let Some(outcome) = &result.outcome {
        let view = View::new(outcome);
        for chart in CHARTS.iter().filter(|chart| OF_THE_RUN.contains(&chart.name())) {
            figure_or_error(&mut page, [chart.name(), chart.title(), chart.meaning()], chart.figure(&view));
        }
    }
    numbers(&mut page, &lines(result));
    assumptions(&mut page, reproduction.scenario_toml);
    reproduce(&mut page, &result.summary, reproduction);
    end(&mut page);
    page
}
