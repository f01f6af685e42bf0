//! Multifactor priority: a weighted sum of factors between 0 and 1, the largest first.
//!
//! `age x min(1, wait / max_age) + size x processors / all processors + fair_share x 2^(-use / share) + partition x f +
//! qos x q + job x p`, where f and q are the priorities of the job's partition and quality of service, each over the
//! highest of all; use is the team's part of all decayed use, share is one team's part (all teams are equal), and p is
//! the job's own priority as it stands (Slurm's site factor). With `favor_small` the size factor is 1 minus the above.
//! As in Slurm, the sum is a whole number: the fraction is cut off, and what is below 0 is 0.

use alloc::boxed::Box;

use super::fair_share::{HALF_LIFE, half_life};
use super::usage::Usage;
use super::{Order, Queue, Sight, Waiter};
use crate::config::Config;
use crate::id::RoleId;
use crate::registry::OptionNote;
use crate::time::{Span, Time};

use super::order::seconds;

const fn weight(name: &'static str, default: &'static str, meaning: &'static str) -> OptionNote {
    OptionNote { name, default, meaning }
}

pub(super) const ENTRY: Queue = Queue {
    name: "multifactor",
    aliases: &[],
    summary: "age, size, fair share and the job's own priority, weighted",
    options: &[
        weight("age", "1000", "weight of the wait (Slurm: PriorityWeightAge)"),
        weight("max_age", "7d", "a job that waits longer gains nothing more (Slurm: PriorityMaxAge)"),
        weight("size", "1000", "weight of the part of all processors asked for (Slurm: PriorityWeightJobSize)"),
        weight("favor_small", "false", "whether the size counts for small jobs (Slurm: PriorityFavorSmall)"),
        weight("fair_share", "10000", "weight of the fair-share factor (Slurm: PriorityWeightFairshare)"),
        weight("partition", "0", "weight of the partition's priority (Slurm: PriorityWeightPartition)"),
        weight("qos", "0", "weight of the priority of the quality of service (Slurm: PriorityWeightQOS)"),
        weight("job", "1", "weight of the job's own priority"),
        HALF_LIFE,
    ],
    source: "Slurm priority/multifactor",
    build: |config| Box::new(Multifactor::new(config)),
};

#[derive(Clone)]
struct Multifactor {
    age: f64,
    max_age: Span,
    size: f64,
    favor_small: bool,
    fair_share: f64,
    partition: f64,
    qos: f64,
    job: f64,
    usage: Usage,
}

impl Multifactor {
    fn new(config: &Config) -> Self {
        let number = |name: &str, default: f64| config.queue.number(name).unwrap_or(default);
        Self {
            age: number("age", 1_000.0),
            max_age: config.queue.span("max_age").unwrap_or(Span::from_seconds(7 * 86_400)),
            size: number("size", 1_000.0),
            favor_small: config.queue.flag("favor_small").unwrap_or(false),
            fair_share: number("fair_share", 10_000.0),
            partition: number("partition", 0.0),
            qos: number("qos", 0.0),
            job: number("job", 1.0),
            usage: Usage::new(half_life(config)),
        }
    }

    fn priority(&self, waiter: &Waiter, sight: &Sight) -> f64 {
        let max_age = seconds(self.max_age);
        let age = if max_age > 0.0 { (waiter.wait_s(sight.now) / max_age).min(1.0) } else { 1.0 };
        let part = (waiter.cpu_milli as f64 / (sight.cpu_milli.max(1)) as f64).min(1.0);
        let size = if self.favor_small { 1.0 - part } else { part };
        let share = 1.0 / self.usage.roles().max(1) as f64;
        let fair_share = libm::exp2(-self.usage.share(sight.now, waiter.role) / share);
        let terms = self.partition * f64::from(waiter.partition) + self.qos * f64::from(waiter.qos);
        let own = self.job * f64::from(waiter.priority);
        self.age * age + self.size * size + self.fair_share * fair_share + terms + own
    }
}

impl Order for Multifactor {
    fn key(&self, waiter: &Waiter, sight: &Sight) -> u64 {
        // A float to an integer cuts the fraction off and stops at both ends.
        u64::MAX - self.priority(waiter, sight) as u64
    }

    fn ages(&self) -> bool {
        true
    }

    fn holds(&mut self, now: Time, role: RoleId, change_milli: i64) {
        self.usage.holds(now, role, change_milli);
    }

    fn copy(&self) -> Box<dyn Order> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_add_up() {
        let mut order = Multifactor::new(&Config::default());
        let day = Span::from_seconds(86_400);
        let waiter = Waiter { cpu_milli: 25_000, priority: 40, ..Waiter::default() };
        let sight = Sight { now: Time::ZERO + day, cpu_milli: 100_000 };
        // Nothing used: the fair-share factor is whole.
        let nothing_used = 1_000.0 / 7.0 + 250.0 + 10_000.0 + 40.0;
        assert!((order.priority(&waiter, &sight) - nothing_used).abs() < 1e-6);
        order.partition = 300.0;
        order.qos = 50.0;
        let preferred = Waiter { partition: 0.5, qos: 1.0, ..waiter };
        assert!((order.priority(&preferred, &sight) - nothing_used - 200.0).abs() < 1e-6);
        order.holds(Time::ZERO, RoleId(0), 1_000);
        order.holds(Time::ZERO, RoleId(1), 3_000);
        // A quarter of the use, half of the shares: 2^(-1/2).
        let a_quarter = nothing_used - 10_000.0 * (1.0 - libm::exp2(-0.5));
        assert!((order.priority(&waiter, &sight) - a_quarter).abs() < 1e-6);
        let old = Sight { now: Time::ZERO + Span(day.0 * 70), ..sight };
        assert!((order.priority(&waiter, &old) - a_quarter - 1_000.0 * 6.0 / 7.0).abs() < 1e-6);
    }
}
