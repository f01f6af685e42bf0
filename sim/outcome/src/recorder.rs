//! Where a driver puts what happens, and what it hands over at the end.

use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, JobSpec};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::{Span, Time};

use crate::distribution::Bin;
use crate::heat::HeatTable;
use crate::rows::{Cause, NameRef, NodeRow, TaskRow};
use crate::series::SeriesTable;
use crate::summary::Summary;

/// Takes rows as they come. A recorder keeps its first error and gives it at [`Recorder::finish`], so that the driver's
/// loop stays free of I/O errors.
pub trait Recorder {
    /// Whether [`Recorder::heard`] is wanted (`--record events`).
    fn wants_events(&self) -> bool {
        false
    }

    /// Whether [`Recorder::note`] is wanted (`--record decisions`).
    fn wants_decisions(&self) -> bool {
        false
    }

    /// Whether [`Recorder::named`] is wanted.
    fn wants_names(&self) -> bool {
        false
    }

    /// What the tasks of `spec` are called in the trace: the job, and the index of the first. Comes before the party
    /// is given the event that brings them.
    fn named(&mut self, _now: Time, _spec: &JobSpec, _job: NameRef<'_>, _index: u32) {}

    /// A party is given events.
    fn heard(&mut self, _now: Time, _party: PartyId, _events: &[Event]) {}

    /// A party decided.
    fn note(&mut self, _now: Time, _party: PartyId, _decision: &Decision) {}

    /// An attempt ended, or the run did. Rows come ordered by (end instant, job, index, attempt), open ones last.
    fn task(&mut self, row: &TaskRow<'_>);

    /// The run is over: write what is left.
    ///
    /// # Errors
    /// The first error that any call met, in one sentence.
    fn finish(&mut self, outcome: &Outcome) -> Result<(), RecordError>;
}

/// A result that could not be written: one sentence and hints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordError {
    /// The sentence: lower case, names the file.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// Keeps nothing but what is needed for a fingerprint and numbers: the recorder of searches and sweeps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Recorder for Discard {
    fn task(&mut self, _row: &TaskRow<'_>) {}

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        Ok(())
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Every number.
    pub summary: Summary,
    /// The instant at which the run ended.
    pub end: Time,
    /// A row per node.
    pub nodes: Vec<NodeRow>,
    /// The names of the lanes that the fleet names, with their index, in order.
    pub lanes: Vec<(usize, String)>,
    /// The fleet over time.
    pub series: SeriesTable,
    /// Allocation per node over time, binned.
    pub heat: Option<HeatTable>,
    /// How long tasks waited: all, then by class, then by team.
    pub waits: Vec<WaitProfile>,
    /// The tasks that waited longest, longest first, at most ten.
    pub slowest: Vec<SlowTask>,
    /// What would be lost with each domain, at the instants that were asked for.
    pub blasts: Vec<BlastRow>,
    /// Whatever a reader of the numbers must know: one sentence each.
    pub warnings: Vec<String>,
}

/// What would be lost if a domain died at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlastRow {
    /// When.
    pub at: Time,
    /// Of where the trace says that tasks ran, not of where they ran in this run.
    pub recorded: bool,
    /// The kind of the domain: `node`, `rack`, ...
    pub kind: String,
    /// Its name.
    pub domain: String,
    /// Its nodes.
    pub nodes: u64,
    /// Tasks that run there; all members of a gang, wherever they are.
    pub tasks: u64,
    /// Services with a replica there.
    pub services: u64,
    /// Of these, those that would have more replicas away than they can spare (none left, if nobody said how many).
    pub services_below: u64,
    /// Jobs with a task there that are no services.
    pub jobs: u64,
}

/// The distribution of waits of one set of tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitProfile {
    /// `all`, `class` or `role`; `history` for the waits that the trace recorded.
    pub kind: &'static str,
    /// The class or the team; empty for all.
    pub name: String,
    /// Tasks that started.
    pub count: u64,
    /// Those that did not wait at all.
    pub zero: u64,
    /// The others, on bins that grow by a constant factor, in microseconds.
    pub bins: Vec<Bin>,
    /// Median, 90th and 99th percentile.
    pub marks: [Option<Span>; 3],
}

/// One of the tasks that waited longest.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowTask {
    /// `<job>/<index>`.
    pub task: String,
    /// What it is reported under.
    pub class: String,
    /// The team.
    pub role: String,
    /// When its job was handed in.
    pub submit: Time,
    /// From submit to start.
    pub wait: Span,
    /// Where it ran.
    pub node: Option<String>,
    /// Where the wait went.
    pub causes: [Span; Cause::COUNT],
}
