//! Making room: who leaves, who waits for it, and that nobody leaves for nothing.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::config::Setting;
use crate::draw::mix;
use crate::layout::{Law, Layout, Rule};
use crate::partition::{Cap, Limits, Partition, Terms};
use crate::preemption::PREEMPTIONS;

pub(super) fn preempting(name: &str, options: &[(&str, &str)]) -> Config {
    let mut preemption = Choice::named(name);
    for &(option, value) in options {
        preemption.options.insert(option.to_string(), Setting::Text(value.to_string()));
    }
    Config { queue: Choice::named("priority"), preemption, ..placed_by("first-fit") }
}

impl Stage {
    fn important(&mut self, priority: i32, cpu: u32) -> Step {
        let spec = JobSpec { priority, ..self.task(cpu, 0) };
        self.submit(spec)
    }

    /// Task, grace in seconds and whether it waits again, of every `Evict` of the last step.
    pub(super) fn evicted(&self) -> Vec<(u64, u64, bool)> {
        let evictions = self.decisions.iter().filter_map(|decision| match decision {
            Decision::Evict { task, grace, requeue } => Some((task.0, grace.0 / 1_000_000, *requeue)),
            _ => None,
        });
        evictions.collect()
    }
}

#[test]
fn the_lowest_then_the_fewest_then_the_least_lost_work() {
    let mut stage = Stage::with(preempting("priority", &[]), &[(4_000, 0), (4_000, 0), (4_000, 0)]);
    // Node 0: priorities 1 and 0; node 1: four of priority 0; node 2: two of priority 0, the second since 5 s.
    for (at, priority, cpu) in [(0, 1, 2_000), (0, 0, 2_000)] {
        stage.at(at).important(priority, cpu);
    }
    for _ in 0..4 {
        stage.at(0).important(0, 1_000);
    }
    stage.at(0).important(0, 2_000);
    stage.at(5).important(0, 2_000);
    assert_eq!(stage.core.waiting(), 0);
    // Two cores: one victim of priority 0 on node 0 or 2; the youngest loses least.
    stage.at(10).important(5, 2_000);
    assert_eq!((stage.evicted(), stage.places()), (vec![(7, 0, true)], vec![]));
    stage.end(7, Ending::Evicted);
    assert_eq!(stage.places(), [(8, 2, 1)], "what it gave up is for the one that it was for");
    // Four cores: a whole node; on node 1 four of the lowest priority go rather than one of a higher one.
    stage.at(20).important(5, 4_000);
    assert_eq!(stage.evicted().iter().map(|one| one.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
}

#[test]
fn never_an_equal_never_in_vain_never_the_protected() {
    let mut stage = Stage::with(preempting("priority", &[]), &[(2_000, 0), (2_000, 0)]);
    for priority in [3, 3, 1] {
        stage.important(priority, 1_000);
    }
    let spec = JobSpec { priority: 0, protected: true, ..stage.task(1_000, 0) };
    stage.submit(spec);
    for (priority, cpu) in [(3, 2_000), (9, 3_000), (1, 1_000)] {
        stage.important(priority, cpu);
        assert_eq!(stage.evicted(), [], "priority {priority}, {cpu} millicores");
    }
    stage.important(2, 1_000);
    assert_eq!(stage.evicted(), [(2, 0, true)], "one of priority 1 may leave, the protected one may not");
}

#[test]
fn room_that_was_made_is_held_against_all_others() {
    let mut stage = Stage::with(preempting("priority", &[("grace", "30s")]), &[(3_000, 0)]);
    stage.important(0, 1_000);
    stage.important(0, 1_000);
    stage.important(5, 3_000);
    assert_eq!(stage.evicted(), [(0, 30, true), (1, 30, true)]);
    stage.at(1).important(9, 1_000);
    assert_eq!(
        (stage.evicted(), stage.places()),
        (vec![], vec![]),
        "the free core is held for the one that came first"
    );
    stage.at(2).end(0, Ending::Finished);
    assert_eq!(stage.places(), []);
    stage.at(30).end(1, Ending::Evicted);
    // It waited 30 s for those that made room.
    let mut causes = [Span::ZERO; crate::cause::Cause::COUNT];
    causes[crate::cause::Cause::Preemption as usize] = Span::from_seconds(30);
    assert_eq!(stage.decisions[0], Decision::Waited { task: TaskId(2), causes });
    assert_eq!(stage.places(), [(2, 0, 1)]);
    assert_eq!(stage.core.waiting(), 2, "the one of priority 9, which came later, and the victim");
}

#[test]
fn modes_and_graces_are_those_of_the_policy() {
    for (name, options, expected) in [
        ("priority", &[("mode", "cancel")][..], (0, false)),
        ("kubernetes", &[], (30, true)),
        ("slurm", &[("grace", "5s"), ("mode", "cancel")], (5, false)),
    ] {
        let mut stage = Stage::with(preempting(name, options), &[(1_000, 0)]);
        stage.important(0, 1_000);
        stage.important(1, 1_000);
        assert_eq!(stage.evicted(), [(0, expected.0, expected.1)], "{name}");
    }
    let mut stage = Stage::with(preempting("none", &[]), &[(1_000, 0)]);
    stage.important(0, 1_000);
    stage.important(1, 1_000);
    assert_eq!(stage.evicted(), []);
}

#[test]
fn budgets_of_services_are_kept() {
    let mut stage = Stage::with(preempting("priority", &[]), &[(4_000, 0)]);
    let service = JobSpec { kind: JobKind::Service, disruption: Some(1), ..stage.tasks(4, 1_000, 0) };
    stage.submit(service);
    stage.important(5, 2_000);
    assert_eq!(stage.evicted(), [], "two replicas would be missing");
    stage.important(5, 1_000);
    assert_eq!(stage.evicted(), [(0, 0, true)]);
    stage.end(0, Ending::Evicted);
    assert_eq!(stage.places(), [(5, 0, 1)]);
    stage.important(5, 1_000);
    assert_eq!(stage.evicted(), [], "one is missing already");
}

#[test]
fn who_must_stay_may_make_a_node_the_better_one() {
    // Only the first and the last of 65 nodes, in two blocks, are large enough.
    let mut nodes = vec![(100, 0); 65];
    (nodes[0], nodes[64]) = ((2_000, 0), (3_000, 0));
    let mut stage = Stage::with(preempting("slurm", &[]), &nodes);
    for (second, cpu) in [(0, 1_000), (1, 1_000), (2, 2_000)] {
        stage.at(second).important(0, cpu);
    }
    let replica = JobSpec { kind: JobKind::Service, disruption: Some(0), ..stage.at(3).task(1_000, 0) };
    stage.submit(replica);
    assert_eq!(stage.node(), Some(64));
    // Two have to leave node 0. On node 64 the youngest would be the first of two; as it has to stay, one is enough.
    stage.at(4).important(5, 2_000);
    assert_eq!(stage.evicted(), [(2, 0, true)]);
}

#[test]
fn a_gang_makes_room_as_a_whole_and_for_a_gang_several_do() {
    let mut stage = Stage::with(preempting("priority", &[]), &[(2_000, 0), (2_000, 0), (2_000, 0)]);
    let gang = stage.gang(4, 1_000, 0);
    stage.submit(gang);
    stage.important(0, 2_000);
    let before = stage.books();
    let gang = JobSpec { priority: 1, ..stage.gang(4, 2_000, 0) };
    stage.submit(gang);
    assert_eq!((stage.evicted(), stage.books() == before), (vec![], true), "three nodes are not four");
    let gang = JobSpec { priority: 1, ..stage.gang(3, 2_000, 0) };
    let first = gang.first_task.0;
    stage.submit(gang);
    assert_eq!(stage.evicted(), [(0, 0, true), (4, 0, true)]);
    stage.end(4, Ending::Evicted);
    assert_eq!(stage.places(), []);
    stage.end(0, Ending::Evicted);
    assert_eq!(stage.places(), [(first, 0, 1), (first, 1, 1), (first, 2, 1)]);
}

#[test]
fn who_counted_on_a_node_that_is_lost_waits_again() {
    let mut stage = Stage::with(preempting("priority", &[("grace", "30s")]), &[(1_000, 0), (1_000, 0)]);
    let protected = JobSpec { protected: true, ..stage.task(1_000, 0) };
    stage.important(0, 1_000);
    stage.submit(protected);
    stage.important(5, 1_000);
    assert_eq!(stage.evicted(), [(1, 30, true)]);
    let lost = Event::TaskEnded { task: TaskId(1), ending: Ending::Lost };
    stage.hear(&[Event::NodeLost { node: NodeId(0) }, lost]);
    assert_eq!((stage.places(), stage.core.waiting()), (vec![], 2));
    stage.add(node(0, 1_000, 0));
    assert_eq!(stage.places(), [(2, 0, 1)]);
}

/// A world around the core: tasks told to leave do so after a while.
struct World {
    stage: Stage,
    waiting: Vec<u64>,
    running: Vec<u64>,
    leaving: Vec<u64>,
    priorities: BTreeMap<u64, i32>,
}

impl World {
    fn hear(&mut self, events: &[Event]) -> Result<(), TestCaseError> {
        self.stage.hear(events);
        for decision in self.stage.decisions.clone() {
            match decision {
                Decision::Place { task, more: false, .. } => {
                    self.waiting.retain(|&other| other != task.0);
                    self.running.push(task.0);
                }
                Decision::Evict { task, .. } => {
                    prop_assert!(self.running.contains(&task.0), "{} is not running", task.0);
                    let above = self.waiting.iter().any(|other| self.priorities[other] > self.priorities[&task.0]);
                    prop_assert!(above, "{} makes room for nobody above it", task.0);
                    prop_assert!(!self.leaving.contains(&task.0), "{} is told twice", task.0);
                    self.leaving.push(task.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self, task: u64, ending: Ending) -> Result<(), TestCaseError> {
        self.running.retain(|&other| other != task);
        self.leaving.retain(|&other| other != task);
        if ending == Ending::Evicted {
            self.waiting.push(task);
        }
        self.hear(&[Event::TaskEnded { task: TaskId(task), ending }])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_important_run_and_the_books_are_right(
        policy in 0..PREEMPTIONS.len(),
        fill in 0_usize..4,
        divided in any::<bool>(),
        words in prop::collection::vec(any::<u64>(), 1..90),
    ) {
        let backfill = Choice::named(["none", "easy", "head-only", "conservative"][fill]);
        let mut config = Config { backfill, ..preempting(PREEMPTIONS[policy].name, &[]) };
        config.placement = Choice::named("best-fit");
        if divided {
            let few = Limits { all: Cap { jobs: Some(2), ..Cap::default() }, ..Limits::default() };
            config.partitions = vec![Partition::default(), Partition { limits: few, ..Partition::default() }];
        }
        let stage = Stage::with(config, &[(4_000, 8), (3_000, 8), (2_000, 8)]);
        let empty = stage.books();
        let priorities = BTreeMap::new();
        let mut world = World { stage, waiting: vec![], running: vec![], leaving: vec![], priorities };
        for word in words {
            world.stage.now = world.stage.now + Span(1 + word % 3);
            let draw = |index: u64, bound: u64| mix(word ^ mix(index)) % bound;
            let any = world.running.get(draw(0, world.running.len().max(1) as u64) as usize).copied();
            match (draw(1, 4), world.leaving.first().copied(), any) {
                (0, Some(task), _) => world.end(task, Ending::Evicted)?,
                (1, _, Some(task)) => world.end(task, Ending::Finished)?,
                _ => {
                    let gang = draw(2, 4) == 0;
                    let count = 1 + draw(3, 3) as u32;
                    let tasks = world.stage.tasks(count, 500 * (1 + draw(4, 6) as u32), draw(5, 4) as u32);
                    let spec = JobSpec {
                        kind: if gang { JobKind::Gang } else { JobKind::Batch },
                        priority: draw(6, 4) as i32,
                        protected: draw(7, 8) == 0,
                        disruption: if draw(8, 4) == 0 { Some(1) } else { None },
                        estimate: Some(Span(50)),
                        terms: Terms { partition: Some(draw(9, 2) as u16), ..Terms::default() },
                        ..tasks
                    };
                    for task in 0..u64::from(count) {
                        world.priorities.insert(spec.first_task.0 + task, spec.priority);
                    }
                    let units = if gang { 1 } else { u64::from(count) };
                    world.waiting.extend(spec.first_task.0..spec.first_task.0 + units);
                    world.hear(&[Event::JobSubmitted(spec)])?;
                }
            }
        }
        // Everybody leaves in the end, and then nothing is held for anybody.
        let mut rounds = 0;
        while !world.running.is_empty() {
            rounds += 1;
            prop_assert!(rounds < 10_000, "tasks push each other out for ever");
            world.stage.now = world.stage.now + Span(1);
            match world.leaving.first().copied() {
                Some(task) => world.end(task, Ending::Evicted)?,
                None => {
                    let task = world.running[0];
                    world.end(task, Ending::Finished)?;
                }
            }
        }
        prop_assert_eq!(world.stage.books(), empty);
        // What still waits is too large for the fleet.
        prop_assert_eq!(world.stage.core.waiting(), world.waiting.len() as u64);
    }
}

/// A fleet of several blocks of nodes, full of the unimportant. In tests every choice of victims is held against a
/// visit to every node.
struct Crowd {
    stage: Stage,
    running: Vec<u64>,
    leaving: Vec<u64>,
}

impl Crowd {
    /// Nodes of up to four cores and two devices, in racks of ten.
    fn new(policy: &str, nodes: u32) -> Self {
        let mut config = Config { placement: Choice::named("best-fit"), ..preempting(policy, &[("grace", "1s")]) };
        config.preemption.options.insert("candidates".to_string(), Setting::Number(1e9));
        let mut stage = Stage::new(config);
        for id in 0..nodes {
            let domains = vec![("rack".to_string(), format!("rack-{}", id / 10))];
            let mut spec = NodeSpec { gpus: 2, domains, ..node(id, 4_000 - 500 * (id % 3), 16) };
            spec.capacity[GPU] = 2_000;
            stage.add(spec);
        }
        Self { stage, running: vec![], leaving: vec![] }
    }

    fn hear(&mut self, event: Event) {
        self.stage.hear(&[event]);
        for decision in &self.stage.decisions {
            match *decision {
                Decision::Place { task, more: false, .. } => self.running.push(task.0),
                Decision::Evict { task, .. } => self.leaving.push(task.0),
                _ => {}
            }
        }
    }

    fn end(&mut self, task: u64, ending: Ending) {
        self.running.retain(|&other| other != task);
        self.leaving.retain(|&other| other != task);
        self.hear(Event::TaskEnded { task: TaskId(task), ending });
    }

    /// Something happens that these numbers say.
    fn happen(&mut self, draw: impl Fn(u64, u64) -> u64) {
        let node = NodeId(draw(20, 140) as u32);
        let any = self.running.get(draw(0, self.running.len().max(1) as u64) as usize).copied();
        match (draw(1, 16), self.leaving.first().copied(), any) {
            (0..5, Some(task), _) => self.end(task, Ending::Evicted),
            (0..2, _, Some(task)) => self.end(task, Ending::Finished),
            (2, ..) => self.hear(Event::NodeClosed { node }),
            (3, ..) => self.hear(Event::NodeOpened { node }),
            _ => {
                let rule = Rule { attribute: "rack".to_string(), law: Law::MaxPer(1 + draw(2, 2) as u32) };
                let layout = Arc::new(Layout { rules: vec![rule], ..Layout::default() });
                let (count, milli) = [(1, 500), (2, 1_000), (0, 0), (0, 0)][draw(3, 4) as usize];
                let tasks = self.stage.tasks(1 + draw(4, 3) as u32, 500 * (1 + draw(5, 7) as u32), draw(6, 6) as u32);
                let mut spec = JobSpec {
                    kind: [JobKind::Batch, JobKind::Gang, JobKind::Service][draw(7, 3) as usize],
                    priority: draw(8, 5) as i32,
                    disruption: (draw(9, 3) == 0).then_some(1),
                    layout: (draw(10, 6) == 0).then_some(layout),
                    gpu: GpuRequest { count, milli },
                    ..tasks
                };
                spec.request[GPU] = u32::from(count) * u32::from(milli);
                self.hear(Event::JobSubmitted(spec));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_victims_are_those_that_a_visit_to_every_node_finds(
        policy in 0..PREEMPTIONS.len(),
        low in prop::collection::vec((1_u32..6, 0_i32..2, 0_u64..3), 360..460),
        words in prop::collection::vec(any::<u64>(), 1..150),
    ) {
        let mut crowd = Crowd::new(PREEMPTIONS[policy].name, 140);
        for (cpu, priority, after) in low {
            crowd.stage.now = crowd.stage.now + Span(after * 1_000_000);
            let spec = JobSpec { priority, ..crowd.stage.task(500 * cpu, 2) };
            crowd.hear(Event::JobSubmitted(spec));
        }
        // Wherever there is too little room for it, some node of four cores is full of those.
        let spec = JobSpec { priority: 9, ..crowd.stage.task(4_000, 0) };
        crowd.hear(Event::JobSubmitted(spec));
        let starts = !crowd.stage.places().is_empty();
        prop_assert!(starts || PREEMPTIONS[policy].name == "none" || !crowd.stage.evicted().is_empty());
        for word in words {
            crowd.stage.now = crowd.stage.now + Span(word % 5_000_000);
            crowd.happen(|index, bound| mix(word ^ mix(index)) % bound);
        }
    }
}
