//! Arrivals that follow the day.

use core::f64::consts::TAU;

use windtunnel_scheduler::time::{Span, Time};

use super::{ArrivalLaw, Arrivals, RATE, Tick, gap};
use crate::synthetic::key::{GAP, Key};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, positive, required};
use crate::synthetic::{Generator, Make};

/// A day.
pub const DAY: Span = Span::from_seconds(86_400);

/// A Poisson process whose rate repeats every period. Instant 0 of the experiment is the beginning of a period
/// (midnight).
///
/// Arrival i is where the integral of the rate since arrival i - 1 reaches an exponential draw of job i: the inverse of
/// the integrated rate (Çınlar, Introduction to Stochastic Processes, 1975), without rejected draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily {
    /// Mean arrivals per microsecond.
    rate: f64,
    period: u64,
    course: Course,
}

#[derive(Clone, Debug, PartialEq)]
enum Course {
    /// `1 + swing * cos(2 pi (t - peak) / period)`.
    Wave { swing: f64, peak: f64 },
    /// Equal slots of a period, each with its own rate; their mean is 1.
    Slots(Vec<f64>),
}

impl Daily {
    /// A sine wave around a mean rate per second, with the ratio of its highest to its lowest rate (at least 1) and the
    /// time within the period at which it is highest.
    ///
    /// # Errors
    /// If an argument is out of range.
    pub fn wave(rate_per_s: f64, peak_to_trough: f64, peak: Span, period: Span) -> Result<Self, BadTerm> {
        if !(1.0..=1e6).contains(&peak_to_trough) {
            let message = format!("`peak_to_trough` is {peak_to_trough}: give a number from 1 to 1000000");
            return Err(BadTerm::new("peak_to_trough", message));
        }
        let swing = (peak_to_trough - 1.0) / (peak_to_trough + 1.0);
        let period = Self::period(period)?;
        let course = Course::Wave { swing, peak: (peak.0 % period) as f64 };
        Ok(Self { rate: positive("rate", rate_per_s)? / 1e6, period, course })
    }

    /// A profile: the period in equal slots, with a weight for the rate in each. Weights of any scale; their mean
    /// stands for the mean rate.
    ///
    /// # Errors
    /// If an argument is out of range or no weight is positive.
    pub fn profile(rate_per_s: f64, weights: &[f64], period: Span) -> Result<Self, BadTerm> {
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return Err(BadTerm::new("profile", "`profile` holds a bad weight: give finite numbers of at least 0"));
        }
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let period = Self::period(period)?;
        if !mean.is_finite() || mean <= 0.0 || weights.len() as u64 > period {
            return Err(BadTerm::new(
                "profile",
                "`profile` leaves no time to arrive: give at least one positive weight",
            ));
        }
        let course = Course::Slots(weights.iter().map(|weight| weight / mean).collect());
        Ok(Self { rate: positive("rate", rate_per_s)? / 1e6, period, course })
    }

    fn period(period: Span) -> Result<u64, BadTerm> {
        finite("period", period)?;
        Ok(period.0)
    }

    /// How long after `from` (within the period) the integral of the relative rate reaches `area` (below one period).
    fn ahead(&self, from: f64, area: f64) -> f64 {
        let period = self.period as f64;
        match &self.course {
            Course::Wave { swing, peak } => wave_ahead(*swing, TAU / period, from - peak, area, period),
            Course::Slots(slots) => slots_ahead(slots, period / slots.len() as f64, from, area),
        }
    }
}

/// Solves `x + swing / turn * (sin(turn (from + x)) - sin(turn from)) = area` for x by Newton's steps inside a bracket.
fn wave_ahead(swing: f64, turn: f64, from: f64, area: f64, period: f64) -> f64 {
    let (reach, begin) = (swing / turn, libm::sin(turn * from));
    let (mut low, mut high) = (0.0, period);
    let mut x = (area / (1.0 + swing * libm::cos(turn * from))).min(period);
    for _ in 0..100 {
        let (sine, cosine) = libm::sincos(turn * (from + x));
        let over = x + reach * (sine - begin) - area;
        if over > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let next = x - over / (1.0 + swing * cosine);
        let next = if next >= low && next <= high { next } else { 0.5 * (low + high) };
        // A hundredth of a microsecond is far below what is rounded away.
        if (next - x).abs() < 0.01 {
            return next;
        }
        x = next;
    }
    x
}

fn slots_ahead(slots: &[f64], width: f64, from: f64, mut area: f64) -> f64 {
    let mut slot = ((from / width) as usize).min(slots.len() - 1);
    let mut left = (width * (slot + 1) as f64 - from).max(0.0);
    let mut x = 0.0;
    // One turn more than a period, for what is left of the slot in which it began.
    for _ in 0..=slots.len() {
        let whole = slots[slot] * left;
        if area < whole {
            return x + area / slots[slot];
        }
        area -= whole;
        x += left;
        slot = (slot + 1) % slots.len();
        left = width;
    }
    x
}

impl ArrivalLaw for Daily {
    #[inline]
    fn next(&self, tick: Tick, key: Key) -> Time {
        let area = -libm::log(1.0 - key.unit(GAP, 0)) / self.rate;
        let periods = libm::floor(area / self.period as f64);
        let rest = (area - periods * self.period as f64).max(0.0);
        let from = (tick.previous.0 % self.period) as f64;
        let whole = Span((periods as u64).saturating_mul(self.period));
        tick.previous + whole + gap(self.ahead(from, rest))
    }

    fn rate_per_s(&self) -> f64 {
        self.rate * 1e6
    }
}

/// The registry entry.
pub static DAILY: Generator = Generator {
    name: "daily",
    summary: "arrivals that follow the day, as a wave or a profile",
    bare: "rate",
    options: &[
        RATE,
        Choosable { name: "peak_to_trough", unit: Unit::Number, default: "3", summary: "highest over lowest rate" },
        Choosable { name: "peak", unit: Unit::Span, default: "14h", summary: "when the rate is highest" },
        Choosable {
            name: "profile",
            unit: Unit::Numbers,
            default: "none",
            summary: "weights of equal slots, not a wave",
        },
        Choosable { name: "period", unit: Unit::Span, default: "24h", summary: "after which the course repeats" },
    ],
    source: "inverse of the integrated rate (Çınlar 1975)",
    make: Make::Arrivals(|terms| {
        let rate = required("daily", &RATE, terms.rate("rate")?)?;
        let period = terms.span("period")?.unwrap_or(DAY);
        if let Some(profile) = terms.numbers("profile")? {
            if let Some(key) = ["peak_to_trough", "peak"].into_iter().find(|key| terms.has(key)) {
                let message = format!("`{key}` has no effect beside `profile`: leave out one of them");
                return Err(BadTerm::new(key, message));
            }
            return Ok(Arrivals::from(Daily::profile(rate, profile, period)?));
        }
        let peak = terms.span("peak")?.unwrap_or(Span::from_seconds(14 * 3_600));
        let ratio = terms.number("peak_to_trough")?.unwrap_or(3.0);
        Ok(Arrivals::from(Daily::wave(rate, ratio, peak, period)?))
    }),
};
