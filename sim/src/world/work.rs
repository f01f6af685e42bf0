//! Jobs come, tasks begin and end.

use std::borrow::Cow;

use windtunnel_outcome::conservation::{LaneTime, hold, hold_totals};
use windtunnel_outcome::recorder::SlowTask;
use windtunnel_outcome::rows::State;
use windtunnel_scheduler::event::{Ending, Event, GpuRequest, GpuSet, JobKind, JobSpec, Room, Standing};
use windtunnel_scheduler::hint::{rare, rarely};
use windtunnel_scheduler::id::{NodeId, PartyId, RoleId, TaskId};
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::resources::{CPU, GPU, LANES, Resources, Totals};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Ask, Group, Job as TraceJob, Node as FleetNode, Recorded, Run};

use super::setup::meets;
use super::truth::{Attempt, Job, Leaving, NONE, Part, Parts, Share, Task};
use super::{BEGIN, Ended, UNSTARTED, World, causes_in, what};
use crate::error::SimError;
use crate::experiment::{self, Claim, Routing};
use crate::history::{Past, Start};

/// How a job comes into the world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    /// It is handed in.
    Submitted,
    /// It runs already when the run begins.
    Background,
}

impl World {
    /// A job comes: it is handed in, as soon as the services are there that it needs.
    pub(super) fn submit(&mut self, job: &mut TraceJob, workload: usize) -> Result<(), SimError> {
        if rarely(self.is_special) && self.holds_for_needs(job, workload) {
            return Ok(());
        }
        self.hand_in(job, workload)
    }

    /// A job is handed in, unless it is a part of something that says otherwise.
    pub(super) fn hand_in(&mut self, job: &mut TraceJob, workload: usize) -> Result<(), SimError> {
        if let Some(course) = rare(job.course.take()) {
            return self.submit_in_course(job.clone(), workload, *course);
        }
        self.submit_alone(job, workload)
    }

    /// A job is handed in. How many tasks a daemon has is settled now.
    pub(super) fn submit_alone(&mut self, job: &mut TraceJob, workload: usize) -> Result<(), SimError> {
        if rarely(self.is_special) {
            self.check_inside(job, workload)?;
        }
        for group in job.groups.as_mut_slice().iter_mut().filter(|group| group.ask.kind == JobKind::Daemon) {
            (group.count, group.truth.run) = (self.matching_nodes(&group.ask), Run::Same(Span::FOREVER));
        }
        let first = self.next_task;
        self.submit_as(job, workload, None)?;
        if rarely(self.is_special) {
            self.note_upgradable(job, workload, first);
        }
        Ok(())
    }

    /// The same; under the id of an earlier job, if it brings more tasks of that one.
    pub(super) fn submit_as(&mut self, job: &TraceJob, workload: usize, id: Option<u64>) -> Result<(), SimError> {
        let recorded = self.arrivals.workload(workload).start == experiment::Start::Recorded;
        if rarely(self.watch.is_some()) {
            self.note_service(job, workload);
        }
        let slot = self.add_job(job, workload, Coming::Submitted)?;
        if rarely(self.is_special) {
            self.note_recorded(job, slot);
            if id.is_none() {
                self.note_daemon(self.jobs[slot].id, job, workload);
            }
            self.note_needed(job, workload, self.jobs[slot].first_task);
        }
        if let Some(id) = id {
            self.jobs[slot].id = id;
        }
        let first_task = self.jobs[slot].first_task;
        let mut unit = first_task;
        for group in job.groups.as_slice() {
            if rarely(self.trusts_estimates) {
                self.check_estimate(slot, job, group)?;
            }
            let units = group.units();
            let spec = self.spec_of(slot, &group.ask, unit, group.count);
            let begins = group.truth.recorded.as_ref().filter(|_| recorded);
            let node = begins.and_then(|recorded| self.recorded_node(recorded));
            if rarely(node.is_none() && begins.is_some_and(|recorded| recorded.node.is_some())) {
                self.past.nowhere += u64::from(group.count);
            }
            match (node, begins) {
                (Some(node), Some(recorded)) => self.plan_recorded(slot, &spec, node, recorded, units),
                _ if self.blocks_head
                    && self.can_never_start(workload, &self.settled(slot, &group.ask), group.count) =>
                {
                    self.reject_units(TaskId(unit), units);
                }
                _ => self.announce(workload, spec),
            }
            unit += u64::from(units);
        }
        Ok(())
    }

    /// How many nodes may have a task that asks this, if empty; at least 1, so that a daemon without a node is seen to
    /// wait.
    pub(super) fn matching_nodes(&self, ask: &Ask) -> u32 {
        let request = self.constrained(ask.request);
        let constraints = ask.constraints.as_deref().unwrap_or_default();
        let may = |node: &&FleetNode| {
            request.fits_in(&node.capacity)
                && self.constrained_gpu(ask.gpu).count <= node.gpus
                && meets(node, constraints)
        };
        u32::try_from((0..).zip(&self.fleet.nodes).filter(|(at, node)| !self.is_away(*at) && may(node)).count())
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Where estimates are trusted, a task that outlives its own would be found on room that was given away.
    fn check_estimate(&self, slot: u32, job: &TraceJob, group: &Group) -> Result<(), SimError> {
        let Some(estimate) = self.settled(slot, &group.ask).estimate else { return Ok(()) };
        let longest = match &group.truth.run {
            Run::Same(run) => *run,
            Run::Each(runs) => runs.iter().copied().max().unwrap_or(Span::ZERO),
        };
        match longest {
            run if run > estimate => Err(SimError::Experiment(format!(
                "job `{}` runs for {run} but is believed to take {estimate}: `model.instant = \"per-event\"` trusts \
                 estimates, so give `estimate = \"actual\"` or a larger one, or take \"batched\"",
                job.name
            ))),
            _ => Ok(()),
        }
    }

    /// The terms that a job is handed in on: those of its workload, else those that its labels stand for.
    fn terms_of(&self, job: &TraceJob, workload: usize) -> Terms {
        if !rarely(self.terms.is_some()) {
            return Terms::default();
        }
        let labels = self.arrivals.labels();
        let (class, role) = (labels.word(job.class), labels.word(job.role));
        let given = self.arrivals.workload(workload).terms;
        let pick = |claims: &[Claim]| Routing::pick(claims, class, role);
        Terms {
            user: job.user.0,
            partition: given.partition.or_else(|| pick(&self.routing.partitions)),
            qos: given.qos.or_else(|| pick(&self.routing.qos)),
            reservation: given.reservation.or_else(|| pick(&self.routing.reservations)),
        }
    }

    /// What is asked for on the terms of a job.
    fn settled<'a>(&self, slot: u32, ask: &'a Ask) -> Cow<'a, Ask> {
        let Some(config) = &self.terms else { return Cow::Borrowed(ask) };
        let spec = self.spec_of(slot, ask, 0, 1);
        let settled = config.settled(&spec);
        let (estimate, constraints) = (settled.estimate, settled.constraints.clone());
        Cow::Owned(Ask { estimate, constraints, ..ask.clone() })
    }

    fn announce(&mut self, workload: usize, spec: JobSpec) {
        self.tell(self.arrivals.workload(workload).party, Event::JobSubmitted(spec));
    }

    /// Puts an event into an inbox. Out of line: it is written where it is made and copied once.
    #[inline(never)]
    pub(super) fn tell(&mut self, party: PartyId, event: Event) {
        self.inboxes[usize::from(party.0)].push(event);
    }

    /// Enters a job into the books, with ids for its tasks.
    pub(super) fn add_job(&mut self, job: &TraceJob, workload: usize, coming: Coming) -> Result<u32, SimError> {
        let has_node = |group: &Group| group.truth.recorded.as_ref().is_some_and(|recorded| recorded.node.is_some());
        if rarely(job.groups.as_slice().iter().any(has_node)) && self.past.node_of_name.is_empty() {
            self.past.node_of_name = super::setup::by_name(&self.fleet);
        }
        let past =
            |recorded: &Recorded| Past { start: recorded.start, node: self.recorded_node(recorded).map(|node| node.0) };
        let parts = Parts::new(&job.groups, past);
        let units: u32 = parts.as_slice().iter().map(Part::units).sum();
        let tasks: u64 = parts.as_slice().iter().map(|part| u64::from(part.count)).sum();
        let background = coming == Coming::Background;
        let measured = !background && self.measures.counts(job.submit);
        let first_task = self.next_task;
        let slot = self.jobs.insert(Job {
            name: job.name.clone(),
            digest: job.name.digest(),
            submit: job.submit,
            first_task,
            id: self.next_job,
            priority: job.priority,
            role: job.role,
            class: job.class,
            terms: self.terms_of(job, workload),
            workload: workload as u16,
            background,
            measured,
            live: units,
            rows: 0,
            unstarted: units,
            last_start: Time::ZERO,
            first_start: Time::NEVER,
            worst: State::Finished,
            parts,
        });
        if rarely(slot >= UNSTARTED) {
            return Err(SimError::Experiment("more than two thousand million jobs are alive at once".to_owned()));
        }
        self.next_job += 1;
        self.next_task += u64::from(units);
        for unit in 0..u64::from(units) {
            self.of_task.insert(first_task + unit, slot | UNSTARTED);
        }
        if measured {
            self.measures.jobs_submitted += 1;
            self.measures.tasks_submitted += tasks;
            self.measures.submitted(job.submit);
        }
        if !background {
            let inside = self.runs_inside(workload);
            if rarely(self.is_special) && !inside {
                self.survey_job(self.next_job - 1, job);
            }
            for at in 0..self.jobs[slot].parts.as_slice().len() {
                let part = &self.jobs[slot].parts.as_slice()[at];
                let (request, gpu, count) = (part.request(), part.gpu, part.count);
                let first = part.first;
                self.note_waiting(slot, first, i64::from(count), false);
                if !inside {
                    self.wanted.count(self.constrained(request), self.constrained_gpu(gpu), count);
                }
            }
        }
        Ok(slot)
    }

    /// The lanes of a request that the fleet names. Each task takes one of what a node may have at once.
    #[inline]
    pub(super) fn constrained(&self, request: Resources) -> Resources {
        self.counted.of(&request)
    }

    pub(super) fn constrained_gpu(&self, gpu: GpuRequest) -> GpuRequest {
        if self.fleet.lanes & (1 << GPU) == 0 { GpuRequest::default() } else { gpu }
    }

    /// What the scheduler is told of a group of tasks.
    pub(super) fn spec_of(&self, slot: u32, ask: &Ask, first_task: u64, count: u32) -> JobSpec {
        let job = &self.jobs[slot];
        JobSpec {
            job: self.kinds.upgrades.job_of(job.id),
            first_task: TaskId(first_task),
            count,
            kind: ask.kind,
            request: self.constrained(ask.request),
            gpu: self.constrained_gpu(ask.gpu),
            estimate: ask.estimate,
            priority: job.priority,
            role: RoleId(job.role.0),
            constraints: ask.constraints.clone(),
            layout: ask.layout.clone(),
            protected: ask.protected,
            disruption: ask.disruption,
            loss: self.arrivals.workload(usize::from(job.workload)).loss,
            terms: job.terms,
            retry: self.arrivals.workload(usize::from(job.workload)).retry,
            rules: self.rules_of(job, ask.kind),
        }
    }

    pub(super) fn recorded_node(&self, recorded: &Recorded) -> Option<NodeId> {
        self.past.node_of_name.get(recorded.node.as_ref()?).copied()
    }

    /// The tasks of a group begin where and when the trace has them; the scheduler hears of them when they do.
    fn plan_recorded(&mut self, slot: u32, spec: &JobSpec, node: NodeId, recorded: &Recorded, units: u32) {
        let at = recorded.start.unwrap_or(self.now).max(self.now);
        for unit in 0..units {
            let spec = JobSpec {
                first_task: TaskId(spec.first_task.0 + u64::from(unit)),
                count: if spec.kind == JobKind::Gang { spec.count } else { 1 },
                ..spec.clone()
            };
            let place = self.past.recorded.insert(Some((slot, spec, node, recorded.gpus)));
            self.plan(at, what(BEGIN, 0, place));
        }
    }

    /// A task of a snapshot begins. If the truth has no room for it there, it is queued instead, and counted.
    pub(super) fn begin_recorded(&mut self, place: u32) -> Result<(), SimError> {
        let Some((slot, spec, node, gpus)) = self.past.recorded[place].take() else { return Ok(()) };
        self.past.recorded.free(place);
        let workload = usize::from(self.jobs[slot].workload);
        if self.has_room(node, &spec, gpus) {
            self.adopt(slot, spec, node, gpus);
        } else {
            self.past.displaced += 1;
            self.announce(workload, spec);
        }
        Ok(())
    }

    /// True if the node has room for the tasks of `spec` now.
    pub(super) fn has_room(&self, node: NodeId, spec: &JobSpec, gpus: GpuSet) -> bool {
        let truth = &self.nodes[node.index()];
        if self.is_unreachable(node.0, gpus) {
            return false;
        }
        let needed = spec.request.checked_mul(spec.count).and_then(|needed| needed.checked_add(&truth.used));
        let devices = gpus.iter().all(|device| {
            truth.devices.get(device).is_some_and(|&used| u32::from(used) + u32::from(spec.gpu.milli) <= 1000)
        });
        needed.is_some_and(|needed| needed.fits_in(&truth.capacity)) && devices
    }

    /// A task runs that the scheduler did not place; it is told.
    pub(super) fn adopt(&mut self, slot: u32, spec: JobSpec, node: NodeId, gpus: GpuSet) {
        let workload = usize::from(self.jobs[slot].workload);
        let task = self.task_at(spec.first_task).unwrap_or(NONE);
        if task != NONE {
            // History says where it runs: that it does is no decision of this run.
            self.past.is_adopting = true;
            self.start(task, node, spec.count, gpus);
            self.run_begins(task);
            self.past.is_adopting = false;
        }
        self.tell_of_adopted(workload, spec, node, gpus);
    }

    /// The scheduler is told of a task that runs.
    pub(super) fn tell_of_adopted(&mut self, workload: usize, spec: JobSpec, node: NodeId, gpus: GpuSet) {
        let party = self.arrivals.workload(workload).party;
        if party != PartyId::FIRST {
            // Whoever hands out room must know what is taken.
            let request = spec.request.checked_mul(spec.count).unwrap_or(spec.request);
            let (task, milli) = (spec.first_task, spec.gpu.milli);
            // How many of its job may be missing is known to its framework only: nobody else may push it out.
            let protected = spec.protected || spec.disruption.is_some();
            let standing = Standing { since: self.now, priority: spec.priority, protected, ..Standing::default() };
            self.tell(PartyId::FIRST, Event::RoomTaken(Room { party, task, node, request, gpus, milli, standing }));
        }
        self.tell(party, Event::TaskAdopted { spec, node, gpus });
    }

    /// The slot of a task that waits; it gets one of its own if it never started before.
    pub(super) fn task_at(&mut self, id: TaskId) -> Option<u32> {
        let known = self.task_slot(id)?;
        if known & UNSTARTED == 0 {
            return Some(known);
        }
        let job = known & !UNSTARTED;
        let index = self.index_of(job, id);
        let generation = self.new_generation();
        let eligible = self.jobs[job].submit;
        let task = Task {
            id: id.0,
            job,
            index,
            attempt: 0,
            generation,
            eligible,
            running: None,
            causes: NONE,
            leaving: None,
            flags: 0,
        };
        let slot = self.tasks.insert(task);
        self.of_task.insert(id.0, slot);
        Some(slot)
    }

    /// The index in its job of the task with this id: a gang takes one id for all its members.
    pub(super) fn index_of(&self, job: u32, id: TaskId) -> u32 {
        let job = &self.jobs[job];
        let mut unit = (id.0 - job.first_task) as u32;
        for part in job.parts.as_slice() {
            if unit < part.units() {
                return part.first + unit;
            }
            unit -= part.units();
        }
        unit
    }

    /// A task takes its room on one node. It runs from [`World::run_begins`] on.
    pub(super) fn start(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet) {
        self.start_in(slot, node, count, gpus, NONE);
    }

    /// The same; in a holder there, if one is given.
    pub(super) fn start_in(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet, within: u32) {
        self.starts += 1;
        let (place, start, sequence) = (self.now, Time::NEVER, self.starts);
        let attempt = Attempt { place, start, node: node.0, count, gpus, rest: NONE, within, sequence };
        self.occupy(slot, node, count, gpus, within);
        let task = &mut self.tasks[slot];
        task.running = Some(attempt);
        let (job_slot, index) = (task.job, task.index);
        let job = &self.jobs[job_slot];
        let part = job.parts.of(index);
        let (members, background) = (part.members(), job.background);
        if !background {
            self.note_waiting(job_slot, index, -i64::from(members), true);
        }
        self.levels.running += u64::from(members);
    }

    /// A gang that is running takes one more node.
    pub(super) fn spread(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet) {
        self.spread_in(slot, node, count, gpus, NONE);
    }

    /// The same; in a holder there, if one is given.
    pub(super) fn spread_in(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet, within: u32) {
        self.occupy(slot, node, count, gpus, within);
        if let Some(attempt) = &mut self.tasks[slot].running {
            let next = attempt.rest;
            attempt.rest = self.shares.insert(Share { node: node.0, count, gpus, within, next });
        }
    }

    pub(super) fn note_first_start(&mut self, slot: u32, members: u32) {
        let task = self.tasks[slot];
        let job = &self.jobs[task.job];
        if !job.measured {
            return;
        }
        let wait = self.now - job.submit;
        let part = job.parts.of(task.index);
        if let (Some(past), Some(attempt), false) = (part.past.as_deref().copied(), task.running, self.past.is_adopting)
        {
            let (cpu, run) = (part.request()[CPU], part.run.of(task.index - part.first));
            let (submit, now, node) = (job.submit, self.now, attempt.node);
            self.past.history.note(&Start { past, submit, now, node, members, cpu, run });
        }
        self.measures.task_started(job.class.0, job.role.0, wait, members);
        if let Some(watch) = rare(self.watch.as_mut()) {
            let labels = self.arrivals.labels();
            watch.started(self.now, labels.word(job.class), labels.word(job.role), wait, members);
        }
        if wait > Span::ZERO {
            for (sum, cause) in self.measures.causes.iter_mut().zip(causes_in(&self.causes, task.causes)) {
                *sum += u128::from(cause.0) * u128::from(members);
            }
        }
        if rarely(self.measures.is_slow(wait)) {
            let labels = self.arrivals.labels();
            let slow = SlowTask {
                task: format!("{}/{}", job.name, task.index),
                class: labels.word(job.class).to_owned(),
                role: labels.word(job.role).to_owned(),
                submit: job.submit,
                wait,
                node: task.running.map(|attempt| self.fleet.nodes[attempt.node as usize].name.to_string()),
                causes: causes_in(&self.causes, task.causes),
            };
            self.measures.keep_slow(slow);
        }
        if job.unstarted == 0 {
            self.measures.job_started(wait);
        }
    }

    pub(super) fn touch(&mut self, node: NodeId) {
        let truth = &mut self.nodes[node.index()];
        truth.settle(self.now, &mut self.conservation);
        if !truth.dirty {
            truth.dirty = true;
            self.dirty.push(node.0);
        }
    }

    /// Takes room of the true node. Whether it is there is audited when the instant is complete.
    fn occupy(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet, within: u32) {
        if rarely(within != NONE) {
            self.occupy_holder(slot, within, count);
            return;
        }
        self.touch(node);
        let (request, milli) = self.request_of(slot);
        let truth = &mut self.nodes[node.index()];
        for lane in (0..LANES).filter(|&lane| request[lane] != 0) {
            truth.used[lane] = truth.used[lane].saturating_add(request[lane].saturating_mul(count));
        }
        for device in gpus.iter() {
            if let Some(used) = truth.devices.get_mut(device) {
                *used = used.saturating_add(milli);
            }
        }
        self.levels.nodes_in_use += u64::from(truth.tasks == 0);
        truth.tasks += count;
        truth.tasks_most = truth.tasks_most.max(truth.tasks);
        truth.starts += 1;
        self.levels.used.add(&request, u64::from(count));
        if rarely(self.is_special) {
            self.note_held(self.tasks[slot].job, &request, count, true);
            self.settle_in(slot, node);
        }
    }

    fn vacate(&mut self, slot: u32, node: NodeId, count: u32, gpus: GpuSet) {
        self.touch(node);
        let (request, milli) = self.request_of(slot);
        let truth = &mut self.nodes[node.index()];
        for lane in (0..LANES).filter(|&lane| request[lane] != 0) {
            // A gang of any size may have been put here; the audit of the instant says whether it fitted.
            truth.used[lane] = truth.used[lane].saturating_sub(request[lane].saturating_mul(count));
        }
        for device in gpus.iter() {
            if let Some(used) = truth.devices.get_mut(device) {
                *used = used.saturating_sub(milli);
            }
        }
        truth.tasks -= count;
        self.levels.nodes_in_use -= u64::from(truth.tasks == 0);
        self.levels.used.sub(&request, u64::from(count));
        if rarely(self.is_special) {
            self.note_held(self.tasks[slot].job, &request, count, false);
        }
    }

    pub(super) fn request_of(&self, slot: u32) -> (Resources, u16) {
        let task = &self.tasks[slot];
        let part = self.jobs[task.job].parts.of(task.index);
        (self.constrained(part.request()), part.gpu.milli)
    }

    /// The run time of a task is over.
    pub(super) fn end_of_run(&mut self, slot: u32) {
        let task = self.tasks[slot];
        let part = self.jobs[task.job].parts.of(task.index);
        let state = match part {
            part if part.killed => State::Killed,
            part if self.has_failed(&task, part.fails) || self.has_crashed(&task) => State::Failed,
            _ => State::Finished,
        };
        self.end(slot, state);
    }

    /// A running task ends, for whatever reason: room, books, and the news of it.
    pub(super) fn end(&mut self, slot: u32, state: State) {
        if self.tasks[slot].running.is_none() || rarely(self.trouble.is_some()) && self.end_in_trouble(slot, state) {
            return;
        }
        self.end_attempt(slot, state);
        self.settle(slot, state);
    }

    /// An attempt ends, in truth: room and books. Nobody is told yet.
    pub(super) fn end_attempt(&mut self, slot: u32, state: State) {
        let Some(attempt) = self.tasks[slot].running else { return };
        let mut lost = Span::ZERO;
        if rarely(matches!(state, State::Lost | State::Evicted) || self.tasks[slot].is_unlaunched()) {
            lost = self.lost_by(slot, &attempt, state);
        }
        if rarely(self.is_special) {
            if let Some(trouble) = &mut self.trouble {
                trouble.leaves.remove(&slot);
            }
            if state == State::Evicted {
                self.save_by_leaving(slot);
            }
            self.holder_falls(slot, state);
            self.move_out(slot, &attempt);
        }
        self.leave_room(slot, &attempt);
        let task = self.tasks[slot];
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let members = part.members();
        let usage = part.usage.as_deref().copied();
        self.levels.running -= u64::from(members);
        if let Some(usage) = rare(usage).filter(|_| attempt.start != Time::NEVER) {
            self.levels.usage.sub(&self.constrained(usage), u64::from(members));
        }
        if rarely(attempt.within != NONE) {
            self.lost_inside(slot, members, lost);
        }
        self.ended.push(Ended { at: self.now, id: task.id, task, state, lost });
        self.jobs[task.job].rows += 1;
        self.measures.ended();
        self.tasks[slot].running = None;
        self.tasks[slot].causes = NONE;
        if rarely(self.is_special) && !task.is_given_up() {
            self.end_twins(task.id);
        }
    }

    /// An attempt gives its room back, on all of its nodes or in all of its holders.
    fn leave_room(&mut self, slot: u32, attempt: &Attempt) {
        if rarely(attempt.within != NONE) {
            for (holder, count) in self.holders_of(attempt) {
                self.vacate_holder(slot, holder, count, attempt.place);
            }
            return;
        }
        if rarely(self.is_special) {
            if attempt.start != Time::NEVER {
                self.use_ends(slot, attempt);
            }
            self.break_off(slot, attempt);
        }
        self.vacate(slot, NodeId(attempt.node), attempt.count, attempt.gpus);
        let mut at = attempt.rest;
        while at != NONE {
            let share = self.shares[at];
            self.vacate(slot, NodeId(share.node), share.count, share.gpus);
            at = share.next;
        }
    }

    /// Time that an attempt held its room for nothing, if it ends like this now: lost, evicted or never launched.
    fn lost_by(&mut self, slot: u32, attempt: &Attempt, state: State) -> Span {
        let task = &self.tasks[slot];
        let held = self.jobs[task.job].parts.of(task.index).lost_by_leaving(self.now - attempt.place);
        let goes_on = state == State::Lost || matches!(task.leaving, Some(Leaving::Evicted { requeue: true }));
        let saved = if task.is_given_up() || !goes_on { Span::ZERO } else { self.saved_by(slot) };
        let lost = Span(held.0.saturating_sub(saved.0));
        if let Some(trouble) = &mut self.trouble {
            trouble.toll.lost_us += u128::from(lost.0);
        }
        lost
    }

    /// The scheduler hears how an attempt ended: the task is over, or is to be placed again.
    pub(super) fn settle(&mut self, slot: u32, state: State) {
        let task = self.tasks[slot];
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let members = part.members();
        let (background, workload) = (job.background, usize::from(job.workload));
        let has_rules = !self.arrivals.workload(workload).rules.is_empty();
        let is_kept_running = part.kind.is_kept_running();
        let ruled = if rarely(has_rules) { self.after_service(&task, state) } else { None };
        let again = match (state, task.leaving) {
            _ if ruled.is_some() => ruled,
            (State::Killed, _) => None,
            _ if task.is_unlaunched() => self.after_loss(&task),
            (State::Lost, _) => self.after_loss(&task),
            (State::Evicted, Some(Leaving::Evicted { requeue })) => requeue.then_some(Span::ZERO),
            (State::Failed, _) if has_rules && !is_kept_running => self.after_failure(&task),
            _ => is_kept_running.then_some(Span::ZERO),
        };
        let ending = match state {
            _ if task.is_unlaunched() => Ending::Unlaunched,
            State::Failed => Ending::Failed,
            State::Evicted if again.is_some() => Ending::Evicted,
            State::Killed | State::Evicted => Ending::Killed,
            State::Lost => Ending::Lost,
            _ => Ending::Finished,
        };
        self.tell_end(workload, TaskId(task.id), ending);
        if let Some(pause) = again {
            let generation = self.new_generation();
            let next = &mut self.tasks[slot];
            next.attempt += 1;
            next.running = None;
            next.eligible = self.now + pause;
            next.causes = NONE;
            next.leaving = None;
            next.flags = 0;
            next.generation = generation;
            if !background {
                self.note_waiting(task.job, task.index, i64::from(members), false);
            }
        } else {
            self.of_task.remove(task.id);
            // Its end may still stand in the agenda, if it came before its time.
            self.tasks[slot].running = None;
            self.tasks.free(slot);
            if rarely(self.is_special) {
                self.forget_losses(task.id);
            }
            self.forget_failures(task.id);
            self.task_over(task.job, state, members);
        }
        if rarely(self.is_special) {
            self.holder_heard(task.id, again.is_some());
        }
    }

    /// Charges what an attempt held to busy or lost, and to its class and team.
    pub(super) fn account(&mut self, job: u32, request: Resources, members: u32, held: Span, lost: bool) {
        let row = self.constrained(request);
        let job = &self.jobs[job];
        let sum = if lost { &mut self.conservation.lost } else { &mut self.conservation.busy };
        hold_members(sum, &row, members, held);
        if job.measured {
            for (tallies, label) in
                [(&mut self.measures.by_class, job.class.0), (&mut self.measures.by_role, job.role.0)]
            {
                let tally = crate::measure::Measures::tally(tallies, label);
                hold_members(&mut tally.allocated, &row, members, held);
            }
        }
    }

    pub(super) fn tell_end(&mut self, workload: usize, task: TaskId, ending: Ending) {
        let party = self.arrivals.workload(workload).party;
        self.tell(party, Event::TaskEnded { task, ending });
        // Whoever hands out room hears of what holds some; what is in holders does not.
        if rarely(party != PartyId::FIRST) && self.kinds.holders.source_of(party).is_none() {
            self.tell(PartyId::FIRST, Event::TaskEnded { task, ending });
        }
    }

    /// `members` tasks of a job are over; with its last one the job is.
    pub(super) fn task_over(&mut self, slot: u32, state: State, members: u32) {
        self.daemons.over(self.jobs[slot].id);
        self.kinds.needs.is_stirred = true;
        let job = &mut self.jobs[slot];
        job.live -= 1;
        job.worst = worse(job.worst, state);
        if job.measured {
            let (class, role) = (job.class.0, job.role.0);
            self.measures.task_over(class, role, state, members);
        }
        let job = &self.jobs[slot];
        if job.live == 0 {
            let (id, worst) = (job.id, job.worst);
            self.course_over(id, worst);
        }
        let job = &self.jobs[slot];
        if job.live == 0 && job.measured {
            self.measures.jobs[job.worst as usize] += 1;
            if job.first_start != Time::NEVER {
                let cpu = |part: &Part| u64::from(part.request()[CPU]) * u64::from(part.count);
                let cpu_milli = job.parts.as_slice().iter().map(cpu).sum();
                self.measures.job_ended(job.submit, job.first_start, self.now, cpu_milli);
            }
        }
    }

    /// Tasks that never started are given up.
    pub(super) fn reject_units(&mut self, first: TaskId, units: u32) {
        for unit in 0..u64::from(units) {
            let Some(slot) = self.task_at(TaskId(first.0 + unit)) else { continue };
            let task = self.tasks[slot];
            let job = &self.jobs[task.job];
            let members = job.parts.of(task.index).members();
            if !job.background {
                self.note_waiting(task.job, task.index, -i64::from(members), false);
            }
            let state = self.state_of_rejected(task.id);
            self.ended.push(Ended { at: self.now, id: task.id, task, state, lost: Span::ZERO });
            self.jobs[task.job].rows += 1;
            self.of_task.remove(task.id);
            self.tasks.free(slot);
            if self.jobs[task.job].live == 1 && self.jobs[task.job].first_start == Time::NEVER {
                self.overtaking.gives_up(self.jobs[task.job].id);
            }
            self.task_over(task.job, state, members);
            self.holder_rejected(task.id);
        }
    }
}

/// What stands for the whole job: anything beats finished, and what happened first counts among the rest.
fn worse(job: State, task: State) -> State {
    if job == State::Finished { task } else { job }
}

/// Adds what `members` equal tasks held.
fn hold_members(sum: &mut LaneTime, row: &Resources, members: u32, held: Span) {
    if members == 1 {
        hold(sum, row, held);
    } else {
        let mut totals = Totals::default();
        totals.add(row, u64::from(members));
        hold_totals(sum, &totals, held);
    }
}
