//! Nobody makes room for anybody.

use super::Preemption;

pub(super) const ENTRY: Preemption = Preemption {
    name: "none",
    summary: "nobody makes room for anybody",
    options: &[],
    source: "textbook",
    build: |_| None,
};
