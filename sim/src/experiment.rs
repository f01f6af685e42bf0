//! What is to be simulated: a fleet, workloads, a configuration. Everything is resolved; nothing here is optional by
//! accident.

pub use windtunnel_outcome::series::Sampling;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::event::Loss;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Background, Fleet, Source};

/// One run.
pub struct Experiment {
    /// The key of every draw.
    pub seed: u64,
    /// The machines.
    pub fleet: Fleet,
    /// The workloads in file order; jobs are merged by (submit, position of the workload).
    pub workloads: Vec<Workload>,
    /// What the scheduler is told.
    pub scheduler: Config,
    /// How many parties think: 1 for a monolithic scheduler, else the allocator and its frameworks.
    pub parties: u16,
    /// How long a message between two parties takes.
    pub link: Span,
    /// Which submissions count in the summary: `from <= submit < to`.
    pub measure: Measure,
    /// When the run ends.
    pub stop: Stop,
    /// How the series are sampled.
    pub series: Sampling,
    /// Which partition, quality of service and reservation the jobs of a label are handed in to.
    pub routing: Routing,
}

/// Which labels stand for which terms, in the order of the configuration's lists.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// Partitions.
    pub partitions: Vec<Claim>,
    /// Qualities of service.
    pub qos: Vec<Claim>,
    /// Reservations.
    pub reservations: Vec<Claim>,
}

/// Whose jobs go there.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// Those of these classes.
    pub classes: Vec<String>,
    /// Those of these roles.
    pub roles: Vec<String>,
    /// Those that nobody else claims.
    pub rest: bool,
}

impl Routing {
    /// The first of a list that claims a job, else the one that takes the rest.
    #[must_use]
    pub fn pick(claims: &[Claim], class: &str, role: &str) -> Option<u16> {
        let named = |claim: &Claim| {
            claim.classes.iter().any(|name| name == class) || claim.roles.iter().any(|name| name == role)
        };
        let found = claims.iter().position(named).or_else(|| claims.iter().position(|claim| claim.rest));
        found.and_then(|at| u16::try_from(at).ok())
    }
}

/// One workload and how it is replayed.
pub struct Workload {
    /// The jobs in submit order.
    pub source: Box<dyn Source + Send>,
    /// Which party hears of its jobs: 0 under a monolithic scheduler.
    pub party: PartyId,
    /// Where its tasks begin.
    pub start: Start,
    /// What becomes of a task whose machine dies.
    pub loss: Loss,
    /// How full the fleet is of work of this kind when the run begins.
    pub warm: Option<Warm>,
    /// The terms that its jobs are handed in on, whatever their labels are.
    pub terms: Terms,
}

/// Work that is running already when a run begins.
pub struct Warm {
    /// The share of the fleet's cpu to fill, in thousandths.
    pub permille: u32,
    /// The background tasks, with what is left of their lives at the beginning.
    pub background: Box<dyn Background + Send>,
}

/// Where tasks begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// In the queue, at their submission.
    #[default]
    Submit,
    /// Where and when the trace has them, if it does; in the queue otherwise.
    Recorded,
}

/// Which submissions count in the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The first instant that counts.
    pub from: Time,
    /// The first instant that does not.
    pub to: Time,
    /// The slowdown of a job shorter than this is measured against this (Feitelson et al. 1997).
    pub tau: Span,
}

impl Default for Measure {
    fn default() -> Self {
        Self { from: Time::ZERO, to: Time::NEVER, tau: Span::from_seconds(10) }
    }
}

/// When a run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// When no arrival is left, nothing finite runs and nothing pending can be placed.
    #[default]
    Drained,
    /// At this instant, whatever happens before or would happen after.
    At(Time),
}
