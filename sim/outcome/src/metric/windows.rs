//! Windows of a log, each replayed on an empty fleet, and their mean.

use super::{Better, Metric};

const fn of_window(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "a run per window" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    of_window("windows.count", "windows", Better::Neither, "how many windows were replayed"),
    of_window("windows.jobs", "jobs", Better::Neither, "how many jobs each window holds"),
    of_window(
        "windows.<window>.start",
        "jobs",
        Better::Neither,
        "the position of the first job of a window in the log",
    ),
    of_window("windows.<window>.wait_s.<statistic>", "s", Better::Lower, "wait in a window, or its mean over windows"),
    of_window("windows.<window>.flow_s.<statistic>", "s", Better::Lower, "flow in a window, or its mean over windows"),
    of_window(
        "windows.<window>.bounded_slowdown.<statistic>",
        "ratio",
        Better::Lower,
        "bounded slowdown in a window, or its mean over windows",
    ),
    of_window("windows.<window>.makespan_s", "s", Better::Lower, "makespan of a window, or its mean over windows"),
]];
