//! What the fleet could have given, and where it went: see [`crate::conservation`].

use super::{Better, Metric};

const fn part(name: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric {
        name,
        unit: "resource-seconds",
        better,
        live: false,
        meaning,
        source: "whole sums, none derived from the others",
    }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    part("conservation.<lane>.capacity", Better::Neither, "what the fleet is, up or down, times the length of the run"),
    part("conservation.<lane>.busy", Better::Higher, "held by attempts whose work counts"),
    part("conservation.<lane>.lost", Better::Lower, "held by attempts whose work was thrown away"),
    part("conservation.<lane>.idle", Better::Neither, "free on nodes that were up"),
    part("conservation.<lane>.down", Better::Lower, "of nodes that were down"),
    part("conservation.<lane>.residual", Better::Neither, "capacity - busy - lost - idle - down: exactly 0"),
]];
