//! Durations without memory.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MAX, MEAN, cap_of, cap_us, whole};
use crate::synthetic::terms::{BadTerm, finite, required};
use crate::synthetic::{Generator, Make};

/// Durations without memory, of which longer ones than a cap become that long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    mean: f64,
    cap: f64,
    /// The share of the uncapped law below the cap.
    below: f64,
}

impl Exponential {
    /// The mean is that before any cap.
    ///
    /// # Errors
    /// If `mean` or `max` is zero or forever.
    pub fn new(mean: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        let (mean, cap) = (finite("mean", mean)?, cap_us(max)?);
        Ok(Self { mean, cap, below: -libm::expm1(-cap / mean) })
    }
}

impl DurationLaw for Exponential {
    #[inline]
    fn sample(&self, u: f64) -> Span {
        whole((-self.mean * libm::log(1.0 - u)).min(self.cap))
    }

    fn mean_us(&self) -> f64 {
        self.mean * self.below
    }

    fn residual(&self, u1: f64, _: f64) -> Span {
        // The integral of the tail up to t is mean * (1 - exp(-t / mean)), for every t up to the cap.
        whole((-self.mean * libm::log1p(-u1 * self.below)).min(self.cap))
    }
}

/// The registry entry.
pub static EXPONENTIAL: Generator = Generator {
    name: "exponential",
    summary: "durations without memory",
    bare: "mean",
    options: &[MEAN, MAX],
    source: "inverse transform",
    make: Make::Duration(|terms| {
        let mean = required("exponential", &MEAN, terms.span("mean")?)?;
        Ok(Law::from(Exponential::new(mean, cap_of(terms)?)?))
    }),
};
