//! What `windtunnel packing` measures of a snapshot; limits may name these too.

use super::{Better, Metric};

const VERMA: &str = "Verma, Korupolu and Wilkes, \"Evaluating job packing in warehouse-scale computing\", CLUSTER 2014";
const BORG: &str = "Verma et al., \"Large-scale cluster management at Google with Borg\", EuroSys 2015, section 5.1";
const FGD: &str = "Weng et al., \"Beware of Fragmentation\", USENIX ATC 2023, section 4";
const BOUND: &str = "Martello and Toth, \"Knapsack Problems\", 1990, chapter 8: bound L2";

const fn measure(
    name: &'static str,
    unit: &'static str,
    better: Better,
    meaning: &'static str,
    source: &'static str,
) -> Metric {
    Metric { name, unit, better, live: false, meaning, source }
}

const fn compaction(name: &'static str, meaning: &'static str) -> Metric {
    measure(name, "nodes", Better::Lower, meaning, BORG)
}

pub(super) const METRICS: &[&[Metric]] = &[
    &[
        compaction("compaction.min_nodes", "fewest nodes that any random order of removal left enough"),
        compaction("compaction.p50_nodes", "nodes that are enough in half of the random orders of removal"),
        compaction("compaction.p90_nodes", "nodes that are enough in nine of ten random orders of removal"),
        compaction("compaction.max_nodes", "nodes that are enough in every random order of removal"),
        measure("compaction.p90_share", "share", Better::Lower, "compaction.p90_nodes / nodes of the fleet", BORG),
    ],
    &[
        measure(
            "inflation.factor",
            "factor",
            Better::Higher,
            "how many times as many tasks of the same sizes still fit",
            VERMA,
        ),
        measure("inflation.horizontal", "factor", Better::Higher, "the same as inflation.factor", VERMA),
        measure("inflation.vertical", "factor", Better::Higher, "how many times as large all tasks still fit", VERMA),
        measure(
            "hole_filling.units",
            "tasks",
            Better::Higher,
            "how many more of the most frequent task could start without moving anything",
            VERMA,
        ),
        measure("utilization.<lane>", "share", Better::Higher, "share of the capacity that the snapshot holds", VERMA),
    ],
    &[
        measure(
            "packed.nodes",
            "nodes",
            Better::Lower,
            "nodes in use when packed from scratch on the whole fleet",
            VERMA,
        ),
        measure("packed.pending", "tasks", Better::Lower, "tasks that find no room when packed from scratch", VERMA),
        measure(
            "lower_bound.nodes",
            "nodes",
            Better::Neither,
            "no scheduler could do with fewer nodes, even if it leaves out the tasks that may stay pending",
            BOUND,
        ),
        measure("lower_bound.complete", "nodes", Better::Neither, "the same for all tasks", BOUND),
        measure("gap", "share", Better::Lower, "compaction.p90_nodes / lower_bound.nodes - 1", BOUND),
    ],
    &[
        measure(
            "fragmentation.<lane>.share",
            "share",
            Better::Lower,
            "share of capacity that is free and that the average typical task cannot use",
            FGD,
        ),
        measure(
            "fragmentation.<lane>.of_free",
            "share",
            Better::Lower,
            "share of what is free that the average typical task cannot use",
            FGD,
        ),
        measure(
            "fragmentation.<lane>.by_cause.<name>",
            "share",
            Better::Lower,
            "the part of fragmentation.<lane>.share that has this cause",
            FGD,
        ),
        measure(
            "stranded.<lane>.share",
            "share",
            Better::Lower,
            "share of capacity that is free on nodes where no typical task could start",
            FGD,
        ),
        measure(
            "stranded.<lane>.by_cause.<name>",
            "share",
            Better::Lower,
            "the part of stranded.<lane>.share where the smallest typical task lacks this",
            FGD,
        ),
    ],
    &[
        measure(
            "defragmentation.freed_nodes",
            "nodes",
            Better::Neither,
            "nodes that could be emptied by moving their tasks to other nodes in use",
            BORG,
        ),
        measure(
            "defragmentation.migrations",
            "tasks",
            Better::Neither,
            "tasks that would have to be moved for that",
            BORG,
        ),
    ],
];
