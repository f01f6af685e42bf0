//! Where waits went: hand-made cases with one right answer each.

use alloc::vec;
use alloc::vec::Vec;

use super::{Stage, node, only, placed_by};
use crate::cause::Cause;
use crate::config::{Config, HeadOfLine};
use crate::decision::Decision;
use crate::event::{JobSpec, NodeSpec};
use crate::time::Span;

/// What the last step says of waits: the task, and the seconds by cause where there are any.
fn waits(stage: &Stage) -> Vec<(u64, Vec<(Cause, u64)>)> {
    let waited = stage.decisions.iter().filter_map(|decision| match decision {
        Decision::Waited { task, causes } => Some((task.0, causes)),
        _ => None,
    });
    let seconds = |span: &Span| {
        assert_eq!(span.0 % 1_000_000, 0, "whole seconds only");
        span.0 / 1_000_000
    };
    let shares = |causes: &[Span]| {
        let all = Cause::ALL.into_iter().zip(causes.iter().map(seconds));
        all.filter(|&(_, seconds)| seconds > 0).collect()
    };
    waited.map(|(task, causes)| (task, shares(causes))).collect()
}

fn blocking() -> Config {
    Config { head_of_line: HeadOfLine::Block, ..placed_by("first-fit") }
}

#[test]
fn who_does_not_wait_says_nothing() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0)]);
    let spec = stage.task(1_000, 0);
    stage.at(5).submit(spec);
    assert_eq!(stage.decisions.len(), 1);
}

#[test]
fn capacity_where_the_fleet_as_a_whole_is_short() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0), (2_000, 0)]);
    for _ in 0..3 {
        let spec = stage.task(2_000, 0);
        stage.submit(spec);
    }
    stage.at(7).finish(1);
    assert_eq!(waits(&stage), [(2, vec![(Cause::Capacity, 7)])]);
}

#[test]
fn fragmentation_where_there_is_enough_in_all() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(3_000, 0), (3_000, 0)]);
    let fillers = stage.tasks(2, 2_000, 0);
    stage.submit(fillers);
    let spec = stage.task(2_000, 0);
    stage.at(1).submit(spec);
    stage.at(4).finish(0);
    assert_eq!(waits(&stage), [(2, vec![(Cause::Fragmentation, 3)])], "1,000 are free on each node");
}

#[test]
fn constraint_where_only_the_attributes_are_wrong() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0)]);
    let spec = JobSpec { constraints: only("zone", "b"), ..stage.task(1_000, 0) };
    stage.submit(spec);
    stage.at(9).add(NodeSpec { attributes: vec![("zone".into(), "b".into())], ..node(1, 1_000, 0) });
    assert_eq!(waits(&stage), [(0, vec![(Cause::Constraint, 9)])]);
}

#[test]
fn gang_where_there_is_room_for_some_members_and_enough_in_all() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(3_000, 0), (3_000, 0)]);
    let gang = stage.gang(3, 2_000, 0);
    stage.submit(gang);
    stage.at(2).add(node(2, 1_000, 0));
    assert_eq!(waits(&stage), []);
    stage.at(6).add(node(3, 2_000, 0));
    assert_eq!(waits(&stage), [(0, vec![(Cause::Gang, 6)])]);
}

#[test]
fn head_of_line_for_everybody_behind_the_one_that_blocks() {
    let mut stage = Stage::with(blocking(), &[(2_000, 0)]);
    for (second, cpu) in [(0, 1_000), (1, 2_000), (3, 1_000)] {
        let spec = stage.task(cpu, 0);
        stage.at(second).submit(spec);
    }
    stage.at(10).finish(0);
    assert_eq!(waits(&stage), [(1, vec![(Cause::Capacity, 9)])]);
    stage.at(12).finish(1);
    let shares = vec![(Cause::Capacity, 2), (Cause::HeadOfLine, 7)];
    assert_eq!(waits(&stage), [(2, shares)], "it would have fitted until task 1 started");
}

#[test]
fn decision_where_the_scheduler_thinks_every_so_often() {
    let config = Config { interval: Span::from_seconds(10), ..placed_by("first-fit") };
    let mut stage = Stage::with(config, &[(1_000, 0)]);
    let spec = stage.tasks(2, 1_000, 0);
    stage.at(3).submit(spec);
    stage.at(10).hear(&[]);
    assert_eq!(waits(&stage), [(0, vec![(Cause::Decision, 7)])]);
    stage.at(15).finish(0);
    stage.at(20).hear(&[]);
    assert_eq!(
        waits(&stage),
        [(1, vec![(Cause::Capacity, 10), (Cause::Decision, 7)])],
        "it is told of the room at 20 s"
    );
}

#[test]
fn a_wait_with_several_causes_is_shared_out() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0), (2_000, 0)]);
    let fillers = stage.tasks(4, 1_000, 0);
    stage.submit(fillers);
    let spec = stage.task(2_000, 0);
    stage.at(1).submit(spec);
    stage.at(4).finish(0);
    // The node that grew has no room for it, so it is not looked at: it is still held by what held it.
    stage.at(6).finish(2);
    stage.at(11).finish(1);
    assert_eq!(waits(&stage), [(4, vec![(Cause::Capacity, 10)])]);

    let mut stage = Stage::with(blocking(), &[(2_000, 0)]);
    let fillers = stage.tasks(2, 1_000, 0);
    stage.submit(fillers);
    for (second, cpu) in [(1, 1_000), (2, 2_000)] {
        let spec = stage.task(cpu, 0);
        stage.at(second).submit(spec);
    }
    stage.at(5).finish(0);
    assert_eq!(waits(&stage), [(2, vec![(Cause::Capacity, 4)])]);
    stage.at(8).finish(1);
    assert_eq!(waits(&stage), []);
    stage.at(9).finish(2);
    let shares = vec![(Cause::Capacity, 4), (Cause::HeadOfLine, 3)];
    assert_eq!(waits(&stage), [(3, shares)], "3 s behind task 2, then at the head");
}
