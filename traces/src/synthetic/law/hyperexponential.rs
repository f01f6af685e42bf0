//! Durations of two sorts, short and long, each without memory: more variable than any exponential.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, MEAN, whole};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, finite, required};
use crate::synthetic::{Generator, Make};

/// A mixture of two exponential laws with balanced means: both sorts bring half of the work. Its draws do not rise with
/// `u`, since one number chooses the sort and then the duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyperexponential {
    /// The share of the short sort.
    short: f64,
    mean: f64,
}

impl Hyperexponential {
    /// From the mean and the squared coefficient of variation, which must be at least 1.
    ///
    /// # Errors
    /// If an argument is out of range.
    pub fn new(mean: Span, cv2: f64) -> Result<Self, BadTerm> {
        if !(1.0..=1e6).contains(&cv2) {
            return Err(BadTerm::new("cv2", format!("`cv2` is {cv2}: give a number from 1 to 1000000, or use gamma")));
        }
        let short = 0.5 * (1.0 + libm::sqrt((cv2 - 1.0) / (cv2 + 1.0)));
        Ok(Self { short, mean: finite("mean", mean)? })
    }

    /// An exponential draw of the sort with this share.
    fn of_sort(&self, share: f64, u: f64) -> Span {
        whole(-self.mean / (2.0 * share) * libm::log(1.0 - u))
    }
}

impl DurationLaw for Hyperexponential {
    fn sample(&self, u: f64) -> Span {
        let long = 1.0 - self.short;
        if u < self.short {
            self.of_sort(self.short, u / self.short)
        } else {
            self.of_sort(long, (u - self.short) / long)
        }
    }

    fn mean_us(&self) -> f64 {
        self.mean
    }

    fn residual(&self, u1: f64, u2: f64) -> Span {
        // Half of the work is of each sort, and what is left of either has the law of the whole.
        self.of_sort(if u1 < 0.5 { self.short } else { 1.0 - self.short }, u2)
    }
}

/// The registry entry.
pub static HYPEREXPONENTIAL: Generator = Generator {
    name: "hyperexponential",
    summary: "short and long durations, more variable than exponential ones",
    bare: "",
    options: &[MEAN, CV2],
    source: "two phases with balanced means; composition and inverse transform",
    make: Make::Duration(|terms| {
        let mean = required("hyperexponential", &MEAN, terms.span("mean")?)?;
        let cv2 = required("hyperexponential", &CV2, terms.number("cv2")?)?;
        Ok(Law::from(Hyperexponential::new(mean, cv2)?))
    }),
};

const CV2: Choosable =
    Choosable { name: "cv2", unit: Unit::Number, default: "", summary: "squared coefficient of variation, at least 1" };
