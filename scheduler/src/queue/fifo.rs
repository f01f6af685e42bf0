//! First in, first out: in the order of submission.

use super::Queue;

pub(super) const ENTRY: Queue = Queue {
    name: "fifo",
    aliases: &["fcfs"],
    summary: "in the order of submission",
    options: &[],
    source: "textbook",
    key: |_| 0,
};
