//! One scene in which the plainest policies choose differently, and the scores of all that have some.

mod gpus;
mod mixes;
mod scores;

use alloc::vec;
use alloc::vec::Vec;

use crate::config::Config;
use crate::event::{Event, GpuSet, JobSpec, NodeSpec};
use crate::framework::tests::{Stage, node, only, placed_by};
use crate::id::NodeId;

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
fn the_plainest_policies_choose_nodes_of_their_own() {
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
