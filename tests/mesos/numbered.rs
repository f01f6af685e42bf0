// The numbered scenarios of the allocator.

#[test]
fn allocator_1_unreserved_drf() {
    drf_of_five_agents(whole(row(2.0, 1024)), Options::default(), Capabilities::default());
}

/// The agents of scenario 1 one by one, with `first` as the first of them.
fn drf_of_five_agents(first: AgentSpec, options: Options, capabilities: Capabilities) {
    let mut cluster = Cluster::with(options);
    let join = |cluster: &mut Cluster, role: &str| cluster.join_as(vec![Membership::of(role)], capabilities);
    let one = join(&mut cluster, "role1");
    cluster.agent_as(&first);
    assert_eq!(cluster.only().0, one);
    let two = join(&mut cluster, "role2");
    for (cpus, memory) in [(1.0, 512), (3.0, 2048)] {
        cluster.agent(row(cpus, memory));
        assert_eq!(went(&cluster.only()), (two, row(cpus, memory)));
    }
    let third = join(&mut cluster, "role1");
    cluster.agent(row(4.0, 4096));
    assert_eq!(went(&cluster.only()), (third, row(4.0, 4096)));
    join(&mut cluster, "role1");
    cluster.agent(row(1.0, 512));
    assert_eq!(went(&cluster.only()), (two, row(1.0, 512)));
}

#[test]
fn allocator_2_reserved_drf() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    cluster.agent_as(&reserved("role1", row(100.0, 1024), row(1.0, 512)));
    assert_eq!(went(&cluster.only()), (one, row(101.0, 1536)));
    let two = cluster.join("role2");
    for _ in 0..2 {
        cluster.agent(row(2.0, 512));
        assert_eq!(went(&cluster.only()), (two, row(2.0, 512)));
    }
    let third = cluster.join("role1");
    cluster.agent_as(&reserved("role1", row(2.0, 1024), Resources::ZERO));
    assert_eq!(went(&cluster.only()), (third, row(2.0, 1024)));
}

#[test]
fn allocator_3_excluded_resources() {
    // The first agent has the only gpu: whoever holds it would have the whole of it, if it counted.
    let mut first = row(2.0, 1024);
    first[GPU] = 1000;
    let options = Options { excluded: 1 << GPU, ..Options::default() };
    drf_of_five_agents(whole(first), options, Capabilities::GPU_RESOURCES);
}

#[test]
fn allocator_4_nested_role_drf() {
    let mut cluster = Cluster::default();
    let one = cluster.join("a/b");
    cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.only().0, one);
    cluster.join("a/c");
    let third = cluster.join("d/e");
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, third);
    let fourth = cluster.join("d/f");
    cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.only().0, fourth);
}

#[test]
fn allocator_5_offer_filter() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    cluster.agent(row(1.0, 512));
    let offer = cluster.only();
    cluster.decline(offer, seconds(2));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    cluster.tick();
    assert_eq!(went(&cluster.only()), (one, row(1.0, 512)));
}

#[test]
fn allocator_6_coarse_grained() {
    let mut cluster = Cluster::default();
    for _ in 0..2 {
        cluster.allocator.add_agent(NodeId(cluster.nodes), &whole(row(2.0, 1024)), &mut cluster.out);
        cluster.nodes += 1;
    }
    for (party, role) in [(1, "role1"), (2, "role2")] {
        let (party, roles) = (PartyId(party), vec![Membership::of(role)]);
        cluster.allocator.add_framework(&FrameworkSpec { party, roles, ..FrameworkSpec::default() });
    }
    cluster.allocator.run(cluster.now, &mut cluster.out);
    let offers = cluster.offered();
    assert_eq!(offers.len(), 2);
    assert_ne!(offers[0].0, offers[1].0);
    assert_ne!(offers[0].1, offers[1].1);
    assert!(offers.iter().all(|(_, _, what)| *what == row(2.0, 1024)));
}

#[test]
fn allocator_7_same_share_fairness() {
    let mut cluster = Cluster::default();
    let (one, two) = (cluster.join("role1"), cluster.join("role1"));
    cluster.agent(row(2.0, 1024));
    let mut counts = [0, 0];
    for _ in 0..10 {
        let offer = cluster.only();
        counts[usize::from(offer.0 == two)] += 1;
        assert!(offer.0 == one || offer.0 == two);
        cluster.decline(offer, NO_FILTER);
        cluster.tick();
    }
    assert_eq!(counts, [5, 5]);
}

#[test]
fn allocator_8_allocatable() {
    let mut cluster = Cluster::default();
    cluster.join("role1");
    for (cpus, memory, goes) in [(0.005, 16, false), (0.01, 16, true), (0.005, 32, true), (0.01, 32, true)] {
        cluster.agent(row(cpus, memory));
        assert_eq!(cluster.offers().len(), usize::from(goes), "{cpus} cpus, {memory} MiB");
    }
    // Neither part is enough by itself; both are offered together.
    cluster.agent_as(&reserved("role1", row(0.005, 16), row(0.005, 0)));
    assert_eq!(cluster.only().1.resources, row(0.01, 16));
}

#[test]
fn allocator_9_reservations() {
    let mut cluster = Cluster::default();
    cluster.agent_as(&reserved("role1", row(2.0, 1024), Resources::ZERO));
    cluster.agent_as(&reserved("role2", row(2.0, 1024), row(1.0, 1024)));
    cluster.agent_as(&reserved("role3", row(2.0, 1024), Resources::ZERO));
    let one = cluster.join("role1");
    assert_eq!(cluster.offered(), [(one, NodeId(0), row(2.0, 1024)), (one, NodeId(1), row(1.0, 1024))]);
    let two = cluster.join("role2");
    assert_eq!(cluster.offered(), [(two, NodeId(1), row(2.0, 1024))]);
    cluster.tick();
    assert_eq!(cluster.offers(), []);
}

#[test]
fn allocator_10_recover_resources() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    cluster.agent_as(&reserved("role1", row(1.0, 200), row(1.0, 200)));
    let offer = cluster.only();
    assert_eq!(went(&offer), (one, row(2.0, 400)));
    // What is reserved is used up first.
    let on_reserved = cluster.launch(offer, row(1.0, 200));
    let on_rest = cluster.launch(offer, row(1.0, 200));
    cluster.out.clear();
    cluster.allocator.end_task(on_reserved);
    cluster.tick();
    let again = cluster.only();
    assert_eq!(went(&again), (one, row(1.0, 200)));
    assert_eq!(cluster.allocator.offer(again.1.offer).expect("it is open").grant.plain, Resources::ZERO);
    cluster.allocator.end_task(on_rest);
    cluster.tick();
    let again = cluster.only();
    assert_eq!(cluster.allocator.offer(again.1.offer).expect("it is open").grant.plain, row(1.0, 200));
}

#[test]
fn allocator_11_whitelist() {
    let mut cluster = Cluster::default();
    cluster.allocator.write_whitelist(cluster.now, Some(&[NodeId(7)]));
    let one = cluster.join("role1");
    let node = cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.offers(), []);
    cluster.now = Time(5_000_000);
    cluster.allocator.write_whitelist(cluster.now, Some(&[NodeId(7), node]));
    cluster.batch();
    assert_eq!(went(&cluster.only()), (one, row(2.0, 1024)));
}

#[test]
fn allocator_12_quota_provides_guarantee() {
    let mut cluster = Cluster::default();
    let quota = Quota::both(&row(2.0, 1024));
    cluster.allocator.set_quota("quota-role", quota, true).expect("forced");
    let (one, _) = (cluster.join("quota-role"), cluster.join("no-quota"));
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, one);
    cluster.agent(row(1.0, 512));
    let second = cluster.only();
    assert_eq!(second.0, one);
    cluster.decline(second, seconds(2));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    cluster.tick();
    assert_eq!(went(&cluster.only()), (one, row(1.0, 512)));
}

#[test]
fn allocator_13_quota_provides_limit() {
    let mut cluster = Cluster::default();
    let three = 1 << CPU | 1 << MEMORY | 1 << DISK;
    let nothing = Quota::limit(&Resources::ZERO, three);
    cluster.allocator.set_quota("quota-role", nothing, false).expect("nothing is used");
    let (one, two) = (cluster.join("quota-role"), cluster.join("no-quota"));
    cluster.agent(with_disk(2.0, 1024, 1024));
    assert_eq!(went(&cluster.only()), (two, with_disk(2.0, 1024, 1024)));
    let half = with_disk(1.0, 512, 512);
    cluster.allocator.set_quota("quota-role", Quota::limit(&half, three), false).expect("nothing is used");
    cluster.agent(with_disk(2.0, 1024, 1024));
    assert_eq!(cluster.offered(), [(one, NodeId(1), half), (two, NodeId(1), half)]);
}

#[test]
fn allocator_14_quota_allocation_granularity() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-role", Quota::both(&row(0.5, 200)), true).expect("forced");
    let one = cluster.join("quota-role");
    cluster.agent(row(1.0, 512));
    assert_eq!(went(&cluster.only()), (one, row(0.5, 200)));
    let two = cluster.join("no-quota");
    assert_eq!(went(&cluster.only()), (two, row(0.5, 312)));
}

#[test]
fn allocator_15_unchoppable() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-role", Quota::both(&with_disk(2.0, 2048, 150)), true).expect("forced");
    let one = cluster.join("quota-role");
    let mounted = AgentSpec { mounts: vec![100], ..whole(with_disk(0.5, 512, 100)) };
    cluster.agent_as(&mounted);
    assert_eq!(went(&cluster.only()), (one, with_disk(0.5, 512, 100)));
    cluster.agent_as(&mounted);
    assert_eq!(went(&cluster.only()), (one, row(0.5, 512)));
    cluster.agent(with_disk(2.0, 2048, 150));
    assert_eq!(went(&cluster.only()), (one, with_disk(1.0, 1024, 50)));
}

#[test]
fn allocator_16_frameworks_in_a_role_with_quota() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-role", Quota::both(&row(4.0, 2048)), true).expect("forced");
    let one = cluster.join("quota-role");
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, one);
    let two = cluster.join("quota-role");
    cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.only().0, two);
    cluster.agent(row(1.0, 512));
    let third = cluster.only();
    assert_eq!(third.0, one);
    cluster.decline(third, seconds(5));
    cluster.tick();
    assert_eq!(went(&cluster.only()), (two, row(1.0, 512)));
}

#[test]
fn allocator_17_drf_with_quota() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-role", Quota::both(&row(0.25, 128)), true).expect("forced");
    let one = cluster.join("quota-role");
    cluster.agent(row(1.0, 512));
    let first = cluster.only();
    assert_eq!(went(&first), (one, row(0.25, 128)));
    cluster.launch(first, row(0.25, 128));
    cluster.out.clear();
    let two = cluster.join("no-quota");
    assert_eq!(went(&cluster.only()), (two, row(0.75, 384)));
    cluster.agent(row(1.0, 512));
    assert_eq!(went(&cluster.only()), (two, row(1.0, 512)));
}

#[test]
fn allocator_18_quota_against_starvation() {
    let mut cluster = Cluster::default();
    let one = cluster.join("quota-role");
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, one);
    let two = cluster.join("no-quota");
    cluster.agent(row(1.0, 512));
    let offer = cluster.only();
    assert_eq!(offer.0, two);
    cluster.decline(offer, NO_FILTER);
    cluster.tick();
    let offer = cluster.only();
    assert_eq!(offer.0, two);
    cluster.allocator.set_quota("quota-role", Quota::both(&row(2.0, 1024)), false).expect("there is enough");
    cluster.decline(offer, NO_FILTER);
    cluster.tick();
    assert_eq!(went(&cluster.only()), (one, row(1.0, 512)));
}

#[test]
fn allocator_19_quota_absent_framework() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-role", Quota::both(&row(2.0, 1024)), true).expect("forced");
    let two = cluster.join("no-quota");
    cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.offers(), []);
    cluster.agent(row(2.0, 1024));
    let (to, offer) = cluster.only();
    assert_eq!((to, offer.resources), (two, row(2.0, 1024)));
}

#[test]
fn allocator_20_multi_quota_absent_frameworks() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("quota-1", Quota::both(&row(1.0, 1024)), true).expect("forced");
    cluster.allocator.set_quota("quota-2", Quota::both(&row(2.0, 2048)), true).expect("forced");
    let two = cluster.join("quota-2");
    cluster.agent(row(2.0, 2048));
    assert_eq!(went(&cluster.only()), (two, row(2.0, 2048)));
}
