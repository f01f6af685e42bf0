//! More or fewer replicas.

use super::ActionKind;

/// The registry entry.
pub static SCALE: ActionKind = ActionKind {
    name: "scale",
    summary: "a service gets more replicas, or its newest running ones are killed",
    options: &[
        ("service", "the name or the class of its job"),
        ("by", "how many more, or fewer"),
        ("to", "how many there are to be"),
    ],
    source: "Marathon: instances of an app",
};
