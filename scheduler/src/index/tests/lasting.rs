//! Best fit in time first, against asking every node.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{fleet_of, plain};
use crate::draw::mix;
use crate::event::{GpuSet, JobSpec};
use crate::id::{NodeId, TaskId};
use crate::index::{Asked, Lasting, Place};
use crate::ledger::{Ledger, Shape};
use crate::resources::Resources;
use crate::time::Time;

/// The class, by doubling until it is long enough.
fn class(end: u64, latest: u64, step: u64) -> u32 {
    if end <= latest {
        return 0;
    }
    let (mut class, mut long) = (1, u128::from(step));
    while u128::from(end - latest) > long {
        (class, long) = (class + 1, 2 * long);
    }
    class
}

fn naive(ledger: &Ledger, shape: &Shape, asked: Asked, step: u64) -> Option<NodeId> {
    let fitting = (0..ledger.node_count() as u32).map(NodeId).filter(|&id| ledger.fits(shape, id));
    fitting.min_by_key(|&id| {
        let node = ledger.node(id);
        (class(asked.end.0, node.latest_end.max(asked.now).0, step), node.scale.share(node.free), id)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_chooses_as_asking_every_node_does(
        rooms in proptest::collection::vec(1_u32..40, 1..80),
        step in prop_oneof![Just(1_u64), 1_u64..50, Just(u64::MAX)],
        asks in proptest::collection::vec((0_u32..20, any::<u64>(), any::<bool>()), 1..150),
    ) {
        let mut ledger = fleet_of(&rooms);
        let mut lasting = Lasting::new(step);
        let mut held = vec![];
        for (number, (cpu, word, leaves)) in asks.into_iter().enumerate() {
            let id = ledger.shape_of(&JobSpec { request: Resources::new(cpu, 0), ..plain(number as u64) });
            let shape = *ledger.shapes().shape(id);
            let now = Time(10 * number as u64);
            let end = if word % 16 == 0 { Time::NEVER } else { Time(now.0 + word % 900) };
            let asked = Asked { now, end, ..Asked::new(TaskId(0), id) };
            let node = lasting.place(&ledger, asked, &mut 0);
            prop_assert_eq!(node, naive(&ledger, &shape, asked, step));
            if let Some(node) = node {
                prop_assert!(ledger.take(&shape, node, 1, GpuSet::NONE));
                ledger.expect_end(node, end);
                held.push((shape, node));
            }
            if leaves && !held.is_empty() {
                let (shape, node) = held.swap_remove(number % held.len());
                ledger.release(&shape, node, 1, GpuSet::NONE);
            }
        }
    }
}

#[test]
fn a_long_search_ends_in_asking_everybody() {
    // Everybody fits and nobody stays long enough: 2,000 nodes are looked at before it is known who outlasts least.
    let mut ledger = fleet_of(&[100; 2_000]);
    let one = ledger.shape_of(&JobSpec { request: Resources::new(1, 0), ..plain(0) });
    let shape = *ledger.shapes().shape(one);
    let ends: Vec<u64> = (0..2_000).map(|at| 1 + mix(at) % 1_000).collect();
    for (at, &end) in ends.iter().enumerate() {
        assert!(ledger.take(&shape, NodeId(at as u32), 1, GpuSet::NONE));
        ledger.expect_end(NodeId(at as u32), Time(end));
    }
    let asked = Asked { end: Time(1_500), ..Asked::new(TaskId(9), one) };
    let mut nodes = 0;
    let found = Lasting::new(1).place(&ledger, asked, &mut nodes);
    assert_eq!(found, naive(&ledger, &shape, asked, 1));
    assert!((4_000..5_000).contains(&nodes), "all for the grid, 512 of it and all once more: {nodes}");
}

#[test]
fn a_node_that_falls_empty_has_no_end_any_more() {
    let mut ledger = fleet_of(&[10]);
    let id = ledger.shape_of(&JobSpec { request: Resources::new(1, 0), ..plain(0) });
    let shape = *ledger.shapes().shape(id);
    let end = |ledger: &Ledger| ledger.node(NodeId(0)).latest_end;
    for at in [70, 30] {
        assert!(ledger.take(&shape, NodeId(0), 1, GpuSet::NONE));
        ledger.expect_end(NodeId(0), Time(at));
    }
    assert_eq!(end(&ledger), Time(70));
    ledger.release(&shape, NodeId(0), 1, GpuSet::NONE);
    assert_eq!(end(&ledger), Time(70), "the latest is kept while anybody is left");
    ledger.release(&shape, NodeId(0), 1, GpuSet::NONE);
    assert_eq!(end(&ledger), Time::ZERO);
}
