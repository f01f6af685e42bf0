//! The allocator as a party: facts in, offers out.

use alloc::vec::Vec;

use super::{AgentSpec, TwoLevel};
use crate::event::{Event, NodeSpec};
use crate::time::{Span, Time};
use crate::{Decision, Step, Work};

impl TwoLevel {
    /// Takes the facts of an instant in and makes at most one run: over everything if a periodic one is due or a
    /// framework came or revived, else over the agents that came or changed (O3).
    pub fn step(&mut self, now: Time, events: &[Event], out: &mut Vec<Decision>) -> Step {
        for event in events {
            self.hear(now, event, out);
        }
        self.expire(now, out);
        let next = self.next_batch.unwrap_or(now);
        let is_late = next < now && events.contains(&Event::Woken);
        // Periodic runs that could have changed nothing were left out: the next is where it would have been.
        let next = if next < now && !is_late { self.tick_from(next, now) } else { next };
        if next <= now {
            self.run_batch(now, out);
            self.next_batch = Some(now + self.options.interval);
        } else {
            self.next_batch = Some(next);
            if self.candidates.all || !self.candidates.some.is_empty() {
                self.run(now, out);
            }
        }
        let work = Work { nodes: core::mem::take(&mut self.looked), ..Work::default() };
        Step { wake: self.wake(now), work }
    }

    /// The first tick at or after an instant.
    fn tick_from(&self, tick: Time, at: Time) -> Time {
        let interval = self.options.interval.0.max(1);
        tick + Span(at.since(tick).0.div_ceil(interval).saturating_mul(interval))
    }

    /// When something could happen without an event: the next periodic run that may offer something, the end of an
    /// unanswered offer. Runs that could change nothing are left out.
    fn wake(&mut self, now: Time) -> Option<Time> {
        let expiry = self.next_expiry();
        let next = self.next_batch?;
        let useful = if let Some((_, until)) = self.paused {
            Some(until)
        } else if self.role_sorter.tree().active() == 0 {
            None
        } else if self.moved {
            Some(next)
        } else {
            (self.filtered_until != Time::NEVER).then_some(self.filtered_until)
        };
        let written = self.written.as_ref().map(|(at, _)| *at);
        let batch = [useful, written].into_iter().flatten().min().map(|at| self.tick_from(next, at));
        [expiry, batch].into_iter().flatten().filter(|&at| at > now).min()
    }

    fn hear(&mut self, now: Time, event: &Event, out: &mut Vec<Decision>) {
        self.moved |= !matches!(event, Event::Woken | Event::TaskStarted { .. });
        match event {
            Event::NodeAdded(spec) => {
                let agent = self.agent_spec(spec);
                self.add_agent(spec.node, &agent, out);
            }
            Event::NodeLost { node } => self.lose_agent(*node, out),
            Event::NodeClosed { node } => self.set_agent_active(*node, false, out),
            Event::NodeOpened { node } => self.set_agent_active(*node, true, out),
            Event::DevicesLost { node, gpus } => self.lose_devices(*node, *gpus, out),
            Event::DevicesReturned { node, gpus } => self.return_devices(*node, *gpus),
            Event::FrameworkJoined(spec) => self.add_framework(spec),
            Event::LaunchRequested(launch) => self.launch(launch, out),
            Event::OfferDeclined { offer, from, refuse } => self.decline(now, *from, *offer, *refuse),
            Event::OffersSuppressed { from } => self.suppress(*from, None),
            Event::OffersRevived { from } => self.revive(*from, None),
            Event::TaskEnded { task, ending } => self.task_over(now, *task, *ending, out),
            Event::HomeUnreserved { task } => self.unreserve_home(*task),
            Event::DisplacementRequested(asked) => self.displace(asked, out),
            Event::RoomTaken(room) => self.adopt(room, out),
            Event::InverseOfferAnswered { from, node, refuse } => self.answer_inverse(now, *from, *node, *refuse),
            _ => {}
        }
    }

    /// A node of the fleet as an agent: the domain `region` and reservations by flags.
    fn agent_spec(&self, spec: &NodeSpec) -> AgentSpec {
        let attribute = |name: &str| spec.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value);
        let reserved =
            self.options.reservations.iter().filter(|reservation| {
                reservation.on.as_ref().is_none_or(|(name, value)| attribute(name) == Some(value))
            });
        AgentSpec {
            capacity: spec.capacity,
            gpus: spec.gpus,
            reserved: reserved.map(|reservation| (reservation.role.clone(), reservation.resources)).collect(),
            region: spec.domains.iter().find(|(kind, _)| kind == "region").map(|(_, domain)| domain.clone()),
            attributes: spec.attributes.clone(),
            ..AgentSpec::default()
        }
    }

    /// Begins anew after a failover: with quotas, nothing is offered before most agents are back (Q5).
    pub fn fail_over(&mut self, now: Time, agents_expected: usize) {
        if self.roles.guaranteed == 0 && self.roles.limited == 0 {
            return;
        }
        let needed = agents_expected * self.options.recovery.agents_percent as usize / 100;
        self.paused = Some((needed, now + self.options.recovery.at_most));
    }

    pub(super) fn is_paused(&mut self, now: Time) -> bool {
        let Some((needed, until)) = self.paused else { return false };
        let back = self.agents.iter().filter(|agent| agent.known).count();
        if back >= needed || now >= until {
            self.paused = None;
            self.candidates.all = true;
            return false;
        }
        true
    }
}
