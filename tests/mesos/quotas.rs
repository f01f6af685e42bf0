// Quotas (Q1 to Q5).

#[test]
fn q1_a_quota_counts_reservations_and_what_is_used() {
    let mut cluster = Cluster::default();
    let node = cluster.agent_as(&reserved("role1", row(1.0, 512), row(3.0, 1536)));
    assert_eq!(node, NodeId(0));
    let consumed = |cluster: &Cluster| {
        let role = cluster.allocator.roles().find("role1").expect("it was named");
        cluster.allocator.roles()[role].consumed.0[..2].to_vec()
    };
    assert_eq!(consumed(&cluster), [1000, 512], "reserved, whether or not it is used");
    cluster.allocator.set_quota("role1", Quota::both(&row(2.0, 1024)), false).expect("there is enough");
    cluster.join("role1/a");
    let offer = cluster.only();
    assert_eq!(offer.1.resources, row(2.0, 1024), "its own and what is missing");
    assert_eq!(consumed(&cluster), [2000, 1024], "roles below count for the one at the top");
    // Only at the top, and no guarantee above the limit.
    let nested = cluster.allocator.set_quota("role1/a", Quota::default(), true);
    assert_eq!(nested, Err(QuotaError::Nested("role1/a".to_owned())));
    let mut upside_down = Quota::guarantee(&row(2.0, 0));
    upside_down.limit.0[CPU] = 1999;
    let above = cluster.allocator.set_quota("role2", upside_down, true);
    assert_eq!(above, Err(QuotaError::AboveLimit { role: "role2".to_owned(), lane: CPU }));
}

#[test]
fn q2_a_guarantee_is_served_first_and_passes_agents_that_do_not_help() {
    let mut cluster = Cluster::default();
    // Only cpus are promised: an agent without cpus does not help, whatever else it has.
    cluster.allocator.set_quota("role1", Quota::guarantee(&row(2.0, 0)), true).expect("forced");
    let one = cluster.join("role1");
    cluster.agent(row(1.0, 4096));
    let offer = cluster.only();
    // The guarantee, and beyond it what is not held back: memory is promised to nobody.
    assert_eq!(went(&offer), (one, row(1.0, 4096)));
    let two = cluster.join("role2");
    cluster.agent(row(0.0, 4096));
    assert_eq!(cluster.only().0, two);
    // 0.5 of 1.5 cpus are left over once the guarantee is met.
    cluster.agent(row(1.5, 64));
    let offers = cluster.offered();
    assert_eq!(offers, [(one, NodeId(2), row(1.5, 64))], "a burst beyond the guarantee");
}

#[test]
fn q3_headroom_is_held_back() {
    let mut cluster = Cluster::default();
    cluster.allocator.set_quota("absent", Quota::guarantee(&row(3.0, 0)), true).expect("forced");
    cluster.join("role1");
    cluster.agent(row(2.0, 512));
    // Cpus are held back; memory is not.
    assert_eq!(cluster.only().1.resources, row(0.0, 512));
    assert_eq!(cluster.allocator.headroom().0[CPU], 3000);
    cluster.agent(row(2.0, 512));
    let given: u64 = cluster.offers().iter().map(|(_, offer)| u64::from(offer.resources[CPU])).sum();
    assert_eq!(given, 1000, "4 cpus, 3 of them held back");
    // Reservations can always be offered.
    cluster.agent_as(&reserved("role1", row(1.0, 128), Resources::ZERO));
    assert_eq!(cluster.only().1.resources, row(1.0, 128));
}

#[test]
fn q4_quotas_that_are_not_taken_on() {
    let mut cluster = Cluster::default();
    cluster.join("role1");
    cluster.agent(row(4.0, 2048));
    cluster.allocator.set_quota("role2", Quota::guarantee(&row(3.0, 0)), false).expect("there is enough");
    let more = cluster.allocator.set_quota("role3", Quota::guarantee(&row(2.0, 0)), false);
    assert_eq!(more, Err(QuotaError::Overcommitted { lane: CPU, needed: 5000, capacity: 4000 }));
    cluster.allocator.set_quota("role3", Quota::guarantee(&row(2.0, 0)), true).expect("forced");
    let below = cluster.allocator.set_quota("role1", Quota::limit(&row(3.9, 0), 1 << CPU), false);
    let expected = QuotaError::BelowUse { role: "role1".to_owned(), lane: CPU, consumed: 4000, limit: 3900 };
    assert_eq!(below, Err(expected));
    assert!(cluster.allocator.set_quota("role1", Quota::limit(&row(3.9, 0), 1 << CPU), true).is_ok());
}

#[test]
fn q5_nothing_is_offered_before_most_agents_are_back() {
    for (back, at_s) in [(80, 0), (79, 600)] {
        let mut cluster = Cluster::default();
        cluster.allocator.set_quota("role1", Quota::both(&row(1.0, 512)), true).expect("forced");
        cluster.allocator.fail_over(cluster.now, 100);
        cluster.join("role1");
        for _ in 0..back {
            cluster.agent(row(1.0, 512));
        }
        let mut first = (!cluster.offers().is_empty()).then_some(0);
        for at in 1..=700 {
            cluster.tick();
            first = first.or((!cluster.offers().is_empty()).then_some(at));
        }
        assert_eq!(first, Some(at_s), "{back} of 100 agents are back");
    }
    // Without quotas there is nothing to wait for.
    let mut cluster = Cluster::default();
    cluster.allocator.fail_over(cluster.now, 100);
    cluster.join("role1");
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.offers().len(), 1);
}
