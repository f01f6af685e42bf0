//! How good a fit is: the four packing measures of Verma, Korupolu and Wilkes ("Evaluating job packing in
//! warehouse-scale computing", CLUSTER 2014), fragmentation by cause, lower bounds, and what migrations would buy.
//!
//! What is packed is a [`Snapshot`]: the tasks that hold room at one instant of a run, by default at the first instant
//! at which the most allocated resource is allocated the most. Tasks that wait then are not part of it. Measures that
//! pack from scratch hand the tasks, in order of submission, to fresh schedulers of the scenario's own kind.

pub mod books;
pub mod bounds;
pub mod compaction;
pub mod defragment;
pub mod fragments;
pub mod holes;
pub mod inflation;
pub mod load;
mod measures;
pub mod recorded;
pub mod repack;
pub mod snapshot;

pub use measures::{Measured, Options, is_measure, measure, tolerated};
pub use snapshot::Snapshot;

use std::ops::ControlFlow;

use windtunnel_outcome::Outcome;
use windtunnel_scheduler::config::Architecture;
use windtunnel_scheduler::time::Time;
use windtunnel_sim::SimError;
use windtunnel_sim::experiment::Stop;

use crate::failure::Failure;
use crate::progress::{Bar, Interrupt, Whole};
use crate::resolve::Resolved;
use crate::tool::Tool;
use snapshot::Watch;

/// What must be kept in mind of a scenario whose tasks are packed from scratch, if anything.
#[must_use]
pub fn caveat(resolved: &Resolved) -> Option<String> {
    (resolved.config.architecture != Architecture::Monolithic).then(|| {
        String::from(
            "packed from scratch as one scheduler would: how well tasks fit is not a matter of who is offered what",
        )
    })
}

/// Runs a scenario to take its snapshot at the peak, or just before the instant `at`; gives what the run came to too.
///
/// # Errors
/// As for any run.
pub fn simulate(
    tool: &Tool,
    resolved: &Resolved,
    at: Option<Time>,
    interrupt: &Interrupt,
) -> Result<(Snapshot, Outcome), Failure> {
    let mut experiment = resolved.experiment()?;
    if let Some(at) = at {
        if let Stop::At(end) = experiment.stop
            && at > end
        {
            let (at, end) = (at.as_seconds(), end.as_seconds());
            return Err(Failure::new(format!("the run ends at {end} s, before --at {at} s; name an earlier instant")));
        }
        experiment.stop = Stop::At(at);
    }
    let mut watch = if at.is_some() { Watch::for_end() } else { Watch::for_peak() };
    let mut scheduler = tool.build(&resolved.scenario.scheduler.implementation)?;
    let whole = at.or(resolved.scenario.stop.at.map(|at| Time(at.0))).map_or(Whole::Unknown, |at| Whole::Until(at.0));
    let bar = Bar::new(&resolved.scenario.name, whole, interrupt.clone());
    let mut tell = |progress| -> ControlFlow<()> { bar.tell(progress) };
    let result = windtunnel_sim::run(experiment, scheduler.as_mut(), &mut watch, &mut tell);
    bar.clear();
    let outcome = result.map_err(|error| match error {
        SimError::Source(error) => error.into(),
        SimError::Interrupted => Failure::Interrupted,
        other => Failure::new(other.to_string()),
    })?;
    let mut snapshot = watch.snapshot();
    snapshot.at = at.unwrap_or(snapshot.at);
    Ok((snapshot, outcome))
}
