// Sorters (S1 to S5).

/// A sorter with these clients, all active, in a cluster of 100 cpus and 100 MiB.
fn sorter_of(mut sorter: Box<dyn Sorter>, paths: &[&str]) -> (Box<dyn Sorter>, Vec<Client>) {
    sorter.set_total(&total(100, 100));
    let clients: Vec<Client> = paths.iter().map(|path| sorter.add(path)).collect();
    for &client in &clients {
        sorter.set_active(client, true);
    }
    (sorter, clients)
}

fn drf_of(paths: &[&str]) -> (Box<dyn Sorter>, Vec<Client>) {
    sorter_of(Box::new(Drf::new(0)), paths)
}

fn total(cpus: u64, memory: u64) -> Totals {
    Totals([cpus * 1000, memory, 0, 0, 0, 0, 0, 0])
}

#[test]
fn s1_weighted_dominant_share() {
    let (mut sorter, clients) = drf_of(&["a", "b", "c"]);
    sorter.set_weight("b", 2.0);
    sorter.allocated(clients[0], &row(10.0, 20));
    sorter.allocated(clients[1], &row(30.0, 10));
    // A lane of which the cluster has nothing does not count.
    let mut disk = row(5.0, 0);
    disk[DISK] = 1_000_000;
    sorter.allocated(clients[2], &disk);
    let share = |sorter: &dyn Sorter, at: usize| sorter.tree().share(clients[at]);
    assert_eq!([0, 1, 2].map(|at| share(&*sorter, at)), [0.2, 0.15, 0.05]);
    assert_eq!(sorter.sorted(0), ["c", "b", "a"]);
    sorter.set_weight("a", 10.0);
    assert_eq!(sorter.sorted(0), ["a", "c", "b"]);
    // Nor do lanes that are excluded.
    let (mut sorter, clients) = sorter_of(Box::new(Drf::new(1 << CPU)), &["a"]);
    sorter.allocated(clients[0], &row(50.0, 10));
    assert_eq!(sorter.tree().share(clients[0]), 0.1);
}

#[test]
fn s2_ties() {
    let (mut sorter, clients) = drf_of(&["b", "a", "c"]);
    assert_eq!(sorter.sorted(0), ["a", "b", "c"], "by path");
    // Fewer allocations come first, whatever was given back since.
    for _ in 0..2 {
        sorter.allocated(clients[1], &row(1.0, 1));
        sorter.unallocated(clients[1], &row(1.0, 1));
    }
    sorter.allocated(clients[0], &row(1.0, 1));
    sorter.unallocated(clients[0], &row(1.0, 1));
    assert_eq!(sorter.sorted(0), ["c", "b", "a"]);
    // Lost when it leaves and comes again.
    sorter.remove(clients[1]);
    let again = sorter.add("a");
    sorter.set_active(again, true);
    assert_eq!(sorter.sorted(0), ["a", "c", "b"]);
}

#[test]
fn s3_roles_form_a_tree() {
    let (mut sorter, clients) = drf_of(&["a", "a/x", "a/y", "b/z"]);
    // a: 0.3 in all, b: 0.2; below a: a itself 0.05, a/x 0.15, a/y 0.1.
    for (at, cpus) in [(0, 5.0), (1, 15.0), (2, 10.0), (3, 20.0)] {
        sorter.allocated(clients[at], &row(cpus, 0));
    }
    assert_eq!(sorter.sorted(0), ["b/z", "a", "a/y", "a/x"]);
    sorter.set_weight("a", 2.0);
    assert_eq!(sorter.sorted(0), ["a", "a/y", "a/x", "b/z"], "the weight of a branch");
    sorter.set_active(clients[2], false);
    assert_eq!(sorter.sorted(0), ["a", "a/x", "b/z"]);
    // The last below it leaves: a plain leaf again, with what it held.
    sorter.remove(clients[1]);
    sorter.remove(clients[2]);
    assert_eq!(sorter.sorted(0), ["a", "b/z"]);
    assert_eq!(sorter.tree().share(clients[0]), 0.025);
}

#[test]
fn s4_the_random_sorter_draws_by_weight() {
    let (mut sorter, _) = sorter_of(Box::new(Random::new(42, 0)), &["a/x", "a/y", "b"]);
    let mut first = std::collections::BTreeMap::new();
    for key in 0..10_000 {
        let order = sorter.sorted(key);
        assert_eq!(order.len(), 3);
        *first.entry(order[0].clone()).or_insert(0) += 1;
    }
    // Branches share equally, and so do those below: 1/4, 1/4, 1/2, within 4 standard deviations.
    for (path, expected) in [("a/x", 2500_i32), ("a/y", 2500), ("b", 5000)] {
        assert!((first[path] - expected).abs() < 200, "{first:?}");
    }
    sorter.set_weight("b", 3.0);
    let wins = (0..10_000).filter(|&key| sorter.sorted(key)[0] == "b").count() as i32;
    assert!((wins - 7500).abs() < 174, "{wins}");
    // The same key, the same order, whatever was drawn in between.
    assert_eq!(sorter.sorted(1), {
        sorter.sorted(2);
        sorter.sorted(1)
    });
}

/// When the big framework is first offered something while `idle` others of lower share decline everything at once
/// for `refuse` seconds; None if it never is. Periodic runs only.
fn first_offer_of_big(sorter: &str, idle: u16, refuse: u64) -> Option<u64> {
    let options = Options { framework_sorter: sorter.to_owned(), role_sorter: sorter.to_owned(), ..Options::default() };
    let mut cluster = Cluster::with(options);
    let big = cluster.join("big");
    cluster.agent(row(1.0, 512));
    let offer = cluster.only();
    cluster.launch(offer, row(0.5, 256));
    cluster.decline(offer, NO_FILTER);
    for at in 0..idle {
        let (party, roles) = (PartyId(2 + at), vec![Membership::of(&format!("idle-{at:03}"))]);
        cluster.allocator.add_framework(&FrameworkSpec { party, roles, ..FrameworkSpec::default() });
    }
    cluster.out.clear();
    for at in 0..10 * refuse {
        cluster.now = Time(at * 1_000_000);
        cluster.batch();
        for offer in cluster.offers() {
            if offer.0 == big {
                return Some(at);
            }
            cluster.decline(offer, seconds(refuse));
        }
    }
    None
}

#[test]
fn s5_idle_frameworks_starve_a_big_one() {
    for refuse in [5, 120, 300] {
        // One fewer than the filter lasts in runs, and one more.
        let enough = refuse as u16 + 1;
        assert_eq!(first_offer_of_big("drf", enough - 1, refuse), Some(refuse), "refuse {refuse} s");
        assert_eq!(first_offer_of_big("drf", enough, refuse), None, "refuse {refuse} s");
        assert!(first_offer_of_big("random", enough, refuse).is_some(), "refuse {refuse} s, drawn at random");
    }
}

#[test]
fn sorter_drf_order() {
    g2_drf_sequence();
}
