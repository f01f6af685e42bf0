//! Windows of a log, each replayed on an empty fleet, and their mean.

use super::{Better, Metric};

const fn of_window(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "a run per window" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    of_window("windows.count", "windows", Better::Neither, "how many windows were replayed"),
    of_window("windows.jobs", "jobs", Better::Neither, "how many jobs each window holds"),
    of_window("windows.<name>.start", "jobs", Better::Neither, "the position of the first job of a window in the log"),
    of_window("windows.<name>.wait_s.mean", "s", Better::Lower, "mean wait of a window (0, 1, ..), or `mean` of all"),
    of_window("windows.<name>.wait_s.max", "s", Better::Lower, "longest wait of a window, or its `mean` over all"),
    of_window("windows.<name>.flow_s.mean", "s", Better::Lower, "mean flow of a window, or `mean` of all"),
    of_window("windows.<name>.bounded_slowdown.mean", "ratio", Better::Lower, "of a window, or `mean` of all"),
    of_window("windows.<name>.bounded_slowdown.max", "ratio", Better::Lower, "of a window, or its `mean` over all"),
    of_window("windows.<name>.makespan_s", "s", Better::Lower, "makespan of a window, or `mean` of all"),
]];
