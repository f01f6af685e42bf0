//! The pending instants of all sources: one per domain, in a heap of its own.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use windtunnel_scheduler::digest::of_name;
use windtunnel_scheduler::draw::{Kind, mix, unit};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Fleet;

use super::{Burst, Chance, Domains, Effect, FaultSource, Faults, Listed, When};

/// The streams of draws.
const BETWEEN: Kind = u64::from_be_bytes(*b"faultgap");
const REPAIR: Kind = u64::from_be_bytes(*b"faultfix");
const FIRST: Kind = u64::from_be_bytes(*b"fault1st");
const REPEAT: Kind = u64::from_be_bytes(*b"faultrep");
const BURST: Kind = u64::from_be_bytes(*b"faultmor");

/// The largest number below 1: a law without a bound has no finite value at 1 itself.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// Ends come before beginnings of the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    End,
    Begin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    at: Time,
    turn: Turn,
    source: u16,
    domain: u32,
    generation: u32,
}

/// A domain is struck, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    /// Which source.
    pub source: u16,
    /// Which of its domains, or which of its list.
    pub domain: u32,
    /// Whether it begins.
    pub begins: bool,
    /// Whether it never ends.
    pub forever: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Up,
    /// Down, and nobody has time for it.
    Waiting,
    Repairing,
}

/// One domain of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    phase: Phase,
    /// Failures so far.
    failures: u32,
    /// Tells apart pending instants that no longer hold.
    generation: u32,
}

/// A source that strikes by chance.
#[derive(Clone)]
struct Running {
    chance: Chance,
    domains: Domains,
    processes: Vec<Process>,
    /// Failed domains that nobody repairs yet, in the order of their failures.
    waiting: VecDeque<u32>,
    busy_crews: u32,
    /// The domains that bursts stay within, and the one of each domain of this source.
    neighbours: Option<(Domains, Vec<Option<u32>>)>,
    /// What keys the draws of this source.
    key: u64,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a handful of sources")]
enum State {
    Running(Running),
    Listed(Vec<Listed>),
}

/// All sources and what is pending of them.
#[derive(Clone)]
pub(crate) struct Engine {
    seed: u64,
    sources: Vec<(Effect, State)>,
    pending: BinaryHeap<Reverse<Pending>>,
    /// Failures of a burst that met a domain that was down already.
    pub overlapped: u64,
}

impl Engine {
    /// Everything is up.
    pub(crate) fn new(faults: Faults, fleet: &Fleet, seed: u64) -> Self {
        let mut engine = Self { seed, sources: Vec::new(), pending: BinaryHeap::new(), overlapped: 0 };
        for FaultSource { name, effect, when } in faults.sources {
            let source = engine.sources.len() as u16;
            let state = match when {
                When::Listed(listed) => {
                    for (at, one) in listed.iter().enumerate() {
                        engine.push(one.begin, Turn::Begin, source, at as u32, 0);
                    }
                    State::Listed(listed)
                }
                When::Chance(chance) => {
                    let running = Running::new(chance, of_name(&name), fleet);
                    for domain in 0..running.domains.len() as u32 {
                        engine.push(Time::ZERO + running.first(seed, domain), Turn::Begin, source, domain, 0);
                    }
                    State::Running(running)
                }
            };
            engine.sources.push((effect, state));
        }
        engine
    }

    fn push(&mut self, at: Time, turn: Turn, source: u16, domain: u32, generation: u32) {
        if at != Time::NEVER {
            self.pending.push(Reverse(Pending { at, turn, source, domain, generation }));
        }
    }

    /// The next instant at which something may break or be whole again.
    pub(crate) fn earliest(&self) -> Option<Time> {
        self.pending.peek().map(|next| next.0.at)
    }

    /// What a source does.
    pub(crate) fn effect(&self, source: u16) -> Effect {
        self.sources[usize::from(source)].0
    }

    /// The nodes that a strike is about, by position in the fleet, ascending.
    pub(crate) fn nodes(&self, strike: Strike, into: &mut Vec<u32>) {
        into.clear();
        match &self.sources[usize::from(strike.source)].1 {
            State::Running(running) => into.extend(running.domains.nodes(strike.domain)),
            State::Listed(listed) => into.extend_from_slice(&listed[strike.domain as usize].nodes),
        }
    }

    /// The next strike that is due by `now`; ends first.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Strike> {
        while let Some(&Reverse(next)) = self.pending.peek() {
            if next.at > now {
                return None;
            }
            self.pending.pop();
            let Pending { turn, source, domain, generation, .. } = next;
            let (begins, mut plans) = (turn == Turn::Begin, Vec::new());
            let valid = match &mut self.sources[usize::from(source)].1 {
                State::Listed(listed) => {
                    if begins {
                        plans.push((listed[domain as usize].end, Turn::End, domain, 0));
                    }
                    true
                }
                State::Running(running) if !running.holds(domain, generation, begins) => {
                    // Another failure came first. What falls into a repair is part of that outage.
                    self.overlapped += u64::from(running.processes[domain as usize].phase != Phase::Up);
                    false
                }
                State::Running(running) => {
                    if begins {
                        running.fail(self.seed, now, domain, &mut plans);
                    } else {
                        running.mend(self.seed, now, domain, &mut plans);
                    }
                    true
                }
            };
            let forever = plans.iter().any(|plan| plan.0 == Time::NEVER && plan.1 == Turn::End && plan.2 == domain);
            for (at, turn, domain, generation) in plans {
                self.push(at, turn, source, domain, generation);
            }
            if valid {
                return Some(Strike { source, domain, begins, forever });
            }
        }
        None
    }
}

type Plan = (Time, Turn, u32, u32);

impl Running {
    fn new(chance: Chance, key: u64, fleet: &Fleet) -> Self {
        let domains = Domains::of(fleet, &chance.kind);
        let neighbours = chance.burst.as_ref().map(|burst| {
            let around = Domains::of(fleet, &burst.kind);
            let mut of_node = vec![None; fleet.nodes.len()];
            for domain in 0..around.len() as u32 {
                for node in around.nodes(domain) {
                    of_node[node as usize] = Some(domain);
                }
            }
            let first = |domain: u32| domains.nodes(domain).next().and_then(|node| of_node[node as usize]);
            let of_domain = (0..domains.len() as u32).map(first).collect();
            (around, of_domain)
        });
        let processes = vec![Process::default(); domains.len()];
        Self { chance, domains, processes, waiting: VecDeque::new(), busy_crews: 0, neighbours, key }
    }

    /// True if a pending instant still means something: who is down cannot fail.
    fn holds(&self, domain: u32, generation: u32, begins: bool) -> bool {
        let process = &self.processes[domain as usize];
        process.generation == generation && begins == (process.phase == Phase::Up)
    }

    fn draw(&self, seed: u64, kind: Kind, domain: u32, index: u64) -> f64 {
        let entity = mix(self.key ^ mix(self.domains.key(domain)));
        unit(seed, kind, entity, index).min(BELOW_ONE)
    }

    /// When a domain fails first.
    fn first(&self, seed: u64, domain: u32) -> Span {
        let draw = |index| self.draw(seed, FIRST, domain, index);
        if self.chance.fresh {
            self.chance.between.sample(draw(0))
        } else {
            self.chance.between.residual(draw(0), draw(1))
        }
    }

    fn fail(&mut self, seed: u64, now: Time, domain: u32, plans: &mut Vec<Plan>) {
        let process = &mut self.processes[domain as usize];
        process.phase = Phase::Waiting;
        process.failures += 1;
        process.generation += 1;
        if self.chance.crews == 0 || self.busy_crews < self.chance.crews {
            self.repair(seed, now, domain, plans);
        } else {
            self.waiting.push_back(domain);
        }
        let failures = u64::from(self.processes[domain as usize].failures);
        let Some(burst) = &self.chance.burst else { return };
        if self.draw(seed, BURST, domain, failures << 32) < burst.chance {
            self.take_along(seed, now, domain, burst, plans);
        }
    }

    /// Others that share a domain fail soon after.
    fn take_along(&self, seed: u64, now: Time, domain: u32, burst: &Burst, plans: &mut Vec<Plan>) {
        let Some((_, of_domain)) = &self.neighbours else { return };
        let around = of_domain[domain as usize];
        let failures = u64::from(self.processes[domain as usize].failures);
        let others =
            (0..of_domain.len() as u32).filter(|&other| around.is_some() && of_domain[other as usize] == around);
        for other in others.filter(|&other| other != domain) {
            let draw = |index: u64| self.draw(seed, BURST, domain, failures << 32 | u64::from(other + 1) << 1 | index);
            if draw(0) < burst.share {
                let after = Span((draw(1) * burst.within.0 as f64) as u64);
                let process = &self.processes[other as usize];
                // Whichever failure comes first makes the other void.
                plans.push((now + after, Turn::Begin, other, process.generation));
            }
        }
    }

    fn repair(&mut self, seed: u64, now: Time, domain: u32, plans: &mut Vec<Plan>) {
        self.busy_crews += 1;
        let failures = u64::from(self.processes[domain as usize].failures);
        let takes = self.chance.repair.sample(self.draw(seed, REPAIR, domain, failures));
        let process = &mut self.processes[domain as usize];
        process.phase = Phase::Repairing;
        let end = if takes == Span::FOREVER { Time::NEVER } else { now + takes };
        plans.push((end, Turn::End, domain, process.generation));
    }

    fn mend(&mut self, seed: u64, now: Time, domain: u32, plans: &mut Vec<Plan>) {
        self.busy_crews -= 1;
        let failures = u64::from(self.processes[domain as usize].failures);
        let again = self.chance.repeat.filter(|repeat| self.draw(seed, REPEAT, domain, failures << 1) < repeat.chance);
        let gap = match again {
            Some(repeat) => Span((self.draw(seed, REPEAT, domain, failures << 1 | 1) * repeat.within.0 as f64) as u64),
            None => self.chance.between.sample(self.draw(seed, BETWEEN, domain, failures)),
        };
        let process = &mut self.processes[domain as usize];
        process.phase = Phase::Up;
        process.generation += 1;
        plans.push((now + gap, Turn::Begin, domain, process.generation));
        if let Some(next) = self.waiting.pop_front() {
            self.repair(seed, now, next, plans);
        }
    }
}
