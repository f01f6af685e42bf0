//! Services: how long their replicas last, how soon one is started again, and what becomes of one whose node cannot be
//! reached and then can again.

use std::collections::BTreeMap;

use windtunnel_outcome::rows::{Cause, State};
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::draw::{Kind, mix, unit};
use windtunnel_scheduler::event::{Ending, JobKind, JobSpec, Loss};
use windtunnel_scheduler::id::{NodeId, RoleId, TaskId};
use windtunnel_scheduler::rules::Rules;
use windtunnel_scheduler::service::{KillSelection, Strategy, choose};
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use super::truth::{Job, Task};
use crate::experiment::ServiceRules;

/// How long a replica lasts.
const LIFE: Kind = u64::from_be_bytes(*b"servlife");

/// The books on services that are held to rules. Empty where none is.
#[derive(Clone, Default)]
pub(super) struct Services {
    /// A node is being declared lost: what is lost now cannot be reached.
    pub is_declaring: bool,
    /// Replicas that came back after they were replaced: the id that each goes by now, by slot.
    surplus: BTreeMap<u32, TaskId>,
    /// Those of them that ended on a node that is silent, by node: nobody has heard.
    unheard: BTreeMap<u32, Vec<(usize, TaskId)>>,
    crashes: u64,
    returned: u64,
    surplus_sum: u64,
}

impl World {
    fn service_rules(&self, job: &Job) -> Option<&ServiceRules> {
        self.arrivals.workload(usize::from(job.workload)).rules.service.as_ref().filter(|_| !job.background)
    }

    /// How long a task runs by itself in this attempt.
    pub(super) fn run_of(&self, slot: u32) -> Span {
        let task = &self.tasks[slot];
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let run = part.run.of(task.index - part.first);
        if !(run.is_forever() && part.kind.is_kept_running()) {
            return run;
        }
        match self.service_rules(job).and_then(|rules| rules.life.as_ref()) {
            // By name and attempt: the same whenever it is started, and wherever.
            Some(law) => {
                let entity = job.digest ^ mix(u64::from(task.index));
                law.sample(unit(self.seed, LIFE, entity, u64::from(task.attempt)).min(1.0 - f64::EPSILON))
            }
            None => run,
        }
    }

    /// True if a replica that comes to its end by itself has failed.
    pub(super) fn has_crashed(&self, task: &Task) -> bool {
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let is_endless = part.kind.is_kept_running() && part.run.of(task.index - part.first).is_forever();
        is_endless && self.service_rules(job).is_some_and(|rules| rules.life.is_some())
    }

    /// How soon a replica that ended may be started again, as far as its service is held to rules about that. How long
    /// one that failed is not to be started its scheduler knows best, see [`World::waits_by_its_service`].
    pub(super) fn after_service(&mut self, task: &Task, state: State) -> Option<Span> {
        let job = &self.jobs[task.job];
        let rules = self.service_rules(job).filter(|_| job.parts.of(task.index).kind.is_kept_running())?;
        let (delays, unreachable, resident) = (rules.delays, rules.unreachable, rules.resident);
        match state {
            State::Failed | State::Finished => {
                self.kinds.services.crashes += 1;
                delays.map(|_| Span::ZERO)
            }
            // It waits for its node, however long that takes.
            State::Lost if resident.is_some() => Some(Span::ZERO),
            State::Lost => {
                let strategy = unreachable.filter(|_| self.kinds.services.is_declaring)?;
                Some(strategy.replaced(self.now, Time::ZERO).since(self.now))
            }
            _ => None,
        }
    }

    /// How long a replica could not be started that failed before, its service alone decides: it waited as long as its
    /// scheduler says.
    pub(super) fn waits_by_its_service(&mut self, slot: u32, said: Span) {
        let task = &self.tasks[slot];
        let rules = self.service_rules(&self.jobs[task.job]).filter(|_| task.attempt > 0);
        if rules.is_some_and(|rules| rules.delays.is_some()) {
            self.tasks[slot].eligible = Time(self.now.0.saturating_sub(said.0));
        }
    }

    /// Where that part of a task's wait went of which its scheduler says nothing: it decides elsewhere, and a replica
    /// that comes while others of its service fail is held back with them before it is in any queue.
    pub(super) fn unsaid_cause(&self, slot: u32) -> Cause {
        let has_failed = self.kinds.services.crashes > 0;
        let rules = has_failed.then(|| self.service_rules(&self.jobs[self.tasks[slot].job])).flatten();
        if rules.is_some_and(|rules| rules.delays.is_some()) { Cause::Backoff } else { Cause::Decision }
    }

    /// An attempt that was given up runs on where it can be reached again, declared lost at `since`. What the scheduler
    /// is told of it; None if it is ended.
    pub(super) fn comes_back(&mut self, slot: u32, since: Time) -> Option<JobSpec> {
        let task = self.tasks[slot];
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let (strategy, resident) = self.service_rules(job).map(|rules| (rules.unreachable, rules.resident))?;
        if !task.is_given_up() || task.running.is_none() || !part.kind.is_kept_running() {
            return None;
        }
        let fresh = self.task_slot(TaskId(task.id)).filter(|known| known & super::UNSTARTED == 0)?;
        let next = &self.tasks[fresh];
        // One that belongs to this node waits for nothing else.
        let waits = resident.is_some() || strategy.is_some() && self.now < next.eligible;
        if waits && next.running.is_none() && next.unheard_state().is_none() {
            self.kinds.services.returned += 1;
            self.keep_on(slot, fresh);
            return Some(self.spec_back(slot, TaskId(task.id), None));
        }
        self.stays_a_while(slot, strategy?, since)
    }

    /// Nothing was done about an attempt yet: it goes on as if nothing had been.
    fn keep_on(&mut self, slot: u32, fresh: u32) {
        let task = self.tasks[slot];
        if !self.jobs[task.job].background {
            self.note_waiting(task.job, task.index, -1, false);
        }
        self.tasks.free(fresh);
        self.of_task.insert(task.id, slot);
        self.tasks[slot].speak();
        self.tasks[slot].flags = 0;
        // It has a row like any other again.
        self.jobs[task.job].rows -= 1;
        let now = self.now;
        if let Some(trouble) = &mut self.trouble {
            trouble.zombies.remove(&(task.id, slot));
            trouble.note_replaced(task.id, now, true);
        }
    }

    /// An attempt was replaced: the two run side by side until the old one is forgotten.
    fn stays_a_while(&mut self, slot: u32, strategy: Strategy, since: Time) -> Option<JobSpec> {
        let forgotten = strategy.forgotten(since, Time::ZERO);
        if forgotten <= self.now {
            return None;
        }
        let id = TaskId(self.next_task);
        self.next_task += 1;
        self.of_task.insert(id.0, slot);
        self.kinds.services.surplus.insert(slot, id);
        self.kinds.services.surplus_sum += 1;
        Some(self.spec_back(slot, id, Some(forgotten)))
    }

    /// What the scheduler is told of a replica that is back.
    fn spec_back(&self, slot: u32, id: TaskId, leave_at: Option<Time>) -> JobSpec {
        let task = &self.tasks[slot];
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let rules = leave_at.map(|at| std::sync::Arc::new(Rules { leave_at: Some(at), ..Rules::default() }));
        JobSpec {
            job: self.kinds.upgrades.job_of(job.id),
            first_task: id,
            count: 1,
            // One too many is nothing that anybody keeps running.
            kind: if leave_at.is_some() { JobKind::Batch } else { part.kind },
            request: self.constrained(part.request()),
            gpu: self.constrained_gpu(part.gpu),
            priority: job.priority,
            role: RoleId(job.role.0),
            loss: Loss::Fail,
            terms: job.terms,
            rules,
            ..JobSpec::default()
        }
    }

    /// True for a replica that is one too many.
    pub(super) fn is_surplus(&self, slot: u32) -> bool {
        self.kinds.services.surplus.contains_key(&slot)
    }

    /// A replica that was one too many has ended: the scheduler hears of it, if its node can be heard.
    pub(super) fn surplus_over(&mut self, slot: u32, workload: usize, node: u32) {
        let Some(id) = self.kinds.services.surplus.remove(&slot) else { return };
        self.of_task.remove(id.0);
        let is_silent = self.trouble.as_ref().is_some_and(|trouble| trouble.health[node as usize].is_silent());
        if is_silent {
            self.kinds.services.unheard.entry(node).or_default().push((workload, id));
        } else {
            self.tell_end(workload, id, Ending::Killed);
        }
    }

    /// Replicas that are one too many are lost with their node as far as the scheduler knows.
    pub(super) fn lose_surplus(&mut self, node: NodeId) {
        if self.kinds.services.surplus.is_empty() && self.kinds.services.unheard.is_empty() {
            return;
        }
        for slot in self.residents_of(node) {
            if let Some(id) = self.kinds.services.surplus.remove(&slot) {
                self.of_task.remove(id.0);
                let workload = usize::from(self.jobs[self.tasks[slot].job].workload);
                self.tell_end(workload, id, Ending::Lost);
            }
        }
        self.hear_surplus(node);
    }

    /// What a node kept of those that ended there is heard of.
    pub(super) fn hear_surplus(&mut self, node: NodeId) {
        for (workload, id) in self.kinds.services.unheard.remove(&node.0).unwrap_or_default() {
            self.tell_end(workload, id, Ending::Lost);
        }
    }

    /// The replicas that go when a service shrinks, the first of them first: by its own rule, else the newest task.
    pub(super) fn choose_replicas(&self, replicas: &[u64], count: usize) -> Vec<u64> {
        let running = |&id: &u64| {
            let slot = self.of_task.find(id).filter(|slot| slot & super::UNSTARTED == 0)?;
            self.tasks[slot].running.map(|attempt| (TaskId(id), attempt.start.min(self.now), slot))
        };
        let running: Vec<(TaskId, Time, u32)> = replicas.iter().filter_map(running).collect();
        let first = running.first().map(|&(.., slot)| &self.jobs[self.tasks[slot].job]);
        let selection: Option<KillSelection> = first.and_then(|job| self.service_rules(job)?.kill);
        match selection {
            Some(selection) => {
                let instances: Vec<(TaskId, Time)> = running.iter().map(|&(id, start, _)| (id, start)).collect();
                choose(selection, &instances, count).into_iter().map(|id| id.0).collect()
            }
            None => running.iter().rev().take(count).map(|&(id, ..)| id.0).collect(),
        }
    }

    /// Writes what became of replicas, if any service is held to rules.
    pub(super) fn record_services(&self, summary: &mut Summary) {
        if self.arrivals.workloads().iter().all(|workload| workload.rules.service.is_none()) {
            return;
        }
        summary.set("services.crashes", self.kinds.services.crashes);
        summary.set("services.returned", self.kinds.services.returned);
        summary.set("services.surplus", self.kinds.services.surplus_sum);
    }
}
