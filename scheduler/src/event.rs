//! What a party is told. Together with [`crate::decision`] this is the one encoding of the boundary: the recorded log,
//! the testbed's journal and the external door all carry these messages.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::allocator::two_level::{FrameworkSpec, Window};
use crate::config::Config;
use crate::constraint::Constraint;
use crate::id::{HolderId, JobId, NodeId, OfferId, PartyId, RoleId, TaskId};
use crate::layout::Layout;
use crate::partition::Terms;
use crate::resources::Resources;
use crate::rules::Rules;
use crate::service::KillSelection;
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
    /// A framework does not want a resident task back: its room need not be reserved for it.
    HomeUnreserved {
        /// Which.
        task: TaskId,
    },
    /// A framework that sees everything wants room, as of a version of the node.
    ClaimRequested(Claim),
    /// A task is to leave for another.
    DisplacementRequested(Displacement),
    /// Room of a node is taken by somebody else's task: told to an allocator of what runs already, and where everybody
    /// sees everything to all but the one who took it. Room that was made by victims is told to everybody: first as
    /// held, and again when the task is in place.
    RoomTaken(Room),
    /// The same room is free again. Of one's own task, where everybody sees everything: it has been told to leave, and
    /// its room is no longer its own; where room is offered: what others were to give up for it is not there.
    RoomFreed(Room),
    /// A framework registers with the allocator; it is told of no other.
    FrameworkJoined(Box<FrameworkSpec>),
    /// A framework wants no offers until it says otherwise.
    OffersSuppressed {
        /// Who.
        from: PartyId,
    },
    /// A framework wants offers again, also of what it refused.
    OffersRevived {
        /// Who.
        from: PartyId,
    },
    /// The allocator asks a framework to leave a node that will go.
    InverseOffered {
        /// Which node.
        node: NodeId,
        /// When it will not be there.
        window: Window,
    },
    /// What a framework says to that: advice, nothing else follows from it.
    InverseOfferAnswered {
        /// Who.
        from: PartyId,
        /// Which node.
        node: NodeId,
        /// For how long it need not be asked again.
        refuse: Span,
    },
    /// A launch or a claim was not honoured, since what it was computed from is no longer true.
    LaunchRefused {
        /// Which task.
        task: TaskId,
    },
    /// A node takes no new work until [`Event::NodeOpened`]; what runs there goes on.
    NodeClosed {
        /// Which.
        node: NodeId,
    },
    /// A node takes new work again after [`Event::NodeClosed`].
    NodeOpened {
        /// Which.
        node: NodeId,
    },
    /// Gpu devices of a node are gone until [`Event::DevicesReturned`]. The tasks on them are reported one by one with
    /// [`Event::TaskEnded`].
    DevicesLost {
        /// Where.
        node: NodeId,
        /// Which.
        gpus: GpuSet,
    },
    /// Gpu devices of a node are back, empty, after [`Event::DevicesLost`].
    DevicesReturned {
        /// Where.
        node: NodeId,
        /// Which.
        gpus: GpuSet,
    },
    /// Waiting tasks are no longer wanted: whoever has them in its queue gives them up with
    /// [`crate::Decision::Reject`]. One that was placed meanwhile is not meant.
    TasksWithdrawn {
        /// The first.
        first: TaskId,
        /// How many, with consecutive ids.
        count: u32,
    },
    /// A holder of this framework is in place: its room is there for the framework's own tasks.
    HolderStarted {
        /// Which.
        holder: HolderId,
        /// Its room, and the node that it is on: id, attributes and domains.
        room: Box<NodeSpec>,
    },
    /// A holder is no longer in place. Its tasks are reported one by one with [`Event::TaskEnded`] in the same step.
    HolderEnded {
        /// Which.
        holder: HolderId,
        /// Whether it waits for another place.
        again: bool,
    },
    /// The replicas of a service are to be replaced by those of its next version. An upgrade of it that is under way is
    /// superseded: whatever runs is old.
    ServiceUpgraded(Box<ServiceUpgrade>),
}

/// An upgrade of a service, and what it is held to. A replica that starts after it was told is of the new version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ServiceUpgrade {
    /// The first task that the service was handed in with.
    pub service: TaskId,
    /// Its job, whose further replicas are handed in as specs of the same job.
    #[cfg_attr(feature = "serde", serde(default))]
    pub job: JobId,
    /// Which of its upgrades this is; a later one has a higher number.
    pub version: u32,
    /// How many replicas it is to have.
    pub count: u32,
    /// All of its tasks, also those handed in for upgrades: first ones, and how many with consecutive ids.
    pub tasks: Vec<(TaskId, u32)>,
    /// Thousandths of `count` that stay healthy.
    pub health_milli: u32,
    /// Thousandths of `count` that may run beyond it.
    pub over_milli: u32,
    /// How long a new replica runs before it counts as healthy.
    pub ready_after: Span,
    /// Who goes first.
    pub kill: KillSelection,
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
    /// Its container did not start; it is queued again as its [`Retry`] says.
    Unlaunched,
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
    /// Which job; several specs may share it if the tasks of the job differ, or came later.
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
    /// How the tasks are to lie together.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub layout: Option<Arc<Layout>>,
    /// Whether no other task may push these out.
    #[cfg_attr(feature = "serde", serde(default))]
    pub protected: bool,
    /// How many of the tasks may at most be missing at once because they were made to leave.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub disruption: Option<u32>,
    /// What becomes of a task whose machine dies.
    pub loss: Loss,
    /// Where in a batch system it was handed in.
    #[cfg_attr(feature = "serde", serde(default))]
    pub terms: Terms,
    /// How often and how soon it is tried again then.
    #[cfg_attr(feature = "serde", serde(default))]
    pub retry: Retry,
    /// What it is held to besides; none for nearly every job.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rules: Option<Arc<Rules>>,
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
    /// One task on every node that may have one, kept running like those of a service. The tasks of nodes that join
    /// later are specs of the same job.
    Daemon,
}

impl JobKind {
    /// Whether a task that ends is started again, whatever the reason but a kill.
    #[must_use]
    pub const fn is_kept_running(self) -> bool {
        matches!(self, Self::Service | Self::Daemon)
    }
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

/// How often and how soon a task that was lost is tried again. Replicas of services are tried without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Retry {
    /// At most so often; None for any number of times.
    pub most: Option<u32>,
    /// The pause before the first time; it doubles with each further one.
    pub pause: Span,
    /// It doubles up to this; zero for any length.
    pub pause_most: Span,
}

impl Retry {
    /// True if a task that was lost `losses` times may be tried again.
    #[must_use]
    pub fn allows(&self, losses: u32) -> bool {
        self.most.is_none_or(|most| losses <= most)
    }

    /// The pause after the loss number `losses`, counted from 1.
    #[must_use]
    pub fn pause(&self, losses: u32) -> Span {
        let doubled = self.pause.0.saturating_mul(1_u64 << losses.saturating_sub(1).min(40));
        if self.pause_most == Span::ZERO { Span(doubled) } else { Span(doubled.min(self.pause_most.0)) }
    }
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

impl GpuRequest {
    /// What kind of gpu task it is: 0 for a part of a device, else how many devices, 63 for 63 and more; None without.
    #[must_use]
    #[inline]
    pub const fn tag(self) -> Option<u8> {
        match (self.count, self.milli) {
            (0, _) => None,
            (1, ..1_000) => Some(0),
            (count @ ..63, _) => Some(count),
            (63.., _) => Some(63),
        }
    }

    /// True for a part of one device.
    #[must_use]
    #[inline]
    pub const fn is_part(self) -> bool {
        self.count == 1 && self.milli < 1_000
    }
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
    /// Which devices, each as a whole.
    #[cfg_attr(feature = "serde", serde(default))]
    pub gpus: GpuSet,
    /// How much of it is reserved for tasks of the framework that come back to the node.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Resources::is_zero"))]
    pub reserved: Resources,
}

/// Room on a node that a task holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Room {
    /// Whose task.
    pub party: PartyId,
    /// Which; for a gang its first.
    pub task: TaskId,
    /// Where.
    pub node: NodeId,
    /// What all members there hold together.
    pub request: Resources,
    /// Which devices, and how much of each.
    pub gpus: GpuSet,
    /// Thousandths of each device.
    pub milli: u16,
    /// Whether others may push it out.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Standing::is_usual"))]
    pub standing: Standing,
}

/// What others have to know of a task that holds room before they may make it leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Standing {
    /// When it was claimed or began: it also tells one attempt of a task from another.
    pub since: Time,
    /// Larger is more important.
    pub priority: i32,
    /// Whether no task of others may push it out.
    pub protected: bool,
    /// The room is held: for a task that is not in place yet, or until one that was told to leave has left.
    pub held: bool,
    /// How many tasks of its job have to stay.
    pub budget: Option<Budget>,
}

impl Standing {
    /// True if nothing was said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Tasks of which only so many may be missing at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Budget {
    /// The number of the set of tasks, among those of the same framework.
    pub set: u32,
    /// So many of them have to stay. The latest word on a set holds for all of it.
    pub keep: u32,
}

/// A task that has to leave for another: said ahead of the claim that it is for, or by a framework that is offered room
/// of a task of its own, whose room it wants to be offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Displacement {
    /// Who asks.
    pub from: PartyId,
    /// The task that it has to leave for.
    pub task: TaskId,
    /// The task that has to leave; a gang leaves as a whole.
    pub victim: TaskId,
    /// How long it may take to leave.
    pub grace: Span,
    /// Whether it waits for another place afterwards.
    pub requeue: bool,
    /// More victims of the same task follow.
    pub more: bool,
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
    /// What one task, or one member of a gang, takes from the offer.
    pub request: Resources,
    /// Which devices.
    pub gpus: GpuSet,
    /// How many members of the gang go there; 1 for any other task.
    #[cfg_attr(feature = "serde", serde(default = "one"))]
    pub count: u32,
    /// More nodes of the same gang follow.
    #[cfg_attr(feature = "serde", serde(default))]
    pub more: bool,
    /// It belongs where it runs: when it ends, its room stays reserved for it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub resident: bool,
}

#[cfg(feature = "serde")]
const fn one() -> u32 {
    1
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
    /// What one task, or one member of a gang, takes.
    pub request: Resources,
    /// Which devices.
    pub gpus: GpuSet,
    /// Thousandths of each device.
    #[cfg_attr(feature = "serde", serde(default))]
    pub milli: u16,
    /// How many members of a gang go there; 1 for any other task.
    #[cfg_attr(feature = "serde", serde(default = "one"))]
    pub count: u32,
    /// More claims follow that are to be honoured with this one or not at all.
    #[cfg_attr(feature = "serde", serde(default))]
    pub more: bool,
    /// When the asker last heard of the node: anything newer is a conflict.
    pub seen: Time,
    /// Whether others may push the task out, and whom it may push out itself.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Standing::is_usual"))]
    pub standing: Standing,
    /// It belongs where it runs: when it ends, its room is kept for it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub resident: bool,
}
