//! The fleet in sections: nodes that are in the same partitions and reservations. What is free when is kept for each
//! section, outside of reservations and inside each.
//!
//! A job may use the sections of its partition. Which of them it reserves room in is settled when it gets its
//! reservation: those in the fewest partitions first, so that what many may use stays free the longest.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::availability::{Availability, times};
use super::line::Item;
use crate::config::Config;
use crate::constraint::{Condition, Constraint};
use crate::event::NodeSpec;
use crate::id::NodeId;
use crate::ledger::{Ledger, ShapeId};
use crate::partition::{Terms, includes};
use crate::resources::{Resources, Totals};
use crate::time::{Span, Time};

/// The attribute of a node that says which section it is in; no operator can write it.
const SECTION: &str = "\u{0}section";
/// Of no section.
const NONE: u16 = u16::MAX;
/// Shapes of one section that are remembered; beyond it all are made anew.
const SHAPES_MOST: usize = 1 << 12;

/// How many members of a job go to which sections.
pub type Split = Vec<(u16, u32)>;

/// The sections that jobs of one partition and reservation may use.
#[derive(Clone, Debug)]
struct Route {
    partition: Option<u16>,
    /// Outside of reservations (0), or inside of one (from 1).
    room: usize,
    sections: Vec<u16>,
}

/// The free room of the fleet over time, section by section.
#[derive(Clone, Default)]
pub struct Sections {
    /// For each section, whether its nodes are in each partition, then in each reservation.
    members: Vec<Vec<bool>>,
    of_node: Vec<u16>,
    /// Outside of reservations, then inside each; by section.
    rooms: Vec<Vec<Availability>>,
    routes: Vec<Route>,
    /// What is reserved for waiting items, by slot.
    splits: BTreeMap<u32, Split>,
    /// The shape of a task that has to be in one section.
    shapes: BTreeMap<(u32, u32, u16), ShapeId>,
    /// Sections that nobody may use for the rest of a pass, by room.
    closed: Vec<(usize, u16)>,
}

impl Sections {
    /// Those of a fleet without nodes.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { rooms: vec![Vec::new(); 1 + config.reservations.len()], ..Self::default() }
    }

    /// Which section a node is in, and the node as the ledger is to know it.
    pub fn mark(&mut self, config: &Config, spec: &NodeSpec) -> NodeSpec {
        let partitions = config.partitions.iter().map(|partition| includes(partition.nodes.as_ref(), spec));
        let reservations = config.reservations.iter().map(|reservation| includes(reservation.nodes.as_ref(), spec));
        let member: Vec<bool> = partitions.chain(reservations).collect();
        let known = self.members.iter().position(|other| *other == member);
        let section = known.unwrap_or(self.members.len()).min(usize::from(NONE) - 1);
        if known.is_none() {
            self.members.push(member);
            for room in &mut self.rooms {
                room.resize_with(section + 1, Availability::default);
            }
            for at in 0..self.routes.len() {
                self.routes[at].sections = self.sections_of(config, self.routes[at].partition, self.routes[at].room);
            }
        }
        let at = spec.node.index();
        if at >= self.of_node.len() {
            self.of_node.resize(at + 1, NONE);
        }
        self.of_node[at] = section as u16;
        let mut marked = spec.clone();
        marked.attributes.push((SECTION.to_string(), section.to_string()));
        marked
    }

    /// The same sections, with no node in them yet.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        for availability in self.rooms.iter_mut().flatten() {
            *availability = Availability::default();
        }
        self.splits.clear();
        self.closed.clear();
        self
    }

    /// Those in the fewest partitions first.
    fn sections_of(&self, config: &Config, partition: Option<u16>, room: usize) -> Vec<u16> {
        let is_in = |at: &u16| {
            let member = &self.members[usize::from(*at)];
            partition.is_none_or(|partition| member.get(usize::from(partition)) == Some(&true))
                && (room == 0 || member.get(config.partitions.len() + room - 1) == Some(&true))
        };
        let mut sections: Vec<u16> = (0..self.members.len() as u16).filter(is_in).collect();
        let partitions = |at: &u16| self.members[usize::from(*at)].iter().filter(|is_in| **is_in).count();
        sections.sort_by_key(|at| (partitions(at), *at));
        sections
    }

    /// The number of the route that jobs on these terms take.
    pub fn route_of(&mut self, config: &Config, terms: &Terms) -> u16 {
        let partition = terms.partition.filter(|&at| usize::from(at) < config.partitions.len());
        let reservation = terms.reservation.filter(|&at| usize::from(at) < config.reservations.len());
        let room = reservation.map_or(0, |at| usize::from(at) + 1);
        let known = self.routes.iter().position(|route| (route.partition, route.room) == (partition, room));
        let at = known.unwrap_or_else(|| {
            let sections = self.sections_of(config, partition, room);
            self.routes.push(Route { partition, room, sections });
            self.routes.len() - 1
        });
        at as u16
    }

    /// A node joins, or (`sign` -1) is gone: its room, and what reservations keep of it.
    pub fn change_node(&mut self, config: &Config, node: NodeId, capacity: &Resources, now: Time, joins: bool) {
        let Some(section) = self.of_node.get(node.index()).copied().filter(|&section| section != NONE) else { return };
        let section = usize::from(section);
        let whole = times(capacity, 1);
        change(&mut self.rooms[0][section], (now, Time::NEVER), &whole, joins);
        for (at, reservation) in config.reservations.iter().enumerate() {
            if !self.members[section][config.partitions.len() + at] {
                continue;
            }
            let part = times(&reservation.part_of(capacity), 1);
            for (from, to) in reservation.stretches().filter(|&(_, to)| to > now) {
                change(&mut self.rooms[0][section], (from.max(now), to), &part, !joins);
                change(&mut self.rooms[1 + at][section], (from.max(now), to), &part, joins);
            }
        }
    }

    /// Members of a task hold room where they are, or (`holds` false) give it back.
    pub fn change_task(
        &mut self,
        room: usize,
        places: impl Iterator<Item = (NodeId, u32)>,
        unit: &Resources,
        (from, to): (Time, Time),
        holds: bool,
    ) {
        for (node, count) in places {
            let section = self.of_node.get(node.index()).copied().unwrap_or(NONE);
            if let Some(availability) = self.rooms.get_mut(room).and_then(|room| room.get_mut(usize::from(section))) {
                change(availability, (from, to), &times(unit, count), !holds);
            }
        }
    }

    /// The room that jobs of a route are in.
    #[must_use]
    pub fn room_of(&self, route: u16) -> usize {
        self.routes[usize::from(route)].room
    }

    /// How the members of an item can be spread so that all can run from `from` on for as long as they ask; None if
    /// there is no room. A task on its own goes to one section.
    #[must_use]
    pub fn split(&self, item: &Item, unit: &Resources, from: Time) -> Option<Split> {
        let route = &self.routes[usize::from(item.route)];
        let to = from + Span(item.estimate_us.max(1));
        let mut left = item.members.max(1);
        let mut split = Vec::new();
        for &section in &route.sections {
            if self.closed.contains(&(route.room, section)) {
                continue;
            }
            let room = &self.rooms[route.room][usize::from(section)];
            let count = room.times_within(unit, from, to).min(left);
            if count > 0 {
                split.push((section, count));
                left -= count;
            }
            if left == 0 {
                return Some(split);
            }
        }
        None
    }

    /// True if tasks that need `unit` each can be at all of these places from one instant to another: their sections
    /// are of the route, nobody else waits for them, and there is room.
    #[must_use]
    pub fn could_hold(
        &self,
        route: u16,
        places: impl Iterator<Item = (NodeId, u32)>,
        unit: &Resources,
        (from, to): (Time, Time),
    ) -> bool {
        let route = &self.routes[usize::from(route)];
        let mut counts: BTreeMap<u16, u32> = BTreeMap::new();
        for (node, count) in places {
            let section = self.of_node.get(node.index()).copied().unwrap_or(NONE);
            *counts.entry(section).or_default() += count;
        }
        counts.into_iter().all(|(section, count)| {
            route.sections.contains(&section)
                && !self.closed.contains(&(route.room, section))
                && self.rooms[route.room][usize::from(section)].times_within(unit, from, to) >= count
        })
    }

    /// True if a task can be in one section of the route from one instant to another.
    #[must_use]
    pub fn has_room(&self, route: u16, section: u16, unit: &Resources, (from, to): (Time, Time)) -> bool {
        let room = self.routes[usize::from(route)].room;
        self.rooms[room][usize::from(section)].times_within(unit, from, to) > 0
    }

    /// The sections that jobs of a route may use now.
    pub fn open_to(&self, route: u16) -> impl Iterator<Item = u16> + '_ {
        let route = &self.routes[usize::from(route)];
        route.sections.iter().copied().filter(|&section| !self.closed.contains(&(route.room, section)))
    }

    /// The earliest instant, not before `after`, at which an item could start; [`Time::NEVER`] if never.
    #[must_use]
    pub fn earliest(&self, item: &Item, unit: &Resources, after: Time) -> Time {
        let route = &self.routes[usize::from(item.route)];
        let rooms = &self.rooms[route.room];
        let length = Span(item.estimate_us);
        if item.members <= 1 || route.sections.len() == 1 {
            let of_one = |&section: &u16| rooms[usize::from(section)].earliest(after, length, &item.need);
            return route.sections.iter().map(of_one).min().unwrap_or(Time::NEVER);
        }
        let mut start = after;
        while self.split(item, unit, start).is_none() {
            let changes = route.sections.iter().map(|&section| rooms[usize::from(section)].next_change(start));
            start = changes.min().unwrap_or(Time::NEVER);
            if start == Time::NEVER {
                break;
            }
        }
        start
    }

    /// The first change of what is free for an item after an instant.
    #[must_use]
    pub fn next_change(&self, item: &Item, after: Time) -> Time {
        let route = &self.routes[usize::from(item.route)];
        let rooms = &self.rooms[route.room];
        let changes = route.sections.iter().map(|&section| rooms[usize::from(section)].next_change(after));
        changes.min().unwrap_or(Time::NEVER)
    }

    /// Keeps room for a waiting item.
    pub fn reserve(&mut self, slot: u32, item: &Item, unit: &Resources, start: Time) {
        if let Some(split) = self.split(item, unit, start) {
            self.change_split(item, unit, start, &split, true);
            self.splits.insert(slot, split);
        }
    }

    /// Gives back what was kept for a waiting item from `start` on.
    pub fn lift(&mut self, slot: u32, item: &Item, unit: &Resources, start: Time) {
        if let Some(split) = self.splits.remove(&slot) {
            self.change_split(item, unit, start, &split, false);
        }
    }

    fn change_split(&mut self, item: &Item, unit: &Resources, start: Time, split: &[(u16, u32)], holds: bool) {
        let room = self.room_of(item.route);
        let end = start + Span(item.estimate_us);
        for &(section, count) in split {
            change(&mut self.rooms[room][usize::from(section)], (start, end), &times(unit, count), !holds);
        }
    }

    /// The shape of a task that may be in one section only.
    pub fn shape_within(&mut self, ledger: &mut Ledger, id: ShapeId, section: u16) -> ShapeId {
        if self.members.len() == 1 {
            return id;
        }
        *self.shapes.entry((id.slot, id.generation, section)).or_insert_with(|| {
            let condition = Condition::In(vec![section.to_string()]);
            ledger.narrowed(id, Constraint { attribute: SECTION.to_string(), condition })
        })
    }

    /// Nobody may use the sections of a route for the rest of this pass.
    pub fn close(&mut self, route: u16) {
        let route = &self.routes[usize::from(route)];
        self.closed.extend(route.sections.iter().map(|&section| (route.room, section)));
    }

    /// A new pass: nothing is closed, and what is past is forgotten.
    pub fn begin_pass(&mut self, ledger: &mut Ledger, now: Time) {
        self.closed.clear();
        if self.shapes.len() > SHAPES_MOST {
            while let Some((_, shape)) = self.shapes.pop_first() {
                ledger.forget_shape(shape);
            }
        }
        for availability in self.rooms.iter_mut().flatten() {
            availability.forget_before(now);
        }
    }
}

fn change(availability: &mut Availability, (from, to): (Time, Time), room: &Totals, frees: bool) {
    if frees {
        availability.free(from, to, room);
    } else {
        availability.hold(from, to, room);
    }
}
