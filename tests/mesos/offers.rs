// The life of an offer (O1 to O10), and maintenance (X1).

#[test]
fn o1_one_agent_one_role_one_framework() {
    let mut cluster = Cluster::default();
    let roles = vec![Membership::of("role1"), Membership::of("role2")];
    let one = cluster.join_as(roles, Capabilities::MULTI_ROLE);
    let spec = AgentSpec {
        reserved: vec![("role1".to_owned(), row(1.0, 128)), ("role2".to_owned(), row(2.0, 256))],
        ..whole(row(3.0, 384))
    };
    cluster.agent_as(&spec);
    let mut offers = cluster.offers();
    offers.sort_by_key(|(_, offer)| offer.role);
    let each: Vec<_> = offers.iter().map(|(to, offer)| (*to, offer.node, offer.resources)).collect();
    assert_eq!(each, [(one, NodeId(0), row(1.0, 128)), (one, NodeId(0), row(2.0, 256))]);
    assert_ne!(offers[0].1.role, offers[1].1.role);
}

#[test]
fn o2_everything_left_goes_to_the_first() {
    // Ten agents, three frameworks in three roles: each agent goes as a whole to one of them, and they take turns.
    let mut cluster = Cluster::default();
    let parties: Vec<PartyId> = ["a", "b", "c"].map(|role| cluster.join(role)).to_vec();
    for _ in 0..9 {
        cluster.allocator.add_agent(NodeId(cluster.nodes), &whole(row(4.0, 1024)), &mut cluster.out);
        cluster.nodes += 1;
    }
    cluster.allocator.run(cluster.now, &mut cluster.out);
    let offers = cluster.offered();
    assert_eq!(offers.len(), 9);
    for party in parties {
        assert_eq!(offers.iter().filter(|offer| offer.0 == party).count(), 3);
    }
}

#[test]
fn o3_what_causes_a_run() {
    let mut allocator = TwoLevel::new(Options::default());
    let mut step = |at_ms: u64, events: &[Event]| {
        let mut out = Vec::new();
        let step = allocator.step(Time(at_ms * 1000), events, &mut out);
        let offers: Vec<Offer> = out
            .iter()
            .filter_map(|decision| match decision {
                Decision::Offer { offer, .. } => Some(*offer),
                _ => None,
            })
            .collect();
        (offers, step.wake.map(|at| at.0 / 1000))
    };
    let party = PartyId(1);
    let spec = FrameworkSpec { party, roles: vec![Membership::of("role1")], ..FrameworkSpec::default() };
    assert_eq!(step(0, &[Event::FrameworkJoined(Box::new(spec))]).0, []);
    // An agent comes: at once, and only it.
    let node = |id: u32| {
        let spec = windtunnel_scheduler::NodeSpec { node: NodeId(id), capacity: row(1.0, 512), ..Default::default() };
        Event::NodeAdded(Box::new(spec))
    };
    let (offers, wake) = step(300, &[node(0)]);
    assert_eq!((offers.len(), wake), (1, Some(1000)));
    // What is given back waits for the periodic run, 1 s after the last.
    let declined = Event::OfferDeclined { offer: offers[0].offer, from: party, refuse: Span::ZERO };
    assert_eq!(step(400, &[declined]), (vec![], Some(1000)));
    let (offers, wake) = step(1000, &[Event::Woken]);
    assert_eq!((offers.len(), wake), (1, Some(2000)));
    // Wishing for no offers causes none; wanting them again does, over all agents.
    let declined = Event::OfferDeclined { offer: offers[0].offer, from: party, refuse: seconds(100) };
    assert_eq!(step(1100, &[declined, Event::OffersSuppressed { from: party }]).0, []);
    let (offers, _) = step(1200, &[Event::OffersRevived { from: party }]);
    assert_eq!(offers.len(), 1);
    // Several agents of one instant are one run.
    assert_eq!(step(1300, &[node(1), node(2)]).0.len(), 2);
}

#[test]
fn o4_filters() {
    for (said, means) in [
        (-1.0, REFUSE_DEFAULT),
        (f64::NAN, REFUSE_DEFAULT),
        (0.0, Span::ZERO),
        (120.0, seconds(120)),
        (31_536_001.0, REFUSE_MOST),
        (f64::INFINITY, REFUSE_MOST),
    ] {
        assert_eq!(refusal(said), means, "{said}");
    }
    assert_eq!((REFUSE_DEFAULT, REFUSE_MOST), (seconds(5), seconds(365 * 86_400)));
    // A filter of no time at all outlives no run; one shorter than the interval outlives the next.
    let mut cluster = Cluster::default();
    cluster.join("role1");
    let node = cluster.agent(row(2.0, 1024));
    let offer = cluster.only();
    cluster.decline(offer, Span(1000));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    cluster.tick();
    let offer = cluster.only();
    // Any growth on the agent breaks through.
    let task = cluster.launch(offer, row(1.0, 512));
    cluster.decline(offer, seconds(1000));
    cluster.out.clear();
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    cluster.allocator.end_task(task);
    cluster.tick();
    let offer = cluster.only();
    assert_eq!(offer.1.resources, row(2.0, 1024));
    // Cleared by a revival, and with the agent.
    cluster.decline(offer, seconds(1000));
    cluster.allocator.revive(PartyId(1), Some("role1"));
    cluster.allocator.run(cluster.now, &mut cluster.out);
    let offer = cluster.only();
    cluster.decline(offer, seconds(1000));
    cluster.allocator.lose_agent(node, &mut cluster.out);
    cluster.allocator.add_agent(node, &whole(row(2.0, 1024)), &mut cluster.out);
    cluster.tick();
    assert_eq!(cluster.offers().len(), 1);
}

#[test]
fn o5_accepting_several_offers() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    let node = cluster.agent(row(2.0, 1024));
    let first = cluster.only();
    let task = cluster.launch(first, row(1.0, 512));
    cluster.allocator.end_task(task);
    cluster.out.clear();
    cluster.tick();
    let second = cluster.only();
    // Both are of one agent and one role: a task may take of both.
    let both = [first.1.offer, second.1.offer];
    let big = launch(one, first.1.offer, TaskId(7), row(2.0, 1024));
    let accepted = cluster.allocator.accept(cluster.now, &both, &[big], REFUSE_DEFAULT, &mut cluster.out);
    assert_eq!(accepted, Ok(()));
    let placed = Decision::Place { task: TaskId(7), node, count: 1, gpus: GpuSet::NONE, more: false };
    assert_eq!(cluster.out, [placed]);
    cluster.allocator.end_task(TaskId(7));
    cluster.out.clear();
    // One invalid offer: no task, and the valid one is free again without a filter.
    cluster.tick();
    let valid = cluster.only();
    let offers = [valid.1.offer, OfferId(999)];
    let small = launch(one, valid.1.offer, TaskId(8), row(1.0, 1));
    let refused = cluster.allocator.accept(cluster.now, &offers, &[small], REFUSE_DEFAULT, &mut cluster.out);
    assert_eq!((refused, cluster.out.len()), (Err(InvalidOffers), 0));
    cluster.tick();
    let again = cluster.only();
    assert_eq!(again.1.resources, row(2.0, 1024));
    // No task at all is a refusal.
    let nothing = cluster.allocator.accept(cluster.now, &[again.1.offer], &[], REFUSE_DEFAULT, &mut cluster.out);
    assert_eq!(nothing, Ok(()));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
}

#[test]
fn o6_suppress_and_revive() {
    let mut cluster = Cluster::default();
    let roles = vec![Membership::of("role1"), Membership::of("role2")];
    let one = cluster.join_as(roles, Capabilities::MULTI_ROLE);
    cluster.allocator.suppress(one, Some("role1"));
    cluster.agent(row(1.0, 512));
    let (_, offer) = cluster.only();
    let role2 = cluster.allocator.roles().find("role2").expect("it was named");
    assert_eq!(u32::from(offer.role.0), role2);
    cluster.allocator.suppress(one, None);
    cluster.agent(row(1.0, 512));
    cluster.tick();
    assert_eq!(cluster.offers(), []);
    cluster.allocator.revive(one, Some("role1"));
    cluster.allocator.run(cluster.now, &mut cluster.out);
    let (_, offer) = cluster.only();
    assert_ne!(u32::from(offer.role.0), role2);
}

#[test]
fn o7_offers_are_taken_back() {
    let timeout = Some(seconds(120));
    let mut cluster = Cluster::with(Options { offer_timeout: timeout, ..Options::default() });
    let _ = cluster.allocator.step(cluster.now, &[], &mut cluster.out);
    let one = cluster.join("role1");
    let node = cluster.agent(row(1.0, 512));
    let first = cluster.only();
    let woken = cluster.allocator.step(Time(119_999_999), &[], &mut cluster.out);
    assert_eq!((cluster.rescinded(), woken.wake), (vec![], Some(Time(120_000_000))));
    // Without a filter: it may go to the same again at once, here by the periodic run of that instant.
    let _ = cluster.allocator.step(Time(120_000_000), &[Event::Woken], &mut cluster.out);
    assert_eq!(cluster.out[0], Decision::Rescind { to: one, offer: first.1.offer });
    cluster.out.remove(0);
    let again = cluster.only();
    assert_eq!(again.0, one);
    // The agent is cut off.
    cluster.allocator.set_agent_active(node, false, &mut cluster.out);
    assert_eq!(cluster.rescinded(), [(one, again.1.offer)]);
    // The framework is.
    cluster.allocator.set_agent_active(node, true, &mut cluster.out);
    cluster.allocator.run(Time(120_000_000), &mut cluster.out);
    let again = cluster.only();
    cluster.allocator.set_framework_active(one, false, &mut cluster.out);
    assert_eq!(cluster.rescinded(), [(one, again.1.offer)]);
    // A guarantee for another role, as much as it needs.
    cluster.allocator.set_framework_active(one, true, &mut cluster.out);
    cluster.allocator.run(Time(120_000_000), &mut cluster.out);
    let again = cluster.only();
    cluster.allocator.set_quota("role2", Quota::both(&row(1.0, 512)), false).expect("there is enough");
    cluster.allocator.rescind_for_quota("role2", &mut cluster.out);
    assert_eq!(cluster.rescinded(), [(one, again.1.offer)]);
}

#[test]
fn o8_what_is_offered_counts_as_held() {
    let mut cluster = Cluster::default();
    let hoarder = cluster.join("role1");
    for _ in 0..3 {
        cluster.agent(row(1.0, 512));
    }
    assert_eq!(cluster.offers().len(), 3);
    assert_eq!(cluster.share("role1"), 1.0);
    let other = cluster.join("role2");
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, other);
    cluster.agent(row(1.0, 512));
    assert_eq!(cluster.only().0, other, "1/5 is less than 3/5");
    assert_eq!((cluster.share("role1"), cluster.share("role2")), (0.6, 0.4));
    assert_eq!(hoarder, PartyId(1));
}

#[test]
fn o9_what_an_offer_has_at_least() {
    let mut wishes = Membership::of("role1");
    wishes.least = Some(vec![row(1.0, 1024)]);
    let mut cluster = Cluster::default();
    let picky = cluster.join_as(vec![wishes], Capabilities::default());
    cluster.agent(row(1.0, 1023));
    assert_eq!(cluster.offers(), []);
    cluster.agent(row(1.0, 1024));
    assert_eq!(cluster.only().0, picky);
    // All of it, and a port: what DC/OS demands.
    let mut cluster = Cluster::with(Options { sets: 1 << PORTS, least: least_dcos(PORTS), ..Options::default() });
    cluster.join("role1");
    for (cpus, memory, ports, goes) in [(0.01, 32, 0, 0), (0.01, 31, 1, 0), (0.009, 32, 1, 0), (0.01, 32, 1, 1)] {
        let mut capacity = row(cpus, memory);
        capacity[PORTS] = ports;
        cluster.agent(capacity);
        assert_eq!(cluster.offers().len(), goes, "{cpus} cpus, {memory} MiB, {ports} ports");
    }
}

#[test]
fn o10_constraints_and_capabilities() {
    let mut wishes = Membership::of("role1");
    let on_ssd = Constraint { attribute: "disk".to_owned(), condition: Condition::In(vec!["ssd".to_owned()]) };
    wishes.constraints = Some(vec![on_ssd].into());
    let mut cluster = Cluster::default();
    cluster.join_as(vec![wishes], Capabilities::default());
    for (value, goes) in [("hdd", 0), ("ssd", 1)] {
        let attributes = vec![("disk".to_owned(), value.to_owned())];
        cluster.agent_as(&AgentSpec { attributes, ..whole(row(1.0, 512)) });
        assert_eq!(cluster.offers().len(), goes, "{value}");
    }
    // Agents with gpus are kept for those that can use them.
    let mut cluster = Cluster::default();
    cluster.join("role1");
    let able = cluster.join_as(vec![Membership::of("role2")], Capabilities::GPU_RESOURCES);
    let mut capacity = row(1.0, 512);
    capacity[GPU] = 2000;
    for _ in 0..3 {
        cluster.agent(capacity);
        let (to, offer) = cluster.only();
        assert_eq!((to, offer.gpus), (able, GpuSet(0b11)));
    }
    let both = Capabilities::GPU_RESOURCES.with(Capabilities::REGION_AWARE);
    assert!(both.has(Capabilities::REGION_AWARE) && !both.has(Capabilities::SHARED_RESOURCES));
}

#[test]
fn x1_maintenance() {
    let mut cluster = Cluster::default();
    let one = cluster.join("role1");
    let node = cluster.agent(row(2.0, 1024));
    let offer = cluster.only();
    let task = cluster.launch(offer, row(1.0, 512));
    cluster.out.clear();
    let window = Window { start: Time(3_600_000_000), length: seconds(600) };
    // Posted: the rest is taken back, offered again, and whoever holds something there is asked to leave.
    cluster.allocator.post_window(node, Some(window), &mut cluster.out);
    cluster.allocator.run(cluster.now, &mut cluster.out);
    let asked = Decision::InverseOffer { to: one, node, window };
    assert_eq!(cluster.out[0], Decision::Rescind { to: one, offer: offer.1.offer });
    assert!(matches!(cluster.out[1], Decision::Offer { to, .. } if to == one));
    assert_eq!(cluster.out[2..], [asked]);
    cluster.out.clear();
    // One question at a time; an answer is advice, and keeps quiet for as long as it says.
    cluster.tick();
    assert_eq!(cluster.out, []);
    cluster.allocator.answer_inverse(cluster.now, one, node, seconds(3));
    for (at, times) in [(1, 0), (2, 0), (3, 1)] {
        cluster.tick();
        assert_eq!(cluster.out.drain(..).filter(|decision| *decision == asked).count(), times, "{at} s later");
    }
    // The window begins: nothing happens by itself.
    cluster.now = window.start;
    cluster.batch();
    assert_eq!(cluster.out, []);
    // Draining kills, and is over when the end is heard of.
    cluster.allocator.drain(node, seconds(30), &mut cluster.out);
    assert_eq!(cluster.out.last(), Some(&Decision::Kill { task, grace: seconds(30) }));
    assert!(!cluster.allocator.is_drained(node));
    cluster.allocator.end_task(task);
    assert!(cluster.allocator.is_drained(node));
    cluster.out.clear();
    cluster.tick();
    assert_eq!(cluster.offers(), []);
}
