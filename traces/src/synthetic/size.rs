//! How many tasks a job has.

use super::choice::Choice;
use super::terms::BadTerm;

/// How many tasks a job has (or replicas a service): at least 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// Always so many.
    Constant(u32),
    /// Anywhere between two bounds (both included), all equally likely.
    Uniform {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// Geometric from 1 on, with this mean (before the cap; at least 1).
    Geometric {
        /// The mean.
        mean: f64,
        /// Larger jobs become this large; `u32::MAX` for none.
        max: u32,
    },
    /// Sizes with weights.
    Listed(Vec<(u32, f64)>),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Constant(1)
    }
}

impl Sizes {
    /// The mean number of tasks, any cap included.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(count) => f64::from(*count),
            Self::Uniform { min, max } => 0.5 * (f64::from(*min) + f64::from(*max)),
            // The sum of the tail (1 - 1/mean)^k for k below the cap.
            Self::Geometric { mean, max } => mean * (1.0 - libm::pow(1.0 - 1.0 / mean, f64::from(*max))),
            Self::Listed(list) => {
                let total: f64 = list.iter().map(|(_, weight)| weight).sum();
                list.iter().map(|(count, weight)| f64::from(*count) * (weight / total)).sum()
            }
        }
    }

    /// Checks the numbers and prepares draws. `key` is what the user calls it.
    pub(super) fn ready(&self, key: &str) -> Result<Ready, BadTerm> {
        let bad = |message: String| Err(BadTerm::new(key, message));
        match self {
            Self::Constant(0) => bad(format!("`{key}` is 0: give at least 1")),
            Self::Constant(count) => Ok(Ready::Constant(*count)),
            Self::Uniform { min, max } if *min == 0 || min > max => {
                bad(format!("`{key}` goes from {min} to {max}: give bounds of at least 1, the least first"))
            }
            Self::Uniform { min, max } => Ok(Ready::Uniform { min: *min, span: u64::from(max - min) + 1 }),
            Self::Geometric { mean, max } if !mean.is_finite() || *mean < 1.0 || *max == 0 => {
                bad(format!("`{key}` has mean {mean} and max {max}: give numbers of at least 1"))
            }
            Self::Geometric { mean, .. } if *mean == 1.0 => Ok(Ready::Constant(1)),
            Self::Geometric { mean, max } => Ok(Ready::Geometric { log: libm::log1p(-1.0 / mean), max: *max }),
            Self::Listed(list) if list.iter().any(|(count, _)| *count == 0) => {
                bad(format!("`{key}` lists 0: give counts of at least 1"))
            }
            Self::Listed(list) => Ok(Ready::Listed(Choice::new(key, list.clone())?)),
        }
    }
}

/// Sizes, checked.
#[derive(Clone, Debug)]
pub(super) enum Ready {
    Constant(u32),
    Uniform { min: u32, span: u64 },
    Geometric { log: f64, max: u32 },
    Listed(Choice<u32>),
}

impl Ready {
    /// The count that uniform `bits` (asked for only if needed) mean.
    #[inline]
    pub(super) fn draw(&self, bits: impl FnOnce() -> u64) -> u32 {
        match self {
            Self::Constant(count) => *count,
            Self::Uniform { min, span } => min + ((u128::from(bits()) * u128::from(*span)) >> 64) as u32,
            Self::Geometric { log, max } => {
                let u = ((bits() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64);
                // A cast saturates, so a huge draw ends at the cap.
                ((libm::log(u) / log) as u32).saturating_add(1).min(*max)
            }
            Self::Listed(choice) => *choice.pick(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_scheduler::draw;

    fn mean_of(sizes: &Sizes) -> f64 {
        let ready = sizes.ready("size").unwrap();
        let sum: u64 = (0..200_000).map(|index| u64::from(ready.draw(|| draw::bits(4, 5, index, 0)))).sum();
        sum as f64 / 200_000.0
    }

    #[test]
    fn means_are_as_stated() {
        for sizes in [
            Sizes::Constant(3),
            Sizes::Uniform { min: 2, max: 9 },
            Sizes::Geometric { mean: 1.0, max: u32::MAX },
            Sizes::Geometric { mean: 7.5, max: u32::MAX },
            Sizes::Geometric { mean: 7.5, max: 10 },
            Sizes::Listed(vec![(1, 8.0), (100, 1.0), (5, 0.0)]),
        ] {
            let (seen, stated) = (mean_of(&sizes), sizes.mean());
            assert!((seen / stated - 1.0).abs() < 0.01, "{sizes:?}: {seen} for {stated}");
        }
    }

    #[test]
    fn nobody_gets_a_job_without_tasks() {
        for sizes in [
            Sizes::Constant(0),
            Sizes::Uniform { min: 0, max: 3 },
            Sizes::Uniform { min: 4, max: 3 },
            Sizes::Geometric { mean: 0.5, max: 9 },
            Sizes::Geometric { mean: 2.0, max: 0 },
            Sizes::Listed(vec![(0, 1.0)]),
            Sizes::Listed(vec![]),
        ] {
            assert_eq!(sizes.ready("size").unwrap_err().key, "size", "{sizes:?}");
        }
    }
}
