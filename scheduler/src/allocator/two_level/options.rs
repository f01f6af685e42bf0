//! What an operator sets: the flags of the master that matter for who is offered what.

use alloc::string::String;
use alloc::vec::Vec;

use super::Quota;
use crate::resources::{CPU, DISK, MEMORY, Resources};
use crate::time::Span;

/// How often the whitelist is read (R6).
pub const WHITELIST_EVERY: Span = Span::from_seconds(5);
/// What an agent has that says nothing of itself: one core, 1 GiB, 10 GiB of disk (R4), and as many ports as from 31000
/// to 32000.
pub const AGENT_FALLBACK: (Resources, u32) = (Resources([1000, 1024, 10 * 1024, 0, 0, 0, 0, 0]), 1001);
/// What an executor takes beside its tasks unless it says otherwise (R4).
pub const EXECUTOR_OVERHEAD: Resources = Resources::new(100, 32);

/// When offers are made again after a failover with quotas (Q5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Recovery {
    /// How many of a hundred agents must be back.
    pub agents_percent: u32,
    /// However few are back by then.
    pub at_most: Span,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { agents_percent: 80, at_most: Span::from_seconds(600) }
    }
}

/// Resources that the flags of some agents reserve.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StaticReservation {
    /// For which role.
    pub role: String,
    /// On agents whose attribute (the first) has this value (the second); none: on all.
    pub on: Option<(String, String)>,
    /// How much on each.
    pub resources: Resources,
}

/// What an operator sets.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Options {
    /// Which role is next; see [`crate::allocator::sorter::SORTERS`].
    pub role_sorter: String,
    /// Which framework of the role is next.
    pub framework_sorter: String,
    /// How long the allocator waits between two periodic runs (O3).
    pub interval: Span,
    /// Offers that are not answered by then are taken back; none: they never are (O7).
    pub offer_timeout: Option<Span>,
    /// What an offer must have at least: all of one of these rows (O9).
    pub least: Vec<Resources>,
    /// Lanes, as bits, that do not count towards a share.
    pub excluded: u8,
    /// Lanes, as bits, that are no scalars but counted (ports).
    pub sets: u8,
    /// The region of the allocator; agents of others go to frameworks that can deal with them (R5).
    pub region: Option<String>,
    /// Weights by role.
    pub weights: Vec<(String, f64)>,
    /// Quotas by top-level role.
    pub quotas: Vec<(String, Quota)>,
    /// Agents with gpus go only to frameworks that ask for them.
    pub keeps_gpus: bool,
    /// Agents come up in a new random order in every run (O2); otherwise by number.
    pub shuffles: bool,
    /// Resources that the flags of agents reserve.
    pub reservations: Vec<StaticReservation>,
    /// What is waited for after a failover with quotas.
    pub recovery: Recovery,
    /// The key of every draw.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            role_sorter: "drf".into(),
            framework_sorter: "drf".into(),
            interval: Span::from_seconds(1),
            offer_timeout: None,
            least: least_default(),
            excluded: 0,
            sets: 0,
            region: None,
            weights: Vec::new(),
            quotas: Vec::new(),
            keeps_gpus: true,
            shuffles: true,
            reservations: Vec::new(),
            recovery: Recovery::default(),
            seed: 0,
        }
    }
}

/// 0.01 of a core, or 32 MiB.
fn least_default() -> Vec<Resources> {
    alloc::vec![Resources::new(10, 0), Resources::new(0, 32)]
}

/// 0.01 of a core, 32 MiB and a port: what DC/OS sets (O9). `ports` is the lane of ports.
#[must_use]
pub fn least_dcos(ports: usize) -> Vec<Resources> {
    let mut row = Resources::new(10, 32);
    debug_assert!(ports != CPU && ports != MEMORY && ports != DISK, "ports have a lane of their own");
    row[ports] = 1;
    alloc::vec![row]
}
