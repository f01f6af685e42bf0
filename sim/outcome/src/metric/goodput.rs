//! How much of the work was not thrown away.

use super::{Better, Metric};

pub(super) const METRICS: &[&[Metric]] = &[&[Metric {
    name: "goodput.<lane>",
    unit: "share",
    better: Better::Higher,
    live: false,
    meaning: "share of the allocated resource-time whose work counts: busy / (busy + lost)",
    source: "summary.json: conservation.<lane>.busy, conservation.<lane>.lost",
}]];
