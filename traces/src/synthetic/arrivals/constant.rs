//! Arrivals at equal gaps.

use windtunnel_scheduler::time::Time;

use super::{ArrivalLaw, Arrivals, RATE, Tick, gap};
use crate::synthetic::key::Key;
use crate::synthetic::terms::{BadTerm, positive, required};
use crate::synthetic::{Generator, Make};

/// Arrivals at equal gaps; the first comes at the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regular {
    gap_us: f64,
}

impl Regular {
    /// From the number of arrivals per second.
    ///
    /// # Errors
    /// If the rate is not positive.
    pub fn new(rate_per_s: f64) -> Result<Self, BadTerm> {
        Ok(Self { gap_us: 1e6 / positive("rate", rate_per_s)? })
    }
}

impl ArrivalLaw for Regular {
    #[inline]
    fn next(&self, tick: Tick, _: Key) -> Time {
        // From the start rather than from the arrival before, so that rounding never adds up.
        tick.start + gap(self.gap_us * tick.index as f64)
    }

    fn rate_per_s(&self) -> f64 {
        1e6 / self.gap_us
    }
}

/// The registry entry.
pub static CONSTANT: Generator = Generator {
    name: "constant",
    summary: "arrivals at equal gaps",
    bare: "rate",
    options: &[RATE],
    source: "by definition",
    make: Make::Arrivals(|terms| {
        let rate = required("constant", &RATE, terms.rate("rate")?)?;
        Ok(Arrivals::from(Regular::new(rate)?))
    }),
};
