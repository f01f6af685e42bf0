//! Dominant resource fairness.
//!
//! **What it prefers.** The least weighted dominant share; among equals the one that was allocated to the least often,
//! then the first by path.
//! **When it is bad.** Many idle clients that always decline have the least share for ever: whoever holds something
//! waits behind all of them (MESOS.md, S5).
//! **Source.** Ghodsi et al., NSDI 2011; the tie-break and the tree are those of Apache Mesos.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::tree::{NONE, ROOT, Tree};
use super::{Client, Sorter, SorterEntry};
use crate::resources::{Resources, Totals};

pub(super) const ENTRY: SorterEntry = SorterEntry {
    name: "drf",
    summary: "the least weighted dominant share, then the fewest allocations, then the path",
    source: "Ghodsi et al., NSDI 2011; Apache Mesos sorter/drf",
    build: |_, excluded| Box::new(Drf::new(excluded)),
};

/// See the module. Children with active clients are kept in order; one allocation moves one of them.
#[derive(Clone)]
pub struct Drf {
    tree: Tree,
    /// Of each place: its active children, in order.
    orders: Vec<Vec<u32>>,
    /// Of each place: the share by which it stands where it does.
    shares: Vec<f64>,
    /// The orders have to be made anew.
    dirty: bool,
    /// Where the walk is: places and how many of their children were visited.
    walk: Vec<(u32, u32)>,
}

impl Drf {
    /// No clients. Lanes in `excluded` do not count towards a share.
    #[must_use]
    pub fn new(excluded: u8) -> Self {
        Self { tree: Tree::new(excluded), orders: Vec::new(), shares: Vec::new(), dirty: true, walk: Vec::new() }
    }

    fn compare(tree: &Tree, shares: &[f64], one: u32, other: u32) -> Ordering {
        let (a, b) = (one as usize, other as usize);
        shares[a]
            .total_cmp(&shares[b])
            .then_with(|| tree.places[a].count.cmp(&tree.places[b].count))
            .then_with(|| tree.places[a].path.cmp(&tree.places[b].path))
    }

    fn sort_all(&mut self) {
        let places = self.tree.places.len();
        self.orders.resize_with(places, Vec::new);
        self.shares.clear();
        self.shares.extend((0..places as u32).map(|at| self.tree.share_at(at)));
        let Self { tree, orders, shares, .. } = self;
        for (place, order) in tree.places.iter().zip(orders.iter_mut()) {
            order.clear();
            order.extend(place.children.iter().filter(|&&child| tree.places[child as usize].active > 0));
            order.sort_unstable_by(|&one, &other| Self::compare(tree, shares, one, other));
        }
        self.dirty = false;
    }

    /// Changes what a place holds and moves it among its siblings.
    fn shift(&mut self, at: u32, change: impl FnOnce(&mut Tree)) {
        let parent = self.tree.places[at as usize].parent;
        let sorted = !self.dirty && parent != NONE && self.tree.places[at as usize].active > 0;
        if !sorted {
            change(&mut self.tree);
            return;
        }
        let Self { tree, orders, shares, .. } = self;
        let order = &mut orders[parent as usize];
        let before = order.binary_search_by(|&other| Self::compare(tree, shares, other, at));
        change(tree);
        shares[at as usize] = tree.share_at(at);
        let Ok(from) = before else {
            self.dirty = true;
            return;
        };
        let is_before = |&other: &u32| Self::compare(tree, shares, other, at) == Ordering::Less;
        let left = order[..from].partition_point(is_before);
        if left < from {
            order[left..=from].rotate_right(1);
        } else {
            let right = from + 1 + order[from + 1..].partition_point(is_before);
            order[from..right].rotate_left(1);
        }
    }
}

impl Sorter for Drf {
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
        self.dirty |= self.tree.total() != total;
        self.tree.set_total(total);
    }

    fn allocated(&mut self, client: Client, what: &Resources) {
        let mut at = self.tree.place_of(client);
        while at != ROOT {
            self.shift(at, |tree| tree.allocated(at, what));
            at = self.tree.places[at as usize].parent;
        }
        self.tree.allocated(ROOT, what);
    }

    fn unallocated(&mut self, client: Client, what: &Resources) {
        let mut at = self.tree.place_of(client);
        while at != ROOT {
            self.shift(at, |tree| tree.unallocated(at, what));
            at = self.tree.places[at as usize].parent;
        }
        self.tree.unallocated(ROOT, what);
    }

    fn begin(&mut self, _key: u64) {
        if self.dirty {
            self.sort_all();
        }
        self.walk.clear();
        self.walk.push((ROOT, 0));
    }

    fn next(&mut self) -> Option<Client> {
        loop {
            let (at, visited) = self.walk.last_mut()?;
            match self.orders[*at as usize].get(*visited as usize) {
                None => {
                    self.walk.pop();
                }
                Some(&child) => {
                    *visited += 1;
                    match self.tree.places[child as usize].client {
                        NONE => self.walk.push((child, 0)),
                        client => return Some(Client(client)),
                    }
                }
            }
        }
    }

    fn copy(&self) -> Box<dyn Sorter> {
        Box::new(self.clone())
    }
}
