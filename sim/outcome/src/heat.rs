//! Allocation per node over time on a bounded grid: a picture of at most 200 x 300 cells at any fleet size.

use windtunnel_scheduler::time::Time;

/// A finished grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatTable {
    /// The beginning and the end of the time axis.
    pub from: Time,
    /// See `from`.
    pub to: Time,
    /// Columns (time bins), at most 300.
    pub columns: usize,
    /// First node of each row, in fleet order; at most 200 rows.
    pub first_node: Vec<u32>,
    /// Row-major, `rows x columns`: mean allocated share of the row's capacity in that time bin, 0 to 1; NaN where no node was up.
    pub cells: Vec<f32>,
}
