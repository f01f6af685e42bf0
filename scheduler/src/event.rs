//! What a party is told. Together with [`crate::decision`] this is the one encoding of the boundary: the recorded log,
//! the testbed's journal and the external door all carry these messages.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::Config;
use crate::constraint::Constraint;
use crate::id::{JobId, NodeId, OfferId, PartyId, RoleId, TaskId};
use crate::partition::Terms;
use crate::resources::Resources;
use crate::time::{Span, Time};

/// The version of the encoding of events and decisions; raised whenever an old reader would misread a new log.
pub const PROTOCOL_VERSION: u32 = 1;

/// One fact, true at the instant of the step it is given to.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
pub enum Event {
    /// The first event of every party: how it is to behave.
    Configured(Box<Config>),
    /// A later change of the configuration; running work is not touched.
    Reconfigured(Box<Config>),
    /// A node joined, or came back after [`Event::NodeLost`] with nothing running on it.
    NodeAdded(Box<NodeSpec>),
    /// A node is gone. Its tasks are reported one by one with [`Event::TaskEnded`] in the same step.
    NodeLost {
        /// Which.
        node: NodeId,
    },
    /// A job arrived. A job whose tasks differ is several specs with one id and consecutive task ids.
    JobSubmitted(JobSpec),
    /// Work that runs already and was not placed by this scheduler: a snapshot, or what an agent reports after a
    /// restart.
    TaskAdopted {
        /// What it is; `count` is 1.
        spec: JobSpec,
        /// Where it runs.
        node: NodeId,
        /// The devices it holds.
        gpus: GpuSet,
    },
    /// A placed task is really running.
    TaskStarted {
        /// Which.
        task: TaskId,
    },
    /// An attempt ended and its room is free again.
    TaskEnded {
        /// Which.
        task: TaskId,
        /// How.
        ending: Ending,
    },
    /// The instant that [`crate::Step::wake`] asked for has come.
    Woken,
    /// Resources on a node are offered to this framework.
    Offered(Offer),
    /// An offer is taken back; it may already have been answered.
    OfferRescinded {
        /// Which.
        offer: OfferId,
    },
    /// A framework wants a task launched on an offer it holds.
    LaunchRequested(Launch),
    /// A framework has no use for what is left of an offer.
    OfferDeclined {
        /// Which.
        offer: OfferId,
        /// Who declines.
        from: PartyId,
        /// For how long the same need not be offered again.
        refuse: Span,
    },
    /// A framework that sees everything wants room, as of a version of the node.
    ClaimRequested(Claim),
    /// A launch or a claim was not honoured, since what it was computed from is no longer true.
    LaunchRefused {
        /// Which task.
        task: TaskId,
    },
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Ending {
    /// It did what it had to do.
    Finished,
    /// It failed of its own.
    Failed,
    /// Somebody asked for its end.
    Killed,
    /// Its machine went away; whether it is queued again is up to its [`Loss`].
    Lost,
    /// It was taken off its node to make room and waits for another place: [`crate::Decision::Evict`].
    Evicted,
}

/// A node as its operator describes it. What the scheduler may hand out: after reserve and overcommit.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeSpec {
    /// Fleet order.
    pub node: NodeId,
    /// What can be handed out.
    pub capacity: Resources,
    /// How many gpu devices of 1000 thousandths each; at most 64. `capacity[GPU]` is 1000 times this.
    pub gpus: u8,
    /// Attributes by name; a name occurs once.
    pub attributes: Vec<(String, String)>,
    /// Domains by kind (zone, rack, ...); a kind occurs once.
    pub domains: Vec<(String, String)>,
}

/// What was asked: everything about a job that a scheduler may know.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JobSpec {
    /// Which job; several specs may share it if the tasks of the job differ.
    pub job: JobId,
    /// The first of `count` consecutive task ids.
    pub first_task: TaskId,
    /// How many equal tasks.
    pub count: u32,
    /// What kind of work.
    pub kind: JobKind,
    /// What one task needs.
    pub request: Resources,
    /// Which gpu devices one task needs; `request[GPU]` is the sum.
    pub gpu: GpuRequest,
    /// How long a task is believed to run, if anybody said.
    pub estimate: Option<Span>,
    /// Larger is more important.
    pub priority: i32,
    /// Whose it is.
    pub role: RoleId,
    /// What nodes must be like.
    pub constraints: Option<Arc<[Constraint]>>,
    /// What becomes of a task whose machine dies.
    pub loss: Loss,
    /// Where in a batch system it was handed in.
    #[cfg_attr(feature = "serde", serde(default))]
    pub terms: Terms,
}

/// What kind of work a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum JobKind {
    /// Tasks that run once, each on its own.
    #[default]
    Batch,
    /// Tasks that start together or not at all, and end together. They count as one task with `count` members.
    Gang,
    /// Replicas that are kept running: one that ends for whatever reason but a kill is placed again.
    Service,
}

/// What becomes of a task whose machine dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Loss {
    /// It is queued again, without limit.
    #[default]
    Rerun,
    /// It is given up.
    Fail,
}

/// Which gpu devices a task needs: none, a part of one, or several whole ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GpuRequest {
    /// Devices; 0 for none.
    pub count: u8,
    /// Thousandths of each device; below 1000 only with one device.
    pub milli: u16,
}

/// A set of gpu devices of one node: bit i is device i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct GpuSet(pub u64);

impl GpuSet {
    /// No device.
    pub const NONE: Self = Self(0);

    /// The device indices, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let device = left.trailing_zeros() as usize;
            (left != 0).then(|| {
                left &= left - 1;
                device
            })
        })
    }

    /// How many devices.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// True if there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Resources on one node, offered to one framework for one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Offer {
    /// Its number.
    pub offer: OfferId,
    /// Where.
    pub node: NodeId,
    /// For whom.
    pub role: RoleId,
    /// How much.
    pub resources: Resources,
}

/// A wish to start a task on an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Launch {
    /// Who asks.
    pub from: PartyId,
    /// On which offer.
    pub offer: OfferId,
    /// Which task.
    pub task: TaskId,
    /// What it takes from the offer.
    pub request: Resources,
    /// Which devices.
    pub gpus: GpuSet,
}

/// A wish to start a task on a node as it was at a version (shared state, optimistic).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Claim {
    /// Who asks.
    pub from: PartyId,
    /// Where.
    pub node: NodeId,
    /// Which task.
    pub task: TaskId,
    /// What it takes.
    pub request: Resources,
    /// Which devices.
    pub gpus: GpuSet,
    /// When the asker last heard of the node: anything newer is a conflict.
    pub seen: Time,
}
