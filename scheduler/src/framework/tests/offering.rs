//! Making room where it is only offered: a framework pushes out tasks of its own, and is offered their room.

use proptest::prelude::*;

use super::village::Deed::{Evicted, Placed, Refused};
use super::village::{Village, forceful, job_of};
use super::*;
use crate::config::Architecture;
use crate::draw::mix;

fn offered(policy: &str, grace: &str, frameworks: u16, nodes: &[u32]) -> Village {
    Village::new(&forceful(Architecture::TwoLevel, policy, grace), frameworks, nodes)
}

/// Those who were told to leave, and those who were placed.
fn moves(village: &mut Village) -> (Vec<u64>, Vec<u64>) {
    let deeds = village.done();
    let evicted = deeds.iter().filter_map(|deed| if let Evicted(task, ..) = deed { Some(*task) } else { None });
    let placed = deeds.iter().filter_map(|deed| if let Placed(task, ..) = deed { Some(*task) } else { None });
    (evicted.collect(), placed.collect())
}

#[test]
fn after_a_wait_for_offers_a_framework_pushes_out_its_own_and_has_their_room() {
    let mut village = offered("priority", "30s", 2, &[2_000, 2_000]);
    for priority in [1, 0, 2, 0] {
        village.task(1, priority, 1_000);
        village.until(1);
    }
    assert_eq!(moves(&mut village), (vec![], vec![0, 1, 2, 3]));
    // Somebody else waits for anything that comes free.
    village.task(2, 9, 1_000);
    village.until(10);
    let urgent = village.task(1, 5, 1_000);
    village.until(14);
    assert_eq!(moves(&mut village), (vec![], vec![]), "an offer may come");
    village.until(25);
    assert_eq!(moves(&mut village), (vec![1], vec![]), "the lowest, and of two of them the lowest id");
    village.until(40);
    assert_eq!(moves(&mut village), (vec![], vec![]));
    village.end(1, Ending::Evicted);
    assert_eq!(moves(&mut village), (vec![], vec![urgent]), "it is offered to nobody else");
    village.end(2, Ending::Finished);
    village.until(60);
    assert_eq!(moves(&mut village).1, [4], "what nobody was pushed out for is for all");
}

#[test]
fn never_an_equal_never_in_vain_never_the_protected_never_others_and_never_beyond_a_budget() {
    let mut village = offered("priority", "0s", 2, &[4_000]);
    village.task(1, 3, 1_000);
    village.submit(1, JobSpec { protected: true, ..job_of(1, 1, 0, 1_000) });
    village.submit(1, JobSpec { kind: JobKind::Service, disruption: Some(1), ..job_of(2, 2, 1, 1_000) });
    village.until(1);
    village.next = 4;
    assert_eq!(moves(&mut village).1, [0, 1, 2, 3]);
    // Two replicas would be missing; three tasks are not enough; these are another's.
    for (party, priority, cpu) in [(1, 2, 2_000), (1, 9, 4_000), (2, 9, 1_000)] {
        village.task(party, priority, cpu);
    }
    village.until(40);
    assert_eq!(moves(&mut village), (vec![], vec![]));
    village.task(1, 3, 1_000);
    village.until(60);
    assert_eq!(moves(&mut village).0, [2]);
    village.end(2, Ending::Evicted);
    assert_eq!(moves(&mut village).1, [7]);
    village.task(1, 3, 1_000);
    village.until(90);
    assert_eq!(
        moves(&mut village),
        (vec![], vec![]),
        "one of the service is missing already, and the others are equals"
    );
}

#[test]
fn who_names_somebody_who_has_left_already_is_refused_and_nobody_leaves() {
    let mut village = offered("priority", "0s", 1, &[2_000]);
    village.submit(1, job_of(0, 2, 0, 1_000));
    village.until(5);
    village.next = 2;
    village.link = Span::from_seconds(1);
    let urgent = village.task(1, 5, 1_000);
    while village.mail.iter().all(|(_, _, event)| !matches!(event, Event::DisplacementRequested(_))) {
        let seconds = village.now.0 / 1_000_000 + 1;
        village.until(seconds);
    }
    village.done();
    village.end(0, Ending::Finished);
    let seconds = village.now.0 / 1_000_000;
    village.until(seconds + 1);
    assert_eq!(village.done(), [Refused(1, urgent)]);
    village.until(seconds + 60);
    assert_eq!(moves(&mut village), (vec![], vec![urgent]), "it is offered what came free");
}

#[test]
fn who_counted_on_an_agent_that_goes_is_refused_and_waits_again() {
    let mut village = offered("priority", "30s", 1, &[1_000, 1_000]);
    village.task(1, 0, 1_000);
    village.task(1, 1, 1_000);
    village.until(5);
    village.done();
    let urgent = village.task(1, 5, 1_000);
    village.until(20);
    assert_eq!(moves(&mut village).0, [0]);
    let node = NodeId(village.running[&0].at[0].0);
    village.tell_all(&Event::NodeClosed { node });
    village.settle();
    village.end(0, Ending::Evicted);
    assert_eq!(village.done(), [Refused(1, urgent)], "its agent is not offered any more");
    village.until(60);
    assert_eq!(moves(&mut village).0, [1]);
    village.end(1, Ending::Evicted);
    assert_eq!(moves(&mut village).1, [urgent]);
}

#[test]
fn for_a_gang_several_leave_and_its_room_is_offered_at_once() {
    let mut village = offered("priority", "1s", 2, &[2_000, 2_000, 2_000]);
    village.submit(1, JobSpec { kind: JobKind::Gang, ..job_of(0, 4, 0, 1_000) });
    village.until(1);
    village.submit(1, job_of(4, 1, 0, 2_000));
    village.until(2);
    assert_eq!(village.running.len(), 2);
    village.submit(1, JobSpec { kind: JobKind::Gang, ..job_of(20, 3, 1, 2_000) });
    village.next = 30;
    village.task(2, 9, 500);
    village.until(20);
    village.done();
    assert_eq!(village.leaving, [0, 4]);
    village.end(4, Ending::Evicted);
    village.until(40);
    assert_eq!(village.done(), [], "what came free is kept");
    village.end(0, Ending::Evicted);
    let mut deeds = village.done();
    deeds.sort_unstable();
    assert_eq!(deeds, [Placed(20, 0, 1), Placed(20, 1, 1), Placed(20, 2, 1)]);
}

/// What agents hold, offered, in use and free, adds up.
fn adds_up(village: &Village, nodes: &[u32]) -> bool {
    let allocator = village.core.allocator().expect("it is the first party");
    (0..).zip(nodes).all(|(id, &cpu)| {
        let (offers, tasks) = allocator.held_on(NodeId(id));
        let free = allocator.agent(NodeId(id)).expect("it is there").free;
        offers[0] + tasks[0] + free[0] == cpu
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    #[test]
    fn room_that_is_only_offered_is_never_handed_out_twice(
        policy in 0_usize..3,
        link in 0_u64..3,
        words in prop::collection::vec(any::<u64>(), 1..100),
    ) {
        let nodes = [4_000, 3_000, 2_000];
        let mut village = offered(["kubernetes", "priority", "slurm"][policy], "1s", 3, &nodes);
        village.link = Span(link * 700_000);
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            let seconds = village.now.0 / 1_000_000 + draw(0, 8);
            village.until(seconds);
            prop_assert!(adds_up(&village, &nodes));
            village.chance(draw);
        }
        for turn in 0.. {
            prop_assert!(turn < 2_000, "they go on for ever");
            let seconds = village.now.0 / 1_000_000 + 15;
            village.until(seconds);
            match (village.leaving.first().copied(), village.running.keys().next().copied()) {
                (Some(task), _) => village.end(task, Ending::Evicted),
                (None, Some(task)) => village.end(task, Ending::Finished),
                // A launch that is under way waits no more, and is not yet running.
                (None, None) if village.is_launching() => (),
                (None, None) => break,
            }
        }
        prop_assert!(adds_up(&village, &nodes));
        prop_assert_eq!(village.core.waiting(), village.waiting.len() as u64);
        let all: u32 = (0..3).map(|id| village.core.allocator().expect("it is there").held_on(NodeId(id)).1[0]).sum();
        prop_assert_eq!(all, 0, "nothing is kept for anybody");
    }
}
