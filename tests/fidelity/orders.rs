//! What is true of every order of the queue, whatever the jobs.

use proptest::prelude::*;
use windtunnel_scheduler::config::{Choice, Config, Instant};
use windtunnel_scheduler::queue::QUEUES;
use windtunnel_traces::read::Input;
use windtunnel_traces::transform::Estimate;

use super::{replay_input, strict};

/// A log of jobs: submission, run time, processors.
fn log(jobs: &[(u64, u64, u32)]) -> Input {
    let mut text = String::from("; MaxProcs: 64\n");
    for (at, (submit, run, procs)) in jobs.iter().enumerate() {
        text += &format!("{} {submit} -1 {run} {procs} -1 -1 {procs} {run} -1 1 1 1 -1 1 -1 -1 -1\n", at + 1);
    }
    Input::bytes("jobs.swf", text.into_bytes())
}

fn ordered(queue: &str) -> Config {
    Config { queue: Choice::named(queue), ..strict(Instant::Batched) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Smith's rule on equal machines: with everybody there from the start and of one width, nothing beats the
    /// shortest first on the mean wait.
    #[test]
    fn shortest_first_waits_least(runs in proptest::collection::vec(1_u64..500, 2..40), machines in 1_u32..5) {
        let jobs: Vec<_> = runs.iter().map(|&run| (0, run, 4)).collect();
        let wait = |queue: &str| {
            let (_, outcome) = replay_input(log(&jobs), machines * 4, Estimate::AsGiven, ordered(queue));
            outcome.summary.number("wait_s.mean").expect("jobs started")
        };
        let least = wait("sjf");
        for queue in QUEUES {
            let other = wait(queue.name);
            prop_assert!(least <= other + 1e-9, "{}: {other} s, shortest first: {least} s", queue.name);
        }
    }

    /// Every job starts once, and not before it was handed in.
    #[test]
    fn nobody_starts_before_submission(
        jobs in proptest::collection::vec((0_u64..200, 1_u64..100, 1_u32..16), 1..40),
        backfill in prop::sample::select(vec!["none", "easy", "conservative"]),
    ) {
        let mut jobs = jobs;
        jobs.sort_unstable();
        for queue in QUEUES {
            let config = Config { backfill: Choice::named(backfill), ..ordered(queue.name) };
            let (rows, _) = replay_input(log(&jobs), 16, Estimate::AsGiven, config);
            prop_assert_eq!(rows.starts.len(), jobs.len());
            for &(job, start) in &rows.starts {
                let submit = jobs[job as usize - 1].0 * 1_000_000;
                prop_assert!(submit <= start, "{}: job {job} starts at {start}, before {submit}", queue.name);
            }
        }
    }
}
