//! Durations whose hazard falls (shape below 1) or rises (above 1) with age: the usual law of machine failures.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MAX, cap_of, cap_us, whole};
use crate::synthetic::incomplete_gamma::{lower, lower_inverse};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, required};
use crate::synthetic::{Generator, Make};

/// Durations that exceed x with the chance `exp(-(x / scale)^shape)`, of which longer ones than a cap become that long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    shape: f64,
    scale: f64,
    cap: f64,
    /// The share of the uncapped mean that is left under the cap.
    below: f64,
}

impl Weibull {
    /// From the shape and the scale (the 63rd percentile).
    ///
    /// # Errors
    /// If an argument is out of range; shapes go from 0.05 to 100.
    pub fn new(shape: f64, scale: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        Self::from_us(Self::shape(shape)?, finite("scale", scale)?, cap_us(max)?)
    }

    /// From the shape and the mean before any cap.
    ///
    /// # Errors
    /// If an argument is out of range; shapes go from 0.05 to 100.
    pub fn with_mean(shape: f64, mean: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        let shape = Self::shape(shape)?;
        Self::from_us(shape, finite("mean", mean)? / libm::tgamma(1.0 + 1.0 / shape), cap_us(max)?)
    }

    fn shape(shape: f64) -> Result<f64, BadTerm> {
        if (0.05..=100.0).contains(&shape) {
            return Ok(shape);
        }
        Err(BadTerm::new("shape", format!("`shape` is {shape}: give a number from 0.05 to 100")))
    }

    fn from_us(shape: f64, scale: f64, cap: f64) -> Result<Self, BadTerm> {
        let below = lower(1.0 / shape, libm::pow(cap / scale, shape));
        Ok(Self { shape, scale, cap, below })
    }
}

impl DurationLaw for Weibull {
    #[inline]
    fn sample(&self, u: f64) -> Span {
        whole((self.scale * libm::pow(-libm::log(1.0 - u), 1.0 / self.shape)).min(self.cap))
    }

    fn mean_us(&self) -> f64 {
        self.scale * libm::tgamma(1.0 + 1.0 / self.shape) * self.below
    }

    fn residual(&self, u1: f64, _: f64) -> Span {
        // The integral of the tail up to t is the mean times P(1 / shape, (t / scale)^shape).
        let power = lower_inverse(1.0 / self.shape, u1 * self.below);
        whole((self.scale * libm::pow(power, 1.0 / self.shape)).min(self.cap))
    }
}

/// The registry entry.
pub static WEIBULL: Generator = Generator {
    name: "weibull",
    summary: "durations whose hazard falls or rises with age",
    bare: "",
    options: &[
        SHAPE,
        Choosable { name: "scale", unit: Unit::Span, default: "", summary: "the 63rd percentile; or give mean" },
        Choosable { name: "mean", unit: Unit::Span, default: "", summary: "the mean before any cap" },
        MAX,
    ],
    source: "inverse transform",
    make: Make::Duration(|terms| {
        let shape = required("weibull", &SHAPE, terms.number("shape")?)?;
        let max = cap_of(terms)?;
        Ok(Law::from(match (terms.span("scale")?, terms.span("mean")?) {
            (Some(scale), None) => Weibull::new(shape, scale, max)?,
            (None, Some(mean)) => Weibull::with_mean(shape, mean, max)?,
            _ => {
                return Err(BadTerm::new("mean", "weibull is over- or underdetermined: give either `scale` or `mean`"));
            }
        }))
    }),
};

const SHAPE: Choosable =
    Choosable { name: "shape", unit: Unit::Number, default: "", summary: "below 1: the young fail; above 1: the old" };
