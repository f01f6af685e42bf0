//! Maintenance: announced absences, the questions that go with them, and draining (X1).

use alloc::vec::Vec;

use super::{TwoLevel, Window};
use crate::Decision;
use crate::id::{NodeId, PartyId};
use crate::time::{Span, Time};

/// A framework was asked to leave an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    agent: u32,
    /// It has answered and need not be asked again before this; none: it has not answered yet.
    answered: Option<Time>,
}

impl Asked {
    /// True if an answer came.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.answered.is_some()
    }
}

impl TwoLevel {
    /// An operator announces when an agent will not be there, or that it will (None). Its offers are taken back, and
    /// made again with the announcement on them; the beginning and the end of the window change nothing by themselves.
    pub fn post_window(&mut self, node: NodeId, window: Option<Window>, out: &mut Vec<Decision>) {
        let Some(agent) = self.agents.get_mut(node.index()).filter(|agent| agent.known) else { return };
        if agent.window == window {
            return;
        }
        agent.window = window;
        self.rescind_on(node.0, out);
        for framework in self.frameworks.iter_mut().flatten() {
            framework.asked.retain(|asked| asked.agent != node.0);
        }
        self.candidates.some.push(node.0);
    }

    /// Asks frameworks that hold something on agents that will go: one question each that is not answered.
    pub(super) fn invert(&mut self, now: Time, out: &mut Vec<Decision>) {
        let windows: Vec<u32> = (0..self.agents.len() as u32)
            .filter(|&at| {
                let agent = &self.agents[at as usize];
                agent.known && agent.window.is_some()
            })
            .collect();
        if windows.is_empty() {
            return;
        }
        for at in windows {
            let mut holders: Vec<PartyId> =
                self.holds_in_order().filter(|hold| hold.agent == at).map(|hold| hold.party).collect();
            holders.sort_unstable();
            holders.dedup();
            let window = self.agents[at as usize].window;
            for party in holders {
                let Some(framework) = self.framework_mut(party).filter(|framework| framework.active) else { continue };
                framework.asked.retain(|asked| asked.answered.is_none_or(|until| until > now));
                if framework.asked.iter().any(|asked| asked.agent == at) {
                    continue;
                }
                framework.asked.push(Asked { agent: at, answered: None });
                if let Some(window) = window {
                    out.push(Decision::InverseOffer { to: party, node: NodeId(at), window });
                }
            }
        }
    }

    /// A framework says whether it will leave an agent. The answer is advice: nothing else follows from it, but that
    /// it is not asked again for a while.
    pub fn answer_inverse(&mut self, now: Time, from: PartyId, node: NodeId, refuse: Span) {
        let interval = self.options.interval;
        let Some(framework) = self.framework_mut(from) else { return };
        if let Some(asked) = framework.asked.iter_mut().find(|asked| asked.agent == node.0) {
            asked.answered = Some(now + refuse.max(interval));
        }
    }

    /// An agent is drained: it is not offered any more and its tasks are to end, within `grace`. Cannot be undone: the
    /// agent has to leave and come back.
    pub fn drain(&mut self, node: NodeId, grace: Span, out: &mut Vec<Decision>) {
        if self.agent(node).is_none() {
            return;
        }
        self.set_agent_active(node, false, out);
        let here: Vec<u64> =
            self.of_task.iter().filter(|&(_, slot)| self.holds[slot].agent == node.0).map(|(task, _)| task).collect();
        out.extend(here.into_iter().map(|task| Decision::Kill { task: crate::id::TaskId(task), grace }));
    }

    /// True once a drained agent holds no task any more: every end has been heard of.
    #[must_use]
    pub fn is_drained(&self, node: NodeId) -> bool {
        self.agent(node).is_some_and(|agent| !agent.active) && !self.holds_in_order().any(|hold| hold.agent == node.0)
    }
}
