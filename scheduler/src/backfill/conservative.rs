//! Conservative: every job holds a reservation, and whatever delays none of them may start.
//!
//! A job gets the earliest slot when it joins the queue, by what was requested, and keeps it. When a task ends before
//! its request, its tail is freed; then, one by one in the order of the queue, each job whose reserved start is later
//! than now is lifted out and put back at its earliest slot while all other reservations stand. (To plan all of them
//! anew from nothing is another policy.) In one pass this comes before jobs that have just joined get their slots.
//!
//! With `resolution`, slots begin on multiples of it, or now; with `window`, a job whose slot is further ahead holds no
//! reservation yet. With partitions, a slot is in the nodes of the job's partition; who reaches a limit holds none.
//!
//! With `backfill_order = "shortest"` jobs are lifted by estimate. Beyond `depth` reservations a job gets none until
//! one ahead of it has started. Where room in all lanes does not mean that a job fits, or tasks outlive their requests,
//! a reserved start may have to be put off; that job then gets the next slot.
//!
//! Where the less important make room (`preemption`), a job whose slot lies ahead may have one now, the most
//! important first: reservations of lower priority give way to it, and if that is not enough tasks of lower priority
//! do, as long as no reservation of an equal or higher priority is delayed. Who gave way is put back at once, in the
//! order of the queue; tasks that leave join the queue again. This comes before anybody starts at a reserved start, so
//! that nobody is pushed out by the pass in which he started.
//!
//! Most jobs need not be lifted. A job that had no earlier slot before can have one now only if that slot covers an
//! instant at which room has been freed since, and only if so much as it needs is free at such an instant. And where a
//! job was looked at in vain, one that needs as much for as long has no earlier slot either, until another is moved.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::line::{Cursor, Item, Line};
use super::{Backfill, Desk, Fill, Habits, LIMITS, Limits, fits};
use crate::config::BackfillOrder;
use crate::resources::Totals;
use crate::time::{Span, Time};

pub(super) const ENTRY: Backfill = Backfill {
    name: "conservative",
    summary: "every job holds a reservation; whatever delays none may start",
    options: LIMITS,
    source: "Feitelson, Weil 1998; Mu'alem, Feitelson 2001",
    build: |config| Some(Box::new(Conservative::new(Limits::of(config)))),
};

/// From and until when; nothing if that is no time.
#[derive(Clone, Copy)]
struct Stretch {
    from: Time,
    to: Time,
}

impl Stretch {
    const NONE: Self = Self { from: Time::NEVER, to: Time::ZERO };

    fn widen(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
    }

    fn is_none(self) -> bool {
        self.from >= self.to
    }
}

/// A start that was reserved: it stands as long as the item still says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reserved {
    start: Time,
    key: u64,
    task: u64,
    slot: u32,
}

impl Reserved {
    fn stands(&self, line: &Line) -> bool {
        line.holds(self.slot, self.task) && line.item(self.slot).start == self.start
    }
}

/// Jobs that were looked at in vain since the profile last changed: none of them is at least as narrow and as short as
/// another.
#[derive(Clone, Default)]
struct InVain(Vec<(Totals, Span)>);

impl InVain {
    /// True if a job that needs less for a shorter time had no slot that begins before `until`. What is reserved for
    /// the job itself must not cut its slot short.
    fn covers(&self, item: &Item, until: Time) -> bool {
        let length = Span(item.estimate_us);
        let less = |(need, shorter): &(Totals, Span)| {
            *shorter <= length && until + *shorter <= item.start && fits(need, &item.need)
        };
        self.0.iter().any(less)
    }

    /// A job has no slot that begins before `until`.
    fn note(&mut self, item: &Item, until: Time) {
        let length = Span(item.estimate_us);
        if until + length <= item.start && until != Time::NEVER {
            self.0.retain(|(need, other)| !(length <= *other && fits(&item.need, need)));
            self.0.push((item.need, length));
        }
    }
}

#[derive(Clone)]
struct Conservative {
    limits: Limits,
    /// No reservation is moved before this instant.
    next_look: Time,
    /// Starts that were reserved, the earliest on top; some do not stand any more.
    starts: BinaryHeap<Reverse<Reserved>>,
    /// Items without a reservation.
    without: Vec<u32>,
    sorted: bool,
    reserved: u64,
    /// Where tails were freed since reservations were last moved.
    freed: Stretch,
    /// Where reservations were taken back since: a job that was looked at before may gain by it.
    vacated: Stretch,
    in_vain: InVain,
    /// Scratch: jobs that others may make room for, and reservations that give way.
    pressing: Vec<u32>,
    lifted: Vec<(u32, Time)>,
    /// Scratch: who may have to give way, in the order of the queue, and whether that is out of date.
    yielding: Vec<Yielding>,
    moved: bool,
}

/// A reservation of a job that is less important than some that press.
#[derive(Clone, Copy)]
struct Yielding {
    start: Time,
    priority: i32,
    slot: u32,
}

impl Conservative {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            next_look: Time::ZERO,
            starts: BinaryHeap::new(),
            without: Vec::new(),
            sorted: true,
            reserved: 0,
            freed: Stretch::NONE,
            vacated: Stretch::NONE,
            in_vain: InVain::default(),
            pressing: Vec::new(),
            lifted: Vec::new(),
            yielding: Vec::new(),
            moved: true,
        }
    }

    /// Lifts jobs out and puts them back, one by one, where that can make a difference.
    fn compress(&mut self, desk: &mut Desk<'_>) {
        let now = desk.now();
        let mut where_free = core::mem::replace(&mut self.freed, Stretch::NONE);
        where_free.widen(core::mem::replace(&mut self.vacated, Stretch::NONE));
        where_free.from = where_free.from.max(now);
        let mut most = desk.room.most_within(where_free.from, where_free.to);
        let mut in_vain = core::mem::take(&mut self.in_vain);
        in_vain.0.clear();
        let mut cursor = Cursor::default();
        while let Some(slot) = match self.limits.order {
            BackfillOrder::Fifo => desk.line.next_ahead(&mut cursor),
            BackfillOrder::Shortest => desk.line.next_behind(&mut cursor),
        } {
            let item = *desk.line.item(slot);
            if item.start == Time::NEVER || item.start <= now {
                continue;
            }
            // Where the fleet is in sections, what is free in all says nothing.
            let has_rules = desk.has_rules();
            if !has_rules && (!fits(&item.need, &most) || in_vain.covers(&item, where_free.to)) {
                continue;
            }
            desk.pass.work.jobs += 1;
            let length = Span(item.estimate_us);
            // A slot that begins earlier ends before room was freed; one that begins later is no better than before.
            let after = Time(where_free.from.0.saturating_sub(item.estimate_us)).max(now);
            let until = where_free.to.min(item.start);
            let is_vain = desk.room.earliest_within((after, until), length, &item.need, item.start) == Time::NEVER;
            if is_vain && !has_rules {
                in_vain.note(&item, where_free.to);
                continue;
            }
            desk.lift(slot);
            let start = self.slot_of(desk, slot, now);
            self.put_off(desk, slot, start);
            if start != item.start {
                in_vain.0.clear();
                let vacated = Stretch { from: item.start, to: item.start + length };
                self.vacated.widen(vacated);
                where_free.widen(vacated);
                most = desk.room.most_within(where_free.from, where_free.to);
            }
        }
        self.in_vain = in_vain;
    }

    fn reserve(&mut self, desk: &mut Desk<'_>, slot: u32, start: Time) {
        desk.reserve(slot, start);
        let Item { key, task, .. } = *desk.line.item(slot);
        self.starts.push(Reverse(Reserved { start, key, task, slot }));
        if self.starts.len() > 64 && self.starts.len() > 4 * desk.line.len() {
            self.starts.retain(|Reverse(reserved)| reserved.stands(desk.line));
        }
    }

    /// When an item may be reserved to start, not before `after`; [`Time::NEVER`] if not at all.
    fn slot_of(&self, desk: &Desk<'_>, slot: u32, after: Time) -> Time {
        let mut start = desk.earliest(slot, after);
        loop {
            let reserved = self.limits.reserved(desk.now(), start);
            if reserved == start || reserved == Time::NEVER {
                return reserved;
            }
            start = desk.earliest(slot, reserved);
        }
    }

    /// Gives reservations to jobs that have none, in the order of the queue.
    fn reserve_new(&mut self, desk: &mut Desk<'_>) {
        if !self.sorted {
            let line = &*desk.line;
            self.without.sort_unstable_by_key(|&slot| line.item(slot).ahead());
            self.sorted = true;
        }
        let mut without = core::mem::take(&mut self.without);
        without.retain(|&slot| {
            if self.reserved >= self.limits.depth {
                return true;
            }
            if desk.is_limited(slot) {
                return true;
            }
            desk.pass.work.jobs += 1;
            let start = self.slot_of(desk, slot, desk.now());
            if start == Time::NEVER {
                return true;
            }
            self.reserved += 1;
            self.reserve(desk, slot, start);
            false
        });
        self.without = without;
    }

    /// Starts every job whose reserved start has come. One that does not fit gets the next slot.
    fn start_due(&mut self, desk: &mut Desk<'_>) {
        let now = desk.now();
        while let Some(&Reverse(first)) = self.starts.peek()
            && first.start <= now
        {
            self.starts.pop();
            if !first.stands(desk.line) {
                continue;
            }
            let item = *desk.line.item(first.slot);
            let length = Span(item.estimate_us);
            if desk.is_limited(first.slot) {
                desk.lift(first.slot);
                self.vacated.widen(Stretch { from: now, to: item.start + length });
                self.put_off(desk, first.slot, Time::NEVER);
                continue;
            }
            if item.start < now {
                // Nobody could be asked at that instant: what is left of its slot may be too short.
                desk.lift(first.slot);
                let start = self.slot_of(desk, first.slot, now);
                self.vacated.widen(Stretch { from: now, to: item.start + length });
                self.put_off(desk, first.slot, start);
                continue;
            }
            if desk.start(first.slot) {
                self.reserved -= 1;
                continue;
            }
            desk.block(first.slot);
            desk.lift(first.slot);
            let mut start = self.slot_of(desk, first.slot, now);
            if start == now {
                start = self.slot_of(desk, first.slot, desk.next_change(first.slot));
            }
            self.vacated.widen(Stretch { from: now, to: item.start + length });
            self.put_off(desk, first.slot, start);
        }
    }

    /// Jobs that cannot start get room now from those that are less important.
    fn make_room(&mut self, desk: &mut Desk<'_>) {
        let Some(least) = desk.pass.least_priority() else { return };
        let mut pressing = core::mem::take(&mut self.pressing);
        pressing.clear();
        let mut cursor = Cursor::default();
        while let Some(slot) = desk.line.next_ahead(&mut cursor) {
            if desk.priority_of(slot) > least {
                pressing.push(slot);
            }
        }
        // Stable: among equals the order of the queue.
        pressing.sort_by_key(|&slot| Reverse(desk.priority_of(slot)));
        let most = pressing.first().map_or(i32::MIN, |&slot| desk.priority_of(slot));
        self.moved = true;
        for &slot in &pressing {
            if desk.is_limited(slot) {
                continue;
            }
            desk.pass.work.jobs += 1;
            // Its start may have come, and yet no node may have room for it.
            if desk.line.item(slot).start == desk.now() && desk.start(slot) {
                self.reserved -= 1;
                self.moved = true;
            } else {
                self.press(desk, slot, most);
            }
        }
        self.pressing = pressing;
    }

    /// Notes anew whose reservations may have to give way to a job of priority `most`, if some have changed.
    fn note_yielding(&mut self, desk: &Desk<'_>, most: i32) {
        if !core::mem::take(&mut self.moved) {
            return;
        }
        self.yielding.clear();
        let mut cursor = Cursor::default();
        while let Some(slot) = desk.line.next_ahead(&mut cursor) {
            let (start, priority) = (desk.line.item(slot).start, desk.priority_of(slot));
            if start != Time::NEVER && priority < most {
                self.yielding.push(Yielding { start, priority, slot });
            }
        }
    }

    /// One such job, none of a higher priority than `most`: it starts, or others make room for it, or everything is as
    /// before.
    fn press(&mut self, desk: &mut Desk<'_>, slot: u32, most: i32) {
        let (now, item) = (desk.now(), *desk.line.item(slot));
        let (end, priority) = (now + Span(item.estimate_us), desk.priority_of(slot));
        let mut lifted = core::mem::take(&mut self.lifted);
        lifted.clear();
        self.note_yielding(desk, most);
        desk.lift(slot);
        for other in self.yielding.iter().filter(|other| other.start < end && other.priority < priority) {
            desk.lift(other.slot);
            lifted.push((other.slot, other.start));
        }
        let has_slot = desk.earliest(slot, now) == now;
        if (has_slot && desk.start(slot)) || desk.preempt(slot) {
            // What those who leave would have held is free, and nobody has looked at it.
            self.freed.widen(Stretch { from: now, to: Time::NEVER });
            self.moved = true;
            if item.start == Time::NEVER {
                self.without.retain(|&other| other != slot);
            } else {
                self.reserved -= 1;
                self.vacated.widen(Stretch { from: item.start, to: item.start + Span(item.estimate_us) });
            }
            for &(other, before) in &lifted {
                let start = self.slot_of(desk, other, now);
                self.put_off(desk, other, start);
                if start != before {
                    let length = Span(desk.line.item(other).estimate_us);
                    self.vacated.widen(Stretch { from: before.max(now), to: before + length });
                }
            }
        } else {
            desk.reserve(slot, item.start);
            lifted.iter().for_each(|&(other, start)| desk.reserve(other, start));
        }
        self.lifted = lifted;
    }

    fn put_off(&mut self, desk: &mut Desk<'_>, slot: u32, start: Time) {
        if start == Time::NEVER {
            self.reserved -= 1;
            self.without.push(slot);
            self.sorted = false;
        } else {
            self.reserve(desk, slot, start);
        }
    }
}

impl Fill for Conservative {
    fn pass(&mut self, desk: &mut Desk<'_>) -> Option<Time> {
        let mut look = None;
        if !self.freed.is_none() {
            if desk.now() >= self.next_look {
                if self.limits.interval > Span::ZERO {
                    self.next_look = desk.now() + self.limits.interval;
                }
                self.compress(desk);
            } else {
                look = Some(self.next_look);
            }
        }
        self.reserve_new(desk);
        self.make_room(desk);
        self.start_due(desk);
        if self.reserved < self.limits.depth && !self.without.is_empty() {
            self.reserve_new(desk);
            self.start_due(desk);
        }
        if let Some(head) = desk.line.first() {
            desk.block(head);
        }
        while let Some(Reverse(first)) = self.starts.peek()
            && !first.stands(desk.line)
        {
            self.starts.pop();
        }
        let next = self.starts.peek().map(|Reverse(first)| first.start);
        next.into_iter().chain(look).min()
    }

    fn joined(&mut self, _line: &Line, slot: u32) {
        self.without.push(slot);
        self.sorted = false;
    }

    fn withdrawn(&mut self, slot: u32, is_reserved: bool) {
        if is_reserved {
            self.reserved -= 1;
        } else {
            self.without.retain(|&other| other != slot);
        }
    }

    fn freed(&mut self, now: Time, due: Time) {
        self.freed.widen(Stretch { from: now, to: due });
    }

    fn habits(&self) -> Habits {
        Habits { each_task: true, ..Habits::default() }
    }

    fn behind(&self, estimate_us: u64) -> u64 {
        self.limits.behind(estimate_us)
    }

    fn copy(&self) -> Box<dyn Fill> {
        Box::new(self.clone())
    }
}
