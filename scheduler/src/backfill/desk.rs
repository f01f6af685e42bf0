//! What a backfill policy sees and may do in one pass.

use alloc::vec;
use alloc::vec::Vec;

use super::availability::Availability;
use super::line::{Item, Line};
use super::rules::Rules;
use crate::cause::Cause;
use crate::config::{BackfillOrder, Config};
use crate::decision::Decision;
use crate::framework::{Pass, Preempting, Running, Wish};
use crate::id::TaskId;
use crate::index::Asked;
use crate::ledger::{Ledger, ShapeId};
use crate::preemption::choose::Harm;
use crate::resources::Resources;
use crate::time::{Span, Time};
use crate::veto::{Veto, VetoCounts};

/// How far a policy may look behind the head, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs behind the head that a pass looks at.
    pub depth: u64,
    /// Between two looks behind the head.
    pub interval: Span,
    /// Who is looked at first.
    pub order: BackfillOrder,
    /// A start that lies further ahead is not reserved.
    pub window: Span,
    /// Reserved starts are multiples of this; any instant if zero.
    pub resolution: Span,
}

impl Limits {
    /// As the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            depth: config.backfill.whole("depth").unwrap_or(u64::MAX),
            interval: config.backfill.span("interval").unwrap_or(Span::ZERO),
            order: config.backfill_order,
            window: config.backfill.span("window").unwrap_or(Span::FOREVER),
            resolution: config.backfill.span("resolution").unwrap_or(Span::ZERO),
        }
    }

    /// A start as it may be reserved: on the next multiple of the resolution unless it is now; [`Time::NEVER`] if that
    /// is beyond the window.
    #[must_use]
    pub fn reserved(&self, now: Time, start: Time) -> Time {
        let past = if start > now { start.0.checked_rem(self.resolution.0).unwrap_or(0) } else { 0 };
        let start = if past == 0 { start } else { start + Span(self.resolution.0 - past) };
        if start.since(now) > self.window { Time::NEVER } else { start }
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
    pub(crate) rules: Option<&'a mut Rules>,
}

/// An item as a task, or a gang as a whole, that is to start.
fn wish_in(item: &Item, shape: ShapeId) -> Wish {
    Wish { asked: Asked::new(TaskId(item.task), shape), job: item.job, members: item.members }
}

/// What victims would hold from now on is free, or (`holds` true) not after all. Of tasks of others nothing is kept.
fn change_victims(
    room: &mut Availability,
    ledger: &Ledger,
    running: &Running,
    victims: &[u32],
    now: Time,
    holds: bool,
) {
    for &slot in victims.iter().filter(|&&slot| !Running::is_guest(slot)) {
        let task = running.task(slot);
        let job = running.job(task.job);
        let need = super::times(&ledger.shapes().shape(job.shape).request, job.members.max(1));
        match task.due > now {
            true if holds => room.hold(now, task.due, &need),
            true => room.free(now, task.due, &need),
            false => {}
        }
    }
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

    /// How important an item is.
    #[must_use]
    pub fn priority_of(&self, slot: u32) -> i32 {
        self.pass.running.job(self.line.item(slot).job).waiter.priority
    }

    /// Starts the first task of an item (a gang as a whole) if there is room for it now.
    pub fn start(&mut self, slot: u32) -> bool {
        let item = *self.line.item(slot);
        self.pass.work.jobs += 1;
        if !super::fits(&item.need, self.pass.ledger.free_total()) {
            return false;
        }
        if self.rules.is_some() {
            return self.start_by_rules(slot);
        }
        if self.refusals.covers(&item) {
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

    /// The same where there are rules: in sections of the fleet where it delays nobody who holds a reservation, and
    /// within all limits.
    fn start_by_rules(&mut self, slot: u32) -> bool {
        if self.is_limited(slot) {
            return false;
        }
        self.lift(slot);
        let (item, now) = (*self.line.item(slot), self.pass.now);
        let unit = self.unit_of(&item);
        let Some(rules) = self.rules.as_deref_mut() else { return false };
        let Some(split) = rules.sections.split(&item, &unit, now) else { return false };
        let mut shape_of =
            |(section, count)| (rules.sections.shape_within(self.pass.ledger, item.shape, section), count);
        let legs: Vec<_> = split.into_iter().map(&mut shape_of).collect();
        let asked = Asked::new(TaskId(item.task), item.shape);
        let waited = (now > item.since).then(|| self.waited(&item));
        if !self.pass.start_in(Wish { asked, job: item.job, members: item.members }, &legs, waited) {
            return false;
        }
        if let (Some(rules), Some(started)) = (self.rules.as_deref_mut(), self.pass.running.find(asked.task)) {
            rules.started(self.pass.ledger, self.pass.running, started, now);
        }
        self.line.take(slot);
        true
    }

    /// True if a limit forbids that one more task of the item starts now.
    pub fn is_limited(&mut self, slot: u32) -> bool {
        let Some(rules) = self.rules.as_deref() else { return false };
        let (now, item) = (self.pass.now, self.line.item_mut(slot));
        let is_limited = rules.forbids(self.pass.running, item.job);
        if is_limited && item.limited_since == Time::NEVER {
            item.limited_since = now;
            if self.explain {
                let mut vetoes = VetoCounts::default();
                vetoes.0[Veto::Limit as usize] = u32::try_from(self.pass.ledger.node_count()).unwrap_or(u32::MAX);
                let job = self.pass.running.job(item.job).id;
                self.pass.decisions.push(Decision::Defer { job, vetoes });
            }
        } else if !is_limited && item.limited_since != Time::NEVER {
            item.limited += now.since(core::mem::replace(&mut item.limited_since, Time::NEVER));
        }
        is_limited
    }

    /// Nobody behind an item that does not fit may have the nodes that it waits for. True if that is all nodes.
    pub fn close(&mut self, slot: u32) -> bool {
        let route = self.line.item(slot).route;
        match self.rules.as_deref_mut() {
            Some(rules) => rules.sections.close(route),
            None => return true,
        }
        false
    }

    /// True if there are partitions, qualities of service or reservations.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    fn unit_of(&self, item: &Item) -> Resources {
        self.pass.ledger.shapes().shape(item.shape).request
    }

    /// The earliest instant, not before `after`, at which an item could start by all that is known;
    /// [`Time::NEVER`] if never.
    #[must_use]
    pub fn earliest(&self, slot: u32, after: Time) -> Time {
        let item = self.line.item(slot);
        match self.rules.as_deref() {
            Some(rules) => rules.sections.earliest(item, &self.unit_of(item), after),
            None => self.room.earliest(after, Span(item.estimate_us), &item.need),
        }
    }

    /// The same, or others make room for it: it leaves the line, and starts when they have left.
    pub fn start_or_preempt(&mut self, slot: u32) -> bool {
        if self.start(slot) {
            return true;
        }
        if self.rules.is_some() {
            return self.preempt_by_rules(slot);
        }
        let (item, waited) = self.wish_of(slot);
        let is_made = self.pass.preempt(wish_in(&item, item.shape), item.key, waited);
        self.note_preempting(slot, is_made)
    }

    /// Others make room for an item if that delays nobody who holds a reservation. Its own is to be lifted before.
    pub fn preempt(&mut self, slot: u32) -> bool {
        if self.rules.is_some() {
            return self.preempt_by_rules(slot);
        }
        let (item, waited) = self.wish_of(slot);
        let (now, Self { pass, room, .. }) = (self.pass.now, &mut *self);
        // Where somebody else decides they may stay.
        let is_sure = pass.preempting.as_deref().is_some_and(|preempting| !preempting.asks());
        let mut gone: Vec<u32> = Vec::new();
        let is_made = pass.preempt_if(wish_in(&item, item.shape), item.key, waited, |ledger, running, _, victims| {
            change_victims(room, ledger, running, victims, now, false);
            let fits = room.earliest(now, Span(item.estimate_us), &item.need) == now;
            if fits && is_sure {
                gone.extend_from_slice(victims);
            } else {
                change_victims(room, ledger, running, victims, now, true);
            }
            fits
        });
        // What they would have held is given back already.
        gone.iter().for_each(|&slot| pass.running.set_due(slot, now));
        self.note_preempting(slot, is_made)
    }

    /// An item for which room is being made leaves the line.
    fn note_preempting(&mut self, slot: u32, is_made: bool) -> bool {
        if is_made {
            let (now, item) = (self.pass.now, *self.line.item(slot));
            self.lift(slot);
            self.room.hold(now, now + Span(item.estimate_us), &item.need);
            self.line.item_mut(slot).start = Time::NEVER;
            self.line.take(slot);
        }
        is_made
    }

    fn wish_of(&self, slot: u32) -> (Item, Option<[Span; Cause::COUNT]>) {
        let item = *self.line.item(slot);
        let waited = (self.pass.now > item.since).then(|| self.waited(&item));
        (item, waited)
    }

    /// The same where there are rules: within all limits, and in the section where the least harm is done. A gang takes
    /// what it finds in all of its sections.
    fn preempt_by_rules(&mut self, slot: u32) -> bool {
        let Some(manner) = self.pass.preempting.as_deref().and_then(Preempting::manner) else { return false };
        if self.is_limited(slot) {
            return false;
        }
        let start = self.line.item(slot).start;
        self.lift(slot);
        let (item, waited) = self.wish_of(slot);
        let now = self.pass.now;
        let shapes = if item.members == 0 { self.shapes_within(&item) } else { vec![item.shape] };
        if item.members == 0 && self.start_within(&item, waited, &shapes) {
            self.line.take(slot);
            return true;
        }
        let Self { pass, rules: Some(rules), .. } = self else { return false };
        let mut ways: Vec<(Harm, Wish)> = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let wish = wish_in(&item, shape);
            match item.members {
                0 => ways.extend(pass.least_harm(wish, manner).map(|harm| (harm, wish))),
                _ => ways.push((Harm::default(), wish)),
            }
        }
        ways.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, wish) in ways {
            let is_made = pass.preempt_if(wish, item.key, waited, |ledger, running, parts, victims| {
                rules.permits(ledger, running, &item, parts, victims, now)
            });
            if is_made {
                self.line.take(slot);
                return true;
            }
        }
        self.reserve(slot, start);
        false
    }

    /// The shapes of a task that is to be in one section, for each that it may be in.
    fn shapes_within(&mut self, item: &Item) -> Vec<ShapeId> {
        let Self { pass, rules: Some(rules), .. } = self else { return Vec::new() };
        let sections: Vec<u16> = rules.sections.open_to(item.route).collect();
        let mut shape_of = |section| rules.sections.shape_within(pass.ledger, item.shape, section);
        sections.into_iter().map(&mut shape_of).collect()
    }

    /// Starts a task in whichever of its sections has a node for it: room in all of one does not mean that. Whoever
    /// waits without force waits for the first.
    fn start_within(&mut self, item: &Item, waited: Option<[Span; Cause::COUNT]>, shapes: &[ShapeId]) -> bool {
        let (now, end) = (self.pass.now, self.pass.now + Span(item.estimate_us.max(1)));
        let unit = self.unit_of(item);
        let Self { pass, rules: Some(rules), .. } = self else { return false };
        let sections: Vec<u16> = rules.sections.open_to(item.route).collect();
        for (&section, &shape) in sections.iter().zip(shapes) {
            if rules.sections.has_room(item.route, section, &unit, (now, end))
                && pass.start_in(wish_in(item, item.shape), &[(shape, 0)], waited)
            {
                if let Some(started) = pass.running.find(TaskId(item.task)) {
                    rules.started(pass.ledger, pass.running, started, now);
                }
                return true;
            }
        }
        false
    }

    /// Takes the reservation of an item back, if it has one.
    pub fn lift(&mut self, slot: u32) {
        let start = core::mem::replace(&mut self.line.item_mut(slot).start, Time::NEVER);
        if start != Time::NEVER {
            let item = *self.line.item(slot);
            let unit = self.unit_of(&item);
            match self.rules.as_deref_mut() {
                Some(rules) => rules.sections.lift(slot, &item, &unit, start),
                None => self.room.free(start, start + Span(item.estimate_us), &item.need),
            }
        }
    }

    /// Reserves room for an item from `start` on.
    pub fn reserve(&mut self, slot: u32, start: Time) {
        self.line.item_mut(slot).start = start;
        if start != Time::NEVER {
            let item = *self.line.item(slot);
            let unit = self.unit_of(&item);
            match self.rules.as_deref_mut() {
                Some(rules) => rules.sections.reserve(slot, &item, &unit, start),
                None => self.room.hold(start, start + Span(item.estimate_us), &item.need),
            }
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
        let shadow = self.earliest(slot, self.pass.now);
        if shadow == self.pass.now && super::fits(&self.line.item(slot).need, self.pass.ledger.free_total()) {
            return self.earliest(slot, self.next_change(slot));
        }
        shadow
    }

    /// When what is free for an item changes next; [`Time::NEVER`] if it does not.
    #[must_use]
    pub fn next_change(&self, slot: u32) -> Time {
        match self.rules.as_deref() {
            Some(rules) => rules.sections.next_change(self.line.item(slot), self.pass.now),
            None => self.room.next_change(self.pass.now),
        }
    }

    /// Where the wait of an item went: behind others until it was tried first, and since then for want of room.
    fn waited(&self, item: &Item) -> [Span; Cause::COUNT] {
        let mut causes = [Span::ZERO; Cause::COUNT];
        let blocked = item.blocked.min(self.pass.now);
        let rest = Span(self.pass.now.since(item.since).0.saturating_sub(item.limited.0));
        let first = self.pass.now.since(blocked).min(rest);
        let cause = if item.members > 1 { Cause::Gang } else { Cause::Capacity };
        causes[cause as usize] = first;
        causes[Cause::HeadOfLine as usize] = Span(rest.0 - first.0);
        causes[Cause::Quota as usize] = item.limited;
        causes
    }
}
