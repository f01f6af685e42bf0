//! What is about to happen is fetched together, before it happens one by one.
//!
//! With half a million tasks under way, nearly everything that the end of one asks for lies in memory and not in the
//! cache. Asked for one after the other, each is waited for; asked for by dozens at a time, they arrive together. Only
//! looks: no result depends on it.

use std::hint::black_box;

use windtunnel_scheduler::Scheduler;
use windtunnel_scheduler::id::{PartyId, TaskId};

use super::{END, World};
use crate::agenda::SOON_MOST;

impl World {
    /// Fetches what those tasks will need that are about to end.
    #[inline]
    pub(crate) fn foresee(&mut self, scheduler: &dyn Scheduler) {
        if !self.agenda.soon().is_empty() {
            self.fetch_soon(scheduler);
            self.agenda.forget_soon();
        }
    }

    fn fetch_soon(&self, scheduler: &dyn Scheduler) {
        let mut tasks = [TaskId(0); SOON_MOST];
        let mut places = [(0, 0); SOON_MOST];
        let (mut count, mut seen) = (0, 0);
        // Slot by slot the same step for all: what one step finds tells where the next has to look.
        for &what in self.agenda.soon().iter().filter(|&what| what >> 60 == END) {
            let task = &self.tasks[what as u32];
            let node = task.running.map_or(0, |attempt| attempt.node);
            (tasks[count], places[count]) = (TaskId(task.id), (task.job, node));
            seen ^= task.generation ^ u32::from(task.flags);
            count += 1;
        }
        let mut seen = u64::from(seen);
        for (&task, &(job, node)) in tasks.iter().zip(&places).take(count) {
            seen ^= self.jobs[job].fetch()
                ^ self.nodes[node as usize].fetch()
                ^ self.node_names[node as usize].bytes().next().map_or(0, u64::from);
            seen ^= self.of_task.find(task.0).map_or(0, u64::from);
        }
        black_box(seen);
        scheduler.foresee(PartyId::FIRST, &tasks[..count]);
    }
}
