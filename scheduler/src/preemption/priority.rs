//! The least harm: the lowest priorities, then the fewest victims, then the least lost work, then the lowest ids.
//!
//! Lost work is the share of the largest node that a victim holds, times how long it has run. Bad when the harm lies in
//! something that priorities do not say; and every node that could make room is looked at, which `candidates` limits.

use super::{Manner, OPTIONS, Preemption, Rule};
use crate::time::Span;

pub(super) const ENTRY: Preemption = Preemption {
    name: "priority",
    summary: "lower priorities make room: the lowest, the fewest, the least lost work",
    options: OPTIONS,
    source: "textbook",
    build: |config| Some(Manner::of(config, Rule::Lowest, Span::ZERO, u64::MAX)),
};
