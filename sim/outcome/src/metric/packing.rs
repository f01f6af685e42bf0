//! How tightly work is packed, and what is free but of no use.

use super::{Better, Metric};

const BOUND: &str =
    "Martello and Toth, \"Knapsack Problems\", 1990, chapter 8: continuous bound L1, the greatest of all lanes";
const STRANDED: &str = "Weng et al., \"Beware of Fragmentation\", USENIX ATC 2023: free room by what could use it";

const fn nodes(name: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit: "nodes", better, live: false, meaning, source: "nodes.parquet" }
}

pub(super) const METRICS: &[&[Metric]] = &[
    &[
        Metric {
            name: "packing.efficiency",
            unit: "share",
            better: Better::Higher,
            live: false,
            meaning: "time-weighted mean of: fewest nodes that could hold what runs / nodes that hold something",
            source: BOUND,
        },
        Metric {
            name: "packing.at_end",
            unit: "share",
            better: Better::Higher,
            live: false,
            meaning: "at the end of the run: fewest nodes that could hold what runs / nodes that hold something",
            source: BOUND,
        },
    ],
    &[
        nodes("nodes.count", Better::Neither, "nodes of the fleet"),
        nodes("nodes.touched", Better::Lower, "nodes on which anything ever ran"),
        Metric {
            live: true,
            ..nodes("nodes.empty_at_end", Better::Higher, "nodes that are up and hold nothing at the end of the run")
        },
        nodes("nodes.ordered", Better::Neither, "nodes that were added to groups that come and go, once for each time"),
        nodes("nodes.removed", Better::Neither, "nodes that left such groups, once for each time"),
        nodes("nodes.interrupted", Better::Lower, "of these, nodes that were lent and taken away"),
    ],
    &[
        Metric {
            name: "stranded.<lane>.mean",
            unit: "share",
            better: Better::Lower,
            live: false,
            meaning: "time-weighted mean of the share of the capacity that is up which is free but of no use to the \
                      pending or the typical task",
            source: STRANDED,
        },
        Metric {
            name: "stranded.<lane>.at_end",
            unit: "share",
            better: Better::Lower,
            live: false,
            meaning: "at the end of the run, the share of the capacity that is up which is free but of no use to the \
                      pending or the typical task",
            source: STRANDED,
        },
    ],
];
