//! A machine dies.

use super::{Effect, FaultModel};

/// The registry entry.
pub static OUTAGE: FaultModel = FaultModel {
    name: "outage",
    summary: "the node is dead and what ran on it is lost",
    bare: "",
    options: &[],
    source: "Schroeder and Gibson, DSN 2006",
    make: |_| Ok(Effect::Outage),
};
