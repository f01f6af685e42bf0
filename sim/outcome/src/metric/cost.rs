//! Money and energy.

use super::{Better, Metric};

const fn dollars(name: &'static str, meaning: &'static str) -> Metric {
    let source = "the prices of the scenario; nodes.parquet: up, allocated";
    Metric { name, unit: "USD", better: Better::Lower, live: false, meaning, source }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    dollars("cost.total_usd", "price of all nodes while they were in the fleet"),
    dollars("cost.idle_usd", "the part of it for what was not allocated, by the dominant lane of each node"),
    dollars("cost.lost_usd", "the part of it for work that was thrown away"),
    dollars("cost.per_task_usd", "the price of a finished task: all of it / tasks finished; null if none did"),
    Metric {
        name: "energy.kwh",
        unit: "kWh",
        better: Better::Lower,
        live: false,
        meaning: "energy of the nodes that were up, from idle to busy power in proportion to allocated cpu",
        source: "Fan, Weber and Barroso, \"Power Provisioning for a Warehouse-sized Computer\", ISCA 2007",
    },
]];
