//! More machines.

use super::ActionKind;

/// The registry entry.
pub static ADD_NODES: ActionKind = ActionKind {
    name: "add_nodes",
    summary: "orders nodes of a group; they take work when they have booted, and are paid for at once",
    options: &[("group", "the group of the fleet"), ("count", "how many; as many as its `max` allows")],
    source: "Fenzo and the Kubernetes cluster-autoscaler: scale-up",
};
