//! Frameworks that run their tasks inside holders: by hand, and all kinds under all architectures.

use super::*;
use crate::fault::{Effect, FaultSource, Faults, Listed, When};
use crate::launch::Launch;
use crate::model::{DecisionTime, Detection, HolderSource, Link, Model};
use windtunnel_scheduler::allocator::two_level::{Capabilities, FrameworkSpec, Membership};
use windtunnel_scheduler::config::{self, Architecture, Framework, Inner};
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::framework::KINDS;
use windtunnel_scheduler::id::{HolderId, TaskId};
use windtunnel_traces::synthetic::Constant;

const ALL: [Architecture; 3] = [Architecture::Monolithic, Architecture::TwoLevel, Architecture::SharedState];

/// Holders of so many millicores, as a kind that wants them has them.
fn holders(kind: &str, cpu: u32, most: u32, idle_s: Option<u64>) -> config::Holders {
    let idle = idle_s.map(Span::from_seconds);
    config::Holders { kind: kind.to_owned(), room: Resources::new(cpu, 0), most, idle }
}

/// A framework with holders, beside one without whose jobs are `others`.
fn held(
    architecture: Architecture,
    fleet: Fleet,
    holders: &config::Holders,
    jobs: Vec<Job>,
    others: Vec<Job>,
) -> Experiment {
    let own = Config { architecture, placement: Choice::named("first-fit"), ..Config::default() };
    let mut whole = experiment(fleet, jobs);
    whole.workloads.push(workload(others));
    whole.workloads.push(workload(vec![]));
    whole.scheduler = own.clone();
    if architecture != Architecture::Monolithic {
        for (party, role, workload) in [(PartyId(1), "a", 2), (PartyId(2), "b", 1)] {
            whole.workloads[workload].party = party;
            let (roles, capabilities) = (vec![Membership::of(role)], Capabilities::default());
            let spec = FrameworkSpec { party, roles, capabilities };
            whole.scheduler.frameworks.push(Framework { name: role.to_owned(), spec, config: own.clone() });
        }
    }
    whole.workloads[0].party = PartyId(1 + whole.scheduler.frameworks.len() as u16);
    let inside = Config { architecture: Architecture::Monolithic, holders: Some(Box::new(holders.clone())), ..own };
    let inside = Config { placement: Choice::named("best-fit"), ..inside };
    whole.scheduler.inner.push(Inner { name: "a".to_owned(), config: inside });
    whole.model.holders.push(HolderSource {
        framework: "a".to_owned(),
        name: "a/holders".to_owned(),
        role: String::new(),
        priority: 0,
        workload: 2,
        ask: Ask { request: holders.room, ..Ask::default() },
        room: holders.room,
    });
    whole
}

fn go(experiment: Experiment) -> (Outcome, Tape) {
    let (outcome, tape) = run(experiment);
    balanced(&outcome);
    (outcome, tape)
}

fn balanced(outcome: &Outcome) {
    let number = |name: &str| outcome.summary.number(name).unwrap_or(0.0);
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0));
    let states = ["finished", "failed", "killed", "evicted", "lost", "rejected", "pending_at_end", "running_at_end"];
    let sum: f64 = states.iter().map(|state| number(&format!("tasks.{state}"))).sum();
    assert_eq!(number("tasks.submitted"), sum);
}

/// Name, start and end in seconds of every attempt.
fn spans(tape: &Tape) -> Vec<(&str, Option<f64>, Option<f64>)> {
    let in_seconds = |time: Option<Time>| time.map(Time::as_seconds);
    let mut spans: Vec<_> =
        tape.rows.iter().map(|row| (row.task.as_str(), in_seconds(row.start), in_seconds(row.end))).collect();
    spans.sort_by(|one, other| one.0.cmp(other.0).then(one.1.partial_cmp(&other.1).expect("numbers")));
    spans
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("no number {name}"))
}

#[test]
fn executors_are_kept_until_the_application_is_over() {
    // Two executors of one cpu, five tasks of 10 s on one cpu each: three rounds, in the last of which one idles.
    let fleet = fleet(&[(4_000, 0)]);
    let jobs = vec![job(0, 0, group(5, 1_000, 10))];
    let (outcome, tape) = go(held(Architecture::Monolithic, fleet, &holders("coarse", 1_000, 2, None), jobs, vec![]));
    let expected = [
        ("0/0", Some(0.0), Some(10.0)),
        ("0/1", Some(0.0), Some(10.0)),
        ("0/2", Some(10.0), Some(20.0)),
        ("0/3", Some(10.0), Some(20.0)),
        ("0/4", Some(20.0), Some(30.0)),
        ("a/holders-0/0", Some(0.0), Some(30.0)),
        ("a/holders-0/1", Some(0.0), Some(30.0)),
    ];
    assert_eq!(spans(&tape), expected);
    assert!(tape.rows.iter().all(|row| row.state == State::Finished && row.node.as_deref() == Some("n0")));
    let within = |task: &str| tape.rows.iter().find(|row| row.task == task).and_then(|row| row.holder.as_deref());
    let [first, second] = ["a/holders-0/0", "a/holders-0/1"].map(Some);
    assert_eq!(["0/0", "0/1", "0/2", "0/3", "0/4"].map(within), [first, second, first, second, first]);
    assert_eq!([first, second].map(|one| within(one.expect("it is named"))), [None, None], "they run on the node");
    // 120 core-seconds: 60 held by executors, of which 50 were used; what tasks hold inside is counted once.
    let of = |name: &str| number(&outcome, name);
    assert_eq!((of("conservation.cpu.busy"), of("conservation.cpu.idle")), (60.0, 60.0));
    assert_eq!((of("holders.a.held_core_s"), of("holders.a.used_core_s")), (60.0, 50.0));
    assert_eq!((of("holders.a.asked"), of("holders.a.max")), (2.0, 2.0));
}

#[test]
fn an_executor_holds_several_tasks() {
    // Two executors of two cpus have four places: five tasks take two rounds.
    let fleet = fleet(&[(2_000, 0), (2_000, 0)]);
    let jobs = vec![job(0, 0, group(5, 1_000, 10))];
    let (outcome, tape) = go(held(Architecture::Monolithic, fleet, &holders("coarse", 2_000, 2, None), jobs, vec![]));
    assert_eq!(outcome.end, seconds(20));
    assert_eq!(spans(&tape)[4], ("0/4", Some(10.0), Some(20.0)));
}

#[test]
fn dynamic_allocation_doubles_and_gives_back_what_idles() {
    // Executors of one cpu. A second of backlog: one more; a second later: two more. The tasks take 5, 5 and 20 s.
    let mut three = group(3, 1_000, 0);
    three.truth.run = Run::Each([5, 5, 20].map(Span::from_seconds).into());
    let fleet = fleet(&[(8_000, 0)]);
    let coarse = holders("coarse", 1_000, 8, Some(2));
    let (_, tape) = go(held(Architecture::Monolithic, fleet, &coarse, vec![job(0, 0, three)], vec![]));
    let expected = [
        ("0/0", Some(1.0), Some(6.0)),
        ("0/1", Some(2.0), Some(7.0)),
        ("0/2", Some(2.0), Some(22.0)),
        ("a/holders-0/0", Some(1.0), Some(8.0)),
        ("a/holders-1/0", Some(2.0), Some(9.0)),
        ("a/holders-1/1", Some(2.0), Some(22.0)),
    ];
    assert_eq!(spans(&tape), expected);
    // Eight tasks: one, two, four and the last one more, a second apart.
    let jobs = vec![job(0, 0, group(8, 1_000, 60))];
    let fleet = super::fleet(&[(8_000, 0)]);
    let (_, tape) = go(held(Architecture::Monolithic, fleet, &coarse, jobs, vec![]));
    let asked = tape.decisions.iter().filter_map(|(at, _, decision)| match *decision {
        Decision::Hold { first, count } => Some((at.0 / SECOND, first, count)),
        _ => None,
    });
    let expected = [(1, HolderId(0), 1), (2, HolderId(1), 2), (3, HolderId(3), 4), (4, HolderId(7), 1)];
    assert_eq!(asked.collect::<Vec<_>>(), expected);
}

#[test]
fn trackers_are_launched_on_demand_and_given_back() {
    // Trackers of two cpus. Two tasks fill one; the next job comes before it was idle for 10 s, the last one after.
    let jobs = vec![job(0, 0, group(2, 1_000, 5)), job(1, 10, group(1, 1_000, 5)), job(2, 40, group(3, 1_000, 5))];
    let fleet = fleet(&[(8_000, 0)]);
    let (_, tape) = go(held(Architecture::Monolithic, fleet, &holders("slots", 2_000, 10, Some(10)), jobs, vec![]));
    let expected = [
        ("0/0", Some(0.0), Some(5.0)),
        ("0/1", Some(0.0), Some(5.0)),
        ("1/0", Some(10.0), Some(15.0)),
        ("2/0", Some(40.0), Some(45.0)),
        ("2/1", Some(40.0), Some(45.0)),
        ("2/2", Some(40.0), Some(45.0)),
        ("a/holders-0/0", Some(0.0), Some(25.0)),
        ("a/holders-1/0", Some(40.0), Some(55.0)),
        ("a/holders-1/1", Some(40.0), Some(55.0)),
    ];
    assert_eq!(spans(&tape), expected);
}

#[test]
fn trackers_beyond_the_most_are_not_asked_for() {
    let jobs = vec![job(0, 0, group(9, 1_000, 5))];
    let fleet = fleet(&[(8_000, 0)]);
    let (outcome, _) = go(held(Architecture::Monolithic, fleet, &holders("slots", 1_000, 3, Some(10)), jobs, vec![]));
    assert_eq!((number(&outcome, "holders.a.max"), outcome.end), (3.0, seconds(25)));
}

#[test]
fn workers_stay_and_pack_pods_by_the_policy_inside() {
    // Two workers of four cpus: pods of 3 and 2 cpus lie apart, and best fit puts the one of 1 cpu beside the first.
    let pods = vec![job(0, 1, group(1, 3_000, 10)), job(1, 2, group(1, 2_000, 10)), job(2, 3, group(1, 1_000, 10))];
    let fleet = fleet(&[(4_000, 0), (4_000, 0), (4_000, 0)]);
    let (outcome, tape) = go(held(Architecture::Monolithic, fleet, &holders("nested", 4_000, 2, None), pods, vec![]));
    let places = tape.decisions.iter().filter_map(|(_, _, decision)| match *decision {
        Decision::PlaceWithin { holder, .. } => Some(holder.0),
        _ => None,
    });
    assert_eq!(places.collect::<Vec<_>>(), [0, 1, 0]);
    let workers: Vec<_> = tape.rows.iter().filter(|row| row.task.starts_with('a')).collect();
    assert!(workers.iter().all(|row| row.state == State::Running && row.start == Some(Time::ZERO)));
    // From 0 to 13 s eight of twelve cpus are held, whatever the pods make of them.
    assert_eq!((workers.len(), number(&outcome, "conservation.cpu.busy")), (2, 8.0 * 13.0));
}

fn outage(experiment: &mut Experiment, effect: Effect, node: u32, begin: u64, end: u64) {
    let listed = Listed { nodes: [node].into(), begin: seconds(begin), end: seconds(end) };
    let source = FaultSource { name: "a".to_owned(), effect, when: When::Listed(vec![listed]) };
    experiment.model.faults = Faults { sources: vec![source], upkeep: vec![] };
}

#[test]
fn the_loss_of_a_node_loses_the_executor_and_what_is_in_it() {
    // An executor of two cpus on each of two nodes; the second node dies at 5 s and is back at 8 s.
    for architecture in ALL {
        let fleet = fleet(&[(2_000, 0), (2_000, 0)]);
        let jobs = vec![job(0, 0, group(4, 1_000, 10))];
        let mut experiment = held(architecture, fleet, &holders("coarse", 2_000, 2, None), jobs, vec![]);
        outage(&mut experiment, Effect::Outage, 1, 5, 8);
        let (outcome, tape) = go(experiment);
        let lost: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Lost).collect();
        assert_eq!(lost.len(), 3, "{architecture:?}");
        assert!(lost.iter().all(|row| row.end == Some(seconds(5)) && row.node.as_deref() == Some("n1")));
        assert_eq!(number(&outcome, "tasks.finished"), 6.0, "{architecture:?}");
        // The two tasks inside did 5 s for nothing, which the executor held: lost, and no longer busy.
        assert_eq!(number(&outcome, "conservation.cpu.lost"), 10.0, "{architecture:?}");
        if architecture == Architecture::Monolithic {
            let end = 18.0;
            assert_eq!(outcome.end.as_seconds(), end);
            let held = 2.0 * end + 2.0 * (5.0 + end - 8.0);
            assert_eq!(number(&outcome, "conservation.cpu.busy"), held - 10.0);
            assert_eq!(number(&outcome, "conservation.cpu.down"), 2.0 * 3.0);
        }
    }
}

#[test]
fn an_executor_that_nobody_can_reach_is_given_up_with_what_is_in_it() {
    // The second node is cut off from 5 s to 60 s and declared lost meanwhile; nothing died on it.
    for architecture in ALL {
        let fleet = fleet(&[(2_000, 0), (2_000, 0)]);
        let jobs = vec![job(0, 0, group(4, 1_000, 20))];
        let mut experiment = held(architecture, fleet, &holders("coarse", 2_000, 2, None), jobs, vec![]);
        outage(&mut experiment, Effect::Partition, 1, 5, 60);
        let (ping, misses) = (Span::from_seconds(2), 3);
        experiment.model.detection = Some(Detection { ping, misses, ..Detection::default() });
        let (outcome, tape) = go(experiment);
        let lost = tape.rows.iter().filter(|row| row.state == State::Lost);
        assert_eq!(lost.count(), 3, "{architecture:?}: two tasks and their executor");
        let finished = tape.rows.iter().filter(|row| row.task.starts_with('0') && row.state == State::Finished);
        assert_eq!(finished.count(), 4, "{architecture:?}");
        assert_eq!(number(&outcome, "tasks.running_at_end") + number(&outcome, "tasks.pending_at_end"), 0.0);
    }
}

#[test]
fn a_greedy_application_takes_the_cluster_unless_it_has_a_ceiling() {
    // Ten cpus. Executors are kept for an application of one long task; the other framework has 4 tasks of one cpu.
    for architecture in ALL {
        for (most, waits) in [(10, true), (6, false)] {
            let fleet = fleet(&[(10_000, 0)]);
            let jobs = vec![job(0, 0, group(1, 1_000, 100))];
            let others = vec![job(1, 10, group(4, 1_000, 5))];
            let (outcome, tape) = go(held(architecture, fleet, &holders("coarse", 1_000, most, None), jobs, others));
            let starts = (0..4).filter_map(|at| tape.start_of(&format!("1/{at}")));
            let last = starts.max().expect("they run in the end");
            assert_eq!(last >= 100 * SECOND, waits, "{architecture:?}, most {most}: {last}");
            assert_eq!(number(&outcome, "holders.a.max"), f64::from(most));
        }
    }
}

#[test]
fn executors_that_find_no_place_are_withdrawn_with_their_application() {
    // Eight are wanted, four fit; the other framework's gang wants all that there is when the application is over.
    for architecture in ALL {
        let fleet = fleet(&[(4_000, 0)]);
        let jobs = vec![job(0, 0, group(4, 1_000, 10))];
        let others = vec![job(1, 5, gang(4, 1_000, 5))];
        let (outcome, tape) = go(held(architecture, fleet, &holders("coarse", 1_000, 8, None), jobs, others));
        let withdrawn: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Killed).collect();
        assert!(withdrawn.len() == 4 && withdrawn.iter().all(|row| row.start.is_none()), "{architecture:?}");
        let gang = tape.start_of("1/0").expect("it runs");
        assert!((10 * SECOND..13 * SECOND).contains(&gang), "{architecture:?}: {gang}");
        assert_eq!(number(&outcome, "tasks.finished"), 4.0 + 4.0 + 4.0, "{architecture:?}");
    }
}

#[test]
fn a_gang_lies_over_several_holders_and_falls_with_any() {
    let fleet = fleet(&[(2_000, 0), (2_000, 0)]);
    let jobs = vec![job(0, 0, gang(4, 1_000, 10))];
    let mut experiment = held(Architecture::Monolithic, fleet, &holders("coarse", 2_000, 2, None), jobs, vec![]);
    outage(&mut experiment, Effect::Outage, 1, 5, 8);
    let (outcome, tape) = go(experiment);
    let gang: Vec<_> = tape.rows.iter().filter(|row| row.task == "0/0").collect();
    let told: Vec<_> = gang.iter().map(|row| (row.state, row.start, row.end, row.lost)).collect();
    let expected = [
        (State::Lost, Some(seconds(0)), Some(seconds(5)), Span::from_seconds(5)),
        (State::Finished, Some(seconds(8)), Some(seconds(18)), Span::ZERO),
    ];
    assert_eq!(told, expected);
    assert_eq!(number(&outcome, "conservation.cpu.lost"), 20.0);
}

#[test]
fn holders_may_be_pushed_out_and_their_tasks_wait_again() {
    // The holders have priority 0; a task of priority 5 comes for the whole node and stays for 5 s.
    let fleet = fleet(&[(2_000, 0)]);
    let mut urgent = job(1, 4, group(1, 2_000, 5));
    urgent.priority = 5;
    let jobs = vec![job(0, 0, group(2, 1_000, 10))];
    let mut experiment =
        held(Architecture::Monolithic, fleet, &holders("slots", 2_000, 1, Some(60)), jobs, vec![urgent]);
    experiment.scheduler.preemption = Choice::named("priority");
    let (outcome, tape) = go(experiment);
    assert_eq!(tape.start_of("1/0"), Some(4 * SECOND));
    let evicted: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Evicted).collect();
    assert!(evicted.len() == 3 && evicted.iter().all(|row| row.end == Some(seconds(4))), "{evicted:?}");
    assert_eq!(number(&outcome, "tasks.finished"), 4.0);
    let again = tape.rows.iter().filter(|row| row.attempt == 1 && row.task.starts_with('0'));
    assert!(again.clone().count() == 2 && again.clone().all(|row| row.start == Some(seconds(9))));
}

#[test]
fn contradictions_about_holders_are_said() {
    let place =
        |task, holder| Decision::PlaceWithin { task: TaskId(task), holder: HolderId(holder), count: 1, more: false };
    let hold = |first, count| Decision::Hold { first: HolderId(first), count };
    for (wrong, party, reason) in [
        (hold(3, 1), 1, "1 holders are asked for from 3 on, not from 0"),
        (hold(0, 1), 0, "party 0 asks for holders, but has no holders"),
        (place(0, 7), 1, "task 0 is placed in holder 7, which is not there"),
        (place(0, 7), 0, "party 0 places tasks in holders, but has no holders"),
    ] {
        let jobs = vec![job(0, 1, group(1, 1_000, 5))];
        let fleet = fleet(&[(2_000, 0)]);
        let experiment = held(Architecture::Monolithic, fleet, &holders("nested", 1_000, 1, None), jobs, vec![]);
        let mut canary = Canary(|at: PartyId, _, events: &[Event], out: &mut Vec<Decision>| {
            if at == PartyId(1) && events.iter().any(|event| matches!(event, Event::JobSubmitted(_))) && party == 1
                || at.0 == 0 && party == 0 && !events.is_empty()
            {
                out.push(wrong);
            }
        });
        match run_with(experiment, &mut canary) {
            Err(SimError::Invalid { reason: said, .. }) => assert!(said.starts_with(reason), "{said}"),
            other => panic!("{reason}: {:?}", other.err()),
        }
    }
}

/// A framework with holders of a drawn kind beside one without, on machines that break; all is over at some time.
fn drawn(seed: u64, architecture: Architecture) -> Experiment {
    let mut at = 0;
    let mut dice = |bound: u64| {
        at += 1;
        below(bound, seed, u64::from_be_bytes(*b"holderss"), 0, at)
    };
    let nodes: Vec<(u32, u32)> = (0..2 + dice(4)).map(|_| (2_000 + 1_000 * dice(4) as u32, 0)).collect();
    let kind = KINDS[dice(KINDS.len() as u64) as usize].name;
    let idle = (kind == "slots" || kind == "coarse" && dice(2) == 0).then(|| 1 + dice(20));
    // Workers stay for ever: one node is left to the other framework.
    let most = if kind == "nested" { dice(nodes.len() as u64 - 1) } else { dice(4) };
    let holders = holders(kind, 1_000 + 1_000 * dice(2) as u32, 1 + most as u32, idle);
    let mut jobs = |name: u64, widest: u64| -> Vec<Job> {
        let mut submit = 0;
        let one = |at: u64, dice: &mut dyn FnMut(u64) -> u64| {
            submit += dice(20);
            let (count, cpu, run) = (1 + dice(6) as u32, 250 * (1 + dice(widest)) as u32, 1 + dice(30));
            let group = if dice(8) == 0 { gang(1 + count % 2, 500, run) } else { group(count, cpu, run) };
            job(name + at, submit, group)
        };
        let mut one = one;
        (0..12).map(|at| one(at, &mut dice)).collect()
    };
    let (inside, mut others) = (jobs(0, 4), jobs(100, 8));
    let mut experiment = held(architecture, fleet(&nodes), &holders, inside, others.clone());
    let effects = [Effect::Outage, Effect::Partition, Effect::Slow { permille: 300 }, Effect::Soft];
    let source = |at: usize, effect: Effect, dice: &mut dyn FnMut(u64) -> u64| {
        let strikes = (0..dice(4)).map(|_| {
            let begin = Time(dice(250 * SECOND));
            Listed { nodes: [dice(nodes.len() as u64) as u32].into(), begin, end: begin + Span(1 + dice(40 * SECOND)) }
        });
        FaultSource { name: format!("s{at}"), effect, when: When::Listed(strikes.collect()) }
    };
    let sources = effects.into_iter().enumerate().map(|(at, effect)| source(at, effect, &mut dice)).collect();
    let detection = Detection { ping: Span(1 + dice(5 * SECOND)), misses: 2, ..Detection::default() };
    experiment.model = Model {
        faults: Faults { sources, upkeep: vec![] },
        detection: (dice(2) == 0).then_some(detection),
        link: if dice(2) == 0 { Link { delay: Span(1 + dice(SECOND)), ..Link::default() } } else { Link::default() },
        ..experiment.model
    };
    if dice(2) == 0 {
        let (run, task) = (Span(dice(200_000)), Span(dice(1_000)));
        experiment.model.decision_time = DecisionTime::Modelled { run, job: task, task, node: Span(1) };
    }
    if dice(2) == 0 {
        experiment.link = Span(1 + dice(300_000));
    }
    if dice(3) == 0 {
        let start = Constant::new(Span(1 + dice(2 * SECOND))).ok().map(Into::into);
        experiment.model.launch = Some(Launch { start, fails: 0.05, ..Launch::default() });
    }
    if dice(3) == 0 {
        // The jobs of the other framework push holders out.
        let preemption = Choice::named("priority");
        experiment.scheduler.preemption = preemption.clone();
        for framework in &mut experiment.scheduler.frameworks {
            framework.config.preemption = preemption.clone();
        }
        others.iter_mut().for_each(|job| job.priority = 5);
        experiment.workloads[1] = Workload { party: experiment.workloads[1].party, ..workload(others) };
    }
    experiment
}

#[test]
fn everything_finishes_in_holders_of_every_kind_under_every_architecture() {
    for seed in 0..150 {
        for architecture in ALL {
            let what = format!("seed {seed}, {architecture:?}");
            let experiment = drawn(seed, architecture);
            let mut core = Core::new(&Registries::default());
            let (outcome, tape) = run_with(experiment, &mut core).unwrap_or_else(|error| panic!("{what}: {error}"));
            balanced(&outcome);
            let over = |row: &&Row| row.state == State::Finished && !row.task.starts_with('a');
            let finished: u32 = tape.rows.iter().filter(over).map(|row| row.count).sum();
            let open = tape.rows.iter().filter(|row| matches!(row.state, State::Pending | State::Running));
            let open: Vec<_> = open.filter(|row| !row.task.starts_with('a')).collect();
            assert!(finished > 0 && open.is_empty(), "{what}: {open:?}");
            let explained = tape.rows.iter().all(|row| row.wait.is_none_or(|wait| row.causes == wait));
            assert!(explained, "{what}: the causes of every wait add up to it");
        }
    }
}
