//! Durations that are sums of exponential phases, or anything between.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MEAN, whole};
use crate::synthetic::incomplete_gamma::lower_inverse;
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, required};
use crate::synthetic::{Generator, Make};

/// The gamma law; with a whole shape k it is Erlang's law of k phases. Its squared coefficient of variation is 1 /
/// shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
}

impl Gamma {
    /// From the shape and the mean.
    ///
    /// # Errors
    /// If the mean is zero or forever; shapes go from 0.01 to 10,000.
    pub fn new(shape: f64, mean: Span) -> Result<Self, BadTerm> {
        if !(0.01..=10_000.0).contains(&shape) {
            return Err(BadTerm::new("shape", format!("`shape` is {shape}: give a number from 0.01 to 10000")));
        }
        Ok(Self { shape, scale: finite("mean", mean)? / shape })
    }
}

impl DurationLaw for Gamma {
    fn sample(&self, u: f64) -> Span {
        whole(self.scale * lower_inverse(self.shape, u))
    }

    fn mean_us(&self) -> f64 {
        self.shape * self.scale
    }

    fn residual(&self, u1: f64, u2: f64) -> Span {
        // Weighted by length a gamma law is the gamma law of one more phase.
        whole(self.scale * lower_inverse(self.shape + 1.0, u1) * u2)
    }
}

/// The registry entry.
pub static GAMMA: Generator = Generator {
    name: "gamma",
    summary: "sums of exponential phases (Erlang for whole shapes)",
    bare: "",
    options: &[SHAPE, MEAN],
    source: "inverse transform by Newton's method on the incomplete gamma function",
    make: Make::Duration(|terms| {
        let shape = required("gamma", &SHAPE, terms.number("shape")?)?;
        let mean = required("gamma", &MEAN, terms.span("mean")?)?;
        Ok(Law::from(Gamma::new(shape, mean)?))
    }),
};

const SHAPE: Choosable =
    Choosable { name: "shape", unit: Unit::Number, default: "", summary: "1 / squared coefficient of variation" };
