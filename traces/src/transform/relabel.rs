//! One label for a whole workload.

use super::remap::Remap;
use super::{Boxed, noted};
use crate::model::{Job, Label, Labels, Note, Source, SourceError};

/// Labels for a whole workload; None leaves what the trace says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relabel {
    /// Whose all jobs are.
    pub role: Option<String>,
    /// Who hands all jobs in.
    pub user: Option<String>,
    /// What all jobs are reported under.
    pub class: Option<String>,
    /// How important all jobs are.
    pub priority: Option<i32>,
}

/// A source whose jobs bear other labels.
pub struct Relabelled {
    inner: Boxed,
    labels: Labels,
    remap: Remap,
    role: Option<Label>,
    user: Option<Label>,
    class: Option<Label>,
    priority: Option<i32>,
    changed: u64,
}

impl Relabelled {
    /// `inner` with these labels.
    #[must_use]
    pub fn new(inner: Boxed, relabel: &Relabel) -> Self {
        let mut labels = Labels::default();
        let mut word = |word: &Option<String>| word.as_deref().map(|word| labels.intern(word));
        let (role, user, class) = (word(&relabel.role), word(&relabel.user), word(&relabel.class));
        let priority = relabel.priority;
        Self { inner, labels, remap: Remap::default(), role, user, class, priority, changed: 0 }
    }
}

impl Source for Relabelled {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        let mut changed = false;
        for (label, new) in [(&mut job.role, self.role), (&mut job.user, self.user), (&mut job.class, self.class)] {
            let old = self.remap.label(*label, self.inner.labels(), &mut self.labels);
            *label = new.unwrap_or(old);
            changed |= *label != old;
        }
        let priority = self.priority.unwrap_or(job.priority);
        changed |= priority != job.priority;
        job.priority = priority;
        self.changed += u64::from(changed);
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        noted(&self.inner, &[("relabelled", false, self.changed)])
    }
}
