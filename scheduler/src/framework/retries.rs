//! Tasks that lost a machine: how often, and who pauses before it is tried again.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

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
    /// It does because its service is held back.
    is_held: bool,
}

impl Pausing {
    pub(super) fn new(shape: ShapeId, members: u32, entry: WaitingEntry) -> Self {
        Self { shape, members, entry, is_held: false }
    }
}

/// The books on losses. Empty where no machine is ever lost.
#[derive(Clone, Default)]
pub(super) struct Retries {
    losses: BTreeMap<TaskId, u32>,
    /// Tasks of one entry by the first of them.
    pausing: BTreeMap<(Time, TaskId), Pausing>,
    /// How many tasks that is.
    tasks: u64,
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

    /// Tasks join the queue at `at`.
    pub(super) fn pause(&mut self, at: Time, pausing: Pausing) {
        self.tasks += u64::from(pausing.entry.count);
        self.pausing.insert((at, TaskId(pausing.entry.task)), pausing);
    }

    /// Tasks join the queue at `until`, when their service is held back no longer.
    pub(super) fn hold_back(&mut self, until: Time, pausing: Pausing) {
        let entry = WaitingEntry { since: until, ..pausing.entry };
        self.pause(until, Pausing { entry, is_held: true, ..pausing });
    }

    /// Those of a job that are held back are so no longer.
    pub(super) fn hasten(&mut self, now: Time, job: u32) {
        let held = |(&key, pausing): (&(Time, TaskId), &Pausing)| {
            (pausing.is_held && pausing.entry.job == job && key.0 > now).then_some(key)
        };
        let keys: Vec<(Time, TaskId)> = self.pausing.iter().filter_map(held).collect();
        for pausing in keys.into_iter().filter_map(|key| self.pausing.remove(&key)).collect::<Vec<_>>() {
            let entry = WaitingEntry { since: now, ..pausing.entry };
            self.pausing.insert((now, TaskId(entry.task)), Pausing { entry, ..pausing });
        }
    }

    /// Takes out those of the tasks from `first` to before `end` that pause, each on its own: the slot of the job, the
    /// first of them and how many.
    pub(super) fn withdraw(&mut self, first: u64, end: u64) -> Vec<(u32, u64, u32)> {
        let is_hit = |pausing: &Pausing| {
            let over = pausing.entry.task.saturating_add(u64::from(pausing.entry.count));
            pausing.members == 0 && pausing.entry.task < end && first < over
        };
        let hit = self.pausing.iter().filter(|(_, pausing)| is_hit(pausing));
        let keys: Vec<(Time, TaskId)> = hit.map(|(&key, _)| key).collect();
        let mut taken = Vec::new();
        for key in keys {
            let Some(pausing) = self.pausing.remove(&key) else { continue };
            let WaitingEntry { task, count, job, .. } = pausing.entry;
            let over = task.saturating_add(u64::from(count));
            let (low, high) = (first.clamp(task, over), end.clamp(task, over));
            for (task, over) in [(task, low), (high, over)].into_iter().filter(|(task, over)| task < over) {
                let entry = WaitingEntry { task, count: (over - task) as u32, ..pausing.entry };
                self.pausing.insert((key.0, TaskId(task)), Pausing { entry, ..pausing });
            }
            self.tasks -= high - low;
            taken.push((job, low, (high - low) as u32));
        }
        taken
    }

    /// A task on its own pauses no more, if it did.
    pub(super) fn unpause(&mut self, task: TaskId) -> Option<Pausing> {
        let is_it =
            |(_, pausing): &(&(Time, TaskId), &Pausing)| TaskId(pausing.entry.task) == task && pausing.entry.count == 1;
        let key = *self.pausing.iter().find(is_it)?.0;
        self.tasks -= 1;
        self.pausing.remove(&key)
    }

    /// The next tasks whose pause is over by `now`.
    pub(super) fn next_due(&mut self, now: Time) -> Option<Pausing> {
        let first = self.pausing.first_entry()?;
        let pausing = (first.key().0 <= now).then(|| first.remove())?;
        self.tasks -= u64::from(pausing.entry.count);
        Some(pausing)
    }

    /// When the next pause is over.
    pub(super) fn wake(&self) -> Option<Time> {
        self.pausing.keys().next().map(|&(at, _)| at)
    }

    /// How many tasks pause.
    pub(super) fn len(&self) -> u64 {
        self.tasks
    }
}
