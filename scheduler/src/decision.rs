//! What a party wants to happen. Decisions are plain values: recording, comparing and fingerprinting them costs no
//! heap.

use crate::allocator::two_level::Window;
use crate::cause::Cause;
use crate::event::{Claim, Displacement, GpuSet, Launch, Offer, Room};
use crate::id::{HolderId, JobId, NodeId, OfferId, PartyId, TaskId};
use crate::time::Span;
use crate::veto::VetoCounts;

/// One decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "decision", rename_all = "snake_case"))]
pub enum Decision {
    /// Start a task. A gang that spreads over nodes is a run of these: all but the last have `more`, and the whole run
    /// is carried out or none of it.
    Place {
        /// Which task; for a gang its first.
        task: TaskId,
        /// Where.
        node: NodeId,
        /// How many members of the gang go there; 1 for any other task.
        count: u32,
        /// Which devices; none for members of a gang of more than one without gpus.
        gpus: GpuSet,
        /// More nodes of the same gang follow.
        more: bool,
    },
    /// Give up `count` tasks beginning with `task`: they fit nowhere and the scheduler was told not to wait.
    Reject {
        /// The first task.
        task: TaskId,
        /// How many.
        count: u32,
    },
    /// End a task.
    Kill {
        /// Which.
        task: TaskId,
        /// How long it may take to leave.
        grace: Span,
    },
    /// Take a task off its node to make room: for a task of higher priority, or since the node is to be emptied. Its
    /// work is lost but for what it saved.
    Evict {
        /// Which; a gang leaves as a whole.
        task: TaskId,
        /// How long it may take to leave. It works on meanwhile and may come to its end.
        grace: Span,
        /// Whether it waits for another place afterwards ([`crate::event::Ending::Evicted`]); otherwise it is given up
        /// ([`crate::event::Ending::Killed`]).
        requeue: bool,
    },
    /// A job was tried and has to wait; said only if the configuration asks for explanations.
    Defer {
        /// Which job.
        job: JobId,
        /// What every node answered.
        vetoes: VetoCounts,
    },
    /// Where the wait of a task went that is placed with the next decision. A task that did not wait has none.
    Waited {
        /// Which task; for a gang its first.
        task: TaskId,
        /// Time by cause, indexed as [`Cause::ALL`]; adds up to the time since the task could first be placed.
        causes: [Span; Cause::COUNT],
    },
    /// Offer resources to a framework.
    Offer {
        /// To whom.
        to: PartyId,
        /// What.
        offer: Offer,
    },
    /// Take an offer back.
    Rescind {
        /// From whom.
        to: PartyId,
        /// Which.
        offer: OfferId,
    },
    /// Ask the allocator to start a task on an offer.
    Launch(Launch),
    /// Tell the allocator that the rest of an offer is of no use.
    Decline {
        /// Which.
        offer: OfferId,
        /// For how long the same need not be offered again.
        refuse: Span,
    },
    /// Tell the allocator that a resident task will not come back to its node.
    Unreserve {
        /// Which.
        task: TaskId,
    },
    /// Ask the allocator for room on a node as it was seen.
    Claim(Claim),
    /// Ask the allocator to make a task leave for another: so that the claim that follows can be honoured, or for room
    /// of one's own to be offered again.
    Displace(Displacement),
    /// Tell a framework that sees everything what another took, or gave back.
    Tell {
        /// Whom.
        to: PartyId,
        /// What.
        room: Room,
        /// Given back, not taken.
        freed: bool,
    },
    /// Tell the allocator that no offers are wanted until [`Decision::Revive`].
    Suppress,
    /// Tell the allocator that offers are wanted again, also of what was refused.
    Revive,
    /// Ask a framework to leave a node that will go.
    InverseOffer {
        /// Whom.
        to: PartyId,
        /// Which node.
        node: NodeId,
        /// When it will not be there.
        window: Window,
    },
    /// Answer such a question.
    AnswerInverse {
        /// Which node.
        node: NodeId,
        /// For how long it need not be asked again.
        refuse: Span,
    },
    /// Tell a framework that its launch or claim cannot be honoured.
    Refuse {
        /// Whom.
        to: PartyId,
        /// Which task.
        task: TaskId,
    },
    /// Ask for holders: tasks that this framework is to run its own tasks in. They are placed as any others are.
    Hold {
        /// The first; the ids are consecutive, and those of one decision follow those of the one before.
        first: HolderId,
        /// How many.
        count: u32,
    },
    /// Give holders back, or no longer wait for them. None of them holds a task.
    Release {
        /// The first.
        first: HolderId,
        /// How many, with consecutive ids.
        count: u32,
    },
    /// Start a task inside a holder. A gang is a run of these, as with [`Decision::Place`].
    PlaceWithin {
        /// Which task; for a gang its first.
        task: TaskId,
        /// In which holder.
        holder: HolderId,
        /// How many members of the gang go there; 1 for any other task.
        count: u32,
        /// More holders of the same gang follow.
        more: bool,
    },
    /// The upgrade of a service is done: only healthy replicas of the new version run.
    Upgraded {
        /// The first task that the service was handed in with.
        service: TaskId,
        /// Which of its upgrades.
        version: u32,
    },
}

impl Decision {
    /// The word in files and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::Reject { .. } => "reject",
            Self::Kill { .. } => "kill",
            Self::Evict { .. } => "evict",
            Self::Defer { .. } => "defer",
            Self::Waited { .. } => "waited",
            Self::Offer { .. } => "offer",
            Self::Rescind { .. } => "rescind",
            Self::Launch(_) => "launch",
            Self::Decline { .. } => "decline",
            Self::Unreserve { .. } => "unreserve",
            Self::Claim(_) => "claim",
            Self::Displace(_) => "displace",
            Self::Tell { .. } => "tell",
            Self::Suppress => "suppress",
            Self::Revive => "revive",
            Self::InverseOffer { .. } => "inverse_offer",
            Self::AnswerInverse { .. } => "answer_inverse",
            Self::Refuse { .. } => "refuse",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::PlaceWithin { .. } => "place_within",
            Self::Upgraded { .. } => "upgraded",
        }
    }
}
