//! Preemption: which running tasks make room for a more important one. One small file per policy, one line in
//! [`PREEMPTIONS`]; the search for victims on one node is in [`choose`].
//!
//! What is searched is an index of running tasks by node ([`Tenants`]) and the free room of a ledger, so that whoever
//! keeps both can ask: a monolithic framework, an allocator, or a framework that sees everything. A victim's priority
//! is always below that of the task that it makes room for, and nobody is made to leave unless the room is then enough.

mod blocks;
pub mod choose;
mod kubernetes;
mod none;
mod priority;
mod slurm;
mod tenants;
#[cfg(test)]
mod tests;

use crate::config::{Choice, Config};
use crate::registry::{Entry, OptionNote};
use crate::time::Span;

pub use blocks::{Blocks, Quest};
pub use tenants::{Tenant, Tenants};

/// A preemption policy in the registry.
#[derive(Clone, Copy)]
pub struct Preemption {
    /// The name in scenarios.
    pub name: &'static str,
    /// One line: who makes room for whom.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// How it goes about it, for a party with this configuration; none if nobody makes room.
    pub build: fn(&Config) -> Option<Manner>,
}

impl Entry for Preemption {
    fn name(&self) -> &'static str {
        self.name
    }
    fn summary(&self) -> &'static str {
        self.summary
    }
    fn options(&self) -> &'static [OptionNote] {
        self.options
    }
    fn source(&self) -> &'static str {
        self.source
    }
}

/// Every preemption policy, by name.
pub static PREEMPTIONS: &[Preemption] = &[kubernetes::ENTRY, none::ENTRY, priority::ENTRY, slurm::ENTRY];

/// How victims are chosen and made to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Which victims are better.
    pub rule: Rule,
    /// How long a victim may take to leave.
    pub grace: Span,
    /// Whether it waits for another place afterwards.
    pub requeue: bool,
    /// How many nodes with enough room are compared before the best of them is taken.
    pub candidates: u64,
}

/// Which victims are better, on one node and between nodes. Ties go to the lowest node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The lowest priorities (the highest decides, then the next), then the fewest, then the least lost work, then the
    /// lowest ids.
    Lowest,
    /// On a node, the most important that can stay do, the highest priority first and the longest running among equals.
    /// Between nodes: the lowest highest priority, the lowest sum of priorities, the fewest, the latest start among
    /// those of highest priority.
    Reprieve,
    /// On a node, the lowest priority first and the youngest among equals, until there is room. Between nodes: the
    /// lowest highest priority, then the fewest.
    Youngest,
}

/// What every policy can be told.
const OPTIONS: &[OptionNote] = &[
    OptionNote { name: "mode", default: "requeue", meaning: "what becomes of victims: requeue, or cancel" },
    OptionNote { name: "grace", default: "0s", meaning: "how long a victim may take to leave" },
    OptionNote { name: "candidates", default: "all", meaning: "how many nodes with enough room are compared" },
];

impl Manner {
    /// As the options of the choice say, where they say something.
    fn of(config: &Config, rule: Rule, grace: Span, candidates: u64) -> Self {
        let choice = &config.preemption;
        Self {
            rule,
            grace: choice.span("grace").unwrap_or(grace),
            requeue: choice.text("mode") != Some("cancel"),
            candidates: choice.whole("candidates").unwrap_or(candidates),
        }
    }
}

/// Why the options of a choice cannot be followed; None if they can.
#[must_use]
pub fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    if choice.options.contains_key("mode") && !matches!(choice.text("mode"), Some("requeue" | "cancel")) {
        return Some(("mode", "write \"requeue\" or \"cancel\""));
    }
    if choice.options.contains_key("grace") && choice.span("grace").is_none() {
        return Some(("grace", "write a whole number with a unit, such as \"30s\""));
    }
    if choice.options.contains_key("candidates") && choice.whole("candidates").is_none() {
        return Some(("candidates", "write a whole number of nodes, at least 1"));
    }
    None
}
