//! How fast agents that do not answer are declared lost (F3): a limit on removals, and second thoughts.

use alloc::collections::VecDeque;

use crate::id::NodeId;
use crate::time::{Span, Time};

/// Agents that missed their pings and wait to be removed, in order.
#[derive(Clone, Debug)]
pub struct Removals {
    gap: Span,
    /// The last removal.
    last: Option<Time>,
    waiting: VecDeque<(NodeId, Time)>,
}

impl Removals {
    /// At least `gap` passes between two removals; zero: no limit.
    #[must_use]
    pub const fn new(gap: Span) -> Self {
        Self { gap, last: None, waiting: VecDeque::new() }
    }

    /// An agent has missed all its pings.
    pub fn missed(&mut self, now: Time, node: NodeId) {
        if self.waiting.iter().all(|(waiting, _)| *waiting != node) {
            self.waiting.push_back((node, now));
        }
    }

    /// An agent answered after all: it is not removed, and its turn goes to the next.
    pub fn answered(&mut self, node: NodeId) {
        self.waiting.retain(|(waiting, _)| *waiting != node);
    }

    /// When the next is removed.
    #[must_use]
    pub fn wake(&self) -> Option<Time> {
        let &(_, missed) = self.waiting.front()?;
        Some(self.last.map_or(missed, |last| missed.max(last + self.gap)))
    }

    /// The agent that is removed now, if one is. To be called until there is none.
    pub fn remove(&mut self, now: Time) -> Option<NodeId> {
        if self.wake()? > now {
            return None;
        }
        self.last = Some(now);
        self.waiting.pop_front().map(|(node, _)| node)
    }
}

/// When an agent is taken for lost that answered its last ping at `answered`: the first ping that it misses goes out
/// one interval later, each is waited for as long, and an answer begins the count anew (F1).
#[must_use]
pub fn taken_for_lost(answered: Time, ping: Span, misses: u32) -> Time {
    answered + Span(ping.0.saturating_mul(u64::from(misses) + 1))
}
