//! How good a fit is: the four packing measures of Verma, Korupolu and Wilkes ("Evaluating job packing in
//! warehouse-scale computing", CLUSTER 2014), fragmentation by cause, lower bounds, and what migrations would buy.
//!
//! What is packed is a [`Snapshot`]: the tasks that hold room at one instant of a run, by default at the first instant
//! at which the most allocated resource is allocated the most. Tasks that wait then are not part of it, and daemons are
//! a part of their nodes. Measures that pack from scratch hand the tasks, in order of submission, to fresh schedulers
//! of the scenario's own kind.

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

use windtunnel_outcome::recorder::{Outcome, RecordError, Recorder};
use windtunnel_outcome::rows::TaskRow;
use windtunnel_scheduler::config::Architecture;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Time;
use windtunnel_sim::experiment::Stop;

use crate::failure::Failure;
use crate::progress::{Bar, Interrupt, Whole};
use crate::resolve::Resolved;
use crate::simulate;
use crate::tool::Tool;
use repack::Packer;
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
    let whole = at.map_or_else(|| simulate::whole(resolved), |at| Whole::Until(at.0));
    let bar = Bar::new(&resolved.scenario.name, whole, interrupt.clone());
    let outcome = simulate::drive(experiment, scheduler.as_mut(), &mut watch, &mut |progress| bar.tell(progress));
    bar.clear();
    let mut snapshot = watch.snapshot();
    snapshot.at = at.unwrap_or(snapshot.at);
    Ok((snapshot, outcome?))
}

/// Takes every measure of a snapshot with the scenario's own scheduler.
///
/// # Errors
/// As [`measure`].
pub fn measure_as(
    tool: &Tool,
    resolved: &Resolved,
    snapshot: &Snapshot,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<Measured, Failure> {
    let packer = Packer::new(tool, &resolved.scenario.scheduler.implementation, &resolved.config);
    let mut measured = measure(snapshot, &lanes_of(resolved), &packer, options, interrupt)?;
    measured.warnings.splice(0..0, caveat(resolved));
    Ok(measured)
}

/// The lanes that the fleet names.
#[must_use]
pub fn lanes_of(resolved: &Resolved) -> Vec<(usize, String)> {
    let lanes = resolved.fleet.named_lanes();
    lanes.map(|lane| (lane, resolved.fleet.lane_name(lane).to_owned())).collect()
}

/// Two recorders of one run.
pub struct Both<'a>(pub &'a mut dyn Recorder, pub &'a mut dyn Recorder);

impl Recorder for Both<'_> {
    fn wants_events(&self) -> bool {
        self.0.wants_events() || self.1.wants_events()
    }

    fn wants_decisions(&self) -> bool {
        self.0.wants_decisions() || self.1.wants_decisions()
    }

    fn heard(&mut self, now: Time, party: PartyId, events: &[Event]) {
        for recorder in [&mut *self.0, &mut *self.1] {
            if recorder.wants_events() {
                recorder.heard(now, party, events);
            }
        }
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        for recorder in [&mut *self.0, &mut *self.1] {
            if recorder.wants_decisions() {
                recorder.note(now, party, decision);
            }
        }
    }

    fn task(&mut self, row: &TaskRow<'_>) {
        self.0.task(row);
        self.1.task(row);
    }

    fn finish(&mut self, outcome: &Outcome) -> Result<(), RecordError> {
        self.0.finish(outcome).and(self.1.finish(outcome))
    }
}
