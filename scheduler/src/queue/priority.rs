//! Highest priority first; submission order among equals.

use alloc::boxed::Box;

use super::{Fixed, Queue};

pub(super) const ENTRY: Queue = Queue {
    name: "priority",
    aliases: &[],
    summary: "highest priority first, then in the order of submission",
    options: &[],
    source: "textbook",
    // From i32::MAX down to i32::MIN, as 0 up.
    build: |_| Box::new(Fixed(|waiter| (i64::from(i32::MAX) - i64::from(waiter.priority)) as u64)),
};
