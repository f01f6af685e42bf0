//! Daemons on nodes that come and go, worked out by hand.

use super::*;
use crate::elastic::Elastic;
use crate::trigger::{Action, Leave, Trigger, When};

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// A daemon of one core.
fn daemon() -> Job {
    let mut group = group(0, 1_000, 1);
    group.ask.kind = JobKind::Daemon;
    job(0, 0, group)
}

/// Nodes of 4 cores, so many of which are there at first; the run ends at 1,000 s.
fn comes_and_goes(most: u32, begin: u32, jobs: Vec<Job>) -> Experiment {
    let mut experiment = experiment(fleet(&vec![(4_000, 0); most as usize]), jobs);
    let boot = Span::from_seconds(10);
    experiment.model.elastic =
        vec![Elastic { name: "m".to_owned(), first: 0, most, begin, boot, ..Elastic::default() }];
    experiment.stop = Stop::At(seconds(1_000));
    experiment
}

fn at(second: u64, action: Action) -> Trigger {
    let when = When::At(seconds(second));
    Trigger { name: format!("at {second}"), when, hold: Span::ZERO, cooldown: None, actions: vec![action] }
}

fn leave(count: u32) -> Leave {
    Leave { group: 0, count, grace: Span::ZERO, deadline: Span::ZERO }
}

/// Task, node and second of every start.
fn starts(tape: &Tape) -> Vec<(String, String, u64)> {
    let mut starts: Vec<_> =
        tape.rows.iter().filter_map(|row| Some((row.task.clone(), row.node.clone()?, row.start?.0 / SECOND))).collect();
    starts.sort_by_key(|(task, _, second)| (*second, task.clone()));
    starts
}

fn seen(starts: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    starts.iter().map(|&(task, node, second)| (task.to_owned(), node.to_owned(), second)).collect()
}

#[test]
fn nodes_that_join_bring_a_task_and_nodes_that_leave_take_it_along() {
    let mut experiment = comes_and_goes(4, 2, vec![daemon()]);
    experiment.model.triggers = vec![
        at(100, Action::AddNodes { group: 0, count: 2 }),
        at(200, Action::RemoveNodes(leave(1))),
        at(300, Action::AddNodes { group: 0, count: 1 }),
    ];
    let (outcome, tape) = run(experiment);
    // Two nodes boot until 110 s; the last of four goes at 200 s, and is there again at 310 s.
    let expected =
        [("0/0", "n0", 0), ("0/1", "n1", 0), ("0+1/0", "n2", 110), ("0+1/1", "n3", 110), ("0+2/0", "n3", 310)];
    assert_eq!(starts(&tape), seen(&expected));
    let killed: Vec<&Row> = tape.rows.iter().filter(|row| row.state == State::Killed).collect();
    assert_eq!(killed.iter().map(|row| (&*row.task, row.end)).collect::<Vec<_>>(), [("0+1/1", Some(seconds(200)))]);
    let counts = ["tasks.running_at_end", "tasks.pending_at_end", "tasks.killed"].map(|name| number(&outcome, name));
    assert_eq!(counts, [4.0, 0.0, 1.0]);
    assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
}

#[test]
fn a_node_that_is_drained_keeps_its_daemon_and_one_with_daemons_alone_is_empty() {
    let idle = Some(Span::from_seconds(50));
    let mut experiment = comes_and_goes(3, 3, vec![daemon(), job(1, 0, group(1, 3_000, 400))]);
    experiment.model.elastic[0].idle = idle;
    experiment.model.elastic[0].least = 2;
    experiment.model.triggers = vec![at(20, Action::DrainNodes(leave(1)))];
    let (outcome, tape) = run(experiment);
    // Node 0 has the other task as well; node 2 is drained at 20 s and keeps its daemon; node 1 is empty but for its
    // own, and the two that are not drained are to stay.
    assert_eq!(number(&outcome, "nodes.removed"), 0.0);
    assert_eq!(number(&outcome, "tasks.killed"), 0.0);
    assert_eq!(starts(&tape), seen(&[("0/0", "n0", 0), ("0/1", "n1", 0), ("0/2", "n2", 0), ("1/0", "n0", 0)]));
    assert_eq!(number(&outcome, "tasks.running_at_end"), 3.0);
    let mut experiment = comes_and_goes(3, 3, vec![daemon()]);
    (experiment.model.elastic[0].idle, experiment.model.elastic[0].least) = (idle, 1);
    let (outcome, _) = run(experiment);
    assert_eq!((number(&outcome, "nodes.removed"), number(&outcome, "tasks.killed")), (2.0, 2.0));
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 4.0 * (1_000.0 + 2.0 * 50.0));
}

#[test]
fn only_nodes_that_match_bring_one() {
    let mut experiment = comes_and_goes(3, 1, vec![daemon()]);
    // The second node is too small.
    experiment.fleet.nodes[1].capacity = Resources::new(500, 0);
    experiment.model.triggers = vec![at(100, Action::AddNodes { group: 0, count: 2 })];
    let (outcome, tape) = run(experiment);
    assert_eq!(starts(&tape), seen(&[("0/0", "n0", 0), ("0+1/0", "n2", 110)]));
    assert_eq!(number(&outcome, "tasks.pending_at_end"), 0.0);
}
