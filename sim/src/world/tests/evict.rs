//! Tasks that are made to leave: when, what becomes of them, and where their work is booked.

use windtunnel_scheduler::event::Ending;
use windtunnel_scheduler::id::{NodeId, TaskId};

use super::*;

fn place(task: u64, node: u32, count: u32, more: bool) -> Decision {
    Decision::Place { task: TaskId(task), node: NodeId(node), count, gpus: GpuSet::NONE, more }
}

fn evict(grace_s: u64, requeue: bool) -> Decision {
    Decision::Evict { task: TaskId(0), grace: Span::from_seconds(grace_s), requeue }
}

/// Task 0 is placed on node 0 at once and again on node 1 if it comes back; at 4 s, when task 1 comes (and goes to
/// node 1), `orders` are given.
fn sing(fleet_of: &[(u32, u32)], first: Group, orders: &[Decision]) -> (Outcome, Tape) {
    let members = if first.ask.kind == JobKind::Gang { first.count } else { 1 };
    let jobs = vec![job(0, 0, first), job(1, 4, group(1, 1_000, 1))];
    let mut canary = Canary(|_, _, events: &[Event], decisions: &mut Vec<Decision>| {
        for event in events {
            match event {
                Event::JobSubmitted(spec) if spec.first_task == TaskId(0) && members == 1 => {
                    decisions.push(place(0, 0, 1, false));
                }
                Event::JobSubmitted(spec) if spec.first_task == TaskId(0) => {
                    decisions.extend([place(0, 0, 1, true), place(0, 1, members - 1, false)]);
                }
                Event::JobSubmitted(_) => {
                    decisions.push(place(1, 1, 1, false));
                    decisions.extend_from_slice(orders);
                }
                Event::TaskEnded { ending: Ending::Evicted, .. } => decisions.push(place(0, 1, members, false)),
                _ => {}
            }
        }
    });
    run_with(experiment(fleet(fleet_of), jobs), &mut canary).expect("nothing is contradicted")
}

/// State, node, end and lost work in seconds of each attempt of task 0.
fn attempts(tape: &Tape) -> Vec<(State, Option<String>, Option<u64>, u64)> {
    let rows = tape.rows.iter().filter(|row| row.task == "0/0");
    rows.map(|row| (row.state, row.node.clone(), row.end.map(|end| end.0 / SECOND), row.lost.0 / SECOND)).collect()
}

fn heard(tape: &Tape) -> Vec<(u64, Ending)> {
    let ends = tape.events.iter().filter_map(|(now, _, event)| match event {
        Event::TaskEnded { task: TaskId(0), ending } => Some((now.0 / SECOND, *ending)),
        _ => None,
    });
    ends.collect()
}

const TWO: &[(u32, u32)] = &[(1_000, 0), (2_000, 0)];

fn named(at: u32) -> Option<String> {
    Some(format!("n{at}"))
}

#[test]
fn an_evicted_task_works_on_for_its_grace_and_then_begins_anew() {
    let (outcome, tape) = sing(TWO, group(1, 1_000, 10), &[evict(2, true)]);
    let expected = [(State::Evicted, named(0), Some(6), 6), (State::Finished, named(1), Some(16), 0)];
    assert_eq!(attempts(&tape), expected);
    assert_eq!(heard(&tape), [(6, Ending::Evicted), (16, Ending::Finished)]);
    let number = |name: &str| outcome.summary.number(name).unwrap_or_else(|| panic!("the run has `{name}`"));
    assert_eq!((number("tasks.evicted"), number("attempts.evicted"), number("tasks.finished")), (0.0, 1.0, 2.0));
    // 6 core-seconds for nothing; 10 and those of the second job count.
    assert_eq!((number("conservation.cpu.lost"), number("conservation.cpu.busy")), (6.0, 11.0));
    assert_eq!(number("conservation.cpu.residual"), 0.0);
    assert_eq!(tape.rows.iter().filter(|row| row.wait.is_some()).count(), 2, "a first attempt has a wait");
}

#[test]
fn without_requeue_an_evicted_task_is_over_and_counted_as_such() {
    let (outcome, tape) = sing(TWO, group(1, 1_000, 10), &[evict(0, false)]);
    assert_eq!(attempts(&tape), [(State::Evicted, named(0), Some(4), 4)]);
    assert_eq!(heard(&tape), [(4, Ending::Killed)]);
    assert_eq!(outcome.summary.number("tasks.evicted"), Some(1.0));
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0));
}

#[test]
fn who_comes_to_an_end_within_its_grace_has_finished() {
    for grace_s in [6, 7] {
        let (_, tape) = sing(TWO, group(1, 1_000, 10), &[evict(grace_s, true)]);
        assert_eq!(attempts(&tape), [(State::Finished, named(0), Some(10), 0)], "grace of {grace_s} s");
    }
}

#[test]
fn told_twice_a_task_leaves_at_the_earlier_instant_and_the_last_word_holds() {
    let kill = Decision::Kill { task: TaskId(0), grace: Span::from_seconds(3) };
    let (_, tape) = sing(TWO, group(1, 1_000, 10), &[evict(2, true), kill]);
    assert_eq!(attempts(&tape), [(State::Killed, named(0), Some(6), 0)]);
    let (_, tape) = sing(TWO, group(1, 1_000, 10), &[kill, evict(1, true)]);
    let expected = [(State::Evicted, named(0), Some(5), 5), (State::Finished, named(1), Some(15), 0)];
    assert_eq!(attempts(&tape), expected, "and the order to leave at 7 s means the attempt before");
}

#[test]
fn a_gang_leaves_as_a_whole() {
    let (outcome, tape) = sing(&[(1_000, 0), (3_000, 0)], gang(2, 1_000, 10), &[evict(1, true)]);
    let expected = [(State::Evicted, None, Some(5), 5), (State::Finished, named(1), Some(15), 0)];
    assert_eq!(attempts(&tape), expected);
    assert_eq!(outcome.summary.number("conservation.cpu.lost"), Some(10.0), "two members for 5 s");
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0));
}

#[test]
fn what_never_ends_loses_nothing_and_who_is_not_there_is_not_missed() {
    let mut service = group(1, 1_000, 0);
    (service.ask.kind, service.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    let nobody = Decision::Evict { task: TaskId(9), grace: Span::ZERO, requeue: true };
    let (outcome, tape) = sing(TWO, service, &[nobody, evict(0, true)]);
    assert_eq!(attempts(&tape)[0], (State::Evicted, named(0), Some(4), 0));
    assert_eq!(attempts(&tape)[1].0, State::Running);
    assert_eq!(outcome.summary.number("conservation.cpu.lost"), Some(0.0));
}
