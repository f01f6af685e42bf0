//! The simulated world: the truth, the mail between parties, and the books that results are made of.

mod apply;
mod close;
mod leave;
mod setup;
mod stranded;
mod truth;
mod work;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use windtunnel_outcome::conservation::Conservation;
use windtunnel_outcome::recorder::Recorder;
use windtunnel_outcome::rows::{Cause, State};
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::digest::Digest;
use windtunnel_scheduler::event::{Event, GpuSet, JobSpec};
use windtunnel_scheduler::id::{NodeId, PartyId, TaskId};
use windtunnel_scheduler::paged::PagedMap;
use windtunnel_scheduler::resources::LANES;
use windtunnel_scheduler::slab::Slab;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_scheduler::{Step, Work};
use windtunnel_traces::model::{Fleet, Name};

use crate::agenda::{Agenda, Entry};
use crate::arrivals::Arrivals;
use crate::error::SimError;
use crate::experiment::{Routing, Stop};
use crate::measure::{Levels, Measures};
use crate::overtake::Overtaking;
use stranded::Wanted;
use truth::{Job, NONE, Node, Share, Task};

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The simulated instant.
    pub now: Time,
    /// Tasks handed in so far.
    pub submitted: u64,
    /// Tasks over so far.
    pub over: u64,
}

/// Asked every few thousand instants; breaking off ends the run with [`SimError::Interrupted`].
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// What an entry of the agenda is about, in its top byte.
const END: u64 = 0;
const MESSAGE: u64 = 1;
const BEGIN: u64 = 2;
/// A task that was told to leave has left.
const LEAVE: u64 = 3;

/// The order of what happens in one instant: who comes to an end by itself does so before anybody is made to leave.
fn rank(kind: u64) -> u64 {
    match kind {
        END => 0,
        LEAVE => 1,
        kind => kind + 1,
    }
}

fn what(kind: u64, generation: u32, slot: u32) -> u64 {
    kind << 60 | u64::from(generation & 0x0fff_ffff) << 32 | u64::from(slot)
}

/// A task id whose task never started maps to its job, marked by this bit; any other to its own slot.
const UNSTARTED: u32 = 1 << 31;

/// A task that ended in this instant: its row is written when the instant is complete, in canonical order.
struct Ended {
    id: u64,
    task: Task,
    state: State,
    lost: Span,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) now: Time,
    fleet: Fleet,
    node_digests: Vec<u64>,
    nodes: Vec<Node>,
    jobs: Slab<Job>,
    tasks: Slab<Task>,
    shares: Slab<Share>,
    /// Where waits went, for tasks that waited: indexed by `Task::causes`.
    causes: Slab<[Span; Cause::COUNT]>,
    of_task: PagedMap,
    next_task: u64,
    next_job: u64,
    agenda: Agenda,
    arrivals: Arrivals,
    /// What the scheduler was told of partitions and the like, if anything.
    terms: Option<Box<Config>>,
    routing: Routing,
    inboxes: Vec<Vec<Event>>,
    mail: Slab<Option<(PartyId, Event)>>,
    link: Span,
    happening: Vec<u64>,
    ended: Vec<Ended>,
    dirty: Vec<u32>,
    conservation: Conservation,
    pub(crate) measures: Measures,
    overtaking: Overtaking,
    levels: Levels,
    fingerprint: Digest,
    starts: u64,
    wakes: Vec<Option<Time>>,
    stop: Stop,
    seed: u64,
    wanted: Wanted,
    warnings: Vec<String>,
    /// A gang that is being placed, node by node.
    gang: Vec<(u32, u32, GpuSet)>,
    gang_task: TaskId,
    /// Strict order: what can never run would hold up everything behind it.
    blocks_head: bool,
    /// Room is handed out again when an estimate is over, before the end is heard of: no task may outlive its estimate.
    trusts_estimates: bool,
    node_names: Vec<String>,
    node_of_name: BTreeMap<Name, NodeId>,
    /// Tasks of a snapshot that have not begun.
    recorded: Slab<Option<(u32, JobSpec, NodeId, GpuSet)>>,
    /// Tasks of a snapshot for which there was no room where the trace has them.
    displaced: u64,
    next_generation: u32,
    steps: u64,
    /// Facts and messages that parties were told.
    events: u64,
    decisions: u64,
    thought: Work,
}

impl World {
    /// Moves to the next instant at which something happens; None when the run is over.
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, SimError> {
        let arrival = self.arrivals.peek().map(|(at, _)| at);
        let planned = self.agenda.earliest();
        let wake = self.wakes.iter().flatten().min().copied();
        let Some(now) = [arrival, planned, wake].into_iter().flatten().min() else { return Ok(None) };
        if let Stop::At(end) = self.stop
            && now >= end
        {
            return Ok(None);
        }
        if now > self.now {
            self.measures.advance(now);
            self.now = now;
        }
        Ok(Some(now))
    }

    /// Puts everything that happens now into the inboxes, in canonical order: ends by task id, messages, then
    /// submissions. False if nothing (more) happens now.
    pub(crate) fn gather(&mut self) -> Result<bool, SimError> {
        let now = self.now;
        let mut happening = std::mem::take(&mut self.happening);
        if self.agenda.earliest().is_some_and(|next| next <= now) {
            self.agenda.pop(now, &mut happening);
        }
        let mut any = !happening.is_empty();
        happening.sort_unstable_by_key(|&what| self.order_of(what));
        for &what in &happening {
            self.happen(what)?;
        }
        happening.clear();
        self.happening = happening;
        while let Some((at, workload)) = self.arrivals.peek() {
            if at > now {
                break;
            }
            any = true;
            if let Some(job) = self.arrivals.take(workload)? {
                self.submit(job, workload)?;
            }
        }
        for party in 0..self.wakes.len() {
            if self.wakes[party].is_some_and(|at| at <= now) {
                self.wakes[party] = None;
                any = true;
                self.inboxes[party].push(Event::Woken);
            }
        }
        Ok(any)
    }

    /// The next single event of this instant, for the convention in which a pass follows each: submissions in order,
    /// then ends in the order of their starts. False if nothing (more) happens now.
    pub(crate) fn gather_one(&mut self) -> Result<bool, SimError> {
        let now = self.now;
        if let Some((at, workload)) = self.arrivals.peek()
            && at <= now
        {
            if let Some(job) = self.arrivals.take(workload)? {
                self.submit(job, workload)?;
            }
            return Ok(true);
        }
        if self.agenda.earliest().is_some_and(|next| next <= now) {
            let mut happening = std::mem::take(&mut self.happening);
            self.agenda.pop(now, &mut happening);
            self.happening = happening;
            // Taken from the end.
            let mut queue = std::mem::take(&mut self.happening);
            queue.sort_unstable_by_key(|&what| std::cmp::Reverse(self.start_order_of(what)));
            self.happening = queue;
        }
        if let Some(what) = self.happening.pop() {
            self.happen(what)?;
            return Ok(true);
        }
        for party in 0..self.wakes.len() {
            if self.wakes[party].is_some_and(|at| at <= now) {
                self.wakes[party] = None;
                self.inboxes[party].push(Event::Woken);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn order_of(&self, what: u64) -> (u64, u64) {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => (rank(kind), self.tasks[slot].id),
            kind => (rank(kind), u64::from(slot)),
        }
    }

    fn start_order_of(&self, what: u64) -> (u64, u64) {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => (rank(kind), self.tasks[slot].running.map_or(0, |attempt| attempt.sequence)),
            kind => (rank(kind), u64::from(slot)),
        }
    }

    fn happen(&mut self, what: u64) -> Result<(), SimError> {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => {
                let generation = (what >> 32) as u32 & 0x0fff_ffff;
                let current = self.tasks[slot].generation & 0x0fff_ffff == generation;
                match self.tasks[slot].leaving {
                    _ if !current || self.tasks[slot].running.is_none() => {}
                    Some(how) if kind == LEAVE => self.leave(slot, how),
                    _ => self.end_of_run(slot),
                }
            }
            MESSAGE => {
                if let Some((party, event)) = self.mail[slot].take() {
                    self.inboxes[usize::from(party.0)].push(event);
                }
                self.mail.free(slot);
            }
            _ => {
                self.begin_recorded(slot)?;
            }
        }
        Ok(())
    }

    fn plan(&mut self, at: Time, what: u64) {
        self.agenda.push(Entry { at, what });
    }

    /// The next party with something to think about: the lowest number first.
    pub(crate) fn next_ready(&self) -> Option<PartyId> {
        self.inboxes.iter().position(|inbox| !inbox.is_empty()).map(|at| PartyId(at as u16))
    }

    /// The events of a party; to be given back with [`World::give_back`].
    pub(crate) fn take_inbox(&mut self, party: PartyId) -> Vec<Event> {
        let inbox = std::mem::take(&mut self.inboxes[usize::from(party.0)]);
        self.events += inbox.len() as u64;
        inbox
    }

    /// Keeps the room of an emptied inbox. Messages that arrived meanwhile stay.
    pub(crate) fn give_back(&mut self, party: PartyId, mut inbox: Vec<Event>) {
        inbox.clear();
        let place = &mut self.inboxes[usize::from(party.0)];
        if place.is_empty() {
            *place = inbox;
        } else {
            inbox.append(place);
            *place = inbox;
        }
    }

    /// A party has thought: it made so many decisions, and may have asked to be woken.
    pub(crate) fn thought(&mut self, party: PartyId, step: Step, decisions: usize) -> Result<(), SimError> {
        if !self.gang.is_empty() {
            return Err(self.half_placed(party));
        }
        self.steps += 1;
        self.decisions += decisions as u64;
        self.thought.jobs += step.work.jobs;
        self.thought.tasks += step.work.tasks;
        self.thought.nodes += step.work.nodes;
        self.wakes[usize::from(party.0)] = step.wake.filter(|&at| at > self.now);
        Ok(())
    }

    /// The instant is complete: rows are written, levels are taken, the truth is audited.
    pub(crate) fn complete(&mut self, recorder: &mut dyn Recorder) -> Result<(), SimError> {
        self.write_rows(recorder);
        self.overtaking.complete();
        for at in 0..self.dirty.len() {
            let index = self.dirty[at];
            let node = &mut self.nodes[index as usize];
            node.dirty = false;
            let held = node.used.fits_in(&node.capacity) && node.devices.iter().all(|&milli| milli <= 1000);
            self.measures.heat.set(self.now, index, node.used[0]);
            if !held {
                return Err(self.overcommitted(NodeId(index)));
            }
        }
        self.dirty.clear();
        self.measures.observe(self.now, &self.levels);
        if self.wanted.is_due(self.now) {
            self.sample_stranded();
        }
        Ok(())
    }

    fn overcommitted(&self, node: NodeId) -> SimError {
        let (name, truth) = (&self.fleet.nodes[node.index()].name, &self.nodes[node.index()]);
        let lane = (0..LANES).find(|&lane| truth.used[lane] > truth.capacity[lane]);
        let reason = match lane {
            Some(lane) => format!(
                "node `{name}` holds {} of {} in lane {}",
                truth.used[lane],
                truth.capacity[lane],
                self.fleet.lane_name(lane)
            ),
            None => format!("a gpu device of node `{name}` holds more than 1000 thousandths: {:?}", truth.devices),
        };
        SimError::Audit { at: self.now, reason }
    }

    /// More turns of one instant than all tasks together can cause that end once each.
    pub(crate) fn turns_most(&self) -> u64 {
        self.next_task.saturating_mul(4)
    }

    /// How far the run has come.
    pub(crate) fn progress(&self) -> Progress {
        let over = self.measures.states.iter().sum();
        Progress { now: self.now, submitted: self.measures.tasks_submitted, over }
    }

    fn task_slot(&self, id: TaskId) -> Option<u32> {
        self.of_task.find(id.0)
    }
}

/// The causes of a task that did not wait.
const NO_WAIT: [Span; Cause::COUNT] = [Span::ZERO; Cause::COUNT];

/// The causes in a slot.
fn causes_in(slab: &Slab<[Span; Cause::COUNT]>, slot: u32) -> [Span; Cause::COUNT] {
    if slot == NONE { NO_WAIT } else { slab[slot] }
}

#[cfg(test)]
mod tests;
