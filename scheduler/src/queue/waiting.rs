//! The waiting tasks, by class: tasks of one shape (and, for gangs, one size) fit or do not fit together.
//!
//! A class whose first task fits nowhere is parked: none of its tasks is tried again before a node changes in a way
//! that could serve it. So a hundred thousand tasks that fit nowhere cost nothing at any event.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use hashbrown::HashTable;

use super::parked::{Parked, Spot};
use crate::cause::Cause;
use crate::draw::mix;
use crate::id::NodeId;
use crate::ledger::{Ledger, ShapeId};
use crate::slab::Slab;
use crate::time::{Span, Time};

/// A class of waiting tasks: its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// Consecutive waiting tasks of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// From the queue order; the smallest is tried first.
    pub key: u64,
    /// The first task.
    pub task: u64,
    /// How many; a gang counts as one.
    pub count: u32,
    /// The slot of the job.
    pub job: u32,
    /// When it joined the queue.
    pub since: Time,
}

/// How long a class was held up by each cause, in microseconds.
type Clocks = [u64; Cause::COUNT];

#[derive(Clone)]
struct Class {
    shape: ShapeId,
    /// Members of a gang; 0 for tasks that run on their own.
    members: u32,
    /// The waiting tasks, each with where its mark of the clocks is.
    entries: BinaryHeap<Reverse<(Entry, u32)>>,
    /// How many tasks that is.
    tasks: u64,
    clocks: Clocks,
    /// What holds the class up, and since when the clock of that cause runs.
    held: Option<(Cause, Time)>,
    /// Where it stands among the parked classes, if it is parked.
    parked: Option<Spot>,
}

/// All waiting tasks.
#[derive(Clone, Default)]
pub struct Waiting {
    classes: Vec<Class>,
    vacant: Vec<u32>,
    index: HashTable<u32>,
    /// Classes worth trying, by their first entry; entries that are out of date are dropped when they come up.
    ready: BinaryHeap<Reverse<(u64, u64, u32)>>,
    parked: Parked,
    /// Scratch: the parked classes that a node is held against.
    maybe: Vec<u32>,
    tasks: u64,
    /// How the clocks of its class stood when each entry joined.
    marks: Slab<Clocks>,
}

impl Class {
    /// Brings the running clock up to `now`.
    fn settle(&mut self, now: Time) {
        if let Some((cause, since)) = &mut self.held {
            self.clocks[*cause as usize] += now.since(*since).0;
            *since = now;
        }
    }
}

fn hash(shape: ShapeId, members: u32) -> u64 {
    mix(u64::from(shape.slot) << 32 | u64::from(members))
}

impl Waiting {
    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// True if some class is parked.
    #[must_use]
    pub fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// What the tasks of a class need: the shape of one, and the members of a gang (0 for tasks on their own).
    #[must_use]
    pub fn needs(&self, class: ClassId) -> (ShapeId, u32) {
        let class = &self.classes[class.0 as usize];
        (class.shape, class.members)
    }

    /// How many tasks of a class wait; a gang counts as one.
    #[must_use]
    pub fn tasks_of(&self, class: ClassId) -> u64 {
        self.classes[class.0 as usize].tasks
    }

    /// Adds waiting tasks.
    pub fn add(&mut self, shape: ShapeId, members: u32, entry: Entry) {
        let slot = self.class_of(shape, members);
        let class = &mut self.classes[slot as usize];
        let leads = class.entries.peek().is_none_or(|Reverse((first, _))| entry < *first);
        class.settle(entry.since);
        let mark = self.marks.insert(class.clocks);
        class.entries.push(Reverse((entry, mark)));
        class.tasks += u64::from(entry.count);
        self.tasks += u64::from(entry.count);
        if leads && class.parked.is_none() {
            self.ready.push(Reverse((entry.key, entry.task, slot)));
        }
    }

    fn class_of(&mut self, shape: ShapeId, members: u32) -> u32 {
        let hash_value = hash(shape, members);
        let classes = &self.classes;
        let is_it = |&slot: &u32| classes[slot as usize].shape == shape && classes[slot as usize].members == members;
        if let Some(&slot) = self.index.find(hash_value, is_it) {
            return slot;
        }
        let slot = match self.vacant.pop() {
            Some(slot) => {
                // The heap of the class that was here before is empty, and is kept for its room.
                let class = &mut self.classes[slot as usize];
                (class.shape, class.members, class.parked, class.held) = (shape, members, None, None);
                slot
            }
            None => {
                self.classes.push(Class {
                    shape,
                    members,
                    entries: BinaryHeap::new(),
                    tasks: 0,
                    clocks: [0; Cause::COUNT],
                    held: None,
                    parked: None,
                });
                (self.classes.len() - 1) as u32
            }
        };
        let classes = &self.classes;
        self.index.insert_unique(hash_value, slot, |&slot| {
            hash(classes[slot as usize].shape, classes[slot as usize].members)
        });
        slot
    }

    /// The entry to try next, and its class. It stays where it is.
    pub fn first(&mut self) -> Option<(ClassId, Entry)> {
        while let Some(&Reverse((key, task, slot))) = self.ready.peek() {
            let class = &self.classes[slot as usize];
            if class.parked.is_none()
                && let Some(&Reverse((first, _))) = class.entries.peek()
                && (first.key, first.task) == (key, task)
            {
                return Some((ClassId(slot), first));
            }
            self.ready.pop();
        }
        None
    }

    /// Takes `count` tasks off the first entry of the class that [`Waiting::first`] gave.
    pub fn take(&mut self, class: ClassId, count: u32) {
        self.ready.pop();
        self.tasks -= u64::from(count);
        let slot = &mut self.classes[class.0 as usize];
        slot.tasks -= u64::from(count);
        if let Some(mut first) = slot.entries.peek_mut() {
            if first.0.0.count > count {
                // The rest keeps its place: every other entry of the class has a larger key or a later task.
                first.0.0.count -= count;
                first.0.0.task = first.0.0.task.saturating_add(u64::from(count));
            } else {
                let Reverse((_, mark)) = alloc::collections::binary_heap::PeekMut::pop(first);
                self.marks.free(mark);
            }
        }
        match slot.entries.peek() {
            Some(&Reverse((first, _))) => self.ready.push(Reverse((first.key, first.task, class.0))),
            None => self.close(class),
        }
    }

    /// Where the wait of the first entry of the class went until `now`. What no clock of the class saw is charged to
    /// `rest`, so that the causes add up to the wait.
    pub fn waited(&mut self, class: ClassId, now: Time, rest: Cause) -> [Span; Cause::COUNT] {
        let mut causes = [Span::ZERO; Cause::COUNT];
        let slot = &mut self.classes[class.0 as usize];
        slot.settle(now);
        let Some(&Reverse((first, mark))) = slot.entries.peek() else { return causes };
        let mut left = now.since(first.since).0;
        for (at, mark_us) in self.marks[mark].iter().enumerate() {
            let seen_us = slot.clocks[at].saturating_sub(*mark_us).min(left);
            causes[at].0 += seen_us;
            left -= seen_us;
        }
        causes[rest as usize].0 += left;
        causes
    }

    /// The class was tried and cannot be served, for this cause; that holds until it is tried again.
    pub fn hold(&mut self, class: ClassId, now: Time, cause: Cause) {
        let slot = &mut self.classes[class.0 as usize];
        slot.settle(now);
        slot.held = Some((cause, now));
    }

    /// The class is tried: whatever held it up does not any more.
    pub fn let_go(&mut self, class: ClassId, now: Time) {
        let slot = &mut self.classes[class.0 as usize];
        slot.settle(now);
        slot.held = None;
    }

    fn close(&mut self, class: ClassId) {
        let (shape, members) = self.needs(class);
        if let Ok(found) = self.index.find_entry(hash(shape, members), |&slot| slot == class.0) {
            found.remove();
        }
        self.vacant.push(class.0);
    }

    /// The class that [`Waiting::first`] gave fits nowhere: it is not tried again before something could serve it.
    pub fn park(&mut self, ledger: &Ledger, class: ClassId) {
        self.ready.pop();
        let slot = &mut self.classes[class.0 as usize];
        slot.parked = Some(self.parked.add(&ledger.shapes().shape(slot.shape).request, class.0));
    }

    /// Brings back the classes of which a task fits on `node` now.
    pub fn wake_for(&mut self, ledger: &Ledger, node: NodeId) {
        let mut maybe = core::mem::take(&mut self.maybe);
        self.parked.within(ledger.node(node).free, &mut maybe);
        for class in maybe.drain(..) {
            let slot = &self.classes[class as usize];
            if let Some(spot) = slot.parked
                && ledger.fits(ledger.shapes().shape(slot.shape), node)
            {
                self.unpark(class, spot);
            }
        }
        self.maybe = maybe;
    }

    /// Brings back every parked class.
    pub fn wake_all(&mut self) {
        while let Some((class, spot)) = self.parked.any() {
            self.unpark(class, spot);
        }
    }

    fn unpark(&mut self, class: u32, spot: Spot) {
        if let Some(moved) = self.parked.remove(spot) {
            self.classes[moved as usize].parked = Some(spot);
        }
        let slot = &mut self.classes[class as usize];
        slot.parked = None;
        if let Some(&Reverse((first, _))) = slot.entries.peek() {
            self.ready.push(Reverse((first.key, first.task, class)));
        }
    }
}
