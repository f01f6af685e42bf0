//! Room that belongs to tasks: what a resident task held stays reserved for its framework, in the role it was launched
//! in, until the task runs there again, runs elsewhere or is given up (V1).
//!
//! **Source.** Marathon reserves what a resident task runs on and comes back to it, by operations on its offers. Here
//! the allocator keeps these books for the framework, in the instant in which something changes, so that nobody is
//! offered the room in between. A reservation outlives its agent's absence. Devices are not reserved.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::agent::{Grant, Slice, Terms, lanewise};
use super::offer::Hold;
use super::{TwoLevel, without};
use crate::id::{NodeId, PartyId, TaskId};
use crate::resources::Resources;

/// Whose reservation: agent, framework, role.
type Key = (u32, PartyId, u32);

/// All of an agent.
const fn of_agent(agent: u32) -> RangeInclusive<Key> {
    (agent, PartyId(0), 0)..=(agent, PartyId(u16::MAX), u32::MAX)
}

/// What is reserved on one agent for one framework in one role.
#[derive(Clone, Default)]
struct Pool {
    /// Of tasks that are to come back.
    waiting: BTreeMap<TaskId, Resources>,
    /// What tasks that run hold of it.
    in_use: Resources,
}

impl Pool {
    /// How much has to be reserved.
    fn wanted(&self) -> Resources {
        self.waiting.values().fold(self.in_use, |sum, what| lanewise(&sum, what, u32::saturating_add))
    }
}

/// A resident task that runs.
#[derive(Clone, Copy)]
struct Resident {
    key: Key,
    /// In which life of the agent.
    life: u32,
    /// Everything it holds.
    what: Resources,
    /// What of that is reserved.
    reserved: Resources,
}

/// The homes of resident tasks.
#[derive(Clone, Default)]
pub(super) struct Homes {
    pools: BTreeMap<Key, Pool>,
    running: BTreeMap<TaskId, Resident>,
    /// Where tasks belong that do not run.
    waiting: BTreeMap<TaskId, Key>,
}

impl Homes {
    fn forget(&mut self, task: TaskId) -> Option<Key> {
        let key = self.waiting.remove(&task)?;
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.waiting.remove(&task);
        }
        Some(key)
    }

    /// An agent is gone: nobody uses anything there.
    pub(super) fn lose(&mut self, agent: u32) {
        self.pools.range_mut(of_agent(agent)).for_each(|(_, pool)| pool.in_use = Resources::ZERO);
    }
}

impl TwoLevel {
    fn is_home(&self, agent: u32, slice: &Slice) -> bool {
        let part = self.agents[agent as usize].parts.get(slice.part as usize);
        part.is_some_and(|part| matches!(part.terms, Terms::Home { .. }))
    }

    /// How much of a grant is reserved for tasks that come back.
    pub(super) fn homes_in(&self, agent: u32, grant: &Grant) -> Resources {
        let of_homes = grant.parts.iter().filter(|slice| self.is_home(agent, slice));
        of_homes.fold(Resources::ZERO, |sum, slice| lanewise(&sum, &slice.what, u32::saturating_add))
    }

    /// A resident task runs: it belongs there now.
    pub(super) fn settles(&mut self, task: TaskId, hold: &Hold) {
        let former = self.homes.forget(task);
        if hold.grant.gpus.is_empty() {
            let (key, what) = ((hold.agent, hold.party, hold.role), hold.grant.sum());
            let reserved = self.homes_in(hold.agent, &hold.grant);
            let pool = self.homes.pools.entry(key).or_default();
            pool.in_use = lanewise(&pool.in_use, &reserved, u32::saturating_add);
            self.homes.running.insert(task, Resident { key, life: hold.life, what, reserved });
            self.balance(key);
        }
        if let Some(former) = former {
            self.balance(former);
        }
    }

    /// A resident task has ended, and what it held is given back: its room is reserved if it is to come back.
    pub(super) fn leaves_home(&mut self, task: TaskId, comes_back: bool) {
        let Some(Resident { key, life, what, reserved }) = self.homes.running.remove(&task) else { return };
        let pool = self.homes.pools.entry(key).or_default();
        if self.agents[key.0 as usize].life == life {
            pool.in_use = lanewise(&pool.in_use, &reserved, u32::saturating_sub);
        }
        if comes_back {
            pool.waiting.insert(task, what);
            self.homes.waiting.insert(task, key);
        }
        self.balance(key);
    }

    /// A framework does not want a task back.
    pub fn unreserve_home(&mut self, task: TaskId) {
        if let Some(key) = self.homes.forget(task) {
            self.balance(key);
        }
    }

    /// What was offered or held of an agent came back: some of it may not have to be reserved any more.
    pub(super) fn balance_homes(&mut self, agent: u32, party: PartyId, role: u32, grant: &Grant) {
        if grant.parts.iter().any(|slice| self.is_home(agent, slice)) {
            self.balance((agent, party, role));
        }
    }

    /// An agent is back: what is reserved on it still is.
    pub(super) fn return_homes(&mut self, agent: u32) {
        let keys: Vec<Key> = self.homes.pools.range(of_agent(agent)).map(|(&key, _)| key).collect();
        keys.into_iter().for_each(|key| self.balance(key));
    }

    /// Where nothing is offered of an agent, no more is reserved than has to be.
    #[cfg(test)]
    pub(super) fn audit_homes(&self, at: u32) {
        let Some(agent) = self.agent(NodeId(at)) else { return };
        for part in &agent.parts {
            let Terms::Home { party, role } = part.terms else { continue };
            let pool = self.homes.pools.get(&(at, party, role)).cloned().unwrap_or_default();
            let wanted = pool.wanted();
            // Who does not belong there may have been launched on it all the same.
            let others = part.held.checked_sub(&pool.in_use).expect("what is in use is held");
            let most = lanewise(&wanted, &others, u32::saturating_add);
            assert!(part.total.fits_in(&most), "agent {at}: {:?} reserved of {most:?}", part.total);
        }
    }

    /// Makes a reservation as large as it has to be, as far as there is free room for it.
    fn balance(&mut self, key: Key) {
        let (at, party, role) = key;
        let wanted = self.homes.pools.get(&key).map_or(Resources::ZERO, Pool::wanted);
        if wanted.is_zero() {
            self.homes.pools.remove(&key);
        }
        if self.agent(NodeId(at)).is_none() {
            return;
        }
        let index = self.part_for(at, Terms::Home { party, role });
        let agent = &mut self.agents[at as usize];
        let part = &mut agent.parts[index as usize];
        let more = lanewise(&lanewise(&wanted, &part.total, u32::saturating_sub), &agent.free, u32::min);
        let less = lanewise(&lanewise(&part.total, &wanted, u32::saturating_sub), &part.free(), u32::min);
        part.total = lanewise(&lanewise(&part.total, &more, u32::saturating_add), &less, u32::saturating_sub);
        for plain in [&mut agent.total, &mut agent.free] {
            *plain = lanewise(&lanewise(plain, &more, u32::saturating_sub), &less, u32::saturating_add);
        }
        self.idle.sub(&more, 1);
        self.idle.add(&less, 1);
        let sets = self.options.sets;
        self.roles.consume(role, &without(&less, sets), true);
        self.roles.consume(role, &without(&more, sets), false);
    }
}
