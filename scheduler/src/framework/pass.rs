//! One pass over the queue: what starting a task reads and writes.

use alloc::vec::Vec;

use super::preempting::Preempting;
use super::running::Running;
use crate::Work;
use crate::cause::Cause;
use crate::decision::Decision;
use crate::event::GpuSet;
use crate::id::{NodeId, TaskId};
use crate::index::{Asked, Place};
use crate::ledger::{Ledger, Shape, ShapeId};
use crate::time::{Span, Time};

/// What a pass works with.
pub struct Pass<'a> {
    /// The instant.
    pub now: Time,
    /// What is believed of the nodes.
    pub ledger: &'a mut Ledger,
    /// The tasks that hold room.
    pub running: &'a mut Running,
    /// Which node a task goes to.
    pub place: &'a mut dyn Place,
    /// What was decided so far.
    pub decisions: &'a mut Vec<Decision>,
    /// What was looked at so far.
    pub work: Work,
    /// What is kept of believed ends.
    pub beliefs: Beliefs,
    /// Who waits for others to leave, where anybody makes room.
    pub preempting: Option<&'a mut Preempting>,
}

/// What is kept of the ends that are believed of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beliefs {
    /// Nothing.
    #[default]
    None,
    /// Each is known with its task.
    Known,
    /// They are also kept in order, so that one that turns out wrong is noticed.
    Watched,
}

impl Beliefs {
    /// A task started that is believed to end at `end`.
    pub fn keep(self, running: &mut Running, task: TaskId, started: Time, end: Time) {
        if self != Self::None {
            running.believe(task, started, end);
        }
        if self == Self::Watched && end != Time::NEVER {
            running.expect(end, task);
        }
    }
}

/// A task, or a gang as a whole, that is to start now.
#[derive(Clone, Copy)]
pub struct Wish {
    /// Which task, and what it needs.
    pub asked: Asked,
    /// The slot of its job.
    pub job: u32,
    /// Members of a gang; 0 for a task on its own.
    pub members: u32,
}

impl Pass<'_> {
    /// Starts a task if there is room for it. `waited` is said of it if it did wait.
    pub fn start(&mut self, wish: Wish, waited: Option<[Span; Cause::COUNT]>) -> bool {
        self.start_in(wish, &[(wish.asked.shape, wish.members)], waited)
    }

    /// The same in several places at once: so many members of a gang where each of these shapes may be. They need the
    /// same as the one asked for. A task on its own goes where the first may be.
    pub fn start_in(&mut self, wish: Wish, legs: &[(ShapeId, u32)], waited: Option<[Span; Cause::COUNT]>) -> bool {
        let shape = *self.ledger.shapes().shape(wish.asked.shape);
        let end = self.now + Span(self.running.job(wish.job).estimate_us);
        let wish = Wish { asked: Asked { now: self.now, end, ..wish.asked }, ..wish };
        if let Some(causes) = waited {
            self.decisions.push(Decision::Waited { task: wish.asked.task, causes });
        }
        let placed = match legs.first() {
            Some(&(within, _)) if wish.members == 0 => self.place_one(&shape, wish, within),
            _ => self.place_gang(&shape, wish, legs),
        };
        if placed {
            self.work.tasks += u64::from(wish.members.max(1));
            self.beliefs.keep(self.running, wish.asked.task, self.now, end);
        } else if waited.is_some() {
            self.decisions.pop();
        }
        placed
    }

    fn place_one(&mut self, shape: &Shape, wish: Wish, within: ShapeId) -> bool {
        let asked = Asked { shape: within, ..wish.asked };
        let Some(node) = self.search(shape, asked) else { return false };
        let gpus = self.devices(shape, asked, node);
        if !self.ledger.take(shape, node, 1, gpus) {
            return false;
        }
        self.ledger.expect_end(node, wish.asked.end);
        let slot = self.running.start(wish.asked.task, wish.job, node, 1, gpus);
        self.running.begin(self.ledger, slot, self.now);
        self.decisions.push(Decision::Place { task: wish.asked.task, node, count: 1, gpus, more: false });
        true
    }

    /// The node for one task: of those that its job prefers most the one that the placement policy does.
    pub(super) fn search(&mut self, shape: &Shape, asked: Asked) -> Option<NodeId> {
        let Some(layout) = shape.layout else {
            return self.place.place(self.ledger, asked, &mut self.work.nodes);
        };
        let mut found = None;
        let mut at = 0;
        while let Some(&floor) = self.ledger.layouts().standings(layout).get(at)
            && found.is_none()
        {
            self.ledger.layouts_mut().set_floor(layout, floor);
            found = self.place.place(self.ledger, asked, &mut self.work.nodes);
            at += 1;
        }
        self.ledger.layouts_mut().set_floor(layout, 0);
        found
    }

    pub(super) fn devices(&self, shape: &Shape, asked: Asked, node: NodeId) -> GpuSet {
        if shape.gpu.count == 0 { GpuSet::NONE } else { self.place.devices(self.ledger, asked, node) }
    }

    /// All members or none: what was taken for the first ones is given back if the last one finds no room.
    fn place_gang(&mut self, shape: &Shape, wish: Wish, legs: &[(ShapeId, u32)]) -> bool {
        if !self.ledger.has_room_in_all(shape, u64::from(wish.members)) {
            return false;
        }
        let (begin, cursor) = (self.decisions.len(), self.place.cursor());
        let together = shape.layout.filter(|&layout| !self.ledger.layouts().within(layout).0.is_empty());
        for &(within, members) in legs {
            let wish = Wish { asked: Asked { shape: within, ..wish.asked }, members, ..wish };
            let is_placed = match together {
                Some(layout) => self.place_together(shape, wish, layout, begin),
                None => self.place_all(shape, wish, begin),
            };
            if !is_placed {
                self.give_back(shape, begin);
                self.place.rewind(cursor);
                return false;
            }
        }
        let mut slot = None;
        for decision in &self.decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                self.ledger.expect_end(node, wish.asked.end);
                match slot {
                    None => slot = Some(self.running.start(wish.asked.task, wish.job, node, count, gpus)),
                    Some(slot) => self.running.spread(slot, node, count, gpus),
                }
            }
        }
        if let Some(slot) = slot {
            self.running.begin(self.ledger, slot, self.now);
        }
        if let Some(Decision::Place { more, .. }) = self.decisions.last_mut() {
            *more = false;
        }
        true
    }

    /// Puts all members of a gang where the placement policy wants them; false, and perhaps a part of them placed, if
    /// there is too little room.
    pub(super) fn place_all(&mut self, shape: &Shape, wish: Wish, begin: usize) -> bool {
        let mut left = wish.members;
        while left > 0 {
            let count = self.place_members(shape, wish, left, begin);
            if count == 0 {
                return false;
            }
            left -= count;
        }
        true
    }

    /// Puts members of a gang on one more node, at most `left`; says how many. The decisions of the gang begin at
    /// `begin`. Nodes are taken one by one, the best first: under rules between its members a gang may so miss a way
    /// that there is, and is tried again when a node gains room.
    fn place_members(&mut self, shape: &Shape, wish: Wish, left: u32, begin: usize) -> u32 {
        let asked = wish.asked.of_member(wish.members.saturating_sub(left));
        let Some(node) = self.search(shape, asked) else { return 0 };
        let gpus = self.devices(shape, asked, node);
        // A policy that fills would choose this node again until it is full.
        let many = self.place.is_sticky() && shape.gpu.count == 0 && shape.layout.is_none();
        let count = if many { shape.request.times_in(self.ledger.node(node).free).clamp(1, left) } else { 1 };
        if !self.ledger.take(shape, node, count, gpus) {
            return 0;
        }
        match self.decisions[begin..].last_mut() {
            Some(Decision::Place { node: last, count: on_last, gpus: GpuSet::NONE, .. })
                if *last == node && gpus == GpuSet::NONE =>
            {
                *on_last += count;
            }
            _ => self.decisions.push(Decision::Place { task: wish.asked.task, node, count, gpus, more: true }),
        }
        count
    }

    pub(super) fn give_back(&mut self, shape: &Shape, begin: usize) {
        for decision in &self.decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                self.ledger.put_back(shape, node, count, gpus);
            }
        }
        self.decisions.truncate(begin);
    }

    /// Why so many tasks of a shape, or gangs of `members`, cannot start now.
    #[must_use]
    pub fn cause(&self, shape: &Shape, members: u32, wanted: u64) -> Cause {
        if !self.ledger.has_room_in_all(shape, wanted.saturating_mul(u64::from(members.max(1)))) {
            Cause::Capacity
        } else if (shape.constraints.is_some() || shape.layout.is_some()) && self.ledger.fits_without_constraints(shape)
        {
            Cause::Constraint
        } else if members > 1 {
            Cause::Gang
        } else {
            Cause::Fragmentation
        }
    }
}
