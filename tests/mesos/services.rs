// Services, and the agents that they lose (G4 to G8, the seven timelines).

/// Half past twelve and five seconds is `clock(30, 5)`: times count from noon.
fn clock(minutes: u64, seconds: u64) -> Time {
    Time((minutes * 60 + seconds) * 1_000_000)
}

/// Runs a watch until an instant: what it does, and when.
fn acts_until(watch: &mut Watch, end: Time) -> Vec<(Time, Act)> {
    let mut acts = Vec::new();
    while let Some(at) = watch.wake().filter(|at| *at <= end) {
        acts.extend(watch.act(at).map(|act| (at, act)));
    }
    acts
}

fn strategy(inactive: u64, expunge: u64) -> Strategy {
    Strategy { inactive: seconds(inactive), expunge: seconds(expunge) }
}

const DAY: u64 = 24 * 60;
/// Pings of the profile: every 15 s, 20 of them.
const PING: (Span, u32) = (Span::from_seconds(15), 20);

/// When agents that fall silent at these instants are removed, at most one in 20 minutes.
fn removed(silent: &[Time]) -> Vec<Time> {
    let mut removals = Removals::new(seconds(20 * 60));
    let mut missed: Vec<(Time, NodeId)> = Vec::new();
    for (at, &silent) in (0_u32..).zip(silent) {
        // It answered its last ping one interval before the first that it missed.
        let answered = Time(silent.0 - PING.0.0);
        missed.push((taken_for_lost(answered, PING.0, PING.1), NodeId(at)));
    }
    let mut removed = Vec::new();
    for (at, node) in missed {
        while let Some(before) = removals.wake().filter(|wake| *wake < at) {
            removed.extend(removals.remove(before).map(|_| before));
        }
        removals.missed(at, node);
    }
    while let Some(at) = removals.wake() {
        removed.extend(removals.remove(at).map(|_| at));
    }
    removed
}

#[test]
fn timeline_1_silent_for_four_minutes() {
    let lost = taken_for_lost(clock(0, 0), PING.0, PING.1);
    assert!(lost > clock(4, 0), "it answers again before it is taken for lost");
    let mut removals = Removals::new(seconds(20 * 60));
    removals.missed(clock(5, 0), NodeId(0));
    removals.answered(NodeId(0));
    assert_eq!(removals.remove(clock(30, 0)), None, "a late answer undoes a removal that is due");
}

#[test]
fn timeline_2_silent_for_six_minutes() {
    assert_eq!(removed(&[clock(60, 0)]), [clock(65, 0)]);
    let mut watch = Watch::new(strategy(0, 0), clock(0, 0));
    watch.unreachable(clock(5, 0));
    assert_eq!(acts_until(&mut watch, clock(5, 59)), [(clock(5, 3), Act::Replace)]);
    watch.back(clock(6, 0));
    assert_eq!(acts_until(&mut watch, clock(60, 0)), [(clock(6, 3), Act::Kill)]);
}

#[test]
fn timeline_3_two_of_one_for_a_while() {
    for phase in 0..10 {
        let mut watch = Watch::new(strategy(0, 300), clock(phase, 0));
        watch.unreachable(clock(5, 0));
        assert_eq!(acts_until(&mut watch, clock(5, 59)), [(clock(5, 3), Act::Replace)]);
        watch.back(clock(6, 0));
        let acts = acts_until(&mut watch, clock(60, 0));
        assert!(matches!(acts[..], [(at, Act::Kill)] if at >= clock(10, 0) && at <= clock(20, 0)), "{acts:?}");
    }
}

#[test]
fn timeline_4_last_of_four_in_the_queue() {
    let noon = clock(60, 0);
    let removed = removed(&[noon; 4]);
    assert_eq!(removed, [clock(65, 0), clock(85, 0), clock(105, 0), clock(125, 0)]);
    let mut watch = Watch::new(strategy(0, 0), noon);
    watch.unreachable(removed[3]);
    assert_eq!(acts_until(&mut watch, clock(200, 0)), [(clock(125, 3), Act::Replace)]);
}

#[test]
fn timeline_5_not_before_reconciliation() {
    for phase in 0..10 {
        let mut watch = Watch::new(strategy(300, 300), clock(phase, 0));
        watch.unreachable(clock(65, 0));
        let acts = acts_until(&mut watch, clock(200, 0));
        assert!(matches!(acts[..], [(at, Act::Replace)] if at >= clock(70, 0) && at <= clock(80, 0)), "{acts:?}");
    }
}

#[test]
fn timeline_6_held_up_by_one_that_came_back() {
    let removed = removed(&[clock(60, 0), clock(72, 0)]);
    assert_eq!(removed, [clock(65, 0), clock(85, 0)]);
    let mut watch = Watch::new(strategy(0, 0), clock(60, 0));
    watch.unreachable(removed[1]);
    assert_eq!(acts_until(&mut watch, clock(200, 0)), [(clock(85, 3), Act::Replace)]);
    // Three minutes apart: the limit tells the second to wait just so.
    assert_eq!(self::removed(&[clock(60, 0), clock(63, 0)]), [clock(65, 0), clock(85, 0)]);
}

#[test]
fn timeline_7_a_day_of_patience() {
    for phase in 0..10 {
        let mut watch = Watch::new(strategy(86_400, 86_400), clock(phase, 0));
        watch.unreachable(clock(5, 0));
        let acts = acts_until(&mut watch, clock(2 * DAY, 0));
        let (from, to) = (clock(DAY + 5, 0), clock(DAY + 15, 0));
        assert!(matches!(acts[..], [(at, Act::Replace)] if at >= from && at <= to), "{acts:?}");
    }
}

/// In how many runs of the allocator so many tasks are launched on 200 agents, by a framework that launches at most
/// so many on an offer and within a second.
fn cycles(per_offer: u32, per_second: Option<u32>) -> u64 {
    let habits = Habits {
        per_offer: Some(per_offer),
        launches: per_second.map(|most| (most, seconds(1))),
        // It refuses nothing for longer than a run.
        refuse: NO_FILTER,
        revives: None,
        ..Habits::default()
    };
    let config = Config { architecture: Architecture::TwoLevel, habits, ..Config::default() };
    let mut core = Core::new(&Registries::default());
    let (allocator, framework) = (PartyId::FIRST, PartyId(1));
    let mut inboxes: [Vec<Event>; 2] = [Vec::new(), Vec::new()];
    for inbox in &mut inboxes {
        inbox.push(Event::Configured(Box::new(config.clone())));
        inbox.extend((0..200).map(|node| {
            let (node, capacity) = (NodeId(node), row(100.0, 100_000));
            Event::NodeAdded(Box::new(windtunnel_scheduler::NodeSpec { node, capacity, ..Default::default() }))
        }));
    }
    let (party, roles) = (framework, vec![Membership::of("role1")]);
    inboxes[0].push(Event::FrameworkJoined(Box::new(FrameworkSpec { party, roles, ..FrameworkSpec::default() })));
    let spec = windtunnel_scheduler::JobSpec { count: 2000, request: row(1.0, 100), ..Default::default() };
    inboxes[1].push(Event::JobSubmitted(spec));
    let (mut placed, mut runs) = (0, 0);
    for at in 0..100 {
        let now = Time(at * 1_000_000);
        if at > 0 {
            inboxes[0].push(Event::Woken);
        }
        let before = placed;
        while let Some(who) = (0..2).find(|&who| !inboxes[who].is_empty()) {
            let (events, mut out) = (std::mem::take(&mut inboxes[who]), Vec::new());
            core.step([allocator, framework][who], now, &events, &mut out).expect("it is there");
            for decision in out {
                match decision {
                    Decision::Offer { offer, .. } => inboxes[1].push(Event::Offered(offer)),
                    Decision::Launch(launch) => inboxes[0].push(Event::LaunchRequested(launch)),
                    Decision::Decline { offer, refuse } => {
                        inboxes[0].push(Event::OfferDeclined { offer, from: framework, refuse });
                    }
                    Decision::Suppress => inboxes[0].push(Event::OffersSuppressed { from: framework }),
                    Decision::Place { .. } => placed += 1,
                    _ => {}
                }
            }
        }
        runs += u64::from(placed > before);
    }
    assert_eq!(placed, 2000);
    runs
}

#[test]
fn g4_cycles_until_all_are_launched() {
    assert_eq!(cycles(1, None), 10);
    assert_eq!(cycles(10, Some(1000)), 2);
    assert_eq!(cycles(10, Some(2000)), 1);
}

#[test]
fn g5_unreachable_timelines() {
    timeline_2_silent_for_six_minutes();
    timeline_4_last_of_four_in_the_queue();
}

#[test]
fn g6_when_a_dead_agent_is_taken_for_lost() {
    let (ping, misses) = (seconds(15), 5);
    let answered = clock(1, 0);
    let lost = taken_for_lost(answered, ping, misses);
    assert_eq!(lost - answered, seconds(90), "dead just after it answered");
    assert_eq!(lost - (answered + ping), seconds(75), "dead just before the next ping");
}

#[test]
fn g7_ten_thousand_agents_at_once() {
    // 100 a minute.
    let mut removals = Removals::new(Span(600_000));
    (0..10_000).for_each(|at| removals.missed(clock(5, 0), NodeId(at)));
    let mut at = Vec::new();
    while let Some(wake) = removals.wake() {
        assert!(removals.remove(wake).is_some());
        at.push(wake);
    }
    let last = at[9_999] - at[0];
    assert_eq!(last, Span(9_999 * 600_000));
    assert_eq!((last.as_seconds() / 60.0).round(), 100.0);
}

#[test]
fn g8_backoff_of_an_app_that_always_fails() {
    let mut backoff = Backoff::default();
    let mut now = Time::ZERO;
    let mut delays = Vec::new();
    for _ in 0..60 {
        let delay = backoff.ended(now, Ending::Failed);
        delays.push(delay);
        now = now + delay;
    }
    let first = delays.iter().position(|delay| *delay == seconds(300));
    assert_eq!(first, Some(41), "the 42nd failure is the first to wait for 300 s");
    let before: u64 = delays[..41].iter().map(|delay| delay.0).sum();
    assert_eq!((before as f64 / 1e6).round(), 2047.0);
    // An end of its own counts like a failure; a kill does not, and a new version begins anew.
    let mut backoff = Backoff::default();
    assert_eq!(backoff.ended(clock(0, 0), Ending::Finished), seconds(1));
    assert_eq!(backoff.ended(clock(0, 1), Ending::Killed), Span::ZERO);
    assert_eq!(backoff.ended(clock(0, 1), Ending::Failed), Span(1_150_000));
    backoff.reset();
    assert_eq!(backoff.left(clock(0, 1)), Span::ZERO);
    assert_eq!(backoff.ended(clock(0, 2), Ending::Failed), seconds(1));
    // 300 s without a failure: forgotten.
    assert_eq!(backoff.ended(clock(5, 3), Ending::Failed), seconds(1));
}

#[test]
fn upgrade_keeps_enough_healthy() {
    // Of 10, 60 % healthy and twice as many at most; the example of the manual says 12 and 32, its code 16 and 36.
    for (count, health, kill_now, together) in [(10, 600, 4, 16), (20, 800, 4, 36)] {
        let plan = Plan::new(count, count, health, 1000, false);
        assert_eq!((plan.kill_now, plan.running_most), (kill_now, 2 * count));
        let mut upgrade = Upgrade::begin(count, plan);
        upgrade.start();
        assert_eq!(upgrade.old + upgrade.new, together);
        while !upgrade.is_done() {
            upgrade.healthy();
            assert!(upgrade.old + upgrade.new_healthy >= plan.healthy_least);
        }
    }
    // Where nothing could move: one more for a while, or one less for what is bound to its place.
    let plan = Plan::new(3, 3, 1000, 0, false);
    assert_eq!((plan.healthy_least, plan.running_most, plan.kill_now), (3, 4, 0));
    let plan = Plan::new(3, 3, 1000, 0, true);
    assert_eq!((plan.healthy_least, plan.running_most, plan.kill_now), (3, 3, 1));
    // An upgrade whose new instances never get healthy waits for ever.
    let mut upgrade = Upgrade::begin(3, Plan::new(3, 3, 1000, 0, false));
    assert_eq!((upgrade.start(), upgrade.start(), upgrade.is_done()), (1, 0, false));
}

#[test]
fn kill_selection() {
    let instances =
        [(TaskId(1), clock(3, 0)), (TaskId(2), clock(1, 0)), (TaskId(3), clock(3, 0)), (TaskId(4), clock(2, 0))];
    assert_eq!(choose(KillSelection::YoungestFirst, &instances, 2), [TaskId(1), TaskId(3)]);
    assert_eq!(choose(KillSelection::OldestFirst, &instances, 2), [TaskId(2), TaskId(4)]);
}
