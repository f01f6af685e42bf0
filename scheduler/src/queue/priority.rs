//! Highest priority first; submission order among equals.

use super::Queue;

pub(super) const ENTRY: Queue = Queue {
    name: "priority",
    aliases: &[],
    summary: "highest priority first, then in the order of submission",
    options: &[],
    source: "textbook",
    // From i32::MAX down to i32::MIN, as 0 up.
    key: |spec| (i64::from(i32::MAX) - i64::from(spec.priority)) as u64,
};
