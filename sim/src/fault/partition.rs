//! A machine that nobody can reach.

use super::{Effect, FaultModel};

/// The registry entry.
pub static PARTITION: FaultModel = FaultModel {
    name: "partition",
    summary: "nobody can reach the node: its tasks run on and end unheard",
    bare: "",
    options: &[],
    source: "Apache Mesos: partition-aware frameworks",
    make: |_| Ok(Effect::Partition),
};
