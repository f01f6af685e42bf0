//! Runs of schedules and graphs of jobs. Only in runs that have any.

use super::{Better, Metric, seconds};

const fn count(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "by definition" }
}

pub(super) const METRICS: &[&[Metric]] = &[
    &[
        count("cron.runs", "jobs", Better::Neither, "runs of schedules that were handed in"),
        count("cron.skipped", "jobs", Better::Lower, "runs left out since the one before was not over"),
        count("cron.missed", "jobs", Better::Lower, "runs given up since they did not start in time"),
        count("dag.graphs", "graphs", Better::Neither, "graphs of jobs that were handed in"),
        count("dag.succeeded", "graphs", Better::Higher, "graphs all of whose jobs succeeded"),
        count("dag.failed", "graphs", Better::Lower, "graphs one of whose jobs did not succeed, once all is settled"),
        count("dag.open_at_end", "graphs", Better::Lower, "graphs some of whose jobs were not settled at the end"),
        count("dag.jobs_unsubmitted", "jobs", Better::Lower, "jobs never handed in since one before them failed"),
        count("dag.jobs_held_at_end", "jobs", Better::Lower, "jobs that waited for others at the end"),
    ],
    seconds!("dag.flow_s", "the time from the submission of a graph to its last end", "graphs that succeeded"),
];
