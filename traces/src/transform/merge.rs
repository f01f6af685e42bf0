//! Several sources as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use windtunnel_scheduler::time::Time;

use super::remap::Remap;
use super::{Boxed, in_order};
use crate::model::{Job, Labels, Note, Source, SourceError};

/// Several sources as one, by (submit, position of the source). Names stay as they are, so two sources may use the
/// same.
pub struct Merged {
    inputs: Vec<Input>,
    labels: Labels,
    /// The submissions of the heads.
    order: BinaryHeap<Reverse<(Time, usize)>>,
    begun: bool,
    /// An error met while looking ahead, told once the jobs read before it are out.
    failed: Option<SourceError>,
}

struct Input {
    source: Boxed,
    remap: Remap,
    head: Option<Job>,
}

impl Merged {
    /// `sources` as one.
    #[must_use]
    pub fn new(sources: Vec<Boxed>) -> Self {
        let inputs = sources.into_iter().map(|source| Input { source, remap: Remap::default(), head: None }).collect();
        Self { inputs, labels: Labels::default(), order: BinaryHeap::new(), begun: false, failed: None }
    }

    /// The next job and the position of its source; labels are those of [`Source::labels`] of `self`.
    ///
    /// # Errors
    /// The first error that a source met, as soon as the job before it is out; then the stream is over.
    pub fn next_from(&mut self) -> Result<Option<(usize, Job)>, SourceError> {
        if !self.begun {
            self.begun = true;
            for place in 0..self.inputs.len() {
                self.advance(place);
            }
        }
        if let Some(error) = self.failed.take() {
            self.order.clear();
            return Err(error);
        }
        let Some(Reverse((_, place))) = self.order.pop() else { return Ok(None) };
        let job = self.inputs[place].head.take();
        self.advance(place);
        Ok(job.map(|job| (place, job)))
    }

    fn advance(&mut self, place: usize) {
        let input = &mut self.inputs[place];
        match input.source.next_job() {
            Ok(Some(mut job)) => {
                for label in [&mut job.role, &mut job.user, &mut job.class] {
                    *label = input.remap.label(*label, input.source.labels(), &mut self.labels);
                }
                self.order.push(Reverse((job.submit, place)));
                input.head = Some(job);
            }
            Ok(None) => {}
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

impl Source for Merged {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(self.next_from()?.map(|(_, job)| job))
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        in_order(self.inputs.iter().flat_map(|input| input.source.notes()))
    }
}
