//! Queue orders: which waiting job is tried next. One small file each, one line in [`QUEUES`]; the waiting tasks
//! themselves are kept in [`Waiting`], or one by one in [`crate::backfill::Line`] where a head holds a reservation or
//! the order changes while jobs wait.

mod f1;
mod fair_share;
mod fifo;
mod ljf;
mod multifactor;
mod order;
mod parked;
mod priority;
mod saf;
mod sjf;
mod unicep;
mod usage;
mod waiting;
mod wfp3;

use alloc::boxed::Box;

pub use order::{Aging, Fixed, Order, Sight, Waiter, rising, seconds};
pub use waiting::{ClassId, Entry as WaitingEntry, Waiting};

use crate::config::{Choice, Config};
use crate::registry::{Entry, OptionNote};

/// A queue order in the registry.
#[derive(Clone, Copy)]
pub struct Queue {
    /// The name in scenarios.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// Makes one, for a party with this configuration.
    pub build: fn(&Config) -> Box<dyn Order>,
}

impl Entry for Queue {
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

/// Every queue order, by name.
pub static QUEUES: &[Queue] = &[
    f1::ENTRY,
    fair_share::ENTRY,
    fifo::ENTRY,
    ljf::ENTRY,
    multifactor::ENTRY,
    priority::ENTRY,
    saf::ENTRY,
    sjf::ENTRY,
    unicep::ENTRY,
    unicep::AS_COMPARED,
    wfp3::ENTRY,
    wfp3::AS_COMPARED,
];

/// Why the options of a queue order cannot be followed; None if they can.
#[must_use]
pub fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let entry = QUEUES.iter().find(|entry| entry.name == choice.name)?;
    entry.options.iter().map(|note| note.name).filter(|name| choice.options.contains_key(*name)).find_map(|name| {
        match name {
            "max_age" | "half_life" => {
                choice.span(name).is_none().then_some((name, "write a whole number with a unit, such as \"7d\""))
            }
            "favor_small" => choice.flag(name).is_none().then_some((name, "write true or false")),
            _ => {
                let number = choice.number(name).filter(|number| *number >= 0.0);
                number.is_none().then_some((name, "write a number from 0"))
            }
        }
    })
}

#[cfg(test)]
mod tests;
