//! Lower bounds on nodes: how few could hold what runs, if it could be cut at will ([`NodeBound`], cheap enough for
//! every event), and if it must not be cut ([`fewest_nodes`], for a snapshot).

mod bins;
mod nodes;

pub use bins::{Size, fewest_bins};
pub use nodes::{Bounds, Items, TaskGroup, fewest_nodes};

use windtunnel_scheduler::resources::{LANES, Resources};

/// The fewest nodes of a fleet whose capacities add up to a demand, lane by lane.
///
/// This is the continuous bound of bin packing, L1 in Martello and Toth, "Knapsack Problems" (1990), chapter 8, with
/// the largest bins first since bins differ, and the greatest of the lanes since each is a packing of its own. No
/// packing of whole tasks uses fewer nodes. The gpu lane is a lane like the others.
#[derive(Clone, Debug)]
pub struct NodeBound {
    lanes: [Vec<Group>; LANES],
    nodes: u64,
}

/// Nodes of one capacity in one lane.
#[derive(Clone, Copy, Debug)]
struct Group {
    capacity: u64,
    /// Nodes of greater capacity.
    nodes_before: u64,
    /// What those come to.
    total_before: u64,
    /// What they come to with this group.
    total: u64,
}

impl NodeBound {
    /// For a fleet of so many nodes of each capacity; a capacity may occur more than once.
    #[must_use]
    pub fn new(capacities: &[(Resources, u32)]) -> Self {
        let lane = |lane: usize| {
            let mut sizes: Vec<(u64, u64)> =
                capacities.iter().map(|(row, count)| (u64::from(row[lane]), u64::from(*count))).collect();
            sizes.retain(|(capacity, count)| *capacity > 0 && *count > 0);
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            let mut groups: Vec<Group> = Vec::new();
            let (mut nodes, mut total) = (0, 0_u64);
            for (capacity, count) in sizes {
                let with = total.saturating_add(capacity.saturating_mul(count));
                match groups.last_mut() {
                    Some(group) if group.capacity == capacity => group.total = with,
                    _ => groups.push(Group { capacity, nodes_before: nodes, total_before: total, total: with }),
                }
                (nodes, total) = (nodes + count, with);
            }
            groups
        };
        let nodes = capacities.iter().map(|(_, count)| u64::from(*count)).sum();
        Self { lanes: core::array::from_fn(lane), nodes }
    }

    /// The fewest nodes that a demand needs, given by lane; 0 if it is nothing, all nodes if the fleet cannot hold it.
    /// Cheap enough to be called at every event: a multiplication for a lane that does not decide, a division for one
    /// that does.
    #[must_use]
    #[inline]
    pub fn lower(&self, demand: impl IntoIterator<Item = (usize, u64)>) -> u64 {
        let mut fewest = 0_u64;
        for (lane, demand) in demand {
            if demand == 0 {
                continue;
            }
            let groups = &self.lanes[lane];
            let Some(first) = groups.first() else {
                return self.nodes;
            };
            let group = if demand <= first.total {
                // Equal nodes, at least as far as the demand goes: most lanes ask for no more than another does.
                if fewest.saturating_mul(first.capacity) >= demand {
                    continue;
                }
                first
            } else {
                match groups.get(groups.partition_point(|group| group.total < demand)) {
                    Some(group) => group,
                    None => return self.nodes,
                }
            };
            let needed = group.nodes_before + (demand - group.total_before).div_ceil(group.capacity);
            fewest = fewest.max(needed);
        }
        fewest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use windtunnel_scheduler::resources::Totals;

    fn by_lane(demand: &Totals) -> impl Iterator<Item = (usize, u64)> {
        demand.0.into_iter().enumerate()
    }

    /// The specification: takes node after node, the largest first, until the demand is met.
    fn naive(fleet: &[(Resources, u32)], demand: &Totals) -> u64 {
        let all: Vec<&Resources> = fleet.iter().flat_map(|(row, count)| vec![row; *count as usize]).collect();
        let lane = |lane: usize| {
            let mut sizes: Vec<u64> = all.iter().map(|row| u64::from(row[lane])).collect();
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            let (mut held, mut taken) = (0, 0);
            while held < demand.0[lane] && taken < sizes.len() {
                held += sizes[taken];
                taken += 1;
            }
            if held < demand.0[lane] { all.len() as u64 } else { taken as u64 }
        };
        (0..LANES).map(lane).max().unwrap_or(0)
    }

    fn row(most: u32) -> impl Strategy<Value = Resources> {
        let gpu = prop_oneof![2 => Just(0), 1 => 0..=most];
        (0..=most, 0..=most, gpu).prop_map(|(cpu, memory, gpu)| Resources([cpu, memory, 0, gpu, 0, 0, 0, 0]))
    }

    fn fleet() -> impl Strategy<Value = Vec<(Resources, u32)>> {
        let capacity = prop_oneof![row(40), Just(Resources([32, 32, 0, 8, 0, 0, 0, 0]))];
        prop::collection::vec((capacity, 0..6_u32), 0..6)
    }

    proptest! {
        #[test]
        fn it_is_the_naive_bound(fleet in fleet(), demand in prop::array::uniform4(prop_oneof![Just(0), 0..500_u64])) {
            let mut totals = Totals::default();
            totals.0[..4].copy_from_slice(&demand);
            prop_assert_eq!(NodeBound::new(&fleet).lower(by_lane(&totals)), naive(&fleet, &totals));
        }

        #[test]
        fn no_packing_uses_fewer_nodes(fleet in fleet(), tasks in prop::collection::vec(row(20), 0..60)) {
            let mut free: Vec<(Resources, bool)> =
                fleet.iter().flat_map(|(row, count)| vec![(*row, false); *count as usize]).collect();
            // The largest first, into the first that fits: close to as few as can be.
            free.sort_unstable_by(|a, b| b.cmp(a));
            let mut packed = Totals::default();
            for task in tasks.iter().filter(|task| **task != Resources::ZERO) {
                if let Some((node, used)) = free.iter_mut().find(|(node, _)| task.fits_in(node)) {
                    *node = node.checked_sub(task).expect("it fits");
                    *used = true;
                    packed.add(task, 1);
                }
            }
            let used = free.iter().filter(|(_, used)| *used).count() as u64;
            prop_assert!(NodeBound::new(&fleet).lower(by_lane(&packed)) <= used);
        }
    }

    #[test]
    fn nodes_without_a_lane_are_not_needed_for_all_of_it() {
        let bound =
            NodeBound::new(&[(Resources::new(4, 10), 2), (Resources::new(2, 10), 2), (Resources::new(0, 10), 5)]);
        assert_eq!(bound.lower(by_lane(&Totals([12, 0, 0, 0, 0, 0, 0, 0]))), 4);
        assert_eq!(bound.lower(by_lane(&Totals([8, 0, 0, 0, 0, 0, 0, 0]))), 2);
        assert_eq!(bound.lower(by_lane(&Totals([13, 0, 0, 0, 0, 0, 0, 0]))), 9);
        assert_eq!(NodeBound::new(&[]).lower(by_lane(&Totals([1; LANES]))), 0);
    }

    #[test]
    fn the_scarcest_lane_decides() {
        let fleet =
            [(Resources([64_000, 256, 0, 0, 0, 0, 0, 0]), 10), (Resources([32_000, 64, 0, 8_000, 0, 0, 0, 0]), 3)];
        let bound = NodeBound::new(&fleet);
        let lower = |demand: [u64; LANES]| bound.lower(by_lane(&Totals(demand)));
        assert_eq!(lower([0; LANES]), 0);
        assert_eq!(lower([64_000, 0, 0, 0, 0, 0, 0, 0]), 1);
        assert_eq!(lower([64_001, 0, 0, 0, 0, 0, 0, 0]), 2);
        assert_eq!(lower([64_001, 2_000, 0, 0, 0, 0, 0, 0]), 8);
        assert_eq!(lower([64_001, 0, 0, 16_001, 0, 0, 0, 0]), 3);
        assert_eq!(lower([640_001, 0, 0, 0, 0, 0, 0, 0]), 11);
        assert_eq!(lower([737_000, 0, 0, 0, 0, 0, 0, 0]), 13);
        assert_eq!(lower([0, 0, 1, 0, 0, 0, 0, 0]), 13);
    }
}
