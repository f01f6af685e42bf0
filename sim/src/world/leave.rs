//! Tasks that are made to leave their nodes: killed, preempted or drained.

use windtunnel_outcome::rows::State;
use windtunnel_scheduler::id::{PartyId, TaskId};
use windtunnel_scheduler::time::{Span, Time};

use super::truth::Leaving;
use super::{LEAVE, UNSTARTED, World, what};

impl World {
    /// A running task is to leave within `grace`, and takes all of it. Told again, it leaves at the earlier instant,
    /// and what was said last becomes of it.
    pub(super) fn tell_to_leave(&mut self, party: PartyId, task: TaskId, how: Leaving, grace: Span) {
        let found = self.task_slot(task).filter(|slot| slot & UNSTARTED == 0);
        // It may have ended while the order was on its way.
        let Some(slot) = found.filter(|&slot| self.tasks[slot].running.is_some()) else { return };
        let (job, index) = (self.tasks[slot].job, self.tasks[slot].index);
        let (kind, requeue) = match how {
            Leaving::Killed => (3, 0),
            Leaving::Evicted { requeue } => (4, u64::from(requeue)),
        };
        self.stamp(party, kind, [self.jobs[job].digest, u64::from(index), grace.0, requeue]);
        self.tasks[slot].leaving = Some(how);
        if grace == Span::ZERO {
            self.leave(slot, how);
        } else {
            self.plan_leave(slot, self.now + grace);
        }
    }

    /// A task that was told to leave does so at `at`, unless it is over by then.
    pub(super) fn plan_leave(&mut self, slot: u32, at: Time) {
        if let Some(trouble) = &mut self.trouble {
            trouble.leaves.entry(slot).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        self.plan(at, what(LEAVE, self.tasks[slot].generation, slot));
    }

    /// What was planned for a task is void, since its pace has changed; when it leaves has not.
    pub(super) fn leave_as_planned(&mut self, slot: u32) {
        let at = self.trouble.as_ref().and_then(|trouble| trouble.leaves.get(&slot)).copied();
        if let Some(at) = at {
            self.plan(at, what(LEAVE, self.tasks[slot].generation, slot));
        }
    }

    /// The grace of a task is over.
    pub(super) fn leave(&mut self, slot: u32, how: Leaving) {
        self.end(
            slot,
            match how {
                Leaving::Killed => State::Killed,
                Leaving::Evicted { .. } => State::Evicted,
            },
        );
    }
}
