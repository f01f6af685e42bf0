//! A machine that may not be given new work.

use super::{Effect, FaultModel};

/// The registry entry.
pub static SOFT: FaultModel = FaultModel {
    name: "soft",
    summary: "what runs goes on, nothing new may begin",
    bare: "",
    options: &[],
    source: "Alibaba cluster trace v2017: softerror",
    make: |_| Ok(Effect::Soft),
};
