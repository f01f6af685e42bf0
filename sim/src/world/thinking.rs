//! Parties that take time to think: busy until then, their decisions leave when they are done, their events wait.

use windtunnel_scheduler::Step;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use crate::model::DecisionTime;

/// What each party is thinking about.
#[derive(Clone, Default)]
pub(super) struct Thinking {
    pub price: DecisionTime,
    parties: Vec<Busy>,
    /// Simulated time spent, of all parties together.
    pub busy: Span,
    /// Decisions that arrive now were made at this instant: the truth may have moved on.
    pub late_since: Option<Time>,
}

#[derive(Clone, Default)]
struct Busy {
    since: Time,
    /// Until when; none if it is idle.
    until: Option<Time>,
    held: Vec<Decision>,
}

impl Thinking {
    pub(super) fn new(price: DecisionTime, parties: usize) -> Self {
        Self { price, parties: (0..parties).map(|_| Busy::default()).collect(), busy: Span::ZERO, late_since: None }
    }
}

impl World {
    /// The clock of this machine, where decision time is measured.
    pub(crate) fn lap(&self) -> Option<fn() -> Span> {
        match self.thinking.price {
            DecisionTime::Measured(lap) => Some(lap),
            _ => None,
        }
    }

    /// Charges a step for its time: true if its decisions are held back and were taken.
    pub(crate) fn hold_back(&mut self, party: PartyId, step: Step, took: Span, decisions: &mut Vec<Decision>) -> bool {
        let work = step.work;
        let cost = match self.thinking.price {
            DecisionTime::None => return false,
            DecisionTime::Measured(_) => took,
            DecisionTime::Modelled { run, job, task, node } => {
                let parts = [(run, 1), (job, work.jobs), (task, work.tasks), (node, work.nodes)];
                parts.iter().fold(Span::ZERO, |sum, (price, count)| sum + Span(price.0.saturating_mul(*count)))
            }
        };
        // While the world is set up no time passes.
        if cost == Span::ZERO || !self.has_begun {
            return false;
        }
        self.thinking.busy += cost;
        let busy = &mut self.thinking.parties[usize::from(party.0)];
        busy.since = self.now;
        busy.until = Some(self.now + cost);
        busy.held.append(decisions);
        true
    }

    /// When the next party is done with thinking.
    pub(super) fn next_thought(&self) -> Option<Time> {
        self.thinking.parties.iter().filter_map(|party| party.until).min()
    }

    /// True if a party thinks.
    pub(super) fn is_busy(&self, party: usize) -> bool {
        self.thinking.parties[party].until.is_some()
    }

    /// The next party that is done by now, with its decisions.
    pub(crate) fn next_done(&mut self) -> Option<(PartyId, Time, Vec<Decision>)> {
        let now = self.now;
        let at = self.thinking.parties.iter().position(|party| party.until.is_some_and(|until| until <= now))?;
        let party = &mut self.thinking.parties[at];
        party.until = None;
        Some((PartyId(at as u16), party.since, std::mem::take(&mut party.held)))
    }

    /// Decisions arrive that were made at that instant, or no longer do.
    pub(crate) fn set_late(&mut self, since: Option<Time>) {
        self.thinking.late_since = since;
    }
}
