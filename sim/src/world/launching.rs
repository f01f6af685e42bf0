//! Tasks on their way from "placed" to "running".

use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::rows::{Cause, State};
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::hint::{rare, rarely};
use windtunnel_scheduler::id::{PartyId, TaskId};
use windtunnel_scheduler::time::Time;

use super::World;
use super::truth::{Attempt, NONE};
use crate::launch::{Launch, Launched, Launcher, Ticket};
use crate::measure::record_seconds;

/// Values kept one by one.
const EXACT_MOST: usize = 1 << 16;

/// All that is only there where a launch takes time.
#[derive(Clone)]
pub(super) struct Launching {
    pub launcher: Launcher,
    /// How many nodes of each attempt have not started their part, by slot.
    left: std::collections::BTreeMap<u32, u32>,
    times: Distribution,
    launched: Vec<Launched>,
}

impl Launching {
    pub(super) fn new(launch: Launch, nodes: usize, seed: u64) -> Self {
        let launcher = Launcher::new(launch, nodes, seed);
        let (left, launched) = (std::collections::BTreeMap::new(), Vec::new());
        Self { launcher, left, times: Distribution::new(EXACT_MOST), launched }
    }
}

impl World {
    /// When the next stage of a launch is over.
    pub(super) fn next_launch(&self) -> Option<Time> {
        self.launching.as_ref().and_then(|launching| launching.launcher.earliest())
    }

    /// A task was placed: it runs at once, or when it is launched on all its nodes.
    pub(super) fn launch(&mut self, slot: u32) {
        let Some(attempt) = self.tasks[slot].running else { return };
        let nodes: Vec<u32> = self.nodes_of(&attempt).collect();
        let task = &self.tasks[slot];
        let (key, workload, now) = ((task.id, u64::from(task.attempt)), self.jobs[task.job].workload, self.now);
        let Some(launching) = &mut self.launching else { return };
        let mut nodes = nodes;
        nodes.sort_unstable();
        nodes.dedup();
        launching.left.insert(slot, nodes.len() as u32);
        for node in nodes {
            launching.launcher.begin(Ticket { slot, node }, workload, key, now);
        }
    }

    /// Launches that come to their end now. False if none does.
    pub(super) fn meet_launches(&mut self) -> bool {
        let now = self.now;
        if self.next_launch().is_none_or(|next| next > now) {
            return false;
        }
        let Some(launching) = &mut self.launching else { return false };
        let mut launched = std::mem::take(&mut launching.launched);
        launching.launcher.advance(now, &mut launched);
        // By task, so that a tie is never decided by slots.
        launched.sort_by_key(|(ticket, _)| (self.tasks[ticket.slot].id, ticket.node));
        for &(ticket, fails) in &launched {
            self.launched(ticket, fails);
        }
        launched.clear();
        if let Some(launching) = &mut self.launching {
            launching.launched = launched;
        }
        true
    }

    fn launched(&mut self, Ticket { slot, .. }: Ticket, fails: bool) {
        let Some(left) = self.launching.as_mut().and_then(|launching| launching.left.get_mut(&slot)) else { return };
        if fails {
            self.launch_fails(slot);
            return;
        }
        *left -= 1;
        if *left > 0 {
            return;
        }
        let now = self.now;
        let Some(place) = self.tasks[slot].running.map(|attempt| attempt.place) else { return };
        if let Some(launching) = &mut self.launching {
            launching.left.remove(&slot);
            launching.times.add(now.since(place).0);
        }
        if now > place {
            self.note_launch(slot, place);
        }
        self.run_begins(slot);
        let task = &self.tasks[slot];
        let (task, workload) = (TaskId(task.id), usize::from(self.jobs[task.job].workload));
        let party = self.arrivals.workload(workload).party;
        self.tell(party, Event::TaskStarted { task });
        if party != PartyId::FIRST {
            self.tell(PartyId::FIRST, Event::TaskStarted { task });
        }
    }

    /// What passed since the placement is the price of the launch.
    fn note_launch(&mut self, slot: u32, place: Time) {
        let mut causes = super::causes_in(&self.causes, self.tasks[slot].causes);
        causes[Cause::Launch as usize] += self.now.since(place);
        self.tasks[slot].causes = match self.tasks[slot].causes {
            NONE => self.causes.insert(causes),
            old => {
                self.causes[old] = causes;
                old
            }
        };
    }

    /// A container does not start: the attempt is over, and what becomes of the task is said as for a lost machine.
    fn launch_fails(&mut self, slot: u32) {
        self.tasks[slot].fail_launch();
        self.end(slot, State::Failed);
    }

    /// An attempt leaves its nodes: whatever is left of its launch is broken off.
    pub(super) fn break_off(&mut self, slot: u32, attempt: &Attempt) {
        if self.launching.is_none() {
            return;
        }
        let mut nodes: Vec<u32> = self.nodes_of(attempt).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let (workload, now) = (self.jobs[self.tasks[slot].job].workload, self.now);
        let Some(launching) = &mut self.launching else { return };
        launching.left.remove(&slot);
        for node in nodes {
            launching.launcher.leave(Ticket { slot, node }, workload, now);
        }
    }

    /// An attempt is running: it has so far to go from now on.
    pub(super) fn run_begins(&mut self, slot: u32) {
        let now = self.now;
        let task = &mut self.tasks[slot];
        if let Some(attempt) = &mut task.running {
            attempt.start = now;
        }
        let (job_slot, index, first) = (task.job, task.index, task.attempt == 0);
        let job = &mut self.jobs[job_slot];
        let part = job.parts.of(index);
        let (members, usage) = (part.members(), part.usage.as_deref().copied());
        let (is_first, id, measured) = (job.first_start == Time::NEVER, job.id, job.measured);
        job.first_start = job.first_start.min(now);
        if first {
            if is_first {
                self.overtaking.starts(id, measured);
            }
            let job = &mut self.jobs[job_slot];
            job.unstarted -= 1;
            job.last_start = job.last_start.max(now);
            self.note_first_start(slot, members);
        }
        if let Some(usage) = rare(usage) {
            self.measures.has_usage = true;
            let usage = self.constrained(usage);
            self.levels.usage.add(&usage, u64::from(members));
        }
        if rarely(self.is_special) {
            if self.tasks[slot].running.is_some_and(|attempt| attempt.within == NONE) {
                self.use_begins(slot);
            }
            self.holder_starts(slot);
            self.tell_of_start(slot);
        }
        let run = if rarely(self.trouble.is_some()) { self.wall_of(slot) } else { self.run_of(slot) };
        if !run.is_forever() {
            self.plan_end(now + run, slot);
        }
        if rarely(self.trouble.is_some()) {
            self.note_running(slot);
        }
    }

    /// Writes the numbers of launches, if they take time.
    pub(super) fn record_launches(&mut self, summary: &mut Summary) {
        let Some(launching) = &mut self.launching else { return };
        record_seconds(summary, "launch_s", &mut launching.times);
        let sums = launching.launcher.sums;
        summary.set("launch.count", sums.launches);
        summary.set("launch.failed", sums.failed);
        summary.set("launch.cold", sums.cold);
        summary.set("launch.pulled_mib", sums.pulled_bytes as f64 / f64::from(1 << 20));
        summary.set("launch.layers_evicted", sums.evicted_layers);
        summary.set("launch.queued_s", sums.queued_us as f64 / 1e6);
        summary.set("launch.pulling_s", sums.pulling_us as f64 / 1e6);
    }
}
