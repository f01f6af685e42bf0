//! What is true of every run: nothing is lost, the rows add up to the sums, the same inputs give the same bytes.

use proptest::prelude::*;
use windtunnel_outcome::conservation::{per_resource_second, resource_seconds};
use windtunnel_scheduler::config::{HeadOfLine, Instant, Unplaceable};
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::resources::DISK;

use super::*;

/// The lanes that these fleets name: cpu, memory, gpu and one of the scenario's own; not disk.
const NAMED: u8 = 0b0001_1011;
const LICENCE: usize = 4;

fn mixed_fleet(seed: u64, count: u32) -> Fleet {
    let node = |at: u32| {
        let draw = |index: u64, bound: u64| below(bound, seed, 1, u64::from(at), index) as u32;
        let mut node =
            machine(at, 4_000 * (1 + draw(0, 4)), 1_024 * (1 + draw(1, 8)), [0, 0, 2, 4][draw(2, 4) as usize]);
        node.capacity[LICENCE] = draw(3, 3);
        node
    };
    Fleet {
        nodes: (0..count).map(node).collect(),
        lanes: NAMED,
        extra_lanes: vec!["licence".to_owned()],
        ..Fleet::default()
    }
}

fn mixed_group(draw: &dyn Fn(u64, u64) -> u64) -> Group {
    let count = 1 + draw(0, 4) as u32;
    let mut group = group(count, 500 * (1 + draw(1, 12)) as u32, 0);
    group.ask.request[1] = 128 * draw(2, 20) as u32;
    group.ask.request[DISK] = 7;
    group.ask.request[LICENCE] = u32::from(draw(3, 8) == 0);
    if draw(4, 5) == 0 {
        group = with_gpu(group, 1, [300, 500, 1_000][draw(5, 3) as usize]);
    }
    group.ask.kind = if draw(6, 4) == 0 { JobKind::Gang } else { JobKind::Batch };
    group.truth.fails = draw(7, 6) == 0;
    group.truth.run = match (group.ask.kind, draw(8, 3)) {
        (_, 0) => Run::Same(Span(draw(9, 3) * SECOND)),
        (JobKind::Batch, 1) => Run::Each((0..u64::from(count)).map(|at| Span(draw(20 + at, 40 * SECOND))).collect()),
        _ => Run::Same(Span(draw(9, 30 * SECOND))),
    };
    // Never shorter than the truth, as in logs whose jobs are ended at their request.
    group.ask.estimate = Some(Span(40 * SECOND));
    group
}

fn mixed_jobs(seed: u64, count: u64) -> Vec<Job> {
    let mut submit = 0;
    let one = |at: u64| {
        let draw = |index: u64, bound: u64| below(bound, seed, 2, at, index);
        submit += draw(100, 3) * draw(101, 4 * SECOND);
        let groups = match draw(102, 6) {
            0 => Groups::Many(
                (0..3).map(|part| mixed_group(&|index, bound| below(bound, seed, 3 + part, at, index))).collect(),
            ),
            _ => Groups::One(mixed_group(&draw)),
        };
        Job { submit: Time(submit), priority: draw(103, 3) as i32, groups, ..job(at, 0, group(1, 1, 0)) }
    };
    (0..count).map(one).collect()
}

fn number(outcome: &Outcome, key: &str) -> f64 {
    outcome.summary.number(key).unwrap_or_else(|| panic!("`{key}` is a number"))
}

/// Everything that must hold after any run, with the sums taken once more from the rows.
fn check(outcome: &Outcome, tape: &Tape, capacities: &[Resources]) -> Result<(), TestCaseError> {
    for (lane, name) in &outcome.lanes {
        let sum = |part: &str| number(outcome, &format!("conservation.{name}.{part}"));
        prop_assert_eq!(sum("residual"), 0.0, "{}", name);
        let held = |row: &Row| {
            let until = row.end.unwrap_or(outcome.end);
            let held_us = row.place.map_or(0, |place| (until - place).0);
            u128::from(row.requested[*lane]) * u128::from(row.count) * u128::from(held_us)
        };
        let busy: u128 = tape.rows.iter().map(held).sum();
        prop_assert_eq!(sum("busy"), resource_seconds(*lane, busy), "{}", name);
        let of_nodes: u128 = outcome.nodes.iter().map(|node| node.allocated[*lane]).sum();
        prop_assert_eq!(of_nodes, busy, "{}", name);
        let room: u128 = capacities.iter().map(|row| u128::from(row[*lane])).sum();
        let capacity = (room * u128::from(outcome.end.0)) as f64 / per_resource_second(*lane);
        prop_assert_eq!(sum("capacity"), capacity, "{}", name);
    }
    let last = |row: &&Row| row.class != "background";
    for state in State::ALL {
        let key = match state {
            State::Pending => "pending_at_end",
            State::Running => "running_at_end",
            state => state.name(),
        };
        let rows = tape.rows.iter().filter(last).filter(|row| row.state == state);
        let tasks: u64 = rows.map(|row| u64::from(row.count)).sum();
        prop_assert_eq!(number(outcome, &format!("tasks.{key}")), tasks as f64, "{}", key);
    }
    let starts = tape.rows.iter().filter(last).filter(|row| row.place.is_some()).count();
    prop_assert_eq!(number(outcome, "attempts.placed"), starts as f64);
    for row in &tape.rows {
        if let Some(wait) = row.wait {
            prop_assert_eq!(row.causes, wait, "{:?}", row);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_the_rows_add_up(
        seed in any::<u64>(),
        nodes in 1_u32..12,
        jobs in 0_u64..120,
        choices in any::<(u8, bool, bool, u8)>(),
        warm_permille in prop_oneof![Just(0_u32), 1_u32..950],
        stop_s in prop_oneof![Just(None), (0_u64..120).prop_map(Some)],
    ) {
        let (policy, per_event, blocks, rejects) = choices;
        let build = || {
            let mut experiment = experiment(mixed_fleet(seed, nodes), mixed_jobs(seed, jobs));
            experiment.scheduler = Config {
                placement: Choice::named(PLACEMENTS[usize::from(policy) % PLACEMENTS.len()].name),
                instant: if per_event { Instant::PerEvent } else { Instant::Batched },
                head_of_line: if blocks { HeadOfLine::Block } else { HeadOfLine::Skip },
                unplaceable: if rejects % 4 == 0 { Unplaceable::Reject } else { Unplaceable::Wait },
                seed,
                ..Config::default()
            };
            if warm_permille > 0 {
                experiment.workloads[0].warm = warm(warm_permille, 750);
            }
            if let Some(at) = stop_s {
                experiment.stop = Stop::At(Time(at * SECOND + seed % SECOND));
            }
            experiment
        };
        let capacities: Vec<Resources> = mixed_fleet(seed, nodes).nodes.iter().map(|node| node.capacity).collect();
        let (outcome, tape) = run(build());
        check(&outcome, &tape, &capacities)?;
        if warm_permille == 0 {
            let tasks: u64 = mixed_jobs(seed, jobs)
                .iter()
                .filter(|job| stop_s.is_none_or(|at| job.submit.0 < at * SECOND + seed % SECOND))
                .flat_map(|job| job.groups.as_slice())
                .map(|group| u64::from(group.count))
                .sum();
            prop_assert_eq!(number(&outcome, "tasks.submitted"), tasks as f64);
        }
        // The same once more.
        let (again, same) = run(build());
        prop_assert_eq!(&outcome.summary, &again.summary);
        prop_assert_eq!(tape.rows, same.rows);
        prop_assert_eq!(tape.decisions, same.decisions);
        prop_assert_eq!(outcome.nodes, again.nodes);
    }
}

fn fingerprint(experiment: Experiment) -> String {
    format!("{:?}", run(experiment).0.summary.get("fingerprint"))
}

#[test]
fn the_fingerprint_is_that_of_the_decisions() {
    let build = || experiment(mixed_fleet(1, 6), mixed_jobs(1, 80));
    let print = fingerprint(build());
    assert_eq!(print, fingerprint(build()));
    let mut other = build();
    other.scheduler.placement = Choice::named("worst-fit");
    assert_ne!(print, fingerprint(other));
    let mut renamed = build();
    renamed.fleet.nodes[0].name = Name::Text("other".into());
    assert_ne!(print, fingerprint(renamed), "nodes are known by their names");
    let mut seed = build();
    seed.seed = 9;
    assert_eq!(print, fingerprint(seed), "nothing was drawn");
}

#[test]
fn a_node_may_hold_too_much_within_an_instant_where_events_come_one_by_one() {
    // At 10 s the second job is handed in before the end of the first is handled, whose request has run out.
    let mut jobs = vec![job(0, 0, group(1, 4_000, 10)), job(1, 10, group(1, 4_000, 5))];
    for job in &mut jobs {
        job.groups.as_mut_slice()[0].ask.estimate = Some(Span::from_seconds(10));
    }
    for instant in [Instant::PerEvent, Instant::Batched] {
        let mut experiment = experiment(fleet(&[(4_000, 64)]), jobs.clone());
        experiment.scheduler.instant = instant;
        let (outcome, tape) = run(experiment);
        assert_eq!(tape.start_of("1/0"), Some(10 * SECOND), "{instant:?}");
        check(&outcome, &tape, &[Resources::new(4_000, 64)]).expect("all of it is accounted for");
        assert_eq!(number(&outcome, "conservation.cpu.busy"), 60.0);
        assert_eq!(number(&outcome, "conservation.cpu.idle"), 0.0);
        assert_eq!(number(&outcome, "conservation.memory.idle"), 960.0);
    }
}

#[test]
fn a_run_that_is_stopped_accounts_for_what_still_runs() {
    let jobs = vec![job(0, 1, gang(3, 1_000, 100)), job(1, 2, group(1, 9_000, 1)), job(2, 50, group(1, 1, 1))];
    let mut experiment = experiment(fleet(&[(2_000, 8), (2_000, 8)]), jobs);
    experiment.stop = Stop::At(Time(4_500_000));
    let (outcome, tape) = run(experiment);
    assert_eq!(outcome.end, Time(4_500_000));
    assert_eq!(number(&outcome, "conservation.cpu.busy"), 10.5);
    assert_eq!(number(&outcome, "conservation.cpu.idle"), 7.5);
    let states: Vec<(&str, State)> = tape.rows.iter().map(|row| (row.task.as_str(), row.state)).collect();
    assert_eq!(states, [("0/0", State::Running), ("1/0", State::Pending)], "the third was never handed in");
    assert_eq!(number(&outcome, "tasks.submitted"), 4.0);
}

#[test]
fn neither_services_nor_wakes_keep_a_run_alive() {
    let mut service = job(0, 0, group(2, 1_000, 10));
    service.groups.as_mut_slice()[0].ask.kind = JobKind::Service;
    // The last one fits nowhere, ever.
    let jobs = vec![service, job(1, 0, group(1, 1_000, 25)), job(2, 5, group(1, 9_000, 1))];
    for (interval_s, end_s) in [(0, 25), (7, 28)] {
        let mut experiment = experiment(fleet(&[(4_000, 64)]), jobs.clone());
        experiment.scheduler.interval = Span::from_seconds(interval_s);
        let (outcome, _) = run(experiment);
        assert_eq!(outcome.end, seconds(end_s), "every {interval_s} s");
        assert_eq!(number(&outcome, "tasks.running_at_end"), 2.0);
        assert_eq!(number(&outcome, "tasks.pending_at_end"), 1.0);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    }
}

/// The books that a run is closed with, and where they can be wrong.
#[test]
fn a_mistake_in_any_account_shows_in_the_residual() {
    type Spoil = fn(&mut super::super::World);
    let spoils: [(&str, Spoil, f64); 6] = [
        ("nothing", |_| {}, 0.0),
        ("too much is busy", |world| world.conservation.busy[0] += 1_000, -1e-6),
        ("too little is busy", |world| world.conservation.busy[0] -= 1_000, 1e-6),
        ("too much is idle", |world| world.conservation.idle[0] += 2_000_000_000, -2.0),
        ("some is lost twice", |world| world.conservation.lost[0] += 1_000_000_000, -1.0),
        ("a node is down while it works", |world| world.conservation.down[0] += 1_000_000_000, -1.0),
    ];
    for (what, spoil, residual) in spoils {
        let experiment = experiment(fleet(&[(2_000, 8)]), vec![job(0, 0, group(2, 1_000, 3))]);
        let (mut world, config) = super::super::World::new(experiment).expect("a world");
        let (mut core, mut tape) = (Core::new(&Registries::default()), Tape::default());
        let mut think = |world: &mut super::super::World| {
            while let Some(party) = world.next_ready() {
                let inbox = world.take_inbox(party);
                let mut decisions = vec![];
                core.step(party, world.now, &inbox, &mut decisions)?;
                decisions.iter().try_for_each(|decision| world.apply(party, decision))?;
            }
            Ok(())
        };
        world.begin(&config, &mut think).expect("it begins");
        while world.advance().is_some() {
            while world.gather().expect("it goes on") {
                think(&mut world).expect("our core contradicts nothing");
            }
            world.complete(&mut tape).expect("the audit holds");
        }
        spoil(&mut world);
        let outcome = world.close(&mut tape).expect("it ends");
        assert_eq!(number(&outcome, "conservation.cpu.residual"), residual, "{what}");
        assert_eq!(number(&outcome, "conservation.memory.residual"), 0.0, "{what}");
    }
}

#[test]
fn work_that_ran_before_is_told_to_whoever_hands_out_its_room() {
    let mut experiment = experiment(fleet(&[(4_000, 64)]), vec![]);
    experiment.parties = 2;
    experiment.workloads[0].party = PartyId(1);
    experiment.workloads[0].warm = warm(500, 1_000);
    let (_, tape) = run_with(experiment, &mut Canary(|_, _, _: &[Event], _: &mut Vec<Decision>| {})).expect("quiet");
    for party in [PartyId(0), PartyId(1)] {
        let is_adopted = |event: &&(Time, PartyId, Event)| {
            event.1 == party && matches!(event.2, Event::TaskAdopted { .. } | Event::RoomTaken(_))
        };
        assert_eq!(tape.events.iter().filter(is_adopted).count(), 2, "{party:?}");
        let is_end = |event: &&(Time, PartyId, Event)| event.1 == party && matches!(event.2, Event::TaskEnded { .. });
        assert_eq!(tape.events.iter().filter(is_end).count(), 2, "{party:?}");
    }
}
