//! Levels over time in a bounded number of points: time-weighted mean, least and most per point.

use windtunnel_scheduler::time::Time;

/// A finished set of series that share their points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesTable {
    /// The beginning of each point.
    pub from: Vec<Time>,
    /// The end of each point.
    pub to: Vec<Time>,
    /// The series, each with one value per point.
    pub columns: Vec<SeriesColumn>,
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesColumn {
    /// The name of the column, unit last: `allocated_cpu_milli`.
    pub name: String,
    /// Time-weighted mean per point.
    pub mean: Vec<f64>,
    /// Least value per point.
    pub min: Vec<u64>,
    /// Greatest value per point.
    pub max: Vec<u64>,
}
