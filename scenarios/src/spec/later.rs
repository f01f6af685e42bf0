//! Tables that the design knows and this version does not: named, so that they are refused and never passed over.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};

/// A key that must not be given yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Later;

/// The end of the sentence about such a key.
pub(super) const REFUSAL: &str = "is not supported by this version; take it out";

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Err(D::Error::custom(REFUSAL))
    }
}
