//! Allocation per node over time on a bounded grid: a picture of at most 200 x 300 cells at any fleet size.

use windtunnel_scheduler::time::Time;

use crate::grid::{Cell, FINEST_US, Grid};

/// Most rows.
pub const ROWS: usize = 200;
/// Most columns.
pub const COLUMNS: u64 = 300;

/// A finished grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatTable {
    /// The beginning and the end of the time axis.
    pub from: Time,
    /// See `from`.
    pub to: Time,
    /// Columns (time bins), at most 300.
    pub columns: usize,
    /// First node of each row, in fleet order; at most 200 rows.
    pub first_node: Vec<u32>,
    /// Row-major, `rows x columns`: mean allocated share of the row's capacity in that time bin, 0 to 1; NaN where no
    /// node was up.
    pub cells: Vec<f32>,
}

/// How full each row of nodes is, as it is being followed. Rows hold equally many nodes (the last may hold fewer),
/// time bins are equally long and begin at [`Time::ZERO`]; the last bin may be cut short by the end. A call costs a
/// few nanoseconds.
#[derive(Clone)]
pub struct Heat {
    nodes_per_row: usize,
    nodes: Vec<Node>,
    grid: Grid<RowCell>,
    begin: Time,
    /// What was said last of nodes and is still to be taken in.
    said: Vec<(Time, u32, u32)>,
}

/// What is taken in together: each on its own would find the code that does it gone from the cache.
const TOGETHER: usize = 64;

/// Kept small: fleets are large.
#[derive(Clone, Copy)]
struct Node {
    capacity: u32,
    allocated: u32,
    row: u16,
    up: bool,
}

/// What the nodes of a row that are up come to.
#[derive(Clone, Copy, Default, PartialEq)]
struct RowLevel {
    allocated: u64,
    capacity: u64,
}

#[derive(Clone, Copy)]
struct RowCell {
    allocated: u128,
    capacity: u128,
}

impl Cell for RowCell {
    type Level = RowLevel;
    const EMPTY: Self = Self { allocated: 0, capacity: 0 };

    #[inline]
    fn hold(&mut self, level: RowLevel, span_us: u64) {
        self.allocated += u128::from(level.allocated) * u128::from(span_us);
        self.capacity += u128::from(level.capacity) * u128::from(span_us);
    }

    fn merge(&mut self, other: &Self) {
        self.allocated += other.allocated;
        self.capacity += other.capacity;
    }
}

impl Heat {
    /// Nodes in fleet order with their capacity in one lane (millicores of cpu); all are up and empty at first.
    #[must_use]
    pub fn new(capacity_cpu: &[u32]) -> Self {
        let nodes_per_row = capacity_cpu.len().div_ceil(ROWS).max(1);
        let rows = capacity_cpu.len().div_ceil(nodes_per_row);
        // A node without any cpu counts as a thousandth of a core, so that a row of such nodes shows as empty, not as
        // down.
        let node = |(position, capacity): (usize, &u32)| {
            let row = u16::try_from(position / nodes_per_row).unwrap_or(u16::MAX);
            Node { capacity: (*capacity).max(1), allocated: 0, row, up: true }
        };
        let nodes: Vec<Node> = capacity_cpu.iter().enumerate().map(node).collect();
        let grid = Grid::new(rows, FINEST_US, COLUMNS);
        let mut heat = Self { nodes_per_row, nodes, grid, begin: Time::ZERO, said: Vec::with_capacity(TOGETHER) };
        for (row, nodes) in heat.nodes.chunks(nodes_per_row).enumerate() {
            let capacity = nodes.iter().map(|node| u64::from(node.capacity)).sum();
            heat.grid.set(Time::ZERO, row, RowLevel { allocated: 0, capacity });
        }
        heat
    }

    /// The same with another beginning; to be called before anything else. What is said earlier counts from `begin` on.
    #[must_use]
    pub fn starting_at(mut self, begin: Time) -> Self {
        self.begin = begin;
        self.grid.begin_at(begin);
        self
    }

    /// From `now` on `allocated` of the node is taken. Remembered while the node is down, and counted when it is up.
    ///
    /// # Panics
    /// Here or at a later call, if there is no such node, or if time runs backwards: defects of the caller.
    #[inline]
    pub fn set(&mut self, now: Time, node: u32, allocated: u32) {
        self.said.push((now, node, allocated));
        if self.said.len() == TOGETHER {
            self.take_in();
        }
    }

    fn take_in(&mut self) {
        for (now, node, allocated) in self.said.drain(..) {
            let node = &mut self.nodes[node as usize];
            let before = core::mem::replace(&mut node.allocated, allocated);
            if node.up {
                let row = usize::from(node.row);
                let mut level = self.grid.level(row);
                level.allocated = level.allocated - u64::from(before) + u64::from(allocated);
                self.grid.set(now, row, level);
            }
        }
    }

    /// From `now` on the node is up, or is not.
    ///
    /// # Panics
    /// As [`Heat::set`].
    pub fn up(&mut self, now: Time, node: u32, up: bool) {
        self.take_in();
        let node = &mut self.nodes[node as usize];
        if node.up == up {
            return;
        }
        node.up = up;
        let row = usize::from(node.row);
        let mut level = self.grid.level(row);
        if up {
            level.allocated += u64::from(node.allocated);
            level.capacity += u64::from(node.capacity);
        } else {
            level.allocated -= u64::from(node.allocated);
            level.capacity -= u64::from(node.capacity);
        }
        self.grid.set(now, row, level);
    }

    /// Closes the picture at `end` (or at the last change, if that is later).
    #[must_use]
    pub fn finish(mut self, end: Time) -> HeatTable {
        self.take_in();
        let finished = self.grid.finish(end);
        // A cell is NaN by itself where nothing was up: 0 / 0.
        let share = |cell: &RowCell| (cell.allocated as f64 / cell.capacity as f64) as f32;
        let first_node = (0..self.nodes.len()).step_by(self.nodes_per_row);
        HeatTable {
            from: self.begin,
            to: finished.to.last().copied().unwrap_or(self.begin),
            columns: finished.to.len(),
            first_node: first_node.map(|node| u32::try_from(node).unwrap_or(u32::MAX)).collect(),
            cells: finished.tracks.iter().flatten().map(share).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Call {
        Set(u32, u32),
        Up(u32, bool),
    }

    /// The specification: between two calls, adds every node to every bin.
    fn naive(capacity: &[u32], per_row: usize, calls: &[(u64, Call)], end: u64, width: u64) -> Vec<f32> {
        let columns = end.div_ceil(width) as usize;
        let rows = capacity.len().div_ceil(per_row);
        let mut sums = vec![(0_u128, 0_u128); rows * columns];
        let mut state = vec![(0_u32, true); capacity.len()];
        let (mut now, mut rest) = (0, calls.iter());
        loop {
            let next = rest.next();
            let until = next.map_or(end, |(wait, _)| now + wait);
            for column in 0..columns {
                let (from, to) = (column as u64 * width, ((column as u64 + 1) * width).min(end));
                let overlap = u128::from(to.min(until).saturating_sub(from.max(now)));
                for (node, (allocated, _)) in state.iter().enumerate().filter(|(_, (_, up))| *up) {
                    let sum = &mut sums[node / per_row * columns + column];
                    sum.0 += overlap * u128::from(*allocated);
                    sum.1 += overlap * u128::from(capacity[node]);
                }
            }
            now = until;
            match next {
                Some((_, Call::Set(node, allocated))) => state[*node as usize].0 = *allocated,
                Some((_, Call::Up(node, up))) => state[*node as usize].1 = *up,
                None => break,
            }
        }
        sums.into_iter().map(|(allocated, capacity)| (allocated as f64 / capacity as f64) as f32).collect()
    }

    fn calls(nodes: u32) -> impl Strategy<Value = Vec<(u64, Call)>> {
        let call = prop_oneof![
            3 => (0..nodes, 0..1_000_u32).prop_map(|(node, allocated)| Call::Set(node, allocated)),
            2 => (0..nodes, any::<bool>()).prop_map(|(node, up)| Call::Up(node, up)),
        ];
        let wait = prop_oneof![2 => Just(0), 5 => 0..400_000_u64, 1 => 0..30_000_000_u64];
        prop::collection::vec((wait, call), 0..50)
    }

    proptest! {
        #[test]
        fn it_is_the_naive_integral(
            capacity in prop::collection::vec(1_000..64_000_u32, 3), calls in calls(3), tail in 0..5_000_000_u64,
        ) {
            let end = calls.iter().map(|(wait, _)| wait).sum::<u64>() + tail;
            let mut width = FINEST_US;
            while end.div_ceil(width) > COLUMNS {
                width *= 2;
            }
            // Once a row per node; once, padded with nodes that stay down, rows of two.
            for padding in [0, 398] {
                let mut padded = capacity.clone();
                padded.resize(3 + padding, 1);
                let mut heat = Heat::new(&padded);
                (3..padded.len()).for_each(|node| heat.up(Time::ZERO, node as u32, false));
                let mut now = 0;
                for (wait, call) in &calls {
                    now += wait;
                    match *call {
                        Call::Set(node, allocated) => heat.set(Time(now), node, allocated),
                        Call::Up(node, up) => heat.up(Time(now), node, up),
                    }
                }
                let table = heat.finish(Time(end));
                let per_row = if padding == 0 { 1 } else { 3 };
                prop_assert_eq!(&table.first_node[..2.min(table.first_node.len())], &[0, per_row as u32][..]);
                prop_assert_eq!((table.from, table.to), (Time::ZERO, Time(end)));
                let expected = naive(&capacity, per_row, &calls, end, width);
                prop_assert_eq!(table.columns, end.div_ceil(width) as usize);
                let known = |cell: &f32| (!cell.is_nan()).then_some(*cell);
                let bits = |cells: &[f32]| cells.iter().map(known).collect::<Vec<_>>();
                prop_assert_eq!(bits(&table.cells[..expected.len()]), bits(&expected));
                prop_assert!(table.cells[expected.len()..].iter().all(|cell| cell.is_nan()));
            }
        }
    }

    #[test]
    fn any_fleet_and_any_length_fit_the_picture() {
        for nodes in [0_usize, 1, 199, 200, 201, 1_213, 50_000] {
            let heat = Heat::new(&vec![64_000; nodes]);
            let table = heat.finish(Time(86_400_000_000 * 400));
            assert!(table.first_node.len() <= ROWS && table.columns as u64 <= COLUMNS);
            assert!(table.columns as u64 > COLUMNS / 2 || nodes == 0);
            assert_eq!(table.cells.len(), table.first_node.len() * table.columns);
            assert!(table.cells.iter().all(|cell| *cell == 0.0));
        }
        assert_eq!(Heat::new(&[1; 401]).finish(Time::ZERO).first_node[..3], [0, 3, 6]);
    }

    #[test]
    fn a_node_that_is_down_counts_neither_as_room_nor_as_load() {
        let mut heat = Heat::new(&[100; 201]);
        heat.set(Time::ZERO, 0, 50);
        heat.set(Time::ZERO, 1, 100);
        heat.up(Time::ZERO, 1, false);
        heat.up(Time::ZERO, 2, false);
        heat.up(Time::ZERO, 3, false);
        let table = heat.finish(Time(10));
        assert_eq!(table.cells[0], 0.5);
        assert!(table.cells[1].is_nan());
        assert_eq!(table.cells[2], 0.0);
    }

    #[test]
    fn a_row_without_any_cpu_is_empty_rather_than_down() {
        assert_eq!(Heat::new(&[0, 0]).finish(Time(5)).cells, [0.0, 0.0]);
    }
}
