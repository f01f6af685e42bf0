//! As Slurm's `PreemptMode` REQUEUE or CANCEL: jobs of the lowest priority go first, the youngest of them
//! (`preempt_youngest_first`), until there is room.
//!
//! Who may push out whom is a matter of priority here; Slurm asks partitions or qualities of service.

use super::{Manner, OPTIONS, Preemption, Rule};
use crate::time::Span;

pub(super) const ENTRY: Preemption = Preemption {
    name: "slurm",
    summary: "as Slurm: the lowest priority and the youngest first, requeued or cancelled",
    options: OPTIONS,
    source: "Slurm, Preemption: PreemptMode, GraceTime, preempt_youngest_first",
    build: |config| Some(Manner::of(config, Rule::Youngest, Span::ZERO, u64::MAX)),
};
