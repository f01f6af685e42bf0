//! Samples: how many, of whom, and how likely.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{chi_square, fleet_of, plain};
use crate::event::JobSpec;
use crate::id::{NodeId, TaskId};
use crate::index::{Asked, Choices, Count, Place, Rank, Rotating, enough};
use crate::ledger::{Ledger, Node, Shape, ShapeId};
use crate::resources::Resources;

/// Prefers high ids: what it chooses is the highest of its sample.
#[derive(Clone)]
struct Last;

impl Rank for Last {
    const STICKY: bool = false;

    fn rank(&self, _shape: &Shape, node: Node<'_>) -> i64 {
        i64::from(node.id.0)
    }
}

/// Nodes of which those have room for which `fits` is true.
fn fleet(count: u32, fits: impl Fn(u32) -> bool) -> (Ledger, ShapeId) {
    let rooms: Vec<u32> = (0..count).map(|at| if fits(at) { 10 } else { 1 }).collect();
    let mut ledger = fleet_of(&rooms);
    let shape = ledger.shape_of(&JobSpec { request: Resources::new(5, 0), ..plain(0) });
    (ledger, shape)
}

/// How often each node that fits is chosen, over 40,000 tasks; no other node is.
fn chosen(count: u32, choices: u32, fits: impl Fn(u32) -> bool) -> Vec<u64> {
    let (ledger, shape) = fleet(count, &fits);
    let mut place = Choices::new(Last, Count::Of(choices), 1);
    let mut counts = vec![0; count as usize];
    for task in 0..40_000 {
        let node = place.place(&ledger, Asked::new(TaskId(task), shape), &mut 0).expect("some fit");
        counts[node.index()] += 1;
    }
    (0..count).for_each(|at| assert!(fits(at) || counts[at as usize] == 0, "node {at} has no room"));
    counts.into_iter().enumerate().filter(|&(at, _)| fits(at as u32)).map(|(_, count)| count).collect()
}

#[test]
fn everybody_who_fits_is_as_likely_to_be_in_a_sample() {
    // The 99.9th percentile of chi-square with 19 and 4 degrees of freedom; the draws are the same each time.
    let half = chosen(40, 1, |at| at % 2 == 0);
    assert!(chi_square(&half) < 43.8, "{half:?}");
    // Blind draws fail in 85 of 100 cases: most samples are cut from all.
    let few = chosen(1_000, 1, |at| at % 200 == 7);
    assert!(chi_square(&few) < 18.5, "{few:?}");
}

/// The highest of two out of five without repetition: 1, 2, 3 and 4 out of ten, never the lowest.
#[test]
fn nobody_is_twice_in_a_sample() {
    for (nodes, fits) in [(5, 1), (1_000, 200)] {
        let counts = chosen(nodes, 2, |at| at % fits == 0);
        assert_eq!(counts[0], 0, "{counts:?}");
        let weighed: Vec<u64> = counts[1..].iter().zip([12, 6, 4, 3]).map(|(count, weight)| count * weight).collect();
        // Each is 48,000, give or take a few hundred.
        assert!(weighed.iter().all(|count| (46_000..50_000).contains(count)), "{counts:?}");
    }
}

#[test]
fn a_sample_is_not_larger_than_what_fits() {
    let (ledger, shape) = fleet(50, |at| at == 3 || at == 40);
    let asked = Asked::new(TaskId(1), shape);
    assert_eq!(Choices::new(Last, Count::Of(7), 0).place(&ledger, asked, &mut 0), Some(NodeId(40)));
    let (ledger, shape) = fleet(50, |_| false);
    let asked = Asked::new(TaskId(1), shape);
    assert_eq!(Choices::new(Last, Count::Of(7), 0).place(&ledger, asked, &mut 0), None);
    assert_eq!(Rotating::new(Last, 0).place(&ledger, asked, &mut 0), None);
    let (empty, shape) = fleet(0, |_| true);
    let asked = Asked::new(TaskId(1), shape);
    let mut policies: [Box<dyn Place>; 2] =
        [Box::new(Choices::new(Last, Count::Log2, 0)), Box::new(Rotating::new(Last, 0))];
    assert!(policies.iter_mut().all(|policy| policy.place(&empty, asked, &mut 0).is_none()));
}

#[test]
fn the_logarithm_of_many_nodes_is_few() {
    for (nodes, expected) in [(1, 1), (2, 2), (3, 2), (5, 3), (1_000, 10), (1_024, 10), (1_025, 11)] {
        let (ledger, shape) = fleet(nodes, |_| true);
        let mut looked = 0;
        Choices::new(Last, Count::Log2, 4).place(&ledger, Asked::new(TaskId(1), shape), &mut looked);
        let twice = looked.saturating_sub(expected);
        assert!(looked >= expected && twice < 8, "{nodes} nodes: {looked} looked at for {expected}");
    }
}

/// The best of the next that fit, as often as one likes: against the definition.
#[test]
fn a_rotation_takes_up_where_it_left_off() {
    let (ledger, shape) = fleet(700, |at| at % 3 != 0);
    let mut place = Rotating::new(Last, 20);
    let mut at = 0;
    for task in 0..50 {
        let mut looked = 0;
        let node = place.place(&ledger, Asked::new(TaskId(task), shape), &mut looked);
        let (mut sample, mut steps) = (vec![], 0);
        while sample.len() < enough(700, 20) as usize {
            let id = (at + steps) % 700;
            steps += 1;
            if id % 3 != 0 {
                sample.push(id);
            }
        }
        assert_eq!((node, looked), (sample.iter().max().map(|&id| NodeId(id)), u64::from(steps)), "task {task}");
        at = (at + steps) % 700;
    }
}
