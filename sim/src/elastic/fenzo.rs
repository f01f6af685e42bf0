//! Fenzo keeps between so few and so many idle nodes.
//!
//! **What it does.** With too few idle nodes it orders up to the most, not up to the least; with too many it sends the
//! rest away; neither sooner than a pause after the last change. Tasks that wait are helped without the pause.
//! **When it is bad.** Where tasks are large: one idle node too small for them counts all the same.
//! **Source.** Netflix, Fenzo: `AutoScaler`, `ShortfallEvaluator`.

use windtunnel_scheduler::time::{Span, Time};

use super::{RuleKind, Sight, Wish};

/// The first pause is no longer than this.
const FIRST: Span = Span::from_seconds(120);

/// The registry entry.
pub static FENZO: RuleKind = RuleKind {
    name: "fenzo",
    summary: "between min_idle and max_idle idle nodes; waiting tasks are helped at once",
    options: &[
        ("min_idle", "1", "fewer are too few"),
        ("max_idle", "3", "more are too many; so many are there after a rise"),
        ("cooldown", "5m", "at least so long between two changes"),
    ],
    source: "Netflix, Fenzo: AutoScaler",
};

pub(super) fn wish(sight: &Sight, min_idle: u32, max_idle: u32, cooldown: Span) -> Wish {
    let last = [sight.rose, sight.fell].into_iter().flatten().max();
    let ready = last.map_or(Time::ZERO + Span(cooldown.0.min(FIRST.0)), |last| last + cooldown);
    let (few, many) = (sight.idle < min_idle, sight.idle > max_idle);
    if sight.short > 0 {
        return Wish { add: sight.short, ..Wish::default() };
    }
    if !few && !many {
        return Wish::default();
    }
    if sight.now < ready {
        return Wish { look: Some(ready), ..Wish::default() };
    }
    Wish { add: if few { max_idle - sight.idle } else { 0 }, remove: sight.idle.saturating_sub(max_idle), look: None }
}
