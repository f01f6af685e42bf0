//! Arrivals in bursts, as scripts and retries make them.

use windtunnel_scheduler::time::{Span, Time};

use super::{ArrivalLaw, Arrivals, RATE, Tick, gap};
use crate::synthetic::key::{BURST, GAP, Key};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, positive, required};
use crate::synthetic::{Generator, Make};

/// Bursts of a geometric number of jobs, a fixed gap apart; from the last job of a burst to the first of the next an
/// exponential gap passes.
///
/// A geometric burst has no memory: after every job it ends with the chance `1 / size`. So whether job i begins a burst
/// is a draw of job i alone. Without gaps inside bursts this is the batch Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursty {
    rate_per_s: f64,
    /// The chance that a burst is over after a job.
    over: f64,
    within: Span,
    between_us: f64,
}

impl Bursty {
    /// From the mean number of jobs per second over all, the mean number of jobs in a burst (at least 1), and the gap
    /// between jobs of one burst.
    ///
    /// # Errors
    /// If an argument is out of range, or the gaps inside bursts alone need more time than the rate leaves.
    pub fn new(rate_per_s: f64, size: f64, within: Span) -> Result<Self, BadTerm> {
        let rate_per_s = positive("rate", rate_per_s)?;
        if !(1.0..=1e9).contains(&size) {
            return Err(BadTerm::new("size", format!("`size` is {size}: give a number from 1 to 1000000000")));
        }
        let between_us = size * 1e6 / rate_per_s - (size - 1.0) * within.0 as f64;
        if between_us <= 0.0 {
            let message = format!("`within` {within} leaves no time between bursts at this rate: give a shorter one");
            return Err(BadTerm::new("within", message));
        }
        Ok(Self { rate_per_s, over: 1.0 / size, within, between_us })
    }
}

impl ArrivalLaw for Bursty {
    #[inline]
    fn next(&self, tick: Tick, key: Key) -> Time {
        if tick.index > 0 && key.unit(BURST, 0) >= self.over {
            return tick.previous + self.within;
        }
        tick.previous + gap(-self.between_us * libm::log(1.0 - key.unit(GAP, 0)))
    }

    fn rate_per_s(&self) -> f64 {
        self.rate_per_s
    }
}

/// The registry entry.
pub static BURSTY: Generator = Generator {
    name: "bursty",
    summary: "bursts of a geometric number of jobs",
    bare: "",
    options: &[RATE, SIZE, WITHIN],
    source: "batch Poisson process, spread by a fixed gap inside bursts",
    make: Make::Arrivals(|terms| {
        let rate = required("bursty", &RATE, terms.rate("rate")?)?;
        let size = terms.number("size")?.unwrap_or(10.0);
        let within = terms.span("within")?.unwrap_or(Span::ZERO);
        Ok(Arrivals::from(Bursty::new(rate, size, within)?))
    }),
};

const SIZE: Choosable = Choosable { name: "size", unit: Unit::Number, default: "10", summary: "mean jobs in a burst" };
const WITHIN: Choosable =
    Choosable { name: "within", unit: Unit::Span, default: "0s", summary: "gap between jobs of one burst" };
