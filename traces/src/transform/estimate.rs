//! What the scheduler is told about run times.

use windtunnel_scheduler::time::Span;

use super::ratio::Ratio;
use super::{Boxed, noted};
use crate::model::{Job, Labels, Note, Run, Source, SourceError};
use crate::synthetic::key::BELIEF;
use crate::synthetic::{BadTerm, Key};

/// What the scheduler is told about run times. Tasks that never end have no estimate, whatever is chosen, except
/// [`Estimate::AsGiven`]; a group whose tasks run differently long is believed to take as long as its longest task.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Estimate {
    /// What the trace says.
    #[default]
    AsGiven,
    /// Nothing.
    None,
    /// The real run time.
    Actual,
    /// A multiple of the estimate given, else of the real run time, and something on top.
    Factor {
        /// The multiple.
        factor: Ratio,
        /// What is added.
        add: Span,
    },
    /// The real run time times a number anywhere between two bounds, drawn for each group.
    Uniform {
        /// The least multiple.
        from: f64,
        /// The greatest.
        to: f64,
    },
    /// The estimate given, else the real run time, rounded up to the next of these values; what is above the last of
    /// them stays. Users tend to choose from few round values (Tsafrir, Etsion, Feitelson, Modeling User Runtime
    /// Estimates, 2005).
    Modal(Vec<Span>),
}

impl Estimate {
    /// Checks the numbers.
    ///
    /// # Errors
    /// If one is out of range.
    pub fn check(&self) -> Result<(), BadTerm> {
        let bad = |message: String| Err(BadTerm::new("estimate", message));
        match self {
            Self::Uniform { from, to } if !(*from > 0.0 && from <= to && *to <= 1e9) => {
                bad(format!("`estimate` goes from {from} to {to}: give numbers above 0, the least first"))
            }
            Self::Modal(values) if values.is_empty() || values.windows(2).any(|pair| pair[0] >= pair[1]) => {
                bad("`estimate` lists values that do not rise: give at least one, in rising order".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The estimate of a group with this run and the estimate `given`; `unit` is a uniform number, asked for only if
    /// one is needed.
    #[must_use]
    #[inline]
    pub fn of(&self, given: Option<Span>, run: &Run, unit: impl FnOnce() -> f64) -> Option<Span> {
        match self {
            Self::AsGiven => return given,
            Self::None => return None,
            _ => {}
        }
        let real = match run {
            Run::Same(span) => *span,
            Run::Each(spans) => spans.iter().copied().max().unwrap_or(Span::FOREVER),
        };
        if real.is_forever() {
            return None;
        }
        Some(match self {
            Self::Factor { factor, add } => Span(factor.times(given.unwrap_or(real).0)) + *add,
            // To the nearest microsecond; a double is exact to 285 years.
            Self::Uniform { from, to } => Span((real.0 as f64 * (from + (to - from) * unit()) + 0.5) as u64),
            Self::Modal(values) => {
                let wanted = given.unwrap_or(real);
                values.get(values.partition_point(|&value| value < wanted)).copied().unwrap_or(wanted)
            }
            Self::AsGiven | Self::None | Self::Actual => real,
        })
    }
}

/// A source whose jobs have other estimates.
pub struct Estimated {
    inner: Boxed,
    estimate: Estimate,
    seed: u64,
    workload: u32,
    changed: u64,
}

impl Estimated {
    /// Another estimate for every group of `inner`.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(inner: Boxed, estimate: Estimate, seed: u64, workload: u32) -> Result<Self, BadTerm> {
        estimate.check()?;
        Ok(Self { inner, estimate, seed, workload, changed: 0 })
    }
}

impl Source for Estimated {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        // Keyed by name, so that a job keeps its draw whatever is cut from the trace before it.
        let key = Key::named(self.seed, self.workload, &job.name);
        let mut changed = false;
        for (place, group) in job.groups.as_mut_slice().iter_mut().enumerate() {
            let draw = || key.unit(BELIEF, place as u64);
            let estimate = self.estimate.of(group.ask.estimate, &group.truth.run, draw);
            changed |= estimate != group.ask.estimate;
            group.ask.estimate = estimate;
        }
        self.changed += u64::from(changed);
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("estimate_changed", false, self.changed)])
    }
}
