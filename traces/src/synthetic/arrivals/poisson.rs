//! Arrivals that know nothing of each other.

use windtunnel_scheduler::time::Time;

use super::{ArrivalLaw, Arrivals, RATE, Tick, gap};
use crate::synthetic::key::{GAP, Key};
use crate::synthetic::terms::{BadTerm, positive, required};
use crate::synthetic::{Generator, Make};

/// Arrivals that know nothing of each other: exponential gaps, also before the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    mean_us: f64,
}

impl Poisson {
    /// From the mean number of arrivals per second.
    ///
    /// # Errors
    /// If the rate is not positive.
    pub fn new(rate_per_s: f64) -> Result<Self, BadTerm> {
        Ok(Self { mean_us: 1e6 / positive("rate", rate_per_s)? })
    }
}

impl ArrivalLaw for Poisson {
    #[inline]
    fn next(&self, tick: Tick, key: Key) -> Time {
        tick.previous + gap(-self.mean_us * libm::log(1.0 - key.unit(GAP, 0)))
    }

    fn rate_per_s(&self) -> f64 {
        1e6 / self.mean_us
    }
}

/// The registry entry.
pub static POISSON: Generator = Generator {
    name: "poisson",
    summary: "arrivals that know nothing of each other",
    bare: "rate",
    options: &[RATE],
    source: "exponential gaps by inverse transform",
    make: Make::Arrivals(|terms| {
        let rate = required("poisson", &RATE, terms.rate("rate")?)?;
        Ok(Arrivals::from(Poisson::new(rate)?))
    }),
};
