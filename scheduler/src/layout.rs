//! How the tasks of one job are to lie in the fleet: conditions that depend on where its other tasks are.
//!
//! A node's *value* is that of an attribute or of a kind of domain, or the node itself
//! ([`crate::constraint::HOSTNAME`]). A node without a value meets no rule. Every rule sees the tasks of its own job
//! only, those that hold room now. Replicas of a service that come later, for a next version, are of the same job.

use alloc::string::String;
use alloc::vec::Vec;

use crate::constraint::Constraint;

/// What a job demands or prefers of the places of its tasks together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Layout {
    /// All must be met by a node that takes one more task.
    pub rules: Vec<Rule>,
    /// Nodes that meet more of these, by weight, come before all others; the placement policy chooses among equals. At
    /// most [`Layout::PREFERENCES_MOST`].
    pub preferences: Vec<Preference>,
    /// Domains that a gang is to lie in as a whole, the finest first.
    pub within: Vec<Level>,
    /// How the domains and nodes of such a gang are chosen.
    pub choose: Choose,
}

impl Layout {
    /// The most preferences of one job: every combination is a search of its own.
    pub const PREFERENCES_MOST: usize = 4;

    /// True if nothing depends on where other tasks of the job are, so that equal layouts can stand for each other.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.rules.is_empty() && self.preferences.iter().all(|preference| matches!(preference.wish, Wish::Node(_)))
    }
}

/// A rule about one attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rule {
    /// An attribute, a kind of domain, or `hostname`.
    pub attribute: String,
    /// Which values may have one more task.
    pub law: Law,
}

/// Which values may have one more task, by how many tasks each has. The first five are Marathon's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Law {
    /// Those with none: UNIQUE, anti-affinity.
    Unique,
    /// That of the first task: CLUSTER without a value.
    Cluster,
    /// Those with fewer than this: MAX_PER.
    MaxPer(u32),
    /// GROUP_BY as of Marathon 1.10: each of so many values gets an equal part of the tasks, as many of them as
    /// are left over one more. A value that has none is taken up only while fewer than so many have some.
    GroupBy(u32),
    /// GROUP_BY before: a value that has none may always be taken up; one that has some only if at least so many have
    /// some and it has the fewest of them.
    GroupByOld(u32),
    /// Spread as in Kubernetes: no value gets more than `most` tasks above the value with the fewest. Values count that
    /// a node has which is up and meets the job's constraints; if there are fewer than `domains`, the fewest is 0.
    Skew {
        /// The largest difference.
        most: u32,
        /// How many values there are to be at least.
        domains: u32,
    },
}

/// What is better if it can be had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Preference {
    /// Against the other preferences of the job: a node's standing is the sum over those that it meets.
    pub weight: u32,
    /// What a node should meet.
    pub wish: Wish,
}

/// What a node should meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Wish {
    /// A condition on the node alone.
    Node(Constraint),
    /// A rule about where the other tasks are.
    Rule(Rule),
}

/// A kind of domain that a gang is to lie in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    /// The kind, an attribute, or `hostname`.
    pub kind: String,
    /// Whether it waits until it fits into one; otherwise the next, coarser level is tried.
    pub required: bool,
}

/// How the domains of a gang are chosen, and the nodes within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Choose {
    /// As few domains as possible, at every level down to nodes: the one with the least room that takes all that is
    /// left, else the one with the most.
    #[default]
    BestFit,
    /// The domains with the least room first, so that large rooms stay whole.
    LeastFragmentation,
}
