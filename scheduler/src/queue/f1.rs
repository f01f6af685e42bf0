//! F1: `log10(request) x processors + 870 x log10(submit)`, times in seconds; the smallest first.
//!
//! The function was fitted on simulated schedules for the bounded slowdown. It favours what is short, narrow and early;
//! the older the run's clock, the less it ages. A request or a submission at 0 counts as a tenth of a second.

use alloc::boxed::Box;

use super::order::rising;
use super::{Fixed, Queue, Waiter};

pub(super) const ENTRY: Queue = Queue {
    name: "f1",
    aliases: &[],
    summary: "log10(estimate) x processors + 870 x log10(submission), smallest first",
    options: &[],
    source: "Carastan-Santos, de Camargo, SC 2017",
    build: |_| Box::new(Fixed(|waiter| rising(score(waiter)))),
};

fn positive(seconds: f64) -> f64 {
    if seconds > 0.0 { seconds } else { 0.1 }
}

fn score(waiter: &Waiter) -> f64 {
    let (request, submit) = (positive(waiter.request_s()), positive(waiter.submit_s()));
    libm::log10(request) * waiter.procs() + 870.0 * libm::log10(submit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Time};

    #[test]
    fn the_score_is_the_published_function() {
        let waiter = Waiter {
            submit: Time::ZERO + Span::from_seconds(1_000),
            estimate: Some(Span::from_seconds(100)),
            cpu_milli: 8_000,
            ..Waiter::default()
        };
        assert!((score(&waiter) - (2.0 * 8.0 + 870.0 * 3.0)).abs() < 1e-9);
    }
}
