// Resources and agents (R1 to R6).

#[test]
fn r1_ports_are_counted_and_never_cut() {
    // Two cpus of four under the limit, but all ports: they are no scalar.
    let mut cluster = Cluster::with(Options { sets: 1 << PORTS, ..Options::default() });
    cluster.allocator.set_quota("role1", Quota::both(&row(2.0, 1024)), true).expect("forced");
    let one = cluster.join("role1");
    let mut capacity = row(4.0, 2048);
    capacity[PORTS] = 1001;
    cluster.agent(capacity);
    let mut expected = row(2.0, 1024);
    expected[PORTS] = 1001;
    assert_eq!(went(&cluster.only()), (one, expected));
    // And no part of a share: half of the cpus, all of the ports.
    assert_eq!(cluster.share("role1"), 0.5);
}

#[test]
fn r2_thousandths() {
    for (value, expected) in [(0.1, 100), (0.0004, 0), (0.0005, 1), (1.5123, 1512), (-0.0005, -1), (2.9999, 3000)] {
        assert_eq!(thousandths(value), expected, "{value}");
    }
    assert_eq!(thousandths(0.1) + thousandths(0.2), thousandths(0.3));
}

#[test]
fn r3_a_reservation_is_refined_and_a_mount_is_not_cut() {
    let mut cluster = Cluster::default();
    let one = cluster.join("eng/backend");
    cluster.agent_as(&reserved("eng", row(2.0, 1024), Resources::ZERO));
    // What is reserved for `eng` goes to those below it.
    let offer = cluster.only();
    assert_eq!(went(&offer), (one, row(2.0, 1024)));
    cluster.decline(offer, NO_FILTER);
    let two = cluster.join("ops");
    cluster.tick();
    assert_eq!(cluster.only().0, one, "`ops` stands in another branch");
    // Refined: what `eng/backend` reserves for itself is nobody else's.
    let node = cluster.agent(row(1.0, 512));
    let offer = cluster.only();
    assert_eq!(offer.0, two);
    cluster.decline(offer, NO_FILTER);
    cluster.allocator.reserve_free(node, "eng/backend", row(1.0, 512)).expect("it is free");
    cluster.tick();
    assert_eq!(went(&cluster.only()), (one, row(1.0, 512)));
    // A mount of 100 under a limit of 99: none of it.
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("role1", Quota::limit(&with_disk(0.0, 0, 99), 1 << DISK), true).expect("forced");
    cluster.join("role1");
    cluster.agent_as(&AgentSpec { mounts: vec![100], ..whole(with_disk(1.0, 512, 100)) });
    assert_eq!(cluster.only().1.resources, row(1.0, 512));
}

#[test]
fn r4_defaults_of_an_agent() {
    let ports = (31_000..=32_000).count() as u32;
    assert_eq!(AGENT_FALLBACK, (with_disk(1.0, 1024, 10_240), ports));
    assert_eq!(EXECUTOR_OVERHEAD, row(0.1, 32));
}

#[test]
fn r5_fault_domains() {
    let mut cluster = Cluster::with(Options { region: Some("here".to_owned()), ..Options::default() });
    let near = cluster.join("role1");
    let in_region = |region: Option<&str>| AgentSpec { region: region.map(str::to_owned), ..whole(row(1.0, 512)) };
    cluster.agent_as(&in_region(Some("there")));
    assert_eq!(cluster.offers(), []);
    for region in [Some("here"), None] {
        cluster.agent_as(&in_region(region));
        assert_eq!(cluster.only().0, near, "an agent that says nothing is local");
    }
    let far = cluster.join_as(vec![Membership::of("role2")], Capabilities::REGION_AWARE);
    assert_eq!(cluster.only().0, far);
}

#[test]
fn r6_the_whitelist_is_read_every_five_seconds() {
    let mut cluster = Cluster::default();
    cluster.allocator.write_whitelist(cluster.now, Some(&[]));
    cluster.join("role1");
    let node = cluster.agent(row(1.0, 512));
    cluster.now = Time(1_000_000);
    cluster.allocator.write_whitelist(cluster.now, Some(&[node]));
    let mut first = None;
    for at in 1..=6 {
        cluster.now = Time(at * 1_000_000);
        cluster.batch();
        if !cluster.offers().is_empty() {
            first = first.or(Some(at));
        }
    }
    assert_eq!(first, Some(5));
}

#[test]
fn u1_revocable_resources() {
    let mut cluster = Cluster::default();
    let careful = cluster.join("role1");
    let node = cluster.agent(row(2.0, 1024));
    assert_eq!(cluster.only().0, careful);
    let bold = cluster.join_as(vec![Membership::of("role2")], Capabilities::REVOCABLE_RESOURCES);
    cluster.allocator.set_revocable(node, row(1.0, 0));
    cluster.tick();
    let offer = cluster.only();
    assert_eq!(went(&offer), (bold, row(1.0, 0)));
    // An estimate replaces the last one: nothing of 0.5 is left while 1 is lent out.
    cluster.allocator.set_revocable(node, row(0.5, 0));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    // It cannot be reserved.
    let refused = cluster.allocator.reserve(offer.1.offer, "role2", 0, row(0.5, 0));
    assert_eq!(refused, Err(ReservationError::Revocable));
    cluster.decline(offer, NO_FILTER);
    cluster.tick();
    assert_eq!(went(&cluster.only()), (bold, row(0.5, 0)));
}

#[test]
fn v1_reservations_and_volumes() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    cluster.agent_as(&reserved("role1", with_disk(1.0, 512, 100), with_disk(1.0, 512, 200)));
    let offer = cluster.only();
    let id = offer.1.offer;
    let allocator = &mut cluster.allocator;
    assert_eq!(allocator.unreserve(id, "role1", row(1.0, 0)), Err(ReservationError::Static));
    allocator.reserve(id, "role1", 1, with_disk(0.5, 256, 200)).expect("it is offered");
    allocator.reserve(id, "role1", 2, row(0.25, 0)).expect("labels that differ never merge");
    let labels = allocator.agent(NodeId(0)).expect("it is there").parts.len();
    assert_eq!(labels, 3, "by flags, label 1, label 2");
    assert_eq!(allocator.reserve(id, "role1", 1, row(0.5, 0)), Err(ReservationError::TooMuch));
    // Not undone while it holds a volume,
    allocator.create_volume(id, "role1", 100).expect("there is reserved disk");
    // Reserved by flags and by labels, and what else is offered to it.
    assert_eq!(allocator.roles()[0].consumed.0[..3], [2000, 1024, 300]);
    // nor while a task uses it.
    let task = cluster.launch(offer, with_disk(1.75, 768, 0));
    let used = cluster.allocator.unreserve(id, "role1", row(0.5, 0));
    assert_eq!(used, Err(ReservationError::InUse));
    cluster.allocator.end_task(task);
    cluster.decline(offer, NO_FILTER);
    cluster.out.clear();
    cluster.tick();
    let again = cluster.only();
    assert_eq!(went(&again), (one, with_disk(2.0, 1024, 300)));
    let freed = cluster.allocator.unreserve(again.1.offer, "role1", with_disk(0.5, 256, 0));
    assert_eq!(freed, Ok(()));
    assert_eq!(cluster.allocator.roles()[0].consumed.0[..3], [2000, 1024, 300], "all of it is offered to the role");
}
