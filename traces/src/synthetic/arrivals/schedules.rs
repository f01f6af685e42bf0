//! Arrivals by the clock: schedules that each hand in a job every so often.

use windtunnel_scheduler::time::{Span, Time};

use super::{ArrivalLaw, Tick};
use crate::synthetic::Key;
use crate::synthetic::terms::BadTerm;

/// Schedules with one period. Job i is a run of schedule `i mod count`; round by round, all of them come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedules {
    every: Span,
    count: u32,
    /// The first runs of all schedules lie evenly within this.
    spread: Span,
}

impl Schedules {
    /// `count` schedules with the period `every`, the last of which begins less than `spread` after the first.
    ///
    /// # Errors
    /// If there are none, or the next round would begin before one is over.
    pub fn new(every: Span, count: u32, spread: Span) -> Result<Self, BadTerm> {
        if every == Span::ZERO {
            return Err(BadTerm::new("every", "a run every 0s never ends: give a longer time"));
        }
        if count == 0 {
            return Err(BadTerm::new("schedules", "`schedules` is 0: give at least 1"));
        }
        if spread > every {
            return Err(BadTerm::new("spread", format!("`spread` is longer than `every`: give at most {every}")));
        }
        Ok(Self { every, count, spread })
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Which schedule job number `index` is a run of.
    #[must_use]
    pub const fn schedule_of(&self, index: u64) -> u32 {
        (index % self.count as u64) as u32
    }
}

impl ArrivalLaw for Schedules {
    fn next(&self, tick: Tick, _: Key) -> Time {
        let (round, place) = (tick.index / u64::from(self.count), self.schedule_of(tick.index));
        let shift = u128::from(self.spread.0) * u128::from(place) / u128::from(self.count);
        // Later than any run ends is never.
        tick.start + Span(self.every.0.saturating_mul(round).saturating_add(shift as u64))
    }

    fn rate_per_s(&self) -> f64 {
        f64::from(self.count) * 1e6 / self.every.0 as f64
    }
}
