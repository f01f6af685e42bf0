//! What is done when a number of the run, or the clock, says so. A trigger watches one number; an action, one file of
//! this folder and one line in [`ACTIONS`], says what it can do.
//!
//! Triggers fire at exact instants: numbers that stand still between two instants are read after each, and for those
//! that grow in between (money, means over a window) the instant at which the limit is crossed is worked out.

mod add_nodes;
mod drain_nodes;
pub(crate) mod gauge;
mod remove_nodes;
mod scale;
pub(crate) mod set;
mod stop;
mod submit;
pub(crate) mod watch;

use windtunnel_outcome::limit::Limit;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Job;

pub use gauge::can_watch;

/// One trigger.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// What it is called in results: unique within a run.
    pub name: String,
    /// When it fires.
    pub when: When,
    /// How long the limit must have held without a break.
    pub hold: Span,
    /// After this it may fire again while the limit still holds; none: only when it ceased to hold in between.
    pub cooldown: Option<Span>,
    /// What it does, in order.
    pub actions: Vec<Action>,
}

/// When a trigger fires.
#[derive(Clone, Debug)]
pub enum When {
    /// Once, at an instant.
    At(Time),
    /// When a number stands like this.
    Holds(Box<Limit>),
}

/// What a trigger does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nodes that are not there are ordered.
    AddNodes {
        /// Position among the groups that come and go.
        group: usize,
        /// How many.
        count: u32,
    },
    /// Nodes are emptied and leave the fleet.
    RemoveNodes(Leave),
    /// Nodes are emptied and take no new work, but stay.
    DrainNodes(Leave),
    /// A service gets more replicas, or fewer.
    Scale {
        /// Its name, or the class of its job.
        service: String,
        /// To how many, or by how many.
        change: Change,
    },
    /// A job is handed in.
    Submit(Box<Submit>),
    /// Keys of the scheduler change.
    Set {
        /// As they were written before, to see which keys are meant.
        before: Box<Config>,
        /// As they are to be.
        after: Box<Config>,
        /// The keys, for the log.
        words: String,
    },
    /// The run ends.
    Stop,
}

/// Which nodes are to be emptied, and how.
#[derive(Clone, Copy, Debug)]
pub struct Leave {
    /// Position among the groups that come and go.
    pub group: usize,
    /// How many: those with the fewest tasks, the last of the group among equals.
    pub count: u32,
    /// How long a task gets to leave.
    pub grace: Span,
    /// How long is waited for services that can spare no replica.
    pub deadline: Span,
}

/// How many replicas a service is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many.
    To(u32),
    /// So many more, or fewer.
    By(i32),
}

/// A job to be handed in.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Its labels are those below; its submission is the instant of the firing.
    pub job: Job,
    /// What it is reported under.
    pub class: String,
    /// Whose it is.
    pub role: String,
    /// The workload whose rules it follows.
    pub workload: usize,
}

/// A kind of action, as scenario files know it.
pub struct ActionKind {
    /// The key in `do`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The options with what they mean.
    pub options: &'static [(&'static str, &'static str)],
    /// Where the model comes from.
    pub source: &'static str,
}

/// Every kind of action.
pub static ACTIONS: [&ActionKind; 7] = [
    &add_nodes::ADD_NODES,
    &remove_nodes::REMOVE_NODES,
    &drain_nodes::DRAIN_NODES,
    &scale::SCALE,
    &submit::SUBMIT,
    &set::SET,
    &stop::STOP,
];

impl Action {
    /// The entry of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static ActionKind {
        match self {
            Self::AddNodes { .. } => &add_nodes::ADD_NODES,
            Self::RemoveNodes(_) => &remove_nodes::REMOVE_NODES,
            Self::DrainNodes(_) => &drain_nodes::DRAIN_NODES,
            Self::Scale { .. } => &scale::SCALE,
            Self::Submit(_) => &submit::SUBMIT,
            Self::Set { .. } => &set::SET,
            Self::Stop => &stop::STOP,
        }
    }

    /// True if it may let tasks start that wait: then it is worth waiting for.
    pub(crate) fn may_help(&self) -> bool {
        matches!(self, Self::AddNodes { .. } | Self::Set { .. })
    }
}
