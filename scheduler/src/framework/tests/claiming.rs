//! Making room under shared state: one framework decides as a monolithic scheduler does (but for victims of whom some
//! are needless, as Slurm's may be: whoever settles claims spares them), and several of them, whose news
//! take their time, never push out an equal, never do so in vain, and never hand out room twice.

use proptest::prelude::*;

use super::village::Deed::{Evicted, Placed, Refused};
use super::village::{Deed, Village, forceful, job_of, random_job};
use super::*;
use crate::config::{Architecture, Commit, Conflicts, Habits};
use crate::draw::mix;

#[test]
fn victims_of_another_framework_leave_and_the_room_is_for_whom_they_left() {
    let mut village = Village::new(&forceful(Architecture::SharedState, "priority", "30s"), 2, &[2_000, 2_000]);
    for priority in [1, 0, 2, 0] {
        village.task(1, priority, 1_000);
    }
    assert_eq!(village.done(), [Placed(0, 0, 1), Placed(1, 0, 1), Placed(2, 1, 1), Placed(3, 1, 1)]);
    village.now = Time(5_000_000);
    let urgent = village.task(2, 5, 1_000);
    assert_eq!(village.done(), [Evicted(1, 30, true)], "the lowest, and of two of them the lowest id");
    // The room is held: neither the framework of the victim nor anybody of higher priority has it.
    let later = village.task(1, 9, 2_000);
    assert_eq!(village.done(), [Evicted(2, 30, true), Evicted(3, 30, true)], "on the other node");
    village.end(1, Ending::Evicted);
    assert_eq!(village.done(), [Placed(urgent, 0, 1)]);
    village.end(3, Ending::Finished);
    assert_eq!(village.done(), []);
    village.end(2, Ending::Evicted);
    // Who left makes room for itself in its turn.
    assert_eq!(village.done(), [Placed(later, 1, 1), Evicted(0, 30, true)]);
    village.end(0, Ending::Evicted);
    assert_eq!((village.done(), village.core.waiting()), (vec![Placed(2, 0, 1)], 2));
    // In place, it may be pushed out in its turn: by an equal never, by a higher one it is.
    village.task(1, 5, 2_000);
    assert_eq!(village.done(), []);
    village.task(1, 6, 2_000);
    assert_eq!(village.done(), [Evicted(2, 30, true), Evicted(urgent, 30, true)]);
}

#[test]
fn never_an_equal_never_in_vain_never_the_protected_and_never_beyond_a_budget() {
    let mut village = Village::new(&forceful(Architecture::SharedState, "priority", "0s"), 2, &[4_000]);
    village.task(1, 3, 1_000);
    let mut spec = JobSpec { protected: true, ..job_of(1, 1, 0, 1_000) };
    village.submit(1, spec);
    spec = JobSpec { kind: JobKind::Service, disruption: Some(1), ..job_of(2, 2, 1, 1_000) };
    village.submit(1, spec);
    village.next = 4;
    village.done();
    for (priority, cpu) in [(3, 1_000), (9, 4_000)] {
        village.task(2, priority, cpu);
        let deeds = village.done();
        let expected = if cpu == 1_000 { vec![Evicted(2, 0, true)] } else { vec![] };
        assert_eq!(deeds, expected, "priority {priority}, {cpu} millicores");
    }
    village.task(2, 3, 1_000);
    assert_eq!(village.done(), [], "one of the service is missing already, and the other is an equal");
    village.task(2, 4, 1_000);
    assert_eq!(village.done(), [Evicted(0, 0, true)]);
}

#[test]
fn a_claim_whose_victim_is_gone_conflicts_and_is_tried_again() {
    let mut village = Village::new(&forceful(Architecture::SharedState, "priority", "0s"), 2, &[1_000, 1_000]);
    village.task(1, 0, 1_000);
    village.task(1, 1, 1_000);
    village.link = Span(1_000);
    while village.go_on() {}
    village.done();
    let urgent = village.task(2, 5, 1_000);
    // While the claim is under way its victim ends, and another takes its place.
    village.end(0, Ending::Finished);
    let taken = village.task(1, 1, 1_000);
    while village.go_on() {}
    let deeds = village.done();
    assert!(deeds.contains(&Refused(2, urgent)), "{deeds:?}");
    assert!(deeds.contains(&Placed(taken, 0, 1)) || deeds.contains(&Placed(urgent, 0, 1)), "{deeds:?}");
    if let Some(&victim) = village.leaving.first() {
        village.end(victim, Ending::Evicted);
        while village.go_on() {}
    }
    assert!(village.running.contains_key(&urgent));
}

#[test]
fn who_counted_on_a_node_that_closes_is_refused_and_finds_another() {
    let mut village = Village::new(&forceful(Architecture::SharedState, "priority", "30s"), 2, &[1_000, 1_000]);
    village.task(1, 0, 1_000);
    village.task(1, 1, 1_000);
    village.done();
    let urgent = village.task(2, 5, 1_000);
    assert_eq!(village.done(), [Evicted(0, 30, true)]);
    village.tell_all(&Event::NodeClosed { node: NodeId(0) });
    village.settle();
    assert_eq!(village.done(), [Refused(2, urgent), Evicted(1, 30, true)]);
    // The first victim leaves in vain: nobody starts before the second has left.
    village.end(0, Ending::Evicted);
    assert_eq!(village.done(), []);
    village.end(1, Ending::Evicted);
    assert_eq!(village.done(), [Placed(urgent, 1, 1)]);
}

#[test]
fn a_gang_of_others_leaves_as_a_whole_and_for_a_gang_several_do() {
    let mut village = Village::new(&forceful(Architecture::SharedState, "priority", "1s"), 2, &[2_000, 2_000, 2_000]);
    village.submit(1, JobSpec { kind: JobKind::Gang, ..job_of(0, 4, 0, 1_000) });
    village.submit(1, job_of(4, 1, 0, 2_000));
    village.done();
    let gang = |first, count| JobSpec { kind: JobKind::Gang, ..job_of(first, count, 1, 2_000) };
    village.submit(2, gang(10, 4));
    assert_eq!(village.done(), [], "three nodes are not four");
    village.submit(2, gang(20, 3));
    assert_eq!(village.done(), [Evicted(0, 1, true), Evicted(4, 1, true)]);
    village.end(4, Ending::Evicted);
    assert_eq!(village.done(), []);
    village.end(0, Ending::Evicted);
    assert_eq!(village.done(), [Placed(20, 0, 1), Placed(20, 1, 1), Placed(20, 2, 1)]);
}

/// Everything that runs ends, one after the other, when no message is under way.
fn everybody_leaves(village: &mut Village) -> Result<(), TestCaseError> {
    for turn in 0..20_000 {
        // Messages may go on as long as somebody is about to leave.
        let may_leave = turn % 100 == 0 && !village.leaving.is_empty();
        if village.go_on() && !may_leave {
            continue;
        }
        match (village.leaving.first().copied(), village.running.keys().next().copied()) {
            (Some(task), _) => village.end(task, Ending::Evicted),
            (None, Some(task)) => village.end(task, Ending::Finished),
            (None, None) => return Ok(()),
        }
    }
    Err(TestCaseError::fail("they go on for ever"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn one_framework_decides_as_a_monolithic_scheduler_does(
        policy in 0_usize..3,
        backfill in 0_usize..2,
        words in prop::collection::vec(any::<u64>(), 1..90),
    ) {
        // How long room is believed to be held for those who wait for others to leave is not quite the same: that moves
        // the reservation of the head.
        let policy = if backfill == 0 { policy } else { 0 };
        let mut config = forceful(Architecture::SharedState, ["none", "kubernetes", "priority"][policy], "1s");
        config.backfill = Choice::named(["none", "easy"][backfill]);
        config.placement = Choice::named("best-fit");
        let nodes = [4_000, 3_000, 2_000];
        let alone = Config { architecture: Architecture::Monolithic, ..config.clone() };
        let mut stage = Stage::with(alone, &nodes.map(|cpu| (cpu, 0)));
        let mut village = Village::new(&config, 1, &nodes);
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            (village.now, stage.now) = (village.now + Span(1 + word % 3), stage.now + Span(1 + word % 3));
            let running: Vec<u64> = village.running.keys().copied().collect();
            let any = running.get(draw(0, running.len().max(1) as u64) as usize).copied();
            match (draw(1, 4), village.leaving.first().copied(), any) {
                (0, Some(task), _) => {
                    village.end(task, Ending::Evicted);
                    stage.end(task, Ending::Evicted);
                }
                (1, _, Some(task)) => {
                    village.end(task, Ending::Finished);
                    stage.end(task, Ending::Finished);
                }
                _ => {
                    let budget = (draw(8, 4) == 0).then_some(1);
                    let spec = JobSpec { disruption: budget, ..random_job(village.next, draw) };
                    village.next += u64::from(spec.count);
                    village.submit(1, spec.clone());
                    stage.submit(spec);
                }
            }
            let placed = stage.places().into_iter().map(|(task, node, count)| Placed(task, node, count));
            let mut expected: Vec<Deed> = placed.collect();
            expected.extend(stage.evicted().into_iter().map(|(task, grace, requeue)| Evicted(task, grace, requeue)));
            let mut deeds = village.done();
            expected.sort_unstable();
            deeds.sort_unstable();
            prop_assert_eq!(deeds, expected);
            prop_assert_eq!(village.core.waiting(), stage.core.waiting());
        }
    }

    #[test]
    fn several_frameworks_whose_news_take_their_time_never_hand_out_room_twice(
        policy in 0_usize..3,
        coarse in any::<bool>(),
        together in any::<bool>(),
        link in 0_u64..4,
        words in prop::collection::vec(any::<u64>(), 1..120),
    ) {
        let habits = Habits { commit: if together { Commit::Gang } else { Commit::Incremental }, ..Habits::default() };
        let conflicts = if coarse { Conflicts::Coarse } else { Conflicts::Fine };
        let policy = ["kubernetes", "priority", "slurm"][policy];
        let config = Config { habits, conflicts, ..forceful(Architecture::SharedState, policy, "1s") };
        let nodes = [4_000, 3_000, 2_000];
        let mut village = Village::new(&config, 3, &nodes);
        village.link = Span(link);
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            let until = village.now + Span(word % 3);
            while village.mail.front().is_some_and(|&(at, ..)| at <= until) {
                village.go_on();
            }
            village.now = until;
            village.chance(draw);
        }
        everybody_leaves(&mut village)?;
        // What still waits is too large for the fleet; and everybody can have all of it.
        prop_assert_eq!(village.core.waiting(), village.waiting.len() as u64);
        let ledger = village.core.ledger().expect("configured");
        prop_assert_eq!(ledger.free_total().0[0], 9_000);
        village.done();
        for party in 1..=3 {
            for cpu in nodes {
                village.task(party, 0, cpu);
            }
            while village.go_on() {}
            let deeds = village.done();
            prop_assert!(deeds.iter().all(|deed| matches!(deed, Placed(..))) && deeds.len() == 3, "{:?}", deeds);
            everybody_leaves(&mut village)?;
        }
    }
}
