//! What tasks really use, against what nodes have: by hand, and against a count of every row.

use super::*;
use crate::model::Overload;

/// A task that asks 1,000 millicores and 400 MiB, and uses these.
fn using(name: u64, submit_s: u64, run_s: u64, used: (u32, u32)) -> Job {
    let mut task = group(1, 1_000, run_s);
    task.ask.request = Resources::new(1_000, 400);
    task.truth.usage = Some(Resources::new(used.0, used.1));
    job(name, submit_s, task)
}

/// One node that promises 4,000 millicores and 2,000 MiB, and has half of the memory.
fn on_one(jobs: Vec<Job>, kill_after_s: Option<u64>) -> Experiment {
    let mut one = experiment(fleet(&[(4_000, 2_000)]), jobs);
    let room = vec![Resources::new(4_000, 1_000)];
    one.model.overload = Some(Overload { kill_after: kill_after_s.map(Span::from_seconds), room });
    one
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("the run has `{name}`"))
}

/// Task, state, start and end in seconds.
fn rows(tape: &Tape) -> Vec<(&str, State, f64, f64)> {
    let at = |time: Option<Time>| time.expect("it ran").as_seconds();
    tape.rows.iter().map(|row| (row.task.as_str(), row.state, at(row.start), at(row.end))).collect()
}

#[test]
fn time_in_overload_and_who_is_throttled_by_hand() {
    // From 4 to 10 s both run: 5,000 of 4,000 millicores and 1,100 of 1,000 MiB.
    let jobs = vec![using(0, 0, 10, (3_000, 600)), using(1, 4, 10, (2_000, 500)), using(2, 20, 5, (1_000, 100))];
    let (outcome, tape) = run(on_one(jobs, None));
    assert!(tape.rows.iter().all(|row| row.state == State::Finished));
    let number = |name: &str| number(&outcome, name);
    assert_eq!((number("overload.cpu_s"), number("overload.memory_s")), (6.0, 6.0));
    assert_eq!((number("overload.throttled"), number("overload.throttled_s")), (2.0, 12.0));
    assert_eq!(number("overload.killed"), 0.0);
}

#[test]
fn what_is_used_is_counted_only_if_it_is_asked_for() {
    let mut one = on_one(vec![using(0, 0, 10, (5_000, 600))], None);
    one.model.overload = None;
    let (outcome, _) = run(one);
    assert_eq!(outcome.summary.number("overload.cpu_s"), None);
    let (outcome, _) = run(on_one(vec![job(0, 0, group(1, 1_000, 1))], None));
    assert!(outcome.warnings.iter().any(|said| said.contains("model.overload")), "{:?}", outcome.warnings);
}

#[test]
fn who_began_last_is_killed_until_the_rest_have_room() {
    // Short of memory from 4 s on. Task 1 is killed at 6 s, put back at once, and killed again at 8 s; at 10 s task 0
    // ends before anybody is killed.
    let jobs = vec![using(0, 0, 10, (1_000, 600)), using(1, 4, 10, (1_000, 500))];
    let (outcome, tape) = run(on_one(jobs, Some(2)));
    let expected = [
        ("1/0", State::Lost, 4.0, 6.0),
        ("1/0", State::Lost, 6.0, 8.0),
        ("0/0", State::Finished, 0.0, 10.0),
        ("1/0", State::Finished, 8.0, 18.0),
    ];
    assert_eq!(rows(&tape), expected);
    assert_eq!((number(&outcome, "overload.killed"), number(&outcome, "overload.memory_s")), (2.0, 6.0));
    assert_eq!((number(&outcome, "loss.work_s"), number(&outcome, "conservation.cpu.lost")), (4.0, 4.0));
    assert_eq!(number(&outcome, "conservation.memory.residual"), 0.0);
}

#[test]
fn the_least_important_goes_first_and_of_equals_the_lowest_id() {
    let killed = |jobs: Vec<Job>| {
        let mut one = on_one(jobs, Some(2));
        one.workloads[0].loss = Loss::Fail;
        let (outcome, tape) = run(one);
        assert_eq!(number(&outcome, "overload.killed"), number(&outcome, "tasks.lost"));
        let lost = tape.rows.iter().filter(|row| row.state == State::Lost);
        lost.map(|row| (row.task.clone(), row.end.expect("it is over").0 / SECOND)).collect::<Vec<_>>()
    };
    // Task 0 began first, but is less important.
    let mut jobs = vec![using(0, 0, 10, (1_000, 600)), using(1, 4, 10, (1_000, 500))];
    jobs[1].priority = 1;
    assert_eq!(killed(jobs), [("0/0".to_owned(), 6)]);
    // Three that began at once: without one of them the others fit.
    let jobs = (0..3).map(|name| using(name, 0, 10, (1_000, 500))).collect();
    assert_eq!(killed(jobs), [("0/0".to_owned(), 2)]);
    // Who uses no memory is of no use.
    let mut jobs = vec![using(0, 0, 10, (1_000, 0)), using(1, 0, 10, (1_000, 600)), using(2, 0, 10, (1_000, 600))];
    jobs[1].priority = 1;
    jobs[2].priority = 1;
    assert_eq!(killed(jobs), [("1/0".to_owned(), 2)]);
}

#[test]
fn who_does_not_fit_alone_fails() {
    let (outcome, tape) = run(on_one(vec![using(0, 0, 10, (1_000, 1_001))], Some(2)));
    assert_eq!(rows(&tape), [("0/0", State::Failed, 0.0, 2.0)]);
    assert_eq!((number(&outcome, "tasks.failed"), number(&outcome, "overload.killed")), (1.0, 1.0));
    // As much as there is fits.
    let (_, tape) = run(on_one(vec![using(0, 0, 10, (1_000, 1_000))], Some(2)));
    assert_eq!(rows(&tape), [("0/0", State::Finished, 0.0, 10.0)]);
}

#[test]
fn what_was_saved_need_not_be_done_again() {
    // Task 1 has written its checkpoint of 1 s at 5 s and at 6 s when it is killed; 8 s are left, and memory suffices
    // from 6 s on.
    let jobs = vec![using(0, 0, 6, (1_000, 600)), using(1, 4, 10, (1_000, 500))];
    let mut one = on_one(jobs, Some(1));
    let checkpoint =
        crate::model::Checkpoint { interval: Span::from_seconds(1), cost: Span::ZERO, restart: Span::ZERO };
    one.workloads[0].checkpoint = Some(checkpoint);
    let (_, tape) = run(one);
    let expected =
        [("1/0", State::Lost, 4.0, 5.0), ("0/0", State::Finished, 0.0, 6.0), ("1/0", State::Finished, 5.0, 14.0)];
    assert_eq!(rows(&tape), expected);
}

#[test]
fn a_gang_is_killed_as_a_whole() {
    let mut pair = gang(2, 1_000, 10);
    pair.ask.request = Resources::new(1_000, 400);
    pair.truth.usage = Some(Resources::new(1_000, 600));
    let mut one = on_one(vec![job(0, 0, pair), using(1, 1, 3, (500, 100))], Some(2));
    one.workloads[0].loss = Loss::Fail;
    let (outcome, tape) = run(one);
    // Of the two tasks there the other began last; without it the gang is still too much.
    let expected = [("0/0", State::Failed, 0.0, 2.0), ("1/0", State::Lost, 1.0, 2.0)];
    assert_eq!(rows(&tape), expected);
    assert_eq!(number(&outcome, "overload.killed"), 3.0);
}

#[test]
fn what_a_team_could_give_back_by_hand() {
    // 600 of 1,000 millicores for 10 s, and 400 of 1,000 from 5 s to the end at 20 s: 12,000 of 80,000. Memory: 300 of
    // 400 MiB for 10 s, and nothing, since as much is used as is asked: 3,000 of 40,000.
    let jobs = vec![using(0, 0, 10, (400, 100)), using(1, 5, 100, (600, 400))];
    let mut one = on_one(jobs, None);
    one.stop = Stop::At(seconds(20));
    let (outcome, _) = run(one);
    for head in ["", "by_role.(none)."] {
        assert_eq!(number(&outcome, &format!("{head}reclaimable.cpu")), 12_000.0 / 80_000.0);
        assert_eq!(number(&outcome, &format!("{head}reclaimable.memory")), 3_000.0 / 40_000.0);
    }
}

/// Every microsecond of a node that is short of a lane, added up from the rows: what a run keeps count of on the way.
fn short(tape: &Tape, used: &[(u32, u32)], node: &str, lane: impl Fn((u32, u32)) -> u32, room: u32) -> (u64, u64) {
    let mut changes: Vec<(u64, bool, u32)> = Vec::new();
    for row in tape.rows.iter().filter(|row| row.node.as_deref() == Some(node)) {
        let name: usize = row.task.split('/').next().and_then(|name| name.parse().ok()).expect("names are numbers");
        let (Some(start), Some(end)) = (row.start, row.end) else { continue };
        changes.push((start.0, true, lane(used[name])));
        changes.push((end.0, false, lane(used[name])));
    }
    changes.sort_unstable();
    let (mut level, mut tasks, mut since, mut nodes_us, mut tasks_us) = (0, 0_u64, 0, 0, 0);
    for (at, begins, amount) in changes {
        if level > room {
            nodes_us += at - since;
            tasks_us += (at - since) * tasks;
        }
        since = at;
        (level, tasks) = if begins { (level + amount, tasks + 1) } else { (level - amount, tasks - 1) };
    }
    (nodes_us, tasks_us)
}

#[test]
fn overload_is_what_the_rows_say() {
    use windtunnel_scheduler::draw::below;
    for (seed, kill_after) in [(1, None), (2, Some(3)), (3, Some(20))] {
        let draw = |most: u64, name: u64, what: u64| below(most, seed, 0, name, what) as u32;
        let used: Vec<(u32, u32)> = (0..300).map(|name| (draw(2_500, name, 0), draw(500, name, 1))).collect();
        let jobs = (0..300_u64).map(|name| {
            let mut job = using(name, name / 3, u64::from(1 + draw(40, name, 2)), used[name as usize]);
            job.priority = draw(3, name, 3) as i32;
            job
        });
        let mut one = experiment(fleet(&[(4_000, 2_000); 5]), jobs.collect());
        let room = vec![Resources::new(4_000, 1_000); 5];
        one.model.overload = Some(Overload { kill_after: kill_after.map(Span::from_seconds), room });
        let (outcome, tape) = run(one);
        let nodes = || (0..5).map(|node| format!("n{node}"));
        let cpu: Vec<(u64, u64)> = nodes().map(|node| short(&tape, &used, &node, |used| used.0, 4_000)).collect();
        let memory: u64 = nodes().map(|node| short(&tape, &used, &node, |used| used.1, 1_000).0).sum();
        let seconds = |us: u64| us as f64 / 1e6;
        assert_eq!(number(&outcome, "overload.cpu_s"), seconds(cpu.iter().map(|node| node.0).sum()));
        assert_eq!(number(&outcome, "overload.throttled_s"), seconds(cpu.iter().map(|node| node.1).sum()));
        assert_eq!(number(&outcome, "overload.memory_s"), seconds(memory));
        assert!(cpu.iter().all(|node| node.0 > 0) && memory > 0, "the case is worth it");
        let lost = tape.rows.iter().filter(|row| row.state == State::Lost).count();
        assert_eq!((number(&outcome, "overload.killed"), lost > 0), (lost as f64, kill_after.is_some()));
        assert_eq!(number(&outcome, "tasks.finished"), 300.0);
    }
}
