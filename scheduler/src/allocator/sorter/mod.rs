//! Sorters: which role, and which framework of it, is offered resources next. One small file each, one line in
//! [`SORTERS`]; the tree of roles that all of them sort is kept here.

mod drf;
mod random;
#[cfg(test)]
mod tests;
mod tree;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::registry::{Entry, OptionNote};
use crate::resources::{Resources, Totals};

pub use drf::Drf;
pub use random::Random;
pub use tree::Tree;

/// A client of a sorter: a role, or a framework within its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client(pub u32);

/// Puts clients in order. Clients stand in a tree, by their paths (`eng/backend`): siblings are compared with each
/// other, and the order is that of the active leaves as the tree is walked from the top.
pub trait Sorter: Send {
    /// The books of what everybody holds.
    fn tree(&self) -> &Tree;

    /// A new client, not active yet, with the weight that its path was given.
    fn add(&mut self, path: &str) -> Client;

    /// Forgets a client that holds nothing.
    fn remove(&mut self, client: Client);

    /// Whether the client takes part in the order.
    fn set_active(&mut self, client: Client, active: bool);

    /// The weight of a path, whether or not it is a client already. Not below zero, and finite.
    fn set_weight(&mut self, path: &str, weight: f64);

    /// The resources that shares are shares of.
    fn set_total(&mut self, total: &Totals);

    /// The client was given something, or was offered it, which is the same (O8).
    fn allocated(&mut self, client: Client, what: &Resources);

    /// The client gave something back.
    fn unallocated(&mut self, client: Client, what: &Resources);

    /// Begins a new order. `key` is what chance is keyed by: the same key gives the same order.
    fn begin(&mut self, key: u64);

    /// The next client in the order that was begun. Not to be mixed with changes.
    fn next(&mut self) -> Option<Client>;

    /// A copy in the same state.
    fn copy(&self) -> Box<dyn Sorter>;

    /// The whole order, by path: what tests and explanations ask for.
    fn sorted(&mut self, key: u64) -> Vec<String> {
        self.begin(key);
        let mut paths = Vec::new();
        while let Some(client) = self.next() {
            paths.push(self.tree().path(client).into());
        }
        paths
    }
}

/// A sorter in the registry.
#[derive(Clone, Copy)]
pub struct SorterEntry {
    /// The name in scenarios.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Makes one. Lanes whose bit is set in the mask do not count towards a share.
    pub build: fn(u64, u8) -> Box<dyn Sorter>,
}

impl Entry for SorterEntry {
    fn name(&self) -> &'static str {
        self.name
    }
    fn summary(&self) -> &'static str {
        self.summary
    }
    fn options(&self) -> &'static [OptionNote] {
        &[]
    }
    fn source(&self) -> &'static str {
        self.source
    }
}

/// Every sorter, by name.
pub static SORTERS: &[SorterEntry] = &[drf::ENTRY, random::ENTRY];
