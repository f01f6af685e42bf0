//! One pass over the queue: what starting a task reads and writes.

use alloc::vec::Vec;

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
        if let Some(causes) = waited {
            self.decisions.push(Decision::Waited { task: wish.asked.task, causes });
        }
        let placed = match legs.first() {
            Some(&(within, _)) if wish.members == 0 => self.place_one(&shape, wish, within),
            _ => self.place_gang(&shape, wish, legs),
        };
        if placed {
            self.work.tasks += u64::from(wish.members.max(1));
            let end = self.now + Span(self.running.job(wish.job).estimate_us);
            self.beliefs.keep(self.running, wish.asked.task, self.now, end);
        } else if waited.is_some() {
            self.decisions.pop();
        }
        placed
    }

    fn place_one(&mut self, shape: &Shape, wish: Wish, within: ShapeId) -> bool {
        let asked = Asked { shape: within, ..wish.asked };
        let Some(node) = self.place.place(self.ledger, asked, &mut self.work.nodes) else { return false };
        let gpus = self.devices(shape, node);
        if !self.ledger.take(shape, node, 1, gpus) {
            return false;
        }
        self.running.start(wish.asked.task, wish.job, node, 1, gpus);
        self.decisions.push(Decision::Place { task: wish.asked.task, node, count: 1, gpus, more: false });
        true
    }

    fn devices(&self, shape: &Shape, node: NodeId) -> GpuSet {
        if shape.gpu.count == 0 { GpuSet::NONE } else { self.place.devices(self.ledger, shape, node) }
    }

    /// All members or none: what was taken for the first ones is given back if the last one finds no room.
    fn place_gang(&mut self, shape: &Shape, wish: Wish, legs: &[(ShapeId, u32)]) -> bool {
        if !self.ledger.has_room_in_all(shape, u64::from(wish.members)) {
            return false;
        }
        let begin = self.decisions.len();
        for &(within, members) in legs {
            let wish = Wish { asked: Asked { shape: within, ..wish.asked }, ..wish };
            let mut left = members;
            while left > 0 {
                let count = self.place_members(shape, wish, left, begin);
                if count == 0 {
                    self.give_back(shape, begin);
                    return false;
                }
                left -= count;
            }
        }
        let mut slot = None;
        for decision in &self.decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                match slot {
                    None => slot = Some(self.running.start(wish.asked.task, wish.job, node, count, gpus)),
                    Some(slot) => self.running.spread(slot, node, count, gpus),
                }
            }
        }
        if let Some(Decision::Place { more, .. }) = self.decisions.last_mut() {
            *more = false;
        }
        true
    }

    /// Puts members of a gang on one more node, at most `left`; says how many. The decisions of the gang begin at
    /// `begin`.
    fn place_members(&mut self, shape: &Shape, wish: Wish, left: u32, begin: usize) -> u32 {
        let Some(node) = self.place.place(self.ledger, wish.asked, &mut self.work.nodes) else { return 0 };
        let gpus = self.devices(shape, node);
        // A policy that fills would choose this node again until it is full.
        let many = self.place.is_sticky() && shape.gpu.count == 0;
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

    fn give_back(&mut self, shape: &Shape, begin: usize) {
        for decision in &self.decisions[begin..] {
            if let Decision::Place { node, count, gpus, .. } = *decision {
                self.ledger.release(shape, node, count, gpus);
            }
        }
        self.decisions.truncate(begin);
    }

    /// Why so many tasks of a shape, or gangs of `members`, cannot start now.
    #[must_use]
    pub fn cause(&self, shape: &Shape, members: u32, wanted: u64) -> Cause {
        if !self.ledger.has_room_in_all(shape, wanted.saturating_mul(u64::from(members.max(1)))) {
            Cause::Capacity
        } else if shape.constraints.is_some() && self.ledger.fits_without_constraints(shape) {
            Cause::Constraint
        } else if members > 1 {
            Cause::Gang
        } else {
            Cause::Fragmentation
        }
    }
}
