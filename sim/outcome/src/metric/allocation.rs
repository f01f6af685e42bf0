//! How full the fleet is: of what was asked for, and of what was used.

use super::{Better, Metric, shares};

const fn overload(name: &'static str, unit: &'static str, meaning: &'static str) -> Metric {
    const SOURCE: &str = "the usage that the trace has; only with [model] overload";
    Metric { name, unit, better: Better::Lower, live: false, meaning, source: SOURCE }
}

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
    &[
        overload("overload.cpu_s", "s", "time of nodes whose tasks used more cpu than the node has, added up"),
        overload("overload.memory_s", "s", "time of nodes whose tasks used more memory than the node has, added up"),
        overload("overload.throttled", "tasks", "tasks that were on a node while it was short of cpu"),
        overload("overload.throttled_s", "s", "time of tasks on nodes that were short of cpu, added up"),
        overload("overload.killed", "tasks", "tasks killed because their node was short of memory"),
        overload("reclaimable.<lane>", "share", "the share of the capacity that is up which is held and not used"),
        overload(
            "by_role.<name>.reclaimable.<lane>",
            "share",
            "the share of the capacity that is up which the team holds and does not use",
        ),
    ],
];
