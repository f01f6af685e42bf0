//! Gangs against policies that remember or draw.

use super::{Stage, placed_by};

#[test]
fn members_of_a_gang_meet_chances_of_their_own() {
    let mut stage = Stage::with(placed_by("random"), &[(64_000, 64); 32]);
    let gang = stage.gang(32, 1_000, 1);
    stage.submit(gang);
    let mut nodes: alloc::vec::Vec<u32> = stage.places().iter().map(|place| place.1).collect();
    nodes.sort_unstable();
    nodes.dedup();
    // 32 draws of 32 nodes: about 20 different ones.
    assert!((12..=28).contains(&nodes.len()), "{nodes:?}");
}

#[test]
fn a_gang_that_is_given_up_moves_no_cursor() {
    let nodes = [(1_000, 9), (1_000, 9), (1_000, 9), (900, 9), (600, 9)];
    let mut stage = Stage::with(placed_by("next-fit"), &nodes);
    let first = stage.task(1_000, 1);
    stage.submit(first);
    // There is room for three in all, but not on any three nodes.
    let gang = stage.gang(3, 1_000, 1);
    stage.submit(gang);
    assert_eq!(stage.places(), []);
    let second = stage.task(400, 1);
    stage.submit(second);
    assert_eq!(stage.places().first().map(|place| place.1), Some(1), "the search goes on where it was");
}
