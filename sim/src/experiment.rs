//! What is to be simulated: a fleet, workloads, a configuration. Everything is resolved; nothing here is optional by
//! accident.

pub use windtunnel_outcome::series::Sampling;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::event::{Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::rules::Resident;
use windtunnel_scheduler::service::{Delays, KillSelection, Strategy};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Background, Fleet, Source};
use windtunnel_traces::synthetic::Law;

use crate::model::{Checkpoint, Model};

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
    /// What breaks, and what news take.
    pub model: Model,
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
    /// How often and how soon it is tried again.
    pub retry: Retry,
    /// How many replicas of one of its services maintenance may have away at once; none: any number.
    pub max_unavailable: Option<u32>,
    /// What its tasks save on the way.
    pub checkpoint: Option<Checkpoint>,
    /// How full the fleet is of work of this kind when the run begins.
    pub warm: Option<Warm>,
    /// The terms that its jobs are handed in on, whatever their labels are.
    pub terms: Terms,
    /// What its jobs are held to besides.
    pub rules: Rules,
}

/// What the jobs of a workload are held to beyond what holds for every job.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// They are runs of schedules.
    pub schedule: Option<Schedule>,
    /// Their tasks are tried again when they fail of their own.
    pub failures: Option<Failures>,
    /// How its services are kept running.
    pub service: Option<ServiceRules>,
}

impl Rules {
    /// True if they are held to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schedule.is_none() && self.failures.is_none() && self.service.is_none()
    }
}

/// How the replicas of services are kept running.
#[derive(Clone, Debug, Default)]
pub struct ServiceRules {
    /// How long a replica that never ends of its own lasts before it fails; none: for ever.
    pub life: Option<Law>,
    /// How long one that failed is not started again; none: not at all.
    pub delays: Option<Delays>,
    /// Who goes first when the service shrinks; none: the newest task.
    pub kill: Option<KillSelection>,
    /// What becomes of one whose node cannot be reached; none: it is replaced at once, and ended if it comes back.
    pub unreachable: Option<Strategy>,
    /// Replicas belong to their nodes; none: they go anywhere.
    pub resident: Option<Resident>,
    /// When and how they are replaced by those of the next version; none: never.
    pub upgrades: Option<Upgrades>,
    /// The positions of the workloads whose services have to be ready before these are handed in. Who needs each other
    /// is never handed in.
    pub needs: Vec<usize>,
    /// How long a replica runs before it is ready for those who need it.
    pub ready_after: Span,
}

/// When and how services are replaced by their next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrades {
    /// At these instants, each service that there is then.
    pub at: Vec<Time>,
    /// Thousandths of the replicas that stay healthy.
    pub health_milli: u32,
    /// Thousandths of the replicas that may run beyond them.
    pub over_milli: u32,
    /// How long a new replica runs before it counts as healthy.
    pub ready_after: Span,
}

/// How the runs of a schedule deal with each other and with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Whether a run may begin while the one before is not over.
    pub overlaps: bool,
    /// A task that has not started so long after its time is given up.
    pub deadline: Option<Span>,
}

/// What becomes of tasks that fail of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Failures {
    /// How often and how soon they are tried again.
    pub retry: Retry,
    /// How likely a further attempt is to fail, by the stage of a graph, the first for a job on its own; where this
    /// says nothing: as the first attempt did.
    pub shares: Vec<f64>,
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
