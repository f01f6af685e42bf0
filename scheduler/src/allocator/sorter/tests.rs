//! The sorter of shares against a naive one, that compares all siblings anew from what each client holds.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Clients by path: whether they are active, what they hold, how often they were allocated to.
#[derive(Default)]
struct Naive {
    clients: BTreeMap<String, (bool, Totals, u64)>,
    weights: BTreeMap<String, f64>,
    total: Totals,
}

impl Naive {
    /// The children of a path: the next parts of the paths of clients below it, and itself as `.`.
    fn children(&self, path: &str) -> BTreeSet<String> {
        let below = self.clients.keys().filter_map(|client| match path {
            "" => client.split('/').next().map(ToString::to_string),
            _ if client == path => Some(alloc::format!("{path}/.")),
            _ => {
                let rest = client.strip_prefix(path)?.strip_prefix('/')?;
                Some(alloc::format!("{path}/{}", rest.split('/').next()?))
            }
        });
        below.collect()
    }

    /// The clients at and below a place.
    fn within(&self, place: &str) -> impl Iterator<Item = &(bool, Totals, u64)> {
        let (own, prefix) = (place.strip_suffix("/.").map(ToString::to_string), alloc::format!("{place}/"));
        let place = place.to_string();
        self.clients.iter().filter_map(move |(path, client)| {
            let is_in = match &own {
                Some(own) => path == own,
                None => *path == place || path.starts_with(&prefix),
            };
            is_in.then_some(client)
        })
    }

    fn key(&self, place: &str) -> (f64, u64) {
        let share = |lane: usize| {
            let held: u64 = self.within(place).map(|client| client.1.0[lane]).sum();
            if self.total.0[lane] == 0 { 0.0 } else { held as f64 / self.total.0[lane] as f64 }
        };
        let most = (0..8).map(share).fold(0.0, f64::max);
        let weight = self.weights.get(place).copied().unwrap_or(1.0);
        (most / weight, self.within(place).map(|client| client.2).sum())
    }

    fn walk(&self, path: &str, order: &mut Vec<String>) {
        let mut children: Vec<(f64, u64, String)> = Vec::new();
        for child in self.children(path).into_iter().filter(|child| self.within(child).any(|client| client.0)) {
            let (share, count) = self.key(&child);
            children.push((share, count, child));
        }
        children.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, _, child) in children {
            let own = child.strip_suffix("/.").map(ToString::to_string);
            let is_leaf = own.is_some() || self.children(&child).iter().all(|below| below.ends_with("/."));
            match is_leaf {
                true => order.push(own.unwrap_or(child)),
                false => self.walk(&child, order),
            }
        }
    }
}

const PATHS: [&str; 8] = ["a", "a/x", "a/y", "a/y/deep", "b", "c/z", "c", "d"];

proptest! {
    #[test]
    fn agrees_with_a_naive_one(ops in proptest::collection::vec((0_usize..8, 0_u8..9, 1_u32..20, 1_u32..20), 1..120)) {
        let mut fast = Drf::new(0);
        let mut naive = Naive { total: Totals([100, 100, 0, 0, 0, 0, 0, 0]), ..Naive::default() };
        fast.set_total(&naive.total);
        let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
        for (at, kind, cpu, memory) in ops {
            let path = PATHS[at];
            let what = Resources::new(cpu, memory);
            match (clients.get(path).copied(), kind) {
                (None, _) => {
                    clients.insert(path, fast.add(path));
                    naive.clients.insert(path.to_string(), (false, Totals::default(), 0));
                }
                (Some(client), 0) if naive.clients[path].2 == 0 => {
                    // The count of a branch goes with the clients that are in it: removed only while it is zero.
                    fast.remove(client);
                    clients.remove(path);
                    naive.clients.remove(path);
                }
                (Some(client), 1..=3) => {
                    fast.set_active(client, kind != 1);
                    naive.clients.get_mut(path).expect("it is there").0 = kind != 1;
                }
                (Some(_), 4) => {
                    let weight = f64::from(cpu) / 4.0;
                    fast.set_weight(path, weight);
                    naive.weights.insert(path.to_string(), weight);
                }
                (Some(client), 5) => {
                    let own = naive.clients.get_mut(path).expect("it is there");
                    let back = Resources::new((own.1.0[0] / 2) as u32, (own.1.0[1] / 2) as u32);
                    fast.unallocated(client, &back);
                    own.1.sub(&back, 1);
                }
                (Some(client), _) => {
                    fast.allocated(client, &what);
                    let own = naive.clients.get_mut(path).expect("it is there");
                    own.1.add(&what, 1);
                    own.2 += 1;
                }
            }
            let mut order = Vec::new();
            naive.walk("", &mut order);
            prop_assert_eq!(fast.sorted(0), order);
        }
    }

    #[test]
    fn a_random_order_has_every_active_client_once(active in proptest::collection::vec(any::<bool>(), 8), key: u64) {
        let mut sorter = Random::new(7, 0);
        sorter.set_weight("a/x", 5.0);
        let mut expected: Vec<&str> = Vec::new();
        for (path, active) in PATHS.into_iter().zip(active) {
            let client = sorter.add(path);
            sorter.set_active(client, active);
            expected.extend(active.then_some(path));
        }
        let order = sorter.sorted(key);
        prop_assert_eq!(&sorter.sorted(key), &order, "the same key, the same order");
        let mut sorted = order;
        sorted.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(sorted, expected);
    }
}

#[test]
fn a_weight_goes_to_who_is_there_not_to_who_was() {
    let mut sorter = Drf::new(0);
    sorter.set_total(&Totals([100, 100, 0, 0, 0, 0, 0, 0]));
    let (x, c) = (sorter.add("a/x"), sorter.add("c"));
    let y = sorter.add("a/y");
    sorter.remove(x);
    sorter.remove(c);
    // It comes back to where `c` was.
    let x = sorter.add("a/x");
    sorter.set_weight("a/x", 4.0);
    for (client, cpu) in [(x, 3), (y, 1)] {
        sorter.set_active(client, true);
        sorter.allocated(client, &Resources::new(cpu, 0));
    }
    assert_eq!(sorter.sorted(0), ["a/x", "a/y"], "3 of 100 by 4 is less than 1 of 100");
}
