//! The protocol of cell compaction: random removal, tolerance, cells that grow, conditions that become soft.

use windtunnel::packing::compaction::{Cell, trials};
use windtunnel::packing::repack::soften;
use windtunnel_scheduler::constraint::{Condition, Constraint};

use super::*;

fn needed(nodes: &[Arc<NodeSpec>], requests: &[Resources], may_wait: u64, count: u64) -> Vec<u64> {
    let tool = Tool::new();
    let packer = Packer::new(&tool, "core", &config("best-fit"));
    let workload = Workload::new(&pieces(requests), Order::AsGiven, &largest_of(nodes));
    let interrupt = Interrupt::default();
    let cell = Cell { nodes, workload: &workload, may_wait, seed: 0, interrupt: &interrupt };
    trials(&cell, &packer, count, &|| {}).expect("it fits")
}

#[test]
fn what_may_wait_is_left_out_and_not_one_task_more() {
    let requests = [Resources::new(600, 0); 10];
    let fleet = nodes(12, 1_000, 0);
    for may_wait in 0..=3 {
        assert_eq!(needed(&fleet, &requests, may_wait, 2), [10 - may_wait; 2]);
    }
}

#[test]
fn a_cell_that_is_too_small_is_cloned() {
    assert_eq!(needed(&nodes(3, 1_000, 0), &[Resources::new(600, 0); 10], 0, 2), [10, 10]);
    assert_eq!(needed(&nodes(1, 1_000, 0), &[Resources::new(600, 0); 16], 0, 1), [16]);
}

#[test]
fn orders_of_removal_differ_and_are_the_same_every_time() {
    // One node in four is large: how many are needed depends on which are taken away.
    let mixed: Vec<Arc<NodeSpec>> = (0..200)
        .map(|at| {
            let capacity = Resources::new(if at % 4 == 0 { 8_000 } else { 2_000 }, 0);
            Arc::new(NodeSpec { node: NodeId(at), capacity, ..NodeSpec::default() })
        })
        .collect();
    let requests = [Resources::new(1_000, 0); 350];
    let first = needed(&mixed, &requests, 0, 11);
    assert_eq!(first, needed(&mixed, &requests, 0, 11));
    assert_eq!(first[..5], needed(&mixed, &requests, 0, 5), "a trial does not depend on how many there are");
    assert!(counted(first.iter().copied()).len() > 3, "{first:?}");
    // Tasks of one core fill nodes to the last: the answer is where the capacities add up to 350 cores.
    let mean = first.iter().sum::<u64>() as f64 / 11.0;
    assert!((90.0..110.0).contains(&mean), "350 cores at 3.5 a node: {mean}");
}

#[test]
fn conditions_of_jobs_larger_than_half_the_cell_become_soft() {
    let constraint = Constraint { attribute: "os".to_owned(), condition: Condition::Exists };
    let of_job = |job: u64, count: u32| Piece {
        spec: JobSpec {
            job: JobId(job),
            count,
            request: Resources::new(1, 1),
            constraints: Some([constraint.clone()].into()),
            ..JobSpec::default()
        },
    };
    let mut all = vec![of_job(0, 3), of_job(0, 3), of_job(1, 5)];
    soften(&mut all, 10);
    let hard: Vec<bool> = all.iter().map(|piece| piece.spec.constraints.is_some()).collect();
    assert_eq!(hard, [false, false, true], "six of ten are more than half, five are not");
}
