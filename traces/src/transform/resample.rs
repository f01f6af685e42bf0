//! The same kind of trace, drawn again out of itself: how far a number of one trace would scatter.
//!
//! Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979; for blocks: Politis
//! and Romano, "A circular block-resampling procedure for stationary data", 1992, here with blocks that do not overlap.

use windtunnel_scheduler::time::Time;

use super::{Boxed, noted};
use crate::model::{Job, Labels, Name, Note, Source, SourceError};
use crate::synthetic::Key;
use crate::synthetic::key::RESAMPLE;

/// What is drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// Jobs: every submission stays when it was, and is of a job drawn out of all.
    Jobs,
    /// Blocks: every stretch of the trace is one drawn out of all, with its jobs in the order and the gaps they had.
    Blocks,
}

/// A stretch of a trace that has at least a week; daily cycles stay whole.
const DAY_US: u64 = 86_400_000_000;
/// Stretches of a shorter trace.
const BLOCKS: u64 = 20;

/// A source drawn again. Holds the whole trace, since any of its jobs may be next.
pub struct Resampled {
    inner: Boxed,
    how: Resample,
    seed: u64,
    workload: u32,
    drawn: Option<std::vec::IntoIter<Job>>,
    count: u64,
    unrecorded: u64,
}

impl Resampled {
    /// `inner`, drawn again.
    #[must_use]
    pub fn new(inner: Boxed, how: Resample, seed: u64, workload: u32) -> Self {
        Self { inner, how, seed, workload, drawn: None, count: 0, unrecorded: 0 }
    }

    fn draw(&mut self) -> Result<Vec<Job>, SourceError> {
        let mut jobs = Vec::new();
        while let Some(mut job) = self.inner.next_job()? {
            for group in job.groups.as_mut_slice() {
                // What is drawn did not happen: there is no history to hold it against.
                self.unrecorded += u64::from(group.truth.recorded.take().is_some());
            }
            jobs.push(job);
        }
        let drawn = match self.how {
            Resample::Jobs => self.of_jobs(&jobs),
            Resample::Blocks => self.of_blocks(&jobs),
        };
        self.count = drawn.len() as u64;
        Ok(drawn)
    }

    /// Which of `count` stands at `position`.
    fn pick(&self, position: u64, count: u64) -> u64 {
        let bits = Key::new(self.seed, self.workload, position).bits(RESAMPLE, 0);
        ((u128::from(bits) * u128::from(count)) >> 64) as u64
    }

    fn of_jobs(&self, jobs: &[Job]) -> Vec<Job> {
        let count = jobs.len() as u64;
        let slots = jobs.iter().enumerate();
        slots
            .map(|(at, slot)| {
                let body = jobs[self.pick(at as u64, count) as usize].clone();
                Job { name: slot.name.clone(), submit: slot.submit, ..body }
            })
            .collect()
    }

    fn of_blocks(&self, jobs: &[Job]) -> Vec<Job> {
        let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else { return Vec::new() };
        let (first, span) = (first.submit.0, last.submit.0 - first.submit.0);
        let length = if span >= 7 * DAY_US { DAY_US } else { span / BLOCKS + 1 };
        let blocks = span / length + 1;
        let mut drawn = Vec::with_capacity(jobs.len());
        for block in 0..blocks {
            let from = first + self.pick(block, blocks) * length;
            let begin = jobs.partition_point(|job| job.submit.0 < from);
            let end = jobs.partition_point(|job| job.submit.0 < from + length);
            for job in &jobs[begin..end] {
                let name = Name::Text(format!("{}~{block}", job.name).into());
                let submit = Time(first + block * length + (job.submit.0 - from));
                drawn.push(Job { name, submit, ..job.clone() });
            }
        }
        drawn
    }
}

impl Source for Resampled {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if self.drawn.is_none() {
            self.drawn = Some(self.draw()?.into_iter());
        }
        Ok(self.drawn.as_mut().and_then(Iterator::next))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        let own = [("resampled", false, self.count), ("resampled_without_record", false, self.unrecorded)];
        noted(&self.inner, &own)
    }
}
