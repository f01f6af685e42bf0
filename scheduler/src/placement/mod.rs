//! Placement policies: which node a task goes to. One small file each, one line in [`PLACEMENTS`].

mod balanced;
mod best_fit;
mod first_fit;
mod least_allocated;
mod most_allocated;
mod next_fit;
mod random;
mod worst_fit;

use alloc::boxed::Box;

use crate::config::Config;
use crate::index::Place;
use crate::registry::{Entry, OptionNote};

pub use balanced::Balanced;
pub use best_fit::BestFit;
pub use first_fit::FirstFit;
pub use least_allocated::LeastAllocated;
pub use most_allocated::MostAllocated;
pub use worst_fit::WorstFit;

/// A placement policy in the registry.
#[derive(Clone, Copy)]
pub struct Placement {
    /// The name in scenarios.
    pub name: &'static str,
    /// One line: what it prefers.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// Makes one, for a party with this configuration.
    pub build: fn(&Config) -> Box<dyn Place>,
}

impl Entry for Placement {
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

/// Every placement policy, by name.
pub static PLACEMENTS: &[Placement] = &[
    balanced::ENTRY,
    best_fit::ENTRY,
    first_fit::ENTRY,
    least_allocated::ENTRY,
    most_allocated::ENTRY,
    next_fit::ENTRY,
    random::ENTRY,
    worst_fit::ENTRY,
];

#[cfg(test)]
mod tests;
