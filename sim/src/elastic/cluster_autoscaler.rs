//! The cluster-autoscaler of Kubernetes adds what waiting pods would fill, and takes away what is little used.
//!
//! **What it does.** At each look it orders as many nodes as the waiting tasks would fill beyond those on their way. A
//! node that was used less than half for ten minutes leaves, unless nodes were ordered within the last ten: empty ones
//! together, others one at a time.
//! **When it is bad.** Where load comes in bursts shorter than a boot. What waits for a constraint that no new node
//! meets is not told from what waits for room.
//! **Source.** kubernetes/autoscaler, FAQ of the cluster-autoscaler: scan-interval, scale-down-utilization-threshold,
//! scale-down-unneeded-time, scale-down-delay-after-add, max-empty-bulk-delete.

use windtunnel_scheduler::time::Span;

use super::{RuleKind, Sight, Wish};

/// Empty nodes that leave together.
const BULK: u32 = 10;

/// The registry entry.
pub static CLUSTER_AUTOSCALER: RuleKind = RuleKind {
    name: "cluster-autoscaler",
    summary: "adds what waiting tasks would fill; nodes that are little used for long leave",
    options: &[
        ("scan", "10s", "it looks so often"),
        ("below", "50%", "a node with less of its most used resource in use is not needed"),
        ("unneeded", "10m", "it leaves after so long"),
        ("after_add", "10m", "nobody leaves so soon after a rise"),
    ],
    source: "kubernetes/autoscaler: FAQ of the cluster-autoscaler",
};

pub(super) fn wish(sight: &Sight, scan: Span, after_add: Span) -> Wish {
    if let Some(since) = sight.waits_since.filter(|_| sight.short > 0) {
        let next = sight.rose.filter(|&rose| rose > since).unwrap_or(since) + scan;
        if sight.now >= next {
            return Wish { add: sight.short, ..Wish::default() };
        }
        return Wish { look: Some(next), ..Wish::default() };
    }
    if sight.unneeded == 0 {
        return Wish::default();
    }
    match sight.rose.map(|rose| rose + after_add).filter(|&ready| ready > sight.now) {
        Some(ready) => Wish { look: Some(ready), ..Wish::default() },
        None => Wish { remove: sight.unneeded_empty.clamp(1, BULK), ..Wish::default() },
    }
}
