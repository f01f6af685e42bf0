//! Bin packing with the integers inside, through the packer; and vectors whose optimum is known.

use proptest::prelude::*;
use windtunnel_outcome::bound::{Items, TaskGroup, fewest_bins, fewest_nodes};
use windtunnel_scheduler::draw::mix;
use windtunnel_scheduler::event::GpuRequest;

use super::*;
use crate::support::data_file;

/// One instance: how large a bin is, and the items in file order.
struct Instance {
    bin: u32,
    items: Vec<u32>,
}

/// `count; name; capacity n best; items`.
fn instances(name: &str) -> Option<Vec<Instance>> {
    let text = std::fs::read_to_string(data_file(name)?).expect("the file can be read");
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    let mut next = move || numbers.next().expect("the file goes on");
    let count = next();
    let instance = |_| {
        let (bin, items, _best) = (next(), next(), next());
        Instance { bin, items: (0..items).map(|_| next()).collect() }
    };
    Some((0..count).map(instance).collect())
}

const POLICIES: [(&str, Order); 6] = [
    ("next-fit", Order::AsGiven),
    ("first-fit", Order::AsGiven),
    ("best-fit", Order::AsGiven),
    ("worst-fit", Order::AsGiven),
    ("first-fit", Order::Decreasing),
    ("best-fit", Order::Decreasing),
];

#[test]
fn every_policy_in_either_order_and_the_bound() {
    for (file, bound, expected) in [
        ("binpack/binpack1.txt", 981, [1_279, 1_044, 1_038, 1_131, 995, 995]),
        ("binpack/binpack2.txt", 2_031, [2_669, 2_162, 2_154, 2_342, 2_062, 2_062]),
    ] {
        let Some(instances) = instances(file) else { return };
        assert_eq!(instances.len(), 20, "{file}");
        let l2 = |instance: &Instance| {
            let items: Vec<(u64, u64)> =
                counted(instance.items.iter().map(|&item| u64::from(item))).into_iter().collect();
            fewest_bins(&[(u64::from(instance.bin), instance.items.len() as u64)], &items, 0)
        };
        assert_eq!(instances.iter().map(l2).sum::<u64>(), bound, "{file}: L2");
        let sums = POLICIES.map(|(policy, order)| {
            let bins = |instance: &Instance| {
                let items: Vec<Resources> = instance.items.iter().map(|&item| Resources::new(item, 0)).collect();
                in_use(&items, Resources::new(instance.bin, 0), policy, order)
            };
            instances.iter().map(bins).sum::<u64>()
        });
        assert_eq!(sums, expected, "{file}: {POLICIES:?}");
    }
}

/// Cuts a node into pieces at random shares of what is left of it in each lane.
fn cut(node: Resources, cuts: &[(u32, u32)]) -> Vec<Resources> {
    let mut rest = node;
    let mut pieces = Vec::new();
    for (cpu, memory) in cuts {
        let piece = Resources::new(rest[0] * cpu / 100, rest[1] * memory / 100);
        rest = rest.checked_sub(&piece).expect("a share of it fits in it");
        pieces.push(piece);
    }
    pieces.push(rest);
    pieces.into_iter().filter(|piece| *piece != Resources::ZERO).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Full nodes cut into vectors: the optimum is the number of nodes that were cut.
    #[test]
    fn the_bound_is_at_most_the_optimum_and_that_at_most_ours(
        cuts in prop::collection::vec(prop::collection::vec((1..90_u32, 1..90_u32), 0..7), 1..10),
        keep in 1..=10_usize,
        shuffle in any::<u64>(),
    ) {
        let node = Resources::new(10_000, 64_000);
        let mut tasks: Vec<Resources> = cuts.iter().flat_map(|cuts| cut(node, cuts)).collect();
        tasks.sort_by_key(|task| mix(u64::from(task[0]) ^ u64::from(task[1]) << 32 ^ shuffle));
        // Leaving some out cannot make more nodes necessary.
        let optimum = cuts.len() as u64;
        tasks.truncate((tasks.len() * keep).div_ceil(10));
        let items = |(request, count)| Items { request, gpu: GpuRequest::default(), count };
        let fleet = vec![node; tasks.len()];
        let group = TaskGroup {
            tasks: counted(tasks.iter().copied()).into_iter().map(items).collect(),
            nodes: (0..tasks.len() as u32).collect(),
        };
        let bound = fewest_nodes(&fleet, &[group], 0).nodes;
        prop_assert!(bound <= optimum, "{bound} > {optimum}");
        for (policy, order) in POLICIES {
            let ours = in_use(&tasks, node, policy, order);
            prop_assert!(bound <= ours, "{policy}: {bound} > {ours}");
            if keep == 10 {
                prop_assert!(optimum <= ours, "{policy}: {optimum} > {ours}, which cannot be");
            }
        }
    }

    /// Triplets that sum exactly to the node in both lanes.
    #[test]
    fn triplets_that_fill_their_nodes(triplets in prop::collection::vec(prop::array::uniform4(25..50_u32), 1..12)) {
        let node = Resources::new(100, 100);
        let tasks: Vec<Resources> = triplets
            .iter()
            .flat_map(|&[a, b, c, d]| [(a, c), (b, d), (100 - a - b, 100 - c - d)])
            .map(|(cpu, memory)| Resources::new(cpu, memory))
            .collect();
        let fleet = vec![node; tasks.len()];
        let items = |(request, count)| Items { request, gpu: GpuRequest::default(), count };
        let group = TaskGroup {
            tasks: counted(tasks.iter().copied()).into_iter().map(items).collect(),
            nodes: (0..tasks.len() as u32).collect(),
        };
        let bound = fewest_nodes(&fleet, &[group], 0).nodes;
        prop_assert_eq!(bound, triplets.len() as u64, "all lanes are full, so the sums alone say it");
        for order in [Order::AsGiven, Order::Decreasing] {
            prop_assert!(in_use(&tasks, node, "best-fit", order) >= bound);
        }
    }
}
