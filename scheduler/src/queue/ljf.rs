//! Longest job first, by the estimate; jobs without one come first, since they may run for ever.

use alloc::boxed::Box;

use super::order::estimate_us;
use super::{Fixed, Queue};

pub(super) const ENTRY: Queue = Queue {
    name: "ljf",
    aliases: &[],
    summary: "longest estimate first, jobs without one before all",
    options: &[],
    source: "textbook",
    build: |_| Box::new(Fixed(|waiter| u64::MAX - estimate_us(waiter))),
};
