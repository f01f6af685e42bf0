//! Maintenance: machines are closed, emptied, worked on and opened again, a few at a time.

use std::collections::{BTreeMap, BTreeSet};

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::id::NodeId;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Fleet;

use super::World;
use super::truth::Leaving;
use crate::fault::{Rounds, Stage, Upkeep};

/// All maintenance.
#[derive(Clone, Default)]
pub(super) struct Crew {
    rounds: Vec<Rounds>,
    /// Replicas that were made to leave and do not run again yet, by job.
    away: BTreeMap<u32, BTreeSet<u64>>,
    /// When to look again.
    pub look: Option<Time>,
    pub drained: u64,
    pub evicted: u64,
    /// Replicas that had to leave although their service could not spare them.
    pub violations: u64,
    pub late: u64,
}

impl Crew {
    pub(super) fn new(upkeep: Vec<Upkeep>, fleet: &Fleet) -> Self {
        let rounds: Vec<Rounds> = upkeep.into_iter().map(|one| Rounds::new(one, fleet)).collect();
        let look = rounds.iter().map(|rounds| rounds.next_round).min();
        Self { rounds, look, ..Self::default() }
    }

    /// A replica runs again.
    pub(super) fn note_running(&mut self, job: u32, task: u64, now: Time) {
        if let Some(away) = self.away.get_mut(&job)
            && away.remove(&task)
        {
            self.look = Some(now);
            if away.is_empty() {
                self.away.remove(&job);
            }
        }
    }

    /// True if a unit is being drained: somebody who leaves may be the last.
    pub(super) fn is_draining(&self) -> bool {
        self.rounds.iter().any(|rounds| rounds.stages.iter().any(|stage| matches!(stage, Stage::Draining(_))))
    }
}

impl World {
    /// Looks after maintenance if it is time to.
    pub(super) fn meet_maintenance(&mut self) -> bool {
        let now = self.now;
        let due = self.trouble.as_ref().and_then(|trouble| trouble.crew.look).is_some_and(|look| look <= now);
        if !due {
            return false;
        }
        let Some(mut rounds) = self.trouble.as_mut().map(|trouble| std::mem::take(&mut trouble.crew.rounds)) else {
            return false;
        };
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.look = None;
        }
        let mut look: Option<Time> = None;
        for one in &mut rounds {
            let next = self.go_on(one);
            look = [look, next].into_iter().flatten().min();
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.rounds = rounds;
        }
        let next = self.meet_comings();
        look = [look, next].into_iter().flatten().min();
        if let Some(trouble) = &mut self.trouble {
            trouble.crew.look = [trouble.crew.look, look].into_iter().flatten().min();
        }
        true
    }

    /// Goes on with one kind of maintenance; says when to look again.
    fn go_on(&mut self, rounds: &mut Rounds) -> Option<Time> {
        let now = self.now;
        let idle = rounds.stages.iter().all(|stage| *stage == Stage::Done);
        if idle && now >= rounds.next_round {
            rounds.stages.fill(Stage::Pending);
            rounds.rounds += 1;
            rounds.next_round = rounds.upkeep.every.map_or(Time::NEVER, |every| rounds.next_round + every);
        }
        let mut look = None;
        for unit in 0..rounds.stages.len() {
            let next = self.go_on_with(rounds, unit);
            look = [look, next].into_iter().flatten().min();
        }
        // Whoever is done makes way for one that was passed over before.
        for unit in 0..rounds.stages.len() {
            if rounds.stages[unit] == Stage::Pending {
                let next = self.go_on_with(rounds, unit);
                look = [look, next].into_iter().flatten().min();
            }
        }
        // A round that took longer than it should is followed by the next at once.
        let idle = rounds.stages.iter().all(|stage| *stage == Stage::Done);
        let again = Some(rounds.next_round).filter(|&next| next != Time::NEVER && (idle || next > now));
        [look, again].into_iter().flatten().min()
    }

    fn go_on_with(&mut self, rounds: &mut Rounds, unit: usize) -> Option<Time> {
        let now = self.now;
        let budget = rounds.budget_of[unit] as usize;
        if rounds.stages[unit] == Stage::Pending && rounds.at_work[budget] < rounds.upkeep.at_once {
            rounds.at_work[budget] += 1;
            rounds.stages[unit] = Stage::Draining(now + rounds.upkeep.deadline);
            for node in rounds.units.nodes(unit as u32) {
                self.soften(NodeId(node), true);
            }
        }
        if let Stage::Draining(deadline) = rounds.stages[unit] {
            let is_late = now >= deadline;
            let nodes: Vec<u32> = rounds.units.nodes(unit as u32).collect();
            let left: usize = nodes.iter().map(|&node| self.drain(node, rounds.upkeep.grace, is_late, false)).sum();
            if left > 0 {
                return Some(if is_late { now + rounds.upkeep.grace.max(Span(1)) } else { deadline });
            }
            for &node in &nodes {
                self.work_on(NodeId(node), true);
            }
            if let Some(trouble) = &mut self.trouble {
                trouble.crew.drained += nodes.len() as u64;
                trouble.crew.late += u64::from(is_late);
            }
            rounds.stages[unit] = Stage::Working(now + rounds.upkeep.takes);
        }
        if let Stage::Working(until) = rounds.stages[unit] {
            if now < until {
                return Some(until);
            }
            for node in rounds.units.nodes(unit as u32) {
                self.work_on(NodeId(node), false);
                self.soften(NodeId(node), false);
            }
            rounds.stages[unit] = Stage::Done;
            rounds.at_work[budget] -= 1;
        }
        None
    }

    /// Tells the tasks on a node to leave, as far as their services can spare them, but for those of daemons where
    /// these stay; how many are still to leave.
    pub(super) fn drain(&mut self, node: u32, grace: Span, is_late: bool, daemons_stay: bool) -> usize {
        for slot in self.residents_of(NodeId(node)) {
            let stays = daemons_stay && self.is_daemon(slot);
            if self.tasks[slot].running.is_none() || self.tasks[slot].leaving.is_some() || stays {
                continue;
            }
            let (job, task) = (self.tasks[slot].job, self.tasks[slot].id);
            let spares = self.can_spare(slot);
            if !spares && !is_late {
                continue;
            }
            let is_service = self.jobs[job].parts.of(self.tasks[slot].index).kind == JobKind::Service;
            if let Some(trouble) = &mut self.trouble {
                trouble.crew.evicted += 1;
                trouble.crew.violations += u64::from(!spares);
                if is_service {
                    trouble.crew.away.entry(job).or_default().insert(task);
                }
            }
            self.tasks[slot].leaving = Some(Leaving::Evicted { requeue: true });
            if grace == Span::ZERO {
                self.leave(slot, Leaving::Evicted { requeue: true });
            } else {
                self.plan_leave(slot, self.now + grace);
            }
        }
        let stay = if daemons_stay { self.daemons_on(NodeId(node)).len() } else { 0 };
        self.residents_of(NodeId(node)).len() - stay
    }

    /// True if the service of a replica has disruptions left to spare; other tasks always may go.
    fn can_spare(&self, slot: u32) -> bool {
        let task = &self.tasks[slot];
        let job = &self.jobs[task.job];
        if job.parts.of(task.index).kind != JobKind::Service {
            return true;
        }
        let most = self.arrivals.workload(usize::from(job.workload)).max_unavailable;
        let away = self.trouble.as_ref().and_then(|trouble| trouble.crew.away.get(&task.job)).map_or(0, BTreeSet::len);
        most.is_none_or(|most| away < most as usize)
    }

    /// Somebody left a node: if one is being drained, it may have been the last.
    pub(super) fn note_left(&mut self) {
        let now = self.now;
        let leaves = self.comings.as_ref().is_some_and(|comings| comings.is_leaving());
        if let Some(trouble) = &mut self.trouble
            && (leaves || trouble.crew.is_draining())
        {
            trouble.crew.look = Some(now);
        }
    }

    /// Writes the numbers of maintenance, if there is any.
    pub(super) fn record_maintenance(&self, summary: &mut Summary) {
        let Some(trouble) = self.trouble.as_ref().filter(|trouble| !trouble.crew.rounds.is_empty()) else { return };
        let crew = &trouble.crew;
        summary.set("maintenance.nodes_drained", crew.drained);
        summary.set("maintenance.evicted", crew.evicted);
        summary.set("maintenance.violations", crew.violations);
        summary.set("maintenance.late", crew.late);
        let units: usize = crew.rounds.iter().flat_map(|rounds| &rounds.stages).filter(|stage| is_open(stage)).count();
        summary.set("maintenance.open_at_end", units as u64);
    }
}

fn is_open(stage: &Stage) -> bool {
    *stage != Stage::Done
}
