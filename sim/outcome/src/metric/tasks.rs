//! Tasks by their last state, and attempts.

use super::{Better, Metric, task_counts};

const fn attempts(name: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit: "attempts", better, live: false, meaning, source: "tasks.parquet: rows by state" }
}

pub(super) const METRICS: &[&[Metric]] = &[
    task_counts!(live "tasks", "tasks"),
    &[
        attempts("attempts.total", Better::Neither, "attempts of all tasks"),
        attempts("attempts.placed", Better::Neither, "attempts whose start was decided in this run"),
        attempts("attempts.finished", Better::Higher, "attempts that did what they had to do"),
        attempts("attempts.failed", Better::Lower, "attempts that failed of their own"),
        attempts("attempts.killed", Better::Neither, "attempts that somebody asked to end"),
        attempts("attempts.evicted", Better::Lower, "attempts that were preempted or drained"),
        attempts("attempts.lost", Better::Lower, "attempts whose machine went away"),
        attempts("attempts.rejected", Better::Lower, "attempts given up without being placed"),
        attempts("attempts.pending_at_end", Better::Lower, "attempts still waiting when the run ended"),
        attempts("attempts.running_at_end", Better::Neither, "attempts still running when the run ended"),
    ],
];
