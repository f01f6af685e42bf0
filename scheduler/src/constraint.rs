//! What a task demands of a node beyond room: conditions on attributes, as submitted.
//!
//! Values are compared as text. The ledger interns them, so a condition is evaluated once per new value, never per
//! node.

use alloc::string::String;
use alloc::vec::Vec;

/// One required condition on a node attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Constraint {
    /// The attribute's name.
    pub attribute: String,
    /// What its value must be.
    pub condition: Condition,
}

/// What an attribute's value must be. A node without the attribute meets only [`Condition::Absent`] and
/// [`Condition::NotIn`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Condition {
    /// One of these values.
    In(Vec<String>),
    /// None of these values.
    NotIn(Vec<String>),
    /// Any value.
    Exists,
    /// No value.
    Absent,
}

impl Condition {
    /// Whether `value` (None: the node has no such attribute) meets the condition.
    #[must_use]
    pub fn is_met(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::In(values), Some(value)) => values.iter().any(|one| one == value),
            (Self::NotIn(values), Some(value)) => !values.iter().any(|one| one == value),
            (Self::Exists, Some(_)) | (Self::NotIn(_) | Self::Absent, None) => true,
            (Self::In(_) | Self::Exists, None) | (Self::Absent, Some(_)) => false,
        }
    }
}
