//! As kube-scheduler's default preemption goes about it: all of lower priority are thought away, then as many as
//! possible are spared, the most important first; a grace of 30 s.
//!
//! It looks at a tenth of the nodes, at least 100, from a random one on; here `candidates` counts nodes with enough
//! room, from the first on. Budgets are kept; kube-scheduler breaks them where nothing else helps. Priorities alone
//! decide: a hundred small victims are no better than one large one of the same priority.

use super::{Manner, OPTIONS, Preemption, Rule};
use crate::time::Span;

pub(super) const ENTRY: Preemption = Preemption {
    name: "kubernetes",
    summary: "as kube-scheduler: spares the most important, 30s of grace, 100 candidates",
    options: OPTIONS,
    source: "Kubernetes, scheduler framework: default preemption",
    build: |config| Some(Manner::of(config, Rule::Reprieve, Span::from_seconds(30), 100)),
};
