//! Nodes ordered by the room they have left: the search of policies that take the fullest node that still fits.
//!
//! The order does not depend on the shape, so one structure serves any number of shapes. Nodes lie in a grid of 120 x
//! 120 cells by what is free in the two leading lanes; a bitmap per row finds the cells that can serve a request, and
//! within a cell nodes are ordered by (share left, id). A request starts at its own corner of the grid and stops as
//! soon as no further cell can hold a fuller node: one to three cells in the common case. Where nodes differ in further
//! lanes too, the corner of a cell says little of how full its nodes are: then rows and cells are passed over by the
//! fullest node that each holds.
//!
//! A cell is put in order when it is first searched, and stays so until it is empty. Most nodes of a packed fleet are
//! full, and in cells that no request looks into: there they are only listed.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{Asked, Place};
use crate::draw::mix;
use crate::id::NodeId;
use crate::ledger::{Ledger, Shape};
use crate::resources::{LANES, Resources};

/// Buckets of an axis: a row of cells is one bitmap.
const SIDE: usize = FINE_BUCKETS + COARSE_BUCKETS;
type Row = u128;
const NIL: u32 = u32::MAX;
const OUTSIDE: u16 = u16::MAX;

/// Finest steps of an axis.
const STEPS: u64 = 1024;
/// Steps that are cut finely: fleets that are packed have most of their nodes there.
const FINE_STEPS: u64 = STEPS / 8;
const FINE_BUCKETS: usize = 64;
/// As wide as a 64th of the largest node: requests are mostly such parts, and of the bucket that a request begins every
/// node has room enough.
const COARSE_BUCKETS: usize = 56;
/// Steps in a bucket of the fine part and of the coarse part of an axis.
const FINE: u64 = FINE_STEPS / FINE_BUCKETS as u64;
const COARSE: u64 = (STEPS - FINE_STEPS) / COARSE_BUCKETS as u64;

/// One axis of the grid: a lane cut into buckets, more than half of them for the eighth next to full.
#[derive(Clone, Copy)]
struct Axis {
    lane: usize,
    /// 1024 x 2^32 / largest, rounded up: a step is `free * factor >> 32`.
    factor: u64,
    /// The least share of a node in each bucket.
    low: [u64; SIDE],
}

impl Axis {
    fn new(lane: usize, largest: u32, weight: u64) -> Self {
        // Rounded up, so that a whole multiple of a bucket's width begins a bucket: requests mostly are such multiples.
        let factor = (STEPS << 32).div_ceil(u64::from(largest.max(1)));
        let mut axis = Self { lane, factor, low: [0; SIDE] };
        for bucket in 1..SIDE as u64 {
            let coarse = bucket.saturating_sub(FINE_BUCKETS as u64);
            let step = if coarse == 0 { bucket * FINE } else { FINE_STEPS + coarse * COARSE };
            // The first amount that falls into the bucket.
            let least = (step << 32).div_ceil(factor.max(1));
            axis.low[bucket as usize] = least * weight;
        }
        axis
    }

    #[inline]
    fn bucket(&self, room: &Resources) -> usize {
        let step = (u64::from(room[self.lane]).saturating_mul(self.factor) >> 32).min(STEPS - 1);
        match step.checked_sub(FINE_STEPS) {
            None => (step / FINE) as usize,
            Some(above) => FINE_BUCKETS + (above / COARSE) as usize,
        }
    }
}

/// The fullest node that fits, lowest id first.
#[derive(Clone)]
pub struct Grid {
    epoch: u64,
    seen: u64,
    axes: [Axis; 2],
    /// Cells with nodes, row by row.
    rows: [Row; SIDE],
    /// Rows with nodes.
    filled: Row,
    /// A lower bound of the shares of the nodes in a row.
    lows: [u64; SIDE],
    /// Rows whose bound may be far below, since their fullest node left.
    stale: Row,
    order: Order,
}

/// Sets of nodes, one per cell: treaps, or lists as long as nobody asked for their order. The links live in a table by
/// node, so that moving a node needs no heap.
#[derive(Clone)]
struct Order {
    cells: Vec<Cell>,
    links: Vec<Link>,
}

/// The nodes of one cell.
#[derive(Clone, Copy)]
struct Cell {
    /// Share of the first member, of a list a lower bound of it; `u64::MAX` if there is none.
    low: u64,
    /// The member with the least key; `NIL` if that is not known, since they are only listed.
    first: u32,
    /// The root of the treap, or the head of the list.
    root: u32,
}

impl Cell {
    const EMPTY: Self = Self { low: u64::MAX, first: NIL, root: NIL };

    /// True if it has members in no order.
    #[inline]
    fn is_list(&self) -> bool {
        self.first == NIL && self.root != NIL
    }
}

/// What the order knows of a node: together, since each step of a search asks for all of it. In a list `left` is the
/// one before and `right` the one behind.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Link {
    share: u64,
    left: u32,
    right: u32,
    parent: u32,
    cell: u16,
}

impl Link {
    const LOOSE: Self = Self { share: 0, left: NIL, right: NIL, parent: NIL, cell: OUTSIDE };
}

impl Default for Grid {
    fn default() -> Self {
        Self::new()
    }
}

impl Grid {
    /// An empty grid; it fills when it is first asked.
    #[must_use]
    pub fn new() -> Self {
        let axis = Axis::new(0, 1, 0);
        Self {
            epoch: u64::MAX,
            seen: 0,
            axes: [axis; 2],
            rows: [0; SIDE],
            filled: 0,
            lows: [u64::MAX; SIDE],
            stale: 0,
            order: Order { cells: vec![Cell::EMPTY; SIDE * SIDE], links: vec![] },
        }
    }

    fn rebuild(&mut self, ledger: &Ledger) {
        let scale = ledger.scale();
        let mut lanes = (0..LANES).filter(|&lane| scale.largest[lane] > 0);
        let first = lanes.next().unwrap_or(0);
        let second = lanes.next().unwrap_or(first);
        self.axes = [first, second].map(|lane| Axis::new(lane, scale.largest[lane], scale.weight[lane]));
        if first == second {
            // One lane: a single column, so that its share is not counted twice in the bounds.
            self.axes[1] = Axis { lane: first, factor: 0, low: [0; SIDE] };
        }
        (self.rows, self.filled, self.lows, self.stale) = ([0; SIDE], 0, [u64::MAX; SIDE], 0);
        self.order.clear(ledger.node_count());
        for at in 0..ledger.node_count() as u32 {
            self.update(ledger, NodeId(at));
        }
        self.epoch = ledger.epoch();
    }

    fn update(&mut self, ledger: &Ledger, id: NodeId) {
        let node = ledger.node(id);
        let share = node.scale.share(node.free);
        let cell = if ledger.is_open(id) {
            (self.axes[0].bucket(node.free) * SIDE + self.axes[1].bucket(node.free)) as u16
        } else {
            OUTSIDE
        };
        let at = id.index();
        let Link { cell: old, share: old_share, .. } = self.order.links[at];
        if old == cell && (cell == OUTSIDE || old_share == share) {
            return;
        }
        if old != OUTSIDE {
            let (row, column) = (usize::from(old) / SIDE, usize::from(old) % SIDE);
            self.order.remove(old, id.0);
            if self.order.cells[usize::from(old)].root == NIL {
                self.rows[row] &= !(1 << column);
                if self.rows[row] == 0 {
                    self.filled &= !(1 << row);
                }
            }
            if old_share == self.lows[row] {
                self.stale |= 1 << row;
            }
        }
        let link = &mut self.order.links[at];
        (link.cell, link.share) = (cell, share);
        if cell != OUTSIDE {
            let (row, column) = (usize::from(cell) / SIDE, usize::from(cell) % SIDE);
            self.order.insert(cell, id.0);
            self.rows[row] |= 1 << column;
            self.filled |= 1 << row;
            self.lows[row] = share.min(self.lows[row]);
        }
    }

    /// True if every node of the row has a larger share.
    #[inline]
    fn is_above(&mut self, row: usize, share: u64) -> bool {
        if self.lows[row] > share {
            return true;
        }
        if self.stale & (1 << row) == 0 {
            return false;
        }
        let cells = &self.order.cells[row * SIDE..(row + 1) * SIDE];
        self.lows[row] = cells.iter().map(|cell| cell.low).min().unwrap_or(u64::MAX);
        self.stale &= !(1 << row);
        self.lows[row] > share
    }

    pub(super) fn catch_up(&mut self, ledger: &Ledger, nodes: &mut u64) {
        let changes = ledger.changes();
        let current = self.epoch == ledger.epoch();
        match current.then(|| changes.since(self.seen)).flatten() {
            Some(changed) => {
                *nodes += changes.count() - self.seen;
                for id in changed {
                    self.update(ledger, id);
                }
            }
            None => {
                *nodes += ledger.node_count() as u64;
                self.rebuild(ledger);
            }
        }
        self.seen = changes.count();
    }

    /// The fullest node that fits among those of the lowest class. None if that is not known after looking at as many
    /// nodes as makes `nodes` more than `most`.
    pub(super) fn search_by(
        &mut self,
        ledger: &Ledger,
        shape: &Shape,
        class: impl Fn(NodeId) -> u32,
        nodes: &mut u64,
        most: u64,
    ) -> Option<Option<NodeId>> {
        let (begin, from) = (self.axes[0].bucket(&shape.request), self.axes[1].bucket(&shape.request));
        let mut search = Search { ledger, shape, class, best: None, nodes, most };
        let mut rows = self.filled & (Row::MAX << begin);
        while rows != 0 {
            let row = rows.trailing_zeros() as usize;
            rows &= rows - 1;
            let mut cells = self.rows[row] & (Row::MAX << from);
            if search.is_over(self.axes[0].low[row] + self.axes[1].low[from]) {
                break;
            }
            if cells == 0 || search.bar().is_some_and(|share| self.is_above(row, share)) {
                continue;
            }
            let [first, second] = &self.axes;
            let order = &mut self.order;
            while cells != 0 {
                let column = cells.trailing_zeros() as usize;
                cells &= cells - 1;
                if search.is_over(first.low[row] + second.low[column]) {
                    break;
                }
                let cell = (row * SIDE + column) as u16;
                if order.cells[usize::from(cell)].is_list() && !search.is_over(order.cells[usize::from(cell)].low) {
                    order.put_in_order(cell);
                    // Of the row, too, only a bound was known.
                    self.stale |= 1 << row;
                }
                search.look_into(order, cell)?;
            }
        }
        Some(search.best.map(|(_, _, id)| NodeId(id)))
    }
}

/// One search.
struct Search<'a, C> {
    ledger: &'a Ledger,
    shape: &'a Shape,
    class: C,
    /// Class, share and id of the best node so far.
    best: Option<(u32, u64, u32)>,
    nodes: &'a mut u64,
    most: u64,
}

impl<C: Fn(NodeId) -> u32> Search<'_, C> {
    /// The share above which no node can be better than the best; None if any may be.
    #[inline]
    fn bar(&self) -> Option<u64> {
        self.best.and_then(|(class, share, _)| (class == 0).then_some(share))
    }

    /// True if no node with at least so large a share can be better than the best.
    #[inline]
    fn is_over(&self, low: u64) -> bool {
        self.bar().is_some_and(|share| low > share)
    }

    /// Takes the best node of the cell that fits, if it is better than the best so far. None if that was too much work.
    #[inline]
    fn look_into(&mut self, order: &Order, cell: u16) -> Option<()> {
        let Cell { low, first: mut at, .. } = order.cells[usize::from(cell)];
        if self.is_over(low) {
            return Some(());
        }
        while at != NIL {
            let key = order.key(at);
            if self.best.is_some_and(|best| best < (0, key.0, key.1)) {
                return Some(());
            }
            *self.nodes += 1;
            if self.ledger.fits(self.shape, NodeId(key.1)) {
                let class = (self.class)(NodeId(key.1));
                let found = (class, key.0, key.1);
                if self.best.is_none_or(|best| found < best) {
                    self.best = Some(found);
                }
                if class == 0 {
                    return Some(());
                }
            }
            if *self.nodes > self.most {
                return None;
            }
            at = order.next(at);
        }
        Some(())
    }
}

impl Place for Grid {
    fn place(&mut self, ledger: &Ledger, asked: Asked, nodes: &mut u64) -> Option<NodeId> {
        self.catch_up(ledger, nodes);
        self.search_by(ledger, ledger.shapes().shape(asked.shape), |_| 0, nodes, u64::MAX).flatten()
    }

    fn score(&self, ledger: &Ledger, shape: &Shape, node: NodeId) -> Option<i64> {
        let node = ledger.node(node);
        Some(node.scale.share(&shape.request) as i64 - node.scale.share(node.free) as i64)
    }

    fn is_sticky(&self) -> bool {
        true
    }

    fn fetch(&self, node: NodeId) -> u64 {
        let Some(link) = self.order.links.get(node.index()) else { return 0 };
        // Whoever is above and below it is asked for when it moves.
        let around = [link.left, link.right, link.parent].map(|at| self.order.links.get(at as usize));
        around.into_iter().flatten().fold(link.share, |seen, link| seen ^ link.share)
    }

    fn copy(&self) -> Box<dyn Place> {
        Box::new(self.clone())
    }
}

impl Order {
    fn clear(&mut self, count: usize) {
        self.cells.fill(Cell::EMPTY);
        self.links = vec![Link::LOOSE; count];
    }

    #[inline]
    fn key(&self, node: u32) -> (u64, u32) {
        (self.links[node as usize].share, node)
    }

    /// Heap order of the treap: a hash of the id, so the shape of a tree depends on its members only.
    #[inline]
    fn priority(node: u32) -> u64 {
        mix(u64::from(node))
    }

    #[inline]
    fn least_below(&self, mut at: u32) -> u32 {
        while self.links[at as usize].left != NIL {
            at = self.links[at as usize].left;
        }
        at
    }

    /// The member of the same cell with the next larger key; `NIL` if there is none.
    #[inline]
    fn next(&self, mut at: u32) -> u32 {
        let right = self.links[at as usize].right;
        if right != NIL {
            return self.least_below(right);
        }
        loop {
            let parent = self.links[at as usize].parent;
            if parent == NIL || self.links[parent as usize].left == at {
                return parent;
            }
            at = parent;
        }
    }

    fn insert(&mut self, cell: u16, node: u32) {
        let entry = &mut self.cells[usize::from(cell)];
        if entry.first != NIL {
            self.sort_in(cell, node);
            return;
        }
        let head = core::mem::replace(&mut entry.root, node);
        entry.low = entry.low.min(self.links[node as usize].share);
        let link = &mut self.links[node as usize];
        (link.left, link.right, link.parent) = (NIL, head, NIL);
        if head != NIL {
            self.links[head as usize].left = node;
        }
    }

    /// Makes a treap of a list.
    #[cold]
    fn put_in_order(&mut self, cell: u16) {
        let mut at = self.cells[usize::from(cell)].root;
        self.cells[usize::from(cell)] = Cell::EMPTY;
        while at != NIL {
            let next = self.links[at as usize].right;
            self.sort_in(cell, at);
            at = next;
        }
    }

    /// Puts a node into the treap of a cell.
    fn sort_in(&mut self, cell: u16, node: u32) {
        let key = self.key(node);
        let priority = Self::priority(node);
        let mut parent = NIL;
        let entry = &mut self.cells[usize::from(cell)];
        let mut at = entry.root;
        if key < (entry.low, entry.first) {
            (entry.low, entry.first) = key;
        }
        let mut went_left = false;
        while at != NIL && Self::priority(at) > priority {
            parent = at;
            went_left = key < self.key(at);
            at = if went_left { self.links[at as usize].left } else { self.links[at as usize].right };
        }
        self.split(at, key, node);
        self.hang(cell, parent, went_left, node);
    }

    /// Cuts the tree at `at` into what is below and above `key`, as the children of `node`.
    fn split(&mut self, mut at: u32, key: (u64, u32), node: u32) {
        // Where the next piece of either side is to be hung: (node, is it that node's left link).
        let mut low = (node, true);
        let mut high = (node, false);
        while at != NIL {
            if self.key(at) < key {
                self.link(low, at);
                low = (at, false);
                at = self.links[at as usize].right;
            } else {
                self.link(high, at);
                high = (at, true);
                at = self.links[at as usize].left;
            }
        }
        self.link(low, NIL);
        self.link(high, NIL);
    }

    #[inline]
    fn link(&mut self, (parent, is_left): (u32, bool), child: u32) {
        let link = &mut self.links[parent as usize];
        *(if is_left { &mut link.left } else { &mut link.right }) = child;
        if child != NIL {
            self.links[child as usize].parent = parent;
        }
    }

    #[inline]
    fn hang(&mut self, cell: u16, parent: u32, is_left: bool, child: u32) {
        if parent != NIL {
            self.link((parent, is_left), child);
            return;
        }
        self.cells[usize::from(cell)].root = child;
        if child != NIL {
            self.links[child as usize].parent = NIL;
        }
    }

    /// Takes a node out of its cell.
    fn remove(&mut self, cell: u16, node: u32) {
        if self.cells[usize::from(cell)].is_list() {
            self.unlist(cell, node);
        } else {
            self.sort_out(cell, node);
        }
    }

    fn unlist(&mut self, cell: u16, node: u32) {
        let Link { left: before, right: behind, .. } = self.links[node as usize];
        if behind != NIL {
            self.links[behind as usize].left = before;
        }
        if before != NIL {
            self.links[before as usize].right = behind;
        } else if behind != NIL {
            self.cells[usize::from(cell)].root = behind;
        } else {
            self.cells[usize::from(cell)] = Cell::EMPTY;
        }
    }

    /// Takes a node out of the treap of a cell.
    fn sort_out(&mut self, cell: u16, node: u32) {
        if self.cells[usize::from(cell)].first == node {
            let next = self.next(node);
            let low = self.links.get(next as usize).map_or(u64::MAX, |link| link.share);
            let entry = &mut self.cells[usize::from(cell)];
            (entry.low, entry.first) = (low, next);
        }
        let mut parent = self.links[node as usize].parent;
        let mut went_left = parent != NIL && self.links[parent as usize].left == node;
        let (mut low, mut high) = (self.links[node as usize].left, self.links[node as usize].right);
        while low != NIL && high != NIL {
            let low_wins = Self::priority(low) > Self::priority(high);
            let winner = if low_wins { low } else { high };
            self.hang(cell, parent, went_left, winner);
            parent = winner;
            went_left = !low_wins;
            if low_wins {
                low = self.links[winner as usize].right;
            } else {
                high = self.links[winner as usize].left;
            }
        }
        self.hang(cell, parent, went_left, if low == NIL { high } else { low });
    }
}
