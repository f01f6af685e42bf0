//! The same work under the three architectures, by the core itself: all of it is done, whoever is offered what.

use windtunnel_scheduler::allocator::two_level::{Capabilities, FrameworkSpec, Membership, Options, Quota};
use windtunnel_scheduler::config::{Architecture, Conflicts, Framework, Habits};
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::queue::QUEUES;
use windtunnel_scheduler::resources::CPU;

use super::*;

/// Two teams with a framework each.
fn two_teams(architecture: Architecture, config: Config, jobs: [Vec<Job>; 2]) -> Experiment {
    let config = Config { architecture, ..config };
    let [first, second] = jobs;
    let mut whole = experiment(fleet(&[(4_000, 64), (4_000, 64), (4_000, 64)]), first);
    whole.workloads.push(workload(second));
    whole.scheduler = config.clone();
    if architecture == Architecture::Monolithic {
        return whole;
    }
    for (at, role) in [(0, "a"), (1, "b")] {
        let party = PartyId(at + 1);
        whole.workloads[usize::from(at)].party = party;
        let (roles, capabilities) = (vec![Membership::of(role)], Capabilities::default());
        let spec = FrameworkSpec { party, roles, capabilities };
        whole.scheduler.frameworks.push(Framework { name: role.to_owned(), spec, config: config.clone() });
    }
    whole
}

/// Batch work and a gang for one team, smaller tasks for the other: more than fits at once.
fn busy() -> [Vec<Job>; 2] {
    let first = vec![job(0, 0, group(20, 1_000, 10)), job(1, 3, gang(8, 1_000, 5)), job(2, 4, group(3, 2_000, 7))];
    [first, vec![job(3, 0, group(20, 500, 10)), job(4, 20, gang(3, 3_000, 4))]]
}

fn check_done(outcome: &Outcome, what: &str) {
    assert_eq!(outcome.summary.number("tasks.finished"), outcome.summary.number("tasks.submitted"), "{what}");
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0), "{what}");
}

const ALL: [Architecture; 3] = [Architecture::Monolithic, Architecture::TwoLevel, Architecture::SharedState];

#[test]
fn every_placement_and_every_order_works_under_all_of_them() {
    for architecture in ALL {
        let configs = PLACEMENTS
            .iter()
            .map(|entry| Config { placement: Choice::named(entry.name), ..Config::default() })
            .chain(QUEUES.iter().map(|entry| Config { queue: Choice::named(entry.name), ..Config::default() }));
        for config in configs {
            let what = format!("{architecture:?}, {}, {}", config.placement.name, config.queue.name);
            let mut core = Core::new(&Registries::default());
            let (outcome, tape) = run_with(two_teams(architecture, config, busy()), &mut core).expect(&what);
            check_done(&outcome, &what);
            let explained = tape.rows.iter().all(|row| row.wait.is_none_or(|wait| row.causes == wait));
            assert!(explained, "{what}: the causes of every wait add up to it");
        }
    }
}

#[test]
fn messages_that_take_their_time_change_nothing_but_the_time() {
    for architecture in ALL {
        let mut experiment = two_teams(architecture, Config::default(), busy());
        experiment.link = Span(137_000);
        let (outcome, _) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
        check_done(&outcome, &format!("{architecture:?}"));
    }
}

#[test]
fn whole_devices_are_offered() {
    for architecture in ALL {
        let mut first = group(5, 1_000, 10);
        first.ask.gpu = GpuRequest { count: 1, milli: 1_000 };
        first.ask.request[GPU] = 1_000;
        let mut experiment = two_teams(architecture, Config::default(), [vec![job(0, 0, first)], vec![]]);
        experiment.fleet = Fleet { nodes: vec![machine(0, 8_000, 64, 2)], lanes: 0b1011, ..Fleet::default() };
        let options = Options { keeps_gpus: false, ..Options::default() };
        experiment.scheduler.allocator = Some(Box::new(options));
        let (outcome, _) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
        check_done(&outcome, &format!("{architecture:?}"));
    }
}

#[test]
fn a_framework_that_refuses_waits_for_its_own_refusals() {
    // 20 tasks of 1 cpu on 12 cpus, 10 s each. The allocator runs every second; what is given back waits for it.
    let jobs = || [vec![job(0, 0, group(20, 1_000, 10))], vec![]];
    let (_, tape) =
        run_with(two_teams(Architecture::TwoLevel, Config::default(), jobs()), &mut Core::new(&Registries::default()))
            .expect("it runs");
    let mut starts: Vec<u64> = tape.rows.iter().filter_map(|row| row.start).map(|start| start.0 / SECOND).collect();
    starts.sort_unstable();
    assert_eq!(starts[..12], [0; 12]);
    assert!(starts[12..].iter().all(|&start| start == 10 || start == 11), "{starts:?}");
}

#[test]
fn a_limit_is_a_ceiling() {
    let jobs = [vec![job(0, 0, group(12, 1_000, 10))], vec![]];
    let mut experiment = two_teams(Architecture::TwoLevel, Config::default(), jobs);
    let quota = Quota::limit(&Resources::new(4_000, 0), 1 << CPU);
    experiment.scheduler.allocator =
        Some(Box::new(Options { quotas: vec![("a".to_owned(), quota)], ..Options::default() }));
    let (outcome, tape) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
    check_done(&outcome, "limited");
    for row in &tape.rows {
        let at = row.start.expect("it ran");
        let beside = tape.rows.iter().filter(|other| other.start <= Some(at) && other.end > Some(at)).count();
        assert!(beside <= 4, "{beside} run at {at}");
    }
}

#[test]
fn claims_conflict_when_news_take_their_time() {
    // Both teams see all of an empty fleet and claim the same first node at once.
    for (conflicts, least) in [(Conflicts::Fine, 1.0), (Conflicts::Coarse, 4.0)] {
        let jobs = [vec![job(0, 0, group(10, 1_000, 10))], vec![job(1, 0, group(10, 1_000, 10))]];
        let config = Config { placement: Choice::named("first-fit"), conflicts, ..Config::default() };
        let mut experiment = two_teams(Architecture::SharedState, config, jobs);
        experiment.link = Span(50_000);
        let (outcome, _) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
        check_done(&outcome, "shared state");
        assert_eq!(outcome.summary.number("claims.made").map(|made| made >= 20.0), Some(true));
        assert!(outcome.summary.number("claims.conflicts") >= Some(least), "{conflicts:?}");
    }
}

#[test]
fn hoarding_and_hunger_are_counted() {
    let jobs = [vec![], vec![job(0, 5, group(3, 1_000, 10))]];
    let mut experiment = two_teams(Architecture::TwoLevel, Config::default(), jobs);
    experiment.scheduler.frameworks[0].config.habits =
        Habits { hold: Span::from_seconds(60), suppresses: false, ..Habits::default() };
    experiment.stop = Stop::At(seconds(100));
    let (outcome, tape) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
    // All 12 cpus lie in offers of `a` from the beginning for a minute, and `b` waits from 5 s on.
    assert_eq!(tape.start_of("0/0"), Some(60 * SECOND));
    let number = |name: &str| outcome.summary.number(name).expect("it is there");
    assert_eq!(number("by_framework.b.starved_s"), 55.0);
    assert!(number("by_framework.a.held_core_s") >= 12.0 * 60.0);
    assert_eq!(number("offers.in_flight_s.max"), 60.0);
}

/// A job of this priority.
fn important(name: u64, priority: i32, submit_s: u64, group: Group) -> Job {
    Job { priority, ..job(name, submit_s, group) }
}

#[test]
fn the_important_of_one_team_push_out_the_others_under_shared_state() {
    for (conflicts, link_us) in [(Conflicts::Fine, 0), (Conflicts::Coarse, 0), (Conflicts::Fine, 137_000)] {
        // Twelve cpus full of the first team's work, of which a third may not be pushed out by the second's.
        let first = vec![important(0, 1, 0, group(8, 1_000, 1_000)), important(1, 5, 0, group(4, 1_000, 1_000))];
        let second = vec![important(2, 5, 10, group(6, 1_000, 30)), important(3, 3, 11, gang(2, 1_000, 30))];
        let mut preemption = Choice::named("priority");
        let grace = windtunnel_scheduler::config::Setting::Text("2s".to_owned());
        preemption.options.insert("grace".to_owned(), grace);
        let config = Config { preemption, conflicts, queue: Choice::named("priority"), ..Config::default() };
        let mut experiment = two_teams(Architecture::SharedState, config, [first, second]);
        experiment.link = Span(link_us);
        let (outcome, tape) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
        let what = format!("{conflicts:?}, {link_us} us");
        check_done(&outcome, &what);
        let of = |name: &str| tape.rows.iter().filter(move |row| row.task.starts_with(name)).collect::<Vec<_>>();
        let evicted = tape.rows.iter().filter(|row| row.state == State::Evicted);
        assert_eq!(evicted.map(|row| &row.task[..1]).collect::<String>(), "00000000", "{what}: eight of them");
        assert!(of("1/").iter().all(|row| row.start < Some(seconds(1))), "{what}: an equal stays");
        for row in of("2/").iter().chain(&of("3/")) {
            // News take their time twice: to those who settle, and not back, since they place.
            let (wait, submit) = (row.wait.expect("it started once"), if row.task.starts_with('2') { 10 } else { 11 });
            let expected = Span::from_seconds(2) + Span(link_us);
            assert_eq!((row.start, wait), (Some(seconds(submit) + expected), expected), "{what}: {}", row.task);
            assert_eq!(row.causes, wait, "{what}: the causes add up to it");
        }
    }
}

#[test]
fn a_team_that_is_offered_room_pushes_out_its_own_only() {
    for link_us in [0, 137_000] {
        // Each team has half of twelve cpus; after five seconds without a fitting offer the first makes room itself.
        let low = |name| important(name, 1, 0, group(6, 1_000, 1_000));
        let urgent = important(2, 5, 10, group(3, 1_000, 30));
        let mut preemption = Choice::named("priority");
        let grace = windtunnel_scheduler::config::Setting::Text("2s".to_owned());
        preemption.options.insert("grace".to_owned(), grace);
        let config = Config { preemption, queue: Choice::named("priority"), ..Config::default() };
        let mut experiment = two_teams(Architecture::TwoLevel, config, [vec![low(0), urgent], vec![low(1)]]);
        experiment.link = Span(link_us);
        let (outcome, tape) = run_with(experiment, &mut Core::new(&Registries::default())).expect("it runs");
        check_done(&outcome, &format!("{link_us} us"));
        let evicted = tape.rows.iter().filter(|row| row.state == State::Evicted);
        assert_eq!(evicted.map(|row| &row.task[..2]).collect::<String>(), "0/0/0/", "{link_us} us: three of its own");
        let urgent = tape.rows.iter().filter(|row| row.task.starts_with("2/")).collect::<Vec<_>>();
        assert_eq!(urgent.len(), 3, "{link_us} us: once in place they stay");
        for row in urgent {
            let (wait, start) = (row.wait.expect("it started once"), row.start.expect("it started"));
            assert!(start >= seconds(17) && start < seconds(18), "{link_us} us: {start}");
            assert_eq!(row.causes, wait, "{link_us} us: the causes add up to it");
        }
    }
}
