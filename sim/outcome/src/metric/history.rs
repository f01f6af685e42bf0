//! How far a run is from what really happened, where the trace carries real starts or placements.

use super::{Better, Metric};

const STARTS: &str = "tasks.parquet: start_us of first attempts, against the starts in the trace";

const fn error(name: &'static str, meaning: &'static str) -> Metric {
    Metric { name, unit: "s", better: Better::Lower, live: false, meaning, source: STARTS }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    Metric {
        name: "history.tasks",
        unit: "tasks",
        better: Better::Neither,
        live: false,
        meaning: "tasks whose real start is in the trace and that started in the run",
        source: STARTS,
    },
    error("history.start_error_s.mean", "mean distance between a task's start and its real start"),
    error("history.start_error_s.p50", "median distance between a task's start and its real start"),
    error("history.start_error_s.p90", "90th percentile of the distance between a task's start and its real start"),
    error("history.start_error_s.p99", "99th percentile of the distance between a task's start and its real start"),
    error("history.start_error_s.max", "greatest distance between a task's start and its real start"),
    Metric {
        name: "history.start_bias_s",
        unit: "s",
        better: Better::Neither,
        live: false,
        meaning: "mean of a task's start minus its real start: below 0 if the run is earlier than history",
        source: STARTS,
    },
    Metric {
        name: "history.wait_s.mean",
        unit: "s",
        better: Better::Neither,
        live: false,
        meaning: "mean real wait of those tasks",
        source: STARTS,
    },
    Metric {
        name: "history.same_node",
        unit: "share",
        better: Better::Higher,
        live: false,
        meaning: "share of the tasks with a real placement that started on the same node",
        source: "tasks.parquet: node of first attempts, against the nodes in the trace",
    },
]];
