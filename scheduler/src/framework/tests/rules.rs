//! What single jobs are held to: when they have to start, and what becomes of tasks that fail.

use super::*;
use crate::event::{Retry, ServiceUpgrade};
use crate::rules::{Resident, Rules};
use crate::service::Delays;

fn ruled(spec: JobSpec, rules: Rules) -> JobSpec {
    JobSpec { rules: Some(Arc::new(rules)), ..spec }
}

fn by(seconds: u64) -> Rules {
    Rules { start_by: Some(Time::ZERO + Span::from_seconds(seconds)), ..Rules::default() }
}

const EVERY_WAY: [(&str, &str, HeadOfLine); 5] = [
    ("fifo", "none", HeadOfLine::Skip),
    ("fifo", "none", HeadOfLine::Block),
    ("fifo", "easy", HeadOfLine::Block),
    ("fifo", "conservative", HeadOfLine::Block),
    ("wfp3", "none", HeadOfLine::Skip),
];

#[test]
fn a_task_that_does_not_start_in_time_is_given_up_and_those_behind_it_go_on() {
    for (queue, backfill, head_of_line) in EVERY_WAY {
        let way = format!("{queue} {backfill} {head_of_line:?}");
        let (queue, backfill) = (Choice::named(queue), Choice::named(backfill));
        let mut stage = Stage::with(Config { queue, backfill, head_of_line, ..Config::default() }, &[(2_000, 0)]);
        let estimate = Some(Span::from_seconds(100));
        let blocker = JobSpec { estimate, ..stage.task(1_000, 0) };
        stage.submit(blocker);
        // Wide, so that it waits; behind it a narrow one that is as long and would delay it.
        let wide = JobSpec { estimate, ..ruled(stage.task(2_000, 0), by(10)) };
        let narrow = JobSpec { estimate: Some(Span::from_seconds(1_000)), ..stage.task(1_000, 0) };
        let step = stage.hear(&[Event::JobSubmitted(wide)]);
        let late = Time::ZERO + Span::from_seconds(10) + Span(1);
        assert!(step.wake.is_some_and(|wake| wake <= late), "{way}");
        stage.submit(narrow);
        let passes = stage.started() == [2];
        assert!(!stage.decisions.iter().any(|decision| matches!(decision, Decision::Reject { .. })));
        stage.at(10).hear(&[Event::Woken]);
        assert_eq!(stage.decisions.len(), 0, "{way}: the last instant is in time");
        stage.now = late;
        stage.hear(&[Event::Woken]);
        assert_eq!(stage.decisions[0], Decision::Reject { task: TaskId(1), count: 1 }, "{way}");
        assert!(passes || stage.started() == [2], "{way}: nobody is held up by it any more");
        assert_eq!(stage.core.waiting(), 0);
        stage.at(20).finish(0);
        assert_eq!(stage.started(), [], "{way}: it does not come back");
    }
}

#[test]
fn several_tasks_of_a_late_job_are_given_up_together_and_those_that_run_stay() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0)]);
    let spec = ruled(stage.tasks(5, 1_000, 0), by(3));
    stage.submit(spec);
    let other = stage.task(1_000, 0);
    stage.submit(other);
    assert_eq!(stage.core.waiting(), 4);
    stage.at(4).hear(&[Event::Woken]);
    assert_eq!(stage.decisions, [Decision::Reject { task: TaskId(2), count: 3 }]);
    stage.finish(0);
    assert_eq!(stage.started(), [5]);
    stage.end(1, Ending::Lost);
    assert_eq!(stage.started(), [1], "it had started: its time is not looked at again");
    let gang = ruled(stage.gang(2, 2_000, 0), by(5));
    stage.submit(gang);
    stage.at(6).hear(&[Event::Woken]);
    assert_eq!(stage.decisions, [Decision::Reject { task: TaskId(6), count: 2 }]);
}

#[test]
fn a_task_that_fails_is_tried_again_as_often_as_its_job_says() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0)]);
    let retry = Retry { most: Some(2), pause: Span::from_seconds(10), pause_most: Span::ZERO };
    let spec = ruled(stage.task(1_000, 0), Rules { failures: Some(retry), ..Rules::default() });
    stage.submit(spec);
    let step = stage.at(1).end(0, Ending::Failed);
    assert_eq!((stage.started(), step.wake), (vec![], Some(Time(11_000_000))));
    stage.at(11).hear(&[Event::Woken]);
    assert_eq!(stage.started(), [0]);
    stage.end(0, Ending::Failed);
    stage.at(31).hear(&[Event::Woken]);
    assert_eq!(stage.started(), [0], "after twice the pause");
    stage.end(0, Ending::Failed);
    stage.at(1_000).hear(&[Event::Woken]);
    assert_eq!((stage.started(), stage.core.waiting()), (vec![], 0), "given up");
}

/// A service of so many replicas of one core that backs off as Marathon's apps do.
fn app(stage: &mut Stage, replicas: u32, rules: Rules) -> JobSpec {
    let delays = Some(Delays::default());
    ruled(JobSpec { kind: JobKind::Service, ..stage.tasks(replicas, 1_000, 0) }, Rules { delays, ..rules })
}

impl Stage {
    fn at_ms(&mut self, milliseconds: u64) -> &mut Self {
        self.now = Time(milliseconds * 1_000);
        self
    }

    /// Who starts when it is called after so many milliseconds.
    fn called_at_ms(&mut self, milliseconds: u64) -> Vec<u64> {
        self.at_ms(milliseconds).hear(&[Event::Woken]);
        self.started()
    }
}

#[test]
fn while_an_app_is_held_back_none_of_its_replicas_starts() {
    for (queue, backfill, head_of_line) in EVERY_WAY {
        let way = format!("{queue} {backfill} {head_of_line:?}");
        let (queue, backfill) = (Choice::named(queue), Choice::named(backfill));
        let mut stage = Stage::with(Config { queue, backfill, head_of_line, ..Config::default() }, &[(2_000, 0)]);
        let spec = app(&mut stage, 3, Rules::default());
        stage.submit(spec);
        assert_eq!(stage.started(), [0, 1], "{way}");
        // 1 s for all of them; a failure of one replica holds back another that never ran.
        let step = stage.at(10).end(0, Ending::Failed);
        assert_eq!((stage.started(), step.wake, stage.core.waiting()), (vec![], Some(Time(11_000_000)), 2), "{way}");
        let other = JobSpec { estimate: Some(Span(1)), ..stage.task(500, 0) };
        stage.submit(other);
        assert_eq!(stage.started(), [3], "{way}: nobody else is held back");
        stage.at_ms(10_500).finish(3);
        assert_eq!(stage.called_at_ms(10_999), [], "{way}");
        assert_eq!(stage.called_at_ms(11_000), [0], "{way}");
        // A kill holds nothing back.
        stage.at(12).end(1, Ending::Killed);
        assert_eq!(stage.started(), [2], "{way}");
        // An end of its own does, for 1.15 s, and one that was moved away waits with it.
        stage.at(13).finish(0);
        stage.at(14).end(2, Ending::Evicted);
        assert_eq!((stage.started(), stage.core.waiting()), (vec![], 2), "{way}");
        assert_eq!(stage.called_at_ms(14_149), [], "{way}");
        assert_eq!(stage.called_at_ms(14_150), [0, 2], "{way}");
        // Another failure makes whoever waits already wait longer: 1.3225 s, then 1.520875 s.
        stage.at(20).end(0, Ending::Failed);
        stage.at(21).end(2, Ending::Failed);
        assert_eq!(stage.called_at_ms(22_520), [], "{way}");
        assert_eq!(stage.called_at_ms(22_521), [0, 2], "{way}");
    }
}

#[test]
fn a_new_version_and_a_long_time_without_failure_let_an_app_start_again_at_once() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(2_000, 0)]);
    let spec = app(&mut stage, 2, Rules::default());
    stage.submit(spec);
    stage.at(10).end(0, Ending::Failed);
    stage.called_at_ms(11_000);
    stage.at(20).end(0, Ending::Failed);
    // It would wait until 21.15 s.
    let tasks = vec![(TaskId(0), 2)];
    let upgrade = ServiceUpgrade { version: 2, count: 2, tasks, health_milli: 1_000, ..ServiceUpgrade::default() };
    stage.at_ms(20_500).hear(&[Event::ServiceUpgraded(Box::new(upgrade))]);
    assert_eq!(stage.started(), [0]);
    // The new version begins with 1 s; after more than 300 s without a failure the app does so again.
    for (failure, start) in [(30_000, 31_000), (331_001, 332_001), (340_000, 341_150)] {
        stage.at_ms(failure).end(0, Ending::Failed);
        assert_eq!(stage.called_at_ms(start - 1), []);
        assert_eq!(stage.called_at_ms(start), [0]);
    }
}

#[test]
fn replicas_that_belong_to_their_nodes_are_held_back_with_the_others() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0), (1_000, 0)]);
    let resident = Some(Resident::default());
    let spec = app(&mut stage, 2, Rules { resident, ..Rules::default() });
    stage.submit(spec);
    stage.at(10).end(0, Ending::Failed);
    stage.at_ms(10_500).end(1, Ending::Failed);
    assert_eq!(stage.called_at_ms(11_649), [], "1.15 s from the second failure on");
    stage.called_at_ms(11_650);
    assert_eq!(stage.places(), [(0, 0, 1), (1, 1, 1)]);
}

#[test]
fn replicas_that_are_held_back_can_be_withdrawn() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0)]);
    let spec = app(&mut stage, 5, Rules::default());
    stage.submit(spec);
    stage.at(10).end(0, Ending::Failed);
    assert_eq!(stage.core.waiting(), 5);
    stage.hear(&[Event::TasksWithdrawn { first: TaskId(2), count: 2 }]);
    assert_eq!(stage.decisions, [Decision::Reject { task: TaskId(2), count: 2 }]);
    assert_eq!((stage.called_at_ms(11_000), stage.core.waiting()), (vec![0], 2));
    stage.at(12).end(0, Ending::Killed);
    assert_eq!(stage.started(), [1]);
    stage.at(13).end(1, Ending::Killed);
    assert_eq!((stage.started(), stage.core.waiting()), (vec![4], 0));
}
