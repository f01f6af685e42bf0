//! Where the tasks of one job may be in view of each other, and which nodes they prefer.

use alloc::collections::BTreeMap;

use super::*;
use crate::index::{Asked, Candidates, Grid, Place, Scan};
use crate::layout::{Law, Layout, Preference, Rule, Wish};
use crate::ledger::Ledger;
use crate::placement::{BestFit, FirstFit, WorstFit};

/// A node in a rack, and in a zone of three racks.
fn racked(id: u32, rack: u32, cpu: u32) -> NodeSpec {
    let zone = ("zone".to_string(), format!("zone-{}", rack / 3));
    NodeSpec { domains: vec![("rack".to_string(), format!("rack-{rack}")), zone], ..node(id, cpu, 0) }
}

/// `racks` racks of `each` nodes.
fn racks(config: Config, racks: u32, each: u32, cpu: u32) -> Stage {
    let mut stage = Stage::new(config);
    for at in 0..racks * each {
        stage.add(racked(at, at / each, cpu));
    }
    stage
}

fn laid_out(layout: Layout) -> Option<Arc<Layout>> {
    Some(Arc::new(layout))
}

fn rule(attribute: &str, law: Law) -> Rule {
    Rule { attribute: attribute.to_string(), law }
}

fn ruled(rules: &[(&str, Law)]) -> Option<Arc<Layout>> {
    let rules = rules.iter().map(|&(attribute, law)| rule(attribute, law)).collect();
    laid_out(Layout { rules, ..Layout::default() })
}

/// How many of the tasks run in each rack, fullest first.
fn spread(places: &BTreeMap<u64, u32>, each: u32) -> Vec<u32> {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for node in places.values() {
        *counts.entry(node / each).or_default() += 1;
    }
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

impl Stage {
    /// Adds what the last step placed.
    fn note(&self, places: &mut BTreeMap<u64, u32>) {
        places.extend(self.places().into_iter().map(|(task, node, _)| (task, node)));
    }

    /// A rack with its one node is lost with all its tasks.
    fn lose(&mut self, node: u32, places: &mut BTreeMap<u64, u32>) {
        let there: Vec<u64> = places.iter().filter(|&(_, &at)| at == node).map(|(&task, _)| task).collect();
        let mut events = vec![Event::NodeLost { node: NodeId(node) }];
        for task in there {
            places.remove(&task);
            events.push(Event::TaskEnded { task: TaskId(task), ending: Ending::Lost });
        }
        self.hear(&events);
        self.note(places);
    }
}

/// Marathon's two rules on twelve instances (MESOS.md G9): what runs, by rack.
fn group_by(law: Law, number_of_racks: u32) -> (Stage, BTreeMap<u64, u32>) {
    let mut stage = racks(placed_by("least-allocated"), number_of_racks, 1, 12_000);
    let spec = JobSpec { layout: ruled(&[("rack", law)]), kind: JobKind::Service, ..stage.tasks(12, 1_000, 0) };
    stage.submit(spec);
    let mut places = BTreeMap::new();
    stage.note(&mut places);
    (stage, places)
}

#[test]
fn g9_group_by_old_and_new() {
    for law in [Law::GroupByOld(3), Law::GroupBy(3)] {
        let (mut stage, mut places) = group_by(law, 3);
        assert_eq!(spread(&places, 1), [4, 4, 4], "{law:?}");
        stage.lose(1, &mut places);
        assert_eq!((spread(&places, 1), stage.core.waiting()), (vec![4, 4], 4), "{law:?}: 8 of 12 until it returns");
        stage.add(racked(1, 1, 12_000));
        stage.note(&mut places);
        assert_eq!((spread(&places, 1), stage.core.waiting()), (vec![4, 4, 4], 0), "{law:?}");
    }
    let (_, old) = group_by(Law::GroupByOld(5), 3);
    let (_, new) = group_by(Law::GroupBy(5), 3);
    assert_eq!((spread(&old, 1), spread(&new, 1)), (vec![1, 1, 1], vec![3, 3, 2]), "three racks where five are wanted");
    let (_, old) = group_by(Law::GroupByOld(3), 5);
    let (_, new) = group_by(Law::GroupBy(3), 5);
    assert_eq!((spread(&old, 1), spread(&new, 1)), (vec![3, 3, 2, 2, 2], vec![4, 4, 4]), "five racks, three wanted");
}

#[test]
fn rules_see_only_the_tasks_of_their_own_job() {
    let mut stage = racks(placed_by("first-fit"), 2, 2, 8_000);
    for _ in 0..2 {
        let spec = JobSpec { layout: ruled(&[("hostname", Law::Unique)]), ..stage.tasks(5, 1_000, 0) };
        stage.submit(spec);
        let nodes: Vec<u32> = stage.places().iter().map(|&(_, node, _)| node).collect();
        assert_eq!(nodes, [0, 1, 2, 3], "one on each node, and the fifth waits");
    }
    stage.finish(2);
    assert_eq!(stage.places(), [(4, 2, 1)], "it takes the node of the one that ended");
}

#[test]
fn all_rules_hold_at_once_and_a_node_without_the_attribute_meets_none() {
    let mut stage = racks(placed_by("first-fit"), 6, 2, 8_000);
    stage.add(node(12, 8_000, 0));
    let rules = [("zone", Law::Cluster), ("rack", Law::MaxPer(2)), ("hostname", Law::MaxPer(1))];
    let spec = JobSpec { layout: ruled(&rules), ..stage.tasks(9, 1_000, 0) };
    stage.submit(spec);
    let nodes: Vec<u32> = stage.places().iter().map(|&(_, node, _)| node).collect();
    assert_eq!(nodes, [0, 1, 2, 3, 4, 5], "one zone has three racks of two nodes");
    let asks = [("rack", Law::Unique), ("nowhere", Law::GroupByOld(1)), ("nowhere", Law::Skew { most: 9, domains: 0 })];
    for (law, started) in asks.into_iter().zip([6, 0, 0]) {
        let spec = JobSpec { layout: ruled(&[law]), ..stage.tasks(9, 1_000, 0) };
        stage.submit(spec);
        assert_eq!(stage.started().len(), started, "{law:?}");
    }
}

#[test]
fn skew_is_measured_against_the_values_that_there_are() {
    let mut stage = racks(placed_by("first-fit"), 3, 1, 8_000);
    let skew = |domains| Law::Skew { most: 1, domains };
    let spec = JobSpec { layout: ruled(&[("rack", skew(0))]), ..stage.tasks(7, 3_000, 0) };
    stage.submit(spec);
    let mut places = BTreeMap::new();
    stage.note(&mut places);
    assert_eq!(spread(&places, 1), [2, 2, 2]);
    // The third rack is gone: its tasks find room again once it no longer counts as one with none.
    stage.lose(0, &mut places);
    assert_eq!(spread(&places, 1), [2, 2], "8 cores take two tasks of three");
    stage.finish(*places.keys().next().expect("four run"));
    assert_eq!(stage.places().len(), 1);
    // Only racks that the job may use count.
    let mut stage = racks(placed_by("first-fit"), 3, 1, 8_000);
    let rack_0 = only("rack", "rack-0");
    let spec = JobSpec { constraints: rack_0, layout: ruled(&[("rack", skew(0))]), ..stage.tasks(2, 1_000, 0) };
    stage.submit(spec);
    assert_eq!(stage.places(), [(0, 0, 1), (1, 0, 1)]);
    let spec = JobSpec { layout: ruled(&[("rack", skew(4))]), ..stage.tasks(4, 1_000, 0) };
    stage.submit(spec);
    assert_eq!(stage.started().len(), 3, "with fewer racks than wanted the fewest is 0");
}

#[test]
fn preferences_come_before_the_policy_by_weight_and_yield_to_room() {
    let mut stage = racks(placed_by("first-fit"), 3, 2, 2_000);
    let wish = |value: &str| Wish::Node(only("rack", value).expect("one")[0].clone());
    let preferences = vec![
        Preference { weight: 1, wish: wish("rack-1") },
        Preference { weight: 2, wish: wish("rack-2") },
        Preference { weight: 1, wish: Wish::Rule(rule("hostname", Law::Unique)) },
    ];
    let layout = laid_out(Layout { preferences, ..Layout::default() });
    let spec = JobSpec { layout, ..stage.tasks(12, 1_000, 0) };
    stage.submit(spec);
    let nodes: Vec<u32> = stage.places().iter().map(|&(_, node, _)| node).collect();
    // 3: rack-2 alone on a node; 2: rack-2 again, then rack-1 alone; 1: rack-1 again, then rack-0 alone; 0: the rest.
    assert_eq!(nodes, [4, 5, 2, 3, 4, 5, 0, 1, 2, 3, 0, 1]);
}

#[test]
fn a_daemon_has_one_task_on_every_node_that_may_have_one() {
    let mut stage = racks(placed_by("best-fit"), 2, 2, 2_000);
    let daemon = JobSpec { kind: JobKind::Daemon, ..stage.tasks(4, 500, 0) };
    stage.submit(daemon.clone());
    let mut places = BTreeMap::new();
    stage.note(&mut places);
    assert_eq!(places.values().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
    stage.end(1, Ending::Failed);
    assert_eq!(stage.places(), [(1, 1, 1)], "it is started again where it was missing");
    stage.lose(2, &mut places);
    assert_eq!((stage.places(), stage.core.waiting()), (vec![], 1), "there is no other node without one");
    stage.add(racked(2, 1, 2_000));
    assert_eq!(stage.node(), Some(2));
    // A node joins, and with it a task of the same job.
    let first_task = stage.task(0, 0).first_task;
    let one_more = Event::JobSubmitted(JobSpec { first_task, count: 1, ..daemon });
    stage.hear(&[Event::NodeAdded(Box::new(racked(4, 2, 2_000))), one_more]);
    assert_eq!(stage.places(), [(first_task.0, 4, 1)]);
}

#[test]
fn layouts_and_sets_of_constraints_are_forgotten_with_their_jobs() {
    let mut stage = racks(placed_by("worst-fit"), 3, 2, 8_000);
    for round in 0..2_000_u64 {
        let constraints = only("rack", &format!("rack-{}", round % 700));
        let spec = JobSpec { constraints, layout: ruled(&[("hostname", Law::Unique)]), ..stage.tasks(2, 1_000, 0) };
        let first = spec.first_task.0;
        stage.submit(spec);
        for task in first..first + 2 {
            if stage.core.ledger().is_some_and(|ledger| !ledger.layouts().is_empty()) && round % 700 < 3 {
                stage.finish(task);
            }
        }
    }
    let ledger = stage.core.ledger().expect("configured");
    let waiting = stage.core.waiting();
    assert_eq!(ledger.layouts().len() as u64, waiting / 2, "those of jobs that wait for racks that are not there");
    assert!(ledger.attributes().sets() < 697 + 70, "{} sets", ledger.attributes().sets());
}

#[test]
fn what_keeps_a_job_of_rules_waiting_is_said() {
    let mut stage = racks(Config { explain: true, ..placed_by("first-fit") }, 2, 1, 8_000);
    let spec = JobSpec { layout: ruled(&[("rack", Law::Unique)]), ..stage.tasks(3, 1_000, 0) };
    stage.submit(spec);
    let defers: Vec<_> = stage.decisions.iter().filter(|one| matches!(one, Decision::Defer { .. })).collect();
    let [Decision::Defer { vetoes, .. }] = defers[..] else { panic!("one job waits: {defers:?}") };
    assert_eq!(vetoes.0[Veto::Spread as usize], 2);
}

#[test]
fn every_index_keeps_to_layouts_on_a_fleet_of_many_blocks() {
    // 300 nodes of unequal room; what comes and goes beside the jobs with rules leaves blocks of the index out of date.
    let place = |fast: Box<dyn Place>, slow: Box<dyn Place>, law: Law| {
        let (mut fast, mut slow, mut ledger) = (fast, slow, Ledger::default());
        for id in 0..300 {
            ledger.add_node(&racked(id, id / 20, 1_000 * (1 + crate::draw::mix(u64::from(id)) as u32 % 9)));
        }
        let mut stage = Stage::new(Config::default());
        let plain = ledger.shape_of(&stage.task(1_000, 0));
        let spec = JobSpec { layout: ruled(&[("rack", law)]), ..stage.tasks(60, 1_000, 0) };
        let ruled = ledger.shape_of(&spec);
        let mut held = vec![];
        for number in 0..400_u64 {
            let id = if number % 3 == 0 { ruled } else { plain };
            let asked = Asked::new(TaskId(number), id);
            let node = fast.place(&ledger, asked, &mut 0);
            assert_eq!(node, slow.place(&ledger, asked, &mut 0), "{law:?}, number {number}");
            let shape = *ledger.shapes().shape(id);
            if let Some(node) = node {
                assert!(ledger.take(&shape, node, 1, GpuSet::NONE));
                held.push((shape, node));
            }
            if number % 4 == 3 {
                let (shape, node) = held.swap_remove(crate::draw::mix(number) as usize % held.len());
                ledger.release(&shape, node, 1, GpuSet::NONE);
            }
        }
    };
    for law in [Law::MaxPer(3), Law::GroupByOld(9), Law::GroupBy(7), Law::Skew { most: 1, domains: 0 }] {
        place(Box::<Grid>::default(), Box::new(Scan(BestFit)), law);
        place(Box::new(Candidates::new(BestFit)), Box::new(Scan(BestFit)), law);
        place(Box::new(Candidates::new(WorstFit)), Box::new(Scan(WorstFit)), law);
        place(Box::new(Candidates::new(FirstFit)), Box::new(Scan(FirstFit)), law);
    }
}
