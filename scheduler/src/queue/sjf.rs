//! Shortest job first, by the estimate; jobs without one come last, in the order of submission.

use alloc::boxed::Box;

use super::order::estimate_us;
use super::{Fixed, Queue};

pub(super) const ENTRY: Queue = Queue {
    name: "sjf",
    aliases: &[],
    summary: "shortest estimate first, jobs without one last",
    options: &[],
    source: "textbook (Smith 1956)",
    build: |_| Box::new(Fixed(estimate_us)),
};
