//! What becomes of an instance whose agent cannot be reached.
//!
//! **Source.** Marathon, docs/unreachable.md and `unreachableStrategy`: after `inactive` it is replaced, after
//! `expunge` it is forgotten. Zero is acted on at once; anything else is looked at only when tasks are reconciled.

use crate::time::{Span, Time};

/// How often tasks are reconciled, and with them strategies that are not zero looked at.
pub const RECONCILE_EVERY: Span = Span::from_seconds(600);
/// What passes between a reason to act and the act.
const REACTION: Span = Span::from_seconds(3);

/// When an instance that cannot be reached is replaced and forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Strategy {
    /// After so long it is replaced.
    pub inactive: Span,
    /// After so long it is forgotten, and killed if it comes back; not shorter than `inactive`.
    pub expunge: Span,
}

impl Strategy {
    /// When an instance is replaced that cannot be reached from `since` on; tasks are reconciled at `phase` and every
    /// so often from it.
    #[must_use]
    pub fn replaced(&self, since: Time, phase: Time) -> Time {
        due(since, self.inactive, phase)
    }

    /// When such an instance is forgotten.
    #[must_use]
    pub fn forgotten(&self, since: Time, phase: Time) -> Time {
        due(since, self.expunge, phase)
    }
}

/// When something is acted on that is due `after` an instant.
fn due(from: Time, after: Span, phase: Time) -> Time {
    if after == Span::ZERO {
        return from + REACTION;
    }
    let due = from + after;
    let late = due.since(phase).0;
    phase + Span(late.div_ceil(RECONCILE_EVERY.0).saturating_mul(RECONCILE_EVERY.0))
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Another instance is launched.
    Replace,
    /// The surplus is ended: the old instance, come back, or one of two that run.
    Kill,
}

/// One instance, watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    strategy: Strategy,
    /// An instant at which tasks were reconciled: they are again at every [`RECONCILE_EVERY`] from it.
    phase: Time,
    /// Since when it cannot be reached; what it was last if it is back.
    since: Option<Time>,
    is_back: bool,
    replaced: bool,
    /// What is to be done next, and when.
    next: Option<(Time, Act)>,
}

impl Watch {
    /// An instance that runs.
    #[must_use]
    pub const fn new(strategy: Strategy, phase: Time) -> Self {
        Self { strategy, phase, since: None, is_back: false, replaced: false, next: None }
    }

    /// Its agent was declared lost.
    pub fn unreachable(&mut self, now: Time) {
        (self.since, self.is_back) = (Some(now), false);
        self.next = Some((self.strategy.replaced(now, self.phase), Act::Replace));
    }

    /// Its agent is back and it runs. If nothing was done about it yet, nothing is; one that was forgotten is killed;
    /// one that was replaced but not forgotten makes two, of which one is killed when it would have been forgotten.
    pub fn back(&mut self, now: Time) {
        let Some(since) = self.since else { return };
        self.is_back = true;
        if !self.replaced {
            (self.since, self.next) = (None, None);
            return;
        }
        let forgotten = self.strategy.forgotten(since, self.phase);
        let at = if forgotten <= now + REACTION { now + REACTION } else { forgotten };
        self.next = Some((at, Act::Kill));
    }

    /// When to be asked again.
    #[must_use]
    pub fn wake(&self) -> Option<Time> {
        self.next.map(|(at, _)| at)
    }

    /// What is to be done now. To be called at the instant of [`Watch::wake`].
    pub fn act(&mut self, now: Time) -> Option<Act> {
        let (_, act) = self.next.take_if(|(at, _)| *at <= now)?;
        match act {
            Act::Replace => self.replaced = true,
            Act::Kill => (self.since, self.replaced) = (None, false),
        }
        Some(act)
    }
}
