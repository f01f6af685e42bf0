//! Words for what the core only has names for.

use windtunnel_outcome::rows::Cause;

/// Where waiting went, as the end of a sentence: "of all waiting was ...".
pub(crate) const fn cause_in_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Capacity => "for room: the fleet was too full",
        Cause::Fragmentation => "for room on a single node, though there was room in all",
        Cause::Constraint => "for nodes that constraints allow",
        Cause::HeadOfLine => "behind a job that may not be passed",
        Cause::Gang => "for room for whole gangs",
        Cause::Decision => "for the scheduler to think",
        Cause::Launch => "for the launch of what was placed",
        Cause::Quota => "for a quota, a limit or a share to allow more",
        Cause::Backoff => "for a back-off to end",
        Cause::OfferCycle => "for offers of room that was there",
        Cause::Detection => "on machines that were gone without anybody knowing",
        Cause::Rerun => "for placements that came to nothing",
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
