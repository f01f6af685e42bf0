//! A weighted shuffle.
//!
//! **What it prefers.** Nobody: each order is drawn anew, and the chance to come first is proportional to the weight.
//! **When it is bad.** It looks at no share: whoever accepts everything gets the most.
//! **Source.** Apache Mesos sorter/random (weights flattened through the tree; Efraimidis and Spirakis 2006). Drawing
//! one after the other by weight gives the same law as sorting by u^(1/w), and stops where the walk stops.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::tree::{NONE, ROOT, Tree};
use super::{Client, Sorter, SorterEntry};
use crate::draw::{Kind, below, unit};
use crate::resources::{Resources, Totals};

/// The stream of draws of this sorter.
const SHUFFLE: Kind = 0x736f_7274;

pub(super) const ENTRY: SorterEntry = SorterEntry {
    name: "random",
    summary: "a new order for every agent, the chance to come first in proportion to the weight",
    source: "Apache Mesos sorter/random; Efraimidis and Spirakis 2006",
    build: |seed, excluded| Box::new(Random::new(seed, excluded)),
};

/// See the module.
#[derive(Clone)]
pub struct Random {
    tree: Tree,
    seed: u64,
    /// The active clients, and their weights relative to all.
    leaves: Vec<(u32, f64)>,
    weighted: bool,
    dirty: bool,
    key: u64,
    /// Drawn so far in the order that was begun; the drawn ones stand at the front.
    drawn: usize,
    /// The weight of those that are not drawn yet.
    left: f64,
    /// What was swapped, to be undone: the order depends on nothing but its key.
    swaps: Vec<u32>,
}

impl Random {
    /// No clients.
    #[must_use]
    pub fn new(seed: u64, excluded: u8) -> Self {
        Self {
            tree: Tree::new(excluded),
            seed,
            leaves: Vec::new(),
            weighted: false,
            dirty: true,
            key: 0,
            drawn: 0,
            left: 0.0,
            swaps: Vec::new(),
        }
    }

    /// Finds the active clients in order of their paths, and what each weighs among all.
    fn flatten(&mut self) {
        let mut found: Vec<(u32, u32, f64)> = Vec::new();
        let mut ahead = alloc::vec![(ROOT, 1.0_f64)];
        while let Some((at, weight)) = ahead.pop() {
            let place = &self.tree.places[at as usize];
            if place.client != NONE {
                found.push((at, place.client, weight));
                continue;
            }
            let live = || place.children.iter().map(|&child| (child, &self.tree.places[child as usize]));
            let live = || live().filter(|(_, child)| child.active > 0);
            let sum: f64 = live().map(|(_, child)| child.weight).sum();
            ahead.extend(live().map(|(at, child)| (at, weight * child.weight / sum)));
        }
        found.sort_unstable_by(|one, other| self.tree.path_at(one.0).cmp(self.tree.path_at(other.0)));
        self.leaves.clear();
        self.leaves.extend(found.iter().map(|&(_, client, weight)| (client, weight)));
        self.weighted = self.leaves.windows(2).any(|pair| pair[0].1 != pair[1].1);
        self.dirty = false;
    }

    fn draw(&self) -> usize {
        let (from, count) = (self.drawn, self.leaves.len());
        if !self.weighted {
            return from + below((count - from) as u64, self.seed, SHUFFLE, self.key, from as u64) as usize;
        }
        let mut mark = unit(self.seed, SHUFFLE, self.key, from as u64) * self.left;
        for at in from..count - 1 {
            mark -= self.leaves[at].1;
            if mark < 0.0 {
                return at;
            }
        }
        count - 1
    }
}

impl Sorter for Random {
    fn tree(&self) -> &Tree {
        &self.tree
    }

    fn add(&mut self, path: &str) -> Client {
        self.dirty = true;
        self.tree.add(path)
    }

    fn remove(&mut self, client: Client) {
        self.dirty = true;
        self.tree.set_active(client, false);
        self.tree.remove(client);
    }

    fn set_active(&mut self, client: Client, active: bool) {
        self.dirty |= self.tree.set_active(client, active);
    }

    fn set_weight(&mut self, path: &str, weight: f64) {
        self.dirty = true;
        self.tree.set_weight(path, weight);
    }

    fn set_total(&mut self, total: &Totals) {
        self.tree.set_total(total);
    }

    fn allocated(&mut self, client: Client, what: &Resources) {
        let mut at = self.tree.place_of(client);
        while at != NONE {
            self.tree.allocated(at, what);
            at = self.tree.places[at as usize].parent;
        }
    }

    fn unallocated(&mut self, client: Client, what: &Resources) {
        let mut at = self.tree.place_of(client);
        while at != NONE {
            self.tree.unallocated(at, what);
            at = self.tree.places[at as usize].parent;
        }
    }

    fn begin(&mut self, key: u64) {
        if self.dirty {
            self.swaps.clear();
            self.flatten();
        }
        while let Some(with) = self.swaps.pop() {
            self.leaves.swap(self.swaps.len(), with as usize);
        }
        self.key = key;
        self.drawn = 0;
        self.left = 1.0;
    }

    fn next(&mut self) -> Option<Client> {
        if self.drawn == self.leaves.len() {
            return None;
        }
        let at = self.draw();
        self.leaves.swap(self.drawn, at);
        self.swaps.push(at as u32);
        let (client, weight) = self.leaves[self.drawn];
        self.left -= weight;
        self.drawn += 1;
        Some(Client(client))
    }

    fn copy(&self) -> Box<dyn Sorter> {
        Box::new(self.clone())
    }
}
