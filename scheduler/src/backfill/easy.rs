//! EASY: only the head holds a reservation, and whatever does not delay it may start.
//!
//! The head fits, by what running jobs requested, at the shadow time. A later job that fits now may start if it ends,
//! by its request, no later than that, or takes no more than what is left over then: the extra processors, counted
//! after all releases of that instant. One that ends later uses them up.
//!
//! Bad when estimates are poor in both directions, and for wide jobs behind the head, which nothing protects. Several
//! tasks of one job stand in line as one and are started one by one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::line::Cursor;
use super::{Backfill, Desk, Fill, LIMITS, Limits, fits};
use crate::time::{Span, Time};

pub(super) const ENTRY: Backfill = Backfill {
    name: "easy",
    summary: "the head holds a reservation; whatever does not delay it may start",
    options: LIMITS,
    source: "Lifka 1995; Mu'alem, Feitelson 2001",
    build: |config| Some(Box::new(Easy { limits: Limits::of(config), next_look: Time::ZERO })),
};

#[derive(Clone)]
struct Easy {
    limits: Limits,
    /// No look behind the head before this instant.
    next_look: Time,
}

impl Fill for Easy {
    fn pass(&mut self, desk: &mut Desk<'_>) -> Option<Time> {
        if desk.has_rules() {
            return self.pass_by_rules(desk);
        }
        let head = loop {
            let first = desk.line.first()?;
            if !desk.start_or_preempt(first) {
                break first;
            }
        };
        desk.block(head);
        if desk.line.len() == 1 && desk.line.item(head).count == 1 {
            return None;
        }
        if let Some(later) = self.looks_later(desk.now()) {
            return Some(later);
        }
        self.look_behind(desk, head);
        None
    }

    fn behind(&self, estimate_us: u64) -> u64 {
        self.limits.behind(estimate_us)
    }

    fn copy(&self) -> Box<dyn Fill> {
        Box::new(self.clone())
    }
}

impl Easy {
    /// When the next look behind the head is due; None if now.
    fn looks_later(&mut self, now: Time) -> Option<Time> {
        if now < self.next_look {
            return Some(self.next_look);
        }
        if self.limits.interval > Span::ZERO {
            self.next_look = now + self.limits.interval;
        }
        None
    }

    /// The same where there are partitions: the first job of each that does not fit holds a reservation, and a later
    /// one may start wherever it delays none of them. Who reaches a limit is passed over.
    fn pass_by_rules(&mut self, desk: &mut Desk<'_>) -> Option<Time> {
        let mut heads: Vec<u32> = Vec::new();
        let mut cursor = Cursor::default();
        while let Some(slot) = desk.line.next_ahead(&mut cursor) {
            let route = desk.line.item(slot).route;
            if heads.iter().any(|&head| desk.line.item(head).route == route) || desk.is_limited(slot) {
                continue;
            }
            // As without partitions: only who stands first makes room.
            if start_many(desk, slot, true) || desk.is_limited(slot) {
                continue;
            }
            desk.block(slot);
            let shadow = self.limits.reserved(desk.now(), desk.shadow_of(slot));
            desk.reserve(slot, shadow);
            heads.push(slot);
        }
        let later = if heads.is_empty() { None } else { self.looks_later(desk.now()) };
        if later.is_none() {
            let mut cursor = Cursor::default();
            let mut looked = 0;
            while looked < self.limits.depth
                && let Some(slot) = desk.line.next_behind(&mut cursor)
            {
                if !heads.contains(&slot) && !desk.is_limited(slot) {
                    looked += 1;
                    start_many(desk, slot, false);
                }
            }
        }
        for head in heads {
            desk.lift(head);
        }
        later
    }

    fn look_behind(&self, desk: &mut Desk<'_>, head: u32) {
        let shadow = self.limits.reserved(desk.now(), desk.shadow_of(head));
        let mut extra = desk.room.beyond(shadow, &desk.line.item(head).need);
        let mut cursor = Cursor::default();
        let mut looked = 0;
        while looked < self.limits.depth
            && let Some(slot) = desk.line.next_behind(&mut cursor)
        {
            if slot == head {
                continue;
            }
            looked += 1;
            let need = desk.line.item(slot).need;
            let ends_in_time = desk.end_of(slot) <= shadow;
            let mut left = desk.line.item(slot).count;
            while left > 0 && (ends_in_time || fits(&need, &extra)) && desk.start(slot) {
                left -= 1;
                if !ends_in_time {
                    for (extra, need) in extra.0.iter_mut().zip(&need.0) {
                        *extra -= need;
                    }
                }
            }
        }
    }
}

/// Starts as many tasks of an item as may start, or as others make room for; true if that is all.
fn start_many(desk: &mut Desk<'_>, slot: u32, by_force: bool) -> bool {
    let mut left = desk.line.item(slot).count;
    while left > 0 && if by_force { desk.start_or_preempt(slot) } else { desk.start(slot) } {
        left -= 1;
    }
    left == 0
}
