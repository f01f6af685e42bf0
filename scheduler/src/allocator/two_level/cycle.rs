//! A run of the allocator: who is offered which agent (O2, O3, Q2, Q3).

use alloc::vec::Vec;

use super::agent::{Grant, NOBODY, Slice, Terms, lanewise};
use super::filter::Refused;
use super::framework::{Capabilities, Framework, Member};
use super::{Granted, TwoLevel, without};
use crate::Decision;
use crate::allocator::sorter::Client;
use crate::draw::{Kind, below, mix};
use crate::event::GpuSet;
use crate::id::{NodeId, PartyId};
use crate::resources::{DISK, GPU, LANES, Resources};
use crate::time::Time;

/// The stream of draws by which agents are shuffled.
const SHUFFLE: Kind = 0x6167_656e;

/// For whom a look at the agents is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// For roles whose guarantees are not met.
    Guarantees,
    /// For everybody.
    Rest,
}

impl TwoLevel {
    /// A periodic run, over all agents.
    pub fn run_batch(&mut self, now: Time, out: &mut Vec<Decision>) {
        self.last_batch = Some(now);
        self.candidates.all = true;
        self.run(now, out);
    }

    /// A run over the agents of which something changed, or over all if a framework did.
    pub fn run(&mut self, now: Time, out: &mut Vec<Decision>) {
        self.read_whitelist(now);
        let mut agents = core::mem::take(&mut self.shuffled);
        agents.clear();
        if self.candidates.all {
            agents.extend(0..self.agents.len() as u32);
        } else {
            agents.append(&mut self.candidates.some);
            agents.sort_unstable();
            agents.dedup();
        }
        let whole = core::mem::take(&mut self.candidates.all);
        self.candidates.some.clear();
        if whole {
            self.moved = false;
            self.filtered_until = Time::NEVER;
        }
        if !self.is_paused(now) {
            self.runs += 1;
            self.tell_total();
            let list = self.whitelist.as_ref();
            let ready = |&at: &u32| {
                let agent = &self.agents[at as usize];
                agent.active && list.is_none_or(|list| list.contains(&at)) && !agent.is_full()
            };
            agents.retain(ready);
            if self.role_sorter.tree().active() > 0 {
                if self.roles.guaranteed > 0 {
                    self.look(now, &mut agents, Stage::Guarantees, out);
                }
                self.look(now, &mut agents, Stage::Rest, out);
            }
            self.invert(now, out);
        }
        self.shuffled = agents;
    }

    fn tell_total(&mut self) {
        if !core::mem::take(&mut self.stale_total) {
            return;
        }
        self.role_sorter.set_total(&self.total);
        for role in self.roles.iter_mut() {
            role.frameworks.set_total(&self.total);
        }
    }

    /// One look at the agents, in an order that is drawn anew.
    fn look(&mut self, now: Time, agents: &mut [u32], stage: Stage, out: &mut Vec<Decision>) {
        let key = self.runs << 1 | u64::from(stage == Stage::Rest);
        if self.options.shuffles {
            for at in (1..agents.len()).rev() {
                let with = below(at as u64 + 1, self.options.seed, SHUFFLE, key, at as u64);
                agents.swap(at, with as usize);
            }
        }
        self.looked += agents.len() as u64;
        for &agent in agents.iter() {
            self.offer_agent(now, agent, stage, mix(key) ^ u64::from(agent), out);
        }
    }

    /// Each role in order, and each framework of it: whoever may have something of the agent gets all that it may have.
    fn offer_agent(&mut self, now: Time, agent: u32, stage: Stage, key: u64, out: &mut Vec<Decision>) {
        self.role_sorter.begin(key);
        'roles: while let Some(client) = self.role_sorter.next() {
            let role = self.roles.of_client[client.0 as usize];
            if stage == Stage::Guarantees && !self.roles[self.roles[role].top].quota.has_guarantee() {
                continue;
            }
            self.roles[role].frameworks.begin(key);
            while let Some(client) = self.roles[role].frameworks.next() {
                let party = self.roles[role].members[client.0 as usize];
                if let Some(grant) = self.grant(now, agent, role, party, stage) {
                    self.hand_out(now, agent, role, (party, client), grant, out);
                    if self.agents[agent as usize].is_full() {
                        break 'roles;
                    }
                }
            }
        }
        let mut granted = core::mem::take(&mut self.granted);
        for Granted { role, client, what } in granted.drain(..) {
            self.roles[role].frameworks.allocated(client, &what);
            if let Some(client) = self.roles[role].client {
                self.role_sorter.allocated(client, &what);
            }
        }
        self.granted = granted;
    }

    /// What of an agent a framework is offered in a role; None if nothing.
    fn grant(&mut self, now: Time, at: u32, role: u32, party: PartyId, stage: Stage) -> Option<Grant> {
        let framework = self.framework(party)?;
        let member = framework.member(role)?;
        if !self.may_see(framework, member, at) {
            return None;
        }
        let grant = self.share_out(at, role, (party, framework.capabilities), stage)?;
        let sum = grant.sum();
        let least = member.least.as_ref().unwrap_or(&self.options.least);
        if !least.is_empty() && !least.iter().any(|row| row.fits_in(&sum)) {
            return None;
        }
        let life = (self.agents[at as usize].life, member.revivals);
        let offered = Refused { role, agent: at, life, plain: grant.plain, on_terms: grant.on_terms() };
        if !framework.filters.is_empty()
            && let Some(until) = framework.filters.hit(now, &offered)
        {
            self.filtered_until = self.filtered_until.min(until);
            return None;
        }
        Some(grant)
    }

    /// Whether a framework may be offered anything of an agent at all.
    fn may_see(&self, framework: &Framework, member: &Member, at: u32) -> bool {
        let agent = &self.agents[at as usize];
        if agent.gpus > 0 && self.options.keeps_gpus && !framework.capabilities.has(Capabilities::GPU_RESOURCES) {
            return false;
        }
        let is_remote = agent.region.is_some() && agent.region != self.options.region;
        if is_remote && !framework.capabilities.has(Capabilities::REGION_AWARE) {
            return false;
        }
        member.constraints.as_ref().is_none_or(|set| {
            set.iter().all(|constraint| {
                let value = agent.attributes.iter().find(|(name, _)| *name == constraint.attribute);
                constraint.condition.is_met(value.map(|(_, value)| value.as_str()))
            })
        })
    }

    fn share_out(
        &self,
        at: u32,
        role: u32,
        (party, capabilities): (PartyId, Capabilities),
        stage: Stage,
    ) -> Option<Grant> {
        let agent = &self.agents[at as usize];
        let mut grant = Grant::default();
        let mut helps = stage == Stage::Rest;
        if stage == Stage::Guarantees {
            let unmet = self.unmet(role);
            for lane in (0..LANES).filter(|&lane| agent.free[lane] > 0) {
                let part = u64::from(agent.free[lane]).min(unmet.0[lane]);
                grant.plain[lane] = part as u32;
                helps |= part > 0;
            }
        }
        for (index, part) in (0_u32..).zip(&agent.parts) {
            let free = part.free();
            let wanted = match part.terms {
                Terms::Reserved { role: owner, .. } => self.roles[role].lineage.contains(&owner),
                Terms::Home { party: owner, role: of } => (owner, of) == (party, role),
                Terms::Revocable => capabilities.has(Capabilities::REVOCABLE_RESOURCES),
                Terms::Mount => self.takes_mount(role, &grant, &free, stage, &mut helps),
            };
            if wanted && free != Resources::ZERO {
                grant.parts.push(Slice { part: index, mount: part.terms == Terms::Mount, what: free });
            }
        }
        if !helps {
            return None;
        }
        // Beyond the guarantee: what is under the limit and not held back for others.
        let rest = lanewise(&agent.free, &grant.plain, u32::saturating_sub);
        let spare = self.spare(role, &rest, &grant.counted());
        grant.plain = lanewise(&grant.plain, &spare, u32::saturating_add);
        let devices = grant.plain[GPU] / 1000;
        grant.plain[GPU] = devices * 1000;
        grant.gpus = lowest(agent.devices, devices);
        (!grant.is_empty()).then_some(grant)
    }

    /// A disk that is handed out as a whole goes to a role whose guarantee or limit has room for all of it.
    fn takes_mount(&self, role: u32, grant: &Grant, disk: &Resources, stage: Stage, helps: &mut bool) -> bool {
        if stage == Stage::Guarantees
            && u64::from(grant.plain[DISK]) + u64::from(disk[DISK]) <= self.unmet(role).0[DISK]
        {
            *helps |= disk[DISK] > 0;
            return true;
        }
        self.spare(role, disk, &grant.plain) == *disk
    }

    fn hand_out(
        &mut self,
        now: Time,
        at: u32,
        role: u32,
        (party, client): (PartyId, Client),
        grant: Grant,
        out: &mut Vec<Decision>,
    ) {
        let what = grant.sum();
        self.take(at, role, &grant);
        self.granted.push(Granted { role, client, what });
        self.moved = true;
        self.open(now, NodeId(at), role, party, grant, out);
    }

    /// Books a grant as taken from an agent by a role.
    pub(super) fn take(&mut self, at: u32, role: u32, grant: &Grant) {
        let counted = grant.counted();
        let agent = &mut self.agents[at as usize];
        agent.free = lanewise(&agent.free, &grant.plain, u32::saturating_sub);
        agent.devices.0 &= !grant.gpus.0;
        for slice in &grant.parts {
            let held = &mut agent.parts[slice.part as usize].held;
            *held = lanewise(held, &slice.what, u32::saturating_add);
        }
        self.idle.sub(&counted, 1);
        if role != NOBODY {
            self.roles.consume(role, &without(&counted, self.options.sets), false);
        }
    }

    /// Books a grant as given back; of an agent that is gone, only the role hears of it.
    pub(super) fn give_back(&mut self, at: u32, life: u32, role: u32, grant: &Grant) {
        let counted = grant.counted();
        if role != NOBODY {
            self.roles.consume(role, &without(&counted, self.options.sets), true);
        }
        let agent = &mut self.agents[at as usize];
        if agent.life != life {
            return;
        }
        let broken = GpuSet(grant.gpus.0 & agent.broken.0);
        let mut counted = counted;
        agent.free = lanewise(&agent.free, &grant.plain, u32::saturating_add);
        agent.free[GPU] = agent.free[GPU].saturating_sub(broken.len() * 1000);
        counted[GPU] = counted[GPU].saturating_sub(broken.len() * 1000);
        agent.devices.0 |= grant.gpus.0 & !broken.0;
        for slice in &grant.parts {
            let held = &mut agent.parts[slice.part as usize].held;
            *held = lanewise(held, &slice.what, u32::saturating_sub);
        }
        self.idle.add(&counted, 1);
    }
}

/// The lowest `count` devices of a set.
fn lowest(set: GpuSet, count: u32) -> GpuSet {
    let mut chosen = GpuSet::NONE;
    for device in set.iter().take(count as usize) {
        chosen.0 |= 1 << device;
    }
    chosen
}
