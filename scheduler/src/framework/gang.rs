//! Gangs that are to lie in one domain: which one, and which nodes in it.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::pass::{Pass, Wish};
use crate::decision::Decision;
use crate::event::GpuSet;
use crate::id::NodeId;
use crate::layout::Choose;
use crate::ledger::{Axis, LayoutId, Ledger, Shape};

/// A node, and how many members it could take.
#[derive(Clone, Copy)]
struct Spot {
    node: NodeId,
    room: u32,
}

/// Nodes that share a value.
struct Domain {
    value: u32,
    spots: Vec<Spot>,
    room: u64,
}

impl Pass<'_> {
    /// Puts all members of a gang into one domain, or as close together as its levels allow; false, and perhaps a part
    /// of it placed, if that cannot be. Its decisions begin at `begin`.
    pub(super) fn place_together(&mut self, shape: &Shape, wish: Wish, layout: LayoutId, begin: usize) -> bool {
        let (levels, choose) = self.ledger.layouts().within(layout);
        let levels: Vec<(Axis, bool)> = levels.to_vec();
        let spots = spots(self.ledger, shape);
        self.work.nodes += self.ledger.node_count() as u64;
        for (at, &(axis, is_required)) in levels.iter().enumerate() {
            let mut domains = domains(self.ledger, axis, &spots);
            domains.retain(|domain| domain.value != 0 && domain.room >= u64::from(wish.members));
            domains.sort_by_key(|domain| (domain.room, domain.value));
            for domain in domains {
                if self.fill(shape, wish, layout, (axis, domain), &levels[..at], choose, begin) {
                    return true;
                }
                self.give_back(shape, begin);
            }
            if is_required {
                return false;
            }
        }
        let all = Domain { value: 0, room: spots.iter().map(|spot| u64::from(spot.room)).sum(), spots };
        self.fill(shape, wish, layout, (Axis::Node, all), &levels, choose, begin)
    }

    /// Puts a gang into a domain; `finer` are the levels below it, the finest first.
    #[expect(clippy::too_many_arguments, reason = "where, how and what of one step of the search above")]
    fn fill(
        &mut self,
        shape: &Shape,
        wish: Wish,
        layout: LayoutId,
        (axis, domain): (Axis, Domain),
        finer: &[(Axis, bool)],
        choose: Choose,
        begin: usize,
    ) -> bool {
        if self.ledger.layouts().is_dynamic(layout) {
            // Where every member changes what the next may do, the placement policy is asked one by one.
            let only = (domain.value != 0).then_some((axis, domain.value));
            self.ledger.layouts_mut().confine(layout, only);
            let is_placed = self.place_all(shape, wish, begin);
            self.ledger.layouts_mut().confine(layout, None);
            return is_placed;
        }
        let mut chosen = Vec::new();
        let is_enough = share_out(self.ledger, domain.spots, finer, choose, wish.members, &mut chosen);
        is_enough && chosen.iter().all(|&Spot { node, room }| self.put(shape, wish, node, room))
    }

    /// So many members go to a node.
    fn put(&mut self, shape: &Shape, wish: Wish, node: NodeId, members: u32) -> bool {
        let task = wish.asked.task;
        if shape.gpu.count == 0 {
            let is_taken = self.ledger.take(shape, node, members, GpuSet::NONE);
            if is_taken {
                let (count, gpus) = (members, GpuSet::NONE);
                self.decisions.push(Decision::Place { task, node, count, gpus, more: true });
            }
            return is_taken;
        }
        (0..members).all(|_| {
            let gpus = self.devices(shape, wish.asked, node);
            let is_taken = !gpus.is_empty() && self.ledger.take(shape, node, 1, gpus);
            if is_taken {
                self.decisions.push(Decision::Place { task, node, count: 1, gpus, more: true });
            }
            is_taken
        })
    }
}

/// The nodes that could take a member, and how many each.
fn spots(ledger: &Ledger, shape: &Shape) -> Vec<Spot> {
    let nodes = (0..ledger.node_count()).map(|at| NodeId(at as u32));
    let able = nodes.filter(|&node| ledger.fits(shape, node));
    able.map(|node| Spot { node, room: room_of(ledger, shape, node) }).collect()
}

/// How many members a node could take.
fn room_of(ledger: &Ledger, shape: &Shape, node: NodeId) -> u32 {
    let seen = ledger.node(node);
    let lanes = shape.request.times_in(seen.free);
    if shape.gpu.count == 0 {
        return lanes;
    }
    let milli = shape.gpu.milli.max(1);
    let devices: u32 = if shape.gpu.count == 1 {
        seen.gpus.iter().map(|&free| u32::from(free / milli)).sum()
    } else {
        let whole = seen.gpus.iter().filter(|&&free| free >= milli).count() as u32;
        whole / u32::from(shape.gpu.count)
    };
    lanes.min(devices)
}

/// The nodes by their value, in order of value.
fn domains(ledger: &Ledger, axis: Axis, spots: &[Spot]) -> Vec<Domain> {
    let value = |spot: &Spot| axis.value(ledger.attributes(), spot.node.index());
    let mut sorted: Vec<(u32, Spot)> = spots.iter().map(|spot| (value(spot), *spot)).collect();
    sorted.sort_by_key(|&(value, spot)| (value, spot.node));
    let mut domains: Vec<Domain> = Vec::new();
    for (value, spot) in sorted {
        match domains.last_mut() {
            Some(last) if last.value == value => {
                last.spots.push(spot);
                last.room += u64::from(spot.room);
            }
            _ => domains.push(Domain { value, room: u64::from(spot.room), spots: alloc::vec![spot] }),
        }
    }
    domains
}

/// Shares `members` out over the nodes, level by level from the coarsest of `finer` down; false if there are too few.
/// `chosen` gets the nodes with how many go to each.
fn share_out(
    ledger: &Ledger,
    spots: Vec<Spot>,
    finer: &[(Axis, bool)],
    choose: Choose,
    members: u32,
    chosen: &mut Vec<Spot>,
) -> bool {
    let (axis, below) = match finer.split_last() {
        Some((&(axis, _), below)) => (axis, below),
        None => (Axis::Node, finer),
    };
    let is_finest = finer.is_empty();
    let mut left = members;
    let mut domains = domains(ledger, axis, &spots);
    while left > 0 {
        let Some(at) = next(&domains, choose, left) else { return false };
        let domain = domains.remove(at);
        let here = u64::from(left).min(domain.room) as u32;
        if is_finest {
            chosen.push(Spot { node: domain.spots[0].node, room: here });
        } else if !share_out(ledger, domain.spots, below, choose, here, chosen) {
            return false;
        }
        left -= here;
    }
    true
}

/// The domain to fill next, if `left` members are left.
fn next(domains: &[Domain], choose: Choose, left: u32) -> Option<usize> {
    let all = || domains.iter().enumerate().filter(|(_, domain)| domain.room > 0);
    let least = |domain: &Domain| (domain.room, domain.value);
    let found = match choose {
        Choose::LeastFragmentation => all().min_by_key(|(_, domain)| least(domain)),
        Choose::BestFit => {
            let enough = all().filter(|(_, domain)| domain.room >= u64::from(left));
            let tightest = enough.min_by_key(|(_, domain)| least(domain));
            tightest.or_else(|| all().min_by_key(|(_, domain)| (Reverse(domain.room), domain.value)))
        }
    };
    found.map(|(at, _)| at)
}
