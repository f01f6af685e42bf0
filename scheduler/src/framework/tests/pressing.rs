//! Making room where there are partitions, limits and reservations, and where everybody holds a reservation.

use proptest::prelude::*;

use super::preempting::preempting;
use super::*;
use crate::draw::mix;
use crate::partition::{Cap, Limits, Partition, Qos, Reservation, Terms};

/// Six nodes of four cores: the first four are `left`, the last four are `end`.
fn nodes() -> Vec<NodeSpec> {
    let spec = |id: u32| {
        let (left, end) = (if id < 4 { "yes" } else { "no" }, if id > 1 { "yes" } else { "no" });
        let attributes = vec![("left".to_string(), left.to_string()), ("end".to_string(), end.to_string())];
        NodeSpec { attributes, ..node(id, 4_000, 0) }
    };
    (0..6).map(spec).collect()
}

/// The left nodes; those at the end, which overlap; all.
fn partitions() -> Vec<Partition> {
    let on = |name: &str| Partition { nodes: only(name, "yes"), ..Partition::default() };
    vec![on("left"), on("end"), Partition::default()]
}

fn is_in(partition: u16, node: u32) -> bool {
    match partition {
        0 => node < 4,
        1 => node > 1,
        _ => true,
    }
}

fn staged(config: Config, nodes: Vec<NodeSpec>) -> Stage {
    let mut stage = Stage::new(config);
    nodes.into_iter().for_each(|spec| _ = stage.add(spec));
    stage
}

impl Stage {
    /// A task of this priority, in a partition, that asks for so many seconds.
    fn press(&mut self, partition: Option<u16>, priority: i32, cpu: u32, seconds: u64) -> u64 {
        let terms = Terms { partition, ..Terms::default() };
        let spec = JobSpec { priority, terms, estimate: Some(Span::from_seconds(seconds)), ..self.task(cpu, 0) };
        let task = spec.first_task.0;
        self.submit(spec);
        task
    }

    fn leavers(&self) -> Vec<u64> {
        self.evicted().into_iter().map(|(task, ..)| task).collect()
    }
}

/// Those whose head is the first of the queue at any time.
const PASSING: [&str; 3] = ["none", "easy", "conservative"];
const POLICIES: [&str; 4] = ["none", "easy", "head-only", "conservative"];

#[test]
fn victims_are_in_the_nodes_of_the_partition() {
    for backfill in POLICIES {
        let config =
            Config { partitions: partitions(), backfill: Choice::named(backfill), ..preempting("priority", &[]) };
        let mut stage = staged(config, nodes());
        let all: Vec<u64> = (0..6).map(|at| stage.press(Some(2), if at == 2 { 0 } else { 1 }, 4_000, 100)).collect();
        assert_eq!(stage.core.waiting(), 0, "{backfill}");
        // What many may use is filled last: the third is on node 4, not for the left.
        stage.at(5).press(Some(0), 5, 1_000, 100);
        assert_eq!(stage.leavers(), [all[0]], "{backfill}");
        stage.press(Some(1), 5, 2_000, 100);
        assert_eq!(stage.leavers(), [all[2]], "{backfill}");
        stage.end(all[2], Ending::Evicted);
        assert_eq!(stage.places(), [(7, 4, 1)], "{backfill}");
    }
}

#[test]
fn who_reaches_a_limit_pushes_nobody_out() {
    for backfill in PASSING {
        let user = Cap { jobs: Some(1), ..Cap::default() };
        let qos = vec![Qos { limits: Limits { user, ..Limits::default() }, ..Qos::default() }];
        let config = Config { qos, backfill: Choice::named(backfill), ..preempting("priority", &[("grace", "9s")]) };
        let mut stage = staged(config, vec![node(0, 2_000, 0)]);
        stage.press(None, 0, 1_000, 100);
        stage.press(None, 0, 1_000, 100);
        let mut of = |user: u16| {
            let terms = Terms { user, qos: Some(0), ..Terms::default() };
            let estimate = Some(Span::from_seconds(100));
            let spec = JobSpec { priority: 5, terms, estimate, ..stage.task(1_000, 0) };
            stage.submit(spec);
            stage.leavers()
        };
        assert_eq!(of(1), [0], "{backfill}");
        assert_eq!(of(1), [], "{backfill}: room that is being made counts");
        assert_eq!(of(2), [1], "{backfill}");
    }
}

#[test]
fn room_that_is_kept_for_others_soon_is_not_taken_by_force() {
    for backfill in PASSING {
        // From 50 s on half of the node is kept for an hour.
        let kept = Reservation {
            amount: Some(Resources::new(2_000, 0)),
            start: Time(50_000_000),
            length: Span::from_seconds(3_600),
            times: 1,
            ..Reservation::default()
        };
        let config =
            Config { reservations: vec![kept], backfill: Choice::named(backfill), ..preempting("priority", &[]) };
        let mut stage = staged(config, vec![node(0, 4_000, 0)]);
        stage.press(None, 0, 2_000, 100);
        stage.press(None, 0, 2_000, 40);
        assert_eq!(stage.core.waiting(), 0, "{backfill}");
        stage.at(10).press(None, 5, 4_000, 100);
        assert_eq!(stage.leavers(), [], "{backfill}: it would run into what is kept");
        let urgent = stage.press(None, 9, 4_000, 30);
        assert_eq!(stage.leavers(), [0, 1], "{backfill}: it is gone by then");
        stage.hear(&[0, 1].map(|task| Event::TaskEnded { task: TaskId(task), ending: Ending::Evicted }));
        assert_eq!(stage.places(), [(urgent, 0, 1)], "{backfill}");
    }
}

fn conservative() -> Config {
    Config { backfill: Choice::named("conservative"), ..preempting("priority", &[]) }
}

#[test]
fn reservations_of_the_less_important_give_way_and_are_planned_anew() {
    let mut stage = Stage::with(conservative(), &[(4_000, 0)]);
    stage.press(None, 0, 4_000, 100);
    stage.at(1).press(None, 0, 4_000, 100);
    let urgent = stage.at(50).press(None, 5, 4_000, 100);
    assert_eq!((stage.leavers(), stage.places()), (vec![0], vec![]));
    let step = stage.end(0, Ending::Evicted);
    assert_eq!(stage.places(), [(urgent, 0, 1)]);
    assert_eq!(step.wake, Some(Time(150_000_000)), "the next start is right after it");
    let step = stage.at(150).finish(urgent);
    assert_eq!((stage.places(), step.wake), (vec![(1, 0, 1)], Some(Time(250_000_000))));
    stage.at(250).finish(1);
    assert_eq!(stage.places(), [(0, 0, 1)], "the one that left comes after the one that had waited");
}

#[test]
fn reservations_of_the_as_important_stand() {
    for (length, expected) in [(150, vec![]), (80, vec![1])] {
        let mut stage = Stage::with(conservative(), &[(4_000, 0)]);
        stage.press(None, 9, 2_000, 100);
        stage.press(None, 0, 2_000, 100);
        // Pushing out the second is not enough for it: it has all of the node from 100 s on.
        let wide = stage.at(10).press(None, 9, 4_000, 100);
        assert_eq!(stage.leavers(), []);
        let narrow = stage.at(20).press(None, 5, 2_000, length);
        assert_eq!(stage.leavers(), expected, "{length} s");
        if !expected.is_empty() {
            stage.end(1, Ending::Evicted);
            assert_eq!(stage.places(), [(narrow, 0, 1)]);
            stage
                .at(100)
                .hear(&[narrow, 0].map(|task| Event::TaskEnded { task: TaskId(task), ending: Ending::Finished }));
            assert_eq!(stage.places(), [(wide, 0, 1)]);
        }
    }
}

#[test]
fn nobody_is_pushed_out_by_the_pass_in_which_he_starts() {
    for (cpu, out) in [(2_000, vec![]), (4_000, vec![1])] {
        let mut stage = Stage::with(conservative(), &[(4_000, 0)]);
        stage.press(None, 0, 2_000, 100);
        stage.press(None, 0, 2_000, 200);
        let waits = stage.at(10).press(None, 0, 2_000, 50);
        let ended = Event::TaskEnded { task: TaskId(0), ending: Ending::Finished };
        let urgent = JobSpec { priority: 5, estimate: Some(Span::from_seconds(60)), ..stage.task(cpu, 0) };
        let id = urgent.first_task.0;
        stage.at(100).hear(&[ended, Event::JobSubmitted(urgent)]);
        assert_eq!(stage.leavers(), out, "{cpu} millicores");
        assert!(stage.places().iter().all(|&(task, ..)| task != waits), "its reservation gave way");
        assert_eq!(stage.places().is_empty(), !out.is_empty());
        if !out.is_empty() {
            stage.end(1, Ending::Evicted);
            assert_eq!(stage.places(), [(id, 0, 1)]);
        }
    }
}

#[test]
fn an_old_victim_does_not_count_for_a_new_nomination() {
    let mut stage = Stage::with(preempting("priority", &[("grace", "30s")]), &[(1_000, 0), (1_000, 0)]);
    stage.press(None, 0, 1_000, 100);
    stage.press(None, 1, 1_000, 100);
    let urgent = stage.press(None, 5, 1_000, 100);
    assert_eq!(stage.leavers(), [0]);
    stage.at(5).hear(&[Event::NodeClosed { node: NodeId(0) }]);
    assert_eq!(stage.leavers(), [1]);
    stage.at(30).end(0, Ending::Evicted);
    assert_eq!(stage.places(), [], "the second victim is still there");
    stage.at(35).end(1, Ending::Evicted);
    assert_eq!(stage.places(), [(urgent, 1, 1)]);
}

/// A running task, for the plain search.
#[derive(Clone, Debug)]
struct Tenant {
    task: u64,
    node: u32,
    cpu: u32,
    priority: i32,
    protected: bool,
    since: u64,
}

/// The least harm of all selections on all nodes of a partition; None if it fits as it is, or never.
fn least_harm(tenants: &[Tenant], partition: u16, priority: i32, cpu: u32, now: u64) -> Result<Option<Vec<u64>>, ()> {
    let mut best = None;
    for node in (0..6).filter(|&node| is_in(partition, node)) {
        let here: Vec<&Tenant> = tenants.iter().filter(|tenant| tenant.node == node).collect();
        let free = 4_000 - here.iter().map(|tenant| tenant.cpu).sum::<u32>();
        if cpu <= free {
            return Ok(None);
        }
        for set in 1_u32..1 << here.len() {
            let gone: Vec<&&Tenant> = (0..here.len()).filter(|at| set & 1 << at != 0).map(|at| &here[at]).collect();
            let may = gone.iter().all(|tenant| tenant.priority < priority && !tenant.protected);
            if !may || cpu > free + gone.iter().map(|tenant| tenant.cpu).sum::<u32>() {
                continue;
            }
            let mut priorities: Vec<i32> = gone.iter().map(|tenant| -tenant.priority).collect();
            priorities.sort_unstable();
            let priorities: Vec<i32> = priorities.into_iter().map(|priority| -priority).collect();
            let lost: u64 = gone.iter().map(|tenant| u64::from(tenant.cpu) * (now - tenant.since)).sum();
            let mut ids: Vec<u64> = gone.iter().map(|tenant| tenant.task).collect();
            ids.sort_unstable();
            let harm = (priorities, lost, ids, node);
            best = best.into_iter().chain([harm]).min();
        }
    }
    best.map(|(_, _, ids, _)| Some(ids)).ok_or(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_victims_in_partitions_are_those_of_a_plain_search(
        backfill in 0..POLICIES.len(),
        words in prop::collection::vec(any::<u64>(), 1..90),
    ) {
        let options = [("mode", "cancel")];
        let reserves_all = POLICIES[backfill] == "conservative";
        let backfill = Choice::named(POLICIES[backfill]);
        let config = Config { partitions: partitions(), backfill, ..preempting("priority", &options) };
        let mut stage = staged(config, nodes());
        let mut tenants: Vec<Tenant> = vec![];
        for word in words {
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            stage.now = stage.now + Span::from_seconds(1 + draw(0, 3));
            let now = stage.now.0 / 1_000_000;
            if draw(1, 5) == 0 && !tenants.is_empty() {
                let gone = tenants.swap_remove(draw(2, tenants.len() as u64) as usize);
                stage.finish(gone.task);
                continue;
            }
            let (partition, priority, cpu) = (draw(3, 3) as u16, draw(4, 4) as i32, 500 * (1 + draw(5, 8) as u32));
            // Whoever can never have room would wait, and the next would not be alone.
            let Ok(expected) = least_harm(&tenants, partition, priority, cpu, now) else { continue };
            let protected = draw(6, 6) == 0;
            let terms = Terms { partition: Some(partition), ..Terms::default() };
            let spec = JobSpec { priority, protected, terms, estimate: Some(Span::FOREVER), ..stage.task(cpu, 0) };
            let task = spec.first_task.0;
            stage.submit(spec);
            let victims = stage.leavers();
            let fits = expected.is_none();
            prop_assert_eq!(&victims, &expected.unwrap_or_default());
            for &victim in &victims {
                tenants.retain(|tenant| tenant.task != victim);
                stage.end(victim, Ending::Killed);
            }
            let place = stage.places().into_iter().find(|&(placed, ..)| placed == task);
            let Some((_, node, _)) = place else {
                // Its reservation was in a section with room in all but on no node of it: it holds another, later.
                prop_assert!(fits && reserves_all, "it has its room");
                return Ok(());
            };
            prop_assert!(is_in(partition, node));
            tenants.push(Tenant { task, node, cpu, priority, protected, since: now });
        }
    }
}
