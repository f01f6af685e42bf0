//! Durations with a heavy tail.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MAX, cap_of, cap_us, whole};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, positive, required};
use crate::synthetic::{Generator, Make};

/// Durations that exceed x with the chance `(min / x)^shape`, of which longer ones than a cap become that long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    shape: f64,
    min: f64,
    cap: f64,
    mean: f64,
}

impl Pareto {
    /// From the shape and the least duration.
    ///
    /// # Errors
    /// If an argument is out of range, or the shape is at most 1 and there is no cap: then there is no mean.
    pub fn new(shape: f64, min: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        let (shape, min, cap) = (positive("shape", shape)?, finite("min", min)?, cap_us(max)?);
        Self::from_us(shape, min, cap)
    }

    /// From the shape, which must exceed 1, and the mean before any cap.
    ///
    /// # Errors
    /// If an argument is out of range.
    pub fn with_mean(shape: f64, mean: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        let (shape, mean, cap) = (positive("shape", shape)?, finite("mean", mean)?, cap_us(max)?);
        if shape <= 1.0 {
            return Err(BadTerm::new("mean", format!("a pareto law of shape {shape} has no mean: give `min` instead")));
        }
        Self::from_us(shape, mean * (shape - 1.0) / shape, cap)
    }

    fn from_us(shape: f64, min: f64, cap: f64) -> Result<Self, BadTerm> {
        if cap <= min {
            return Err(BadTerm::new("max", "`max` is not above the least duration: give a longer max"));
        }
        if shape <= 1.0 && cap.is_infinite() {
            return Err(BadTerm::new("max", format!("a pareto law of shape {shape} has no mean: give `max`")));
        }
        let mut law = Self { shape, min, cap, mean: 0.0 };
        law.mean = law.tail_until(cap);
        Ok(law)
    }

    /// The integral of the tail from 0 to `t >= min`; expm1 keeps its digits for shapes near 1.
    fn tail_until(&self, t: f64) -> f64 {
        let rest = 1.0 - self.shape;
        let log = libm::log(t / self.min);
        self.min * (1.0 + if rest == 0.0 { log } else { libm::expm1(rest * log) / rest })
    }
}

impl DurationLaw for Pareto {
    #[inline]
    fn sample(&self, u: f64) -> Span {
        whole((self.min * libm::exp(-libm::log(1.0 - u) / self.shape)).min(self.cap))
    }

    fn mean_us(&self) -> f64 {
        self.mean
    }

    fn residual(&self, u1: f64, _: f64) -> Span {
        // The inverse of `tail_until`, at a uniform share of the mean.
        let area = u1 * self.mean;
        if area <= self.min {
            return whole(area);
        }
        let (rest, over) = (1.0 - self.shape, area / self.min - 1.0);
        let log = if rest == 0.0 { over } else { libm::log1p(rest * over) / rest };
        whole((self.min * libm::exp(log)).min(self.cap))
    }
}

/// The registry entry.
pub static PARETO: Generator = Generator {
    name: "pareto",
    summary: "durations with a heavy tail",
    bare: "",
    options: &[
        SHAPE,
        Choosable { name: "min", unit: Unit::Span, default: "", summary: "the least duration; or give mean" },
        Choosable { name: "mean", unit: Unit::Span, default: "", summary: "the mean before any cap" },
        MAX,
    ],
    source: "inverse transform",
    make: Make::Duration(|terms| {
        let shape = required("pareto", &SHAPE, terms.number("shape")?)?;
        let max = cap_of(terms)?;
        Ok(Law::from(match (terms.span("min")?, terms.span("mean")?) {
            (Some(min), None) => Pareto::new(shape, min, max)?,
            (None, Some(mean)) => Pareto::with_mean(shape, mean, max)?,
            _ => return Err(BadTerm::new("min", "pareto is over- or underdetermined: give either `min` or `mean`")),
        }))
    }),
};

const SHAPE: Choosable =
    Choosable { name: "shape", unit: Unit::Number, default: "", summary: "the power of the tail: small is heavy" };
