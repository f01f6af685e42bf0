//! The end.

use super::ActionKind;

/// The registry entry.
pub static STOP: ActionKind = ActionKind {
    name: "stop",
    summary: "the run ends with this instant",
    options: &[],
    source: "[stop] at, for an instant that nobody knows beforehand",
};
