//! Two-level allocation as in Apache Mesos: each agent is offered as a whole to one framework at a time, chosen by a
//! sorter over roles and one over the frameworks of the role.
//!
//! Ids such as (O2) are those of the checklist of behaviours in the documentation; every one has a test of its name.
//!
//! Absent on purpose: any look at what frameworks want. An allocator sees who holds what, and who refused what.

pub mod agent;
mod cycle;
mod device;
pub mod filter;
pub mod framework;
mod homes;
pub mod maintenance;
mod making_room;
mod member;
pub mod offer;
pub mod options;
mod quota;
pub mod reconcile;
pub mod removal;
pub mod reservation;
mod role;
mod step;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::Decision;
use crate::allocator::sorter::{Client, SORTERS, Sorter};
use crate::draw::mix;
use crate::event::{Displacement, GpuSet};
use crate::id::{NodeId, OfferId, PartyId, TaskId};
use crate::paged::PagedMap;
use crate::resources::{LANES, Resources, Totals};
use crate::slab::Slab;
use crate::time::Time;

pub use agent::{AgentSpec, Window};
pub use framework::{Capabilities, FrameworkSpec, Membership};
pub use options::{Options, Recovery, StaticReservation};
pub use quota::{Quota, QuotaError};
pub use role::{Role, Roles};

use agent::{Agent, Grant, Part, Terms, lanewise};
use framework::Framework;
use homes::Homes;
use making_room::Kept;
use offer::{Held, Hold};

/// Which agents the next run looks at.
#[derive(Clone, Debug, Default)]
struct Candidates {
    all: bool,
    some: Vec<u32>,
}

/// What was granted in this look at an agent; the sorters hear of it when the look is over, since they are asked once
/// per agent.
#[derive(Clone, Copy)]
struct Granted {
    role: u32,
    client: Client,
    what: Resources,
}

/// The allocator.
pub struct TwoLevel {
    options: Options,
    roles: Roles,
    role_sorter: Box<dyn Sorter>,
    frameworks: Vec<Option<Framework>>,
    agents: Vec<Agent>,
    /// Everything the agents have, revocable resources included: what shares are shares of.
    total: Totals,
    /// What is reserved for nobody, cannot be taken back, and is neither offered nor in use.
    idle: Totals,
    /// The sorters have not heard of the total yet.
    stale_total: bool,
    candidates: Candidates,
    /// Offers that are not answered.
    offers: Slab<Held>,
    of_offer: PagedMap,
    next_offer: u64,
    /// Offers by age, for the timeout; those that are over are dropped when they come up.
    aging: VecDeque<(Time, OfferId)>,
    /// What tasks hold.
    holds: Slab<Hold>,
    of_task: PagedMap,
    /// Launches of a gang of which more is to come.
    gangs: Vec<crate::event::Launch>,
    /// Who is to leave for a task of the same framework, of which more is to come.
    named: Vec<Displacement>,
    /// What is kept for tasks that others of the same framework leave for.
    kept: BTreeMap<(PartyId, TaskId), Kept>,
    /// Where resident tasks belong.
    homes: Homes,
    /// Agents that may be offered, by number; none: all (R6).
    whitelist: Option<BTreeSet<u32>>,
    /// A whitelist that was written and is not read yet.
    written: Option<(Time, Option<BTreeSet<u32>>)>,
    /// Nothing is offered before this many agents are back, or this instant has come (Q5).
    paused: Option<(usize, Time)>,
    /// The next periodic run.
    next_batch: Option<Time>,
    /// The instant of the last periodic run.
    last_batch: Option<Time>,
    /// Whether anything happened since the last periodic run, or it made an offer: another may make one too.
    moved: bool,
    /// No filter that the last run met ends before this instant.
    filtered_until: Time,
    /// Runs so far: what chance is keyed by.
    runs: u64,
    /// Agents looked at since it was last asked.
    looked: u64,
    granted: Vec<Granted>,
    shuffled: Vec<u32>,
}

impl Clone for TwoLevel {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            roles: self.roles.clone(),
            role_sorter: self.role_sorter.copy(),
            frameworks: self.frameworks.clone(),
            agents: self.agents.clone(),
            total: self.total,
            idle: self.idle,
            stale_total: self.stale_total,
            candidates: self.candidates.clone(),
            offers: self.offers.clone(),
            of_offer: self.of_offer.clone(),
            next_offer: self.next_offer,
            aging: self.aging.clone(),
            holds: self.holds.clone(),
            of_task: self.of_task.clone(),
            gangs: self.gangs.clone(),
            named: self.named.clone(),
            kept: self.kept.clone(),
            homes: self.homes.clone(),
            whitelist: self.whitelist.clone(),
            written: self.written.clone(),
            paused: self.paused,
            next_batch: self.next_batch,
            last_batch: self.last_batch,
            moved: self.moved,
            filtered_until: self.filtered_until,
            runs: self.runs,
            looked: self.looked,
            granted: Vec::new(),
            shuffled: Vec::new(),
        }
    }
}

/// A sorter by name; the first of the registry if there is no such name, which drivers check before.
fn sorter(name: &str, seed: u64, excluded: u8) -> Box<dyn Sorter> {
    let entry = SORTERS.iter().find(|entry| entry.name == name).unwrap_or(&SORTERS[0]);
    (entry.build)(seed, excluded)
}

impl TwoLevel {
    /// An allocator without agents and frameworks.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let role_sorter = sorter(&options.role_sorter, mix(options.seed ^ 1), options.excluded | options.sets);
        let mut allocator = Self {
            roles: Roles::default(),
            role_sorter,
            frameworks: Vec::new(),
            agents: Vec::new(),
            total: Totals::default(),
            idle: Totals::default(),
            stale_total: true,
            candidates: Candidates::default(),
            offers: Slab::default(),
            of_offer: PagedMap::new(),
            next_offer: 0,
            aging: VecDeque::new(),
            holds: Slab::default(),
            of_task: PagedMap::new(),
            gangs: Vec::new(),
            named: Vec::new(),
            kept: BTreeMap::new(),
            homes: Homes::default(),
            whitelist: None,
            written: None,
            paused: None,
            next_batch: None,
            last_batch: None,
            moved: true,
            filtered_until: Time::NEVER,
            runs: 0,
            looked: 0,
            granted: Vec::new(),
            shuffled: Vec::new(),
            options: Options::default(),
        };
        for (path, weight) in &options.weights {
            allocator.role_sorter.set_weight(path, *weight);
        }
        let quotas = options.quotas.clone();
        allocator.options = options;
        for (path, quota) in &quotas {
            // What a configuration promises is checked by whoever reads it: no agent is registered yet.
            let _ = allocator.set_quota(path, *quota, true);
        }
        allocator
    }

    /// Follows other settings from the next run on: weights, quotas, the interval, the timeout, what is excluded from
    /// offers. Sorters stay what they are, and offers that are out stay out.
    pub fn reconfigure(&mut self, options: &Options) {
        for (path, weight) in &options.weights {
            self.set_weight(path, *weight);
        }
        for (path, quota) in &options.quotas {
            let _ = self.set_quota(path, *quota, true);
        }
        let kept = self.options.clone();
        self.options = Options {
            role_sorter: kept.role_sorter,
            framework_sorter: kept.framework_sorter,
            excluded: kept.excluded,
            sets: kept.sets,
            ..options.clone()
        };
    }

    /// True for a lane that is no scalar (ports): counted, never cut, no part of shares and quotas (R1).
    fn is_set(&self, lane: usize) -> bool {
        self.options.sets & (1 << lane) != 0
    }

    fn intern(&mut self, path: &str) -> u32 {
        let Options { framework_sorter, seed, excluded, sets, .. } = &self.options;
        let total = &self.total;
        let make = || {
            let stream = path.bytes().fold(*seed, |key, byte| mix(key ^ u64::from(byte)));
            let mut sorter = sorter(framework_sorter, stream, excluded | sets);
            sorter.set_total(total);
            sorter
        };
        self.roles.intern(path, &make)
    }

    /// The weight of a role, or of a branch of roles. It takes effect at the next run and causes none (O3).
    pub fn set_weight(&mut self, path: &str, weight: f64) {
        self.role_sorter.set_weight(path, weight);
    }

    /// An agent registers, or comes back with nothing of ours on it.
    pub fn add_agent(&mut self, node: NodeId, spec: &AgentSpec, out: &mut Vec<Decision>) {
        let at = node.0;
        if node.index() >= self.agents.len() {
            self.agents.resize_with(node.index() + 1, Agent::default);
        }
        if self.agents[node.index()].known {
            self.lose_agent(node, out);
        }
        let life = self.agents[node.index()].life + 1;
        let mut agent = Agent {
            known: true,
            active: true,
            total: spec.capacity,
            gpus: spec.gpus,
            devices: GpuSet(if spec.gpus >= 64 { u64::MAX } else { (1 << spec.gpus) - 1 }),
            region: spec.region.clone(),
            attributes: spec.attributes.clone(),
            life,
            ..Agent::default()
        };
        for (path, what) in &spec.reserved {
            let role = self.intern(path);
            agent.total = lanewise(&agent.total, what, u32::saturating_sub);
            let terms = Terms::Reserved { role, dynamic: false, label: 0 };
            agent.parts.push(Part { terms, total: *what, held: Resources::ZERO, volume: 0 });
            self.roles.consume(role, what, false);
        }
        for &size in &spec.mounts {
            let mut disk = Resources::ZERO;
            disk[crate::resources::DISK] = size;
            agent.total = lanewise(&agent.total, &disk, u32::saturating_sub);
            agent.parts.push(Part { terms: Terms::Mount, total: disk, held: Resources::ZERO, volume: 0 });
            self.idle.add(&disk, 1);
        }
        if spec.revocable != Resources::ZERO {
            let (total, held) = (spec.revocable, Resources::ZERO);
            agent.parts.push(Part { terms: Terms::Revocable, total, held, volume: 0 });
        }
        agent.free = agent.total;
        self.idle.add(&agent.free, 1);
        self.total.add(&agent.whole(), 1);
        self.stale_total = true;
        self.agents[node.index()] = agent;
        self.return_homes(at);
        self.candidates.some.push(at);
    }

    /// An agent is gone: offers of it are taken back. Its tasks are reported one by one.
    pub fn lose_agent(&mut self, node: NodeId, out: &mut Vec<Decision>) {
        if !self.agents.get(node.index()).is_some_and(|agent| agent.known) {
            return;
        }
        self.rescind_on(node.0, out);
        let agent = &mut self.agents[node.index()];
        (agent.known, agent.active) = (false, false);
        let (whole, free) = (agent.whole(), agent.free);
        let parts = core::mem::take(&mut agent.parts);
        self.total.sub(&whole, 1);
        self.idle.sub(&free, 1);
        agent.free = Resources::ZERO;
        agent.life += 1;
        self.homes.lose(node.0);
        for part in parts {
            match part.terms {
                Terms::Reserved { role, .. } => self.roles.consume(role, &part.total, true),
                Terms::Home { role, .. } => self.roles.consume(role, &without(&part.total, self.options.sets), true),
                Terms::Mount => self.idle.sub(&part.free(), 1),
                Terms::Revocable => {}
            }
        }
        self.stale_total = true;
    }

    /// What an estimator says may be lent out on an agent: it replaces what it said before (U1).
    pub fn set_revocable(&mut self, node: NodeId, what: Resources) {
        let Some(agent) = self.agents.get_mut(node.index()).filter(|agent| agent.known) else { return };
        let before = agent.whole();
        match agent.parts.iter_mut().find(|part| part.terms == Terms::Revocable) {
            Some(part) => part.total = what,
            None => agent.parts.push(Part { terms: Terms::Revocable, total: what, held: Resources::ZERO, volume: 0 }),
        }
        let after = agent.whole();
        self.total.sub(&before, 1);
        self.total.add(&after, 1);
        self.stale_total = true;
        self.candidates.some.push(node.0);
    }

    /// Only these agents may be offered from the next reading on, every 5 s (R6); none: all of them.
    pub fn write_whitelist(&mut self, now: Time, nodes: Option<&[NodeId]>) {
        let every = options::WHITELIST_EVERY.0;
        let read_at = Time(now.0.div_ceil(every) * every);
        self.written = Some((read_at, nodes.map(|nodes| nodes.iter().map(|node| node.0).collect())));
    }

    fn read_whitelist(&mut self, now: Time) {
        if let Some((at, list)) = self.written.take_if(|(at, _)| *at <= now) {
            let _ = at;
            self.whitelist = list;
        }
    }

    /// An agent is connected again, or cut off: then its offers are taken back and it is not offered.
    pub fn set_agent_active(&mut self, node: NodeId, active: bool, out: &mut Vec<Decision>) {
        let Some(agent) = self.agents.get_mut(node.index()).filter(|agent| agent.known) else { return };
        agent.active = active;
        if active {
            self.candidates.some.push(node.0);
        } else {
            self.rescind_on(node.0, out);
        }
    }

    /// An agent, as it is believed to be.
    #[must_use]
    pub fn agent(&self, node: NodeId) -> Option<&Agent> {
        self.agents.get(node.index()).filter(|agent| agent.known)
    }

    /// What offers and tasks hold on an agent: on all terms, offered and in use. With [`Agent::is_full`] and the free
    /// room this adds up to the total, always.
    #[must_use]
    pub fn held_on(&self, node: NodeId) -> (Resources, Resources) {
        let here = |agent: u32, life: u32| agent == node.0 && life == self.agents[node.index()].life;
        let sum = |sum: Resources, grant: &Grant| lanewise(&sum, &grant.sum(), u32::saturating_add);
        let offers =
            self.of_offer.iter().map(|(_, slot)| &self.offers[slot]).filter(|held| here(held.agent, held.life));
        let tasks = self.holds_in_order().filter(|hold| here(hold.agent, hold.life));
        (
            offers.fold(Resources::ZERO, |so_far, held| sum(so_far, &held.grant)),
            tasks.fold(Resources::ZERO, |so_far, hold| sum(so_far, &hold.grant)),
        )
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The sorter of roles.
    #[must_use]
    pub fn role_sorter(&self) -> &dyn Sorter {
        &*self.role_sorter
    }

    /// What all agents have together.
    #[must_use]
    pub fn total(&self) -> &Totals {
        &self.total
    }

    fn framework(&self, party: PartyId) -> Option<&Framework> {
        self.frameworks.get(usize::from(party.0))?.as_ref()
    }

    fn framework_mut(&mut self, party: PartyId) -> Option<&mut Framework> {
        self.frameworks.get_mut(usize::from(party.0))?.as_mut()
    }
}

/// The path under which a framework is sorted: ties go to the one that registered first.
fn path_of(party: PartyId) -> String {
    alloc::format!("{:05}", party.0)
}

/// Scalars only: lanes outside the mask are cleared.
fn without(row: &Resources, sets: u8) -> Resources {
    let mut scalars = *row;
    for lane in (0..LANES).filter(|lane| sets & (1 << lane) != 0) {
        scalars[lane] = 0;
    }
    scalars
}
