//! The same again for every class and every team.

use super::{Metric, seconds, shares, task_counts};

pub(super) const METRICS: &[&[Metric]] = &[
    task_counts!("by_class.<name>.tasks", "tasks of the class"),
    seconds!(
        live "by_class.<name>.wait_s",
        "the wait of a task of the class: from submission to its first start",
        "tasks.parquet: wait_us by class"
    ),
    shares!(
        "by_class.<name>.allocation.<lane>",
        "the share of the capacity that is up which is allocated to the class",
        "tasks.parquet: requested_* from place_us to end_us by class; series.parquet: capacity_*"
    ),
    task_counts!("by_role.<name>.tasks", "tasks of the team"),
    seconds!(
        live "by_role.<name>.wait_s",
        "the wait of a task of the team: from submission to its first start",
        "tasks.parquet: wait_us by role"
    ),
    shares!(
        "by_role.<name>.allocation.<lane>",
        "the share of the capacity that is up which is allocated to the team",
        "tasks.parquet: requested_* from place_us to end_us by role; series.parquet: capacity_*"
    ),
];
