//! How full the fleet is: of what was asked for, and of what was used.

use super::{Metric, shares};

pub(super) const METRICS: &[&[Metric]] = &[
    shares!(
        "allocation.<lane>",
        "the share of the capacity that is up which is allocated",
        "series.parquet: allocated_*, capacity_*"
    ),
    shares!(
        "usage.<lane>",
        "the share of the capacity that is up which is really used; only where the trace has usage",
        "series.parquet: used_*, capacity_*"
    ),
];
