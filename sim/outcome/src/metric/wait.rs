//! How long tasks waited, and for what.

use super::{Better, Metric, seconds};

const fn cause(name: &'static str, meaning: &'static str) -> Metric {
    let source = "tasks.parquet: wait_<cause>_us; the causes add up to wait_s.mean";
    Metric { name, unit: "s", better: Better::Lower, live: false, meaning, source }
}

pub(super) const METRICS: &[&[Metric]] = &[
    seconds!(live "wait_s", "the wait of a task: from submission to its first start", "tasks.parquet: wait_us"),
    &[
        cause("wait_by_cause_s.capacity", "mean wait of a task while the fleet had too little room in all"),
        cause(
            "wait_by_cause_s.fragmentation",
            "mean wait of a task while there was room in all, but on no single node",
        ),
        cause(
            "wait_by_cause_s.constraint",
            "mean wait of a task while there was room only where a constraint forbids it",
        ),
        cause("wait_by_cause_s.head_of_line", "mean wait of a task behind a waiting job that may not be passed"),
        cause("wait_by_cause_s.gang", "mean wait of a task whose gang did not fit as a whole"),
        cause("wait_by_cause_s.decision", "mean wait of a task for the scheduler to think"),
        cause("wait_by_cause_s.launch", "mean wait of a task from its placement until it was running"),
        cause("wait_by_cause_s.quota", "mean wait of a task while its quota, limit or share was used up"),
        cause("wait_by_cause_s.backoff", "mean wait of a task that was kept back after it failed"),
        cause("wait_by_cause_s.offer_cycle", "mean wait of a task for room that was there to be offered"),
        cause("wait_by_cause_s.detection", "mean wait of a task on a machine that was gone without anybody knowing"),
        cause("wait_by_cause_s.rerun", "mean wait of a task for earlier placements that came to nothing"),
        cause("wait_by_cause_s.preemption", "mean wait of a task until those that made room for it had left"),
    ],
];
