//! What frameworks hold to run their own tasks in. Only in runs with such frameworks.

use super::{Better, Metric};

const fn each(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "tasks.parquet" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    each("holders.<name>.asked", "holders", Better::Neither, "executors, trackers or workers that it asked for"),
    each("holders.<name>.max", "holders", Better::Neither, "the most that it wanted at a time, in place or not"),
    each("holders.<name>.held_core_s", "core-seconds", Better::Lower, "cpu time that its holders held"),
    each("holders.<name>.used_core_s", "core-seconds", Better::Neither, "cpu time that its tasks held inside them"),
    each("holders.<name>.used", "share", Better::Higher, "what its tasks held of what its holders held, of the cpu"),
]];
