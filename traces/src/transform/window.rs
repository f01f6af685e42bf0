//! Consecutive jobs of a log, counted and not timed: how studies that train schedulers cut a log.

use super::{Boxed, Estimate, noted};
use crate::model::{Job, Labels, Note, Source, SourceError};

/// `jobs` consecutive jobs from position `start` on, the first job of the log being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many jobs are passed over.
    pub start: u64,
    /// How many are kept.
    pub jobs: u64,
}

/// A source cut to a window. Times stay as recorded. A job without an estimate is believed to take as long as it does.
pub struct Windowed {
    inner: Boxed,
    window: Window,
    passed: u64,
    kept: u64,
}

impl Windowed {
    /// A window of `inner`.
    #[must_use]
    pub fn new(inner: Boxed, window: Window) -> Self {
        Self { inner, window, passed: 0, kept: 0 }
    }
}

impl Source for Windowed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        while self.passed < self.window.start {
            if self.inner.next_job()?.is_none() {
                return Ok(None);
            }
            self.passed += 1;
        }
        if self.kept == self.window.jobs {
            return Ok(None);
        }
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        self.kept += 1;
        for group in job.groups.as_mut_slice() {
            if group.ask.estimate.is_none() {
                group.ask.estimate = Estimate::Actual.of(None, &group.truth.run, || 0.0);
            }
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("outside_the_window", true, self.passed)])
    }
}
