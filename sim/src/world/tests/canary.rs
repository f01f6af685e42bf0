//! Schedulers that go wrong: the alarm must ring, and say what it is about.

use windtunnel_scheduler::cause::Cause;
use windtunnel_scheduler::id::{JobId, NodeId, OfferId, TaskId};

use super::*;

fn place(task: u64, node: u32, count: u32, more: bool) -> Decision {
    Decision::Place { task: TaskId(task), node: NodeId(node), count, gpus: GpuSet::NONE, more }
}

fn place_on(task: u64, devices: u64) -> Decision {
    Decision::Place { task: TaskId(task), node: NodeId(0), count: 1, gpus: GpuSet(devices), more: false }
}

/// Runs jobs under a scheduler that makes these decisions when it first hears of a job, and none after.
fn sing(fleet: Fleet, jobs: Vec<Job>, song: &[Decision]) -> Result<(Outcome, Tape), SimError> {
    let mut has_sung = false;
    let mut canary = Canary(|_, _, events: &[Event], decisions: &mut Vec<Decision>| {
        if !has_sung && events.iter().any(|event| matches!(event, Event::JobSubmitted(_))) {
            has_sung = true;
            decisions.extend_from_slice(song);
        }
    });
    run_with(experiment(fleet, jobs), &mut canary)
}

/// The reason for which a decision is called invalid.
#[track_caller]
fn invalid(result: Result<(Outcome, Tape), SimError>) -> String {
    match result {
        Err(SimError::Invalid { reason, .. }) => reason,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("nobody noticed"),
    }
}

#[track_caller]
fn audit(result: Result<(Outcome, Tape), SimError>) -> String {
    match result {
        Err(SimError::Audit { reason, .. }) => reason,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("nobody noticed"),
    }
}

fn two_nodes() -> Fleet {
    fleet(&[(4_000, 64), (4_000, 64)])
}

#[test]
fn a_song_without_a_wrong_note_is_heard_to_its_end() {
    let jobs = vec![job(7, 0, group(2, 2_000, 5)), job(8, 0, gang(3, 1_000, 5))];
    let song = [place(0, 0, 1, false), place(1, 0, 1, false), place(2, 1, 2, true), place(2, 1, 1, false)];
    let (outcome, tape) = sing(two_nodes(), jobs, &song).expect("nothing is wrong");
    assert_eq!(outcome.summary.number("tasks.finished"), Some(5.0));
    assert_eq!(tape.rows.len(), 3, "the members of a gang share a row");
}

#[test]
fn a_node_that_holds_too_much_is_named() {
    let song = [place(0, 1, 1, false), place(1, 1, 1, false)];
    let reason = audit(sing(two_nodes(), vec![job(0, 0, group(2, 2_001, 5))], &song));
    assert_eq!(reason, "node `n1` holds 4002 of 4000 in lane cpu");
    let mut hungry = group(1, 0, 5);
    hungry.ask.request[1] = 65;
    assert!(audit(sing(two_nodes(), vec![job(0, 0, hungry)], &song[..1])).contains("65 of 64 in lane memory"));
}

#[test]
fn lanes_too_large_to_add_up_are_too_much_as_well() {
    let song = [place(0, 1, 3, false), Decision::Kill { task: TaskId(0), grace: Span::ZERO }];
    let gang = gang(3, u32::MAX / 2, 5);
    assert!(audit(sing(two_nodes(), vec![job(0, 0, gang.clone())], &song[..1])).contains("in lane cpu"));
    sing(two_nodes(), vec![job(0, 0, gang)], &song).expect("it was there for no time at all");
}

#[test]
fn a_device_that_holds_too_much_is_found_though_the_lane_is_not_full() {
    let mut fleet = two_nodes();
    fleet.nodes[0] = machine(0, 4_000, 64, 2);
    fleet.lanes |= 1 << GPU;
    let most = || with_gpu(group(2, 0, 5), 1, 600);
    let reason = audit(sing(fleet.clone(), vec![job(0, 0, most())], &[place_on(0, 0b01), place_on(1, 0b01)]));
    assert!(reason.contains("device of node `n0`") && reason.contains("1200"), "{reason}");
    sing(fleet.clone(), vec![job(0, 0, most())], &[place_on(0, 0b01), place_on(1, 0b10)]).expect("one each");
    // Too few, too many, not there.
    for devices in [0, 0b11, 0b100] {
        let reason = invalid(sing(fleet.clone(), vec![job(0, 0, most())], &[place_on(0, devices)]));
        assert!(reason.contains("needs 1 devices"), "{reason}");
    }
}

#[test]
fn tasks_are_placed_once_and_only_if_they_are_there() {
    let jobs = || vec![job(0, 0, group(1, 1_000, 5))];
    let cases: [(&[Decision], &str); 5] = [
        (&[place(0, 0, 1, false), place(0, 1, 1, false)], "runs already"),
        (&[place(1, 0, 1, false)], "is over or was never there"),
        (&[place(u64::MAX, 0, 1, false)], "is over or was never there"),
        (&[place(0, 2, 1, false)], "node 2, which is not there"),
        (&[place(0, u32::MAX, 1, false)], "which is not there"),
    ];
    for (song, words) in cases {
        let reason = invalid(sing(two_nodes(), jobs(), song));
        assert!(reason.contains(words), "{reason}");
    }
    let mut canary = Canary(|_, _, events: &[Event], decisions: &mut Vec<Decision>| {
        for event in events {
            match event {
                Event::JobSubmitted(spec) => decisions.push(place(spec.first_task.0, 0, 1, false)),
                Event::TaskEnded { task, .. } => decisions.push(place(task.0, 0, 1, false)),
                _ => {}
            }
        }
    });
    let reason = invalid(run_with(experiment(two_nodes(), jobs()), &mut canary));
    assert!(reason.contains("is over or was never there"), "{reason}");
}

#[test]
fn a_gang_is_placed_as_a_whole() {
    let jobs = || vec![job(0, 0, gang(4, 100, 5)), job(1, 0, gang(2, 100, 5)), job(2, 0, group(2, 100, 5))];
    let cases: [(&[Decision], &str); 9] = [
        (&[place(0, 0, 3, false)], "3 of 4 members"),
        (&[place(0, 0, 3, true), place(0, 1, 2, false)], "5 of 4 members"),
        (&[place(0, 0, u32::MAX, true), place(0, 1, u32::MAX, false)], "of 4 members"),
        (&[place(2, 0, 2, false)], "2 of 1 members"),
        // One gang must not be completed by another.
        (&[place(0, 0, 1, true), place(1, 1, 1, false)], "task 0"),
        (&[place(1, 0, 1, true), place(2, 1, 1, false)], "task 1"),
        // Nor left half done, by another decision or by the end of the step.
        (
            &[place(1, 0, 1, true), Decision::Kill { task: TaskId(9), grace: Span::ZERO }, place(1, 1, 1, false)],
            "task 1",
        ),
        (&[place(1, 0, 1, true)], "task 1"),
        (&[place(1, 0, 0, true), place(1, 1, 2, false)], "no member"),
    ];
    for (song, words) in cases {
        let reason = invalid(sing(two_nodes(), jobs(), song));
        assert!(reason.contains(words), "{song:?}: {reason}");
    }
}

#[test]
fn only_what_waits_can_be_given_up() {
    let jobs = || vec![job(0, 0, group(2, 1_000, 5)), job(1, 0, group(3, 1_000, 5))];
    let reject = |task: u64, count: u32| Decision::Reject { task: TaskId(task), count };
    let cases: [&[Decision]; 6] = [
        &[place(0, 0, 1, false), reject(0, 1)],
        &[place(1, 0, 1, false), reject(0, 2)],
        &[reject(0, 3)],
        &[reject(1, u32::MAX)],
        &[reject(5, 1)],
        &[reject(2, 1), reject(2, 1)],
    ];
    for song in cases {
        let reason = invalid(sing(two_nodes(), jobs(), song));
        assert!(reason.contains("reject"), "{song:?}: {reason}");
    }
    let (outcome, _) = sing(two_nodes(), jobs(), &[reject(0, 2), reject(3, 2)]).expect("all of these wait");
    assert_eq!(outcome.summary.number("tasks.rejected"), Some(4.0));
    assert_eq!(outcome.summary.number("tasks.pending_at_end"), Some(1.0));
}

#[test]
fn nobody_waits_longer_than_since_the_submission() {
    let waited = |some: [u64; 7]| {
        let mut causes = [Span::ZERO; Cause::COUNT];
        causes[..7].copy_from_slice(&some.map(Span));
        Decision::Waited { task: TaskId(0), causes }
    };
    let jobs = || vec![job(0, 3, group(1, 1_000, 5))];
    let reason = invalid(sing(two_nodes(), jobs(), &[waited([0, 0, 1, 0, 0, 0, 0]), place(0, 0, 1, false)]));
    assert!(reason.contains("waited 0 us, not 1 us"), "{reason}");
    invalid(sing(two_nodes(), jobs(), &[waited([u64::MAX, 0, 1, 0, 0, 0, 5]), place(0, 0, 1, false)]));
    invalid(sing(two_nodes(), jobs(), &[Decision::Waited { task: TaskId(4), causes: [Span::ZERO; Cause::COUNT] }]));
}

#[test]
fn only_the_first_party_places_and_mail_needs_somebody_to_go_to() {
    let say = |who: u16, decision: Decision| {
        let mut has_spoken = false;
        let mut experiment = experiment(two_nodes(), vec![job(0, 0, group(1, 1_000, 5))]);
        experiment.parties = 2;
        let mut canary = Canary(|party: PartyId, _, _: &[Event], decisions: &mut Vec<Decision>| {
            if party.0 == who && !has_spoken {
                has_spoken = true;
                decisions.push(decision);
            }
        });
        invalid(run_with(experiment, &mut canary))
    };
    assert!(say(1, place(0, 0, 1, false)).contains("only party 0 places"));
    assert_eq!(say(0, Decision::Rescind { to: PartyId(2), offer: OfferId(0) }), "there is no party 2");
    assert_eq!(say(1, Decision::Refuse { to: PartyId(9), task: TaskId(0) }), "there is no party 9");
}

#[test]
fn parties_that_never_come_to_rest_are_sent_home() {
    let mut experiment = experiment(two_nodes(), vec![]);
    experiment.parties = 2;
    let mut canary = Canary(|party: PartyId, _, _: &[Event], decisions: &mut Vec<Decision>| {
        decisions.push(Decision::Rescind { to: PartyId(1 - party.0), offer: OfferId(0) });
    });
    let Err(SimError::Restless { rounds, .. }) = run_with(experiment, &mut canary) else { panic!("they rest") };
    assert_eq!(rounds, 10_000);
}

#[test]
fn a_service_whose_replicas_end_at_once_does_not_hold_the_clock_for_ever() {
    let mut service = group(1, 1_000, 0);
    service.ask.kind = JobKind::Service;
    let result = run_with(experiment(two_nodes(), vec![job(0, 3, service)]), &mut Core::new(&Registries::default()));
    let Err(SimError::Restless { at, .. }) = result else { panic!("it ends: {:?}", result.map(|_| ())) };
    assert_eq!(at, seconds(3));
}

#[test]
fn many_tasks_of_no_length_are_no_reason_for_alarm() {
    let jobs = (0..30_000).map(|at| job(at, 1, group(1, 8_000, 0))).collect();
    let (outcome, _) = run(experiment(fleet(&[(8_000, 0)]), jobs));
    assert_eq!(outcome.summary.number("tasks.finished"), Some(30_000.0));
}

#[test]
fn a_scheduler_that_leaves_ends_the_run() {
    struct Leaver;
    impl Scheduler for Leaver {
        fn step(&mut self, _: PartyId, _: Time, _: &[Event], _: &mut Vec<Decision>) -> Result<Step, Gone> {
            Err(Gone("the process ended".to_owned()))
        }
        fn fork(&self) -> Option<Box<dyn Scheduler>> {
            None
        }
    }
    let Err(error) = run_with(experiment(two_nodes(), vec![]), &mut Leaver) else { panic!("it goes on") };
    assert_eq!(error.to_string(), "the process ended");
}

#[test]
fn a_killed_task_ends_there_and_then() {
    let kill = |task: u64| Decision::Kill { task: TaskId(task), grace: Span::ZERO };
    let song = [
        place(0, 0, 1, false),
        kill(0),
        kill(0),
        kill(77),
        Decision::Defer { job: JobId(0), vetoes: Default::default() },
    ];
    let (outcome, tape) = sing(two_nodes(), vec![job(0, 2, group(1, 1_000, 5))], &song).expect("nothing is wrong");
    assert_eq!((tape.rows[0].state, tape.rows[0].end), (State::Killed, Some(seconds(2))));
    assert_eq!(outcome.summary.number("conservation.cpu.busy"), Some(0.0));
}
