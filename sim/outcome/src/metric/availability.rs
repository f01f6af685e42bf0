//! How much of the fleet was there.

use super::{Better, Metric};

const fn of_nodes(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "nodes.parquet: up, down and failures" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    of_nodes("availability.mean", "share", Better::Higher, "share of all node-time that was up"),
    of_nodes("availability.min", "share", Better::Higher, "share of its time that the worst node was up"),
    of_nodes("availability.down_s", "node-seconds", Better::Lower, "time that nodes were down, added up"),
    of_nodes("availability.failures", "failures", Better::Lower, "how often a node failed"),
]];
