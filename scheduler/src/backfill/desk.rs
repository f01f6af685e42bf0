//! What a backfill policy sees and may do in one pass.

use alloc::vec::Vec;

use super::availability::Availability;
use super::line::{Item, Line};
use crate::cause::Cause;
use crate::config::{BackfillOrder, Config};
use crate::decision::Decision;
use crate::framework::{Pass, Wish};
use crate::id::TaskId;
use crate::index::Asked;
use crate::time::{Span, Time};

/// How far a policy may look behind the head, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs behind the head that a pass looks at.
    pub depth: u64,
    /// Between two looks behind the head.
    pub interval: Span,
    /// Who is looked at first.
    pub order: BackfillOrder,
}

impl Limits {
    /// As the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            depth: config.backfill.whole("depth").unwrap_or(u64::MAX),
            interval: config.backfill.span("interval").unwrap_or(Span::ZERO),
            order: config.backfill_order,
        }
    }

    /// Where a waiting job stands in the order of backfilling; the smallest is first, the lowest task among equals.
    #[must_use]
    pub fn behind(&self, estimate_us: u64) -> u64 {
        match self.order {
            BackfillOrder::Fifo => 0,
            BackfillOrder::Shortest => estimate_us,
        }
    }
}

/// What a gang or a task of a shape was refused in this pass: no larger one of it needs to be tried.
#[derive(Clone, Copy, Default)]
pub(crate) struct Refusal {
    pass: u64,
    members: u32,
}

/// Refusals by slot of the shape.
#[derive(Clone, Default)]
pub(crate) struct Refusals {
    of_shape: Vec<Refusal>,
    pass: u64,
}

impl Refusals {
    /// What was refused before may fit now.
    pub(crate) fn begin(&mut self) {
        self.pass += 1;
    }

    fn covers(&self, item: &Item) -> bool {
        let known = self.of_shape.get(item.shape.slot as usize);
        known.is_some_and(|refusal| refusal.pass == self.pass && item.members >= refusal.members)
    }

    fn note(&mut self, item: &Item) {
        let at = item.shape.slot as usize;
        if at >= self.of_shape.len() {
            self.of_shape.resize(at + 1, Refusal::default());
        }
        self.of_shape[at] = Refusal { pass: self.pass, members: item.members };
    }
}

/// One pass, as a backfill policy sees it.
pub struct Desk<'a> {
    /// Starting tasks.
    pub pass: Pass<'a>,
    /// Who waits.
    pub line: &'a mut Line,
    /// What is free from now on.
    pub room: &'a mut Availability,
    /// Whether to say why the head waits.
    pub explain: bool,
    pub(crate) refusals: &'a mut Refusals,
}

impl Desk<'_> {
    /// The instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.pass.now
    }

    /// When a task that starts now is believed to end.
    #[must_use]
    pub fn end_of(&self, slot: u32) -> Time {
        self.pass.now + Span(self.line.item(slot).estimate_us)
    }

    /// Starts the first task of an item (a gang as a whole) if there is room for it now.
    pub fn start(&mut self, slot: u32) -> bool {
        let item = *self.line.item(slot);
        self.pass.work.jobs += 1;
        if !super::fits(&item.need, self.pass.ledger.free_total()) || self.refusals.covers(&item) {
            return false;
        }
        let now = self.pass.now;
        let asked = Asked::new(TaskId(item.task), item.shape);
        let waited = (now > item.since).then(|| self.waited(&item));
        if !self.pass.start(Wish { asked, job: item.job, members: item.members }, waited) {
            self.refusals.note(&item);
            return false;
        }
        if item.start != now {
            self.lift(slot);
            self.room.hold(now, now + Span(item.estimate_us), &item.need);
        }
        self.line.item_mut(slot).start = Time::NEVER;
        self.line.take(slot);
        true
    }

    /// Takes the reservation of an item back, if it has one.
    pub fn lift(&mut self, slot: u32) {
        let item = self.line.item_mut(slot);
        let start = core::mem::replace(&mut item.start, Time::NEVER);
        if start != Time::NEVER {
            self.room.free(start, start + Span(item.estimate_us), &item.need);
        }
    }

    /// Reserves room for an item from `start` on.
    pub fn reserve(&mut self, slot: u32, start: Time) {
        let item = self.line.item_mut(slot);
        item.start = start;
        if start != Time::NEVER {
            self.room.hold(start, start + Span(item.estimate_us), &item.need);
        }
    }

    /// An item has been tried first and does not fit.
    pub fn block(&mut self, slot: u32) {
        let now = self.pass.now;
        let item = self.line.item_mut(slot);
        if item.blocked == Time::NEVER {
            item.blocked = now;
        }
        let (shape, job) = (item.shape, item.job);
        if self.explain {
            let shape = self.pass.ledger.shapes().shape(shape);
            let vetoes = self.pass.ledger.vetoes(shape);
            self.pass.decisions.push(Decision::Defer { job: self.pass.running.job(job).id, vetoes });
        }
    }

    /// When the head of the line, which does not fit now, is believed to fit.
    ///
    /// Where its lanes fit in all and yet no node takes it, it has to wait for a change.
    #[must_use]
    pub fn shadow_of(&self, slot: u32) -> Time {
        let (now, item) = (self.pass.now, self.line.item(slot));
        let length = Span(item.estimate_us);
        let shadow = self.room.earliest(now, length, &item.need);
        if shadow == now && super::fits(&item.need, self.pass.ledger.free_total()) {
            return self.room.earliest(self.room.next_change(now), length, &item.need);
        }
        shadow
    }

    /// Where the wait of an item went: behind others until it was tried first, and since then for want of room.
    fn waited(&self, item: &Item) -> [Span; Cause::COUNT] {
        let mut causes = [Span::ZERO; Cause::COUNT];
        let blocked = item.blocked.min(self.pass.now);
        causes[Cause::HeadOfLine as usize] = blocked.since(item.since);
        let cause = if item.members > 1 { Cause::Gang } else { Cause::Capacity };
        causes[cause as usize] += self.pass.now.since(blocked);
        causes
    }
}
