//! Placement policies: which node a task goes to. One small file each, one line in [`PLACEMENTS`].

mod balanced;
mod best_fit;
mod dot_product;
mod e_pvm;
mod fgd;
mod fgd_best_fit;
mod first_fit;
mod fragmentation;
mod gpu_clustering;
mod gpu_packing;
mod kubernetes_balanced_allocation;
mod l2_norm;
mod lanes;
mod least_allocated;
mod lifetime_aware;
mod mix;
mod most_allocated;
mod next_fit;
mod nomad_binpack;
mod nomad_spread;
mod random;
mod requested_to_capacity_ratio;
mod search;
mod tetris;
mod worst_fit;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::{Choice, Config};
use crate::event::GpuSet;
use crate::index::{Place, Rank};
use crate::ledger::{Ledger, Node, Shape};
use crate::registry::{Entry, OptionNote};

pub use balanced::Balanced;
pub use best_fit::BestFit;
pub use dot_product::DotProduct;
pub use e_pvm::EPvm;
pub use fgd::Fgd;
pub use fgd_best_fit::FgdBestFit;
pub use first_fit::FirstFit;
pub use gpu_clustering::GpuClustering;
pub use gpu_packing::GpuPacking;
pub use kubernetes_balanced_allocation::KubernetesBalancedAllocation;
pub use l2_norm::L2Norm;
pub use least_allocated::LeastAllocated;
pub use mix::Mix;
pub use most_allocated::MostAllocated;
pub use nomad_binpack::{NomadBinpack, score_fit};
pub use nomad_spread::{NomadSpread, score_spread};
pub use requested_to_capacity_ratio::RequestedToCapacityRatio;
pub use search::{part, search};
pub use tetris::Tetris;
pub use worst_fit::WorstFit;

/// Makes a policy as a part of a mix, for a party with this configuration.
pub type BuildPart = fn(&Config) -> Box<dyn Part>;

/// A placement policy in the registry.
#[derive(Clone, Copy)]
pub struct Placement {
    /// The name in scenarios.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// One line: what it prefers.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// Makes one, for a party with this configuration.
    pub build: fn(&Config) -> Box<dyn Place>,
    /// Makes one that gives points in a mix; None for a policy that does not rank nodes one by one.
    pub part: Option<BuildPart>,
}

impl Placement {
    /// True if scenarios may call it so.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// A [`Rank`] as a part of a mix.
pub trait Part: Send {
    /// See [`Rank::points`].
    fn points(&self, shape: &Shape, node: Node<'_>) -> i64;
    /// See [`Rank::prepare`].
    fn prepare(&mut self, ledger: &Ledger);
    /// See [`Rank::devices`].
    fn devices(&self, shape: &Shape, node: Node<'_>) -> Option<GpuSet>;
    /// A copy in the same state.
    fn copy(&self) -> Box<dyn Part>;
}

impl<R: Rank> Part for R {
    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        Rank::points(self, shape, node)
    }
    fn prepare(&mut self, ledger: &Ledger) {
        Rank::prepare(self, ledger);
    }
    fn devices(&self, shape: &Shape, node: Node<'_>) -> Option<GpuSet> {
        Rank::devices(self, shape, node)
    }
    fn copy(&self) -> Box<dyn Part> {
        Box::new(self.clone())
    }
}

impl Entry for Placement {
    fn name(&self) -> &'static str {
        self.name
    }
    fn summary(&self) -> &'static str {
        self.summary
    }
    fn options(&self) -> &'static [OptionNote] {
        self.options
    }
    fn source(&self) -> &'static str {
        self.source
    }
}

/// Every placement policy, by name.
pub static PLACEMENTS: &[Placement] = &[
    balanced::ENTRY,
    best_fit::ENTRY,
    dot_product::ENTRY,
    e_pvm::ENTRY,
    fgd::ENTRY,
    fgd_best_fit::ENTRY,
    first_fit::ENTRY,
    gpu_clustering::ENTRY,
    gpu_packing::ENTRY,
    kubernetes_balanced_allocation::ENTRY,
    l2_norm::ENTRY,
    least_allocated::ENTRY,
    lifetime_aware::ENTRY,
    mix::ENTRY,
    most_allocated::ENTRY,
    next_fit::ENTRY,
    nomad_binpack::ENTRY,
    nomad_spread::ENTRY,
    random::ENTRY,
    requested_to_capacity_ratio::ENTRY,
    tetris::ENTRY,
    worst_fit::ENTRY,
];

/// The policy that a configuration asks for; a mix may have parts that are not built in. None if
/// [`misuse`] or an unknown name stands in the way.
#[must_use]
pub fn build(placements: &[Placement], config: &Config) -> Option<Box<dyn Place>> {
    let entry = placements.iter().find(|entry| entry.is_called(&config.placement.name))?;
    if entry.name == mix::ENTRY.name {
        return Mix::new(placements, config).map(|mix| search(config, mix));
    }
    Some((entry.build)(config))
}

/// The parts of a mix, each as if it were chosen alone; none for any other policy.
///
/// # Errors
/// The option that cannot be followed, and what to write instead.
pub fn parts(choice: &Choice) -> Result<Vec<Choice>, (&'static str, &'static str)> {
    if choice.name != mix::ENTRY.name {
        return Ok(Vec::new());
    }
    Ok(mix::parts(choice)?.into_iter().map(|(_, part)| part).collect())
}

/// Why the options of a policy that is built in cannot be followed; None if they can.
#[must_use]
pub fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let entry = PLACEMENTS.iter().find(|entry| entry.is_called(&choice.name))?;
    search::misuse(choice)
        .or_else(|| lanes::misuse(choice, entry.options))
        .or_else(|| requested_to_capacity_ratio::misuse(choice))
        .or_else(|| e_pvm::misuse(choice))
        .or_else(|| fgd::misuse(choice))
        .or_else(|| lifetime_aware::misuse(choice))
        .or_else(|| mix::parts(choice).err().filter(|_| choice.name == mix::ENTRY.name))
}

#[cfg(test)]
mod tests;
