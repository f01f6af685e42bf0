//! What is asked of a run while it goes on, and what was done about it. Only in runs with triggers.

use super::{Better, Metric};

const fn fact(name: &'static str, unit: &'static str, live: bool, meaning: &'static str) -> Metric {
    Metric { name, unit, better: Better::Neither, live, meaning, source: "the log of triggers in summary.json" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    Metric {
        name: "queue.tasks",
        unit: "tasks",
        better: Better::Lower,
        live: true,
        meaning: "tasks that wait when the run ends, whether for the first time or again",
        source: "series.parquet: waiting_tasks",
    },
    fact("triggers.<name>.fired", "firings", false, "how often a trigger fired"),
    fact("triggers.<name>.last_s", "s", false, "when a trigger fired last; null if it never did"),
    fact("firings.<name>.at_s", "s", false, "when a trigger fired, by the number of the firing"),
]];
