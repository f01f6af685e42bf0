//! One scene in which every policy chooses differently, and the scores that Kubernetes gives.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Balanced, LeastAllocated, MostAllocated, PLACEMENTS};
use crate::config::Config;
use crate::event::{Event, GpuRequest, GpuSet, JobSpec, NodeSpec};
use crate::framework::tests::{Stage, node, only, placed_by};
use crate::id::NodeId;
use crate::index::Rank;
use crate::ledger::{Node, Scale, Shape};
use crate::resources::{GPU, Resources};

/// Cores and GiB of a node, and how much of it is taken.
const SCENE: [[(u32, u32); 2]; 7] = [
    [(32, 64), (20, 20)],
    [(4, 8), (1, 3)],
    [(128, 128), (64, 32)],
    [(16, 128), (0, 0)],
    [(64, 256), (59, 248)],
    [(16, 32), (6, 12)],
    // With the task of the second line of the play: one core and one GiB more.
    [(32, 64), (15, 47)],
];

/// Where the task of 2 cores and 4 GiB goes, after one task that can go to node 6 only.
fn play(config: Config) -> Option<u32> {
    let mut stage = Stage::new(config);
    for (id, [(cpu, memory), _]) in SCENE.into_iter().enumerate() {
        let attributes = if id == 6 { vec![("stage".into(), "left".into())] } else { vec![] };
        stage.add(NodeSpec { attributes, ..node(id as u32, cpu * 1_000, memory * 1_024) });
    }
    for (id, [_, (cpu, memory)]) in SCENE.into_iter().enumerate().filter(|(_, [_, taken])| taken.0 > 0) {
        let spec = stage.task(cpu * 1_000, memory * 1_024);
        stage.hear(&[Event::TaskAdopted { spec, node: NodeId(id as u32), gpus: GpuSet::NONE }]);
    }
    let pinned = JobSpec { constraints: only("stage", "left"), ..stage.task(1_000, 1_024) };
    stage.submit(pinned);
    assert_eq!(stage.node(), Some(6));
    let spec = stage.task(2_000, 4 * 1_024);
    stage.submit(spec);
    stage.node()
}

#[test]
fn every_policy_chooses_its_own_node() {
    let expected = [
        // The first that fits.
        ("first-fit", 0),
        // 3 cores and 5 GiB are free: the least in shares of the largest node.
        ("best-fit", 1),
        // 64 cores and 96 GiB are free: the most on a node in use.
        ("worst-fit", 2),
        // 87 and 96 hundredths are free afterwards, on a node that nobody uses.
        ("least-allocated", 3),
        // 95 and 98 hundredths are taken afterwards.
        ("most-allocated", 4),
        // Half of either lane is taken afterwards.
        ("balanced", 5),
        // The node chosen last still has room.
        ("next-fit", 6),
    ];
    for (policy, node) in expected {
        assert_eq!(play(placed_by(policy)), Some(node), "{policy}");
    }
    let named: Vec<&str> = expected.iter().map(|&(policy, _)| policy).collect();
    for policy in PLACEMENTS.iter().filter(|policy| policy.name != "random") {
        assert!(named.contains(&policy.name), "the scene has no part for {}", policy.name);
    }
}

#[test]
fn chance_goes_its_own_way_and_is_the_same_each_time() {
    let choices: Vec<Option<u32>> = (0..64).map(|seed| play(Config { seed, ..placed_by("random") })).collect();
    let again: Vec<Option<u32>> = (0..64).map(|seed| play(Config { seed, ..placed_by("random") })).collect();
    assert_eq!(choices, again);
    for node in 0..7 {
        assert!(choices.contains(&Some(node)), "node {node} is never chosen: {choices:?}");
    }
}

/// What a policy gives a task on a node of `capacity` of which `taken` is used.
fn score(policy: &impl Rank, request: Resources, capacity: Resources, taken: Resources) -> i64 {
    let free = capacity.checked_sub(&taken).expect("no more is taken than there is");
    let shape = Shape { request, gpu: GpuRequest::default(), constraints: None };
    let (id, scale) = (NodeId(0), Scale::default());
    policy.rank(&shape, Node { id, free: &free, capacity: &capacity, gpus: &[], tasks: 0, scale: &scale })
}

#[test]
fn scores_are_those_of_kubernetes() {
    let pod = Resources::new(3_000, 5_000);
    let (small, even, large) =
        (Resources::new(4_000, 10_000), Resources::new(6_000, 10_000), Resources::new(10_000, 20_000));
    let (nothing, cpu, both) = (Resources::ZERO, Resources::new(3_000, 0), Resources::new(3_000, 5_000));
    // kubernetes least_allocated_test.go.
    assert_eq!(score(&LeastAllocated, pod, small, nothing), 37, "(25 + 50) / 2");
    assert_eq!(score(&LeastAllocated, pod, even, nothing), 50);
    assert_eq!(score(&LeastAllocated, pod, large, cpu), 57, "(40 + 75) / 2");
    assert_eq!(score(&LeastAllocated, pod, large, both), 45, "(40 + 50) / 2");
    assert_eq!(score(&LeastAllocated, nothing, large, nothing), 100);
    // The same nodes from the other side.
    assert_eq!(score(&MostAllocated, pod, small, nothing), 62, "(75 + 50) / 2");
    assert_eq!(score(&MostAllocated, pod, even, nothing), 50);
    assert_eq!(score(&MostAllocated, pod, large, cpu), 42, "(60 + 25) / 2");
    assert_eq!(score(&MostAllocated, pod, large, both), 55, "(60 + 50) / 2");
    // int((1 - |f1 - f2| / 2) * 100).
    assert_eq!(score(&Balanced, pod, small, nothing), 87, "0.75 and 0.5");
    assert_eq!(score(&Balanced, pod, even, nothing), 100, "0.5 and 0.5");
    assert_eq!(score(&Balanced, pod, large, cpu), 82, "0.6 and 0.25");
    assert_eq!(score(&Balanced, pod, large, both), 95, "0.6 and 0.5");
}

#[test]
fn three_lanes_are_balanced_by_their_standard_deviation() {
    let with_gpu = |mut row: Resources, milli: u32| {
        row[GPU] = milli;
        row
    };
    let capacity = with_gpu(Resources::new(10_000, 10_000), 4_000);
    let request = with_gpu(Resources::new(2_000, 5_000), 2_000);
    // 0.2, 0.5 and 0.5: mean 0.4, variance 0.02, deviation 0.1414.
    assert_eq!(score(&Balanced, request, capacity, Resources::ZERO), 85);
    // A lane that the node lacks is left out.
    let no_memory = Resources::new(10_000, 0);
    assert_eq!(score(&Balanced, Resources::new(9_000, 0), no_memory, Resources::ZERO), 100);
    assert_eq!(score(&LeastAllocated, Resources::new(9_000, 0), no_memory, Resources::ZERO), 10);
    assert_eq!(score(&MostAllocated, Resources::ZERO, Resources::ZERO, Resources::ZERO), 0);
}

proptest! {
    /// Scores keep to their range, so that no rank is the one that means "fits not".
    #[test]
    fn scores_are_hundredths(request in any::<[u32; 2]>(), rest in any::<[u32; 2]>(), taken in any::<[u32; 2]>()) {
        let row = |lanes: [u32; 2]| Resources::new(lanes[0] / 3, lanes[1] / 3);
        let (request, taken) = (row(request), row(taken));
        let used = request.checked_add(&taken).expect("two thirds");
        let capacity = used.checked_add(&row(rest)).expect("three thirds");
        let least = score(&LeastAllocated, request, capacity, taken);
        let most = score(&MostAllocated, request, capacity, taken);
        let balanced = score(&Balanced, request, capacity, taken);
        for score in [least, most, balanced] {
            prop_assert!((0..=100).contains(&score), "{}", format!("{least} {most} {balanced}"));
        }
        if capacity.0[..2].iter().all(|&lane| lane > 0) {
            // Both are rounded down, each lane for itself and then the mean.
            prop_assert!((97..=100).contains(&(least + most)), "{}", format!("{least} and {most}"));
        }
    }
}
