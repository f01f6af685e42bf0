//! Frameworks as the allocator knows them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::filter::Filters;
use crate::allocator::sorter::Client;
use crate::constraint::Constraint;
use crate::id::PartyId;
use crate::resources::Resources;

/// What a framework can deal with, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Capabilities(pub u16);

impl Capabilities {
    /// Agents with gpus.
    pub const GPU_RESOURCES: Self = Self(1);
    /// Resources that may be taken back.
    pub const REVOCABLE_RESOURCES: Self = Self(2);
    /// Volumes that several tasks use.
    pub const SHARED_RESOURCES: Self = Self(4);
    /// More than one role.
    pub const MULTI_ROLE: Self = Self(8);
    /// Roles below roles.
    pub const HIERARCHICAL_ROLE: Self = Self(16);
    /// Reservations within reservations.
    pub const RESERVATION_REFINEMENT: Self = Self(32);
    /// Agents of other regions.
    pub const REGION_AWARE: Self = Self(64);
    /// The states of tasks on agents that cannot be reached.
    pub const PARTITION_AWARE: Self = Self(128);
    /// The state of a task that is being killed.
    pub const TASK_KILLING_STATE: Self = Self(256);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if all of `other` is in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A role that a framework asks in.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Membership {
    /// The path of the role.
    pub role: String,
    /// It wants no offers in it for now (O6).
    pub suppressed: bool,
    /// What an offer must have at least: all of one of these rows. None: what the allocator demands of all (O9).
    pub least: Option<Vec<Resources>>,
    /// What the attributes of an agent must be like (O10).
    pub constraints: Option<Arc<[Constraint]>>,
}

impl Membership {
    /// Offers in a role, without further wishes.
    #[must_use]
    pub fn of(role: &str) -> Self {
        Self { role: role.into(), ..Self::default() }
    }
}

/// A framework as it registers.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FrameworkSpec {
    /// Who it is.
    pub party: PartyId,
    /// The roles it asks in.
    pub roles: Vec<Membership>,
    /// What it can deal with.
    pub capabilities: Capabilities,
}

/// A role of a framework.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub role: u32,
    /// As a client of the sorter of the role.
    pub client: Client,
    pub suppressed: bool,
    /// How often its filters were cleared.
    pub revivals: u32,
    pub least: Option<Vec<Resources>>,
    pub constraints: Option<Arc<[Constraint]>>,
}

/// A framework.
#[derive(Clone, Debug)]
pub(super) struct Framework {
    pub active: bool,
    pub capabilities: Capabilities,
    pub members: Vec<Member>,
    pub filters: Filters,
    /// Agents whose absence it was asked about and has answered for now, or not yet: see [`super::maintenance`].
    pub asked: Vec<super::maintenance::Asked>,
}

impl Framework {
    pub fn member(&self, role: u32) -> Option<&Member> {
        self.members.iter().find(|member| member.role == role)
    }
}
