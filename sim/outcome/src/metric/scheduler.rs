//! What the scheduler did for it.

use super::{Better, Metric};

const fn count(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "events.parquet, decisions.parquet" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    count("scheduler.steps", "steps", Better::Neither, "how often a party was called"),
    count("scheduler.events", "events", Better::Neither, "facts and messages that parties were told"),
    count("scheduler.decisions", "decisions", Better::Neither, "decisions of all parties"),
    count("scheduler.refused", "decisions", Better::Lower, "launches and claims refused since the truth had moved on"),
    count("scheduler.preemptions", "attempts", Better::Lower, "running attempts ended to make room"),
    count("scheduler.offers", "offers", Better::Neither, "offers made"),
    count("scheduler.declined", "offers", Better::Lower, "offers that a framework had no use for"),
    count("scheduler.rescinded", "offers", Better::Lower, "offers taken back"),
    count("scheduler.jobs_tried", "jobs", Better::Lower, "jobs looked at, once per step that looked"),
    count("scheduler.tasks_tried", "tasks", Better::Neither, "tasks placed or rejected"),
    count("scheduler.nodes_examined", "nodes", Better::Lower, "nodes examined one by one"),
    Metric {
        name: "scheduler.busy_s",
        unit: "s",
        better: Better::Lower,
        live: false,
        meaning: "simulated time that parties spent thinking, added up; 0 without a model of decision time",
        source: "the model of decision time of the scenario",
    },
]];
