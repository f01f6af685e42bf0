//! The whole core against a scheduler that tries every waiting task at every pass and asks every node: the
//! specification of what parking, waking and blocking may leave out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Stage, node, only, placed_by};
use crate::config::{Choice, Config, HeadOfLine, Unplaceable};
use crate::decision::Decision;
use crate::event::{Ending, Event, GpuSet, JobKind, JobSpec, Loss, NodeSpec};
use crate::id::{NodeId, TaskId};
use crate::index::{Asked, Place, Scan};
use crate::ledger::{Ledger, ShapeId};
use crate::placement::{Balanced, BestFit, FirstFit, LeastAllocated, MostAllocated, WorstFit};
use crate::queue::{Order, QUEUES, Sight, Waiter};
use crate::time::{Span, Time};

const POLICIES: [&str; 6] = ["best-fit", "first-fit", "worst-fit", "least-allocated", "most-allocated", "balanced"];

fn scan(policy: &str) -> Box<dyn Place> {
    match policy {
        "best-fit" => Box::new(Scan(BestFit)),
        "first-fit" => Box::new(Scan(FirstFit)),
        "worst-fit" => Box::new(Scan(WorstFit)),
        "least-allocated" => Box::new(Scan(LeastAllocated)),
        "most-allocated" => Box::new(Scan(MostAllocated)),
        _ => Box::new(Scan(Balanced)),
    }
}

/// A task, or a gang as a whole.
#[derive(Clone)]
struct Unit {
    spec: JobSpec,
    shape: ShapeId,
    members: u32,
    submit: Time,
    since: Time,
    nodes: Vec<NodeId>,
}

/// What came of a pass: starts (one entry per member) and tasks given up, in order.
#[derive(Debug, Default, PartialEq)]
struct Verdict {
    starts: Vec<(u64, u32)>,
    rejected: Vec<u64>,
    waits: Vec<(u64, u64)>,
}

struct Naive {
    config: Config,
    order: Box<dyn Order>,
    place: Box<dyn Place>,
    ledger: Ledger,
    waiting: BTreeMap<(u64, u64), Unit>,
    running: BTreeMap<u64, Unit>,
}

impl Naive {
    fn new(config: &Config) -> Self {
        let queue = QUEUES.iter().find(|queue| queue.name == config.queue.name).expect("a queue");
        Self {
            config: config.clone(),
            order: (queue.build)(config),
            place: scan(&config.placement.name),
            ledger: Ledger::default(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    fn hear(&mut self, now: Time, event: &Event) {
        match event {
            Event::NodeAdded(spec) => self.ledger.add_node(spec),
            Event::NodeLost { node } => self.ledger.lose_node(*node),
            Event::JobSubmitted(spec) => {
                let is_gang = spec.kind == JobKind::Gang;
                for unit in 0..if is_gang { 1 } else { u64::from(spec.count) } {
                    let shape = self.ledger.shape_of(spec);
                    let members = if is_gang { spec.count } else { 1 };
                    let unit_spec = JobSpec { first_task: TaskId(spec.first_task.0 + unit), ..spec.clone() };
                    self.wait(now, Unit { spec: unit_spec, shape, members, submit: now, since: now, nodes: vec![] });
                }
            }
            Event::TaskEnded { task, ending } => {
                let Some(mut unit) = self.running.remove(&task.0) else { return };
                self.holds(now, &unit, -1);
                let shape = *self.ledger.shapes().shape(unit.shape);
                for node in unit.nodes.drain(..) {
                    self.ledger.release(&shape, node, 1, GpuSet::NONE);
                }
                let again = match (unit.spec.kind, ending) {
                    (_, Ending::Killed) => false,
                    (JobKind::Service, _) => true,
                    (_, ending) => *ending == Ending::Lost && unit.spec.loss == Loss::Rerun,
                };
                if again {
                    self.wait(now, unit);
                }
            }
            _ => {}
        }
    }

    fn wait(&mut self, now: Time, unit: Unit) {
        let key = self.key(now, &unit);
        self.waiting.insert((key, unit.spec.first_task.0), Unit { since: now, ..unit });
    }

    fn key(&self, now: Time, unit: &Unit) -> u64 {
        let sight = Sight { now, cpu_milli: self.ledger.capacity_total().0[0] };
        self.order.key(&Waiter::new(&unit.spec, unit.submit), &sight)
    }

    /// Sorts everybody anew.
    fn reorder(&mut self, now: Time) {
        let units = core::mem::take(&mut self.waiting);
        self.waiting = units.into_iter().map(|((_, task), unit)| ((self.key(now, &unit), task), unit)).collect();
    }

    fn holds(&mut self, now: Time, unit: &Unit, sign: i64) {
        let waiter = Waiter::new(&unit.spec, unit.submit);
        self.order.holds(now, waiter.role, sign * waiter.cpu_milli as i64);
    }

    /// Tries everybody in order.
    fn pass(&mut self, now: Time) -> Verdict {
        let mut verdict = Verdict::default();
        if self.order.ages() && self.config.unplaceable == Unplaceable::Wait {
            self.reorder(now);
        }
        let mut started = Vec::new();
        let order: Vec<(u64, u64)> = self.waiting.keys().copied().collect();
        for key in order {
            let task = key.1;
            let mut unit = self.waiting[&key].clone();
            if self.try_to_place(&mut unit) {
                verdict.starts.extend(unit.nodes.iter().map(|node| (task, node.0)));
                if now > unit.since {
                    verdict.waits.push((task, now.since(unit.since).0));
                }
                self.waiting.remove(&key);
                started.push(unit.clone());
                self.running.insert(task, unit);
            } else if self.config.unplaceable == Unplaceable::Reject {
                verdict.rejected.push(task);
                self.waiting.remove(&key);
            } else if self.config.head_of_line == HeadOfLine::Block {
                break;
            }
        }
        for unit in started {
            self.holds(now, &unit, 1);
        }
        verdict
    }

    fn try_to_place(&mut self, unit: &mut Unit) -> bool {
        let shape = *self.ledger.shapes().shape(unit.shape);
        let asked = Asked { task: unit.spec.first_task, shape: unit.shape };
        while unit.nodes.len() < unit.members as usize {
            let Some(node) = self.place.place(&self.ledger, asked, &mut 0) else {
                for node in unit.nodes.drain(..) {
                    self.ledger.release(&shape, node, 1, GpuSet::NONE);
                }
                return false;
            };
            assert!(self.ledger.take(&shape, node, 1, GpuSet::NONE));
            unit.nodes.push(node);
        }
        true
    }
}

/// The decisions of the core in the same words. A wait whose causes do not add up has no place in them.
fn verdict_of(decisions: &[Decision]) -> Verdict {
    let mut verdict = Verdict::default();
    for decision in decisions {
        match *decision {
            Decision::Place { task, node, count, .. } => {
                verdict.starts.extend((0..count).map(|_| (task.0, node.0)));
            }
            Decision::Reject { task, count } => verdict.rejected.extend((0..u64::from(count)).map(|at| task.0 + at)),
            Decision::Waited { task, causes } => {
                verdict.waits.push((task.0, causes.iter().map(|cause| cause.0).sum()));
            }
            _ => {}
        }
    }
    verdict
}

/// Both schedulers, and the numbers that jobs get.
struct Duel {
    stage: Stage,
    naive: Naive,
    lost: Vec<u32>,
    nodes: u32,
    gangs: BTreeMap<u64, u32>,
}

fn node_spec(id: u32, word: u64) -> NodeSpec {
    let cpu = [1_000, 2_000, 3_000, 8_000][(word % 4) as usize];
    let memory = [8, 16, 64][(word / 4 % 3) as usize];
    let zone = ["a", "b"][(word / 12 % 2) as usize];
    NodeSpec { attributes: vec![("zone".into(), zone.into())], ..node(id, cpu, memory) }
}

impl Duel {
    fn new(config: Config, nodes: u32) -> Self {
        let naive = Naive::new(&config);
        let mut duel = Self { stage: Stage::new(config), naive, lost: vec![], nodes: 0, gangs: BTreeMap::new() };
        for at in 0..nodes {
            let joined = duel.join(u64::from(at) * 5);
            duel.round(&[joined]).expect("nobody waits");
        }
        duel
    }

    fn join(&mut self, word: u64) -> Event {
        self.nodes += 1;
        Event::NodeAdded(Box::new(node_spec(self.nodes - 1, word)))
    }

    fn job(&mut self, word: u64) -> Event {
        let count = 1 + (word >> 8) as u32 % 4;
        let (cpu, memory) = (500 * ((word >> 12) as u32 % 6), (word >> 20) as u32 % 12);
        let kind = [JobKind::Batch, JobKind::Batch, JobKind::Gang, JobKind::Service][(word >> 24) as usize % 4];
        let spec = JobSpec {
            kind,
            priority: (word >> 28) as i32 % 3,
            estimate: [None, Some(Span(5)), Some(Span(9))][(word >> 32) as usize % 3],
            loss: if word >> 36 & 1 == 0 { Loss::Rerun } else { Loss::Fail },
            constraints: if (word >> 40).is_multiple_of(4) { only("zone", "b") } else { None },
            ..self.stage.tasks(count, cpu, memory)
        };
        if kind == JobKind::Gang {
            self.gangs.insert(spec.first_task.0, count);
        }
        Event::JobSubmitted(spec)
    }

    /// The facts of one instant.
    fn events(&mut self, kind: u8, word: u64) -> Vec<Event> {
        let running: Vec<u64> = self.naive.running.keys().copied().collect();
        let any_task = running.get((word % running.len().max(1) as u64) as usize).copied();
        match (kind % 16, any_task) {
            (0..=6, _) => vec![self.job(word), self.job(word.rotate_left(17))],
            (7..=11, Some(task)) => {
                let ending =
                    [Ending::Finished, Ending::Failed, Ending::Killed, Ending::Finished][(word >> 60) as usize % 4];
                vec![Event::TaskEnded { task: TaskId(task), ending }, self.job(word)]
            }
            (12, _) => {
                let node = (word % u64::from(self.nodes.max(1))) as u32;
                if self.lost.contains(&node) || self.nodes == 0 {
                    return vec![];
                }
                self.lost.push(node);
                let hit = self.naive.running.iter().filter(|(_, unit)| unit.nodes.contains(&NodeId(node)));
                let ends = hit.map(|(&task, _)| Event::TaskEnded { task: TaskId(task), ending: Ending::Lost });
                [Event::NodeLost { node: NodeId(node) }].into_iter().chain(ends).collect()
            }
            (13, _) => match self.lost.pop() {
                Some(node) => vec![Event::NodeAdded(Box::new(node_spec(node, word)))],
                None => vec![],
            },
            (14, _) => vec![self.join(word)],
            _ => running
                .iter()
                .take(3)
                .map(|&task| Event::TaskEnded { task: TaskId(task), ending: Ending::Finished })
                .collect(),
        }
    }

    /// One instant; says what differs.
    fn round(&mut self, events: &[Event]) -> Result<(), String> {
        for event in events {
            self.naive.hear(self.stage.now, event);
        }
        let mut expected = self.naive.pass(self.stage.now);
        self.stage.hear(events);
        // A gang that is given up is given up with all its members.
        expected.rejected = expected
            .rejected
            .iter()
            .flat_map(|&task| (0..u64::from(self.gangs.get(&task).copied().unwrap_or(1))).map(move |at| task + at))
            .collect();
        let verdict = verdict_of(&self.stage.decisions);
        if verdict == expected { Ok(()) } else { Err(format!("{verdict:?} for {expected:?}")) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_core_decides_as_if_it_tried_everybody_everywhere(
        nodes in 0_u32..12,
        choices in any::<(u8, u8, bool, u8)>(),
        ops in proptest::collection::vec((any::<u8>(), any::<u64>(), 0_u64..3), 1..120),
    ) {
        let (policy, queue, blocks, rejects) = choices;
        let config = Config {
            queue: Choice::named(QUEUES[usize::from(queue) % QUEUES.len()].name),
            head_of_line: if blocks { HeadOfLine::Block } else { HeadOfLine::Skip },
            unplaceable: if rejects % 4 == 0 { Unplaceable::Reject } else { Unplaceable::Wait },
            ..placed_by(POLICIES[usize::from(policy) % POLICIES.len()])
        };
        let mut duel = Duel::new(config, nodes);
        for (kind, word, later) in ops {
            duel.stage.now = duel.stage.now + Span(later);
            let events = duel.events(kind, word);
            duel.round(&events).map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(duel.stage.core.waiting(), duel.naive.waiting.len() as u64);
    }
}
