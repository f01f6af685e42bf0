//! Launches that are lost on their way, and what becomes of the tasks: by hand.

use super::*;
use crate::fault::{Effect, FaultSource, Faults, When};
use crate::model::{Detection, Link};

/// As many tasks of 1 s as machines of one cpu, all placed at once. A launch is lost half of the time and asked for
/// after 300 s, in vain three times out of four.
fn half_lost(tasks: u32) -> Experiment {
    let jobs = (0..u64::from(tasks)).map(|name| job(name, 0, group(1, 1_000, 1))).collect();
    let mut one = experiment(fleet(&vec![(1_000, 0); tasks as usize]), jobs);
    let confirm = Some(Span::from_seconds(300));
    one.model.link = Link { delay: Span::from_seconds(1), loss: 0.5, confirm, ..Link::default() };
    one
}

/// What happens to all nodes at `begin` until `end`.
fn all_of(one: &mut Experiment, effect: Effect, begin: u64, end: u64) {
    let nodes = (0..one.fleet.nodes.len() as u32).collect::<Vec<_>>().into();
    let listed = crate::fault::Listed { nodes, begin: seconds(begin), end: seconds(end) };
    let source = FaultSource { name: "all".to_owned(), effect, when: When::Listed(vec![listed]) };
    one.model.faults = Faults { sources: vec![source], upkeep: vec![] };
}

/// The first attempts whose launch was lost: they held no room.
fn lost(tape: &Tape) -> Vec<&Row> {
    tape.rows.iter().filter(|row| row.attempt == 0 && row.state == State::Lost && row.place.is_none()).collect()
}

fn residual(outcome: &Outcome) -> Option<f64> {
    outcome.summary.number("conservation.cpu.residual")
}

#[test]
fn a_lost_launch_is_heard_of_when_it_is_asked_for() {
    let (outcome, tape) = run(half_lost(400));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    // 300 s, a second there and one back; and the pauses 10, 20, 40, 80, 160, 320, 600, 600, .. so far.
    let after: Vec<Time> =
        [302, 312, 332, 372, 452, 612].into_iter().chain((932..).step_by(600).take(40)).map(seconds).collect();
    let lost = lost(&tape);
    for row in &lost {
        assert!(row.start.is_none() && row.end.is_some_and(|end| after.contains(&end)), "{row:?}");
        // The machine that it was believed to run on is free, so its next attempt begins with the news.
        let next = tape.rows.iter().find(|next| next.task == row.task && next.attempt == 1).expect("it is run again");
        assert!(next.place.is_none() || next.place == row.end, "{row:?} {next:?}");
    }
    // Binomial: 200 +- 10 are lost, and a quarter of the questions, 50 +- 6, is answered at once.
    assert!((170..=230).contains(&lost.len()), "{}", lost.len());
    let at_once = lost.iter().filter(|row| row.end == Some(after[0])).count();
    assert!((32..=68).contains(&at_once), "{at_once}");
    let all = tape.rows.iter().filter(|row| row.state == State::Lost).count();
    assert_eq!(number("belief.launches_lost"), all as f64);
    assert_eq!((number("tasks.finished"), number("loss.placed_in_vain")), (400.0, 0.0));
    // Nobody ran there, so that nothing was lost with it.
    assert_eq!((number("loss.work_s"), number("conservation.cpu.busy"), residual(&outcome)), (0.0, 400.0, Some(0.0)));
}

#[test]
fn without_a_question_no_launch_is_lost() {
    let mut one = half_lost(100);
    one.model.link.confirm = None;
    let (outcome, tape) = run(one);
    assert_eq!((tape.rows.len(), lost(&tape).len()), (100, 0));
    assert_eq!(outcome.summary.number("belief.launches_lost"), None);
}

#[test]
fn a_lost_launch_counts_as_a_lost_machine() {
    // Tasks that are not run again, and tasks that are once.
    for (loss, most, attempts) in [(Loss::Fail, None, 1), (Loss::Rerun, Some(1), 2)] {
        let mut one = half_lost(400);
        one.workloads[0].loss = loss;
        one.workloads[0].retry.most = most;
        let (outcome, tape) = run(one);
        let rows = |state: State| tape.rows.iter().filter(move |row| row.state == state);
        let given_up = rows(State::Lost).filter(|row| row.attempt + 1 == attempts).count();
        assert!(rows(State::Lost).all(|row| row.attempt < attempts));
        assert!(given_up > 0);
        let number = |name: &str| outcome.summary.number(name).expect("the run has it");
        assert_eq!((number("tasks.lost"), number("tasks.finished")), (given_up as f64, 400.0 - given_up as f64));
    }
}

#[test]
fn a_lost_launch_is_heard_of_with_its_machine() {
    // All machines die at 20 s and are declared lost at once: nobody waits for an answer.
    let mut one = half_lost(100);
    all_of(&mut one, Effect::Outage, 20, 30);
    let (outcome, tape) = run(one);
    let lost = lost(&tape);
    assert!(!lost.is_empty() && lost.iter().all(|row| row.end == Some(seconds(20))));
    assert_eq!((outcome.summary.number("tasks.finished"), residual(&outcome)), (Some(100.0), Some(0.0)));
}

#[test]
fn a_machine_that_is_cut_off_is_asked_in_vain() {
    // From 290 to 400 s nobody hears of the machines, and none is declared lost: whoever was to answer in between
    // does when it is back, and with it who was to answer later.
    let mut one = half_lost(100);
    all_of(&mut one, Effect::Partition, 290, 400);
    one.model.detection = Some(Detection { misses: 100, ..Detection::default() });
    let (outcome, tape) = run(one);
    let lost = lost(&tape);
    assert!(!lost.is_empty() && lost.iter().all(|row| row.end == Some(seconds(400))));
    assert_eq!((outcome.summary.number("tasks.finished"), residual(&outcome)), (Some(100.0), Some(0.0)));
}

#[test]
fn a_gang_is_lost_with_the_launch_of_one_member() {
    // Two members on a machine each: three gangs in four are lost, and no member of them runs.
    let jobs = (0..100).map(|name| job(name, 0, gang(2, 1_000, 1))).collect();
    let one = Experiment { workloads: vec![workload(jobs)], ..half_lost(200) };
    let (outcome, tape) = run(one);
    let lost = lost(&tape);
    assert!((62..=88).contains(&lost.len()), "75 +- 4.3: {}", lost.len());
    assert!(lost.iter().all(|row| row.count == 2 && row.end >= Some(seconds(302))));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!((number("tasks.finished"), number("conservation.cpu.busy")), (200.0, 200.0));
    assert_eq!(residual(&outcome), Some(0.0));
}
