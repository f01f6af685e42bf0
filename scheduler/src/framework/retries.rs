//! Tasks that lost a machine: how often, and who pauses before it is tried again.

use alloc::collections::BTreeMap;

use crate::event::Retry;
use crate::id::TaskId;
use crate::ledger::ShapeId;
use crate::queue::WaitingEntry;
use crate::time::{Span, Time};

/// A task that joins the queue later.
#[derive(Clone, Copy)]
pub(super) struct Pausing {
    pub shape: ShapeId,
    pub members: u32,
    pub entry: WaitingEntry,
}

/// The books on losses. Empty where no machine is ever lost.
#[derive(Clone, Default)]
pub(super) struct Retries {
    losses: BTreeMap<TaskId, u32>,
    pausing: BTreeMap<(Time, TaskId), Pausing>,
}

impl Retries {
    /// True if nobody pauses.
    pub(super) fn is_empty(&self) -> bool {
        self.pausing.is_empty()
    }

    /// A task was lost once more: the pause before it is tried again; None if it is given up.
    pub(super) fn lost(&mut self, task: TaskId, retry: Retry, endless: bool) -> Option<Span> {
        if retry == Retry::default() {
            return Some(Span::ZERO);
        }
        let losses = self.losses.entry(task).or_default();
        *losses += 1;
        (endless || retry.allows(*losses)).then(|| retry.pause(*losses))
    }

    /// A task is over.
    pub(super) fn forget(&mut self, task: TaskId) {
        if !self.losses.is_empty() {
            self.losses.remove(&task);
        }
    }

    /// A task joins the queue at `at`.
    pub(super) fn pause(&mut self, at: Time, pausing: Pausing) {
        self.pausing.insert((at, TaskId(pausing.entry.task)), pausing);
    }

    /// A task pauses no more, if it did.
    pub(super) fn unpause(&mut self, task: TaskId) -> Option<Pausing> {
        let key = *self.pausing.keys().find(|(_, pausing)| *pausing == task)?;
        self.pausing.remove(&key)
    }

    /// The next task whose pause is over by `now`.
    pub(super) fn next_due(&mut self, now: Time) -> Option<Pausing> {
        let first = self.pausing.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next pause is over.
    pub(super) fn wake(&self) -> Option<Time> {
        self.pausing.keys().next().map(|&(at, _)| at)
    }

    /// How many tasks pause.
    pub(super) fn len(&self) -> u64 {
        self.pausing.len() as u64
    }
}
