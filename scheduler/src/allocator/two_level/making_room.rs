//! A framework makes room for a task of its own, among its own tasks: nobody else's are touched, as in Mesos.
//!
//! It names those of its tasks that are to leave, all on agents that may be offered. They are told so, and when the
//! last of them has left, what they held is not given back but offered to the same framework, in the same roles: it
//! counts as allocated to it all the time, so that no other is offered any of it. From then on it is like any other
//! offer, with its timeout and its answer. If the framework names somebody who has left already, or an agent goes away
//! meanwhile, it is told that the room is gone: nobody leaves, or what is still there is given back.

use alloc::vec::Vec;

use super::offer::Hold;
use super::{TwoLevel, agent};
use crate::Decision;
use crate::allocator::comes_back;
use crate::event::{Displacement, Ending, Room};
use crate::id::{NodeId, PartyId, TaskId};
use crate::time::Time;

/// What is kept for a task of a framework.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// Those who have not left yet.
    victims: Vec<TaskId>,
    /// What those held who have.
    pub(super) holds: Vec<Hold>,
}

/// There will be no room for a task. Not a refusal: the framework may have launched the task elsewhere since.
fn nothing_for((to, task): (PartyId, TaskId)) -> Decision {
    Decision::Tell { to, room: Room { party: to, task, ..Room::default() }, freed: true }
}

impl TwoLevel {
    /// A framework names one of its tasks that is to leave; with the last one named they all are told so, or none.
    pub fn displace(&mut self, asked: &Displacement, out: &mut Vec<Decision>) {
        self.named.push(*asked);
        if asked.more {
            return;
        }
        let key = (asked.from, asked.task);
        let named: Vec<Displacement> = self.named.extract_if(.., |one| (one.from, one.task) == key).collect();
        let mut victims: Vec<TaskId> = named.iter().map(|one| one.victim).collect();
        victims.sort_unstable();
        victims.dedup();
        let is_new = victims.len() == named.len() && !self.kept.contains_key(&key);
        if !is_new || !victims.iter().all(|&victim| self.may_displace(asked.from, victim)) {
            out.push(nothing_for(key));
            return;
        }
        self.kept.insert(key, Kept { victims, holds: Vec::new() });
        for Displacement { victim: task, grace, requeue, .. } in named {
            out.push(Decision::Evict { task, grace, requeue });
        }
    }

    /// True if this is a task of the framework that was not told to leave, and what it holds can be offered again.
    fn may_displace(&self, party: PartyId, victim: TaskId) -> bool {
        let is_told = self.kept.values().any(|kept| kept.victims.contains(&victim));
        let mut holds = self.holds_of(victim).peekable();
        !is_told && holds.peek().is_some() && holds.all(|hold| hold.party == party && self.can_offer(hold))
    }

    /// True if what a task held can be offered to the framework again.
    fn can_offer(&self, hold: &Hold) -> bool {
        let is_there = self
            .agent(NodeId(hold.agent))
            .is_some_and(|agent| agent.active && agent.life == hold.life && hold.grant.gpus.0 & agent.broken.0 == 0);
        is_there && hold.role != agent::NOBODY && self.framework(hold.party).is_some_and(|framework| framework.active)
    }

    /// A task is over: what it held is free, or kept for another.
    pub(super) fn task_over(&mut self, now: Time, task: TaskId, ending: Ending, out: &mut Vec<Decision>) {
        let is_kept = self.keep(now, task, out);
        if !is_kept {
            self.end_task(task);
        }
        self.leaves_home(task, !is_kept && comes_back(ending));
    }

    /// A task is over. True if what it held is kept for another, so that nobody else gets it.
    fn keep(&mut self, now: Time, task: TaskId, out: &mut Vec<Decision>) -> bool {
        let found = self.kept.iter().find(|(_, kept)| kept.victims.contains(&task)).map(|(&key, _)| key);
        let Some(key) = found else { return false };
        let holds = self.take_holds(task);
        let Some(kept) = self.kept.get_mut(&key) else { return false };
        kept.holds.extend(holds);
        kept.victims.retain(|&victim| victim != task);
        if kept.victims.is_empty() {
            self.offer_kept(now, key, out);
        }
        true
    }

    fn offer_kept(&mut self, now: Time, key: (PartyId, TaskId), out: &mut Vec<Decision>) {
        let Some(Kept { holds, .. }) = self.kept.remove(&key) else { return };
        let is_all = holds.iter().all(|hold| self.can_offer(hold));
        for Hold { party, role, agent, life, grant, .. } in holds {
            if is_all {
                self.open(now, NodeId(agent), role, party, grant, out);
            } else {
                self.recover(agent, life, role, party, &grant);
            }
        }
        if !is_all {
            out.push(nothing_for(key));
        }
    }

    /// A framework is gone: nothing is kept for it.
    pub(super) fn forget_kept(&mut self, party: PartyId) {
        let gone: Vec<(PartyId, TaskId)> = self.kept.keys().copied().filter(|key| key.0 == party).collect();
        for key in gone {
            for hold in self.kept.remove(&key).unwrap_or_default().holds {
                self.recover(hold.agent, hold.life, hold.role, hold.party, &hold.grant);
            }
        }
    }
}
