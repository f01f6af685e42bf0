//! Next fit.
//!
//! **What it prefers.** The node chosen last, then the next one in fleet order that fits, going around.
//! **When it is bad.** Packing: what was left behind is seen again only after a whole round. It is cheap and spreads
//! wear.
//! **Source.** Textbook next fit (Johnson 1973), made cyclic since nodes empty again.

use alloc::boxed::Box;

use super::Placement;
use crate::index::Cyclic;

pub(super) const ENTRY: Placement = Placement {
    name: "next-fit",
    summary: "from the node chosen last on, the next in fleet order that fits",
    options: &[],
    source: "textbook (Johnson 1973), cyclic",
    build: |_| Box::new(Cyclic::default()),
};
