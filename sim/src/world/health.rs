//! The health of every node, in truth and as the parties were told; what chance has in store.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::rows::State;
use windtunnel_scheduler::draw::{Kind, below, unit};
use windtunnel_scheduler::event::GpuSet;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Fleet;

use super::maintenance::Crew;
use crate::fault::{Engine, Strike};
use crate::model::{Checkpoint, Detection, Link, Model};

/// At which phase a node is pinged.
const PING: Kind = u64::from_be_bytes(*b"faultpng");
/// When a node that comes back registers.
const REGISTER: Kind = u64::from_be_bytes(*b"faultreg");
/// Values kept one by one for distributions of trouble.
const EXACT_MOST: usize = 1 << 16;

/// One node.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Strikes in force that keep it down.
    pub down: u16,
    /// Strikes in force that keep it cut off.
    pub cut: u16,
    /// Strikes in force that keep new work away.
    pub soft: u16,
    /// Maintenance in force that has it switched off.
    pub planned: u16,
    /// Of all these, how many never end.
    pub forever: u16,
    /// Devices that are gone.
    pub gone: GpuSet,
    /// Those that the scheduler was told of.
    pub told_gone: GpuSet,
    /// The scheduler was told that it is lost, and not yet that it is back.
    pub declared: bool,
    /// It died since it was heard of last.
    pub rebooted: bool,
    /// Its return ends a wait that keeps the run alive.
    pub awaited: bool,
    /// Tells apart timers that no longer hold: grows whenever it falls silent or speaks again.
    pub silence: u32,
    /// Attempts to register since it speaks again.
    pub tries: u32,
    pub failures: u32,
    pub silent_since: Time,
    /// When the parties were told last that it is lost or back.
    pub told: Time,
    pub down_since: Time,
    pub down_us: u64,
    /// Tasks that are believed to run here and do not: what became of them is not heard of while it is silent.
    pub unheard: Vec<Unheard>,
}

impl Health {
    /// Nobody can reach it.
    pub(super) fn is_silent(&self) -> bool {
        self.down > 0 || self.cut > 0
    }

    /// It takes part: no strike keeps work from it, and the scheduler knows.
    pub(super) fn is_back(&self) -> bool {
        !self.is_silent() && self.soft == 0 && !self.declared
    }
}

/// A task whose end is not heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unheard {
    pub slot: u32,
    pub state: State,
    /// It was sent there and never arrived: where.
    pub in_vain: Option<u32>,
}

/// A gang whose end is news that another node keeps to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    pub keeper: u32,
    pub slot: u32,
    /// The task, and the attempt that ended: the slot may have been used anew.
    pub task: u64,
    pub attempt: u32,
}

/// What is due of a node that fell silent or speaks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// It missed its last ping.
    Missed,
    /// The next of those in the queue may be declared lost.
    Remove,
    /// It tries to register.
    Register,
}

/// A task that lost a machine and is not over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// How often.
    pub count: u32,
    /// Work that need not be done again.
    pub saved: Span,
    /// Since when it waits to run again, and which strike it was; none while it runs.
    pub since: Option<(Time, u64)>,
}

/// How far a task has come whose pace changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// At full pace.
    pub done: Span,
    pub since: Time,
    pub permille: u32,
}

/// A strike some of whose victims do not run again yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    began: Time,
    victims: u32,
}

/// What came of trouble.
#[derive(Clone)]
pub(super) struct Toll {
    pub overlaps: u64,
    pub detect: Distribution,
    pub replace: Distribution,
    pub recover: Distribution,
    pub tasks_lost: u64,
    /// Members of attempts that were given up while they ran on.
    pub believed_lost: u64,
    pub double_runs: u64,
    pub double_us: u64,
    /// Tasks sent to a node that could not receive them.
    pub in_vain: u64,
    /// Tasks whose launch was lost on its way.
    pub launches_lost: u64,
    /// Messages that were lost and sent again.
    pub resent: u64,
    pub registrations_refused: u64,
    pub declared: u64,
    /// Declared lost although they were up.
    pub declared_wrongly: u64,
    pub lost_us: u128,
}

impl Default for Toll {
    fn default() -> Self {
        let exact = || Distribution::new(EXACT_MOST);
        Self {
            overlaps: 0,
            detect: exact(),
            replace: exact(),
            recover: exact(),
            tasks_lost: 0,
            believed_lost: 0,
            double_runs: 0,
            double_us: 0,
            in_vain: 0,
            launches_lost: 0,
            resent: 0,
            registrations_refused: 0,
            declared: 0,
            declared_wrongly: 0,
            lost_us: 0,
        }
    }
}

/// One source of strikes, for the report.
#[derive(Clone)]
pub(super) struct SourceCount {
    pub name: String,
    pub strikes: u64,
    /// Nodes that were struck, added up.
    pub nodes: u64,
}

/// All that is only there when something may go wrong.
#[derive(Clone)]
pub(super) struct Trouble {
    pub engine: Engine,
    pub health: Vec<Health>,
    /// The slots of the tasks on each node, in truth.
    pub residents: Vec<Vec<u32>>,
    timers: BinaryHeap<Reverse<(Time, Timer, u32, u32)>>,
    removals: VecDeque<(u32, u32)>,
    /// Somebody looks at them again when the next may be declared lost.
    removal_is_planned: bool,
    next_removal: Time,
    next_register: Time,
    pub detection: Option<Detection>,
    pub link: Link,
    /// What each workload saves on the way.
    pub checkpoints: Vec<Option<Checkpoint>>,
    /// Tasks whose end is not heard of because a node is silent.
    pub unheard: u64,
    /// Launches that were lost on their way, by slot, with the node that is to be asked for each.
    pub unconfirmed: BTreeMap<u32, u32>,
    /// Gangs whose end another node keeps to itself, by the nodes on which members are believed to run.
    pub elsewhere: BTreeMap<u32, Vec<Elsewhere>>,
    /// Nodes whose return is waited for, once nothing else keeps the run alive.
    pub awaited: Option<u32>,
    /// Devices that each strike took, with the instant from which they are accounted for.
    pub taken: BTreeMap<(u16, u32, u32), (GpuSet, Time)>,
    /// The paces of the strikes in force, by node.
    pub paces: BTreeMap<u32, Vec<u32>>,
    pub progress: BTreeMap<u32, Progress>,
    /// When those leave who were told to, by slot.
    pub leaves: BTreeMap<u32, Time>,
    pub losses: BTreeMap<u64, Losses>,
    /// Attempts that were given up and run on, by task and slot; since when another attempt runs too.
    pub zombies: BTreeMap<(u64, u32), Option<Time>>,
    open: BTreeMap<u64, Open>,
    pub strike: u64,
    pub sources: Vec<SourceCount>,
    pub toll: Toll,
    seed: u64,
    /// Those who do maintenance.
    pub crew: Crew,
    pub scratch: Vec<u32>,
}

impl Trouble {
    /// None if nothing can go wrong.
    pub(super) fn new(
        model: Model,
        checkpoints: Vec<Option<Checkpoint>>,
        fleet: &Fleet,
        seed: u64,
    ) -> Option<Box<Self>> {
        let Model { faults, detection, link, launch, elastic, overload, .. } = model;
        let launches_fail = launch.is_some_and(|launch| launch.fails > 0.0);
        let kills = overload.is_some_and(|overload| overload.kill_after.is_some());
        let breaks = !faults.sources.is_empty() || !faults.upkeep.is_empty() || launches_fail;
        // What is saved on the way matters to those who are made to leave, too.
        let saves = checkpoints.iter().any(Option::is_some);
        if !breaks && !saves && !kills && elastic.is_empty() && link.is_perfect() {
            return None;
        }
        let crew = Crew::new(faults.upkeep.clone(), fleet);
        let count =
            |source: &crate::fault::FaultSource| SourceCount { name: source.name.clone(), strikes: 0, nodes: 0 };
        let sources = faults.sources.iter().map(count).collect();
        Some(Box::new(Self {
            engine: Engine::new(faults, fleet, seed),
            health: vec![Health::default(); fleet.nodes.len()],
            residents: vec![Vec::new(); fleet.nodes.len()],
            timers: BinaryHeap::new(),
            removals: VecDeque::new(),
            removal_is_planned: false,
            next_removal: Time::ZERO,
            next_register: Time::ZERO,
            detection,
            link,
            checkpoints,
            unheard: 0,
            unconfirmed: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            awaited: None,
            taken: BTreeMap::new(),
            paces: BTreeMap::new(),
            progress: BTreeMap::new(),
            leaves: BTreeMap::new(),
            losses: BTreeMap::new(),
            zombies: BTreeMap::new(),
            open: BTreeMap::new(),
            strike: 0,
            sources,
            toll: Toll::default(),
            seed,
            crew,
            scratch: Vec::new(),
        }))
    }

    /// The next instant at which something breaks, is whole again, or is noticed.
    pub(super) fn earliest(&self) -> Option<Time> {
        let timer = self.timers.peek().map(|next| next.0.0);
        [timer, self.engine.earliest(), self.crew.look].into_iter().flatten().min()
    }

    /// The next strike that is due.
    pub(super) fn next_strike(&mut self, now: Time) -> Option<Strike> {
        self.engine.pop(now)
    }

    /// The next timer that is due and still holds: what, and of which node.
    pub(super) fn next_timer(&mut self, now: Time) -> Option<(Timer, u32)> {
        while let Some(&Reverse((at, timer, node, silence))) = self.timers.peek() {
            if at > now {
                return None;
            }
            self.timers.pop();
            if timer == Timer::Remove || self.health[node as usize].silence == silence {
                return Some((timer, node));
            }
        }
        None
    }

    /// When a node that falls silent now has missed its last ping; now if nobody pings.
    pub(super) fn watch(&mut self, node: u32, key: u64, now: Time) -> bool {
        let Some(Detection { ping, misses, .. }) = self.detection.filter(|detection| detection.ping > Span::ZERO)
        else {
            return false;
        };
        let phase = below(ping.0, self.seed, PING, key, 0);
        let first = phase + now.0.saturating_sub(phase).div_ceil(ping.0) * ping.0;
        let at = Time(first) + Span(ping.0.saturating_mul(u64::from(misses)));
        let silence = self.health[node as usize].silence;
        self.timers.push(Reverse((at, Timer::Missed, node, silence)));
        true
    }

    /// A node missed its last ping: the nodes to be declared lost now, as the limit of removals allows.
    pub(super) fn missed(&mut self, node: u32, now: Time) -> Option<u32> {
        let gap = self.detection.map_or(Span::ZERO, |detection| detection.removal_gap);
        if gap == Span::ZERO {
            return Some(node);
        }
        self.removals.push_back((node, self.health[node as usize].silence));
        self.remove(now)
    }

    /// The next node of the queue that may be declared lost now, if one may. One that speaks again leaves the queue.
    pub(super) fn remove(&mut self, now: Time) -> Option<u32> {
        let gap = self.detection.map_or(Span::ZERO, |detection| detection.removal_gap);
        while let Some(&(node, silence)) = self.removals.front() {
            if self.health[node as usize].silence != silence {
                self.removals.pop_front();
                continue;
            }
            if now < self.next_removal {
                self.plan_removal();
                return None;
            }
            self.removals.pop_front();
            self.next_removal = now + gap;
            if !self.removals.is_empty() {
                self.plan_removal();
            }
            return Some(node);
        }
        None
    }

    /// The planned look at the queue of removals has come.
    pub(super) fn removal_is_due(&mut self) {
        self.removal_is_planned = false;
    }

    fn plan_removal(&mut self) {
        if !std::mem::replace(&mut self.removal_is_planned, true) {
            self.timers.push(Reverse((self.next_removal, Timer::Remove, 0, 0)));
        }
    }

    /// A node that speaks again is to register; false if it does so at once.
    pub(super) fn plan_register(&mut self, node: u32, key: u64, now: Time) -> bool {
        let Some(detection) = self.detection.filter(|detection| detection.register > Span::ZERO) else { return false };
        let health = &mut self.health[node as usize];
        let within = match health.tries {
            0 => detection.register,
            tries => Span(detection.again.0.saturating_mul(1 << (tries - 1).min(30)).min(detection.again_most.0)),
        };
        let entity = key ^ u64::from(health.failures).rotate_left(32);
        let after = below(within.0.max(1), self.seed, REGISTER, entity, u64::from(health.tries) << 1);
        health.tries += 1;
        self.timers.push(Reverse((now + Span(after), Timer::Register, node, health.silence)));
        true
    }

    /// True if an attempt to register arrives and is let in.
    pub(super) fn is_admitted(&mut self, node: u32, key: u64, now: Time) -> bool {
        let Some(detection) = self.detection else { return true };
        let health = &self.health[node as usize];
        let entity = key ^ u64::from(health.failures).rotate_left(32);
        let arrives = self.link.loss == 0.0
            || unit(self.seed, REGISTER, entity, u64::from(health.tries) << 1 | 1) >= self.link.loss;
        let admitted = arrives && now >= self.next_register;
        if admitted {
            self.next_register = now + detection.register_gap;
        } else {
            self.toll.registrations_refused += 1;
        }
        admitted
    }

    /// How long news take: the delay, and the pauses after each time that they are lost.
    pub(super) fn news_take(&mut self, task: u64, attempt: u32) -> Span {
        const NEWS: Kind = u64::from_be_bytes(*b"linknews");
        self.link.delay + self.pauses(NEWS, self.link.loss, task, attempt)
    }

    /// How long it takes to hear that a launch was lost: nobody asks before it should have been confirmed, question
    /// and answer take the delay each, and are repeated while either is lost.
    pub(super) fn answer_takes(&mut self, task: u64, attempt: u32) -> Span {
        const ANSWER: Kind = u64::from_be_bytes(*b"linkansw");
        let Link { delay, loss, confirm, .. } = self.link;
        let arrives = 1.0 - loss;
        let pauses = self.pauses(ANSWER, 1.0 - arrives * arrives, task, attempt);
        confirm.unwrap_or(Span::ZERO) + delay + delay + pauses
    }

    /// The pauses after each time that a message is lost, `loss` being how likely that is.
    fn pauses(&mut self, kind: Kind, loss: f64, task: u64, attempt: u32) -> Span {
        let mut takes = Span::ZERO;
        let mut pause = self.link.retry;
        let mut index = u64::from(attempt) << 16;
        while loss > 0.0 && unit(self.seed, kind, task, index) < loss {
            takes += pause;
            pause = Span(pause.0.saturating_mul(2).min(self.link.retry_most.0));
            self.toll.resent += 1;
            index += 1;
        }
        takes
    }

    /// True if the message is lost that launches a task on the node at this place among its nodes.
    pub(super) fn loses_launch(&self, task: u64, attempt: u32, place: usize) -> bool {
        const LAUNCH: Kind = u64::from_be_bytes(*b"linklnch");
        let index = u64::from(attempt) << 32 | place as u64;
        self.link.confirm.is_some() && unit(self.seed, LAUNCH, task, index) < self.link.loss
    }

    /// The pace of a node in thousandths: the slowest of the strikes in force.
    pub(super) fn pace(&self, node: u32) -> u32 {
        self.paces.get(&node).and_then(|paces| paces.iter().copied().min()).unwrap_or(1000)
    }

    /// A task lost its machine through the strike that is being carried out.
    pub(super) fn note_loss(&mut self, task: u64, saved: Span, now: Time) {
        let strike = self.strike;
        let losses = self.losses.entry(task).or_default();
        losses.saved += saved;
        losses.since = Some((now, strike));
        let open = self.open.entry(strike).or_insert(Open { began: now, victims: 0 });
        open.victims += 1;
        self.toll.tasks_lost += 1;
    }

    /// A task runs again, or is given up, after it lost its machine.
    pub(super) fn note_replaced(&mut self, task: u64, now: Time, runs: bool) {
        let Some(losses) = self.losses.get_mut(&task) else { return };
        let Some((since, strike)) = losses.since.take() else { return };
        if runs {
            self.toll.replace.add(now.since(since).0);
        }
        let Some(open) = self.open.get_mut(&strike) else { return };
        open.victims -= 1;
        if open.victims == 0 {
            if runs {
                self.toll.recover.add(now.since(open.began).0);
            }
            self.open.remove(&strike);
        }
    }
}
