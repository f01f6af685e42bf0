//! The tree of clients, and what each holds.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Client;
use crate::resources::{LANES, Resources, Totals};

/// No place in the tree.
pub(super) const NONE: u32 = u32::MAX;
/// The place of the root, which is no client.
pub(super) const ROOT: u32 = 0;
/// The last part of the path of a client that has others below it: it competes with them as one more child.
const SELF_PART: &str = ".";

/// A place in the tree: a client (a leaf), or what clients stand below.
#[derive(Clone)]
pub(super) struct Place {
    pub path: String,
    pub parent: u32,
    pub children: Vec<u32>,
    pub weight: f64,
    /// The client that stands here; `NONE` above the leaves.
    pub client: u32,
    /// Active clients here and below.
    pub active: u32,
    pub held: Totals,
    /// How often something was allocated here or below; never taken back.
    pub count: u64,
}

/// Clients by path, with what each and everything below it holds.
#[derive(Clone)]
pub struct Tree {
    pub(super) places: Vec<Place>,
    vacant: Vec<u32>,
    /// The place of each client; `NONE` once it is removed.
    of_client: Vec<u32>,
    vacant_clients: Vec<u32>,
    weights: BTreeMap<String, f64>,
    total: Totals,
    excluded: u8,
}

impl Tree {
    /// No clients. Lanes in `excluded` do not count towards a share.
    #[must_use]
    pub fn new(excluded: u8) -> Self {
        let mut tree = Self {
            places: Vec::new(),
            vacant: Vec::new(),
            of_client: Vec::new(),
            vacant_clients: Vec::new(),
            weights: BTreeMap::new(),
            total: Totals::default(),
            excluded,
        };
        tree.new_place(String::new(), NONE);
        tree
    }

    fn new_place(&mut self, path: String, parent: u32) -> u32 {
        let weight = self.weights.get(&path).copied().unwrap_or(1.0);
        let place = Place {
            path,
            parent,
            children: Vec::new(),
            weight,
            client: NONE,
            active: 0,
            held: Totals::default(),
            count: 0,
        };
        let at = match self.vacant.pop() {
            Some(at) => {
                self.places[at as usize] = place;
                at
            }
            None => {
                self.places.push(place);
                (self.places.len() - 1) as u32
            }
        };
        if parent != NONE {
            self.places[parent as usize].children.push(at);
        }
        at
    }

    /// Enters a client and returns it. The caller brings its own order up to date.
    pub(super) fn add(&mut self, path: &str) -> Client {
        let client = match self.vacant_clients.pop() {
            Some(client) => client,
            None => {
                self.of_client.push(NONE);
                (self.of_client.len() - 1) as u32
            }
        };
        let mut at = ROOT;
        let mut end = 0;
        while end < path.len() {
            end = path[end + 1..].find('/').map_or(path.len(), |found| end + 1 + found);
            self.make_inner(at);
            let part = &path[..end];
            let known = self.places[at as usize].children.iter().copied().find(|&child| self.path_at(child) == part);
            at = known.unwrap_or_else(|| self.new_place(part.to_string(), at));
        }
        if !self.places[at as usize].children.is_empty() {
            at = self.new_place(own_path(path), at);
        }
        self.places[at as usize].client = client;
        self.of_client[client as usize] = at;
        Client(client)
    }

    /// A client that gets others below it becomes one of them.
    fn make_inner(&mut self, at: u32) {
        let client = self.places[at as usize].client;
        if client == NONE {
            return;
        }
        let path = own_path(&self.places[at as usize].path);
        let own = self.new_place(path, at);
        let (held, count, active) = {
            let place = &mut self.places[at as usize];
            place.client = NONE;
            (place.held, place.count, place.active)
        };
        let leaf = &mut self.places[own as usize];
        (leaf.client, leaf.held, leaf.count, leaf.active) = (client, held, count, active);
        self.of_client[client as usize] = own;
    }

    /// Takes a client out, and the places above it that nobody needs any more.
    pub(super) fn remove(&mut self, client: Client) {
        let mut at = self.place_of(client);
        let held = self.places[at as usize].held;
        self.each_above(at, |place| place.held = minus(&place.held, &held));
        self.of_client[client.0 as usize] = NONE;
        self.vacant_clients.push(client.0);
        self.places[at as usize].client = NONE;
        while at != ROOT && self.places[at as usize].children.is_empty() && self.places[at as usize].client == NONE {
            let parent = self.places[at as usize].parent;
            self.places[parent as usize].children.retain(|&child| child != at);
            self.vacate(at);
            at = parent;
        }
        self.merge_self(at);
    }

    /// A client that is left without others below it is a plain leaf again.
    fn merge_self(&mut self, at: u32) {
        let [only] = self.places[at as usize].children[..] else { return };
        if at == ROOT || self.places[only as usize].path != own_path(&self.places[at as usize].path) {
            return;
        }
        let client = self.places[only as usize].client;
        self.places[at as usize].children.clear();
        self.places[at as usize].client = client;
        self.of_client[client as usize] = at;
        self.vacate(only);
    }

    /// A place is free for another; until then nobody finds it by its path.
    fn vacate(&mut self, at: u32) {
        self.places[at as usize].path.clear();
        self.vacant.push(at);
    }

    fn each_above(&mut self, from: u32, mut change: impl FnMut(&mut Place)) {
        let mut at = from;
        while at != NONE {
            let place = &mut self.places[at as usize];
            change(place);
            at = place.parent;
        }
    }

    pub(super) fn place_of(&self, client: Client) -> u32 {
        self.of_client[client.0 as usize]
    }

    /// Counts the client as active or not, here and above; false if it was so already.
    pub(super) fn set_active(&mut self, client: Client, active: bool) -> bool {
        let at = self.place_of(client);
        if (self.places[at as usize].active == 1) == active {
            return false;
        }
        self.each_above(at, |place| if active { place.active += 1 } else { place.active -= 1 });
        true
    }

    pub(super) fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.to_string(), weight);
        if let Some(place) = self.places[1..].iter_mut().find(|place| place.path == path) {
            place.weight = weight;
        }
    }

    pub(super) fn set_total(&mut self, total: &Totals) {
        self.total = *total;
    }

    pub(super) fn allocated(&mut self, at: u32, what: &Resources) {
        let place = &mut self.places[at as usize];
        place.held.add(what, 1);
        place.count += 1;
    }

    pub(super) fn unallocated(&mut self, at: u32, what: &Resources) {
        self.places[at as usize].held.sub(what, 1);
    }

    /// The weighted dominant share of a place: the largest share of any scalar that the cluster has, over the weight.
    /// A double, as in the original; both operands are exact, so it is the same on every machine.
    pub(super) fn share_at(&self, at: u32) -> f64 {
        let place = &self.places[at as usize];
        let mut most = 0.0_f64;
        for lane in 0..LANES {
            let total = self.total.0[lane];
            if total != 0 && place.held.0[lane] != 0 && self.excluded & (1 << lane) == 0 {
                most = most.max(place.held.0[lane] as f64 / total as f64);
            }
        }
        most / place.weight
    }

    pub(super) fn path_at(&self, at: u32) -> &str {
        &self.places[at as usize].path
    }

    /// The path of a client, as it was given.
    #[must_use]
    pub fn path(&self, client: Client) -> &str {
        let path = self.path_at(self.place_of(client));
        path.strip_suffix("/.").unwrap_or(path)
    }

    /// What a client holds, without what is below it.
    #[must_use]
    pub fn held(&self, client: Client) -> &Totals {
        &self.places[self.place_of(client) as usize].held
    }

    /// How often something was allocated to a client.
    #[must_use]
    pub fn count(&self, client: Client) -> u64 {
        self.places[self.place_of(client) as usize].count
    }

    /// The weighted dominant share of a client.
    #[must_use]
    pub fn share(&self, client: Client) -> f64 {
        self.share_at(self.place_of(client))
    }

    /// Whether the client takes part in the order.
    #[must_use]
    pub fn is_active(&self, client: Client) -> bool {
        self.places[self.place_of(client) as usize].active == 1
    }

    /// How many clients take part in the order.
    #[must_use]
    pub fn active(&self) -> u32 {
        self.places[ROOT as usize].active
    }

    /// What shares are shares of.
    #[must_use]
    pub fn total(&self) -> &Totals {
        &self.total
    }
}

/// The path of a client among those below it.
fn own_path(path: &str) -> String {
    let mut own = String::with_capacity(path.len() + 2);
    own.push_str(path);
    own.push('/');
    own.push_str(SELF_PART);
    own
}

fn minus(from: &Totals, what: &Totals) -> Totals {
    let mut rest = *from;
    for lane in 0..LANES {
        rest.0[lane] = rest.0[lane].saturating_sub(what.0[lane]);
    }
    rest
}
