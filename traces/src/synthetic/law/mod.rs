//! Laws of durations: one file each, drawn by inverse transform over `libm` only and made whole microseconds at once.

mod constant;
mod empirical;
mod exponential;
mod gamma;
mod hyperexponential;
mod lognormal;
mod pareto;
mod uniform;
mod weibull;

use std::fmt;
use std::sync::Arc;

use windtunnel_scheduler::time::Span;

pub use constant::Constant;
pub use empirical::Empirical;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use hyperexponential::Hyperexponential;
pub use lognormal::Lognormal;
pub use pareto::Pareto;
pub use uniform::Uniform;
pub use weibull::Weibull;

pub(super) use constant::CONSTANT;
pub(super) use empirical::EMPIRICAL;
pub(super) use exponential::EXPONENTIAL;
pub(super) use gamma::GAMMA;
pub(super) use hyperexponential::HYPEREXPONENTIAL;
pub(super) use lognormal::LOGNORMAL;
pub(super) use pareto::PARETO;
pub(super) use uniform::UNIFORM;
pub(super) use weibull::WEIBULL;

use super::terms::{BadTerm, Terms, Unit, finite};

/// A law of durations.
pub trait DurationLaw: fmt::Debug + Send + Sync {
    /// The duration that the uniform number `u` (in (0, 1)) stands for: at least 1 microsecond, at most [`LONGEST`] (or
    /// [`Span::FOREVER`] where the law says so). Where the documentation of a law does not say otherwise this is its
    /// quantile function, so it rises with `u`.
    fn sample(&self, u: f64) -> Span;

    /// [`DurationLaw::sample`] of each number. One call for many lets the processor work on them side by side.
    fn fill(&self, units: &[f64], spans: &mut [Span]) {
        for (span, &u) in spans.iter_mut().zip(units) {
            *span = self.sample(u);
        }
    }

    /// The mean in microseconds, any cap included; infinite for a law of [`Span::FOREVER`].
    fn mean_us(&self) -> f64;

    /// What is left of a duration that is met at a random instant: a draw weighted by length, times a uniform number.
    /// It has the density `P(X > x) / mean` and the mean `E[X^2] / (2 E[X])` (Cox, Renewal Theory, 1962, chapter 5). A
    /// law that needs only one uniform number ignores `u2`.
    fn residual(&self, u1: f64, u2: f64) -> Span;
}

/// A law of durations, to be shared and cloned.
#[derive(Clone, Debug)]
pub struct Law(Arc<dyn DurationLaw>);

impl<L: DurationLaw + 'static> From<L> for Law {
    fn from(law: L) -> Self {
        Self(Arc::new(law))
    }
}

impl Law {
    /// See [`DurationLaw::sample`].
    #[must_use]
    #[inline]
    pub fn sample(&self, u: f64) -> Span {
        self.0.sample(u)
    }

    /// See [`DurationLaw::fill`].
    pub fn fill(&self, units: &[f64], spans: &mut [Span]) {
        self.0.fill(units, spans);
    }

    /// See [`DurationLaw::mean_us`].
    #[must_use]
    pub fn mean_us(&self) -> f64 {
        self.0.mean_us()
    }

    /// See [`DurationLaw::residual`].
    #[must_use]
    pub fn residual(&self, u1: f64, u2: f64) -> Span {
        self.0.residual(u1, u2)
    }
}

/// No finite draw is longer: 10^18 microseconds, about 31,700 years.
pub const LONGEST: Span = Span(1_000_000_000_000_000_000);

/// The nearest whole microsecond, at least 1 and at most [`LONGEST`].
#[inline]
pub(super) fn whole(us: f64) -> Span {
    // A cast saturates, and turns what is no number into 0.
    Span(((us + 0.5) as u64).clamp(1, LONGEST.0))
}

/// The option `max`.
fn cap_of(terms: &Terms) -> Result<Option<Span>, BadTerm> {
    terms.span("max")
}

/// Checks a cap: infinite if there is none.
fn cap_us(max: Option<Span>) -> Result<f64, BadTerm> {
    max.map_or(Ok(f64::INFINITY), |max| finite("max", max))
}

const MAX: super::Choosable =
    super::Choosable { name: "max", unit: Unit::Span, default: "none", summary: "longer draws become this long" };
const MEAN: super::Choosable = super::Choosable { name: "mean", unit: Unit::Span, default: "", summary: "the mean" };

#[cfg(test)]
mod tests;
