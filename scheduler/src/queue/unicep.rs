//! UNICEP: `-wait / (log2(processors) x request)`, the smallest first: narrow, short jobs that have waited long.
//!
//! Wait and processors are raised by 1e-15, as the loop does that published the comparison, so that a job of one
//! processor divides by nearly nothing and not by zero: with any true wait it comes before all wider jobs.
//! `unicep-rl` is the order of that loop itself, where the wait of a queued job is always -1 - submit.

use alloc::boxed::Box;

use super::order::rising;
use super::{Aging, Fixed, Queue, Waiter};

pub(super) const ENTRY: Queue = Queue {
    name: "unicep",
    aliases: &[],
    summary: "-wait / (log2(processors) x estimate), smallest first",
    options: &[],
    source: "Tang, Lan, Desai, Buettner, Cluster 2009, as RLScheduler (SC 2020) writes it",
    build: |_| Box::new(Aging(|waiter, sight| rising(score(waiter, waiter.wait_s(sight.now))))),
};

pub(super) const AS_COMPARED: Queue = Queue {
    name: "unicep-rl",
    aliases: &[],
    summary: "unicep with the wait -1 - submission, as studies of learning schedulers compute it",
    options: &[],
    source: "RLScheduler (Zhang et al., SC 2020)",
    build: |_| Box::new(Fixed(|waiter| rising(score(waiter, -1.0 - waiter.submit_s())))),
};

const LITTLE: f64 = 1e-15;

fn score(waiter: &Waiter, wait_s: f64) -> f64 {
    -(wait_s + LITTLE) / (libm::log2(waiter.procs() + LITTLE) * waiter.request_s())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Time};

    #[test]
    fn the_score_is_the_published_function() {
        let (submit, estimate) = (Time::ZERO, Some(Span::from_seconds(50)));
        let waiter = Waiter { submit, estimate, cpu_milli: 4_000, ..Waiter::default() };
        assert!((score(&waiter, 100.0) - -1.0).abs() < 1e-9);
        let alone = Waiter { cpu_milli: 1_000, ..waiter };
        assert!(score(&alone, 1.0) < score(&waiter, 1e6));
        assert!(score(&alone, -1.0) > score(&waiter, -1e6));
    }
}
