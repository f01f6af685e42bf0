//! Tiny scenes built so that every policy chooses differently: what each does is a snapshot, to be read by eye.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use windtunnel_scheduler::config::{Choice, Config, Typical};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::{Ending, GpuRequest};
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::{Decision, Event, JobId, JobSpec, NodeId, NodeSpec, PartyId, Scheduler, Span, TaskId, Time};

/// Cores, GiB and gpus of each node.
const NODES: &[(u32, u32, u8)] = &[
    (16, 64, 0),
    (8, 16, 0),
    (32, 64, 0),
    (16, 128, 0),
    (64, 256, 0),
    (32, 128, 4),
    (24, 96, 2),
    (64, 128, 8),
    (16, 32, 2),
];

/// What happens, a second each: a task of so many cores and GiB, gpus and thousandths of each, and believed seconds; or
/// the end of the task with this number.
enum Act {
    Task(u32, u32, u8, u16, u64),
    End(u64),
}

use Act::{End, Task};

const PLAY: &[Act] = &[
    Task(6, 12, 0, 0, 900),
    Task(2, 24, 0, 0, 60),
    Task(4, 8, 1, 400, 600),
    Task(4, 16, 0, 0, 1_000),
    Task(4, 8, 1, 1_000, 300),
    Task(2, 4, 1, 300, 100),
    Task(8, 8, 0, 0, 50),
    End(1),
    Task(4, 32, 2, 1_000, 2_000),
    Task(2, 2, 0, 0, 800),
    Task(4, 8, 1, 600, 600),
    Task(1, 8, 0, 0, 30),
    Task(2, 8, 1, 500, 60),
    Task(3, 3, 0, 0, 400),
    Task(1, 28, 0, 0, 20),
    Task(8, 10, 0, 0, 1_500),
    Task(8, 40, 0, 0, 90),
    Task(1, 20, 0, 0, 700),
    Task(1, 2, 0, 0, 3_000),
    Task(4, 1, 0, 0, 10),
];

/// Cores and GiB, gpus and thousandths of each, and how many of a hundred tasks are like that.
const TYPICAL: &[(u32, u32, u8, u16, u64)] = &[(4, 8, 1, 500, 40), (8, 16, 2, 1_000, 30), (2, 8, 0, 0, 30)];

fn row(cores: u32, gib: u32, milli: u32) -> Resources {
    let mut row = Resources::new(cores * 1_000, gib * 1_024);
    row[GPU] = milli;
    row
}

fn config(policy: &str) -> Config {
    let typical = TYPICAL.iter().map(|&(cores, gib, count, milli, tasks)| Typical {
        request: row(cores, gib, u32::from(count) * u32::from(milli)),
        gpu: GpuRequest { count, milli },
        constraints: None,
        tasks,
    });
    Config { placement: Choice::named(policy), typical: typical.collect(), seed: 1, ..Config::default() }
}

/// Where each task goes: the letter of its node, and the number of its gpu where it has one.
fn perform(policy: &str) -> Vec<String> {
    let mut core = Core::new(&Registries::default());
    let mut events = vec![Event::Configured(Box::new(config(policy)))];
    events.extend(NODES.iter().enumerate().map(|(at, &(cores, gib, gpus))| {
        let (node, capacity) = (NodeId(at as u32), row(cores, gib, u32::from(gpus) * 1_000));
        Event::NodeAdded(Box::new(NodeSpec { node, capacity, gpus, ..NodeSpec::default() }))
    }));
    let mut decisions = Vec::new();
    core.step(PartyId::FIRST, Time::ZERO, &events, &mut decisions).expect("never gone");
    let mut places = Vec::new();
    for (at, act) in (1..).zip(PLAY) {
        let event = match *act {
            Task(cores, gib, count, milli, seconds) => {
                let number = places.len() as u64;
                Event::JobSubmitted(JobSpec {
                    job: JobId(number),
                    first_task: TaskId(number),
                    count: 1,
                    request: row(cores, gib, u32::from(count) * u32::from(milli)),
                    gpu: GpuRequest { count, milli },
                    estimate: Some(Span::from_seconds(seconds)),
                    ..JobSpec::default()
                })
            }
            End(task) => Event::TaskEnded { task: TaskId(task), ending: Ending::Finished },
        };
        decisions.clear();
        core.step(PartyId::FIRST, Time::ZERO + Span::from_seconds(at), &[event], &mut decisions).expect("never gone");
        for decision in &decisions {
            if let Decision::Place { node, gpus, .. } = decision {
                let mut place = char::from(b'a' + node.0 as u8).to_string();
                gpus.iter().for_each(|gpu| place.push_str(&gpu.to_string()));
                places.push(place);
            }
        }
    }
    places
}

#[test]
fn every_placement_policy_goes_its_own_way() {
    let mut seen: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    let (mut scene, mut alike) = (String::new(), Vec::new());
    for policy in PLACEMENTS {
        let places = perform(policy.name);
        let tasks = PLAY.iter().filter(|act| matches!(act, Task(..))).count();
        assert_eq!(places.len(), tasks, "{}: everybody finds a place at once", policy.name);
        writeln!(scene, "{:32}{}", policy.name, places.iter().map(|place| format!("{place:4}")).collect::<String>())
            .expect("a text has room");
        if let Some(other) = seen.insert(places, policy.name) {
            alike.push((other, policy.name));
        }
    }
    assert!(alike.is_empty(), "these choose alike: {alike:?}\n{scene}");
    insta::assert_snapshot!(scene);
}
