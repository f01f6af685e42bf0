//! Holders: tasks that a framework holds in the fleet to run its own tasks in.
//!
//! A holder is a task as any other: it takes room of its node, and everything that befalls tasks befalls it. The tasks
//! inside take room of the holder, and none of the node: what they hold is accounted for once, as the holder's. They
//! end with it, and the framework hears of that when it hears of the holder.

use std::collections::BTreeMap;

use windtunnel_outcome::conservation::{LaneTime, resource_seconds};
use windtunnel_outcome::rows::State;
use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::event::{Event, GpuSet, JobKind, NodeSpec};
use windtunnel_scheduler::hint::rarely;
use windtunnel_scheduler::id::{HolderId, NodeId, PartyId, TaskId};
use windtunnel_scheduler::resources::{CPU, LANES, Resources};
use windtunnel_scheduler::slab::Slab;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Ask, Group, Groups, Job as TraceJob, Label, Name, Run, Truth};

use super::health::Unheard;
use super::truth::{Attempt, Leaving, NONE};
use super::{UNSTARTED, World};
use crate::error::SimError;
use crate::model::HolderSource;

/// A framework with holders, and what came of them.
#[derive(Clone)]
struct Source {
    plan: HolderSource,
    /// The next holder that it may ask for.
    next: u64,
    /// Holders that it has not given back.
    now: u64,
    most: u64,
    /// Lane-microseconds that its tasks held inside holders, and that the holders held.
    used: LaneTime,
    held: LaneTime,
}

/// A holder that was asked for.
#[derive(Clone)]
struct Holder {
    source: usize,
    id: HolderId,
    task: u64,
    /// What its task is called in results.
    called: Box<str>,
    /// The slot of its attempt, from its start until its end is heard of; [`NONE`] else.
    slot: u32,
    /// Where it started last.
    node: u32,
    used: Resources,
    /// The slots of the tasks in it, in truth, once for each part.
    tasks: Vec<u32>,
    /// Tasks in it that ended with it, or were sent there in vain: they are heard of with it.
    unheard: Vec<Unheard>,
    /// It was given back.
    released: bool,
    /// When its framework was told of it last.
    told: Time,
    /// Stands in the list of those that changed in this instant.
    dirty: bool,
}

/// The books on holders. Empty where no framework has any.
#[derive(Clone, Default)]
pub(super) struct Holders {
    /// The party of the first source; the others follow.
    first: u16,
    sources: Vec<Source>,
    live: Slab<Holder>,
    of_id: BTreeMap<(usize, HolderId), u32>,
    of_task: BTreeMap<u64, u32>,
    dirty: Vec<u32>,
    /// Over in this instant; rows may still ask for them.
    gone: Vec<u32>,
    /// What tasks inside held for nothing, which their holders' time counts as busy.
    lost: LaneTime,
}

impl Holders {
    /// Sources in the order of their parties, the first of which is `first`.
    pub(super) fn new(first: u16, plans: Vec<HolderSource>) -> Self {
        let empty = [0; LANES];
        let source = |plan| Source { plan, next: 0, now: 0, most: 0, used: empty, held: empty };
        Self { first, sources: plans.into_iter().map(source).collect(), ..Self::default() }
    }

    /// True if nobody has any.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// What the holder of an attempt is called; None if it runs on a node.
    pub(super) fn called(&self, attempt: &Attempt) -> Option<&str> {
        (attempt.within != NONE).then(|| &*self.live[attempt.within].called)
    }

    /// How many of the parties have none: they come first.
    pub(super) fn parties_before(&self, parties: usize) -> usize {
        parties - self.sources.len()
    }

    /// The number of a framework with holders among those.
    #[inline]
    pub(super) fn source_of(&self, party: PartyId) -> Option<usize> {
        let at = usize::from(party.0.checked_sub(self.first)?);
        (at < self.sources.len()).then_some(at)
    }
}

impl World {
    /// True if the tasks of a workload run inside holders.
    #[inline]
    pub(super) fn runs_inside(&self, workload: usize) -> bool {
        self.source_of_workload(workload).is_some()
    }

    /// True if no node, or no holder of its framework, could ever hold a task of this group, even if all were empty.
    pub(super) fn can_never_start(&self, workload: usize, ask: &Ask, count: u32) -> bool {
        match self.source_of_workload(workload) {
            Some(source) => !self.constrained(ask.request).fits_in(&self.room_of(source)),
            None => self.can_never_run(ask, count),
        }
    }

    /// The framework with holders whose tasks a workload brings.
    #[inline]
    pub(super) fn source_of_workload(&self, workload: usize) -> Option<usize> {
        let holders = &self.kinds.holders;
        if rarely(!holders.is_empty()) { holders.source_of(self.arrivals.workload(workload).party) } else { None }
    }

    /// What no holder can take is refused before anybody waits for it.
    pub(super) fn check_inside(&self, job: &TraceJob, workload: usize) -> Result<(), SimError> {
        if !self.runs_inside(workload) {
            return Ok(());
        }
        for group in job.groups.as_slice() {
            let what = match group.ask.kind {
                JobKind::Daemon => "is one of daemons, which belong to nodes",
                _ if self.constrained_gpu(group.ask.gpu).count > 0 => "asks for gpus, which holders do not have",
                _ => continue,
            };
            let name = &job.name;
            return Err(SimError::Experiment(format!(
                "job `{name}` {what}: its framework runs its tasks inside holders; give it another framework"
            )));
        }
        Ok(())
    }

    /// The holder that a task is, if its attempt in this slot is in place.
    fn holder_in(&self, slot: u32) -> Option<u32> {
        let holders = &self.kinds.holders;
        if holders.is_empty() {
            return None;
        }
        let found = *holders.of_task.get(&self.tasks[slot].id)?;
        (holders.live[found].slot == slot).then_some(found)
    }

    /// The framework of a party that holds; an error for any other.
    fn holding(&self, party: PartyId, what: &str) -> Result<usize, SimError> {
        let source = self.kinds.holders.source_of(party);
        source.ok_or_else(|| self.invalid(party, format!("party {} {what}, but has no holders", party.0)))
    }

    /// A framework asks for holders: they are handed in as a job.
    pub(super) fn hold(&mut self, party: PartyId, first: HolderId, count: u32) -> Result<(), SimError> {
        let source = self.holding(party, "asks for holders")?;
        let known = &mut self.kinds.holders.sources[source];
        if known.next != first.0 || count == 0 {
            let (expected, count) = (known.next, u64::from(count));
            let reason = format!("{count} holders are asked for from {} on, not from {expected}", first.0);
            return Err(self.invalid(party, reason));
        }
        known.next += u64::from(count);
        known.now += u64::from(count);
        known.most = known.most.max(known.now);
        let plan = known.plan.clone();
        for at in 0..u64::from(count) {
            let (id, task) = (HolderId(first.0 + at), self.next_task + at);
            let called = format!("{}-{}/{at}", plan.name, first.0).into();
            let (used, slot) = (Resources::ZERO, NONE);
            let (tasks, unheard, released, dirty) = (Vec::new(), Vec::new(), false, false);
            let holders = &mut self.kinds.holders;
            let holder = Holder {
                source,
                id,
                task,
                called,
                slot,
                node: 0,
                used,
                tasks,
                unheard,
                released,
                told: self.now,
                dirty,
            };
            let at = holders.live.insert(holder);
            holders.of_id.insert((source, id), at);
            holders.of_task.insert(task, at);
        }
        let truth = Truth { run: Run::Same(Span::FOREVER), ..Truth::default() };
        let mut job = TraceJob {
            name: Name::Text(format!("{}-{}", plan.name, first.0).into()),
            submit: self.now,
            priority: plan.priority,
            role: self.arrivals.label(&plan.role),
            user: Label::default(),
            class: self.arrivals.label(&plan.name),
            groups: Groups::One(Group { count, ask: plan.ask, truth }),
            course: None,
        };
        self.submit_alone(&mut job, plan.workload)
    }

    /// A framework gives holders back. One that waits is withdrawn; should it be placed meanwhile, it ends at once.
    pub(super) fn release(&mut self, party: PartyId, first: HolderId, count: u32) -> Result<(), SimError> {
        let source = self.holding(party, "gives holders back")?;
        let outer = self.arrivals.workload(self.kinds.holders.sources[source].plan.workload).party;
        let mut run: Option<(TaskId, u32)> = None;
        for id in first.0..first.0.saturating_add(u64::from(count)) {
            let Some(&at) = self.kinds.holders.of_id.get(&(source, HolderId(id))) else { continue };
            let holder = &mut self.kinds.holders.live[at];
            if !holder.tasks.is_empty() {
                let reason = format!("holder {id} is given back, but a task runs in it");
                return Err(self.invalid(party, reason));
            }
            if std::mem::replace(&mut holder.released, true) {
                continue;
            }
            let task = TaskId(holder.task);
            self.kinds.holders.sources[source].now -= 1;
            let slot = self.task_slot(task).filter(|slot| slot & UNSTARTED == 0);
            if let Some(slot) = slot.filter(|&slot| self.tasks[slot].running.is_some()) {
                self.end(slot, State::Finished);
                continue;
            }
            run = match run {
                Some((first, count)) if first.0 + u64::from(count) == task.0 => Some((first, count + 1)),
                Some((first, count)) => {
                    self.tell_withdrawn(outer, first, count);
                    Some((task, 1))
                }
                None => Some((task, 1)),
            };
        }
        if let Some((first, count)) = run {
            self.tell_withdrawn(outer, first, count);
        }
        Ok(())
    }

    fn tell_withdrawn(&mut self, party: PartyId, first: TaskId, count: u32) {
        self.tell(party, Event::TasksWithdrawn { first, count });
    }

    /// What is said of a waiting task that is given up: one that was withdrawn was not refused by anybody.
    pub(super) fn state_of_rejected(&self, task: u64) -> State {
        let holders = &self.kinds.holders;
        let found = holders.of_task.get(&task).map(|&at| &holders.live[at]);
        if found.is_some_and(|holder| holder.released) { State::Killed } else { State::Rejected }
    }

    /// A task runs. If it is a holder, its room is there.
    pub(super) fn holder_starts(&mut self, slot: u32) {
        let holders = &self.kinds.holders;
        let found = holders.of_task.get(&self.tasks[slot].id).copied();
        // One that was given up on its way is nobody's any more: another attempt stands for it.
        let attempt = self.tasks[slot].running.filter(|_| !self.tasks[slot].is_given_up());
        let (Some(at), Some(attempt)) = (found, attempt) else { return };
        let holder = &mut self.kinds.holders.live[at];
        if holder.released {
            // It was withdrawn too late.
            self.plan_end(self.now, slot);
            return;
        }
        (holder.slot, holder.node, holder.told) = (slot, attempt.node, self.now);
        let (source, id) = (holder.source, holder.id);
        let node = &self.fleet.nodes[attempt.node as usize];
        let room = NodeSpec {
            node: NodeId(attempt.node),
            capacity: self.room_of(source),
            gpus: 0,
            attributes: node.attributes.clone(),
            domains: node.domains.clone(),
        };
        let party = usize::from(self.kinds.holders.first) + source;
        self.inboxes[party].push(Event::HolderStarted { holder: id, room: Box::new(room) });
    }

    /// What a holder has for tasks. How many tasks a node may have at once is no matter of its own.
    fn room_of(&self, source: usize) -> Resources {
        self.kinds.holders.sources[source].plan.room.masked(self.fleet.lanes)
    }

    /// An attempt ends, in truth. If it is that of a holder, the tasks in it end with it.
    pub(super) fn holder_falls(&mut self, slot: u32, state: State) {
        let Some(at) = self.holder_in(slot) else { return };
        if let Some(attempt) = self.tasks[slot].running {
            let held = self.now - attempt.place;
            let source = self.kinds.holders.live[at].source;
            let row = self.room_of(source);
            hold_row(&mut self.kinds.holders.sources[source].held, &row, 1, held);
        }
        let mut tasks = std::mem::take(&mut self.kinds.holders.live[at].tasks);
        tasks.sort_unstable_by_key(|&task| self.tasks[task].id);
        tasks.dedup();
        for task in tasks {
            self.fall_with_holder(task, at, state);
        }
    }

    fn fall_with_holder(&mut self, slot: u32, at: u32, state: State) {
        let state = if state == State::Lost { State::Lost } else { State::Evicted };
        if state == State::Evicted {
            self.tasks[slot].leaving = Some(Leaving::Evicted { requeue: true });
        }
        let (saved, id) = (self.saved_by(slot), self.tasks[slot].id);
        self.end_attempt(slot, state);
        if let Some(trouble) = self.trouble.as_mut().filter(|_| state == State::Lost) {
            trouble.note_loss(id, saved, self.now);
        }
        self.tasks[slot].hush(state);
        self.kinds.holders.live[at].unheard.push(Unheard { slot, state, in_vain: None });
    }

    /// The scheduler hears how the attempt of a task ended. If it is a holder, its framework hears of it, and of what
    /// was in it; `again`: it waits for another place.
    pub(super) fn holder_heard(&mut self, task: u64, again: bool) {
        let Some(&at) = self.kinds.holders.of_task.get(&task) else { return };
        let holder = &mut self.kinds.holders.live[at];
        let (source, id, released) = (holder.source, holder.id, holder.released);
        let was_there = std::mem::replace(&mut holder.slot, NONE) != NONE;
        if !released && (was_there || !again) {
            let party = usize::from(self.kinds.holders.first) + source;
            self.inboxes[party].push(Event::HolderEnded { holder: id, again });
        }
        self.hear_inside(at);
        if !again {
            self.forget_holder(at);
        } else if released {
            let outer = self.arrivals.workload(self.kinds.holders.sources[source].plan.workload).party;
            self.tell_withdrawn(outer, TaskId(task), 1);
        }
    }

    fn hear_inside(&mut self, at: u32) {
        let mut unheard = std::mem::take(&mut self.kinds.holders.live[at].unheard);
        unheard.sort_by_key(|one| self.tasks[one.slot].id);
        for one in unheard {
            self.hear(one.slot, one.state, one.in_vain);
        }
    }

    /// A holder that never started is given up.
    pub(super) fn holder_rejected(&mut self, task: u64) {
        if let Some(&at) = self.kinds.holders.of_task.get(&task) {
            self.forget_holder(at);
        }
    }

    fn forget_holder(&mut self, at: u32) {
        let holders = &mut self.kinds.holders;
        let Holder { source, id, task, released, .. } = holders.live[at];
        if !released {
            holders.sources[source].now -= 1;
        }
        holders.of_id.remove(&(source, id));
        holders.of_task.remove(&task);
        holders.gone.push(at);
    }

    /// The run ends: what is known of tasks in holders is heard of.
    pub(super) fn hear_in_holders(&mut self) {
        let all: Vec<u32> = self.kinds.holders.of_task.values().copied().collect();
        for at in all {
            self.hear_inside(at);
        }
    }

    /// The scheduler gives a holder up while it runs on: what was in it cannot be reached, and ends.
    pub(super) fn holder_given_up(&mut self, slot: u32) {
        if self.holder_in(slot).is_some() {
            self.holder_falls(slot, State::Lost);
        }
    }

    /// The tasks in a holder, by slot, each once.
    pub(super) fn tasks_inside(&self, slot: u32) -> Vec<u32> {
        let Some(at) = self.holder_in(slot) else { return Vec::new() };
        let mut tasks = self.kinds.holders.live[at].tasks.clone();
        tasks.sort_unstable_by_key(|&task| self.tasks[task].id);
        tasks.dedup();
        tasks
    }

    /// What a task is placed in, by decision of its framework.
    pub(super) fn place_within(
        &mut self,
        party: PartyId,
        task: TaskId,
        holder: HolderId,
        count: u32,
        more: bool,
    ) -> Result<(), SimError> {
        let source = self.holding(party, "places tasks in holders")?;
        let slot = self.waiting_slot(party, task, count)?;
        let workload = usize::from(self.jobs[self.tasks[slot].job].workload);
        if self.arrivals.workload(workload).party != party {
            return Err(self.invalid(party, format!("task {} is that of another framework", task.0)));
        }
        let found = self.kinds.holders.of_id.get(&(source, holder)).copied();
        // Whoever decided before the last news of a holder was thinking of another one.
        let is_it = |holder: &Holder| self.thinking.late_since.is_none_or(|since| since > holder.told);
        let found = found.filter(|&at| self.kinds.holders.live[at].slot != NONE && is_it(&self.kinds.holders.live[at]));
        if found.is_none() && self.thinking.late_since.is_none() {
            let reason = format!("task {} is placed in holder {}, which is not there", task.0, holder.0);
            return Err(self.invalid(party, reason));
        }
        self.gang_task = task;
        self.gang.push((found.unwrap_or(NONE), count, GpuSet::NONE));
        if more {
            return Ok(());
        }
        let mut gang = std::mem::take(&mut self.gang);
        let placed = self.place_all_within(party, task, slot, &gang);
        gang.clear();
        self.gang = gang;
        placed
    }

    fn place_all_within(
        &mut self,
        party: PartyId,
        task: TaskId,
        slot: u32,
        parts: &[(u32, u32, GpuSet)],
    ) -> Result<(), SimError> {
        self.check_members(party, task, slot, parts)?;
        if parts.iter().any(|&(at, ..)| at == NONE) {
            // Whoever decided late has been told meanwhile; what it said of the wait is said again.
            let said = std::mem::replace(&mut self.tasks[slot].causes, NONE);
            if said != NONE {
                self.causes.free(said);
            }
            self.tell(party, Event::LaunchRefused { task });
            return Ok(());
        }
        self.say_wait(party, task, slot)?;
        let (digest, index) = (self.jobs[self.tasks[slot].job].digest, u64::from(self.tasks[slot].index));
        for &(at, count, _) in parts {
            self.stamp(party, 5, [digest, index, self.kinds.holders.live[at].id.0, u64::from(count)]);
        }
        let node_of = |world: &Self, at: u32| {
            let holder = &world.kinds.holders.live[at];
            world.tasks[holder.slot].running.filter(|_| !world.tasks[holder.slot].is_given_up())
        };
        let attempts: Vec<Option<Attempt>> = parts.iter().map(|&(at, ..)| node_of(self, at)).collect();
        if let Some(fallen) = attempts.iter().position(Option::is_none) {
            self.place_in_fallen(slot, parts[fallen].0);
            return Ok(());
        }
        let nodes: Vec<u32> = attempts.iter().flatten().map(|attempt| attempt.node).collect();
        if let Some(&missed) = nodes.iter().find(|&&node| self.is_unreachable(node, GpuSet::NONE)) {
            self.place_in_vain(slot, missed, &nodes);
            return Ok(());
        }
        for (place, (&(at, count, gpus), &node)) in parts.iter().zip(&nodes).enumerate() {
            if place == 0 {
                self.start_in(slot, NodeId(node), count, gpus, at);
            } else {
                self.spread_in(slot, NodeId(node), count, gpus, at);
            }
        }
        // Nothing is pulled or started for it: its holder runs.
        self.run_begins(slot);
        if !self.jobs[self.tasks[slot].job].background {
            self.measures.placed += 1;
        }
        Ok(())
    }

    /// A task was sent to a holder that is gone, of which nobody has heard: it is heard of with the holder.
    fn place_in_fallen(&mut self, slot: u32, at: u32) {
        let members = self.wait_in_vain(slot);
        self.tasks[slot].hush(State::Lost);
        if let Some(trouble) = &mut self.trouble {
            trouble.toll.in_vain += u64::from(members);
        }
        let holder = &mut self.kinds.holders.live[at];
        holder.unheard.push(Unheard { slot, state: State::Lost, in_vain: Some(holder.node) });
    }

    /// Members of a task take room of a holder. Whether it is there is audited when the instant is complete.
    pub(super) fn occupy_holder(&mut self, slot: u32, at: u32, count: u32) {
        let request = self.request_inside(slot);
        self.change_holder(at, |holder| {
            holder.tasks.push(slot);
            for lane in (0..LANES).filter(|&lane| request[lane] != 0) {
                holder.used[lane] = holder.used[lane].saturating_add(request[lane].saturating_mul(count));
            }
        });
    }

    /// Members of a task, which held room since `place`, give it back.
    pub(super) fn vacate_holder(&mut self, slot: u32, at: u32, count: u32, place: Time) {
        let request = self.request_inside(slot);
        self.change_holder(at, |holder| {
            if let Some(found) = holder.tasks.iter().position(|&task| task == slot) {
                holder.tasks.swap_remove(found);
            }
            for lane in (0..LANES).filter(|&lane| request[lane] != 0) {
                holder.used[lane] = holder.used[lane].saturating_sub(request[lane].saturating_mul(count));
            }
        });
        let (held, source) = (self.now - place, self.kinds.holders.live[at].source);
        hold_row(&mut self.kinds.holders.sources[source].used, &request, count, held);
    }

    /// What a task inside held for nothing: its holder's time is not as busy as it looks.
    pub(super) fn lost_inside(&mut self, slot: u32, members: u32, lost: Span) {
        let request = self.request_inside(slot);
        hold_row(&mut self.kinds.holders.lost, &request, members, lost);
    }

    fn request_inside(&self, slot: u32) -> Resources {
        self.counted.without_tasks(self.request_of(slot).0)
    }

    fn change_holder(&mut self, at: u32, change: impl FnOnce(&mut Holder)) {
        let holders = &mut self.kinds.holders;
        let holder = &mut holders.live[at];
        change(holder);
        if !std::mem::replace(&mut holder.dirty, true) {
            holders.dirty.push(at);
        }
    }

    /// The instant is complete: no holder holds more than it has, and those that are over are forgotten.
    pub(super) fn complete_holders(&mut self) -> Result<(), SimError> {
        while let Some(at) = self.kinds.holders.dirty.pop() {
            let holder = &mut self.kinds.holders.live[at];
            holder.dirty = false;
            let (used, source, id) = (holder.used, holder.source, holder.id.0);
            let room = self.room_of(source);
            if !used.fits_in(&room) {
                let name = &self.kinds.holders.sources[source].plan.name;
                let reason = format!("holder {id} of `{name}` holds {:?} of {:?}", used.0, room.0);
                return Err(SimError::Audit { at: self.now, reason });
            }
        }
        for at in std::mem::take(&mut self.kinds.holders.gone) {
            self.kinds.holders.live.free(at);
        }
        Ok(())
    }

    /// Holds what the holders are believed to hold against what the tasks say, from scratch. `used` is by holder.
    pub(super) fn recount_holders(&self, used: &BTreeMap<u32, Resources>) -> Result<(), SimError> {
        let holders = &self.kinds.holders;
        for &at in holders.of_task.values() {
            let holder = &holders.live[at];
            let told = self.counted.without_tasks(used.get(&at).copied().unwrap_or(Resources::ZERO));
            if holder.used != told {
                let reason = format!(
                    "holder {} is booked for {:?}, but its tasks hold {:?}",
                    holder.id.0, holder.used.0, told.0
                );
                return Err(SimError::Audit { at: self.now, reason });
            }
        }
        Ok(())
    }

    /// Accounts for what runs in holders, and for holders that stand, when the run ends.
    pub(super) fn settle_holders(&mut self) {
        let standing: Vec<u32> = self.kinds.holders.of_task.values().copied().collect();
        for at in standing {
            let Holder { source, slot, .. } = self.kinds.holders.live[at];
            if slot == NONE {
                continue;
            }
            let Some(attempt) = self.tasks[slot].running else { continue };
            let row = self.room_of(source);
            hold_row(&mut self.kinds.holders.sources[source].held, &row, 1, self.now - attempt.place);
        }
        let Self { conservation, kinds, .. } = self;
        let lost = std::mem::take(&mut kinds.holders.lost);
        for (lane, lost) in lost.into_iter().enumerate() {
            conservation.busy[lane] = conservation.busy[lane].saturating_sub(lost);
            conservation.lost[lane] += lost;
        }
    }

    /// A task inside still runs when the run ends.
    pub(super) fn still_inside(&mut self, request: Resources, attempt: &Attempt) {
        for (at, count) in self.holders_of(attempt) {
            let (source, held) = (self.kinds.holders.live[at].source, self.now - attempt.place);
            hold_row(&mut self.kinds.holders.sources[source].used, &request, count, held);
        }
    }

    /// The holders that an attempt is in, and how many members are in each; none for one that is in none.
    pub(super) fn holders_of(&self, attempt: &Attempt) -> Vec<(u32, u32)> {
        let mut holders = Vec::new();
        if attempt.within != NONE {
            holders.push((attempt.within, attempt.count));
            let mut at = attempt.rest;
            while at != NONE {
                let share = self.shares[at];
                holders.push((share.within, share.count));
                at = share.next;
            }
        }
        holders
    }

    /// Writes what came of holders, by framework.
    pub(super) fn record_holders(&self, summary: &mut Summary) {
        for source in &self.kinds.holders.sources {
            let (held, used) = (source.held[CPU], source.used[CPU]);
            let share = (held > 0).then(|| used as f64 / held as f64);
            let path = |last: &str| vec!["holders".to_owned(), source.plan.framework.clone(), last.to_owned()];
            summary.set_path(path("asked"), source.next);
            summary.set_path(path("max"), source.most);
            summary.set_path(path("held_core_s"), resource_seconds(CPU, held));
            summary.set_path(path("used_core_s"), resource_seconds(CPU, used));
            summary.set_path(path("used"), share);
        }
    }
}

fn hold_row(sum: &mut LaneTime, row: &Resources, members: u32, held: Span) {
    for (sum, amount) in sum.iter_mut().zip(&row.0) {
        *sum += u128::from(*amount) * u128::from(members) * u128::from(held.0);
    }
}
