//! Partitions, limits and reservations: what jobs may do by their terms, worked out by hand and against plain loops.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::shape::{Drive, Job, Machine, POOL, drive, drive_on, filled, jobs, within_capacity};
use crate::config::{Config, HeadOfLine, Instant};
use crate::event::NodeSpec;
use crate::framework::tests::{node, only};
use crate::id::RoleId;
use crate::partition::{Cap, Limits, Partition, Qos, Reservation, Terms};
use crate::resources::Resources;
use crate::time::{Span, Time};

const ONE_CPU: Machine = Machine::Nodes { cpus: 1 };

/// Ten nodes of one processor: `half` is left for the first five, and `end` says so of the outer four.
fn halves() -> Vec<NodeSpec> {
    let spec = |id: u32| {
        let half = if id < 5 { "left" } else { "right" };
        let end = if (2..8).contains(&id) { "no" } else { "yes" };
        let attributes = vec![("half".to_string(), half.to_string()), ("end".to_string(), end.to_string())];
        NodeSpec { attributes, ..node(id, 1_000, 0) }
    };
    (0..10).map(spec).collect()
}

/// The left half; the outer nodes, which overlap with it; all.
fn partitions() -> Vec<Partition> {
    let on = |name: &str, value: &str| Partition { nodes: only(name, value), ..Partition::default() };
    vec![on("half", "left"), on("end", "yes"), Partition::default()]
}

fn job(submit: u64, estimate: u64, procs: u64) -> Job {
    Job { submit, estimate, run: estimate, procs }
}

fn within(partition: u16) -> (Terms, RoleId) {
    (Terms { partition: Some(partition), ..Terms::default() }, RoleId(0))
}

fn starts(drive: &Drive) -> Vec<u64> {
    drive.starts.iter().map(|start| start.unwrap_or(u64::MAX)).collect()
}

fn policies() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["none", "easy", "conservative"])
}

fn strict(policy: &str, instant: Instant) -> Config {
    Config { head_of_line: HeadOfLine::Block, ..filled(policy, instant) }
}

/// True if every job is where its partition is.
fn in_their_nodes(drive: &Drive, terms: &[(Terms, RoleId)]) -> bool {
    drive.places.iter().zip(terms).all(|(places, (terms, _))| {
        places.iter().all(|&(id, _)| match terms.partition {
            Some(0) => id < 5,
            Some(1) => !(2..8).contains(&id),
            _ => true,
        })
    })
}

#[test]
fn a_partition_has_its_nodes_and_a_head_of_its_own() {
    // The left half is full until 10, so a job that wants all of it waits, and another behind it. The one for the
    // outer nodes finds two on the right; the last may have any node that nobody waits for.
    let jobs = [job(0, 10, 4), job(1, 10, 5), job(2, 5, 1), job(3, 5, 2), job(4, 20, 1)];
    let terms = [within(0), within(0), within(0), within(1), within(2)];
    let config = |policy| Config { partitions: partitions(), ..strict(policy, Instant::Batched) };
    let run = |policy| drive_on(&config(policy), &jobs, &halves(), ONE_CPU, &terms);
    // Strict order: job 1 holds up the left half for all behind it, and so the two outer nodes in it.
    assert_eq!(starts(&run("none")), [0, 10, 20, 3, 4]);
    // Job 2 ends before the left half is free, so it may use the fifth node; job 4 is put on the right.
    for policy in ["easy", "conservative"] {
        let drive = run(policy);
        assert_eq!(starts(&drive), [0, 10, 2, 3, 4], "{policy}");
        assert!(drive.places[4].iter().all(|&(node, _)| node >= 5), "{policy}: {:?}", drive.places);
        assert!(in_their_nodes(&drive, &terms));
    }
}

#[test]
fn a_higher_tier_goes_first_whatever_the_order_says() {
    let mut partitions = vec![Partition::default(), Partition::default()];
    partitions[1].tier = 5;
    let jobs = [job(0, 10, 10), job(1, 10, 10), job(2, 10, 10)];
    let terms = [within(0), within(0), within(1)];
    for policy in ["none", "easy", "conservative"] {
        let config = Config { partitions: partitions.clone(), ..strict(policy, Instant::Batched) };
        let drive = drive_on(&config, &jobs, &halves(), ONE_CPU, &terms);
        let expected = if policy == "conservative" { [0, 10, 20] } else { [0, 20, 10] };
        assert_eq!(starts(&drive), expected, "{policy}: a reserved start stands");
    }
}

#[test]
fn who_reaches_a_limit_waits_and_holds_up_nobody() {
    let account = Cap { jobs: Some(1), ..Cap::default() };
    let user = Cap { cpu_milli: Some(3_000), ..Cap::default() };
    let partition = Partition { limits: Limits { account, ..Limits::default() }, qos: Some(0), ..Partition::default() };
    let qos = Qos { limits: Limits { user, ..Limits::default() }, ..Qos::default() };
    let jobs = [job(0, 10, 2), job(1, 10, 2), job(2, 10, 2), job(3, 4, 2)];
    // Jobs 0 and 1 are of one account; jobs 0 and 2 of one user.
    let of = |user: u16, account: u16| (Terms { user, partition: Some(0), ..Terms::default() }, RoleId(account));
    let terms = [of(1, 1), of(2, 1), of(1, 2), of(3, 3)];
    for policy in ["none", "easy", "conservative"] {
        let (partitions, qos) = (vec![partition.clone()], vec![qos]);
        let config = Config { partitions, qos, ..strict(policy, Instant::Batched) };
        let drive = drive_on(&config, &jobs, &halves(), ONE_CPU, &terms);
        assert_eq!(starts(&drive), [0, 10, 10, 3], "{policy}");
        assert_eq!(drive.limited, [0, 9_000_000, 8_000_000, 0], "{policy}");
    }
}

#[test]
fn a_job_beyond_what_one_job_may_have_is_rejected() {
    let limits = Limits {
        job_cpu_least_milli: Some(2_000),
        job_cpu_milli: Some(4_000),
        time: Some(Span::from_seconds(10)),
        ..Limits::default()
    };
    let jobs = [job(0, 10, 4), job(0, 10, 5), job(0, 10, 1), job(0, 11, 2)];
    let config =
        Config { partitions: vec![Partition { limits, ..Partition::default() }], ..strict("easy", Instant::Batched) };
    let drive = drive_on(&config, &jobs, &halves(), ONE_CPU, &[within(0); 4]);
    assert_eq!((drive.starts[0], drive.rejected), (Some(0), vec![1, 2, 3]));
}

/// Six of ten processors from 10 to 20, and again from 40 on.
fn kept() -> Reservation {
    Reservation {
        nodes: None,
        amount: Some(Resources::new(6_000, 0)),
        start: Time(10_000_000),
        length: Span::from_seconds(10),
        every: Span::from_seconds(30),
        times: 2,
    }
}

#[test]
fn nobody_runs_into_a_reservation_and_its_own_run_in_it() {
    let inside = (Terms { reservation: Some(0), ..Terms::default() }, RoleId(0));
    // Job 0 would still hold five processors at 10; job 1 needs no more than the four that are left; job 2 is over by
    // then. Jobs 3 and 4 fit into the reservation one after the other, job 5 next time, job 6 never.
    let jobs = [job(0, 15, 5), job(0, 15, 4), job(0, 10, 5), job(1, 5, 6), job(1, 5, 6), job(1, 10, 6), job(1, 11, 1)];
    let terms = [within(9), within(9), within(9), inside, inside, inside, inside];
    for policy in ["none", "easy", "conservative"] {
        let head_of_line = HeadOfLine::Skip;
        let config = Config { reservations: vec![kept()], head_of_line, ..filled(policy, Instant::Batched) };
        let pool = [node(0, POOL as u32 * 1_000, 0)];
        let drive = drive_on(&config, &jobs, &pool, Machine::Pool, &terms);
        let expected = [20, 0, 0, 10, 15, 40].map(Some);
        assert_eq!((&drive.starts[..6], &drive.rejected[..]), (&expected[..], &[6][..]), "{policy}");
    }
}

#[test]
fn a_reservation_of_nodes_keeps_those_nodes() {
    let reservation = Reservation { nodes: only("half", "left"), amount: None, times: 1, ..kept() };
    let inside = (Terms { reservation: Some(0), ..Terms::default() }, RoleId(0));
    let jobs = [job(0, 15, 5), job(1, 9, 5), job(2, 10, 5), job(3, 30, 2)];
    let terms = [within(9), within(9), inside, within(9)];
    for policy in ["easy", "conservative"] {
        let config = Config { reservations: vec![reservation.clone()], ..filled(policy, Instant::Batched) };
        let drive = drive_on(&config, &jobs, &halves(), ONE_CPU, &terms);
        assert_eq!(starts(&drive), [0, 1, 10, 15], "{policy}");
        let left: Vec<bool> = drive.places.iter().map(|places| places.iter().all(|&(node, _)| node < 5)).collect();
        assert_eq!(left, [false, true, true, false], "{policy}");
    }
}

/// Who holds what at an instant never exceeds these.
fn limits_hold(jobs: &[Job], starts: &[u64], terms: &[(Terms, RoleId)], limits: &Limits) -> bool {
    let cap_holds = |cap: Cap, members: &[usize]| {
        let procs: u64 = members.iter().map(|&job| jobs[job].procs).sum();
        cap.jobs.is_none_or(|most| members.len() as u64 <= most)
            && cap.cpu_milli.is_none_or(|most| procs * 1_000 <= most)
    };
    starts.iter().all(|&at| {
        let there = |job: &usize| starts[*job] <= at && at < starts[*job].saturating_add(jobs[*job].run);
        let all: Vec<usize> = (0..jobs.len()).filter(there).collect();
        let of = |test: &dyn Fn(usize) -> bool| all.iter().copied().filter(|&job| test(job)).collect::<Vec<_>>();
        cap_holds(limits.all, &all)
            && (0..4).all(|account| cap_holds(limits.account, &of(&|job| terms[job].1.0 == account)))
            && (0..4).all(|user| cap_holds(limits.user, &of(&|job| terms[job].0.user == user)))
    })
}

fn cap() -> impl Strategy<Value = Cap> {
    (proptest::option::of(4_000_u64..12_000), proptest::option::of(1_u64..4))
        .prop_map(|(cpu_milli, jobs)| Cap { cpu_milli, jobs })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// One partition of all nodes without limits changes nothing.
    #[test]
    fn terms_that_say_nothing_change_nothing(jobs in jobs(false), policy in policies(), per_event: bool, pool: bool) {
        let plain = strict(policy, if per_event { Instant::PerEvent } else { Instant::Batched });
        let ruled = Config { partitions: vec![Partition::default()], ..plain.clone() };
        let machine = if pool { Machine::Pool } else { Machine::Nodes { cpus: 5 } };
        let expected = drive(&plain, &jobs, machine);
        prop_assert_eq!(&drive(&ruled, &jobs, machine), &expected, "{} {}", policy, per_event);
        let nodes: Vec<NodeSpec> = match machine {
            Machine::Pool => vec![node(0, POOL as u32 * 1_000, 0)],
            Machine::Nodes { cpus } => (0..POOL as u32 / cpus).map(|id| node(id, cpus * 1_000, 0)).collect(),
        };
        let named = drive_on(&ruled, &jobs, &nodes, machine, &vec![within(0); jobs.len()]);
        prop_assert_eq!(starts(&named), expected);
    }

    /// With overlapping partitions: nobody elsewhere, nothing twice, and with exact estimates whoever comes later
    /// delays no reserved start.
    #[test]
    fn partitions_are_kept_to(
        jobs in jobs(true), policy in policies(), seats in proptest::collection::vec(0_u16..3, 40), per_event: bool,
    ) {
        let most = |partition: u16| [5, 4, 10][usize::from(partition)];
        let jobs: Vec<Job> =
            jobs.iter().zip(&seats).map(|(job, &at)| Job { procs: job.procs.min(most(at)), ..*job }).collect();
        let terms: Vec<_> = seats.iter().take(jobs.len()).map(|&at| within(at)).collect();
        let instant = if per_event { Instant::PerEvent } else { Instant::Batched };
        let config = Config { partitions: partitions(), ..strict(policy, instant) };
        let all = drive_on(&config, &jobs, &halves(), ONE_CPU, &terms);
        prop_assert!(within_capacity(&jobs, &starts(&all)));
        prop_assert!(in_their_nodes(&all, &terms));
        if policy == "conservative" {
            for known in 1..jobs.len() {
                let few = drive_on(&config, &jobs[..known], &halves(), ONE_CPU, &terms[..known]);
                prop_assert_eq!(few.starts[known - 1], all.starts[known - 1]);
            }
        }
    }

    #[test]
    fn limits_are_kept_to(
        jobs in jobs(false),
        policy in policies(),
        who in proptest::collection::vec((0_u16..4, 0_u16..4), 40),
        (everybody, account, user) in (cap(), cap(), cap()),
    ) {
        let limits = Limits { all: everybody, account, user, ..Limits::default() };
        let terms: Vec<_> = who.iter().map(|&(user, account)| {
            (Terms { user, qos: Some(0), ..Terms::default() }, RoleId(account))
        }).collect();
        let config = Config { qos: vec![Qos { limits, ..Qos::default() }], ..strict(policy, Instant::Batched) };
        let nodes = [node(0, POOL as u32 * 1_000, 0)];
        let drive = drive_on(&config, &jobs, &nodes, Machine::Pool, &terms);
        prop_assert!(limits_hold(&jobs, &starts(&drive), &terms, &limits));
        let too_wide = |job: usize| !limits.admit(jobs[job].procs * 1_000, None);
        prop_assert!((0..jobs.len()).all(|job| drive.rejected.contains(&job) == too_wide(job)));
    }

    /// What is kept is free when it is kept, whatever is believed of run times, as long as it is not too little.
    #[test]
    fn reservations_are_kept(
        jobs in jobs(false), policy in policies(), seats in proptest::collection::vec(any::<bool>(), 40), skips: bool,
    ) {
        let head_of_line = if skips && policy == "none" { HeadOfLine::Skip } else { HeadOfLine::Block };
        let jobs: Vec<Job> = jobs.iter().zip(&seats).map(|(job, inside)| match inside {
            true => Job { procs: job.procs.min(6), submit: job.submit.min(30), ..*job },
            false => *job,
        }).collect();
        let mut jobs = jobs;
        jobs.sort_by_key(|job| job.submit);
        let terms: Vec<_> = seats.iter().take(jobs.len()).map(|&inside| {
            (Terms { reservation: inside.then_some(0), ..Terms::default() }, RoleId(0))
        }).collect();
        let jobs: Vec<Job> = jobs.iter().zip(&terms).map(|(job, (terms, _))| match terms.reservation {
            Some(_) => Job { procs: job.procs.min(6), ..*job },
            None => *job,
        }).collect();
        let config = Config {
            reservations: vec![Reservation { times: 60, ..kept() }],
            head_of_line,
            ..filled(policy, Instant::Batched)
        };
        let drive = drive_on(&config, &jobs, &[node(0, POOL as u32 * 1_000, 0)], Machine::Pool, &terms);
        let is_kept = |at: u64| at >= 10 && (at - 10) % 30 < 10;
        for at in 0..2_000_u64 {
            let there = |inside: bool| -> u64 {
                let runs = |job: usize| drive.starts[job].is_some_and(|from| from <= at && at < from + jobs[job].run);
                let counts = |job: &usize| runs(*job) && terms[*job].0.reservation.is_some() == inside;
                (0..jobs.len()).filter(counts).map(|job| jobs[job].procs).sum()
            };
            prop_assert!(there(true) <= if is_kept(at) { 6 } else { 0 }, "at {at}");
            prop_assert!(there(false) <= if is_kept(at) { 4 } else { POOL }, "at {at}");
        }
        prop_assert!(drive.rejected.iter().all(|&job| terms[job].0.reservation.is_some() && jobs[job].estimate > 10));
    }
}
