//! Services that are replaced by their next version: by hand.

use windtunnel_scheduler::config::Architecture;
use windtunnel_scheduler::rules::Resident;

use super::courses::split;
use super::*;
use crate::experiment::{ServiceRules, Upgrades};
use crate::fault::{Effect, FaultSource, Listed, When};

const ALL: [Architecture; 3] = [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel];
const READY: u64 = 10;

/// Four replicas on nodes of one core each, upgraded at these instants; a new one is healthy after 10 s.
fn upgraded(nodes: usize, at: &[u64], shares: (u32, u32)) -> Experiment {
    let mut replicas = group(4, 1_000, 0);
    (replicas.ask.kind, replicas.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    let mut setup = experiment(fleet(&vec![(1_000, 0); nodes]), vec![job(7, 0, replicas)]);
    let upgrades = Upgrades {
        at: at.iter().map(|&at| seconds(at)).collect(),
        health_milli: shares.0,
        over_milli: shares.1,
        ready_after: Span::from_seconds(READY),
    };
    setup.workloads[0].rules.service = Some(ServiceRules { upgrades: Some(upgrades), ..ServiceRules::default() });
    setup.stop = Stop::At(seconds(1_000));
    setup
}

/// The nodes fall out as listed: which, from when, until when.
fn failing(mut setup: Experiment, effect: Effect, outages: &[(u32, u64, u64)]) -> Experiment {
    for &(node, begin, end) in outages {
        let listed = Listed { nodes: [node].as_slice().into(), begin: seconds(begin), end: seconds(end) };
        let name = format!("outage-{node}-{begin}");
        setup.model.faults.sources.push(FaultSource {
            name,
            effect,
            when: When::Listed([listed].into_iter().collect()),
        });
    }
    setup
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("no number {name}"))
}

type Begin<'a> = (u64, &'a str);
type End<'a> = (u64, &'a str, State);

/// What happened to replicas from the first upgrade on, in seconds: begun at, which; and ended at, which, how.
fn story(tape: &Tape) -> (Vec<Begin<'_>>, Vec<End<'_>>) {
    let whole = |time: Time| time.0 / SECOND;
    let begun = |row: &&Row| row.start.is_some_and(|start| whole(start) >= 100);
    let rows = tape.rows.iter().filter(begun);
    let mut begins: Vec<_> = rows.map(|row| (row.start.map(whole).unwrap_or_default(), row.task.as_str())).collect();
    let mut ends: Vec<_> =
        tape.rows.iter().filter_map(|row| Some((whole(row.end?), row.task.as_str(), row.state))).collect();
    begins.sort_unstable();
    ends.sort_unstable();
    (begins, ends)
}

/// The fewest healthy replicas at any time, and the most that ever had room.
fn extremes(tape: &Tape) -> (usize, usize) {
    let end = |row: &Row| row.end.unwrap_or(Time::NEVER);
    let healthy_from = |row: &Row| match row.start {
        Some(start) if start >= seconds(100) => start + Span::from_seconds(READY),
        Some(start) => start + Span::from_seconds(90),
        None => Time::NEVER,
    };
    let times = tape.rows.iter().flat_map(|row| [row.place, row.end, Some(healthy_from(row))]).flatten();
    let times: Vec<Time> = times.filter(|&at| at >= seconds(100) && at != Time::NEVER).collect();
    let healthy = |at: Time| tape.rows.iter().filter(|row| healthy_from(row) <= at && at < end(row)).count();
    let placed = |row: &Row, at: Time| row.place.is_some_and(|place| place <= at && at < end(row));
    let held = |at: Time| tape.rows.iter().filter(|row| placed(row, at)).count();
    (times.iter().map(|&at| healthy(at)).min().unwrap_or(0), times.iter().map(|&at| held(at)).max().unwrap_or(0))
}

fn told(mut setup: Experiment, architecture: Architecture) -> (Outcome, Tape) {
    split(&mut setup, architecture);
    let (outcome, tape) = run(setup);
    assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    (outcome, tape)
}

/// Began, finished, and how long they took on average.
fn numbers(outcome: &Outcome) -> (f64, f64, f64) {
    let of = |name: &str| number(outcome, &format!("services.upgrades.{name}"));
    (of("begun"), of("finished"), of("took_s.mean"))
}

use State::{Evicted, Killed, Lost};

#[test]
fn where_nothing_could_move_one_more_runs_for_a_while() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        let (outcome, tape) = told(upgraded(6, &[100], (1_000, 0)), architecture);
        assert_eq!(numbers(&outcome), (1.0, 1.0, 40.0), "{architecture:?}");
        let (starts, ends) = story(&tape);
        assert_eq!(starts, [(100, "7+v2/0"), (110, "7/0"), (120, "7/1"), (130, "7/2")]);
        assert_eq!(ends, [(110, "7/0", Evicted), (120, "7/1", Evicted), (130, "7/2", Evicted), (140, "7/3", Killed)]);
        assert_eq!((extremes(&tape), number(&outcome, "tasks.running_at_end")), ((4, 5), 4.0));
    }
}

#[test]
fn half_of_it_is_killed_at_once_where_half_is_enough() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        let (outcome, tape) = told(upgraded(4, &[100], (500, 0)), architecture);
        assert_eq!(numbers(&outcome), (1.0, 1.0, 20.0), "{architecture:?}");
        let (starts, ends) = story(&tape);
        assert_eq!(starts, [(100, "7/0"), (100, "7/1"), (110, "7/2"), (110, "7/3")]);
        assert_eq!(ends, [(100, "7/0", Evicted), (100, "7/1", Evicted), (110, "7/2", Evicted), (110, "7/3", Evicted)]);
        assert_eq!(extremes(&tape), (2, 4));
    }
}

#[test]
fn as_many_again_start_first_if_they_may_and_wait_for_room_if_there_is_none() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        let (outcome, tape) = told(upgraded(8, &[100], (1_000, 1_000)), architecture);
        assert_eq!(numbers(&outcome), (1.0, 1.0, 10.0), "{architecture:?}");
        let (starts, ends) = story(&tape);
        assert_eq!(starts, [(100, "7+v2/0"), (100, "7+v2/1"), (100, "7+v2/2"), (100, "7+v2/3")]);
        assert_eq!(ends, [(110, "7/0", Killed), (110, "7/1", Killed), (110, "7/2", Killed), (110, "7/3", Killed)]);
        assert_eq!(extremes(&tape), (4, 8));
        let (outcome, tape) = told(upgraded(6, &[100], (1_000, 1_000)), architecture);
        assert_eq!(numbers(&outcome), (1.0, 1.0, 20.0), "{architecture:?}");
        let (starts, _) = story(&tape);
        assert_eq!(starts, [(100, "7+v2/0"), (100, "7+v2/1"), (110, "7+v2/2"), (110, "7+v2/3")]);
        assert_eq!(extremes(&tape), (4, 6));
    }
}

#[test]
fn nothing_is_kept_where_nothing_has_to_stay() {
    let (outcome, tape) = told(upgraded(4, &[100], (0, 0)), Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (1.0, 1.0, 10.0));
    assert_eq!((extremes(&tape), story(&tape).1.len()), ((0, 4), 4));
}

#[test]
fn resident_replicas_start_again_on_their_nodes_one_by_one() {
    for architecture in ALL {
        let mut setup = upgraded(6, &[100], (1_000, 0));
        if let Some(rules) = &mut setup.workloads[0].rules.service {
            rules.resident = Some(Resident::default());
        }
        let (outcome, tape) = told(setup, architecture);
        let (begun, finished, took) = numbers(&outcome);
        assert_eq!((begun, finished), (1.0, 1.0), "{architecture:?}");
        assert!((40.0..=80.0).contains(&took) && (took == 40.0 || architecture == Architecture::TwoLevel), "{took}");
        let nodes = |task: &str| -> Vec<_> {
            tape.rows.iter().filter(|row| row.task == task).filter_map(|row| row.node.clone()).collect()
        };
        for task in ["7/0", "7/1", "7/2", "7/3"] {
            assert!(matches!(&nodes(task)[..], [one, other] if one == other), "{architecture:?}: {:?}", nodes(task));
        }
        assert_eq!((extremes(&tape), tape.rows.len()), ((3, 4), 8));
    }
}

#[test]
fn a_node_that_is_lost_meanwhile_costs_time_but_nobody_else() {
    // The fourth replica lies on n3, the one that is handed in on n4; n5 is free.
    let lost = |node| failing(upgraded(6, &[100], (1_000, 0)), Effect::Outage, &[(node, 115, 5_000)]);
    let (outcome, tape) = told(lost(3), Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (1.0, 1.0, 35.0));
    let (starts, ends) = story(&tape);
    assert_eq!(starts, [(100, "7+v2/0"), (110, "7/0"), (115, "7/3"), (125, "7/1")], "an old one starts again as new");
    assert_eq!(ends, [(110, "7/0", Evicted), (115, "7/3", Lost), (125, "7/1", Evicted), (135, "7/2", Killed)]);
    let (outcome, tape) = told(lost(4), Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (1.0, 1.0, 45.0));
    let (starts, _) = story(&tape);
    assert_eq!(starts, [(100, "7+v2/0"), (110, "7/0"), (115, "7+v2/0"), (125, "7/1"), (135, "7/2")]);
    assert_eq!(number(&outcome, "tasks.running_at_end"), 4.0);
}

#[test]
fn an_old_one_that_is_lost_is_given_up_where_there_are_enough_new_ones() {
    let setup = failing(upgraded(8, &[100], (1_000, 1_000)), Effect::Outage, &[(0, 105, 5_000)]);
    for architecture in ALL {
        let (outcome, tape) =
            told(failing(upgraded(9, &[100], (1_000, 1_000)), Effect::Outage, &[(0, 109, 5_000)]), architecture);
        let (begun, finished, _) = numbers(&outcome);
        assert_eq!((begun, finished, number(&outcome, "tasks.running_at_end")), (1.0, 1.0, 4.0), "{architecture:?}");
        assert!(extremes(&tape).1 <= 8);
    }
    let (outcome, tape) = told(setup, Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (1.0, 1.0, 10.0));
    let rejected: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Rejected).map(|row| &row.task).collect();
    assert_eq!(rejected, ["7/0"]);
}

#[test]
fn a_second_upgrade_supersedes_the_first() {
    let (outcome, tape) = told(upgraded(6, &[100, 115], (1_000, 0)), Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (2.0, 1.0, 40.0));
    let (starts, ends) = story(&tape);
    let again = [(115, "7/0"), (125, "7+v2/0"), (135, "7/1"), (145, "7/2")];
    assert_eq!(starts, [[(100, "7+v2/0"), (110, "7/0")].as_slice(), &again].concat(), "the youngest goes first");
    assert_eq!(ends.last(), Some(&(155, "7/3", Killed)));
    assert_eq!((extremes(&tape).1, number(&outcome, "tasks.running_at_end")), (5, 4.0));
    // One after the other: the second finds the service as large as it was.
    let (outcome, tape) = told(upgraded(6, &[100, 200], (1_000, 0)), Architecture::Monolithic);
    assert_eq!(numbers(&outcome), (2.0, 2.0, 40.0));
    assert_eq!((extremes(&tape), number(&outcome, "tasks.running_at_end")), ((4, 5), 4.0));
}

#[test]
fn an_upgrade_to_come_keeps_a_run_alive() {
    let mut setup = upgraded(6, &[100], (1_000, 0));
    setup.stop = Stop::Drained;
    for architecture in ALL {
        let mut setup = upgraded(6, &[100], (1_000, 0));
        setup.stop = Stop::Drained;
        let (outcome, _) = told(setup, architecture);
        assert_eq!(number(&outcome, "services.upgrades.finished"), 1.0, "{architecture:?}");
    }
    let (outcome, _) = told(setup, Architecture::Monolithic);
    assert_eq!(outcome.end, seconds(140));
}

#[test]
fn whatever_fails_an_upgrade_comes_to_its_end_and_never_runs_too_many() {
    let outages = [(0, 103, 130), (4, 112, 140), (1, 104, 111), (3, 118, 125), (2, 90, 101)];
    for architecture in ALL {
        for effect in [Effect::Outage, Effect::Partition] {
            for (at, shares) in [(1_000, 0), (500, 0), (1_000, 1_000), (750, 250), (0, 1_000)].into_iter().enumerate() {
                for upgrades in [[100].as_slice(), &[100, 108], &[100, 112, 113]] {
                    let some = &outages[at % 3..];
                    let what = format!("{architecture:?} {effect:?} {shares:?} {upgrades:?}");
                    let (outcome, tape) = told(failing(upgraded(9, upgrades, shares), effect, some), architecture);
                    assert_eq!(number(&outcome, "services.upgrades.begun"), upgrades.len() as f64, "{what}");
                    assert!(number(&outcome, "services.upgrades.finished") >= 1.0, "{what}");
                    assert_eq!(number(&outcome, "tasks.running_at_end"), 4.0, "{what}");
                    // What is out of reach may run on besides what the scheduler counts.
                    if effect == Effect::Outage {
                        assert!(extremes(&tape).1 <= if shares.1 == 1_000 { 8 } else { 5 }, "{what}");
                    }
                }
            }
        }
    }
}
