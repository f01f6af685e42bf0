//! Work that is handed in because something happened.

use super::ActionKind;

/// The registry entry.
pub static SUBMIT: ActionKind = ActionKind {
    name: "submit",
    summary: "hands a job in; the later ones of one trigger are called `<name>-2`, `<name>-3`, ..",
    options: &[
        ("name", "what it is called; else the trigger"),
        ("tasks", "how many"),
        ("cpu, memory, disk, gpu", "what one task asks for"),
        ("duration", "how long a task runs"),
        ("class, role", "what it is reported under, and whose it is"),
        ("workload", "the position of the workload whose rules it follows"),
    ],
    source: "fenzo-triggers",
};
