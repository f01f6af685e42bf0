//! A trace that begins at 0.

use windtunnel_scheduler::time::Time;

use super::{Boxed, noted};
use crate::model::{Job, Labels, Note, Source, SourceError};

/// A source moved in time so that its first submission is at 0. Recorded starts move along; one that would come before
/// 0 becomes 0 and is noted.
pub struct Shifted {
    inner: Boxed,
    first: Option<Time>,
    moved: u64,
    early: u64,
}

impl Shifted {
    /// `inner`, moved.
    #[must_use]
    pub fn new(inner: Boxed) -> Self {
        Self { inner, first: None, moved: 0, early: 0 }
    }
}

impl Source for Shifted {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        let first = *self.first.get_or_insert(job.submit);
        if first == Time::ZERO {
            return Ok(Some(job));
        }
        self.moved += 1;
        job.submit = Time(job.submit.since(first).0);
        for group in job.groups.as_mut_slice() {
            if let Some(start) = group.truth.recorded.as_mut().and_then(|recorded| recorded.start.as_mut()) {
                self.early += u64::from(*start < first);
                *start = Time(start.since(first).0);
            }
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("recorded_start_before_zero", false, self.early), ("shifted", false, self.moved)])
    }
}
