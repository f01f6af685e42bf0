//! Frameworks with holders, and tasks that are withdrawn from a queue: by hand.

use super::*;
use crate::config::Holders;
use crate::framework::{KINDS, Ramp, Sight};
use crate::id::HolderId;

fn holders(kind: &str, most: u32, idle_s: Option<u64>) -> Holders {
    let idle = idle_s.map(Span::from_seconds);
    Holders { kind: kind.to_string(), room: Resources::new(2_000, 0), most, idle }
}

fn holding(kind: &str, most: u32, idle_s: Option<u64>) -> Stage {
    Stage::new(Config { holders: Some(Box::new(holders(kind, most, idle_s))), ..placed_by("best-fit") })
}

fn started(holder: u64, on: u32) -> Event {
    Event::HolderStarted { holder: HolderId(holder), room: Box::new(node(on, 2_000, 0)) }
}

fn within(task: u64, holder: u64) -> Decision {
    Decision::PlaceWithin { task: TaskId(task), holder: HolderId(holder), count: 1, more: false }
}

fn hold(first: u64, count: u32) -> Decision {
    Decision::Hold { first: HolderId(first), count }
}

fn release(first: u64, count: u32) -> Decision {
    Decision::Release { first: HolderId(first), count }
}

#[test]
fn each_kind_wants_what_its_file_says() {
    let kind = |name: &str| *KINDS.iter().find(|kind| kind.name == name).expect("it is in the registry");
    let at = |s: u64, waiting: u64, need: u32| {
        let now = Time::ZERO + Span::from_seconds(s);
        Sight { now, waiting, need, has_work: need > 0 }
    };
    let mut ramp = Ramp::default();
    // Greedy: all or nothing, however much work there is.
    let greedy = holders("coarse", 9, None);
    assert_eq!((kind("coarse").wants)(&greedy, &at(0, 1, 1), &mut ramp), 9);
    assert_eq!((kind("coarse").wants)(&greedy, &at(5, 0, 0), &mut ramp), 0);
    // Dynamic: 1, 2, 4 more after each second of backlog, up to what the tasks fill; from 1 again after a rest.
    let dynamic = holders("coarse", 100, Some(60));
    let wanted = [(0, 0), (1, 1), (2, 3), (3, 7), (4, 12), (5, 12)];
    for (s, expected) in wanted {
        assert_eq!((kind("coarse").wants)(&dynamic, &at(s, 20, 12), &mut ramp), expected, "{s}");
    }
    assert_eq!((kind("coarse").wants)(&dynamic, &at(6, 5, 14), &mut ramp), 12);
    assert_eq!((kind("coarse").wants)(&dynamic, &at(7, 5, 14), &mut ramp), 13);
    assert_eq!((kind("coarse").wants)(&dynamic, &at(8, 0, 3), &mut ramp), 3);
    // Slots follow the need, workers nothing.
    let slots = holders("slots", 4, Some(60));
    let wanted = |need| (kind("slots").wants)(&slots, &at(0, 1, need), &mut Ramp::default());
    assert_eq!([wanted(0), wanted(3), wanted(5)], [0, 3, 4]);
    assert_eq!((kind("nested").wants)(&holders("nested", 6, None), &at(0, 0, 0), &mut ramp), 6);
}

#[test]
fn an_application_has_executors_of_its_own() {
    let mut stage = holding("coarse", 2, None);
    let (one, other) = (stage.tasks(3, 1_000, 0), stage.tasks(1, 1_000, 0));
    stage.submit(one);
    assert_eq!(stage.decisions, [hold(0, 2)]);
    stage.submit(other);
    assert_eq!(stage.decisions, [hold(2, 2)]);
    // The executor of the second application is of no use to the first.
    stage.hear(&[started(2, 0)]);
    assert_eq!(stage.decisions, [within(3, 2)]);
    stage.hear(&[started(1, 0)]);
    assert_eq!(stage.decisions, [within(0, 1), within(1, 1)]);
    // With its last task an application gives all back: what is in place, and what it still waits for.
    stage.finish(3);
    assert_eq!(stage.decisions, [release(2, 2)]);
    stage.finish(0);
    assert_eq!(stage.decisions, [within(2, 1)]);
    stage.finish(1);
    assert_eq!(stage.decisions, []);
    stage.finish(2);
    assert_eq!(stage.decisions, [release(0, 2)]);
}

#[test]
fn trackers_are_shared_and_an_idle_one_is_given_back() {
    let mut stage = holding("slots", 5, Some(10));
    let (one, other) = (stage.tasks(2, 1_000, 0), stage.tasks(3, 500, 0));
    stage.submit(one);
    assert_eq!(stage.decisions, [hold(0, 1)]);
    // Three quarters of a tracker more.
    stage.submit(other);
    assert_eq!(stage.decisions, [hold(1, 1)]);
    stage.hear(&[started(0, 0), started(1, 0)]);
    let expected = [within(0, 0), within(1, 0), within(2, 1), within(3, 1), within(4, 1)];
    assert_eq!(stage.decisions, expected);
    stage.at(5).finish(0);
    let step = stage.finish(1);
    assert_eq!((step.wake, stage.decisions.len()), (Some(Time::ZERO + Span::from_seconds(15)), 0));
    stage.at(15).hear(&[Event::Woken]);
    assert_eq!(stage.decisions, [release(0, 1)]);
    // A task that no tracker has room for asks for none, and waits.
    let large = stage.task(3_000, 0);
    stage.submit(large);
    assert_eq!((stage.decisions.len(), stage.core.waiting()), (0, 1));
}

#[test]
fn trackers_that_are_not_needed_any_more_are_no_longer_waited_for() {
    let mut stage = holding("slots", 5, Some(10));
    let tasks = stage.tasks(6, 1_000, 0);
    stage.submit(tasks);
    assert_eq!(stage.decisions, [hold(0, 3)]);
    stage.hear(&[started(0, 0)]);
    assert_eq!(stage.decisions, [within(0, 0), within(1, 0)]);
    for task in 0..2 {
        stage.finish(task);
    }
    assert_eq!(stage.decisions[0], within(3, 0));
    // Four tasks are left, two of them run: the newest of three trackers is one too many.
    assert_eq!(stage.decisions[1], release(2, 1));
}

#[test]
fn what_is_lost_with_a_worker_waits_again_and_its_place_is_taken_by_the_next() {
    let mut stage = holding("nested", 2, None);
    assert_eq!(stage.decisions, [hold(0, 2)]);
    stage.hear(&[started(0, 7), started(1, 8)]);
    let tasks = stage.tasks(3, 1_000, 0);
    stage.submit(tasks);
    assert_eq!(stage.decisions, [within(0, 0), within(1, 0), within(2, 1)]);
    let lost = |task| Event::TaskEnded { task: TaskId(task), ending: Ending::Lost };
    let ended = Event::HolderEnded { holder: HolderId(0), again: true };
    stage.hear(&[ended, lost(0), lost(1)]);
    assert_eq!(stage.decisions, [within(0, 1)]);
    // It waits for another place by itself; one that is gone for good is asked for anew.
    stage.hear(&[started(0, 9)]);
    assert_eq!(stage.decisions, [within(1, 0)]);
    stage.hear(&[Event::HolderEnded { holder: HolderId(0), again: false }, lost(1)]);
    assert_eq!(stage.decisions, [hold(2, 1)]);
    stage.hear(&[started(2, 9)]);
    assert_eq!(stage.decisions, [within(1, 2)]);
}

#[test]
fn news_of_holders_that_were_given_back_change_nothing() {
    let mut stage = holding("coarse", 2, None);
    let task = stage.task(1_000, 0);
    stage.submit(task);
    stage.hear(&[started(0, 0)]);
    stage.finish(0);
    assert_eq!(stage.decisions, [release(0, 2)]);
    stage.hear(&[started(1, 0), Event::HolderEnded { holder: HolderId(0), again: true }, started(9, 0)]);
    assert_eq!(stage.decisions, []);
}

#[test]
fn withdrawn_tasks_leave_the_queue_and_the_others_keep_their_place() {
    for (backfill, head_of_line) in
        [("none", HeadOfLine::Skip), ("none", HeadOfLine::Block), ("easy", HeadOfLine::Block)]
    {
        let backfill = Choice::named(backfill);
        let mut stage = Stage::with(Config { backfill, head_of_line, ..Config::default() }, &[(2_000, 0)]);
        let (six, one) = (stage.tasks(6, 1_000, 0), stage.task(2_000, 0));
        stage.submit(six);
        stage.submit(one);
        // 0 and 1 run. Of the others, 3 and 4 are no longer wanted, nor is 1, which is not meant.
        stage.hear(&[
            Event::TasksWithdrawn { first: TaskId(3), count: 2 },
            Event::TasksWithdrawn { first: TaskId(1), count: 1 },
        ]);
        let rejected: Vec<(u64, u32)> = stage
            .decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Reject { task, count } => Some((task.0, *count)),
                _ => None,
            })
            .collect();
        assert_eq!(rejected, [(3, 2)]);
        assert_eq!(stage.core.waiting(), 3);
        stage.hear(&[0, 1].map(|task| Event::TaskEnded { task: TaskId(task), ending: Ending::Finished }));
        assert_eq!(stage.places(), [(2, 0, 1), (5, 0, 1)]);
        stage.hear(&[2, 5].map(|task| Event::TaskEnded { task: TaskId(task), ending: Ending::Finished }));
        assert_eq!(stage.places(), [(6, 0, 1)]);
    }
}
