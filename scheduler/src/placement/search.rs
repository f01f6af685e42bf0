//! How the nodes are searched that a policy ranks: all of them, or a sample as its options say.

use alloc::boxed::Box;

use super::Part;
use crate::config::{Choice, Config};
use crate::index::{Candidates, Choices, Count, Place, Rank, Rotating};
use crate::registry::OptionNote;

/// The best of so many nodes drawn.
pub(super) const CHOICES: OptionNote = OptionNote {
    name: "choices",
    default: "",
    meaning: "rank only so many nodes, drawn among those that fit: a number, or \"log2\" of the number of nodes",
};

/// The best of the first that fit, going around.
pub(super) const PERCENT: OptionNote = OptionNote {
    name: "percentage_of_nodes_to_score",
    default: "",
    meaning: "rank only so many percent of the nodes, the next in fleet order that fit, at least 100; 0: fewer the \
              more there are (kubernetes)",
};

/// The options of every policy that ranks nodes.
pub(super) const SAMPLED: &[OptionNote] = &[CHOICES, PERCENT];

/// The sample that a choice asks for.
fn count(choice: &Choice) -> Option<Count> {
    match choice.text("choices") {
        Some("log2") => Some(Count::Log2),
        Some(_) => None,
        None => choice.whole("choices").map(|count| Count::Of(u32::try_from(count).unwrap_or(u32::MAX))),
    }
}

/// A policy with the search that the configuration asks for.
pub fn search<R: Rank>(config: &Config, policy: R) -> Box<dyn Place> {
    search_else(config, policy, |policy| Box::new(Candidates::new(policy)))
}

/// The same, with a search of its own where all nodes are to be ranked.
pub(super) fn search_else<R: Rank>(
    config: &Config,
    policy: R,
    all: impl FnOnce(R) -> Box<dyn Place>,
) -> Box<dyn Place> {
    let choice = &config.placement;
    if let Some(count) = count(choice) {
        return Box::new(Choices::new(policy, count, config.seed));
    }
    match choice.number(PERCENT.name) {
        Some(percent) => Box::new(Rotating::new(policy, percent as u64)),
        None => all(policy),
    }
}

/// Why the sampling options of a choice cannot be followed; None if they can.
pub(super) fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let has = |option: &str| choice.options.contains_key(option);
    if has(CHOICES.name) && has(PERCENT.name) {
        return Some((PERCENT.name, "`choices` draws a sample already; keep one of the two"));
    }
    if has(CHOICES.name) && count(choice).is_none() {
        return Some((CHOICES.name, "write a whole number from 1, or \"log2\""));
    }
    let percent = |number: f64| (0.0..=100.0).contains(&number);
    let is_bad = has(PERCENT.name) && !choice.number(PERCENT.name).is_some_and(percent);
    is_bad.then_some((PERCENT.name, "write a number from 0 to 100"))
}

/// A policy as a part of a mix.
pub fn part<R: Rank>(policy: R) -> Box<dyn Part> {
    Box::new(policy)
}
