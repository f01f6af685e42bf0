//! Arrivals whose gaps have any law of durations.

use windtunnel_scheduler::time::Time;

use super::{ArrivalLaw, Arrivals, Tick};
use crate::synthetic::key::{GAP, Key};
use crate::synthetic::law::{Law, Lognormal, Weibull};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, positive, required};
use crate::synthetic::{Generator, Make};

/// Arrivals whose gaps have any law of durations, also before the first; a gap is at least 1 microsecond.
#[derive(Clone, Debug)]
pub struct Renewal(Law);

impl Renewal {
    /// From the law of the gaps.
    ///
    /// # Errors
    /// If the gaps have no finite mean.
    pub fn new(gaps: Law) -> Result<Self, BadTerm> {
        if gaps.mean_us().is_finite() {
            return Ok(Self(gaps));
        }
        Err(BadTerm::new("gaps", "the law of gaps has no finite mean: give one that has"))
    }
}

impl ArrivalLaw for Renewal {
    fn next(&self, tick: Tick, key: Key) -> Time {
        tick.previous + self.0.sample(key.unit(GAP, 0))
    }

    fn rate_per_s(&self) -> f64 {
        1e6 / self.0.mean_us()
    }
}

/// The registry entry.
pub static RENEWAL: Generator = Generator {
    name: "renewal",
    summary: "independent weibull or lognormal gaps",
    bare: "",
    options: &[super::RATE, SHAPE, SIGMA],
    source: "inverse transform; other laws of gaps through `Renewal::new`",
    make: Make::Arrivals(|terms| {
        let rate = required("renewal", &super::RATE, terms.rate("rate")?)?;
        let mean = super::gap(1e6 / positive("rate", rate)?);
        let gaps = match (terms.number("shape")?, terms.number("sigma")?) {
            (Some(shape), None) => Law::from(Weibull::with_mean(shape, mean, None)?),
            (None, Some(sigma)) => Law::from(Lognormal::with_mean(mean, sigma, None)?),
            _ => {
                return Err(BadTerm::new(
                    "shape",
                    "renewal is over- or underdetermined: give either `shape` or `sigma`",
                ));
            }
        };
        Ok(Arrivals::from(Renewal::new(gaps)?))
    }),
};

const SHAPE: Choosable =
    Choosable { name: "shape", unit: Unit::Number, default: "", summary: "weibull gaps of this shape; or give sigma" };
const SIGMA: Choosable =
    Choosable { name: "sigma", unit: Unit::Number, default: "", summary: "lognormal gaps of this sigma" };
