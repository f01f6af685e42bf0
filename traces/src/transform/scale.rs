//! More or less of a trace, denser or longer.

use windtunnel_scheduler::time::{Span, Time};

use super::ratio::Ratio;
use super::{Boxed, noted};
use crate::model::{Course, Group, Job, Labels, Name, Note, Run, Source, SourceError};
use crate::synthetic::Key;
use crate::synthetic::key::LOAD;

/// How a trace is scaled. The first submission of the trace stays where it is; all else is measured from there, by
/// exact decimal fractions and rounded to whole microseconds then, so that nothing drifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Jobs are kept or cloned so that about this many times as many come. Whether a job is kept (or has one clone
    /// more) is a draw of its own: the jobs kept at a lower load are also kept at a higher one. Clones are called
    /// `12+1`, `12+2`, are handed in at the same instant as the original, and have no recorded start or node.
    pub load: Ratio,
    /// Gaps between submissions are divided by this.
    pub arrivals: Ratio,
    /// Gaps, run times, estimates and recorded waits are multiplied by this.
    pub time: Ratio,
}

impl Default for Scale {
    fn default() -> Self {
        Self { load: Ratio::ONE, arrivals: Ratio::ONE, time: Ratio::ONE }
    }
}

/// A source with more or fewer jobs, or at another pace.
pub struct Scaled {
    inner: Boxed,
    scale: Scale,
    seed: u64,
    workload: u32,
    first: Option<Time>,
    /// The last job that came, with how many of its clones are out and how many there are to be.
    again: Option<(Job, u64, u64)>,
    dropped: u64,
    cloned: u64,
    unrecorded: u64,
    stretched: u64,
}

impl Scaled {
    /// `inner`, scaled.
    #[must_use]
    pub fn new(inner: Boxed, scale: Scale, seed: u64, workload: u32) -> Self {
        let (first, again) = (None, None);
        Self { inner, scale, seed, workload, first, again, dropped: 0, cloned: 0, unrecorded: 0, stretched: 0 }
    }

    /// How many times a job is to come.
    fn copies(&self, job: &Job) -> u64 {
        let (whole, share) = self.scale.load.parts();
        let key = || match job.course.as_deref() {
            // All stages of a graph are kept or cloned together.
            Some(Course::Stage(stage)) => Key::named(self.seed, self.workload, &Name::Number(stage.graph)),
            _ => Key::named(self.seed, self.workload, &job.name),
        };
        let more = share > 0 && key().bits(LOAD, 0) < share;
        whole + u64::from(more)
    }

    fn clone_of(&mut self, job: &Job, number: u64) -> Job {
        let mut clone = job.clone();
        clone.name = Name::Text(format!("{}+{number}", job.name).into());
        // The copies belong together, beside what they are copies of.
        match clone.course.as_deref_mut() {
            Some(Course::Run { schedule }) => *schedule = schedule.wrapping_add((number as u32) << 20),
            Some(Course::Stage(stage)) => stage.graph = stage.graph.wrapping_add(number << 40),
            None => {}
        }
        self.cloned += 1;
        for group in clone.groups.as_mut_slice() {
            // Two tasks cannot have been on the same devices at the same time.
            self.unrecorded += u64::from(group.truth.recorded.take().is_some());
        }
        clone
    }

    fn stretch(&mut self, job: &mut Job) {
        let first = *self.first.get_or_insert(job.submit);
        let Scale { arrivals, time, .. } = self.scale;
        if arrivals.is_one() && time.is_one() {
            return;
        }
        self.stretched += 1;
        let submit = job.submit;
        job.submit = first + Span(time.times(arrivals.inverse().times(submit.since(first).0)));
        for group in job.groups.as_mut_slice() {
            stretch_group(group, time, submit, job.submit);
        }
    }
}

fn stretched(time: Ratio, span: Span) -> Span {
    if span.is_forever() { span } else { Span(time.times(span.0).clamp(u64::from(span != Span::ZERO), u64::MAX - 1)) }
}

fn stretch_group(group: &mut Group, time: Ratio, submit: Time, scaled: Time) {
    match &mut group.truth.run {
        Run::Same(span) => *span = stretched(time, *span),
        Run::Each(spans) => {
            for span in spans {
                *span = stretched(time, *span);
            }
        }
    }
    group.ask.estimate = group.ask.estimate.map(|estimate| stretched(time, estimate));
    if let Some(start) = group.truth.recorded.as_mut().and_then(|recorded| recorded.start.as_mut()) {
        // A snapshot has tasks that started before they were handed in, as far as it knows.
        *start = if *start >= submit {
            scaled + Span(time.times(start.since(submit).0))
        } else {
            Time(scaled.0.saturating_sub(time.times(submit.since(*start).0)))
        };
    }
}

impl Source for Scaled {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if let Some((job, out, copies)) = self.again.take() {
            let clone = self.clone_of(&job, out);
            if out + 1 < copies {
                self.again = Some((job, out + 1, copies));
            }
            return Ok(Some(clone));
        }
        while let Some(mut job) = self.inner.next_job()? {
            self.stretch(&mut job);
            match self.copies(&job) {
                0 => self.dropped += 1,
                1 => return Ok(Some(job)),
                copies => {
                    self.again = Some((job.clone(), 1, copies));
                    return Ok(Some(job));
                }
            }
        }
        Ok(None)
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(
            &self.inner,
            &[
                ("load_cloned", false, self.cloned),
                ("load_clone_without_record", false, self.unrecorded),
                ("load_dropped", true, self.dropped),
                ("stretched", false, self.stretched),
            ],
        )
    }
}
