//! Head-only: backfilling as studies that train schedulers simulate it.
//!
//! The first job of the order is picked, and blocks until it starts, whoever joins the queue meanwhile. When it
//! blocks, its shadow time is computed from the requests of running jobs, once. After each event, others that fit
//! start in the order of submission if they end, by their request, before the shadow time.
//!
//! Unlike EASY: the head is not chosen anew at every event; the shadow time does not come nearer when jobs end early;
//! a job that would end exactly at the shadow time waits; there are no extra processors; events of one instant are
//! taken one by one, submissions first, whatever `model.instant` says; and a job counts as running until it has ended.

use alloc::boxed::Box;

use super::line::Cursor;
use super::{Backfill, Desk, Fill, Habits, LIMITS, Limits};
use crate::time::{Span, Time};

pub(super) const ENTRY: Backfill = Backfill {
    name: "head-only",
    summary: "the head keeps the reservation it got when it blocked; what ends before it may start",
    options: LIMITS,
    source: "the loop of RLScheduler (Zhang et al., SC 2020)",
    build: |config| Some(Box::new(HeadOnly { limits: Limits::of(config), next_look: Time::ZERO, head: None })),
};

#[derive(Clone)]
struct HeadOnly {
    limits: Limits,
    /// No look behind the head before this instant.
    next_look: Time,
    /// Who blocks: the slot of the item, its task, and its shadow time.
    head: Option<(u32, u64, Time)>,
}

impl Fill for HeadOnly {
    fn pass(&mut self, desk: &mut Desk<'_>) -> Option<Time> {
        let (head, shadow) = loop {
            let (slot, known) = match self.head {
                Some((slot, task, shadow)) if desk.line.holds(slot, task) => (slot, Some(shadow)),
                _ => (desk.line.first()?, None),
            };
            if !desk.start(slot) {
                break (slot, known.unwrap_or_else(|| self.limits.reserved(desk.now(), desk.shadow_of(slot))));
            }
            self.head = None;
        };
        self.head = Some((head, desk.line.item(head).task, shadow));
        desk.block(head);
        if desk.now() < self.next_look {
            return Some(self.next_look);
        }
        if self.limits.interval > Span::ZERO {
            self.next_look = desk.now() + self.limits.interval;
        }
        self.look_behind(desk, head, shadow);
        None
    }

    fn habits(&self) -> Habits {
        Habits { one_event: true, ..Habits::default() }
    }

    fn behind(&self, estimate_us: u64) -> u64 {
        self.limits.behind(estimate_us)
    }

    fn copy(&self) -> Box<dyn Fill> {
        Box::new(self.clone())
    }
}

impl HeadOnly {
    fn look_behind(&self, desk: &mut Desk<'_>, head: u32, shadow: Time) {
        let mut cursor = Cursor::default();
        let mut looked = 0;
        while looked < self.limits.depth
            && let Some(slot) = desk.line.next_behind(&mut cursor)
        {
            if slot == head {
                continue;
            }
            looked += 1;
            let mut left = desk.line.item(slot).count;
            while left > 0 && desk.end_of(slot) < shadow && desk.start(slot) {
                left -= 1;
            }
        }
    }
}
