//! Tasks that are made to leave their nodes: killed, preempted or drained.

use windtunnel_outcome::rows::State;
use windtunnel_scheduler::id::{PartyId, TaskId};
use windtunnel_scheduler::time::Span;

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
            self.plan(self.now + grace, what(LEAVE, self.tasks[slot].generation, slot));
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
