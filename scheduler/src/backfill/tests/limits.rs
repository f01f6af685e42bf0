//! How far ahead, and on which instants, starts are reserved: worked out by hand.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::shape::{Job, Machine, drive, filled};
use crate::config::{Config, Instant, Setting};

fn job(submit: u64, estimate: u64, procs: u64) -> Job {
    Job { submit, estimate, run: estimate, procs }
}

/// The starts on a pool of ten processors, in seconds, with an option of conservative backfilling.
fn starts(jobs: &[Job], option: &str, value: &str) -> Vec<u64> {
    let mut config: Config = filled("conservative", Instant::Batched);
    config.backfill.options.insert(option.to_string(), Setting::Text(value.to_string()));
    drive(&config, jobs, Machine::Pool)
}

#[test]
fn what_lies_beyond_the_window_is_not_reserved() {
    // One processor is free until the first job ends at 10; all ten are wanted then, nine seconds ahead.
    let jobs = [job(0, 10, 9), job(1, 5, 10), job(2, 20, 1)];
    assert_eq!(starts(&jobs, "window", "9s"), [0, 10, 15], "the third may not be in the way");
    assert_eq!(starts(&jobs, "window", "8s"), [0, 10, 15], "when the third comes, it is eight seconds ahead");
    assert_eq!(starts(&jobs, "window", "7s"), [0, 22, 2], "nothing is reserved yet that it could be in the way of");
    // Had the third come a second later, it would have been too late.
    let jobs = [job(0, 10, 9), job(1, 5, 10), job(3, 20, 1)];
    assert_eq!(starts(&jobs, "window", "7s"), [0, 10, 15]);
}

#[test]
fn reserved_starts_are_put_off_to_the_next_multiple() {
    let jobs = [job(0, 7, 10), job(1, 4, 10), job(2, 2, 10)];
    assert_eq!(starts(&jobs, "resolution", "1s"), [0, 7, 11]);
    assert_eq!(starts(&jobs, "resolution", "5s"), [0, 10, 15], "from 7 to 10, from 14 to 15");
    // Whoever can start at once need not wait for a multiple.
    let jobs = [job(0, 7, 9), job(1, 4, 1)];
    assert_eq!(starts(&jobs, "resolution", "5s"), [0, 1]);
}
