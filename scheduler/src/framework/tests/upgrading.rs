//! Services that are replaced by their next version.

use super::*;
use crate::event::ServiceUpgrade;
use crate::layout::{Law, Layout, Rule};
use crate::service::KillSelection;

/// A service of so many replicas of one core, all of which run.
fn served(config: Config, nodes: usize, replicas: u32) -> Stage {
    let mut stage = Stage::with(config, &vec![(1_000, 0); nodes]);
    let spec = JobSpec { kind: JobKind::Service, ..stage.tasks(replicas, 1_000, 0) };
    stage.submit(spec);
    start(&mut stage, 0..u64::from(replicas));
    stage
}

fn start(stage: &mut Stage, tasks: core::ops::Range<u64>) {
    let events: Vec<Event> = tasks.map(|task| Event::TaskStarted { task: TaskId(task) }).collect();
    stage.hear(&events);
}

/// The upgrade of a service of four, with so many replicas more.
fn upgrade(stage: &mut Stage, version: u32, fresh: u32, shares: (u32, u32), ready_s: u64) {
    let mut events = Vec::new();
    let tasks = vec![(TaskId(0), 4 + fresh)];
    if fresh > 0 && version == 2 {
        events.push(Event::JobSubmitted(JobSpec { kind: JobKind::Service, ..stage.tasks(fresh, 1_000, 0) }));
    }
    events.push(Event::ServiceUpgraded(Box::new(ServiceUpgrade {
        service: TaskId(0),
        job: JobId(0),
        version,
        count: 4,
        tasks,
        health_milli: shares.0,
        over_milli: shares.1,
        ready_after: Span::from_seconds(ready_s),
        kill: KillSelection::YoungestFirst,
    })));
    stage.hear(&events);
}

/// Who is told to leave in the last step, and whether it starts again.
fn told(stage: &Stage) -> Vec<(u64, bool)> {
    let told = stage.decisions.iter().filter_map(|decision| match *decision {
        Decision::Kill { task, .. } => Some((task.0, false)),
        Decision::Evict { task, requeue, .. } => Some((task.0, requeue)),
        _ => None,
    });
    told.collect()
}

fn is_done(stage: &Stage, version: u32) -> bool {
    stage.decisions.contains(&Decision::Upgraded { service: TaskId(0), version })
}

#[test]
fn one_goes_for_each_new_one_that_is_healthy() {
    let mut stage = served(Config::default(), 5, 4);
    upgrade(&mut stage, 2, 1, (1_000, 0), 0);
    assert_eq!((stage.places(), told(&stage)), (vec![(4, 4, 1)], vec![]));
    start(&mut stage, 4..5);
    for (task, started) in [(0, 0..1), (1, 1..2), (2, 2..3)] {
        assert_eq!(told(&stage), [(task, true)]);
        stage.end(task, Ending::Evicted);
        assert_eq!(stage.places().len(), 1, "its room is its own again");
        start(&mut stage, started);
    }
    assert_eq!(told(&stage), [(3, false)], "four new ones are enough");
    assert!(!is_done(&stage, 2), "the last old one has not left");
    stage.end(3, Ending::Killed);
    assert!(is_done(&stage, 2) && stage.places().is_empty());
}

#[test]
fn whoever_has_to_be_ready_is_healthy_later() {
    let mut stage = served(Config::default(), 5, 4);
    upgrade(&mut stage, 2, 1, (1_000, 0), 30);
    stage.at(10);
    start(&mut stage, 4..5);
    assert!(told(&stage).is_empty());
    stage.at(20);
    assert_eq!(stage.hear(&[Event::Woken]).wake, Some(Time(40_000_000)));
    stage.at(40).hear(&[Event::Woken]);
    assert_eq!(told(&stage), [(0, true)]);
}

#[test]
fn whoever_was_not_heard_to_run_is_not_healthy_and_not_killed() {
    let mut stage = Stage::with(Config::default(), &[(1_000, 0); 4]);
    let spec = JobSpec { kind: JobKind::Service, ..stage.tasks(4, 1_000, 0) };
    stage.submit(spec);
    start(&mut stage, 0..3);
    upgrade(&mut stage, 2, 0, (500, 0), 0);
    assert_eq!(told(&stage), [(0, true)], "of three that are healthy two stay");
    start(&mut stage, 3..4);
    assert_eq!(told(&stage), [(1, true)], "another comes up, of the old version");
    for task in [0, 1] {
        stage.end(task, Ending::Evicted);
        start(&mut stage, task..task + 1);
    }
    stage.end(2, Ending::Evicted);
    stage.end(3, Ending::Evicted);
    start(&mut stage, 2..4);
    assert!(is_done(&stage, 2));
}

#[test]
fn an_old_one_that_is_lost_starts_as_new_or_is_given_up_if_there_are_enough() {
    let mut stage = served(Config::default(), 8, 4);
    upgrade(&mut stage, 2, 4, (1_000, 1_000), 0);
    stage.end(0, Ending::Lost);
    assert_eq!(stage.decisions, [Decision::Reject { task: TaskId(0), count: 1 }]);
    start(&mut stage, 4..8);
    assert_eq!(told(&stage), [(1, false), (2, false), (3, false)]);
    let mut stage = served(Config::default(), 6, 4);
    upgrade(&mut stage, 2, 1, (1_000, 0), 0);
    stage.end(0, Ending::Lost);
    assert_eq!(stage.places().len(), 1);
    start(&mut stage, 0..1);
    assert!(told(&stage).is_empty(), "four are healthy, as before");
    start(&mut stage, 4..5);
    assert_eq!(told(&stage), [(1, true)]);
}

#[test]
fn what_was_new_is_old_for_the_next_upgrade() {
    let mut stage = served(Config::default(), 5, 4);
    upgrade(&mut stage, 2, 1, (1_000, 0), 0);
    stage.at(5);
    start(&mut stage, 4..5);
    assert_eq!(told(&stage), [(0, true)]);
    stage.end(0, Ending::Evicted);
    // The first has not been heard to run when the next comes.
    upgrade(&mut stage, 3, 1, (1_000, 0), 0);
    assert!(told(&stage).is_empty());
    start(&mut stage, 0..1);
    let mut left = 5;
    while !is_done(&stage, 3) {
        let &[(task, again)] = &told(&stage)[..] else { panic!("{:?}", stage.decisions) };
        assert_eq!(again, left > 1, "{task}");
        left -= 1;
        stage.end(task, if again { Ending::Evicted } else { Ending::Killed });
        if again {
            start(&mut stage, task..task + 1);
        }
    }
    assert_eq!(left, 0);
    assert!(!is_done(&stage, 2));
}

#[test]
fn an_upgrade_whose_replicas_find_no_room_waits_and_does_no_harm() {
    for unplaceable in [Unplaceable::Wait, Unplaceable::Reject] {
        let mut stage = served(Config { unplaceable, ..Config::default() }, 4, 4);
        upgrade(&mut stage, 2, 1, (1_000, 0), 0);
        assert!(told(&stage).is_empty() && !is_done(&stage, 2));
        let gives_up = stage.decisions.contains(&Decision::Reject { task: TaskId(4), count: 1 });
        assert_eq!(gives_up, unplaceable == Unplaceable::Reject);
        stage.end(2, Ending::Failed);
        assert_eq!(stage.places().len(), 1, "a replica that fails is replaced by a new one");
    }
}

/// A service of four replicas with such rules on nodes of two cores in two zones, the even and the odd ones.
fn laid_out(nodes: u32, rules: &[(&str, Law)]) -> Stage {
    let mut stage = Stage::with(placed_by("first-fit"), &[]);
    for id in 0..nodes {
        let domains = vec![("zone".to_string(), format!("z{}", id % 2))];
        let spec = NodeSpec { domains, ..node(id, 2_000, 0) };
        stage.hear(&[Event::NodeAdded(Box::new(spec))]);
    }
    let rules = rules.iter().map(|&(attribute, law)| Rule { attribute: attribute.to_string(), law }).collect();
    let layout = Some(Arc::new(Layout { rules, ..Layout::default() }));
    let spec = JobSpec { kind: JobKind::Service, layout, ..stage.tasks(4, 1_000, 0) };
    stage.submit(spec);
    start(&mut stage, 0..4);
    stage
}

/// Its upgrade, with so many replicas more that are of the same service.
fn upgrade_laid_out(stage: &mut Stage, fresh: u32, shares: (u32, u32), rules: &[(&str, Law)]) {
    let rules = rules.iter().map(|&(attribute, law)| Rule { attribute: attribute.to_string(), law }).collect();
    let layout = Some(Arc::new(Layout { rules, ..Layout::default() }));
    let mut events = vec![];
    if fresh > 0 {
        let spec = JobSpec { job: JobId(0), kind: JobKind::Service, layout, ..stage.tasks(fresh, 1_000, 0) };
        events.push(Event::JobSubmitted(spec));
    }
    let (health_milli, over_milli) = shares;
    let tasks = vec![(TaskId(0), 4 + fresh)];
    let told = ServiceUpgrade { version: 2, count: 4, tasks, health_milli, over_milli, ..ServiceUpgrade::default() };
    events.push(Event::ServiceUpgraded(Box::new(told)));
    stage.hear(&events);
}

#[test]
fn old_and_new_replicas_are_held_to_one_layout_together() {
    // Unique: there is room beside the old ones, but the new one needs a node of its own.
    let unique = [(crate::constraint::HOSTNAME, Law::Unique)];
    let mut stage = laid_out(5, &unique);
    upgrade_laid_out(&mut stage, 1, (1_000, 0), &unique);
    assert_eq!(stage.places(), [(4, 4, 1)]);
    let mut stage = laid_out(4, &unique);
    upgrade_laid_out(&mut stage, 1, (1_000, 0), &unique);
    assert_eq!((stage.places(), stage.core.waiting()), (vec![], 1), "it would take forever, as Marathon says");
    let mut stage = laid_out(4, &unique);
    upgrade_laid_out(&mut stage, 0, (750, 0), &unique);
    assert_eq!(told(&stage), [(0, true)]);
    stage.end(0, Ending::Evicted);
    assert_eq!(stage.places(), [(0, 0, 1)], "where one fewer is healthy meanwhile it goes on");
    // Three of each zone at most: of four more, two find a place.
    let three = [("zone", Law::MaxPer(3))];
    let mut stage = laid_out(4, &three);
    upgrade_laid_out(&mut stage, 4, (1_000, 1_000), &three);
    assert_eq!((stage.places().len(), stage.core.waiting()), (2, 2));
    start(&mut stage, 4..6);
    assert_eq!(told(&stage), [(0, false), (1, false)]);
    stage.end(0, Ending::Killed);
    stage.end(1, Ending::Killed);
    assert_eq!(stage.core.waiting(), 0, "each that leaves makes room for another");
}

#[test]
fn groups_are_of_all_replicas_that_there_are_while_a_service_is_upgraded() {
    let groups = [("zone", Law::GroupBy(2))];
    let mut stage = laid_out(4, &groups);
    let zones = |stage: &Stage| {
        let places = stage.places();
        [0, 1].map(|zone| places.iter().filter(|(_, node, _)| node % 2 == zone).count())
    };
    // Eight in all: four of each zone.
    upgrade_laid_out(&mut stage, 4, (1_000, 1_000), &groups);
    assert_eq!(zones(&stage), [2, 2]);
    start(&mut stage, 4..8);
    assert_eq!(told(&stage).len(), 4);
    (0..4).for_each(|task| _ = stage.end(task, Ending::Killed));
    assert!(is_done(&stage, 2));
    // Four again: one that fails finds no place but in its own zone.
    stage.hear(&[Event::NodeClosed { node: NodeId(0) }, Event::NodeClosed { node: NodeId(2) }]);
    stage.end(4, Ending::Failed);
    assert_eq!((stage.places(), stage.core.waiting()), (vec![], 1));
}
