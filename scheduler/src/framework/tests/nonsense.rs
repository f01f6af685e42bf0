//! Events that nobody in his right mind would send: the core may be wrong about the world, but it stays alive.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Stage, only};
use crate::Scheduler;
use crate::backfill::BACKFILLS;
use crate::config::{Architecture, Choice, Config, HeadOfLine, Instant, Unplaceable};
use crate::core::{Core, Registries};
use crate::draw::mix;
use crate::event::{
    Budget, Claim, Displacement, Ending, Event, GpuRequest, GpuSet, JobKind, JobSpec, Launch, Loss, NodeSpec, Offer,
    Retry, Room, ServiceUpgrade, Standing,
};
use crate::id::{JobId, NodeId, OfferId, PartyId, RoleId, TaskId};
use crate::layout::{Choose, Law, Layout, Level, Preference, Rule, Wish};
use crate::partition::{Cap, Limits, Partition, Qos, Reservation, Terms};
use crate::placement::PLACEMENTS;
use crate::preemption::PREEMPTIONS;
use crate::queue::QUEUES;
use crate::resources::{LANES, Resources};
use crate::rules::{Resident, Rules};
use crate::service::{Delays, KillSelection, Strategy};
use crate::time::{Span, Time};

/// A number that is mostly plausible, and now and then as large as can be.
fn wild(word: u64, plausible: u64) -> u64 {
    match word >> 58 {
        0 => u64::MAX,
        1 => u64::MAX - (word & 7),
        2 => 0,
        _ => word % plausible,
    }
}

fn row(word: u64) -> Resources {
    let mut row = Resources::ZERO;
    for lane in 0..LANES {
        let word = mix(word ^ lane as u64);
        row[lane] = match word % 11 {
            0 => u32::MAX,
            1 => u32::MAX / 2 + 1,
            2..=6 => 0,
            _ => (word >> 32) as u32 % 5_000,
        };
    }
    row
}

fn job(word: u64) -> JobSpec {
    let draw = |index: u64| mix(word ^ mix(index));
    JobSpec {
        job: JobId(wild(draw(0), 50)),
        // Ids are handed out in order, so those that are alive at once are not worlds apart.
        first_task: TaskId(draw(1) % 600),
        count: (draw(2) % 9) as u32,
        kind: [JobKind::Batch, JobKind::Gang, JobKind::Service, JobKind::Daemon][draw(3) as usize % 4],
        request: row(draw(4)),
        gpu: GpuRequest { count: (draw(5) % 70) as u8, milli: (draw(6) % 2_000) as u16 },
        estimate: [None, Some(Span::ZERO), Some(Span(7)), Some(Span::FOREVER)][draw(7) as usize % 4],
        priority: draw(8) as i32,
        role: RoleId(draw(9) as u16),
        constraints: if draw(10) % 4 == 0 { only("zone", "a") } else { None },
        loss: if draw(11) % 2 == 0 { Loss::Rerun } else { Loss::Fail },
        terms: Terms {
            user: draw(13) as u16 % 3,
            partition: Some(draw(14) as u16 % 4),
            qos: Some(draw(15) as u16 % 4),
            reservation: (draw(16) % 4 == 0).then_some(draw(17) as u16 % 3),
        },
        layout: layout(draw(12)),
        protected: draw(13) % 4 == 0,
        disruption: [None, None, Some(0), Some(1)][draw(14) as usize % 4],
        retry: Retry::default(),
        rules: (draw(18) % 3 == 0).then(|| Arc::new(rules(draw(19)))),
    }
}

/// Anything that a job can be held to.
fn rules(word: u64) -> Rules {
    let draw = |index: u64| mix(word ^ mix(index));
    let retry = Retry { most: Some(draw(0) as u32 % 3), pause: Span(wild(draw(1), 50)), pause_most: Span::ZERO };
    Rules {
        start_by: (draw(2) % 2 == 0).then(|| Time(wild(draw(3), 200))),
        failures: (draw(4) % 2 == 0).then_some(retry),
        delays: (draw(5) % 2 == 0).then_some(Delays::default()),
        unreachable: (draw(6) % 2 == 0).then(|| Strategy { inactive: Span(wild(draw(7), 9)), expunge: Span::FOREVER }),
        resident: (draw(10) % 2 == 0).then(|| Resident { replace_after: Some(Span(wild(draw(11), 50))) }),
        leave_at: (draw(8) % 2 == 0).then(|| Time(wild(draw(9), 200))),
    }
}

/// Anything that can be said of places.
fn layout(word: u64) -> Option<Arc<Layout>> {
    let draw = |index: u64| mix(word ^ mix(index));
    let number = [0, 1, 2, u32::MAX][draw(0) as usize % 4];
    let law = [
        Law::Unique,
        Law::Cluster,
        Law::MaxPer(number),
        Law::GroupBy(number),
        Law::GroupByOld(number),
        Law::Skew { most: number, domains: draw(1) as u32 % 3 },
    ][draw(2) as usize % 6];
    let attribute = ["zone", "hostname", "nowhere"][draw(3) as usize % 3].to_string();
    let rule = Rule { attribute: attribute.clone(), law };
    let preference = Preference { weight: draw(4) as u32, wish: Wish::Rule(rule.clone()) };
    let level = Level { kind: attribute, required: draw(5) % 2 == 0 };
    let layout = match draw(6) % 12 {
        0 => Layout { rules: vec![rule], ..Layout::default() },
        1 => Layout { preferences: vec![preference; draw(7) as usize % 7], ..Layout::default() },
        2 => Layout { within: vec![level], choose: Choose::LeastFragmentation, ..Layout::default() },
        _ => return None,
    };
    Some(Arc::new(layout))
}

fn config(word: u64) -> Box<Config> {
    let draw = |index: u64| mix(word ^ mix(index)) as usize;
    let known = PLACEMENTS[draw(0) % PLACEMENTS.len()].name;
    Box::new(Config {
        placement: Choice::named(if draw(1) % 8 == 0 { "nonsense" } else { known }),
        queue: Choice::named(QUEUES[draw(2) % QUEUES.len()].name),
        head_of_line: if draw(3) % 2 == 0 { HeadOfLine::Skip } else { HeadOfLine::Block },
        unplaceable: if draw(4) % 3 == 0 { Unplaceable::Reject } else { Unplaceable::Wait },
        instant: if draw(5) % 2 == 0 { Instant::Batched } else { Instant::PerEvent },
        interval: [Span::ZERO, Span::ZERO, Span(3), Span::FOREVER][draw(6) % 4],
        explain: draw(7) % 2 == 0,
        backfill: Choice::named(BACKFILLS[draw(8) % BACKFILLS.len()].name),
        preemption: Choice::named(PREEMPTIONS[draw(10) % PREEMPTIONS.len()].name),
        ..terms(word, draw(9) % 2 == 0)
    })
}

/// Partitions, qualities of service and reservations of all sorts, or none.
fn terms(word: u64, any: bool) -> Config {
    if !any {
        return Config::default();
    }
    let draw = |index: u64| mix(word ^ mix(200 + index));
    let cap = |index: u64| Cap { cpu_milli: Some(wild(draw(index), 9_000)), jobs: Some(draw(index + 1) % 4) };
    let limits = |index: u64| Limits {
        job_cpu_milli: (draw(index) % 2 == 0).then_some(wild(draw(index), 9_000)),
        time: [None, Some(Span(9)), Some(Span::FOREVER)][draw(index + 1) as usize % 3],
        all: cap(index + 2),
        account: if draw(index + 4) % 2 == 0 { Cap::default() } else { cap(index + 5) },
        ..Limits::default()
    };
    let nodes = |index: u64| if draw(index) % 2 == 0 { only("zone", "a") } else { None };
    let partition = |index: u64| Partition {
        nodes: nodes(index),
        tier: draw(index + 1) as i32,
        factor: 0.5,
        qos: Some(draw(index + 2) as u16 % 3),
        limits: if draw(index + 3) % 2 == 0 { Limits::default() } else { limits(index + 4) },
        ..Partition::default()
    };
    let reservation = |index: u64| Reservation {
        nodes: nodes(index),
        amount: (draw(index + 1) % 2 == 0).then(|| row(draw(index + 2))),
        start: Time(wild(draw(index + 3), 90)),
        length: Span(wild(draw(index + 4), 20)),
        every: Span(wild(draw(index + 5), 40)),
        times: draw(index + 6) as u32 % 5,
    };
    Config {
        partitions: vec![partition(0), partition(20)],
        qos: vec![Qos { factor: 1.0, limits: limits(40) }],
        reservations: vec![reservation(60), reservation(80)],
        ..Config::default()
    }
}

fn standing(word: u64) -> Standing {
    let draw = |index: u64| mix(word ^ mix(300 + index));
    let budget = Budget { set: draw(0) as u32 % 3, keep: draw(1) as u32 % 4 };
    Standing {
        since: Time(draw(2) % 90),
        priority: draw(3) as i32 % 5,
        protected: draw(4) % 4 == 0,
        held: draw(5) % 4 == 0,
        budget: (draw(6) % 3 == 0).then_some(budget),
    }
}

fn event(kind: u8, word: u64) -> Event {
    let draw = |index: u64| mix(word ^ mix(100 + index));
    let (task, node) = (TaskId(wild(draw(0), 600)), NodeId(wild(draw(1), 20) as u32));
    let (offer, gpus, from) = (OfferId(draw(2)), GpuSet(draw(3) & draw(4)), PartyId(draw(5) as u16));
    match kind % 27 {
        0..=6 => Event::JobSubmitted(job(word)),
        7..=11 => {
            let endings = [Ending::Finished, Ending::Failed, Ending::Killed, Ending::Evicted];
            Event::TaskEnded { task: TaskId(draw(6) % 620), ending: endings[draw(7) as usize % 4] }
        }
        12 => Event::TaskEnded { task, ending: Ending::Lost },
        13..=15 => {
            let attributes = if draw(8) % 2 == 0 { vec![("zone".to_string(), "a".to_string())] } else { vec![] };
            Event::NodeAdded(Box::new(NodeSpec {
                // A fleet is a table by node: its numbers are never far apart.
                node: NodeId(draw(9) as u32 % 24),
                capacity: row(draw(10)),
                gpus: draw(11) as u8,
                attributes,
                domains: vec![("rack".to_string(), "r".to_string())],
            }))
        }
        16 => Event::NodeLost { node },
        17 => Event::TaskAdopted { spec: job(word), node, gpus },
        18 => Event::Reconfigured(config(word)),
        19 => Event::Configured(config(word)),
        20 => Event::Woken,
        21 => Event::Offered(Offer { offer, node, role: RoleId(0), resources: row(word), gpus, reserved: row(0) }),
        22 => {
            let (request, resident) = (row(word), word.is_multiple_of(2));
            Event::LaunchRequested(Launch { from, offer, task, request, gpus, count: 1, more: false, resident })
        }
        23 => Event::TaskStarted { task },
        25 => Event::HomeUnreserved { task },
        24 => Event::ServiceUpgraded(Box::new(ServiceUpgrade {
            service: TaskId(draw(9) % 4),
            job: JobId(draw(18) % 4),
            version: draw(10) as u32,
            count: wild(draw(11), 20) as u32,
            tasks: (12..15).map(|index| (TaskId(wild(draw(index), 600)), draw(index) as u32 % 20)).collect(),
            health_milli: wild(draw(15), 1_001) as u32,
            over_milli: wild(draw(16), 1_001) as u32,
            ready_after: Span(wild(draw(17), 2_000_000)),
            kill: KillSelection::OldestFirst,
        })),
        _ => Event::ClaimRequested(Claim {
            from,
            node,
            task,
            request: row(word),
            gpus,
            milli: 0,
            count: 1,
            more: false,
            seen: Time(word),
            resident: word.is_multiple_of(2),
            standing: standing(word),
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_kills_the_core(
        begins_configured in any::<bool>(),
        steps in proptest::collection::vec((any::<u8>(), any::<u64>(), 0_u8..4, 0_u64..5), 1..150),
    ) {
        let mut core = Core::new(&Registries::default());
        let mut now = Time::ZERO;
        let mut decisions = vec![];
        if begins_configured {
            core.step(PartyId::FIRST, now, &[Event::Configured(config(1))], &mut decisions).expect("never gone");
        }
        for (kind, word, count, later) in steps {
            now = now + Span(later);
            let events: Vec<Event> =
                (0..=count).map(|at| event(kind.wrapping_add(at * 7), mix(word ^ u64::from(at)))).collect();
            decisions.clear();
            core.step(PartyId::FIRST, now, &events, &mut decisions).expect("never gone");
        }
        prop_assert!(core.fork().is_some());
    }
}

/// News of those who share a fleet: true, stale or made up.
fn gossip(kind: u8, word: u64) -> Event {
    let draw = |index: u64| mix(word ^ mix(400 + index));
    let party = PartyId(draw(0) as u16 % 3);
    let (task, victim) = (TaskId(draw(1) % 60), TaskId(draw(2) % 60));
    let (node, gpus) = (NodeId(draw(3) as u32 % 24), GpuSet(draw(4) & draw(5) & 7));
    let (request, milli, standing) = (row(draw(6)), draw(7) as u16 % 1_001, standing(draw(8)));
    let room = Room { party, task, node, request, gpus, milli, standing };
    let (count, more) = (1 + draw(9) as u32 % 2, draw(10) % 3 == 0);
    match kind % 6 {
        0 => Event::RoomTaken(room),
        1 => Event::RoomFreed(room),
        2 => {
            let (grace, requeue) = (Span::ZERO, true);
            Event::DisplacementRequested(Displacement { from: party, task, victim, grace, requeue, more })
        }
        3 | 4 => {
            let seen = Time(draw(11) % 90);
            let resident = draw(20) % 2 == 0;
            let claim = Claim { from: party, node, task, request, gpus, milli, count, more, seen, standing, resident };
            Event::ClaimRequested(claim)
        }
        _ => Event::LaunchRefused { task },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_news_kills_those_who_share_a_fleet(
        steps in proptest::collection::vec((any::<u8>(), any::<u64>(), 0_u8..4, 0_u64..5, 0_u16..3), 1..150),
    ) {
        let mut core = Core::new(&Registries::default());
        let mut now = Time::ZERO;
        let mut decisions = vec![];
        for party in 0..3 {
            let shared = Config { architecture: Architecture::SharedState, ..*config(1 + u64::from(party)) };
            let shared = Config { preemption: Choice::named("priority"), ..shared };
            core.step(PartyId(party), now, &[Event::Configured(Box::new(shared))], &mut decisions).expect("never gone");
        }
        for (kind, word, count, later, party) in steps {
            now = now + Span(later);
            let one = |at: u8| {
                let (kind, word) = (kind.wrapping_add(at * 7), mix(word ^ u64::from(at)));
                match word % 2 {
                    0 => gossip(kind, word),
                    // What it is told to be, it stays.
                    _ => match event(kind, word) {
                        Event::Configured(_) | Event::Reconfigured(_) => Event::Woken,
                        event => event,
                    },
                }
            };
            let events: Vec<Event> = (0..=count).map(one).collect();
            decisions.clear();
            core.step(PartyId(party), now, &events, &mut decisions).expect("never gone");
        }
    }
}

#[test]
fn the_last_task_ids_there_are_do_no_harm() {
    let mut stage = Stage::with(Config::default(), &[(2_000, 0)]);
    for kind in [JobKind::Batch, JobKind::Gang, JobKind::Service] {
        let spec = JobSpec { first_task: TaskId(u64::MAX), kind, ..stage.tasks(5, 1_000, 0) };
        stage.submit(spec);
        stage.finish(u64::MAX);
    }
}

#[test]
fn clocks_that_jump_to_the_end_of_time_do_no_harm() {
    let config = Config { interval: Span(7), instant: Instant::PerEvent, ..Config::default() };
    let mut stage = Stage::with(config, &[(1_000, 0)]);
    let spec = JobSpec { estimate: Some(Span(u64::MAX - 1)), ..stage.tasks(3, 1_000, 0) };
    stage.submit(spec);
    for now in [Time::NEVER, Time::ZERO, Time(5), Time(u64::MAX - 1)] {
        stage.now = now;
        stage.hear(&[Event::Woken]);
        stage.finish(0);
    }
}
