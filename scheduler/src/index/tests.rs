//! Every index against the specification, decision by decision, over random churn of tasks and of nodes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::candidates::MEMORIES_LEAST;
use super::{Asked, Candidates, Cyclic, Grid, Place, Rank, Scan, Uniform};
use crate::constraint::{Condition, Constraint};
use crate::draw::{below, mix};
use crate::event::{GpuRequest, GpuSet, JobKind, JobSpec, NodeSpec};
use crate::id::{JobId, NodeId, RoleId, TaskId};
use crate::ledger::{Ledger, ShapeId};
use crate::placement::{Balanced, BestFit, FirstFit, LeastAllocated, MostAllocated, WorstFit};
use crate::resources::{DISK, GPU, LANES, Resources, Totals};

/// A lane that a scenario would have named.
const LICENCE: usize = 5;
/// More than any test remembers.
const AMPLE: usize = 1 << 30;

fn pick<T: Copy>(from: &[T], word: u64) -> T {
    from[(word % from.len() as u64) as usize]
}

/// What a node is like: a function of its number and of how often it was replaced.
fn node_spec(seed: u64, node: u32, version: u32) -> NodeSpec {
    let draw = |index: u64| below(1 << 20, seed, 1, u64::from(node), u64::from(version) << 8 | index);
    let gpus = pick(&[0, 0, 0, 1, 2, 8], draw(0));
    let mut capacity = Resources::new(
        pick(&[0, 4_000, 8_000, 16_000, 16_000, 64_000], draw(1)),
        pick(&[2_048, 8_192, 65_536, 65_536, 262_144], draw(2)),
    );
    capacity[DISK] = pick(&[0, 100, 1_000], draw(3));
    capacity[GPU] = u32::from(gpus) * 1_000;
    capacity[LICENCE] = pick(&[0, 0, 3], draw(4));
    let mut attributes = vec![];
    if let Some(zone) = pick(&[None, Some("a"), Some("b"), Some("c")], draw(5)) {
        attributes.push(("zone".to_string(), zone.to_string()));
    }
    if let Some(arch) = pick(&[None, Some("arm"), Some("x86")], draw(6)) {
        attributes.push(("arch".to_string(), arch.to_string()));
    }
    NodeSpec { node: NodeId(node), capacity, gpus, attributes, ..NodeSpec::default() }
}

fn constraint(attribute: &str, condition: Condition) -> Constraint {
    Constraint { attribute: attribute.to_string(), condition }
}

fn constraints(word: u64) -> Option<Arc<[Constraint]>> {
    let words = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<String>>();
    let set = match word % 12 {
        0 => vec![constraint("zone", Condition::In(words(&["a"])))],
        1 => vec![constraint("zone", Condition::In(words(&["b", "c"])))],
        2 => vec![constraint("zone", Condition::NotIn(words(&["a"])))],
        3 => vec![constraint("arch", Condition::Exists)],
        4 => vec![constraint("arch", Condition::Absent)],
        5 => vec![constraint("zone", Condition::Exists), constraint("arch", Condition::NotIn(words(&["arm"])))],
        6 => vec![constraint("never heard of", Condition::Absent)],
        _ => return None,
    };
    Some(set.into())
}

/// What a task asks: a function of its number.
fn job_spec(seed: u64, number: u64) -> JobSpec {
    let draw = |index: u64| below(1 << 20, seed, 2, number, index);
    let (count, milli) =
        pick(&[(0, 0), (0, 0), (0, 0), (1, 250), (1, 600), (1, 1_000), (2, 1_000), (8, 1_000)], draw(0));
    let mut request = Resources::new(
        pick(&[0, 1, 500, 1_000, 1_500, 7_000, 64_000], draw(1)),
        pick(&[0, 1, 1_024, 4_096, 30_000], draw(2)),
    );
    request[DISK] = pick(&[0, 0, 30], draw(3));
    request[GPU] = u32::from(count) * milli;
    request[LICENCE] = pick(&[0, 0, 0, 0, 1], draw(4));
    JobSpec {
        job: JobId(number),
        first_task: TaskId(number),
        count: 1,
        kind: JobKind::Batch,
        request,
        gpu: GpuRequest { count, milli: milli as u16 },
        estimate: None,
        priority: 0,
        role: RoleId(0),
        constraints: constraints(draw(5)),
        ..JobSpec::default()
    }
}

/// An index and what it is held to.
struct Pair {
    name: &'static str,
    fast: Box<dyn Place>,
    slow: Box<dyn Place>,
}

fn pair<R: Rank>(name: &'static str, bytes_most: usize, policy: R) -> Pair {
    let fast = Box::new(Candidates::within(bytes_most, policy.clone()));
    Pair { name, fast, slow: Box::new(Scan(policy)) }
}

fn pairs(bytes_most: usize) -> Vec<Pair> {
    vec![
        Pair { name: "best-fit by grid", fast: Box::new(Grid::new()), slow: Box::new(Scan(BestFit)) },
        pair("first-fit", bytes_most, FirstFit),
        pair("worst-fit", bytes_most, WorstFit),
        pair("least-allocated", bytes_most, LeastAllocated),
        pair("most-allocated", bytes_most, MostAllocated),
        pair("balanced", bytes_most, Balanced),
        pair("best-fit by candidates", bytes_most, BestFit),
    ]
}

struct Held {
    shape: ShapeId,
    node: NodeId,
    gpus: GpuSet,
}

/// A fleet with tasks that come and go, and every index that watches it.
struct Churn {
    seed: u64,
    ledger: Ledger,
    versions: Vec<u32>,
    held: Vec<Held>,
    asks: Vec<JobSpec>,
    pairs: Vec<Pair>,
    asked: u64,
}

impl Churn {
    fn new(seed: u64, nodes: u32, shapes: u64, bytes_most: usize) -> Self {
        let mut churn = Self {
            seed,
            ledger: Ledger::default(),
            versions: vec![],
            held: vec![],
            asks: (0..shapes).map(|number| job_spec(seed, number)).collect(),
            pairs: pairs(bytes_most),
            asked: 0,
        };
        for _ in 0..nodes {
            churn.join();
        }
        churn
    }

    fn step(&mut self, kind: u8, word: u64) -> Result<(), String> {
        match kind % 32 {
            // Policies are asked by chance, so that they lag behind by different numbers of changes.
            0..=17 => return self.place((word % self.asks.len() as u64) as usize, word >> 32),
            18..=27 => self.release(word),
            28 => self.lose(word),
            29 | 30 => self.replace(word),
            _ => self.join(),
        }
        Ok(())
    }

    fn join(&mut self) {
        let node = self.versions.len() as u32;
        self.versions.push(0);
        self.ledger.add_node(&node_spec(self.seed, node, 0));
    }

    /// Asks the policies in `who` for a node, and takes what one of them answered.
    fn place(&mut self, ask: usize, who: u64) -> Result<(), String> {
        let shape = self.ledger.shape_of(&self.asks[ask]);
        let asked = Asked { task: TaskId(self.asked), shape };
        self.asked += 1;
        let mut chosen = None;
        for (at, pair) in self.pairs.iter_mut().enumerate() {
            if who & (1 << at) != 0 {
                let fast = pair.fast.place(&self.ledger, asked, &mut 0);
                let slow = pair.slow.place(&self.ledger, asked, &mut 0);
                if fast != slow {
                    let request = self.ledger.shapes().shape(shape);
                    let (name, number) = (pair.name, self.asked);
                    return Err(format!("{name}, question {number}: {fast:?} for {slow:?}, asked for {request:?}"));
                }
                chosen = fast.filter(|_| chosen.is_none() || who & (256 << at) != 0).or(chosen);
            }
        }
        match chosen {
            Some(node) => self.take(shape, node),
            None => self.ledger.forget_shape(shape),
        }
        Ok(())
    }

    fn take(&mut self, id: ShapeId, node: NodeId) {
        let shape = *self.ledger.shapes().shape(id);
        let gpus = self.ledger.choose_devices(&shape, node);
        assert_eq!(gpus.len(), u32::from(shape.gpu.count), "what fits has its devices");
        assert!(self.ledger.take(&shape, node, 1, gpus), "what fits can be taken");
        self.held.push(Held { shape: id, node, gpus });
    }

    fn release(&mut self, word: u64) {
        if !self.held.is_empty() {
            let held = self.held.swap_remove((word % self.held.len() as u64) as usize);
            let shape = *self.ledger.shapes().shape(held.shape);
            self.ledger.release(&shape, held.node, 1, held.gpus);
            self.ledger.forget_shape(held.shape);
        }
    }

    fn lose(&mut self, word: u64) {
        let node = NodeId((word % self.versions.len() as u64) as u32);
        self.ledger.lose_node(node);
        while let Some(at) = self.held.iter().position(|held| held.node == node) {
            self.release(at as u64);
        }
    }

    /// A node that is gone returns, or an empty one is replaced: larger, smaller, elsewhere.
    fn replace(&mut self, word: u64) {
        let count = self.versions.len() as u64;
        let gone = (0..count).map(|at| NodeId(((word + at) % count) as u32)).find(|&node| !self.ledger.is_open(node));
        let node = gone.unwrap_or(NodeId((word % count) as u32));
        if self.held.iter().all(|held| held.node != node) {
            self.versions[node.index()] += 1;
            self.ledger.add_node(&node_spec(self.seed, node.0, self.versions[node.index()]));
        }
    }

    /// The books of the ledger, counted once more from what is held.
    fn recount(&self) -> Result<(), String> {
        let mut total = Totals::default();
        for at in 0..self.versions.len() as u32 {
            let spec = node_spec(self.seed, at, self.versions[at as usize]);
            let node = self.ledger.node(NodeId(at));
            let mut free = spec.capacity;
            let mut devices = vec![1_000_u16; usize::from(spec.gpus)];
            let mut tasks = 0;
            for held in self.held.iter().filter(|held| held.node.0 == at) {
                let shape = self.ledger.shapes().shape(held.shape);
                for lane in 0..LANES {
                    free[lane] -= shape.request[lane];
                }
                held.gpus.iter().for_each(|device| devices[device] -= shape.gpu.milli);
                tasks += 1;
            }
            if (&free, &devices[..], tasks) != (node.free, node.gpus, node.tasks) {
                return Err(format!("node {at} is booked as {:?} {:?} {}", node.free, node.gpus, node.tasks));
            }
            if self.ledger.is_open(NodeId(at)) {
                total.add(&free, 1);
            }
        }
        let said = self.ledger.free_total();
        if *said == total { Ok(()) } else { Err(format!("{said:?} are said to be free in all, {total:?} are")) }
    }
}

const EVERYBODY: u64 = 0x7f;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_index_answers_as_the_scan_does(
        seed in any::<u64>(),
        nodes in 1_u32..320,
        shapes in 1_u64..48,
        is_short in any::<bool>(),
        ops in proptest::collection::vec((any::<u8>(), any::<u64>()), 1..400),
    ) {
        let mut churn = Churn::new(seed, nodes, shapes, if is_short { 0 } else { AMPLE });
        for (kind, word) in ops {
            churn.step(kind, word).map_err(TestCaseError::fail)?;
        }
        churn.recount().map_err(TestCaseError::fail)?;
    }

    /// The same with requests and nodes of one lane, where best fit has but one axis to search along.
    #[test]
    fn one_lane_is_enough(
        rooms in proptest::collection::vec(0_u32..40, 1..120),
        asks in proptest::collection::vec((0_u32..40, any::<bool>()), 1..200),
    ) {
        let mut ledger = Ledger::default();
        for (at, room) in rooms.into_iter().enumerate() {
            let capacity = Resources::new(0, room);
            let (attributes, domains) = (vec![], vec![]);
            ledger.add_node(&NodeSpec { node: NodeId(at as u32), capacity, gpus: 0, attributes, domains });
        }
        let mut grid = Grid::new();
        let mut held = vec![];
        for (number, (memory, leaves)) in asks.into_iter().enumerate() {
            let spec = JobSpec { request: Resources::new(0, memory), constraints: None, ..plain(number as u64) };
            let id = ledger.shape_of(&spec);
            let shape = *ledger.shapes().shape(id);
            let asked = Asked { task: TaskId(0), shape: id };
            let node = grid.place(&ledger, asked, &mut 0);
            prop_assert_eq!(node, Scan(BestFit).place(&ledger, asked, &mut 0));
            if let Some(node) = node {
                prop_assert!(ledger.take(&shape, node, 1, GpuSet::NONE));
                held.push((shape, node));
            }
            if leaves && !held.is_empty() {
                let (shape, node) = held.swap_remove(number % held.len());
                ledger.release(&shape, node, 1, GpuSet::NONE);
            }
        }
    }

    #[test]
    fn next_fit_goes_around_from_the_node_chosen_last(
        rooms in proptest::collection::vec(0_u32..4, 1..40),
        asks in proptest::collection::vec((0_u32..5, any::<u32>()), 1..120),
    ) {
        let mut ledger = fleet_of(&rooms);
        let count = rooms.len();
        let mut cyclic = Cyclic::default();
        let mut last = 0;
        for (number, (cpu, other)) in asks.into_iter().enumerate() {
            let id = ledger.shape_of(&JobSpec { request: Resources::new(cpu, 0), ..plain(number as u64) });
            let shape = *ledger.shapes().shape(id);
            let around = (0..count).map(|by| NodeId(((last + by) % count) as u32));
            let expected = { around }.find(|&id| ledger.fits(&shape, id));
            let node = cyclic.place(&ledger, Asked { task: TaskId(0), shape: id }, &mut 0);
            prop_assert_eq!(node, expected);
            if let Some(node) = node {
                last = node.index();
                prop_assert!(ledger.take(&shape, node, 1, GpuSet::NONE));
            }
            let other = NodeId(other % count as u32);
            match number % 5 {
                0 => ledger.lose_node(other),
                1 => ledger.add_node(&node_of(other.0, rooms[other.index()])),
                _ => {}
            }
        }
    }
}

/// A task that asks for nothing.
fn plain(number: u64) -> JobSpec {
    JobSpec { request: Resources::ZERO, gpu: GpuRequest::default(), constraints: None, ..job_spec(0, number) }
}

fn node_of(node: u32, cpu: u32) -> NodeSpec {
    let capacity = Resources::new(cpu, 0);
    NodeSpec { node: NodeId(node), capacity, gpus: 0, ..NodeSpec::default() }
}

/// Nodes with nothing but so many millicores.
fn fleet_of(rooms: &[u32]) -> Ledger {
    let mut ledger = Ledger::default();
    for (at, &room) in rooms.iter().enumerate() {
        ledger.add_node(&node_of(at as u32, room));
    }
    ledger
}

#[test]
fn a_fleet_of_many_blocks_is_searched_as_a_whole() {
    // 10,000 nodes are 157 blocks under three entries of the top row.
    let mut churn = Churn::new(11, 10_000, 24, AMPLE);
    for at in 0..4_000_u64 {
        let word = mix(at);
        let kind = if at % 3 == 0 { (word >> 56) as u8 } else { 0 };
        churn.step(kind, word).expect("the scan and every index agree");
    }
    churn.recount().expect("the books are right");
    assert!(churn.held.len() > 500, "{} tasks run", churn.held.len());
}

#[test]
fn an_index_that_fell_behind_the_log_begins_anew() {
    // So many nodes that 66,000 changes are few enough to be taken in one by one, were they still known.
    let mut churn = Churn::new(5, 270_000, 6, AMPLE);
    let everybody_agrees = |churn: &mut Churn| {
        for ask in 0..churn.asks.len() {
            churn.place(ask, EVERYBODY).expect("the scan and every index agree");
        }
    };
    everybody_agrees(&mut churn);
    let seen = churn.ledger.changes().count();
    let id = churn.ledger.shape_of(&JobSpec { request: Resources::new(1, 0), ..plain(99) });
    let shape = *churn.ledger.shapes().shape(id);
    let mut at = 0;
    while churn.ledger.changes().count() < seen + 66_000 {
        at += 1;
        let node = NodeId(below(270_000, 0, 3, at, 0) as u32);
        if churn.ledger.fits(&shape, node) {
            churn.take(id, node);
        }
    }
    assert!(churn.ledger.changes().since(seen).is_none(), "the first of these changes are forgotten");
    everybody_agrees(&mut churn);
}

#[test]
fn shapes_that_come_once_and_never_again_share_slots_in_turn() {
    let mut churn = Churn::new(3, 70, 1, AMPLE);
    for number in 0..40_000_u64 {
        let request = Resources::new((mix(number) % 9_000) as u32, number as u32 % 1_000);
        churn.asks[0] = JobSpec { request, ..plain(number) };
        // One policy each time: a slot comes back to a policy long after it had another shape there.
        churn.place(0, 1 << (number % 7)).expect("the scan and every index agree");
        if churn.held.len() > 100 {
            churn.release(mix(number));
        }
    }
    assert!(churn.ledger.shapes().slots() < 17_000, "{} slots", churn.ledger.shapes().slots());
}

#[test]
fn what_is_remembered_keeps_to_its_limit() {
    let mut ledger = fleet_of(&[1_000; 500]);
    let mut short = Candidates::within(0, WorstFit);
    let mut ample = Candidates::within(AMPLE, WorstFit);
    for number in 0..400_u64 {
        let spec = JobSpec { request: Resources::new(1 + number as u32 % 40, 0), ..plain(number) };
        let id = ledger.shape_of(&spec);
        let asked = Asked { task: TaskId(number), shape: id };
        let node = short.place(&ledger, asked, &mut 0);
        assert_eq!(node, ample.place(&ledger, asked, &mut 0));
        let shape = *ledger.shapes().shape(id);
        assert!(node.is_some_and(|node| ledger.take(&shape, node, 1, GpuSet::NONE)));
    }
    assert_eq!((short.remembered(), ample.remembered()), (MEMORIES_LEAST, 40));
}

/// The sum over nodes of (seen - expected)^2 / expected, for equal expectations.
fn chi_square(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    counts.iter().map(|&count| (count as f64 - expected) * (count as f64 - expected) / expected).sum()
}

/// How often each node that fits is drawn, over 40,000 tasks; no other node is.
fn drawn(count: u32, fits: impl Fn(u32) -> bool) -> Vec<u64> {
    let rooms: Vec<u32> = (0..count).map(|at| if fits(at) { 10 } else { 1 }).collect();
    let mut ledger = fleet_of(&rooms);
    let shape = ledger.shape_of(&JobSpec { request: Resources::new(5, 0), ..plain(0) });
    let mut uniform = Uniform { seed: 1 };
    let mut counts = vec![0; count as usize];
    for task in 0..40_000 {
        let node = uniform.place(&ledger, Asked { task: TaskId(task), shape }, &mut 0).expect("some fit");
        counts[node.index()] += 1;
    }
    for (at, &count) in counts.iter().enumerate() {
        assert!(fits(at as u32) || count == 0, "node {at} has no room");
    }
    counts.into_iter().enumerate().filter(|&(at, _)| fits(at as u32)).map(|(_, count)| count).collect()
}

#[test]
fn chance_prefers_no_node_that_fits() {
    // The 99.9th percentile of chi-square with 19, 4, 1 and 0 degrees of freedom; the draws are the same each time.
    let half = drawn(40, |at| at % 2 == 0);
    assert!(chi_square(&half) < 43.8, "{half:?}");
    // Blind draws fail in 85 of 100 cases: most choices come from the second stage.
    let few = drawn(1_000, |at| at % 200 == 7);
    assert!(chi_square(&few) < 18.5, "{few:?}");
    let two_of_three = drawn(3, |at| at != 1);
    assert!(chi_square(&two_of_three) < 10.8, "{two_of_three:?}");
    assert_eq!(drawn(2_000, |at| at == 1_234), [40_000]);
}

#[test]
fn chance_is_keyed_by_seed_and_task_and_by_nothing_else() {
    let mut ledger = fleet_of(&[100; 64]);
    let shape = ledger.shape_of(&JobSpec { request: Resources::new(1, 0), ..plain(0) });
    let draw = |seed: u64, tasks: &[u64]| -> Vec<Option<NodeId>> {
        let mut uniform = Uniform { seed };
        tasks.iter().map(|&task| uniform.place(&ledger, Asked { task: TaskId(task), shape }, &mut 0)).collect()
    };
    let forwards: Vec<u64> = (0..50).collect();
    let backwards: Vec<u64> = (0..50).rev().collect();
    let mut turned = draw(7, &backwards);
    turned.reverse();
    assert_eq!(draw(7, &forwards), turned);
    assert_ne!(draw(7, &forwards), draw(8, &forwards));
}

#[test]
fn nobody_places_where_there_is_nothing() {
    let mut ledger = Ledger::default();
    let shape = ledger.shape_of(&plain(0));
    let asked = Asked { task: TaskId(0), shape };
    let mut policies: Vec<Box<dyn Place>> = vec![Box::new(Uniform { seed: 0 }), Box::new(Cyclic::default())];
    policies.extend(pairs(AMPLE).into_iter().flat_map(|pair| [pair.fast, pair.slow]));
    for policy in &mut policies {
        assert_eq!(policy.place(&ledger, asked, &mut 0), None);
    }
    ledger.add_node(&node_of(0, 0));
    for policy in &mut policies {
        assert_eq!(
            policy.place(&ledger, asked, &mut 0),
            Some(NodeId(0)),
            "a task that asks for nothing fits everywhere"
        );
    }
    ledger.lose_node(NodeId(0));
    for policy in &mut policies {
        assert_eq!(policy.place(&ledger, asked, &mut 0), None);
    }
}
