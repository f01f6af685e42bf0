//! Random.
//!
//! **What it prefers.** Nothing: every node that fits is equally likely. The draw is keyed by (seed, task), so it does
//! not depend on what was drawn before.
//! **When it is bad.** Packing. It is the baseline that a policy must beat.
//! **Source.** Textbook; the baseline of most studies.

use alloc::boxed::Box;

use super::Placement;
use crate::index::Uniform;

pub(super) const ENTRY: Placement = Placement {
    name: "random",
    summary: "any node that fits, all equally likely, by keyed draws",
    options: &[],
    source: "textbook",
    build: |config| Box::new(Uniform { seed: config.seed }),
};
