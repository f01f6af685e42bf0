//! The pictures of the page. To add one: a file here and a line in [`CHARTS`].

pub mod axis;
pub mod canvas;
mod heat;
mod nodes;
pub mod packing;
pub mod palette;
mod queue;
mod slowest;
mod stranded;
mod thin;
mod utilization;
pub(crate) mod versus;
mod wait_groups;
mod waits;

use std::fmt::Write as _;

use windtunnel_outcome::Outcome;
use windtunnel_outcome::series::{SeriesColumn, SeriesTable};
use windtunnel_scheduler::resources::STANDARD_LANES;

pub use canvas::DrawError;
use canvas::Step;
use palette::Shade;
pub(crate) use stranded::{CAUSES as STRANDED_CAUSES, column_name as stranded_column};
pub use thin::thin;

/// Every chart, in the order of the page.
pub static CHARTS: &[&(dyn Chart + Sync)] = &[
    &utilization::Utilization,
    &nodes::Nodes,
    &queue::Queue,
    &waits::Waits,
    &wait_groups::WaitGroups,
    &heat::Heat,
    &stranded::Stranded,
    &slowest::Slowest,
];

/// Points of a picture: about as many as can be told apart.
const PICTURE_POINTS: usize = 300;
/// Rows of a table beneath a picture over time.
const TABLE_ROWS: usize = 24;

/// A kind of picture.
pub trait Chart {
    /// The name by which a page refers to it: lower case, words joined by hyphens.
    fn name(&self) -> &'static str;

    /// The title above it.
    fn title(&self) -> &'static str;

    /// What a reader sees in it: one sentence.
    fn meaning(&self) -> &'static str;

    /// The figure, or None if the run has nothing to show here.
    ///
    /// # Errors
    /// If it could not be drawn.
    fn figure(&self, view: &View<'_>) -> Result<Option<Figure>, DrawError>;
}

/// What charts are made from.
pub struct View<'a> {
    /// The run.
    pub outcome: &'a Outcome,
    /// Its series, in as many points as a picture can show.
    pub series: SeriesTable,
    /// Its series, in as many points as a table may have rows.
    pub coarse: SeriesTable,
}

impl<'a> View<'a> {
    /// Prepares a run for its charts.
    #[must_use]
    pub fn new(outcome: &'a Outcome) -> Self {
        let series = thin(&outcome.series, PICTURE_POINTS);
        Self { outcome, coarse: thin(&outcome.series, TABLE_ROWS), series }
    }

    /// The lanes of the fleet: index, name and the ending of their columns.
    fn lanes(&self) -> Vec<Lane> {
        let standard = STANDARD_LANES.iter().enumerate().map(|(lane, name)| (lane, (*name).to_owned()));
        let mut lanes: Vec<(usize, String)> = self.outcome.lanes.clone();
        lanes.extend(standard.filter(|(lane, _)| !self.outcome.lanes.iter().any(|(known, _)| known == lane)));
        lanes.sort();
        lanes
            .into_iter()
            .map(|(index, name)| Lane { column: crate::write::lane_with_unit(index, &name), index, name })
            .collect()
    }

    /// The horizontal axis of pictures over time.
    fn time_axis(&self) -> axis::Axis {
        let from = self.series.from.first().map_or(0.0, |time| time.0 as f64);
        let to = self.series.to.last().map_or(0.0, |time| time.0 as f64);
        axis::Axis::time(from, to, 6)
    }
}

/// A lane as series speak of it.
struct Lane {
    index: usize,
    name: String,
    /// `cpu_milli`, behind `allocated_` and so on.
    column: String,
}

/// A chart made from one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What the colours mean.
    pub legend: Vec<(Shade, String)>,
    /// Pictures with what stands above each, as HTML.
    pub panels: Vec<Panel>,
    /// The numbers behind them.
    pub table: Table,
    /// Whether the table is the figure and is shown unasked.
    pub is_table: bool,
}

/// One picture of a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What stands above it; plain text.
    pub title: String,
    /// An SVG element, or other HTML made by a chart.
    pub html: String,
    /// Whether it takes the whole width of the page.
    pub wide: bool,
}

/// Numbers in rows, few enough to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Above the columns.
    pub head: Vec<String>,
    /// What stands there.
    pub rows: Vec<Vec<Cell>>,
    /// What the table leaves out, if anything: one sentence.
    pub left_out: Option<String>,
}

/// What stands in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Plain text, aligned to the left.
    Text(String),
    /// A number as people write it, aligned to the right.
    Number(String),
    /// HTML made by a chart.
    Html(String),
}

/// The series called `name`.
fn column<'a>(series: &'a SeriesTable, name: &str) -> Option<&'a SeriesColumn> {
    series.columns.iter().find(|column| column.name == name)
}

/// A series as steps; `of` picks and scales each point.
fn steps(series: &SeriesTable, of: impl Fn(usize) -> f64) -> Vec<Step> {
    let times = series.from.iter().zip(&series.to).enumerate();
    times.map(|(at, (from, to))| Step { from: from.0 as f64, to: to.0 as f64, value: of(at) }).collect()
}

/// The greatest of some numbers; 0 of none.
fn greatest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |most, value| if value > most { value } else { most })
}

/// `text` as it may stand in HTML, in an attribute too.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters are not allowed in HTML at all; their number still tells them apart.
            control if control.is_control() && control != '\n' && control != '\t' => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_has_a_name_of_its_own_and_says_what_it_shows() {
        let mut names: Vec<&str> = CHARTS.iter().map(|chart| chart.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHARTS.len());
        for chart in CHARTS {
            assert!(chart.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", chart.name());
            assert!(!chart.title().is_empty() && chart.meaning().ends_with('.'), "{}", chart.name());
        }
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_no_pictures_and_no_errors() {
        let outcome = Outcome::default();
        let view = View::new(&outcome);
        for chart in CHARTS {
            assert_eq!(chart.figure(&view), Ok(None), "{}", chart.name());
        }
    }

    #[test]
    fn nothing_escapes_into_html() {
        assert_eq!(escape("<a href=\"x\">'&'\u{0}"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\\u{0}");
    }
}
