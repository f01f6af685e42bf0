//! Several lanes, devices and conditions: the fewest nodes that could hold tasks that must not be cut.

use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{GPU, LANES, Resources};

use super::bins::{Size, fewest_bins};

/// Sums of two lanes are taken as shares of the largest node, in this many parts.
const PARTS: u64 = 1 << 20;
/// Thousandths of a device.
const DEVICE: u64 = 1000;

/// Equal tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items {
    /// What one needs.
    pub request: Resources,
    /// Which devices one needs.
    pub gpu: GpuRequest,
    /// How many.
    pub count: u64,
}

/// Tasks that may go to the same nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskGroup {
    /// The tasks.
    pub tasks: Vec<Items>,
    /// Where they may go: positions among the nodes, ascending.
    pub nodes: Vec<u32>,
}

/// Lower bounds on nodes, each by what it is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The greatest of all.
    pub nodes: u64,
    /// Lane by lane.
    pub lanes: [u64; LANES],
    /// Whole devices, and parts of devices that must fit on one.
    pub devices: u64,
    /// Two lanes at once.
    pub pairs: u64,
    /// What conditions demand: groups of tasks that have no node in common need nodes of their own.
    pub conditions: u64,
}

/// The fewest of `nodes` that could hold all tasks of all groups but `may_wait` of them, whichever these are.
///
/// Each number is a bound by itself: a packing of vectors is a packing in every lane, and in every sum of lanes.
#[must_use]
pub fn fewest_nodes(nodes: &[Resources], groups: &[TaskGroup], may_wait: u64) -> Bounds {
    let everywhere: Vec<Items> = groups.iter().flat_map(|group| group.tasks.iter().copied()).collect();
    let mut bounds = unconditional(&counted(nodes.iter().copied()), &everywhere, may_wait);
    let mut alone: Vec<(u64, &TaskGroup)> = groups
        .iter()
        .map(|group| {
            // Whatever may go only where this group may go needs room there too.
            let inside = groups.iter().filter(|other| is_within(&other.nodes, &group.nodes));
            let tasks: Vec<Items> = inside.flat_map(|other| other.tasks.iter().copied()).collect();
            let able = counted(group.nodes.iter().map(|&node| nodes[node as usize]));
            (unconditional(&able, &tasks, may_wait).nodes, group)
        })
        .collect();
    // The sort is stable: equals stay in the order of the groups.
    alone.sort_by_key(|(bound, _)| std::cmp::Reverse(*bound));
    let mut taken = vec![false; nodes.len()];
    for (bound, group) in alone {
        if group.nodes.iter().all(|&node| !taken[node as usize]) {
            group.nodes.iter().for_each(|&node| taken[node as usize] = true);
            bounds.conditions += bound;
        }
    }
    bounds.nodes = bounds.nodes.max(bounds.conditions);
    bounds
}

/// Whether everything in `inner` is in `outer`; both ascend.
fn is_within(inner: &[u32], outer: &[u32]) -> bool {
    if inner.len() > outer.len() {
        return false;
    }
    let mut rest = outer.iter();
    inner.iter().all(|node| rest.any(|other| other == node))
}

fn counted(rows: impl Iterator<Item = Resources>) -> Vec<(Resources, u64)> {
    let mut counts = std::collections::BTreeMap::new();
    rows.for_each(|row| *counts.entry(row).or_insert(0) += 1);
    counts.into_iter().collect()
}

/// Every bound that knows of no conditions.
fn unconditional(nodes: &[(Resources, u64)], tasks: &[Items], may_wait: u64) -> Bounds {
    let mut bounds = Bounds::default();
    let asked: Vec<usize> = (0..LANES).filter(|&lane| tasks.iter().any(|task| task.request[lane] > 0)).collect();
    for &lane in &asked {
        let bins: Vec<Size> = nodes.iter().map(|(row, count)| (u64::from(row[lane]), *count)).collect();
        let items: Vec<Size> = tasks.iter().map(|task| (u64::from(task.request[lane]), task.count)).collect();
        bounds.lanes[lane] = fewest_bins(&bins, &items, may_wait);
    }
    if asked.contains(&GPU) {
        bounds.devices = devices(nodes, tasks, may_wait);
    }
    for (at, &one) in asked.iter().enumerate() {
        for &other in &asked[at + 1..] {
            bounds.pairs = bounds.pairs.max(pair(nodes, tasks, [one, other], may_wait));
        }
    }
    bounds.nodes = bounds.lanes.into_iter().chain([bounds.devices, bounds.pairs]).max().unwrap_or(0);
    bounds
}

/// As many devices as whole ones are asked for and parts cannot do without, on the nodes with the most.
fn devices(nodes: &[(Resources, u64)], tasks: &[Items], may_wait: u64) -> u64 {
    let parts = |task: &&Items| u64::from(task.gpu.milli) < DEVICE;
    let with_gpu = || tasks.iter().filter(|task| task.gpu.count > 0);
    let whole: Vec<Size> =
        with_gpu().filter(|task| !parts(task)).map(|task| (u64::from(task.gpu.count), task.count)).collect();
    let shared: Vec<Size> = with_gpu().filter(parts).map(|task| (u64::from(task.gpu.milli), task.count)).collect();
    let bins: Vec<Size> = nodes.iter().map(|(row, count)| (u64::from(row[GPU]) / DEVICE, *count)).collect();
    let all: u64 = bins.iter().map(|(devices, count)| devices * count).sum();
    // A device that parts cannot do without is like a task for a whole one.
    let needed = fewest_bins(&[(DEVICE, all)], &shared, may_wait);
    let items: Vec<Size> = whole.into_iter().chain([(1, needed)]).collect();
    fewest_bins(&bins, &items, may_wait)
}

/// The sum of two lanes as shares of the largest capacity: rounded down for tasks and up for nodes.
fn pair(nodes: &[(Resources, u64)], tasks: &[Items], lanes: [usize; 2], may_wait: u64) -> u64 {
    let largest = lanes.map(|lane| nodes.iter().map(|(row, _)| u64::from(row[lane])).max().unwrap_or(0));
    if largest.contains(&0) {
        return 0;
    }
    let sum = |row: &Resources, share: fn(u64, u64) -> u64| -> u64 {
        lanes.iter().zip(largest).map(|(&lane, largest)| share(u64::from(row[lane]) * PARTS, largest)).sum()
    };
    let bins: Vec<Size> = nodes.iter().map(|(row, count)| (sum(row, u64::div_ceil), *count)).collect();
    let items: Vec<Size> =
        tasks.iter().map(|task| (sum(&task.request, |part, whole| part / whole), task.count)).collect();
    fewest_bins(&bins, &items, may_wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(cpu: u32, memory: u32, gpus: u32) -> Resources {
        Resources([cpu, memory, 0, gpus * 1000, 0, 0, 0, 0])
    }

    fn items(request: Resources, count: u64) -> Items {
        Items { request, gpu: GpuRequest::default(), count }
    }

    fn on_gpus(gpus: u8, milli: u16, count: u64) -> Items {
        let request = Resources([1, 1, 0, u32::from(gpus) * u32::from(milli), 0, 0, 0, 0]);
        Items { request, gpu: GpuRequest { count: gpus, milli }, count }
    }

    fn anywhere(tasks: Vec<Items>, nodes: usize) -> [TaskGroup; 1] {
        [TaskGroup { tasks, nodes: (0..nodes as u32).collect() }]
    }

    proptest! {
        /// Full nodes cut into vectors at random: the optimum is the number of nodes cut.
        #[test]
        fn cut_nodes_need_no_more_than_there_were(
            cuts in prop::collection::vec((prop::collection::vec((1..400_u32, 1..400_u32), 0..6), 1..4_u8), 1..12),
            spare in 0..6_usize,
        ) {
            let mut tasks = Vec::new();
            for (cut, _) in &cuts {
                let mut rest = row(1000, 1000, 0);
                for (cpu, memory) in cut {
                    if let Some(left) = rest.checked_sub(&row(*cpu, *memory, 0)) {
                        rest = left;
                        tasks.push(items(row(*cpu, *memory, 0), 1));
                    }
                }
                tasks.push(items(rest, 1));
            }
            let nodes = vec![row(1000, 1000, 0); cuts.len() + spare];
            let bounds = fewest_nodes(&nodes, &anywhere(tasks, nodes.len()), 0);
            prop_assert_eq!(bounds.nodes, cuts.len() as u64, "every lane is full, so even the plain sums say it");
        }
    }

    #[test]
    fn three_that_fill_a_node_are_told_from_three_that_do_not() {
        // Triplets that sum exactly to the bin in both lanes: 10 nodes, and no bound may say more.
        let tasks = vec![items(row(500, 200, 0), 10), items(row(300, 300, 0), 10), items(row(200, 500, 0), 10)];
        assert_eq!(fewest_nodes(&[row(1000, 1000, 0); 20], &anywhere(tasks, 20), 0).nodes, 10);
    }

    #[test]
    fn two_lanes_at_once_see_what_neither_sees() {
        // Each is 0.6 in one lane and 0.5 in the other: two of a kind do not fit, nor do two of different kinds.
        let tasks = vec![items(row(600, 500, 0), 4), items(row(500, 600, 0), 4)];
        let bounds = fewest_nodes(&[row(1000, 1000, 0); 20], &anywhere(tasks, 20), 0);
        assert_eq!((bounds.lanes[0], bounds.lanes[1], bounds.pairs), (6, 6, 8));
        assert_eq!(bounds.nodes, 8);
    }

    #[test]
    fn parts_of_devices_must_fit_on_one() {
        let nodes = [row(100, 100, 2); 10];
        let bounds = fewest_nodes(&nodes, &anywhere(vec![on_gpus(1, 600, 6), on_gpus(2, 1000, 2)], 10), 0);
        assert_eq!(bounds.lanes[GPU], 4, "3.8 nodes of thousandths");
        assert_eq!((bounds.devices, bounds.nodes), (5, 5), "six devices for parts, two nodes of two");
        let bounds = fewest_nodes(&nodes, &anywhere(vec![on_gpus(1, 600, 6), on_gpus(2, 1000, 2)], 10), 1);
        assert!(bounds.devices <= 4, "one of two devices may wait: {bounds:?}");
    }

    #[test]
    fn groups_without_a_node_in_common_add_up() {
        let group = |count: u64, nodes: std::ops::Range<u32>| TaskGroup {
            tasks: vec![items(row(60, 1, 0), count)],
            nodes: nodes.collect(),
        };
        let nodes = [row(100, 100, 0); 20];
        let bounds = fewest_nodes(&nodes, &[group(3, 0..5), group(4, 5..12), group(2, 0..20)], 0);
        assert_eq!((bounds.conditions, bounds.nodes), (9, 9), "three groups within all nodes: nine above half");
        let small =
            |nodes: std::ops::Range<u32>| TaskGroup { tasks: vec![items(row(10, 1, 0), 1)], nodes: nodes.collect() };
        let bounds = fewest_nodes(&nodes, &[small(0..2), small(2..4), small(4..6), small(5..9)], 0);
        assert_eq!((bounds.lanes[0], bounds.conditions), (1, 3), "a tenth each, in three places at least");
    }
}
