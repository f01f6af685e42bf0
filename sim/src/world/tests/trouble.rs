//! Machines that die, fall silent, slow down and come back: by hand.

use super::*;
use crate::fault::{Effect, FaultSource, Faults, Listed, Upkeep, When};
use crate::launch::Launch;
use crate::model::{Checkpoint, DecisionTime, Detection, Link, Model};
use windtunnel_scheduler::config::Setting;
use windtunnel_scheduler::event::Retry;
use windtunnel_traces::synthetic::Constant;

fn strikes(name: &str, effect: Effect, strikes: &[(&[u32], u64, u64)]) -> FaultSource {
    let listed = strikes.iter().map(|&(nodes, begin, end)| Listed {
        nodes: nodes.into(),
        begin: seconds(begin),
        end: if end == 0 { Time::NEVER } else { seconds(end) },
    });
    FaultSource { name: name.to_owned(), effect, when: When::Listed(listed.collect()) }
}

fn broken(mut experiment: Experiment, sources: Vec<FaultSource>) -> Experiment {
    experiment.model = Model { faults: Faults { sources, upkeep: vec![] }, ..Model::default() };
    experiment
}

/// Name, attempt, state, and start, end and lost work in seconds.
type Told<'a> = (&'a str, u32, State, Option<f64>, Option<f64>, f64);

fn rows(tape: &Tape) -> Vec<Told<'_>> {
    let in_seconds = |time: Option<Time>| time.map(Time::as_seconds);
    let row = |row: &'_ Row| (row.attempt, row.state, in_seconds(row.start), in_seconds(row.end));
    tape.rows
        .iter()
        .map(|one| {
            let (attempt, state, start, end) = row(one);
            (one.task.as_str(), attempt, state, start, end, one.lost.as_seconds())
        })
        .collect()
}

fn balanced(outcome: &Outcome) {
    for (_, lane) in &outcome.lanes {
        assert_eq!(outcome.summary.number(&format!("conservation.{lane}.residual")), Some(0.0), "{lane}");
    }
    let number = |name: &str| outcome.summary.number(name).unwrap_or(0.0);
    let states = ["finished", "failed", "killed", "evicted", "lost", "rejected", "pending_at_end", "running_at_end"];
    let sum: f64 = states.iter().map(|state| number(&format!("tasks.{state}"))).sum();
    assert_eq!(number("tasks.submitted"), sum);
}

#[test]
fn a_task_that_loses_its_machine_begins_anew() {
    // A node of 2 cpus dies at 5 s under a task of 10 s on 1 cpu, and is back at 8 s.
    let one = experiment(fleet(&[(2_000, 0)]), vec![job(0, 0, group(1, 1_000, 10))]);
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Outage, &[(&[0], 5, 8)])]));
    let expected =
        [("0/0", 0, State::Lost, Some(0.0), Some(5.0), 5.0), ("0/0", 1, State::Finished, Some(8.0), Some(18.0), 0.0)];
    assert_eq!(rows(&tape), expected);
    balanced(&outcome);
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    // 2 cpus for 18 s: 10 busy, 5 lost, 6 down, and what is left.
    assert_eq!(number("conservation.cpu.busy"), 10.0);
    assert_eq!(number("conservation.cpu.lost"), 5.0);
    assert_eq!(number("conservation.cpu.down"), 6.0);
    assert_eq!(number("conservation.cpu.idle"), 15.0);
    assert_eq!(number("availability.mean"), 1.0 - 3.0 / 18.0);
    assert_eq!((number("availability.failures"), number("loss.tasks")), (1.0, 1.0));
    assert_eq!((number("replace_s.max"), number("recover_s.max"), number("detect_s.max")), (3.0, 3.0, 0.0));
    assert_eq!(number("goodput.cpu"), 10.0 / 15.0);
    let node = &outcome.nodes[0];
    assert_eq!((node.up, node.down, node.failures), (Span::from_seconds(15), Span::from_seconds(3), 1));
}

#[test]
fn overlapping_strikes_are_one_outage() {
    let one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 10))]);
    let sources = vec![
        strikes("a", Effect::Outage, &[(&[0], 2, 6)]),
        strikes("b", Effect::Outage, &[(&[0], 4, 9), (&[0], 5, 6)]),
    ];
    let (outcome, tape) = run(broken(one, sources));
    assert_eq!(rows(&tape)[1], ("0/0", 1, State::Finished, Some(9.0), Some(19.0), 0.0));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!((number("availability.failures"), number("availability.overlaps")), (1.0, 2.0));
    assert_eq!(number("availability.down_s"), 7.0);
    balanced(&outcome);
}

#[test]
fn what_cannot_come_back_ends_the_run() {
    let one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 10))]);
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Outage, &[(&[0], 5, 0)])]));
    assert_eq!(tape.rows.last().map(|row| (row.attempt, row.state)), Some((1, State::Pending)));
    balanced(&outcome);
}

#[test]
fn a_task_is_tried_again_as_often_and_as_soon_as_it_may() {
    let mut one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 10))]);
    let pause = Span::from_seconds(4);
    one.workloads[0].retry = Retry { most: Some(2), pause, pause_most: Span::from_seconds(5) };
    let outages: &[(&[u32], u64, u64)] = &[(&[0], 5, 6), (&[0], 11, 12), (&[0], 20, 21)];
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Outage, outages)]));
    // Lost at 5, again at 9; lost at 11, again at 16 (twice 4 s is more than 5 s); lost at 20 for good.
    let starts: Vec<_> = rows(&tape).iter().map(|row| (row.2, row.3, row.4)).collect();
    let expected = [(0.0, 5.0), (9.0, 11.0), (16.0, 20.0)].map(|(from, to)| (State::Lost, Some(from), Some(to)));
    assert_eq!(starts, expected);
    assert_eq!(outcome.summary.number("tasks.lost"), Some(1.0));
    balanced(&outcome);
}

#[test]
fn a_task_resumes_from_its_last_checkpoint() {
    let mut one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 30))]);
    let (interval, cost, restart) = (Span::from_seconds(10), Span::from_seconds(1), Span::from_seconds(2));
    one.workloads[0].checkpoint = Some(Checkpoint { interval, cost, restart });
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Outage, &[(&[0], 15, 20)])]));
    // Written after 11 s; of 15 s, 10 s count. Then 2 s to read, 10 s, 1 s to write, 10 s.
    let expected =
        [("0/0", 0, State::Lost, Some(0.0), Some(15.0), 5.0), ("0/0", 1, State::Finished, Some(20.0), Some(43.0), 0.0)];
    assert_eq!(rows(&tape), expected);
    assert_eq!(outcome.summary.number("conservation.cpu.lost"), Some(5.0));
    balanced(&outcome);
}

#[test]
fn a_gang_loses_all_its_members_with_one() {
    let one = experiment(fleet(&[(1_000, 0), (1_000, 0), (1_000, 0)]), vec![job(0, 0, gang(2, 1_000, 10))]);
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Outage, &[(&[1], 4, 100)])]));
    let expected =
        [("0/0", 0, State::Lost, Some(0.0), Some(4.0), 4.0), ("0/0", 1, State::Finished, Some(4.0), Some(14.0), 0.0)];
    assert_eq!(rows(&tape), expected);
    assert_eq!(outcome.summary.number("conservation.cpu.lost"), Some(8.0));
    balanced(&outcome);
}

#[test]
fn a_straggler_takes_longer_from_then_on() {
    let one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 10))]);
    let slow = strikes("a", Effect::Slow { permille: 250 }, &[(&[0], 4, 8)]);
    let (outcome, tape) = run(broken(one, vec![slow]));
    // 4 s at full pace, 4 s at a quarter, then the other 5 s.
    assert_eq!(rows(&tape), [("0/0", 0, State::Finished, Some(0.0), Some(13.0), 0.0)]);
    balanced(&outcome);
}

#[test]
fn who_is_told_to_leave_does_so_in_time_though_its_pace_changes() {
    let urgent = Job { priority: 9, ..job(1, 4, group(1, 1_000, 1)) };
    let mut one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 100)), urgent]);
    let mut preemption = Choice::named("priority");
    preemption.options.insert("grace".to_owned(), Setting::Text("6s".to_owned()));
    one.scheduler = Config { preemption, queue: Choice::named("priority"), ..one.scheduler };
    let (outcome, tape) = run(broken(one, vec![strikes("a", Effect::Slow { permille: 500 }, &[(&[0], 6, 8)])]));
    assert_eq!(rows(&tape)[0], ("0/0", 0, State::Evicted, Some(0.0), Some(10.0), 10.0));
    assert_eq!(tape.start_of("1/0"), Some(10 * SECOND));
    balanced(&outcome);
}

#[test]
fn a_soft_error_keeps_new_work_away() {
    let jobs = vec![job(0, 0, group(1, 1_000, 10)), job(1, 3, group(1, 1_000, 1))];
    let soft = strikes("a", Effect::Soft, &[(&[0], 2, 5)]);
    let (outcome, tape) = run(broken(experiment(fleet(&[(2_000, 0)]), jobs), vec![soft]));
    assert_eq!(tape.start_of("0/0"), Some(0));
    assert_eq!(tape.start_of("1/0"), Some(5 * SECOND));
    balanced(&outcome);
}

#[test]
fn a_lost_device_takes_its_tasks_along_and_no_others() {
    let mut nodes = fleet(&[]);
    nodes.nodes.push(machine(0, 8_000, 0, 2));
    nodes.lanes = 0b1011;
    let jobs =
        vec![job(0, 0, with_gpu(group(1, 1_000, 10), 1, 1_000)), job(1, 0, with_gpu(group(1, 1_000, 10), 1, 1_000))];
    let gone = strikes("a", Effect::Gpu { count: 1 }, &[(&[0], 4, 20)]);
    let (outcome, tape) = run(broken(experiment(nodes, jobs), vec![gone]));
    // The first device goes; its task waits for the second.
    let expected = [
        ("0/0", 0, State::Lost, Some(0.0), Some(4.0), 4.0),
        ("1/0", 0, State::Finished, Some(0.0), Some(10.0), 0.0),
        ("0/0", 1, State::Finished, Some(10.0), Some(20.0), 0.0),
    ];
    assert_eq!(rows(&tape), expected);
    assert_eq!(outcome.summary.number("conservation.gpu.down"), Some(16.0));
    balanced(&outcome);
}

fn pinged(mut experiment: Experiment, detection: Detection) -> Experiment {
    experiment.model.detection = Some(detection);
    experiment
}

#[test]
fn until_a_death_is_noticed_the_task_is_believed_to_run() {
    let one = experiment(fleet(&[(1_000, 0), (1_000, 0)]), vec![job(0, 0, group(1, 1_000, 1_000))]);
    let one = broken(one, vec![strikes("a", Effect::Outage, &[(&[0], 100, 0)])]);
    let (outcome, tape) = run(pinged(one, Detection::default()));
    let again = tape.rows[1].start.expect("it ran again").as_seconds();
    assert!((175.0..=190.0).contains(&again), "{again}");
    assert_eq!(outcome.summary.number("detect_s.max"), Some(again - 100.0));
    assert_eq!(tape.rows[0].end, Some(seconds(100)), "the truth is not what is believed");
    balanced(&outcome);
}

#[test]
fn a_reboot_that_nobody_notices_loses_the_tasks_all_the_same() {
    let one = experiment(fleet(&[(1_000, 0)]), vec![job(0, 0, group(1, 1_000, 100))]);
    let one = broken(one, vec![strikes("a", Effect::Outage, &[(&[0], 50, 60)])]);
    let (outcome, tape) = run(pinged(one, Detection::default()));
    let expected = [
        ("0/0", 0, State::Lost, Some(0.0), Some(50.0), 50.0),
        ("0/0", 1, State::Finished, Some(60.0), Some(160.0), 0.0),
    ];
    assert_eq!(rows(&tape), expected);
    assert_eq!(outcome.summary.number("belief.declared_lost"), Some(0.0));
    balanced(&outcome);
}

#[test]
fn behind_a_partition_work_goes_on_unheard() {
    // Two tasks on a node that is cut off from 10 s to 40 s, too short to be noticed: one ends at 20 s, one at 60 s.
    let jobs = vec![job(0, 0, group(1, 1_000, 20)), job(1, 0, group(1, 1_000, 60)), job(2, 15, group(1, 1_000, 5))];
    let one = broken(experiment(fleet(&[(2_000, 0)]), jobs), vec![strikes("a", Effect::Partition, &[(&[0], 10, 40)])]);
    let (outcome, tape) = run(pinged(one, Detection::default()));
    let expected = [
        ("0/0", 0, State::Finished, Some(0.0), Some(20.0), 0.0),
        ("2/0", 0, State::Finished, Some(40.0), Some(45.0), 0.0),
        ("1/0", 0, State::Finished, Some(0.0), Some(60.0), 0.0),
    ];
    assert_eq!(rows(&tape), expected);
    balanced(&outcome);
}

#[test]
fn a_task_that_is_given_up_runs_twice() {
    // Node 0 is cut off from 10 s on for 200 s; its task of 150 s is believed lost, runs on and ends for nothing.
    let one = experiment(fleet(&[(1_000, 0), (1_000, 0)]), vec![job(0, 0, group(1, 1_000, 150))]);
    let one = broken(one, vec![strikes("a", Effect::Partition, &[(&[0], 10, 210)])]);
    let (outcome, tape) = run(pinged(one, Detection::default()));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    let declared = 10.0 + number("detect_s.max");
    let expected = [
        ("0/0", 0, State::Lost, Some(0.0), Some(150.0), 150.0),
        ("0/0", 1, State::Finished, Some(declared), Some(declared + 150.0), 0.0),
    ];
    assert_eq!(rows(&tape), expected);
    assert_eq!(number("belief.double_runs"), 1.0);
    assert!((number("belief.double_s") - (150.0 - declared)).abs() < 1e-9);
    assert_eq!((number("belief.declared_wrongly"), number("belief.tasks_wrongly")), (1.0, 1.0));
    assert_eq!(number("availability.mean"), 1.0, "it was up all the time");
    balanced(&outcome);
}

#[test]
fn what_is_placed_on_a_dead_node_is_lost_when_that_is_noticed() {
    let jobs = vec![job(0, 20, group(1, 1_000, 5))];
    let one = broken(experiment(fleet(&[(1_000, 0)]), jobs), vec![strikes("a", Effect::Outage, &[(&[0], 10, 300)])]);
    let (outcome, tape) = run(pinged(one, Detection::default()));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    let declared = 10.0 + number("detect_s.max");
    let expected = [
        ("0/0", 0, State::Lost, None, Some(declared), 0.0),
        ("0/0", 1, State::Finished, Some(300.0), Some(305.0), 0.0),
    ];
    assert_eq!(rows(&tape), expected);
    assert_eq!(number("loss.placed_in_vain"), 1.0);
    balanced(&outcome);
}

#[test]
fn news_take_their_time() {
    // A task behind another on one cpu: the end of the first is heard of 2 s later.
    let jobs = vec![job(0, 0, group(1, 1_000, 10)), job(1, 0, group(1, 1_000, 10))];
    let mut one = experiment(fleet(&[(1_000, 0)]), jobs);
    one.model.link = Link { delay: Span::from_seconds(2), ..Link::default() };
    let (outcome, tape) = run(one);
    assert_eq!(tape.start_of("1/0"), Some(12 * SECOND));
    balanced(&outcome);
}

#[test]
fn news_that_are_lost_are_sent_until_they_arrive() {
    let jobs: Vec<Job> = (0..200).map(|name| job(name, 0, group(1, 1_000, 1))).collect();
    let mut one = experiment(fleet(&[(1_000, 0)]), jobs);
    one.model.link = Link { loss: 0.5, ..Link::default() };
    let (outcome, _) = run(one);
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(number("tasks.finished"), 200.0);
    // As many are lost as arrive, on average.
    assert!((150.0..250.0).contains(&number("belief.news_resent")), "{}", number("belief.news_resent"));
    assert!(number("makespan_s") > 200.0 + 10.0 * 100.0);
    balanced(&outcome);
}

/// How long after its end each agent is declared lost.
fn detected(count: u32, fall_s: u64, detection: Detection) -> Vec<f64> {
    let nodes = fleet(&vec![(1_000, 0); count as usize]);
    let all: Vec<u32> = (0..count).collect();
    let mut one = broken(experiment(nodes, vec![]), vec![strikes("a", Effect::Outage, &[(&all, fall_s, 0)])]);
    one.stop = Stop::At(seconds(20_000));
    let (_, tape) = run(pinged(one, detection));
    let lost = tape.events.iter().filter(|(_, _, event)| matches!(event, Event::NodeLost { .. }));
    lost.map(|(at, ..)| at.as_seconds() - fall_s as f64).collect()
}

#[test]
fn detection_takes_from_five_to_six_pings_evenly() {
    let times = detected(4_000, 1_000, Detection::default());
    assert_eq!(times.len(), 4_000);
    assert!(times.iter().all(|time| (75.0..=90.0).contains(time)));
    let mean = times.iter().sum::<f64>() / 4_000.0;
    // Even on 75 to 90: the standard error is 15 / sqrt(12 * 4000) = 0.068.
    assert!((mean - 82.5).abs() < 0.21, "{mean}");
}

#[test]
fn removals_are_limited() {
    let limited = Detection { removal_gap: Span(600_000), ..Detection::default() };
    let times = detected(10_000, 1_000, limited);
    assert_eq!(times.len(), 10_000);
    let last = times.last().expect("there are some") - times.first().expect("there are some");
    assert_eq!((last * 10.0).round() / 10.0, 5_999.4, "100 a minute: the last of 10,000 after 100 minutes");
}

fn kept(mut experiment: Experiment, upkeep: Upkeep) -> Experiment {
    experiment.model = Model { faults: Faults { sources: vec![], upkeep: vec![upkeep] }, ..Model::default() };
    experiment
}

fn upkeep() -> Upkeep {
    Upkeep {
        kind: "node".into(),
        begin: seconds(10),
        every: None,
        at_once: 1,
        per: None,
        takes: Span::from_seconds(5),
        grace: Span::from_seconds(2),
        deadline: Span::from_seconds(100),
    }
}

#[test]
fn one_machine_after_the_other_is_emptied_and_worked_on() {
    // Two nodes of one cpu; a task of 100 s on the first. Told to leave at 10 s, it goes to the second at 12 s; node 0
    // is worked on until 17 s. Then the second: told at 17 s, gone at 19 s, back on node 0; worked on until 24 s.
    let one = kept(experiment(fleet(&[(1_000, 0), (1_000, 0)]), vec![job(0, 0, group(1, 1_000, 100))]), upkeep());
    let (outcome, tape) = run(one);
    let seen: Vec<_> = tape
        .rows
        .iter()
        .map(|row| (row.node.as_deref(), row.state, row.start.map(Time::as_seconds), row.end.map(Time::as_seconds)))
        .collect();
    let expected = [
        (Some("n0"), State::Evicted, Some(0.0), Some(12.0)),
        (Some("n1"), State::Evicted, Some(12.0), Some(19.0)),
        (Some("n0"), State::Finished, Some(19.0), Some(119.0)),
    ];
    assert_eq!(seen, expected);
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!((number("maintenance.nodes_drained"), number("maintenance.evicted")), (2.0, 2.0));
    assert_eq!((number("availability.down_s"), number("availability.failures")), (10.0, 0.0));
    balanced(&outcome);
}

/// A service of two replicas, both on node 0 at first, on two nodes of two cpus; the second node is there from 30 s on.
fn service(max_unavailable: Option<u32>) -> Outcome {
    let mut replicas = group(2, 1_000, 0);
    (replicas.ask.kind, replicas.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    let mut one = kept(
        experiment(fleet(&[(2_000, 0), (2_000, 0)]), vec![job(0, 0, replicas)]),
        Upkeep { kind: "half".into(), deadline: Span::from_seconds(50), ..upkeep() },
    );
    one.fleet.nodes[0].domains = vec![("half".into(), "a".into())];
    one.workloads[0].max_unavailable = max_unavailable;
    one.model.faults.sources = vec![strikes("a", Effect::Soft, &[(&[1], 5, 30)])];
    one.stop = Stop::At(seconds(200));
    let (outcome, _) = run(one);
    balanced(&outcome);
    outcome
}

#[test]
fn a_service_spares_no_more_replicas_than_it_can() {
    // At 10 s one replica leaves and finds no place until 30 s; only then the other may go.
    let number = |outcome: &Outcome, name: &str| outcome.summary.number(name).expect("the run has it");
    let outcome = service(Some(1));
    assert_eq!((number(&outcome, "maintenance.evicted"), number(&outcome, "maintenance.violations")), (2.0, 0.0));
    assert_eq!(number(&outcome, "maintenance.nodes_drained"), 1.0);
    // With none to spare nobody goes before the deadline; then both have to, against the budget.
    let outcome = service(Some(0));
    assert_eq!((number(&outcome, "maintenance.evicted"), number(&outcome, "maintenance.violations")), (2.0, 2.0));
    assert_eq!(number(&outcome, "maintenance.late"), 1.0);
    let outcome = service(None);
    assert_eq!((number(&outcome, "maintenance.evicted"), number(&outcome, "maintenance.late")), (2.0, 0.0));
}

#[test]
fn a_launch_delays_the_start_and_says_so() {
    let jobs = vec![job(0, 0, group(1, 1_000, 10)), job(1, 0, group(1, 1_000, 10))];
    let mut one = experiment(fleet(&[(1_000, 0)]), jobs);
    let start = Constant::new(Span::from_seconds(3)).ok().map(Into::into);
    one.model.launch = Some(Launch { start, ..Launch::default() });
    let (outcome, tape) = run(one);
    assert_eq!((tape.start_of("0/0"), tape.start_of("1/0")), (Some(3 * SECOND), Some(16 * SECOND)));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(number("wait_by_cause_s.launch"), 3.0);
    assert_eq!(number("wait_by_cause_s.capacity"), 6.5);
    assert_eq!((number("launch_s.mean"), number("conservation.cpu.busy")), (3.0, 26.0));
    let started = tape.events.iter().filter(|(_, _, event)| matches!(event, Event::TaskStarted { .. })).count();
    assert_eq!(started, 2);
    balanced(&outcome);
}

#[test]
fn a_container_that_does_not_start_is_tried_again() {
    let jobs: Vec<Job> = (0..200).map(|name| job(name, 0, group(1, 1_000, 10))).collect();
    let mut one = experiment(fleet(&[(8_000, 0)]), jobs);
    let start = Constant::new(Span::from_seconds(1)).ok().map(Into::into);
    one.model.launch = Some(Launch { start, fails: 0.2, ..Launch::default() });
    let (outcome, tape) = run(one);
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!((number("tasks.finished"), number("tasks.failed")), (200.0, 0.0));
    let failed = tape.rows.iter().filter(|row| row.state == State::Failed).count();
    assert!((25..=85).contains(&failed), "{failed}");
    assert_eq!(number("launch.failed"), failed as f64);
    // A second of room for nothing each.
    assert_eq!(number("conservation.cpu.lost"), failed as f64);
    balanced(&outcome);
}

#[test]
fn thinking_takes_time_and_decisions_leave_when_it_is_over() {
    // 2 s for each call and 1 s for each task placed: the first task runs from 3 s on; the second, which came at 1 s,
    // is thought about from 3 s on and runs from 6 s on.
    let jobs = vec![job(0, 0, group(1, 1_000, 10)), job(1, 1, group(1, 1_000, 10))];
    let mut one = experiment(fleet(&[(4_000, 0)]), jobs);
    let (run_, task) = (Span::from_seconds(2), Span::from_seconds(1));
    one.model.decision_time = DecisionTime::Modelled { run: run_, job: Span::ZERO, task, node: Span::ZERO };
    let (outcome, tape) = run(one);
    assert_eq!((tape.start_of("0/0"), tape.start_of("1/0")), (Some(3 * SECOND), Some(6 * SECOND)));
    let number = |name: &str| outcome.summary.number(name).expect("the run has it");
    assert_eq!(number("wait_by_cause_s.decision"), 4.0, "3 s and 5 s");
    // Two calls that placed, and one for each end.
    assert_eq!(number("scheduler.busy_s"), 10.0);
    balanced(&outcome);
}

#[test]
fn a_gang_in_several_parts_on_one_node_is_given_up_once() {
    let mut nodes = fleet(&[]);
    nodes.nodes.extend([machine(0, 8_000, 0, 4), machine(1, 8_000, 0, 4)]);
    nodes.lanes = 0b1011;
    let jobs = vec![job(0, 0, with_gpu(gang(3, 1_000, 10), 1, 1_000))];
    let cut = strikes("a", Effect::Partition, &[(&[0], 4, 500)]);
    let (outcome, tape) = run(broken(experiment(nodes, jobs), vec![cut]));
    let expected =
        [("0/0", 0, State::Lost, Some(0.0), Some(4.0), 4.0), ("0/0", 1, State::Finished, Some(4.0), Some(14.0), 0.0)];
    assert_eq!(rows(&tape), expected);
    balanced(&outcome);
}

#[test]
fn a_gang_is_heard_of_when_a_node_is_declared_on_which_it_is_believed_to_run() {
    // Node 1 falls silent at 3 s, and node 0 dies at 22.9 s: the gang is over, and node 0 keeps that to itself. Node 1
    // misses its ping first, and the scheduler gives up what it believes to run there: the gang goes elsewhere at once.
    let nodes = fleet(&[(1_000, 0), (1_000, 0), (1_000, 0), (1_000, 0)]);
    let one = experiment(nodes, vec![job(0, 0, gang(2, 1_000, 60))]);
    let detection = Detection { ping: Span::from_seconds(20), misses: 1, ..Detection::default() };
    let death = Time(22_900_000);
    let dead = When::Listed(vec![Listed { nodes: [0].into(), begin: death, end: seconds(900) }]);
    let dead = FaultSource { name: "dead".into(), effect: Effect::Outage, when: dead };
    let sources = vec![strikes("cut", Effect::Partition, &[(&[1], 3, 900)]), dead];
    let mut one = broken(one, sources);
    one.model.detection = Some(detection);
    let (outcome, tape) = run(one);
    let told = rows(&tape);
    let lost = tape.events.iter().filter_map(|(at, _, event)| match event {
        Event::NodeLost { node } => Some((node.0, *at)),
        _ => None,
    });
    let lost: Vec<(u32, Time)> = lost.collect();
    assert!(lost.len() == 2 && lost[0].0 == 1 && lost[0].1 > death, "{lost:?}");
    assert_eq!((told[0].2, told[0].4), (State::Lost, Some(death.as_seconds())));
    assert_eq!(told.last().map(|row| row.2), Some(State::Finished));
    let places = tape.decisions.iter().filter(|(_, _, decision)| matches!(decision, Decision::Place { .. }));
    assert!(places.map(|&(at, ..)| at).any(|at| at == lost[0].1), "it goes elsewhere as soon as node 1 is given up");
    assert_eq!(outcome.summary.number("loss.tasks"), Some(1.0));
    balanced(&outcome);
}
