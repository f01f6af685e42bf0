//! Durations whose logarithm is normal: what most batch systems record.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MAX, cap_of, cap_us, whole};
use crate::synthetic::normal::{phi, quantile};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, positive};
use crate::synthetic::{Generator, Make};

/// Durations whose logarithm is normal, of which longer ones than a cap become that long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lognormal {
    /// Of the logarithm of microseconds.
    mu: f64,
    sigma: f64,
    cap: f64,
    /// The share of the length-weighted law below the cap.
    below: f64,
    /// The part of the mean that draws below the cap bring.
    mean_below: f64,
    /// The part that draws at the cap bring.
    mean_at_cap: f64,
}

impl Lognormal {
    /// From the median and the deviation of the natural logarithm; both are those before any cap.
    ///
    /// # Errors
    /// If the median or the cap is zero or forever, or sigma not positive.
    pub fn new(median: Span, sigma: f64, max: Option<Span>) -> Result<Self, BadTerm> {
        let mu = libm::log(finite("median", median)?);
        Self::from_logarithm(mu, positive("sigma", sigma)?, cap_us(max)?)
    }

    /// From the median and the 99th percentile; both are those before any cap.
    ///
    /// # Errors
    /// If a time is zero or forever, or `p99` is not above the median.
    pub fn with_p99(median: Span, p99: Span, max: Option<Span>) -> Result<Self, BadTerm> {
        let sigma = libm::log(finite("p99", p99)? / finite("median", median)?) / quantile(0.99);
        if sigma <= 0.0 {
            let message = format!("`p99` {p99} is not above `median` {median}: give a longer p99");
            return Err(BadTerm::new("p99", message));
        }
        Self::new(median, sigma, max)
    }

    /// From the mean before any cap and the deviation of the natural logarithm.
    ///
    /// # Errors
    /// If the mean or the cap is zero or forever, or sigma not positive.
    pub fn with_mean(mean: Span, sigma: f64, max: Option<Span>) -> Result<Self, BadTerm> {
        let sigma = positive("sigma", sigma)?;
        Self::from_logarithm(libm::log(finite("mean", mean)?) - 0.5 * sigma * sigma, sigma, cap_us(max)?)
    }

    fn from_logarithm(mu: f64, sigma: f64, cap: f64) -> Result<Self, BadTerm> {
        let mean = libm::exp(mu + 0.5 * sigma * sigma);
        if !mean.is_finite() || sigma > 50.0 {
            return Err(BadTerm::new("sigma", format!("`sigma` {sigma} is beyond any trace: give at most 50")));
        }
        let (below, at_cap) = if cap.is_finite() {
            let place = (libm::log(cap) - mu) / sigma;
            (phi(place - sigma), cap * phi(-place))
        } else {
            (1.0, 0.0)
        };
        Ok(Self { mu, sigma, cap, below, mean_below: mean * below, mean_at_cap: at_cap })
    }
}

impl DurationLaw for Lognormal {
    #[inline]
    fn sample(&self, u: f64) -> Span {
        whole(libm::exp(self.mu + self.sigma * quantile(u)).min(self.cap))
    }

    fn mean_us(&self) -> f64 {
        self.mean_below + self.mean_at_cap
    }

    fn residual(&self, u1: f64, u2: f64) -> Span {
        // Weighted by length a lognormal is a lognormal again, with mu + sigma^2 for mu.
        let place = u1 * self.mean_us();
        let length = if place < self.mean_below {
            let u = place / self.mean_below * self.below;
            libm::exp(self.mu + self.sigma * (self.sigma + quantile(u))).min(self.cap)
        } else {
            self.cap
        };
        whole(length * u2)
    }
}

/// The registry entry.
pub static LOGNORMAL: Generator = Generator {
    name: "lognormal",
    summary: "durations whose logarithm is normal",
    bare: "",
    options: &[
        Choosable { name: "median", unit: Unit::Span, default: "", summary: "the median; or give mean" },
        Choosable { name: "mean", unit: Unit::Span, default: "", summary: "the mean before any cap, with sigma" },
        Choosable { name: "sigma", unit: Unit::Number, default: "", summary: "deviation of the natural logarithm" },
        Choosable { name: "p99", unit: Unit::Span, default: "", summary: "the 99th percentile, in place of sigma" },
        MAX,
    ],
    source: "inverse transform; quantile of the normal by Wichura, AS 241, 1988",
    make: Make::Duration(|terms| {
        let (median, mean) = (terms.span("median")?, terms.span("mean")?);
        let (sigma, p99, max) = (terms.number("sigma")?, terms.span("p99")?, cap_of(terms)?);
        Ok(Law::from(match (median, mean, sigma, p99) {
            (Some(median), None, Some(sigma), None) => Lognormal::new(median, sigma, max)?,
            (Some(median), None, None, Some(p99)) => Lognormal::with_p99(median, p99, max)?,
            (None, Some(mean), Some(sigma), None) => Lognormal::with_mean(mean, sigma, max)?,
            _ => {
                let message =
                    "lognormal is over- or underdetermined: give median and sigma, median and p99, or mean and sigma";
                return Err(BadTerm::new(if median.is_some() { "sigma" } else { "median" }, message));
            }
        }))
    }),
};
