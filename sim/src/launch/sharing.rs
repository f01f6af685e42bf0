//! Processor sharing in exact integers: all that is going on gets an equal part of a rate, each at most so much.
//!
//! Virtual time is the work that one of them has got: work is counted in bytes times microseconds a second, so that a
//! microsecond at a rate in bytes a second is a whole number; what does not divide by their number is carried over.

use std::collections::BTreeMap;

use windtunnel_scheduler::time::{Span, Time};

/// Units of work in a byte: a rate of a byte a second gives one in a microsecond.
const PER_BYTE: u128 = 1_000_000;

/// Everything that shares a rate.
#[derive(Clone, Debug)]
pub struct Sharing<K> {
    /// Bytes a second for all; 0: any number.
    rate: u64,
    /// Bytes a second for one; 0: any number.
    each: u64,
    /// Work that each has got so far.
    served: u128,
    /// Work that was given out and could not be divided evenly.
    carry: u128,
    since: Time,
    /// When each has got all it needs, in work; ties go to the lower key.
    targets: BTreeMap<(u128, K), ()>,
    of_key: BTreeMap<K, u128>,
}

impl<K: Copy + Ord> Sharing<K> {
    /// Nothing is going on. At least one of the two rates should be above 0.
    #[must_use]
    pub fn new(rate: u64, each: u64) -> Self {
        Self { rate, each, served: 0, carry: 0, since: Time::ZERO, targets: BTreeMap::new(), of_key: BTreeMap::new() }
    }

    /// True if the limit of each is what counts, not the part of all.
    fn is_limited(&self) -> bool {
        let count = self.targets.len() as u128;
        self.rate == 0 || self.each > 0 && u128::from(self.each) * count <= u128::from(self.rate)
    }

    fn settle(&mut self, now: Time) {
        let span = u128::from(now.since(self.since).0);
        self.since = now;
        let count = self.targets.len() as u128;
        if count == 0 || span == 0 {
            return;
        }
        if self.is_limited() {
            self.served += u128::from(self.each) * span;
        } else {
            let given = self.carry + u128::from(self.rate) * span;
            self.served += given / count;
            self.carry = given % count;
        }
    }

    /// `bytes` more are to be got, from `now` on.
    pub fn add(&mut self, key: K, bytes: u64, now: Time) {
        self.settle(now);
        let target = self.served + u128::from(bytes) * PER_BYTE;
        self.targets.insert((target, key), ());
        self.of_key.insert(key, target);
    }

    /// It is broken off.
    pub fn remove(&mut self, key: K, now: Time) {
        self.settle(now);
        if let Some(target) = self.of_key.remove(&key) {
            self.targets.remove(&(target, key));
        }
    }

    /// When the next is done, if nothing changes: the first whole microsecond at which it has got everything.
    #[must_use]
    pub fn earliest(&self) -> Option<Time> {
        let (&(target, _), ()) = self.targets.first_key_value()?;
        let left = target.saturating_sub(self.served);
        let span = if self.is_limited() {
            left.div_ceil(u128::from(self.each.max(1)))
        } else {
            (left * self.targets.len() as u128).saturating_sub(self.carry).div_ceil(u128::from(self.rate))
        };
        Some(self.since + Span(u64::try_from(span).unwrap_or(u64::MAX)))
    }

    /// The next that is done by `now`.
    pub fn pop(&mut self, now: Time) -> Option<K> {
        if self.earliest()? > now {
            return None;
        }
        self.settle(now);
        let ((_, key), ()) = self.targets.pop_first()?;
        self.of_key.remove(&key);
        Some(key)
    }

    /// How many are going on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// True if nothing is going on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}
