//! Services that need others: by hand.

use windtunnel_scheduler::allocator::two_level::{FrameworkSpec, Membership};
use windtunnel_scheduler::config::{Architecture, Framework};

use super::*;
use crate::experiment::{ServiceRules, Upgrades};

const ALL: [Architecture; 3] = [Architecture::Monolithic, Architecture::SharedState, Architecture::TwoLevel];

fn service(name: u64, submit_s: u64, replicas: u32, cpu: u32) -> Job {
    let mut group = group(replicas, cpu, 0);
    (group.ask.kind, group.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    job(name, submit_s, group)
}

fn needing(needs: &[usize], ready_s: u64, job: Job) -> Workload {
    let mut workload = workload(vec![job]);
    let (needs, ready_after) = (needs.to_vec(), Span::from_seconds(ready_s));
    workload.rules.service = Some(ServiceRules { needs, ready_after, ..ServiceRules::default() });
    workload
}

/// Eight nodes of one core, and these workloads, all of one framework.
fn town(workloads: Vec<Workload>, architecture: Architecture) -> Experiment {
    let mut setup = experiment(fleet(&[(1_000, 0); 8]), vec![]);
    setup.workloads = workloads;
    setup.scheduler.architecture = architecture;
    if architecture != Architecture::Monolithic {
        let party = PartyId(1);
        setup.workloads.iter_mut().for_each(|workload| workload.party = party);
        let spec = FrameworkSpec { party, roles: vec![Membership::of("a")], ..FrameworkSpec::default() };
        let config = setup.scheduler.clone();
        setup.scheduler.frameworks = vec![Framework { name: "a".to_owned(), spec, config }];
    }
    setup
}

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("no number {name}"))
}

/// Met, never started, and the mean and the longest wait.
fn numbers(outcome: &Outcome) -> [Option<f64>; 4] {
    ["met", "never_started", "wait_s.mean", "wait_s.max"]
        .map(|name| outcome.summary.number(&format!("services.needs.{name}")))
}

/// When the first attempts start, in seconds.
fn starts(tape: &Tape, tasks: &[&str]) -> Vec<Option<u64>> {
    tasks.iter().map(|task| tape.start_of(task).map(|start| start / SECOND)).collect()
}

#[test]
fn who_needs_others_is_handed_in_when_all_their_replicas_are_ready() {
    for architecture in ALL {
        // 1 needs 2, which comes at 5 s and is ready after 10 s; 3 needs 1, which is ready as soon as it runs.
        let top = needing(&[0], 0, service(3, 0, 1, 1_000));
        let workloads = vec![needing(&[1], 0, service(1, 2, 2, 1_000)), needing(&[], 10, service(2, 5, 2, 1_000)), top];
        let (outcome, tape) = run(town(workloads, architecture));
        assert_eq!(
            starts(&tape, &["2/0", "2/1", "1/0", "1/1", "3/0"]),
            [5, 5, 15, 15, 15].map(Some),
            "{architecture:?}"
        );
        assert_eq!(numbers(&outcome), [Some(2.0), Some(0.0), Some(14.0), Some(15.0)], "{architecture:?}");
        assert!(tape.rows.iter().all(|row| row.wait == Some(Span::ZERO)), "waiting for others is not waiting for room");
        assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    }
}

#[test]
fn a_replica_that_gets_its_room_late_holds_up_those_who_need_it() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        // All but one of eight nodes are busy until 20 s, so that the second replica starts then; it is ready at 30 s.
        let busy = workload(vec![job(9, 0, group(7, 1_000, 20))]);
        let workloads =
            vec![busy, needing(&[2], 0, service(1, 1, 1, 1_000)), needing(&[], 10, service(2, 1, 2, 1_000))];
        let (outcome, tape) = run(town(workloads, architecture));
        assert_eq!(starts(&tape, &["2/0", "2/1", "1/0"]), [1, 20, 30].map(Some), "{architecture:?}");
        assert_eq!(numbers(&outcome), [Some(1.0), Some(0.0), Some(29.0), Some(29.0)]);
    }
}

#[test]
fn who_waits_in_vain_never_started_and_the_run_ends() {
    for architecture in ALL {
        // 2 fits no node; 4 has no services at all.
        let workloads = vec![
            needing(&[1], 0, service(1, 0, 2, 1_000)),
            needing(&[], 0, service(2, 0, 1, 9_000)),
            needing(&[0], 0, service(3, 0, 3, 1_000)),
            workload(vec![job(4, 0, group(1, 1_000, 5))]),
            needing(&[3], 0, service(5, 0, 1, 1_000)),
        ];
        let (outcome, tape) = run(town(workloads, architecture));
        let waiting: Vec<_> = tape.rows.iter().filter(|row| row.state == State::Pending).collect();
        assert_eq!((waiting.len(), number(&outcome, "tasks.pending_at_end")), (7, 7.0), "{architecture:?}");
        assert_eq!(numbers(&outcome), [Some(0.0), Some(6.0), None, None]);
        assert_eq!(number(&outcome, "tasks.submitted"), 8.0);
        let warned = |what: &str| outcome.warnings.iter().any(|warning| warning.contains(what));
        assert!(warned("6 tasks never started, since services that they need were not ready: `1`"));
        // Who needs each other is a defect of whoever set this up; it does not hang.
        let pair = vec![needing(&[1], 0, service(1, 0, 1, 1_000)), needing(&[0], 0, service(2, 0, 1, 1_000))];
        assert_eq!(numbers(&run(town(pair, architecture)).0)[1], Some(2.0));
    }
}

#[test]
fn of_upgrades_at_one_instant_those_of_what_is_needed_come_first() {
    for architecture in [Architecture::Monolithic, Architecture::SharedState] {
        let upgraded = |needs: &[usize], name: u64, cpu: u32| {
            let mut workload = needing(needs, 0, service(name, 0, 1, cpu));
            let ready_after = Span::from_seconds(10);
            let upgrades = Upgrades { at: vec![seconds(100)], health_milli: 1_000, over_milli: 0, ready_after };
            workload.rules.service.as_mut().expect("it has some").upgrades = Some(upgrades);
            workload
        };
        // 1 needs 2, which needs 3: each upgrade takes 10 s.
        let chain = vec![upgraded(&[1], 1, 1_000), upgraded(&[2], 2, 1_000), upgraded(&[], 3, 1_000)];
        let (outcome, tape) = run(town(chain, architecture));
        let versions = ["3+v2/0", "2+v2/0", "1+v2/0"];
        assert_eq!(starts(&tape, &versions), [100, 110, 120].map(Some), "{architecture:?}");
        let upgrades = ["begun", "finished"].map(|name| number(&outcome, &format!("services.upgrades.{name}")));
        assert_eq!(upgrades, [3.0, 3.0]);
        // Without room for the next version of what is needed, nothing else is upgraded.
        let mut stuck = town(vec![upgraded(&[1], 1, 1_000), upgraded(&[], 2, 3_000)], architecture);
        stuck.fleet = fleet(&[(3_000, 0), (1_000, 0), (1_000, 0)]);
        let (outcome, tape) = run(stuck);
        assert_eq!(starts(&tape, &["2/0", "1/0", "2+v2/0", "1+v2/0"]), [Some(0), Some(0), None, None]);
        let upgrades = ["begun", "finished"].map(|name| number(&outcome, &format!("services.upgrades.{name}")));
        assert_eq!(upgrades, [1.0, 0.0]);
    }
}
