//! Conditions on nodes and places for a whole workload.

use super::Boxed;
use crate::model::{Background, Demands, Group, Job, Labels, Note, Source, SourceError};

/// A source, or a background, whose tasks demand more.
pub struct Demanding<S> {
    inner: S,
    demands: Demands,
}

impl<S> Demanding<S> {
    /// `inner` with these demands.
    #[must_use]
    pub fn new(inner: S, demands: Demands) -> Self {
        Self { inner, demands }
    }
}

impl Source for Demanding<Boxed> {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        for group in job.groups.as_mut_slice() {
            self.demands.add_to(&mut group.ask);
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        self.inner.notes()
    }
}

impl Background for Demanding<Box<dyn Background + Send>> {
    fn task(&mut self, index: u64) -> Group {
        let mut group = self.inner.task(index);
        self.demands.add_to(&mut group.ask);
        group
    }
}
