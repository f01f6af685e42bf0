//! Queue orders: which waiting job is tried next. One small file each, one line in [`QUEUES`]; the waiting tasks
//! themselves are kept in [`Waiting`].

mod fifo;
mod parked;
mod priority;
mod sjf;
mod waiting;

pub use waiting::{ClassId, Entry as WaitingEntry, Waiting};

use crate::event::JobSpec;
use crate::registry::{Entry, OptionNote};

/// A queue order in the registry. The key of a job is fixed when it arrives; the smallest is tried first, the lowest
/// task id among equals.
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
    /// The key of a job.
    pub key: fn(&JobSpec) -> u64,
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
pub static QUEUES: &[Queue] = &[fifo::ENTRY, priority::ENTRY, sjf::ENTRY];

#[cfg(test)]
mod tests;
