//! Groups of nodes that come and go, and the rules that keep them at the size that is needed.
//!
//! A rule, one file of this folder and one line in [`RULES`], is a pure function of what it sees: how many nodes are
//! idle, how many are on their way, how many the waiting tasks would fill.

mod cluster_autoscaler;
mod fenzo;

use windtunnel_scheduler::time::{Span, Time};

/// Nodes of a group that come and go: those beyond `begin` are not there when a run begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elastic {
    /// The group.
    pub name: String,
    /// The position of its first node in the fleet.
    pub first: u32,
    /// How many there can be at most: so many follow each other in the fleet.
    pub most: u32,
    /// How many there are when the run begins: the first.
    pub begin: u32,
    /// How many there must be at least.
    pub least: u32,
    /// From the order until the node takes work. It is paid for from the order on.
    pub boot: Span,
    /// A node that is empty for so long leaves.
    pub idle: Option<Span>,
    /// Nodes are taken away by whoever lends them.
    pub spot: Option<Spot>,
    /// What keeps the group at the size that is needed.
    pub rule: Option<Rule>,
}

impl Elastic {
    /// True if something looks after the size of the group.
    #[must_use]
    pub fn is_ruled(&self) -> bool {
        self.rule.is_some() || self.idle.is_some()
    }
}

/// How nodes that are lent are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// How long one is lent on average; exponential.
    pub mean: Span,
    /// How long it is known before.
    pub warning: Span,
}

/// A rule with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As Netflix's Fenzo.
    Fenzo {
        /// Fewer idle nodes are too few.
        min_idle: u32,
        /// More are too many; so many are there after a rise.
        max_idle: u32,
        /// At least so long between two changes.
        cooldown: Span,
    },
    /// As the cluster-autoscaler of Kubernetes.
    ClusterAutoscaler {
        /// It looks so often.
        scan: Span,
        /// A node with less than so many thousandths in use is not needed.
        below: u32,
        /// It leaves after so long.
        unneeded: Span,
        /// Nobody leaves so soon after a rise.
        after_add: Span,
    },
}

/// An entry of the registry.
pub struct RuleKind {
    /// The word in `autoscale`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The options with their defaults and what they mean.
    pub options: &'static [(&'static str, &'static str, &'static str)],
    /// Where it comes from.
    pub source: &'static str,
}

/// Every rule.
pub static RULES: [&RuleKind; 2] = [&fenzo::FENZO, &cluster_autoscaler::CLUSTER_AUTOSCALER];

/// What a rule sees of its group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight {
    pub now: Time,
    /// Nodes that hold nothing, those that are booting included.
    pub idle: u32,
    /// How many more nodes the waiting tasks would fill, beyond those that boot.
    pub short: u32,
    /// Since when tasks wait; none if none does.
    pub waits_since: Option<Time>,
    /// When nodes were ordered last, and when sent away.
    pub rose: Option<Time>,
    pub fell: Option<Time>,
    /// Nodes that have been little used for as long as the rule asks.
    pub unneeded: u32,
    /// Of these, those that hold nothing.
    pub unneeded_empty: u32,
}

/// What a rule wants, and when it must look again although nothing happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub add: u32,
    pub remove: u32,
    pub look: Option<Time>,
}

impl Rule {
    /// What it wants.
    pub(crate) fn wish(&self, sight: &Sight) -> Wish {
        match *self {
            Self::Fenzo { min_idle, max_idle, cooldown } => fenzo::wish(sight, min_idle, max_idle, cooldown),
            Self::ClusterAutoscaler { scan, after_add, .. } => cluster_autoscaler::wish(sight, scan, after_add),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000)
    }

    #[test]
    fn fenzo_by_hand() {
        let rule = Rule::Fenzo { min_idle: 2, max_idle: 5, cooldown: Span::from_seconds(300) };
        let sight = Sight { now: at(1_000), idle: 1, ..Sight::default() };
        assert_eq!(rule.wish(&sight), Wish { add: 4, ..Wish::default() }, "up to the most, not to the least");
        let hot = Sight { rose: Some(at(800)), ..sight };
        assert_eq!(rule.wish(&hot), Wish { look: Some(at(1_100)), ..Wish::default() }, "not so soon after a change");
        let short = Sight { idle: 0, short: 7, ..hot };
        assert_eq!(rule.wish(&short).add, 7, "who waits is helped at once");
        let full = Sight { idle: 9, ..sight };
        assert_eq!(rule.wish(&full), Wish { remove: 4, ..Wish::default() });
        assert_eq!(rule.wish(&Sight { fell: Some(at(800)), ..full }).look, Some(at(1_100)));
        assert_eq!(rule.wish(&Sight { idle: 3, ..sight }), Wish::default());
        // The first time it waits two minutes at most.
        let first = Sight { now: at(60), idle: 0, ..Sight::default() };
        assert_eq!(rule.wish(&first), Wish { look: Some(at(120)), ..Wish::default() });
    }

    #[test]
    fn the_cluster_autoscaler_by_hand() {
        let minutes = |minutes: u64| Span::from_seconds(60 * minutes);
        let (scan, below) = (Span::from_seconds(10), 500);
        let rule = Rule::ClusterAutoscaler { scan, below, unneeded: minutes(10), after_add: minutes(10) };
        let waits = Sight { now: at(1_005), short: 3, waits_since: Some(at(1_000)), ..Sight::default() };
        assert_eq!(rule.wish(&waits), Wish { look: Some(at(1_010)), ..Wish::default() }, "at its next look");
        assert_eq!(rule.wish(&Sight { now: at(1_010), ..waits }).add, 3);
        let idle = Sight { now: at(2_000), unneeded: 4, unneeded_empty: 3, ..Sight::default() };
        assert_eq!(rule.wish(&idle).remove, 3, "the empty ones together");
        assert_eq!(rule.wish(&Sight { unneeded_empty: 0, ..idle }).remove, 1, "others one by one");
        assert_eq!(rule.wish(&Sight { rose: Some(at(1_500)), ..idle }).look, Some(at(2_100)));
    }
}
