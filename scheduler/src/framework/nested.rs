//! Nested: a scheduler of its own inside workers that it keeps for ever.
//!
//! When it is bad: what its workers have and its tasks do not use, nobody else can have.

use super::kind::Kind;
use crate::registry::OptionNote;

pub(super) const ENTRY: Kind = Kind {
    name: "nested",
    summary: "a scheduler of its own inside `count` workers that stay, whatever runs in them",
    options: &[OptionNote { name: "count", default: "none", meaning: "workers" }],
    source: "kubernetes-mesos: Kubernetes as a tenant of the pool",
    per_job: false,
    wants: |holders, _, _| holders.most,
    idle: |_| None,
};
