//! The simulated world: the truth, the mail between parties, and the books that results are made of.

mod acting;
mod apply;
mod blast;
mod close;
mod courses;
mod daemons;
mod demand;
mod elastic;
mod foresight;
mod health;
mod holders;
mod launching;
mod leave;
mod loss;
mod maintenance;
mod needs;
mod offers;
mod overload;
mod rows;
mod scaling;
mod services;
mod setup;
mod stranded;
mod thinking;
mod toll;
mod trouble;
mod truth;
mod upgrades;
mod upkeep;
mod warming;
mod work;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use windtunnel_outcome::conservation::Conservation;
use windtunnel_outcome::recorder::Recorder;
use windtunnel_outcome::rows::{Cause, State};
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::digest::Digest;
use windtunnel_scheduler::event::{Event, GpuSet, JobSpec};
use windtunnel_scheduler::hint::rarely;
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
use crate::history::History;
use crate::measure::{Levels, Measures};
use crate::overtake::Overtaking;
use crate::trigger::watch::Watch;
use offers::Offers;
use stranded::Wanted;
use truth::{Counted, Job, NONE, Node, Share, Task};
use upkeep::Bill;
pub(crate) use upkeep::usd;

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
/// The scheduler hears how a task ended.
const NEWS: u64 = 4;
/// Memory has been short on a node for as long as it may.
const OVERLOAD: u64 = 5;

/// The order of what happens in one instant: who comes to an end by itself does so before anybody is made to leave.
fn rank(kind: u64) -> u64 {
    match kind {
        END => 0,
        LEAVE => 1,
        kind => kind + 1,
    }
}

/// Marks the end of a task that is only run again after it.
const KEPT_RUNNING: u64 = 1 << 59;
/// What is kept of a generation.
const GENERATIONS: u32 = 0x07ff_ffff;

fn what(kind: u64, generation: u32, slot: u32) -> u64 {
    kind << 60 | u64::from(generation & GENERATIONS) << 32 | u64::from(slot)
}

/// A task id whose task never started maps to its job, marked by this bit; any other to its own slot.
const UNSTARTED: u32 = 1 << 31;

/// A task that ended: its row is written when the instant is complete or later, in canonical order.
#[derive(Clone)]
struct Ended {
    at: Time,
    id: u64,
    task: Task,
    state: State,
    lost: Span,
}

/// What parties send each other.
#[derive(Clone)]
struct Post {
    /// On its way, each with its number.
    mail: Slab<Option<(u64, PartyId, Event)>>,
    /// Messages sent so far: those of one instant arrive in the order in which they were sent.
    sent: u64,
    /// How long a message takes.
    link: Span,
}

/// What traces say that really happened.
#[derive(Clone)]
struct Past {
    node_of_name: BTreeMap<Name, NodeId>,
    /// What really happened, against what happens here.
    history: History,
    /// A task is started that ran already.
    is_adopting: bool,
    /// Tasks of a snapshot that have not begun.
    recorded: Slab<Option<(u32, JobSpec, NodeId, GpuSet)>>,
    /// Tasks of a snapshot for which there was no room where the trace has them.
    displaced: u64,
    /// Tasks of a snapshot whose node is none of the fleet.
    nowhere: u64,
}

/// What is only there for some kinds of work.
#[derive(Clone, Default)]
struct Kinds {
    /// What jobs are parts of.
    courses: courses::Courses,
    /// How replicas are kept running.
    services: services::Services,
    /// How services are replaced by their next version.
    upgrades: upgrades::Upgrades,
    /// Which services need which others.
    needs: needs::Needs,
    /// What frameworks hold to run their own tasks in.
    holders: holders::Holders,
}

/// What it took to come to the decisions.
#[derive(Clone, Default)]
struct Effort {
    steps: u64,
    /// Facts and messages that parties were told.
    events: u64,
    decisions: u64,
    work: Work,
}

/// Everything there is.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: Time,
    fleet: Fleet,
    /// What counts of a request.
    counted: Counted,
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
    post: Post,
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
    /// Planned ends of tasks that are only run again.
    kept_running: usize,
    /// Since when nothing has happened but wakes and messages: a run that only thinks is not kept alive for ever.
    stalled: Option<(Time, u64)>,
    /// What became of offers and claims.
    offers: Offers,
    stop: Stop,
    seed: u64,
    wanted: Wanted,
    bill: Bill,
    warnings: Vec<String>,
    /// A gang that is being placed, node by node.
    gang: Vec<(u32, u32, GpuSet)>,
    gang_task: TaskId,
    /// More may happen than that jobs come and tasks start and end: machines fail, or come and go; launches take time;
    /// somebody watches; frameworks hold what they run in. Settled when the run begins.
    is_special: bool,
    /// Strict order: what can never run would hold up everything behind it.
    blocks_head: bool,
    /// Room is handed out again when an estimate is over, before the end is heard of: no task may outlive its estimate.
    trusts_estimates: bool,
    node_names: Vec<String>,
    past: Past,
    next_generation: u32,
    effort: Effort,
    thinking: thinking::Thinking,
    /// The run is set up, and time passes.
    pub(crate) has_begun: bool,
    /// Launches that take time; none if they take none.
    launching: Option<Box<launching::Launching>>,
    /// What is really used of nodes; none if nobody asks.
    overload: Option<Box<overload::Overload>>,
    radius: blast::Radius,
    /// What may go wrong; none if nothing can.
    trouble: Option<Box<health::Trouble>>,
    /// Nodes that come and go; none if all stay.
    comings: Option<Box<elastic::Comings>>,
    /// What nodes that come bring along.
    daemons: daemons::Daemons,
    kinds: Kinds,
    /// What is done when a number says so; none if nothing is.
    watch: Option<Box<Watch>>,
    /// The run goes no further than before this instant.
    pub(crate) pause: Option<Time>,
}

impl World {
    /// Moves to the next instant at which something happens; None when the run is over.
    pub(crate) fn advance(&mut self) -> Option<Time> {
        let mut arrival = self.arrivals.peek().map(|(at, _)| at);
        if rarely(self.is_special) {
            arrival = sooner(arrival, sooner(self.kinds.upgrades.next(self.now), self.kinds.needs.next()));
        }
        if arrival.is_none() && !self.is_alive() {
            return None;
        }
        let planned = self.agenda.earliest();
        let wake = self.wakes.iter().flatten().min().copied();
        let mut next = sooner(sooner(arrival, planned), sooner(wake, sooner(self.next_launch(), self.next_thought())));
        if rarely(self.is_special)
            && let Some(trouble) = self.trouble.as_ref().and_then(|trouble| trouble.earliest())
        {
            // What breaks later does not keep a run alive.
            let is_open = next.is_some() || matches!(self.stop, Stop::At(_));
            if is_open || self.trouble_keeps_alive() || self.triggers_keep_alive() {
                next = Some(next.map_or(trouble, |next| next.min(trouble)));
            }
        }
        if rarely(self.is_special)
            && let Some(alarm) = self.alarm()
            && (next.is_some() || matches!(self.stop, Stop::At(_)) || self.triggers_keep_alive())
        {
            next = Some(next.map_or(alarm, |next| next.min(alarm)));
        }
        let now = next?;
        if rarely(!self.offers.is_idle()) && self.only_thinks(arrival, now) {
            return None;
        }
        if let Stop::At(end) = self.stop
            && now >= end
        {
            return None;
        }
        if rarely(self.pause.is_some_and(|pause| now >= pause)) {
            return None;
        }
        if rarely(self.is_special) {
            self.take_blasts(now);
        }
        self.now = self.now.max(now);
        Some(now)
    }

    /// True if something is ahead after the last arrival. That services end, only to be run again, does not keep a run
    /// alive.
    fn is_alive(&mut self) -> bool {
        self.agenda.len() > self.kept_running
            || self.wakes.iter().any(Option::is_some)
            || self.next_thought().is_some()
            || self.next_launch().is_some()
            || matches!(self.stop, Stop::At(_))
            || self.trouble_keeps_alive()
            || self.triggers_keep_alive()
    }

    /// True if nothing is ahead but offers and refusals that go to and fro: nothing waits, or nothing has started for
    /// so long that nothing will. Such a run has drained.
    fn only_thinks(&mut self, arrival: Option<Time>, next: Time) -> bool {
        if matches!(self.stop, Stop::At(_)) {
            return false;
        }
        // Of a task that nobody hears of the news are still to come, and a machine that is to come back is waited for.
        if arrival.is_some()
            || self.next_launch().is_some()
            || self.agenda.len() > self.post.mail.len() + self.kept_running
            || self.trouble_keeps_alive()
        {
            self.stalled = None;
            return false;
        }
        let (since, starts) = *self.stalled.get_or_insert((self.now, self.starts));
        if starts != self.starts {
            self.stalled = Some((self.now, self.starts));
            return false;
        }
        match self.kinds.upgrades.patience() {
            None => self.levels.waiting == 0 || next > since + self.offers.patience,
            Some(ready) => next > since + self.offers.patience + ready,
        }
    }

    /// Puts everything that happens now into the inboxes, in canonical order: ends by task id, messages, then
    /// submissions. False if nothing (more) happens now.
    pub(crate) fn gather(&mut self) -> Result<bool, SimError> {
        let now = self.now;
        let mut happening = std::mem::take(&mut self.happening);
        self.pop(&mut happening);
        let mut any = !happening.is_empty();
        happening.sort_unstable_by_key(|&what| self.order_of(what));
        let ends = happening.partition_point(|&what| what >> 60 == END);
        for &what in &happening[..ends] {
            self.happen(what)?;
        }
        if rarely(self.trouble.is_some()) {
            any |= self.meet_trouble();
            any |= self.bring_daemons()?;
        }
        if rarely(self.launching.is_some()) {
            any |= self.meet_launches();
        }
        for &what in &happening[ends..] {
            self.happen(what)?;
        }
        happening.clear();
        self.happening = happening;
        any |= self.submit_all()?;
        if rarely(self.is_special) {
            any |= self.begin_upgrades()?;
        }
        if rarely(self.kinds.courses.has_ready()) {
            any |= self.submit_ready()?;
        }
        if rarely(self.is_special) {
            any |= self.submit_needy()?;
        }
        any |= self.next_thought().is_some_and(|until| until <= now);
        while self.wake_next() {
            any = true;
        }
        Ok(any)
    }

    /// Hands in all jobs that come now; false if none does.
    fn submit_all(&mut self) -> Result<bool, SimError> {
        let mut any = false;
        while self.submit_next()? {
            any = true;
        }
        Ok(any)
    }

    /// Hands in the next job that comes now; false if none does.
    #[inline]
    fn submit_next(&mut self) -> Result<bool, SimError> {
        let Some((_, workload)) = self.arrivals.peek().filter(|&(at, _)| at <= self.now) else { return Ok(false) };
        let mut head = self.arrivals.lend(workload)?;
        if let Some(job) = head.job() {
            self.submit(job, workload)?;
        }
        self.arrivals.take_back(workload, head)?;
        Ok(true)
    }

    /// The next single event of this instant, for the convention in which a pass follows each: submissions in order,
    /// then ends in the order of their starts. False if nothing (more) happens now.
    pub(crate) fn gather_one(&mut self) -> Result<bool, SimError> {
        let now = self.now;
        if self.submit_next()? {
            return Ok(true);
        }
        if self.begin_upgrades()? {
            return Ok(true);
        }
        let mut happening = std::mem::take(&mut self.happening);
        if self.pop(&mut happening) {
            // Taken from the end.
            happening.sort_unstable_by_key(|&what| std::cmp::Reverse(self.start_order_of(what)));
        }
        self.happening = happening;
        if let Some(what) = self.happening.pop() {
            self.happen(what)?;
            return Ok(true);
        }
        if self.trouble.is_some() && self.meet_trouble() || self.launching.is_some() && self.meet_launches() {
            return Ok(true);
        }
        if self.submit_ready()? || self.submit_needy()? {
            return Ok(true);
        }
        Ok(self.wake_next() || self.next_thought().is_some_and(|until| until <= now))
    }

    /// Wakes the first party that wanted to be woken by now; false if none did.
    fn wake_next(&mut self) -> bool {
        let now = self.now;
        let due = self.wakes.iter_mut().position(|wake| wake.take_if(|at| *at <= now).is_some());
        if let Some(party) = due {
            self.inboxes[party].push(Event::Woken);
        }
        due.is_some()
    }

    fn order_of(&self, what: u64) -> (u64, u64) {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => (rank(kind), self.tasks[slot].id),
            kind => (rank(kind), self.turn_of(kind, slot)),
        }
    }

    /// Messages arrive in the order in which they were sent.
    fn turn_of(&self, kind: u64, slot: u32) -> u64 {
        match kind {
            MESSAGE => self.post.mail[slot].as_ref().map_or(0, |&(sequence, ..)| sequence),
            _ => u64::from(slot),
        }
    }

    fn start_order_of(&self, what: u64) -> (u64, u64) {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => (rank(kind), self.tasks[slot].running.map_or(0, |attempt| attempt.sequence)),
            kind => (rank(kind), self.turn_of(kind, slot)),
        }
    }

    fn happen(&mut self, what: u64) -> Result<(), SimError> {
        let slot = what as u32;
        match what >> 60 {
            kind @ (END | LEAVE) => {
                let generation = (what >> 32) as u32 & GENERATIONS;
                let current = self.tasks[slot].generation & GENERATIONS == generation;
                match self.tasks[slot].leaving {
                    _ if !current || self.tasks[slot].running.is_none() => {}
                    Some(how) if kind == LEAVE => self.leave(slot, how),
                    _ => self.end_of_run(slot),
                }
            }
            MESSAGE => {
                if let Some((_, party, event)) = self.post.mail[slot].take() {
                    self.tell(party, event);
                }
                self.post.mail.free(slot);
            }
            NEWS => {
                let generation = (what >> 32) as u32 & GENERATIONS;
                if self.tasks[slot].generation & GENERATIONS == generation
                    && let Some(state) = self.tasks[slot].unheard_state()
                {
                    self.news_arrive(slot, state);
                }
            }
            OVERLOAD => self.relieve(slot, (what >> 32) as u32),
            _ => {
                self.begin_recorded(slot)?;
            }
        }
        Ok(())
    }

    /// Takes what is planned for now off the agenda; false if there is nothing.
    fn pop(&mut self, happening: &mut Vec<u64>) -> bool {
        let is_due = self.agenda.earliest().is_some_and(|next| next <= self.now);
        if is_due {
            let before = happening.len();
            self.agenda.pop(self.now, happening);
            self.kept_running -= happening[before..].iter().filter(|&what| what & KEPT_RUNNING != 0).count();
        }
        is_due
    }

    /// A running task comes to its end by itself then.
    fn plan_end(&mut self, at: Time, slot: u32) {
        let task = &self.tasks[slot];
        let is_kept = self.jobs[task.job].parts.of(task.index).kind.is_kept_running();
        let mark = if is_kept { KEPT_RUNNING } else { 0 };
        let end = what(END, task.generation, slot) | mark;
        self.kept_running += usize::from(is_kept);
        self.plan(at, end);
    }

    fn new_generation(&mut self) -> u32 {
        let generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        generation
    }

    fn plan(&mut self, at: Time, what: u64) {
        self.agenda.push(Entry { at, what });
    }

    /// The next party with something to think about: the lowest number first.
    pub(crate) fn next_ready(&self) -> Option<PartyId> {
        let mut ready = self.inboxes.iter().enumerate().filter(|(_, inbox)| !inbox.is_empty());
        ready.find(|&(at, _)| !self.is_busy(at)).map(|(at, _)| PartyId(at as u16))
    }

    /// The events of a party; to be given back with [`World::give_back`].
    pub(crate) fn take_inbox(&mut self, party: PartyId) -> Vec<Event> {
        let inbox = std::mem::take(&mut self.inboxes[usize::from(party.0)]);
        self.effort.events += inbox.len() as u64;
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
        self.check_whole(party)?;
        self.effort.steps += 1;
        self.effort.decisions += decisions as u64;
        self.effort.work.jobs += step.work.jobs;
        self.effort.work.tasks += step.work.tasks;
        self.effort.work.nodes += step.work.nodes;
        self.wakes[usize::from(party.0)] = step.wake.filter(|&at| at > self.now);
        Ok(())
    }

    /// The instant is complete: rows are written, levels are taken, the truth is audited.
    pub(crate) fn complete(&mut self, recorder: &mut dyn Recorder) -> Result<(), SimError> {
        if !self.ended.is_empty() {
            self.write_rows(recorder);
        }
        if rarely(self.is_special) {
            self.complete_holders()?;
        }
        self.overtaking.complete();
        for at in 0..self.dirty.len() {
            let index = self.dirty[at];
            let node = &mut self.nodes[index as usize];
            node.dirty = false;
            let held = node.holds_no_more_than_it_has();
            self.measures.heat.set(self.now, index, node.used[0]);
            if rarely(!held) {
                return Err(self.overcommitted(NodeId(index)));
            }
            if rarely(!self.bill.is_empty()) {
                self.draw_again(index);
            }
        }
        self.dirty.clear();
        self.measures.observe(self.now, &self.levels);
        if rarely(self.wanted.is_due(self.now)) {
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

/// The earlier of two instants, where there is any.
#[inline]
fn sooner(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, None) => one,
        (None, other) => other,
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
