//! First in, first out: submission order.

use alloc::boxed::Box;

use super::{Fixed, Queue};

pub(super) const ENTRY: Queue = Queue {
    name: "fifo",
    aliases: &["fcfs"],
    summary: "in the order of submission",
    options: &[],
    source: "textbook",
    build: |_| Box::new(Fixed(|_| 0)),
};
