//! Fewer machines.

use super::ActionKind;

/// The registry entry.
pub static REMOVE_NODES: ActionKind = ActionKind {
    name: "remove_nodes",
    summary: "empties the nodes of a group that have the fewest tasks; each leaves the fleet when it is empty",
    options: &[
        ("group", "the group of the fleet"),
        ("count", "how many; its `min` stay"),
        ("grace", "how long a task gets to leave"),
        ("deadline", "how long is waited for services that can spare no replica"),
    ],
    source: "Fenzo and the Kubernetes cluster-autoscaler: scale-down",
};
