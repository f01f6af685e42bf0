//! What chance and calendars break. A source says when domains of the fleet are struck; a model, one file of this
//! folder and one line in [`FAULTS`], says what a strike does to a node while it lasts.
//!
//! Every source keeps one pending instant per domain, outside the agenda: what breaks later does not keep a run alive.
//! All draws are keyed by the name of the domain, so that two runs under comparison meet the same failures.

mod domains;
mod engine;
mod gpu;
mod outage;
mod partition;
mod slow;
mod soft;
#[cfg(test)]
mod tests;
mod upkeep;

use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::synthetic::{BadTerm, Choosable, Law, Terms};

pub use domains::Domains;
pub(crate) use engine::{Engine, Strike};
pub use upkeep::Upkeep;
pub(crate) use upkeep::{Rounds, Stage};

/// Everything that may break in a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// In file order.
    pub sources: Vec<FaultSource>,
    /// Planned work on the machines.
    pub upkeep: Vec<Upkeep>,
}

/// One source of strikes.
#[derive(Clone, Debug)]
pub struct FaultSource {
    /// What it is called in results and what keys its draws: unique within a run.
    pub name: String,
    /// What it does.
    pub effect: Effect,
    /// When.
    pub when: When,
}

/// When a source strikes.
#[derive(Clone, Debug)]
pub enum When {
    /// Each domain of a kind fails and is repaired by chance.
    Chance(Chance),
    /// As listed, in any order.
    Listed(Vec<Listed>),
}

/// How domains of one kind fail and are repaired.
#[derive(Clone, Debug)]
pub struct Chance {
    /// `node`, or a kind of domain that nodes are in.
    pub kind: String,
    /// From the end of a repair to the next failure.
    pub between: Law,
    /// How long the work of repairing takes.
    pub repair: Law,
    /// How many domains of this source can be repaired at once; 0 for any number.
    pub crews: u32,
    /// Whether another failure is likely soon after one.
    pub repeat: Option<Repeat>,
    /// Whether a failure takes others along.
    pub burst: Option<Burst>,
    /// Whether every domain is new when the run begins; otherwise it is met in the middle of its life.
    pub fresh: bool,
}

/// After a repair the next failure may come early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeat {
    /// How likely.
    pub chance: f64,
    /// Anywhere within this span, evenly.
    pub within: Span,
}

/// A failure may take along others of the same source that share a domain with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// How likely.
    pub chance: f64,
    /// The kind of the domain that they share.
    pub kind: String,
    /// How likely each of the others is to fail too.
    pub share: f64,
    /// Anywhere within this span, evenly.
    pub within: Span,
}

/// A strike that is known beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Positions of the nodes in the fleet.
    pub nodes: Box<[u32]>,
    /// When it begins.
    pub begin: Time,
    /// When all is well again; [`Time::NEVER`] if not in this run.
    pub end: Time,
}

/// What a strike does to a node while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The node is dead: its tasks are lost, nothing runs.
    Outage,
    /// Nobody can reach the node: its tasks run on, and end, unheard.
    Partition,
    /// Work goes on at so many thousandths of its pace.
    Slow {
        /// From 1 to 1000.
        permille: u32,
    },
    /// What runs goes on; nothing new may begin.
    Soft,
    /// So many of its gpu devices are gone, the lowest first, with the tasks on them.
    Gpu {
        /// How many.
        count: u8,
    },
}

/// A model of faults, as scenario files know it.
pub struct FaultModel {
    /// The word behind `does`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The option that a bare value sets (`{ slow = 0.5 }`); empty if a table is needed.
    pub bare: &'static str,
    /// The options.
    pub options: &'static [Choosable],
    /// Where the model comes from.
    pub source: &'static str,
    /// Makes one.
    pub make: fn(&Terms) -> Result<Effect, BadTerm>,
}

/// Every model.
pub static FAULTS: [&FaultModel; 5] =
    [&outage::OUTAGE, &partition::PARTITION, &slow::SLOW, &soft::SOFT, &gpu::GPU_LOSS];

impl FaultModel {
    /// The effect out of options.
    ///
    /// # Errors
    /// If an option is unknown, missing or out of range.
    pub fn effect(&self, terms: &Terms) -> Result<Effect, BadTerm> {
        terms.check(self.name, self.options)?;
        (self.make)(terms)
    }
}

/// The model with this name.
#[must_use]
pub fn model(name: &str) -> Option<&'static FaultModel> {
    FAULTS.iter().copied().find(|model| model.name == name)
}
