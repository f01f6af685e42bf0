//! The radius of a blast, where tasks run and where the trace says that they ran: by hand.

use super::*;
use crate::model::Blast;
use windtunnel_traces::model::Recorded;

/// A group that ran on this node from `start_s` on.
fn ran(mut group: Group, node: &str, start_s: u64) -> Group {
    group.truth.recorded =
        Some(Recorded { start: Some(seconds(start_s)), node: Some(Name::new(node)), ..Recorded::default() });
    group
}

fn service(mut group: Group) -> Group {
    group.ask.kind = JobKind::Service;
    group.truth.run = Run::Same(Span::FOREVER);
    group
}

/// Two nodes in rack a, one in rack b.
fn racks() -> Fleet {
    let mut fleet = fleet(&[(8_000, 0); 3]);
    for (node, rack) in fleet.nodes.iter_mut().zip(["a", "a", "b"]) {
        node.domains = vec![("rack".into(), rack.into())];
    }
    fleet
}

/// Three replicas on n0 and n2 of which one can be spared; two tasks on n1 from 5 to 15 s and a gang on n2 from 8 to
/// 12 s.
fn history() -> Experiment {
    let mut replicas = job(0, 0, group(1, 1_000, 1));
    let spread = vec![ran(service(group(2, 1_000, 1)), "n0", 0), ran(service(group(1, 1_000, 1)), "n2", 0)];
    replicas.groups = Groups::Many(spread.into());
    let jobs = vec![replicas, job(1, 0, ran(group(2, 1_000, 10), "n1", 5)), job(2, 1, ran(gang(2, 1_000, 4), "n2", 8))];
    let mut one = experiment(racks(), jobs);
    one.workloads[0].max_unavailable = Some(1);
    one.stop = Stop::At(seconds(20));
    one.model.blast = Blast {
        kinds: vec!["rack".into(), "node".into()],
        at: [5, 10, 12, 13, 16].map(seconds).to_vec(),
        recorded: true,
    };
    one
}

/// Tasks, services, those below, and jobs of one domain at one instant.
fn of(outcome: &Outcome, recorded: bool, domain: &str, at_s: u64) -> [u64; 4] {
    let is = |row: &&windtunnel_outcome::recorder::BlastRow| {
        row.recorded == recorded && row.domain == domain && row.at == seconds(at_s)
    };
    let row = outcome.blasts.iter().find(is).expect("it was asked for");
    [row.tasks, row.services, row.services_below, row.jobs]
}

#[test]
fn the_radius_of_a_recorded_placement_by_hand() {
    let (outcome, _) = run(history());
    let recorded = |domain: &str, at_s: u64| of(&outcome, true, domain, at_s);
    // At 5 s only the replicas run: what begins then has not begun. Without rack a one of three is left, and one may
    // be away; without rack b two are left.
    assert_eq!((recorded("a", 5), recorded("b", 5)), ([2, 1, 1, 0], [1, 1, 0, 0]));
    assert_eq!((recorded("a", 10), recorded("b", 10)), ([4, 1, 1, 1], [3, 1, 0, 1]));
    // The gang ends at 12 s, which has not happened before that instant.
    assert_eq!((recorded("b", 12), recorded("b", 13)), ([3, 1, 0, 1], [1, 1, 0, 0]));
    assert_eq!((recorded("a", 13), recorded("a", 16)), ([4, 1, 1, 1], [2, 1, 1, 0]));
    assert_eq!((recorded("n0", 10), recorded("n1", 10)), ([2, 1, 1, 0], [2, 0, 0, 1]));
    // Here first fit has all on n0 from the start; at 10 s the tasks of 10 s end, and the gang ran from 1 to 5 s.
    let here = |domain: &str, at_s: u64| of(&outcome, false, domain, at_s);
    assert_eq!((here("n0", 5), here("n0", 10), here("n0", 12)), ([7, 1, 1, 2], [5, 1, 1, 1], [3, 1, 1, 0]));
    assert_eq!((here("a", 10), here("b", 10), here("n1", 10)), ([5, 1, 1, 1], [0; 4], [0; 4]));
    let number = |name: &str| outcome.summary.number(name);
    assert_eq!((number("history.blast.rack.tasks_max"), number("blast.rack.tasks_max")), (Some(4.0), Some(7.0)));
    assert_eq!(number("history.blast.node.jobs_max"), Some(1.0));
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
}

#[test]
fn an_instant_after_the_end_is_said() {
    let mut one = history();
    one.model.blast.at = vec![seconds(20), seconds(21)];
    let (outcome, _) = run(one);
    assert_eq!(of(&outcome, false, "n0", 20), [3, 1, 1, 0], "the end itself is looked at");
    assert!(outcome.warnings.iter().any(|said| said.contains("nothing is said of 21 s")), "{:?}", outcome.warnings);
}

#[test]
fn a_recorded_placement_is_looked_at_only_if_it_is_asked_for() {
    let mut one = history();
    one.model.blast.recorded = false;
    let (outcome, _) = run(one);
    assert!(outcome.blasts.iter().all(|row| !row.recorded));
    assert_eq!(outcome.summary.number("history.blast.rack.tasks_max"), None);
}

#[test]
fn a_recorded_placement_that_is_not_there_is_said() {
    let mut one = history();
    one.workloads = vec![workload(vec![job(0, 0, group(1, 1_000, 1))])];
    let (outcome, _) = run(one);
    assert!(outcome.warnings.iter().any(|said| said.contains("record.blast.recorded")), "{:?}", outcome.warnings);
    let mut one = history();
    let jobs = vec![job(0, 0, ran(group(3, 1_000, 1), "n9", 0)), job(1, 0, ran(group(1, 1_000, 1), "n0", 0))];
    one.workloads = vec![workload(jobs)];
    let (outcome, _) = run(one);
    assert!(outcome.warnings.iter().any(|said| said.starts_with("3 tasks ran on nodes")), "{:?}", outcome.warnings);
}
