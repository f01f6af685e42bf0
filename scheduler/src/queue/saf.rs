//! Smallest area first: estimate times processors; jobs without an estimate come last.

use alloc::boxed::Box;

use super::order::rising;
use super::{Fixed, Queue};

pub(super) const ENTRY: Queue = Queue {
    name: "saf",
    aliases: &[],
    summary: "smallest estimate times processors first",
    options: &[],
    source: "Carastan-Santos et al., One can only gain by replacing EASY backfilling, CCGrid 2019",
    build: |_| Box::new(Fixed(|waiter| rising(waiter.request_s() * waiter.procs()))),
};
