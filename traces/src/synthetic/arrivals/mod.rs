//! Laws of arrivals: one file each. The gap before job i is a function of the key of job i alone.

mod at_once;
mod bursty;
mod constant;
mod daily;
mod poisson;
mod renewal;
mod schedules;

use std::fmt;
use std::sync::Arc;

use windtunnel_scheduler::time::{Span, Time};

pub use at_once::AtOnce;
pub use bursty::Bursty;
pub use constant::Regular;
pub use daily::{DAY, Daily};
pub use poisson::Poisson;
pub use renewal::Renewal;
pub use schedules::Schedules;

pub(super) use at_once::AT_ONCE;
pub(super) use bursty::BURSTY;
pub(super) use constant::CONSTANT;
pub(super) use daily::DAILY;
pub(super) use poisson::POISSON;
pub(super) use renewal::RENEWAL;

use super::key::Key;
use super::terms::{Choosable, Unit};

/// Where a stream of arrivals stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When arrivals begin.
    pub start: Time,
    /// When the job before arrived; the start for the first job.
    pub previous: Time,
    /// The number of the job, from 0.
    pub index: u64,
}

/// A law of arrivals.
pub trait ArrivalLaw: fmt::Debug + Send + Sync {
    /// When the next job arrives: not before `tick.previous`. `key` is the key of that job.
    fn next(&self, tick: Tick, key: Key) -> Time;

    /// The next arrivals one after the other, from job `tick.index` on, whose key is `key`. One call for many lets the
    /// processor work on them side by side.
    fn fill(&self, tick: Tick, key: Key, times: &mut [Time]) {
        let (mut tick, mut key) = (tick, key);
        for time in times {
            *time = self.next(tick, key);
            tick = Tick { previous: *time, index: tick.index + 1, ..tick };
            key = key.following();
        }
    }

    /// Mean arrivals per second in the long run; infinite if all come at once.
    fn rate_per_s(&self) -> f64;
}

/// A law of arrivals, to be shared and cloned.
#[derive(Clone, Debug)]
pub struct Arrivals(Arc<dyn ArrivalLaw>);

impl<L: ArrivalLaw + 'static> From<L> for Arrivals {
    fn from(law: L) -> Self {
        Self(Arc::new(law))
    }
}

impl Arrivals {
    /// See [`ArrivalLaw::next`].
    #[must_use]
    #[inline]
    pub fn next(&self, tick: Tick, key: Key) -> Time {
        self.0.next(tick, key)
    }

    /// See [`ArrivalLaw::fill`].
    pub fn fill(&self, tick: Tick, key: Key, times: &mut [Time]) {
        self.0.fill(tick, key, times);
    }

    /// See [`ArrivalLaw::rate_per_s`].
    #[must_use]
    pub fn rate_per_s(&self) -> f64 {
        self.0.rate_per_s()
    }
}

/// The nearest whole microsecond; unlike a duration a gap may be zero.
#[inline]
fn gap(us: f64) -> Span {
    // A cast saturates, and turns what is no number into 0.
    Span((us + 0.5) as u64)
}

const RATE: Choosable = Choosable { name: "rate", unit: Unit::Rate, default: "", summary: "mean arrivals per time" };

#[cfg(test)]
mod tests;
