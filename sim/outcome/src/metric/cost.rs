//! Money and energy.

use super::{Better, Metric};

const fn dollars(name: &'static str, meaning: &'static str) -> Metric {
    let source = "the prices of the scenario; nodes.parquet: up, allocated";
    Metric { name, unit: "USD", better: Better::Lower, live: false, meaning, source }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    Metric { live: true, ..dollars("cost.total_usd", "price of all nodes while they were in the fleet") },
    Metric {
        name: "cost.rate_usd_per_h",
        unit: "USD/h",
        better: Better::Lower,
        live: true,
        meaning: "price of the nodes that are paid for when the run ends; only where there are triggers or nodes come \
                  and go",
        source: "the prices of the scenario; series.parquet: price_micro_usd_per_h",
    },
    dollars("cost.idle_usd", "the part of it for what was not allocated, by the dominant lane of each node"),
    dollars("cost.lost_usd", "the part of it for work that was thrown away"),
    dollars("cost.per_core_hour_usd", "the price of a useful core-hour: all of it / core-hours of work that counts"),
    dollars("by_group.<name>.cost_usd", "price of the nodes of the group while they were in the fleet"),
    dollars("by_group.<name>.idle_usd", "the part of it for what was not allocated, by the dominant lane of each node"),
    dollars(
        "by_role.<name>.cost_usd",
        "the team's share: of the price of its nodes what each attempt held in its dominant lane",
    ),
    dollars(
        "by_class.<name>.cost_usd",
        "the class's share: of the price of its nodes what each attempt held in its dominant lane",
    ),
    Metric {
        name: "by_group.<name>.nodes",
        unit: "nodes",
        better: Better::Neither,
        live: false,
        meaning: "nodes of the group",
        source: "nodes.parquet",
    },
    Metric {
        name: "by_group.<name>.energy_kwh",
        unit: "kWh",
        better: Better::Lower,
        live: false,
        meaning: "energy of the nodes of the group",
        source: "Fan, Weber and Barroso, \"Power Provisioning for a Warehouse-sized Computer\", ISCA 2007",
    },
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
