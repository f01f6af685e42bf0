//! Lifetime-aware best fit.
//!
//! **What it prefers.** Nodes that the task does not keep in use longer than they are anyway: the task's believed end
//! (now plus its estimate) against the latest believed end on the node. By how much it outlasts them is put in classes,
//! not at all, up to `step`, up to twice `step`, ...; within a class best fit decides. So tasks that end together lie
//! together, and nodes fall empty.
//! **When it is bad.** Estimates that are wrong, or missing: a task without one is believed to stay for ever. A task
//! that ends long before it was believed to leaves its node's latest end too late until the node is empty.
//! **Source.** Barbalho et al., MLSys 2023, "Virtual machine allocation with lifetime predictions", and the
//! lifetime-aware scorer of Ling et al., MLSys 2025; the classes are our own.

use alloc::boxed::Box;

use super::Placement;
use crate::config::{Choice, Config};
use crate::index::Lasting;
use crate::registry::OptionNote;
use crate::time::Span;

/// The upper end of the first class.
const STEP: OptionNote = OptionNote {
    name: "step",
    default: "1m",
    meaning: "the first class of outlasting; each further one is twice as long",
};

/// Why the step of a choice cannot be followed; None if it can.
pub(super) fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let is_bad = choice.options.contains_key(STEP.name) && choice.span(STEP.name).is_none_or(|step| step.0 == 0);
    is_bad.then_some((STEP.name, "write a whole number with a unit, such as \"1m\""))
}

fn step(config: &Config) -> Span {
    config.placement.span(STEP.name).unwrap_or(Span::from_seconds(60))
}

pub(super) const ENTRY: Placement = Placement {
    name: "lifetime-aware",
    aliases: &[],
    summary: "best fit among the nodes that the task keeps in use the least longer, by estimates",
    options: &[STEP],
    source: "Barbalho et al., MLSys 2023; Ling et al., MLSys 2025",
    build: |config| Box::new(Lasting::new(step(config).0)),
    part: None,
};
