//! The delay before a task that ended is launched again.
//!
//! **Source.** Marathon, `RateLimiter`: first 1 s, each time 1.15 times as long, 300 s at most (3600 s in older ones).

use crate::event::Ending;
use crate::time::{Span, Time};

/// How long what failed is not launched again: longer with every failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Delays {
    /// The first delay.
    pub first: Span,
    /// Each delay is so many thousandths of the one before.
    pub factor_milli: u32,
    /// The longest delay.
    pub most: Span,
}

impl Default for Delays {
    /// What an app has that says nothing.
    fn default() -> Self {
        Self { first: Span::from_seconds(1), factor_milli: 1150, most: Span::from_seconds(300) }
    }
}

/// The delay of one version of one app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Span,
    /// Each delay is so many thousandths of the one before.
    pub factor_milli: u32,
    /// The longest delay.
    pub most: Span,
    /// The delay after the last failure; zero if there was none.
    delay: Span,
    /// The last failure, or the last sign of life.
    last: Time,
    /// Nothing is launched before this instant.
    until: Time,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::of(Delays::default())
    }
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub const fn new(first: Span, factor_milli: u32, most: Span) -> Self {
        Self { first, factor_milli, most, delay: Span::ZERO, last: Time::ZERO, until: Time::ZERO }
    }

    /// The same with these delays.
    #[must_use]
    pub const fn of(delays: Delays) -> Self {
        Self::new(delays.first, delays.factor_milli, delays.most)
    }

    /// A task ended, and for how long none is launched. A failure and an end of its own count alike; a kill does not
    /// count.
    pub fn ended(&mut self, now: Time, ending: Ending) -> Span {
        if matches!(ending, Ending::Killed | Ending::Evicted) {
            return self.left(now);
        }
        self.forget(now);
        let next = match self.delay {
            Span::ZERO => self.first,
            Span(delay) => {
                let longer = u128::from(delay) * u128::from(self.factor_milli) / 1000;
                Span(u64::try_from(longer).unwrap_or(u64::MAX))
            }
        };
        self.delay = next.min(self.most);
        (self.last, self.until) = (now, now + self.delay);
        self.delay
    }

    /// A task is staged or runs: the time without a failure begins anew.
    pub fn alive(&mut self, now: Time) {
        self.forget(now);
        self.last = self.last.max(now);
    }

    /// A new version of the app, or an operator: nothing is held against it.
    pub fn reset(&mut self) {
        (self.delay, self.until) = (Span::ZERO, Time::ZERO);
    }

    /// Before when nothing is launched. A sign of life does not put that off.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }

    /// How long it is until the next launch.
    #[must_use]
    pub fn left(&self, now: Time) -> Span {
        self.until.since(now)
    }

    /// Without a failure for the longest delay, earlier ones are forgotten.
    fn forget(&mut self, now: Time) {
        if now.since(self.last) > self.most {
            self.delay = Span::ZERO;
        }
    }
}
