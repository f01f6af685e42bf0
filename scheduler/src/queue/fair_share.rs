//! Fair share: the team that has used least of late goes first; submission order within a team.
//!
//! Use is cpu time, halved with every half-life. Bad where few teams are busy: one that comes back after a pause may
//! crowd out the others for as long as the half-life.

use alloc::boxed::Box;

use super::usage::Usage;
use super::{Order, Queue, Sight, Waiter, rising};
use crate::id::RoleId;
use crate::registry::OptionNote;
use crate::time::{Span, Time};

pub(super) const HALF_LIFE: OptionNote = OptionNote {
    name: "half_life",
    default: "7d",
    meaning: "after how long past use counts half; \"0s\" never forgets (Slurm: PriorityDecayHalfLife)",
};

pub(super) const ENTRY: Queue = Queue {
    name: "fair-share",
    aliases: &[],
    summary: "the team that has used least cpu time of late first",
    options: &[HALF_LIFE],
    source: "Kay, Lauder, A fair share scheduler, CACM 1988",
    build: |config| Box::new(FairShare { usage: Usage::new(half_life(config)) }),
};

/// The half-life that a configuration names.
pub(super) fn half_life(config: &crate::config::Config) -> Span {
    match config.queue.span(HALF_LIFE.name) {
        Some(Span::ZERO) => Span::FOREVER,
        Some(span) => span,
        None => Span::from_seconds(7 * 86_400),
    }
}

#[derive(Clone)]
struct FairShare {
    usage: Usage,
}

impl Order for FairShare {
    fn key(&self, waiter: &Waiter, sight: &Sight) -> u64 {
        rising(self.usage.of(sight.now, waiter.role))
    }

    fn ages(&self) -> bool {
        true
    }

    fn holds(&mut self, now: Time, role: RoleId, change_milli: i64) {
        self.usage.holds(now, role, change_milli);
    }

    fn copy(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}
