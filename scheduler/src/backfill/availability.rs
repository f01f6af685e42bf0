//! What the open nodes together will have free, lane by lane, if every task ends when it is believed to.
//!
//! Exact where a job fits whenever its lanes fit in all: on a pool, and for gangs of one lane on equal nodes. Elsewhere
//! it is an upper bound, and whether a job really fits is asked node by node when it is to start.

use super::profile::Profile;
use crate::resources::{LANES, Resources, Totals};
use crate::time::{Span, Time};

/// The free room of the fleet over time.
#[derive(Clone, Default)]
pub struct Availability {
    lanes: [Profile; LANES],
}

impl Availability {
    /// Room is taken from `from` until `to`.
    pub fn hold(&mut self, from: Time, to: Time, room: &Totals) {
        for (lane, profile) in self.lanes.iter_mut().enumerate() {
            profile.add(from.0, to.0, -signed(room.0[lane]));
        }
    }

    /// What [`Availability::hold`] took is given back, or a part of its span.
    pub fn free(&mut self, from: Time, to: Time, room: &Totals) {
        for (lane, profile) in self.lanes.iter_mut().enumerate() {
            profile.add(from.0, to.0, signed(room.0[lane]));
        }
    }

    /// A node joined.
    pub fn grow(&mut self, now: Time, capacity: &Resources) {
        self.free(now, Time::NEVER, &times(capacity, 1));
    }

    /// A node is gone; what ran there is given back task by task.
    pub fn shrink(&mut self, now: Time, capacity: &Resources) {
        self.hold(now, Time::NEVER, &times(capacity, 1));
    }

    /// The earliest instant, not before `after`, from which there is room for `length`; [`Time::NEVER`] if never.
    #[must_use]
    pub fn earliest(&self, after: Time, length: Span, need: &Totals) -> Time {
        self.earliest_within((after, Time::NEVER), length, need, Time::NEVER)
    }

    /// The same if it has to lie before `until`, and if room up to `limit` is enough.
    #[must_use]
    pub fn earliest_within(&self, (after, until): (Time, Time), length: Span, need: &Totals, limit: Time) -> Time {
        let mut start = after.0;
        loop {
            let tried = start;
            for (lane, profile) in self.lanes.iter().enumerate() {
                if need.0[lane] > 0 {
                    match profile.earliest_within((start, until.0), length.0, signed(need.0[lane]), limit.0) {
                        Some(found) => start = found,
                        None => return Time::NEVER,
                    }
                }
            }
            if start == tried {
                return Time(start);
            }
        }
    }

    /// The most of each lane that is free at any instant from `from` until `to`.
    #[must_use]
    pub fn most_within(&self, from: Time, to: Time) -> Totals {
        let mut most = Totals::default();
        for (lane, profile) in self.lanes.iter().enumerate() {
            most.0[lane] = u64::try_from(profile.most_within(from.0, to.0)).unwrap_or(0);
        }
        most
    }

    /// How many tasks that need `unit` each can be there all the time from `from` until `to`.
    #[must_use]
    pub fn times_within(&self, unit: &Resources, from: Time, to: Time) -> u32 {
        let mut count = u32::MAX;
        for (lane, profile) in self.lanes.iter().enumerate().filter(|(lane, _)| unit.0[*lane] > 0) {
            let least = u64::try_from(profile.least_within(from.0, to.0)).unwrap_or(0);
            count = count.min(u32::try_from(least / u64::from(unit.0[lane])).unwrap_or(u32::MAX));
        }
        count
    }

    /// The first instant after `after` at which something changes; [`Time::NEVER`] if nothing does.
    #[must_use]
    pub fn next_change(&self, after: Time) -> Time {
        let changes = self.lanes.iter().filter_map(|profile| profile.next_step(after.0));
        Time(changes.min().unwrap_or(u64::MAX))
    }

    /// What is free at an instant beyond `need`, in each lane; nothing where that is less than none.
    #[must_use]
    pub fn beyond(&self, at: Time, need: &Totals) -> Totals {
        let mut spare = Totals::default();
        for (lane, profile) in self.lanes.iter().enumerate() {
            let free = u64::try_from(profile.at(at.0)).unwrap_or(0);
            spare.0[lane] = free.saturating_sub(need.0[lane]);
        }
        spare
    }

    /// Forgets what was before `now`.
    pub fn forget_before(&mut self, now: Time) {
        for profile in &mut self.lanes {
            profile.forget_before(now.0);
        }
    }
}

/// Amounts are sums of 32-bit lanes, far below the largest.
fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// `count` rows in all.
#[must_use]
pub fn times(row: &Resources, count: u32) -> Totals {
    let mut totals = Totals::default();
    totals.add(row, u64::from(count));
    totals
}

/// True if every lane of `need` is at most that of `room`.
#[must_use]
pub fn fits(need: &Totals, room: &Totals) -> bool {
    need.0.iter().zip(&room.0).all(|(need, room)| need <= room)
}
