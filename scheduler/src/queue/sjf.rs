//! Shortest job first, by the estimate; jobs without one come last, in the order of submission.

use super::Queue;

pub(super) const ENTRY: Queue = Queue {
    name: "sjf",
    aliases: &[],
    summary: "shortest estimate first, jobs without one last",
    options: &[],
    source: "textbook (Smith 1956)",
    key: |spec| spec.estimate.map_or(u64::MAX, |estimate| estimate.0),
};
