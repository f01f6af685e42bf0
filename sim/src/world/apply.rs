//! Decisions become true, or become the news of another party.

use windtunnel_outcome::rows::Cause;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, GpuSet};
use windtunnel_scheduler::hint::{rare, rarely};
use windtunnel_scheduler::id::{NodeId, PartyId, TaskId};
use windtunnel_scheduler::time::Span;

use super::truth::{Leaving, NONE};
use super::{MESSAGE, UNSTARTED, World, what};
use crate::error::SimError;

impl World {
    /// Carries a decision out, or to whom it concerns.
    pub(crate) fn apply(&mut self, party: PartyId, decision: &Decision) -> Result<(), SimError> {
        let of_gang = |decision: &Decision| match *decision {
            Decision::Place { task, .. } | Decision::PlaceWithin { task, .. } => task == self.gang_task,
            _ => false,
        };
        if rarely(!self.gang.is_empty()) && !of_gang(decision) {
            return Err(self.half_placed(party));
        }
        if rarely(!self.offers.is_idle()) {
            self.offers.note(self.now, party, decision);
        }
        match *decision {
            Decision::Place { task, node, count, gpus, more } => self.place(party, task, node, count, gpus, more),
            Decision::Waited { task, causes } => {
                let causes = self.with_said_before(party, task, causes);
                self.note_waited(party, task, causes)
            }
            Decision::Reject { task, count } => self.reject(party, task, count),
            Decision::Kill { task, grace } => {
                self.tell_to_leave(party, task, Leaving::Killed, grace);
                Ok(())
            }
            Decision::Evict { task, grace, requeue } => {
                self.tell_to_leave(party, task, Leaving::Evicted { requeue }, grace);
                Ok(())
            }
            Decision::Defer { .. } => Ok(()),
            Decision::Offer { to, offer } => self.send(party, to, Event::Offered(offer)),
            Decision::Rescind { to, offer } => self.send(party, to, Event::OfferRescinded { offer }),
            Decision::Launch(launch) => self.send(party, PartyId::FIRST, Event::LaunchRequested(launch)),
            Decision::Decline { offer, refuse } => {
                self.send(party, PartyId::FIRST, Event::OfferDeclined { offer, from: party, refuse })
            }
            Decision::Unreserve { task } => self.send(party, PartyId::FIRST, Event::HomeUnreserved { task }),
            Decision::Claim(claim) => self.send(party, PartyId::FIRST, Event::ClaimRequested(claim)),
            Decision::Displace(displacement) => {
                self.send(party, PartyId::FIRST, Event::DisplacementRequested(displacement))
            }
            Decision::Suppress => self.send(party, PartyId::FIRST, Event::OffersSuppressed { from: party }),
            Decision::Revive => self.send(party, PartyId::FIRST, Event::OffersRevived { from: party }),
            Decision::InverseOffer { to, node, window } => self.send(party, to, Event::InverseOffered { node, window }),
            Decision::AnswerInverse { node, refuse } => {
                self.send(party, PartyId::FIRST, Event::InverseOfferAnswered { from: party, node, refuse })
            }
            Decision::Tell { to, room, freed: false } => self.send(party, to, Event::RoomTaken(room)),
            Decision::Tell { to, room, freed: true } => self.send(party, to, Event::RoomFreed(room)),
            Decision::Refuse { to, task } => self.send(party, to, Event::LaunchRefused { task }),
            Decision::Hold { first, count } => self.hold(party, first, count),
            Decision::Release { first, count } => self.release(party, first, count),
            Decision::PlaceWithin { task, holder, count, more } => self.place_within(party, task, holder, count, more),
            Decision::Upgraded { service, version } => self.upgraded(party, service, version),
        }
    }

    #[cold]
    pub(super) fn invalid(&self, party: PartyId, reason: String) -> SimError {
        SimError::Invalid { at: self.now, party: party.0, reason }
    }

    /// No gang is left half placed.
    pub(crate) fn check_whole(&self, party: PartyId) -> Result<(), SimError> {
        if self.gang.is_empty() { Ok(()) } else { Err(self.half_placed(party)) }
    }

    /// Decisions of a gang stand together, so that it is carried out as a whole or not at all.
    #[cold]
    pub(super) fn half_placed(&self, party: PartyId) -> SimError {
        let task = self.gang_task.0;
        self.invalid(party, format!("task {task} is placed in part: a decision with `more` has no next one"))
    }

    fn send(&mut self, from: PartyId, to: PartyId, event: Event) -> Result<(), SimError> {
        if usize::from(to.0) >= self.inboxes.len() {
            return Err(self.invalid(from, format!("there is no party {}", to.0)));
        }
        if self.post.link == Span::ZERO {
            self.tell(to, event);
        } else {
            self.post.sent += 1;
            let slot = self.post.mail.insert(Some((self.post.sent, to, event)));
            self.plan(self.now + self.post.link, what(MESSAGE, 0, slot));
        }
        Ok(())
    }

    fn place(
        &mut self,
        party: PartyId,
        task: TaskId,
        node: NodeId,
        count: u32,
        gpus: GpuSet,
        more: bool,
    ) -> Result<(), SimError> {
        if party != PartyId::FIRST {
            return Err(self.invalid(party, format!("only party 0 places, but {} placed task {}", party.0, task.0)));
        }
        if node.index() >= self.nodes.len() {
            return Err(
                self.invalid(party, format!("task {} is placed on node {}, which is not there", task.0, node.0))
            );
        }
        let slot = self.waiting_slot(party, task, count)?;
        if self.runs_inside(usize::from(self.jobs[self.tasks[slot].job].workload)) {
            let reason = format!("task {} is placed on a node, but runs inside holders only", task.0);
            return Err(self.invalid(party, reason));
        }
        if rarely(self.is_special) && self.is_declared_lost(node.0) && self.thinking.late_since.is_none() {
            let name = &self.node_names[node.index()];
            return Err(self.invalid(party, format!("task {} is placed on `{name}`, which is lost", task.0)));
        }
        self.gang_task = task;
        self.gang.push((node.0, count, gpus));
        if more {
            return Ok(());
        }
        let mut gang = std::mem::take(&mut self.gang);
        let placed = self.place_all(party, task, slot, &gang);
        gang.clear();
        self.gang = gang;
        placed
    }

    /// The slot of a task of which so many members are to be placed.
    pub(super) fn waiting_slot(&mut self, party: PartyId, task: TaskId, count: u32) -> Result<u32, SimError> {
        let Some(slot) = self.task_at(task) else {
            return Err(self.invalid(party, format!("task {} is placed, but it is over or was never there", task.0)));
        };
        if self.tasks[slot].running.is_some() || self.tasks[slot].unheard_state().is_some() {
            return Err(self.invalid(party, format!("task {} is placed, but it runs already", task.0)));
        }
        if count == 0 {
            return Err(self.invalid(party, format!("no member of task {} is placed", task.0)));
        }
        Ok(slot)
    }

    /// All members of a task are placed, and no more.
    pub(super) fn check_members(
        &self,
        party: PartyId,
        task: TaskId,
        slot: u32,
        parts: &[(u32, u32, GpuSet)],
    ) -> Result<(), SimError> {
        let members = self.jobs[self.tasks[slot].job].parts.of(self.tasks[slot].index).members();
        let placed: u64 = parts.iter().map(|&(_, count, _)| u64::from(count)).sum();
        if placed == u64::from(members) {
            return Ok(());
        }
        Err(self.invalid(party, format!("{placed} of {members} members of task {} are placed", task.0)))
    }

    /// A scheduler that does not say why, or a framework whose launch was under way since it said: the causes add up
    /// to the wait all the same.
    pub(super) fn say_wait(&mut self, party: PartyId, task: TaskId, slot: u32) -> Result<(), SimError> {
        let unsaid = self.tasks[slot].causes == NONE || !self.offers.is_idle();
        if unsaid && self.now > self.tasks[slot].eligible {
            let said = super::causes_in(&self.causes, self.tasks[slot].causes);
            self.note_waited(party, task, said)?;
        }
        Ok(())
    }

    fn place_all(
        &mut self,
        party: PartyId,
        task: TaskId,
        slot: u32,
        nodes: &[(u32, u32, GpuSet)],
    ) -> Result<(), SimError> {
        let (job, index) = (self.tasks[slot].job, self.tasks[slot].index);
        let part = self.jobs[job].parts.of(index);
        let gpu = self.constrained_gpu(part.gpu);
        self.check_members(party, task, slot, nodes)?;
        for &(node, _, gpus) in nodes {
            let is_there = |device: usize| device < self.nodes[node as usize].devices.len();
            if gpus.len() != u32::from(gpu.count) || !gpus.iter().all(is_there) {
                let name = &self.node_names[node as usize];
                let reason = format!("task {} needs {} devices, got {:?} on `{name}`", task.0, gpu.count, gpus);
                return Err(self.invalid(party, reason));
            }
        }
        self.say_wait(party, task, slot)?;
        let job_digest = self.jobs[job].digest;
        let (mut in_vain, mut lost) = (None, None);
        if rarely(self.trouble.is_some()) {
            in_vain = nodes.iter().find(|&&(node, _, gpus)| self.is_unreachable(node, gpus)).map(|&(node, _, _)| node);
            lost = if in_vain.is_none() { self.lost_on_its_way(slot, nodes) } else { None };
        }
        if let Some(missed) = rare(in_vain.or(lost)) {
            for &(node, _, gpus) in nodes {
                self.stamp(party, 1, [job_digest, u64::from(index), self.node_digests[node as usize], gpus.0]);
            }
            let believed: Vec<u32> = nodes.iter().map(|&(node, ..)| node).collect();
            match lost {
                None => self.place_in_vain(slot, missed, &believed),
                Some(_) => self.lose_launch(slot, missed, &believed),
            }
            return Ok(());
        }
        for (at, &(node, count, gpus)) in nodes.iter().enumerate() {
            self.stamp(party, 1, [job_digest, u64::from(index), self.node_digests[node as usize], gpus.0]);
            if at == 0 {
                self.start(slot, NodeId(node), count, gpus);
            } else {
                self.spread(slot, NodeId(node), count, gpus);
            }
        }
        if rarely(self.launching.is_some()) {
            self.launch(slot);
        } else {
            self.run_begins(slot);
        }
        if !self.jobs[job].background {
            self.measures.placed += 1;
        }
        Ok(())
    }

    /// Adds a decision that changes the world to the fingerprint: fields in this order, names only.
    pub(super) fn stamp(&mut self, party: PartyId, kind: u64, fields: [u64; 4]) {
        self.fingerprint.word(self.now.0);
        self.fingerprint.word(u64::from(party.0) << 8 | kind);
        for field in fields {
            self.fingerprint.word(field);
        }
    }

    /// What whoever hands out room says of a wait comes on top of what the task's framework said.
    fn with_said_before(
        &mut self,
        party: PartyId,
        task: TaskId,
        mut causes: [Span; Cause::COUNT],
    ) -> [Span; Cause::COUNT] {
        if party != PartyId::FIRST || self.offers.is_idle() {
            return causes;
        }
        if let Some(slot) = self.task_at(task) {
            let before = super::causes_in(&self.causes, self.tasks[slot].causes);
            causes.iter_mut().zip(before).for_each(|(cause, before)| cause.0 = cause.0.saturating_add(before.0));
        }
        causes
    }

    fn note_waited(&mut self, party: PartyId, task: TaskId, mut causes: [Span; Cause::COUNT]) -> Result<(), SimError> {
        let Some(slot) = self.task_at(task) else {
            return Err(self.invalid(party, format!("task {} waited, but it is over or was never there", task.0)));
        };
        // What passed before the scheduler heard of the task is the price of deciding elsewhere.
        let said = causes.iter().fold(0_u64, |sum, cause| sum.saturating_add(cause.0));
        self.waits_by_its_service(slot, Span(said));
        let wait = self.now.since(self.tasks[slot].eligible).0;
        if said > wait {
            return Err(self.invalid(party, format!("task {} waited {wait} us, not {said} us", task.0)));
        }
        causes[self.unsaid_cause(slot) as usize].0 += wait - said;
        self.tasks[slot].causes = match self.tasks[slot].causes {
            NONE => self.causes.insert(causes),
            old => {
                self.causes[old] = causes;
                old
            }
        };
        Ok(())
    }

    fn reject(&mut self, party: PartyId, task: TaskId, count: u32) -> Result<(), SimError> {
        let is_idle = |task: &super::truth::Task| task.running.is_none() && task.unheard_state().is_none();
        let waits = self.task_at(task).filter(|&slot| is_idle(&self.tasks[slot]));
        let Some(slot) = waits else {
            return Err(self.invalid(party, format!("task {} is rejected, but it does not wait", task.0)));
        };
        let (job, index) = (self.tasks[slot].job, self.tasks[slot].index);
        let units = if self.jobs[job].parts.of(index).members() > 1 { 1 } else { count };
        if !(1..u64::from(units)).all(|unit| self.waits(job, task.0.saturating_add(unit))) {
            let reason = format!("{count} tasks from {} on are rejected, but not all of them wait", task.0);
            return Err(self.invalid(party, reason));
        }
        let digest = self.jobs[job].digest;
        self.stamp(party, 2, [digest, u64::from(index), u64::from(count), 0]);
        self.reject_units(task, units);
        Ok(())
    }

    /// True if this task belongs to the job and waits.
    fn waits(&self, job: u32, task: u64) -> bool {
        self.task_slot(TaskId(task)).is_some_and(|slot| {
            if slot & UNSTARTED != 0 {
                return slot & !UNSTARTED == job;
            }
            let task = &self.tasks[slot];
            task.job == job && task.running.is_none() && task.unheard_state().is_none()
        })
    }
}
