//! Runs in memory: one experiment, or many side by side. What every command that starts runs is made of.
//!
//! Nothing is written here: rows go to the recorder of the caller ([`Discard`](windtunnel_outcome::recorder::Discard)
//! if nobody wants them), numbers come back.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use windtunnel_outcome::{Outcome, Recorder};
use windtunnel_scheduler::Scheduler;
use windtunnel_sim::experiment::Experiment;
use windtunnel_sim::{OnProgress, SimError};

use crate::failure::Failure;
use crate::progress::{Interrupt, Tally, Whole};
use crate::resolve::Resolved;
use crate::tool::Tool;
use crate::windows;

/// Runs a scenario once, all its windows if it has some, and adds to the numbers what only the scenario knows.
/// [`Recorder::finish`] is left to the caller.
///
/// # Errors
/// If a workload cannot be read, the scheduler is at fault, or `on_progress` broke off.
pub fn once(
    tool: &Tool,
    resolved: &Resolved,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Outcome, Failure> {
    let mut scheduler = tool.build(&resolved.scenario.scheduler.implementation)?;
    with(tool, resolved, scheduler.as_mut(), recorder, on_progress)
}

/// The same by a scheduler of the caller, which must be new. Windows after the first have one of their own.
///
/// # Errors
/// As [`once`].
pub fn with(
    tool: &Tool,
    resolved: &Resolved,
    scheduler: &mut dyn Scheduler,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Outcome, Failure> {
    let mut outcome = drive(resolved.experiment()?, scheduler, recorder, on_progress)?;
    windows::replay(resolved, &mut outcome.summary, &mut |start, recorder| {
        let mut scheduler = tool.build(&resolved.scenario.scheduler.implementation)?;
        drive(resolved.window(start)?, scheduler.as_mut(), recorder, on_progress)
    })?;
    complete(&mut outcome, resolved);
    Ok(outcome)
}

/// Runs an experiment into `recorder`.
///
/// # Errors
/// As [`once`].
pub fn drive(
    experiment: Experiment,
    scheduler: &mut dyn Scheduler,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Outcome, Failure> {
    let result = windtunnel_sim::run(experiment, scheduler, recorder, on_progress);
    result.map_err(failed)
}

/// An error of the driver, for users.
pub(crate) fn failed(error: SimError) -> Failure {
    match error {
        SimError::Source(error) => error.into(),
        SimError::Record(error) => error.into(),
        SimError::Interrupted => Failure::Interrupted,
        other => Failure::new(other.to_string()),
    }
}

/// Adds what only the scenario knows.
pub(crate) fn complete(outcome: &mut Outcome, resolved: &Resolved) {
    let summary = &mut outcome.summary;
    summary.set("scenario", resolved.scenario.name.as_str());
    summary.set("seed", resolved.scenario.seed);
    for input in &resolved.inputs {
        summary.set(&format!("inputs.{}", input.key), input.digest.as_str());
    }
    let scheduler = &resolved.scenario.scheduler;
    summary.set("scheduler.use", scheduler.implementation.as_str());
    summary.set("scheduler.placement", scheduler.placement.0.name.as_str());
    summary.set("scheduler.queue", scheduler.queue.0.name.as_str());
    if let Some(profile) = &scheduler.profile {
        summary.set("scheduler.profile", profile.as_str());
    }
    let own = resolved.warnings.iter().cloned();
    outcome.warnings.splice(0..0, own);
}

/// What the progress of a run is measured by.
#[must_use]
pub fn whole(resolved: &Resolved) -> Whole {
    if let Some(at) = resolved.scenario.stop.at {
        return Whole::Until(at.0);
    }
    let tasks: Option<u64> = resolved.workloads.iter().map(|plan| plan.synthetic().and_then(|spec| spec.tasks)).sum();
    tasks.map_or(Whole::Unknown, Whole::Tasks)
}

/// Does `one` for every job, as many at once as there are processors, and gives the results in the order of the jobs.
/// `one` is handed what it must ask while it runs, so that Ctrl-C ends all. `name` heads the bar.
///
/// # Errors
/// The error of the first job in the list that has one, whichever met it first in time.
pub fn side_by_side<J: Sync, T: Send>(
    name: &str,
    jobs: &[J],
    interrupt: &Interrupt,
    one: impl Fn(&J, OnProgress<'_>) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let tally = Tally::new(name, jobs.len(), interrupt.clone());
    let failed = AtomicUsize::new(usize::MAX);
    let results: Vec<Option<Result<T, Failure>>> = jobs
        .par_iter()
        .enumerate()
        .map(|(at, job)| {
            // A job after a failed one need not be done any more; one before it must, to know which error is first.
            if failed.load(Ordering::SeqCst) < at {
                return None;
            }
            let result = one(job, &mut |_| tally.ask());
            if result.is_err() {
                failed.fetch_min(at, Ordering::SeqCst);
            }
            tally.done();
            Some(result)
        })
        .collect();
    tally.clear();
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..200).collect();
        let interrupt = Interrupt::default();
        let squares = side_by_side("x", &jobs, &interrupt, |job, _| Ok(job * job)).unwrap();
        assert!(squares.iter().zip(&jobs).all(|(square, job)| *square == job * job));
        assert_eq!(squares.len(), 200);
        let error = side_by_side("x", &jobs, &interrupt, |job, _| {
            if job % 50 == 49 { Err(Failure::new(job.to_string())) } else { Ok(()) }
        });
        assert_eq!(error.unwrap_err(), Failure::new("49"));
    }
}
