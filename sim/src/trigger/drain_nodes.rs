//! Machines that take no new work.

use super::ActionKind;

/// The registry entry.
pub static DRAIN_NODES: ActionKind = ActionKind {
    name: "drain_nodes",
    summary: "empties nodes of a group and keeps them closed; they stay in the fleet and are paid for",
    options: &[
        ("group", "the group of the fleet"),
        ("count", "how many"),
        ("grace", "how long a task gets to leave"),
        ("deadline", "how long is waited for services that can spare no replica"),
    ],
    source: "kubectl drain",
};
