//! A part of a trace.

use windtunnel_scheduler::time::Time;

use super::{Boxed, noted};
use crate::model::{Job, Labels, Note, Source, SourceError};
use crate::synthetic::BadTerm;

/// Which part of a trace: jobs with `from <= submit < to`, and of these the first so many. Times stay as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most so many jobs, counted from the first that is not before `from`; None for all.
    pub jobs: Option<u64>,
    /// The first instant that counts.
    pub from: Time,
    /// The first instant that does not; [`Time::NEVER`] for no bound.
    pub to: Time,
}

impl Default for Limit {
    fn default() -> Self {
        Self { jobs: None, from: Time::ZERO, to: Time::NEVER }
    }
}

/// A source cut to a part of it. What follows the part is not even read, and so cannot be counted.
pub struct Limited {
    inner: Boxed,
    limit: Limit,
    left: u64,
    before: u64,
    ended: bool,
}

impl Limited {
    /// A part of `inner`.
    ///
    /// # Errors
    /// If the part is empty: `to` is not after `from`.
    pub fn new(inner: Boxed, limit: Limit) -> Result<Self, BadTerm> {
        if limit.to <= limit.from {
            let message = format!("`limit` goes from {} to {}: give a later `to`", limit.from, limit.to);
            return Err(BadTerm::new("limit.to", message));
        }
        Ok(Self { inner, limit, left: limit.jobs.unwrap_or(u64::MAX), before: 0, ended: false })
    }
}

impl Source for Limited {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if self.ended || self.left == 0 {
            self.ended = true;
            return Ok(None);
        }
        while let Some(job) = self.inner.next_job()? {
            if job.submit < self.limit.from {
                self.before += 1;
            } else if job.submit >= self.limit.to {
                self.ended = true;
                return Ok(None);
            } else {
                self.left -= 1;
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        let ended = u64::from(self.ended);
        noted(&self.inner, &[("limit_before_from", true, self.before), ("limit_rest_not_read", true, ended)])
    }
}
