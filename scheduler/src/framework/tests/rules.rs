//! What single jobs are held to: when they have to start, and what becomes of tasks that fail.

use super::*;
use crate::event::Retry;
use crate::rules::Rules;

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
