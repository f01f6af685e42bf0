//! Backfilling: the first job of the queue that does not fit holds a reservation, and what later jobs may do
//! meanwhile. One small file per policy, one line in [`BACKFILLS`].

mod availability;
mod conservative;

mod desk;
mod easy;
mod head_only;
mod held;
mod line;
mod none;
mod plain;
mod profile;
mod rules;
mod sections;

use alloc::boxed::Box;

use crate::config::{Choice, Config};
use crate::registry::{Entry, OptionNote};
use crate::time::Time;

pub use availability::{Availability, fits, times};
pub(crate) use desk::Refusals;
pub use desk::{Desk, Limits};
pub use line::{Cursor, Item, Line};
pub use plain::Plain;
pub use profile::Profile;
pub use rules::Rules;

/// A backfill policy in the registry.
#[derive(Clone, Copy)]
pub struct Backfill {
    /// The name in scenarios.
    pub name: &'static str,
    /// One line: what may pass the head.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// Makes one, for a party with this configuration; none where nobody holds a reservation.
    pub build: fn(&Config) -> Option<Box<dyn Fill>>,
}

impl Entry for Backfill {
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

/// Who starts now, out of a line of waiting jobs.
pub trait Fill: Send {
    /// Starts whoever may. Says when to be asked again if nothing happens before.
    fn pass(&mut self, desk: &mut Desk<'_>) -> Option<Time>;

    /// A job joined the line.
    fn joined(&mut self, line: &Line, slot: u32) {
        let _ = (line, slot);
    }

    /// A job is taken out of the line, with its reservation if it had one.
    fn withdrawn(&mut self, slot: u32, is_reserved: bool) {
        let _ = (slot, is_reserved);
    }

    /// Room is free from now until `due` that was not believed to be: a task ended early, or a node joined.
    fn freed(&mut self, now: Time, due: Time) {
        let _ = (now, due);
    }

    /// Where a waiting job stands in the order of backfilling; the smallest is first, the lowest task among equals.
    fn behind(&self, estimate_us: u64) -> u64;

    /// How events and beliefs are to be handed to it.
    fn habits(&self) -> Habits {
        Habits::default()
    }

    /// A copy in the same state.
    fn copy(&self) -> Box<dyn Fill>;
}

/// What a policy wants of the framework around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Every task of a job is an item of its own, since each gets a reservation.
    pub each_task: bool,
    /// A pass follows each event, submissions first, and only what has really ended is free.
    pub one_event: bool,
}

/// Every backfill policy, by name.
pub static BACKFILLS: &[Backfill] = &[conservative::ENTRY, easy::ENTRY, head_only::ENTRY, none::ENTRY];

/// What every policy that lets jobs pass can be told.
const LIMITS: &[OptionNote] = &[
    OptionNote {
        name: "depth",
        default: "all",
        meaning: "how many jobs behind the head a pass looks at (Slurm: bf_max_job_test)",
    },
    OptionNote {
        name: "interval",
        default: "0s",
        meaning: "how long it is at least between two looks behind the head (Slurm: bf_interval)",
    },
    OptionNote {
        name: "window",
        default: "none",
        meaning: "a start that lies further ahead is not reserved (Slurm: bf_window)",
    },
    OptionNote {
        name: "resolution",
        default: "0s",
        meaning: "reserved starts are put off to the next multiple of this (Slurm: bf_resolution)",
    },
];

/// Why the options of a backfill choice cannot be followed; None if they can.
#[must_use]
pub fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    if choice.options.contains_key("depth") && choice.whole("depth").is_none() {
        return Some(("depth", "write a whole number of jobs, at least 1"));
    }
    let spans = ["interval", "window", "resolution"].into_iter();
    let mut wrong = spans.filter(|option| choice.options.contains_key(*option) && choice.span(option).is_none());
    wrong.next().map(|option| (option, "write a whole number with a unit, such as \"30s\""))
}

#[cfg(test)]
mod tests;
