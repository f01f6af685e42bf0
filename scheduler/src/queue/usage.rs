//! What teams have used of late: millicores times seconds, halved with every half-life.

use alloc::vec::Vec;

use crate::id::RoleId;
use crate::time::{Span, Time};

use super::order::seconds;

/// One team.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// Decayed use up to `at`.
    sum: f64,
    at: Time,
    /// What it holds since then, in millicores.
    holds_milli: i64,
}

/// The decayed use of all teams.
#[derive(Clone, Debug)]
pub struct Usage {
    half_life: Span,
    roles: Vec<Used>,
    all: Used,
}

impl Used {
    /// Decayed use up to `now`: the sum so far decays, and what is held adds the integral of its own decay.
    fn at(&self, now: Time, half_life: Span) -> f64 {
        let (passed, held) = (seconds(now.since(self.at)), self.holds_milli as f64);
        if half_life == Span::FOREVER {
            return self.sum + held * passed;
        }
        let life = seconds(half_life);
        let left = libm::exp2(-passed / life);
        self.sum * left + held * life / core::f64::consts::LN_2 * (1.0 - left)
    }

    fn change(&mut self, now: Time, half_life: Span, change_milli: i64) {
        self.sum = self.at(now, half_life);
        self.at = now;
        self.holds_milli += change_milli;
    }
}

impl Usage {
    /// Nothing used yet. A half-life of [`Span::FOREVER`] forgets nothing.
    #[must_use]
    pub fn new(half_life: Span) -> Self {
        Self { half_life, roles: Vec::new(), all: Used::default() }
    }

    /// From now on a team holds so many millicores more, or less.
    pub fn holds(&mut self, now: Time, role: RoleId, change_milli: i64) {
        let at = usize::from(role.0);
        if at >= self.roles.len() {
            self.roles.resize(at + 1, Used::default());
        }
        self.roles[at].change(now, self.half_life, change_milli);
        self.all.change(now, self.half_life, change_milli);
    }

    /// What a team has used, in millicore-seconds of decayed value.
    #[must_use]
    pub fn of(&self, now: Time, role: RoleId) -> f64 {
        self.roles.get(usize::from(role.0)).map_or(0.0, |used| used.at(now, self.half_life))
    }

    /// The part of all use that a team's is; 0 while nothing is used.
    #[must_use]
    pub fn share(&self, now: Time, role: RoleId) -> f64 {
        let all = self.all.at(now, self.half_life);
        if all > 0.0 { self.of(now, role) / all } else { 0.0 }
    }

    /// How many teams have been seen.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.roles.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_seconds(seconds)
    }

    #[test]
    fn use_is_halved_with_every_half_life() {
        let mut usage = Usage::new(Span::from_seconds(100));
        usage.holds(at(0), RoleId(0), 1_000);
        usage.holds(at(1), RoleId(0), -1_000);
        let first = usage.of(at(1), RoleId(0));
        assert!((first - 996.5).abs() < 1.0, "{first}");
        assert!((usage.of(at(101), RoleId(0)) - first / 2.0).abs() < 1e-9);
        assert!((usage.of(at(301), RoleId(0)) - first / 8.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_held_for_ever_tends_to_its_rate_times_the_mean_life() {
        let mut usage = Usage::new(Span::from_seconds(10));
        usage.holds(at(0), RoleId(1), 500);
        let limit = 500.0 * 10.0 / core::f64::consts::LN_2;
        assert!((usage.of(at(10_000), RoleId(1)) - limit).abs() < 1e-6);
        assert!((usage.share(at(7), RoleId(1)) - 1.0).abs() < 1e-12);
        assert_eq!(usage.share(at(7), RoleId(0)), 0.0);
    }

    #[test]
    fn without_decay_it_is_a_plain_sum() {
        let mut usage = Usage::new(Span::FOREVER);
        usage.holds(at(5), RoleId(0), 2_000);
        usage.holds(at(9), RoleId(0), -1_000);
        assert!((usage.of(at(10), RoleId(0)) - 9_000.0).abs() < 1e-9);
    }
}
