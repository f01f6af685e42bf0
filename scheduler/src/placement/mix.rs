//! A weighted mix.
//!
//! **What it prefers.** The node with the largest sum of `weight x points`. Every part gives a node 0 to 100 points by
//! itself, without looking at the other nodes; what they are is said in the part's own file. Points are cut into 2^20
//! pieces, so a part that is finer than whole points keeps its order, and one that gives whole points is added as
//! kubernetes adds its scores. A device is chosen by the heaviest part that has an opinion, the first among equals.
//! **When it is bad.** Weights that nobody measured: parts whose points differ little between nodes have little say
//! whatever their weight.
//! **Source.** kubernetes framework/runtime `RunScorePlugins`: the sum of weight times score, scores from 0 to 100.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::search::{CHOICES, PERCENT, search};
use super::{Part, Placement};
use crate::config::{Choice, Config};
use crate::event::GpuSet;
use crate::index::{Place, Rank};
use crate::ledger::{Ledger, Node, Shape};
use crate::registry::OptionNote;

/// The weight of a part, among its options.
const WEIGHT: &str = "weight";
/// Weights are whole; this much keeps a sum of 1,000 parts far from the end of an i64.
const HEAVIEST: f64 = 1_000.0;
const PARTS_MOST: usize = 64;

/// See the module.
#[derive(Clone)]
pub struct Mix {
    parts: Vec<(i64, Box<dyn Part>)>,
}

impl Mix {
    /// A mix of the parts that are found in `placements`; None if one is not, or cannot be a part.
    #[must_use]
    pub fn new(placements: &[Placement], config: &Config) -> Option<Self> {
        let make = |(weight, choice): (i64, Choice)| {
            let entry = placements.iter().find(|entry| entry.is_called(&choice.name))?;
            let config = Config { placement: choice, ..config.clone() };
            if entry.name == ENTRY.name {
                return Some((weight, Box::new(Self::new(placements, &config)?) as Box<dyn Part>));
            }
            Some((weight, (entry.part?)(&config)))
        };
        let parts = parts(&config.placement).ok()?.into_iter().map(make).collect::<Option<_>>()?;
        Some(Self { parts })
    }
}

impl Clone for Box<dyn Part> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl Rank for Mix {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        self.parts.iter().map(|(weight, part)| weight * part.points(shape, node)).sum()
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let whole: i64 = self.parts.iter().map(|(weight, _)| weight).sum();
        self.rank(shape, node).checked_div(whole).unwrap_or(0)
    }

    fn prepare(&mut self, ledger: &Ledger) {
        self.parts.iter_mut().for_each(|(_, part)| part.prepare(ledger));
    }

    fn devices(&self, shape: &Shape, node: Node<'_>) -> Option<GpuSet> {
        let wanted = self.parts.iter().map(|(weight, part)| (*weight, part.devices(shape, node)));
        let heavier = |best: (i64, Option<GpuSet>), next: (i64, Option<GpuSet>)| match next.1 {
            Some(_) if best.1.is_none() || next.0 > best.0 => next,
            _ => best,
        };
        wanted.fold((0, None), heavier).1
    }
}

/// What is mixed if nobody says.
fn usual() -> Vec<Choice> {
    vec![Choice::named("least-allocated"), Choice::named("balanced")]
}

/// The parts of a mix with their weights. A part without a weight weighs 1.
///
/// # Errors
/// The option that cannot be followed, and what to write instead.
pub(super) fn parts(choice: &Choice) -> Result<Vec<(i64, Choice)>, (&'static str, &'static str)> {
    if !choice.options.contains_key(ENTRY.name) {
        return Ok(usual().into_iter().map(|part| (1, part)).collect());
    }
    let fix = "write a list of parts such as [{ name = \"balanced\", weight = 2 }, { name = \"best-fit\" }]";
    let parts = choice.nested(ENTRY.name).filter(|parts| !parts.is_empty() && parts.len() <= PARTS_MOST);
    let weigh = |mut part: Choice| {
        if [CHOICES, PERCENT].iter().any(|note| part.options.contains_key(note.name)) {
            return Err((ENTRY.name, "nodes are sampled for the mix as a whole; write the option beside `mix`"));
        }
        let weight = part.number(WEIGHT);
        let is_given = part.options.remove(WEIGHT).is_some();
        let weight = if is_given { weight } else { Some(1.0) };
        // A whole number has no fraction.
        let weight = weight.filter(|weight| (1.0..=HEAVIEST).contains(weight) && *weight == (*weight as i64) as f64);
        let weight = weight.ok_or((ENTRY.name, "a part has a bad `weight`; write a whole number from 1 to 1000"))?;
        Ok((weight as i64, part))
    };
    parts.ok_or((ENTRY.name, fix))?.into_iter().map(weigh).collect()
}

/// A mix of what is built in, without parts if it is of anything else; [`super::build`] finds that too.
fn build(config: &Config) -> Box<dyn Place> {
    search(config, Mix::new(super::PLACEMENTS, config).unwrap_or(Mix { parts: Vec::new() }))
}

pub(super) const ENTRY: Placement = Placement {
    name: "mix",
    aliases: &[],
    summary: "the node with the largest weighted sum of the points of several policies",
    options: &[
        OptionNote {
            name: "mix",
            default: "least-allocated and balanced",
            meaning: "its parts: a list of { name = .., weight = .., options of the part }; a mix may be a part",
        },
        CHOICES,
        PERCENT,
    ],
    source: "kubernetes framework, weighted scores",
    build,
    part: None,
};
