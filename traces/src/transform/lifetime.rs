//! How long tasks run.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::time::Span;

use super::{Boxed, noted};
use crate::model::{Job, Labels, Note, Run, Source, SourceError};
use crate::synthetic::key::LIFETIME;
use crate::synthetic::{Key, Law};

/// How long tasks run.
#[derive(Clone, Debug, Default)]
pub enum Lifetime {
    /// As the trace says.
    #[default]
    Trace,
    /// They never end of their own.
    Forever,
    /// Each as a draw says; the members of a gang as one draw says. Services still run forever.
    Law(Law),
}

/// A source whose tasks live differently long. Estimates stay as they are.
pub struct Relived {
    inner: Boxed,
    lifetime: Lifetime,
    seed: u64,
    workload: u32,
    changed: u64,
}

impl Relived {
    /// Other run times for every task of `inner`.
    #[must_use]
    pub fn new(inner: Boxed, lifetime: Lifetime, seed: u64, workload: u32) -> Self {
        Self { inner, lifetime, seed, workload, changed: 0 }
    }
}

impl Source for Relived {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        if matches!(self.lifetime, Lifetime::Trace) {
            return Ok(Some(job));
        }
        let key = Key::named(self.seed, self.workload, &job.name);
        let mut first = 0;
        for group in job.groups.as_mut_slice() {
            let count = u64::from(group.count);
            group.truth.run = match &self.lifetime {
                Lifetime::Law(law) if group.ask.kind != JobKind::Service => {
                    let draw = |task| law.sample(key.unit(LIFETIME, task));
                    if group.count == 1 || group.ask.kind == JobKind::Gang {
                        Run::Same(draw(first))
                    } else {
                        Run::Each((first..first + count).map(draw).collect())
                    }
                }
                _ => Run::Same(Span::FOREVER),
            };
            first += count;
        }
        self.changed += 1;
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("lifetime_replaced", false, self.changed)])
    }
}
