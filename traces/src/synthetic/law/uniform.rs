//! Durations anywhere between two bounds.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, whole};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, required};
use crate::synthetic::{Generator, Make};

/// Durations anywhere between two bounds, all equally likely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    min: f64,
    max: f64,
}

impl Uniform {
    /// From the bounds; `min` may be zero.
    ///
    /// # Errors
    /// If `max` is zero, forever or below `min`.
    pub fn new(min: Span, max: Span) -> Result<Self, BadTerm> {
        let most = finite("max", max)?;
        if min > max {
            return Err(BadTerm::new("max", format!("`max` {max} is below `min` {min}: give a longer max")));
        }
        Ok(Self { min: min.0 as f64, max: most })
    }
}

impl DurationLaw for Uniform {
    #[inline]
    fn sample(&self, u: f64) -> Span {
        whole(self.min + u * (self.max - self.min))
    }

    fn mean_us(&self) -> f64 {
        0.5 * (self.min + self.max)
    }

    fn residual(&self, u1: f64, u2: f64) -> Span {
        // Weighted by length the density rises in proportion to x, so its integral is a difference of squares.
        let square = self.min * self.min + u1 * (self.max - self.min) * (self.max + self.min);
        whole(libm::sqrt(square) * u2)
    }
}

/// The registry entry.
pub static UNIFORM: Generator = Generator {
    name: "uniform",
    summary: "anywhere between two bounds",
    bare: "",
    options: &[LEAST, MOST],
    source: "inverse transform",
    make: Make::Duration(|terms| {
        let max = required("uniform", &MOST, terms.span("max")?)?;
        Ok(Law::from(Uniform::new(terms.span("min")?.unwrap_or(Span::ZERO), max)?))
    }),
};

const LEAST: Choosable = Choosable { name: "min", unit: Unit::Span, default: "0s", summary: "the shortest" };
const MOST: Choosable = Choosable { name: "max", unit: Unit::Span, default: "", summary: "the longest" };
