//! WFP3: `-(wait / request)^3 x processors`, the smallest first: wide jobs that have waited long for their length.
//!
//! `wfp3` takes the true wait, so the order changes while jobs wait. `wfp3-rl` is the order of the loop in which
//! learning schedulers are compared: there the wait of a queued job is always -1 - submit, in seconds, so that the
//! order is fixed on arrival.

use alloc::boxed::Box;

use super::order::rising;
use super::{Aging, Fixed, Queue, Waiter};

pub(super) const ENTRY: Queue = Queue {
    name: "wfp3",
    aliases: &[],
    summary: "-(wait / estimate)^3 x processors, smallest first",
    options: &[],
    source: "Tang, Lan, Desai, Buettner, Cluster 2009",
    build: |_| Box::new(Aging(|waiter, sight| rising(score(waiter, waiter.wait_s(sight.now))))),
};

pub(super) const AS_COMPARED: Queue = Queue {
    name: "wfp3-rl",
    aliases: &[],
    summary: "wfp3 with the wait -1 - submission, as studies of learning schedulers compute it",
    options: &[],
    source: "RLScheduler (Zhang et al., SC 2020)",
    build: |_| Box::new(Fixed(|waiter| rising(score(waiter, -1.0 - waiter.submit_s())))),
};

fn score(waiter: &Waiter, wait_s: f64) -> f64 {
    -libm::pow(wait_s / waiter.request_s(), 3.0) * waiter.procs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Time};

    #[test]
    fn the_score_is_the_published_function() {
        let (submit, estimate) = (Time::ZERO, Some(Span::from_seconds(50)));
        let waiter = Waiter { submit, estimate, cpu_milli: 4_000, ..Waiter::default() };
        assert!((score(&waiter, 100.0) - -32.0).abs() < 1e-12);
        assert!((score(&waiter, -1.0) - 4.0 / 125_000.0).abs() < 1e-12);
    }
}
