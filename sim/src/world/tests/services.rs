//! Services that fail, shrink and lose their nodes for a while: by hand.

use windtunnel_scheduler::allocator::two_level::{FrameworkSpec, Membership};
use windtunnel_scheduler::config::{Architecture, Framework};
use windtunnel_scheduler::rules::Resident;
use windtunnel_scheduler::service::{Delays, KillSelection, Strategy};
use windtunnel_traces::synthetic::Constant;

use super::courses::split;
use super::*;
use crate::experiment::ServiceRules;
use crate::fault::{Effect, FaultSource, Faults, Listed, When};
use crate::model::Model;
use crate::trigger::{Action, Change, Trigger, When as Due};

fn service(replicas: u32) -> Group {
    let mut group = group(replicas, 1_000, 0);
    (group.ask.kind, group.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    group
}

/// A service on nodes of one core each, until `end`.
fn served(nodes: usize, replicas: u32, rules: ServiceRules, end: u64) -> Experiment {
    let mut setup = experiment(fleet(&vec![(1_000, 0); nodes]), vec![job(7, 0, service(replicas))]);
    setup.workloads[0].rules.service = Some(rules);
    setup.stop = Stop::At(seconds(end));
    setup
}

fn lasting(life: u64) -> Option<windtunnel_traces::synthetic::Law> {
    Some(Constant::new(Span::from_seconds(life)).expect("a law").into())
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("no number {name}"))
}

fn starts(tape: &Tape) -> Vec<f64> {
    let mut rows: Vec<&Row> = tape.rows.iter().collect();
    rows.sort_by_key(|row| row.attempt);
    rows.iter().filter_map(|row| row.start.map(Time::as_seconds)).collect()
}

const ALL: [Architecture; 3] = [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel];

#[test]
fn a_replica_that_fails_again_and_again_waits_longer_and_longer() {
    let delays = Some(Delays::default());
    let rules = ServiceRules { life: lasting(2), delays, ..ServiceRules::default() };
    let (outcome, tape) = run(served(1, 1, rules.clone(), 12));
    assert_eq!(starts(&tape), [0.0, 3.0, 6.15, 9.4725]);
    let states: Vec<_> = tape.rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Failed, State::Failed, State::Failed, State::Failed, State::Pending]);
    assert_eq!(number(&outcome, "services.crashes"), 4.0);
    assert!(tape.rows.iter().all(|row| row.causes == Span::ZERO), "it is not the queue that it waits in");
    for architecture in ALL {
        let mut setup = served(3, 3, rules.clone(), 60);
        split(&mut setup, architecture);
        let (outcome, tape) = run(setup);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        let few = tape.rows.len();
        assert!((10..40).contains(&few), "{architecture:?}: {few} attempts, as every failure counts for all");
    }
}

#[test]
fn replicas_that_never_ran_wait_for_the_delay_of_their_app_and_say_so() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        // One node and two replicas: the second has had no room when the first fails at 2 s, and may start at 3 s.
        let rules = ServiceRules { life: lasting(2), delays: Some(Delays::default()), ..ServiceRules::default() };
        let mut setup = served(1, 2, rules, 4);
        split(&mut setup, architecture);
        let (_, tape) = run(setup);
        assert_eq!(starts(&tape), [0.0, 3.0], "{architecture:?}");
    }
    // Two fail at once at 2 s: both wait for 1.15 s; at 5.15 s: for 1.520875 s.
    let rules = ServiceRules { life: lasting(2), delays: Some(Delays::default()), ..ServiceRules::default() };
    let (_, tape) = run(served(2, 2, rules, 8));
    assert_eq!(starts(&tape), [0.0, 0.0, 3.15, 3.15, 6.670875, 6.670875]);
}

#[test]
fn without_delays_it_starts_again_at_once_and_after_a_while_failures_are_forgotten() {
    let rules = ServiceRules { life: lasting(2), ..ServiceRules::default() };
    let (_, tape) = run(served(1, 1, rules, 7));
    assert_eq!(starts(&tape), [0.0, 2.0, 4.0, 6.0]);
    let delays = Some(Delays { most: Span::from_seconds(3), ..Delays::default() });
    let rules = ServiceRules { life: lasting(4), delays, ..ServiceRules::default() };
    let (_, tape) = run(served(1, 1, rules, 18));
    assert_eq!(starts(&tape), [0.0, 5.0, 10.0, 15.0]);
}

#[test]
fn a_service_that_shrinks_kills_the_youngest_or_the_oldest_first() {
    let left = |kill| {
        let mut setup = served(6, 3, ServiceRules { kill, ..ServiceRules::default() }, 60);
        let scale = |change: Change| vec![Action::Scale { service: "7".to_owned(), change }];
        let trigger = |name: &str, at: u64, actions| Trigger {
            name: name.to_owned(),
            when: Due::At(seconds(at)),
            hold: Span::ZERO,
            cooldown: None,
            actions,
        };
        let up = trigger("up", 10, scale(Change::By(1)));
        setup.model.triggers = vec![up, trigger("down", 40, scale(Change::To(1)))];
        let (_, tape) = run(setup);
        let running: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Running).collect();
        assert_eq!(running.len(), 1);
        running[0].task.clone()
    };
    assert_eq!(left(None), "7/0", "the newest tasks first");
    assert_eq!(left(Some(KillSelection::YoungestFirst)), "7/2", "the one that was added, then by id");
    assert_eq!(left(Some(KillSelection::OldestFirst)), "7+1/0", "the three that were there before");
}

/// One replica on the first of two nodes, which is out of reach as listed.
fn cut(strategy: Option<(u64, u64)>, effect: Effect, silent: &[(u64, u64)], end: u64) -> Experiment {
    let strategy = strategy.map(|(inactive, expunge)| Strategy {
        inactive: Span::from_seconds(inactive),
        expunge: Span::from_seconds(expunge),
    });
    let mut setup = served(2, 1, ServiceRules { unreachable: strategy, ..ServiceRules::default() }, end);
    let listed = silent.iter().map(|&(begin, end)| Listed {
        nodes: [0].as_slice().into(),
        begin: seconds(begin),
        end: if end == 0 { Time::NEVER } else { seconds(end) },
    });
    let source = FaultSource { name: "cut".to_owned(), effect, when: When::Listed(listed.collect()) };
    setup.model = Model { faults: Faults { sources: vec![source], upkeep: vec![] }, ..Model::default() };
    setup
}

/// Attempt, state, start and end in seconds.
fn attempts(tape: &Tape) -> Vec<(u32, State, Option<u64>, Option<u64>)> {
    let whole = |time: Option<Time>| time.map(|time| time.0 / SECOND);
    let mut rows: Vec<_> =
        tape.rows.iter().map(|row| (row.attempt, row.state, whole(row.start), whole(row.end))).collect();
    rows.sort_by_key(|row| row.0);
    rows
}

#[test]
fn what_becomes_of_a_replica_that_is_out_of_reach_for_a_minute() {
    use State::{Killed, Lost, Running};
    for architecture in ALL {
        let told = |strategy| {
            let mut setup = cut(strategy, Effect::Partition, &[(300, 360)], 2_000);
            split(&mut setup, architecture);
            let (outcome, tape) = run(setup);
            assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
            (attempts(&tape), number(&outcome, "services.returned"), number(&outcome, "services.surplus"))
        };
        // Replaced at once and ended when it is back; 3 s later if that is said.
        let (rows, ..) = told(None);
        assert_eq!(rows[0], (0, Lost, Some(0), Some(360)), "{architecture:?}");
        assert!(rows[1].2.is_some_and(|start| start <= 301));
        let (rows, returned, surplus) = told(Some((0, 0)));
        assert_eq!(rows[0], (0, Lost, Some(0), Some(360)));
        // Where nodes are offered, those that were refused come again after a while only.
        assert!(rows[1].2.is_some_and(|start| (303..=310).contains(&start)), "{architecture:?}: {rows:?}");
        assert_eq!((returned, surplus), (0.0, 0.0));
        // Timeline 3: two of one for a while, until tasks are reconciled.
        let (rows, returned, surplus) = told(Some((0, 300)));
        assert_eq!(rows[0], (0, Killed, Some(0), Some(600)), "{architecture:?}");
        assert_eq!((returned, surplus), (0.0, 1.0));
        assert_eq!(rows.len(), 2);
        // Back before anything was done about it.
        let (rows, returned, surplus) = told(Some((300, 300)));
        assert_eq!(rows, [(0, Running, Some(0), None)], "{architecture:?}");
        assert_eq!((returned, surplus), (1.0, 0.0));
    }
}

#[test]
fn a_replica_whose_node_is_gone_is_replaced_when_tasks_are_reconciled() {
    for (strategy, start) in [((0, 0), 303), ((60, 60), 600), ((301, 900), 1_200)] {
        let (outcome, tape) = run(cut(Some(strategy), Effect::Outage, &[(300, 0)], 2_000));
        let rows = attempts(&tape);
        assert_eq!(rows[0], (0, State::Lost, Some(0), Some(300)));
        assert_eq!(rows[1], (1, State::Running, Some(start), None));
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    }
}

#[test]
fn one_too_many_may_lose_its_node_again() {
    for architecture in ALL {
        // Cut off again while two run: the scheduler has them lost, and back they are looked at anew.
        let mut setup = cut(Some((0, 300)), Effect::Partition, &[(300, 360), (400, 500)], 3_000);
        split(&mut setup, architecture);
        let (outcome, tape) = run(setup);
        assert_eq!(attempts(&tape)[0], (0, State::Killed, Some(0), Some(1_200)), "{architecture:?}");
        assert_eq!(number(&outcome, "services.surplus"), 2.0);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        // The node dies under it.
        let mut setup = cut(Some((0, 300)), Effect::Partition, &[(300, 360)], 3_000);
        split(&mut setup, architecture);
        let listed = Listed { nodes: [0].as_slice().into(), begin: seconds(400), end: seconds(500) };
        let outage = FaultSource {
            name: "dies".to_owned(),
            effect: Effect::Outage,
            when: When::Listed([listed].into_iter().collect()),
        };
        setup.model.faults.sources.push(outage);
        let (outcome, tape) = run(setup);
        assert_eq!(attempts(&tape)[0], (0, State::Killed, Some(0), Some(400)), "{architecture:?}");
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        assert_eq!(number(&outcome, "tasks.running_at_end"), 1.0);
    }
}

/// A resident replica on the first of two nodes.
fn resident(effect: Effect, silent: &[(u64, u64)], replace_after: Option<u64>, end: u64) -> Experiment {
    let mut setup = cut(None, effect, silent, end);
    let replace_after = replace_after.map(Span::from_seconds);
    setup.workloads[0].rules.service =
        Some(ServiceRules { resident: Some(Resident { replace_after }), ..ServiceRules::default() });
    setup
}

#[test]
fn a_resident_replica_waits_for_its_own_node() {
    use State::{Lost, Running};
    for architecture in ALL {
        let told = |mut setup: Experiment| {
            split(&mut setup, architecture);
            let (outcome, tape) = run(setup);
            assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
            let on: Vec<_> = tape.rows.iter().filter_map(|row| row.node.clone()).collect();
            (attempts(&tape), on)
        };
        // Its node dies and is back 200 s later: it starts there, although the other node was free all the while.
        let (rows, on) = told(resident(Effect::Outage, &[(300, 500)], None, 2_000));
        assert_eq!(rows[0], (0, Lost, Some(0), Some(300)), "{architecture:?}");
        assert!(rows[1].2.is_some_and(|start| (500..=510).contains(&start)), "{architecture:?}: {rows:?}");
        assert_eq!(on, ["n0", "n0"]);
        // It is only out of reach, and goes on.
        let (rows, _) = told(resident(Effect::Partition, &[(300, 500)], None, 2_000));
        assert_eq!(rows, [(0, Running, Some(0), None)], "{architecture:?}");
        // It never comes back: nobody moves the replica, unless that is said.
        let (rows, _) = told(resident(Effect::Outage, &[(300, 0)], None, 2_000));
        assert_eq!(rows[1], (1, State::Pending, None, None), "{architecture:?}");
        let (rows, on) = told(resident(Effect::Outage, &[(300, 0)], Some(600), 2_000));
        assert!(rows[1].2.is_some_and(|start| (900..=910).contains(&start)), "{architecture:?}: {rows:?}");
        assert_eq!(on, ["n0", "n1"]);
    }
}

#[test]
fn the_room_of_a_resident_replica_is_kept_while_it_waits_to_start_again() {
    // One node, one core: the replica fails at 10 s and may start again at 15 s; a batch task waits all the while.
    let delays = Some(Delays { first: Span::from_seconds(5), ..Delays::default() });
    let keeps = |resident: Option<Resident>, architecture| {
        let rules = ServiceRules { life: lasting(10), delays, resident, ..ServiceRules::default() };
        let mut setup = served(1, 1, rules, 30);
        let mut other = workload(vec![job(8, 1, group(1, 1_000, 100))]);
        other.rules = crate::experiment::Rules::default();
        setup.workloads.push(other);
        split(&mut setup, architecture);
        if let Some(one) = setup.scheduler.frameworks.first() {
            let (name, party) = ("b".to_owned(), PartyId(2));
            let spec = FrameworkSpec { party, roles: vec![Membership::of(&name)], ..one.spec.clone() };
            let other = Framework { name, spec, config: one.config.clone() };
            (setup.workloads[1].party, setup.parties) = (party, 3);
            setup.scheduler.frameworks.push(other);
        }
        let (outcome, tape) = run(setup);
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
        (tape.start_of("8/0"), number(&outcome, "services.crashes"))
    };
    for architecture in ALL {
        let (taken, crashes) = keeps(None, architecture);
        // Room that comes free is offered in the next periodic run.
        assert!(taken.is_some_and(|at| (10 * SECOND..=11 * SECOND).contains(&at)), "{architecture:?}: {taken:?}");
        assert_eq!(crashes, 1.0, "{architecture:?}: whoever waits takes the room");
        // From 10 s to 15 s it is nobody's: under two levels it is reserved, under shared state it is held.
        assert_eq!(keeps(Some(Resident::default()), architecture), (None, 2.0), "{architecture:?}");
    }
}
