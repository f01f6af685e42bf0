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
use crate::ledger::{Ledger, Shape, ShapeId};
use crate::resources::Resources;
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

/// The rank of classes where tasks of any priority may stand together.
pub const UNRANKED: i32 = i32::MAX;

/// How long a class was held up by each cause, in microseconds.
type Clocks = [u64; Cause::COUNT];

#[derive(Clone)]
struct Class {
    shape: ShapeId,
    /// Members of a gang; 0 for tasks that run on their own.
    members: u32,
    /// The priority of its tasks, where that decides who makes room for them; else [`UNRANKED`].
    rank: i32,
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

/// Up to so many classes are kept, whether anything of them waits or not.
const KEPT_MOST: usize = 256;

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
    /// How many of them are gangs.
    gangs: u64,
    /// How the clocks of its class stood when each entry joined.
    marks: Slab<Clocks>,
}

impl Class {
    fn is_of(&self, shape: ShapeId, members: u32, rank: i32) -> bool {
        self.shape == shape && self.members == members && self.rank == rank
    }

    /// Brings the running clock up to `now`.
    fn settle(&mut self, now: Time) {
        if let Some((cause, since)) = &mut self.held {
            self.clocks[*cause as usize] += now.since(*since).0;
            *since = now;
        }
    }
}

fn hash(shape: ShapeId, members: u32, rank: i32) -> u64 {
    mix(u64::from(shape.slot) << 32 | u64::from(members)) ^ mix(u64::from(rank as u32))
}

impl Waiting {
    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// True if a gang waits.
    #[must_use]
    pub fn has_gangs(&self) -> bool {
        self.gangs > 0
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
    pub fn add(&mut self, shape: ShapeId, members: u32, rank: i32, entry: Entry) {
        let slot = self.class_of(shape, members, rank);
        let class = &mut self.classes[slot as usize];
        let leads = class.entries.peek().is_none_or(|Reverse((first, _))| entry < *first);
        class.settle(entry.since);
        let mark = self.marks.insert(class.clocks);
        class.entries.push(Reverse((entry, mark)));
        class.tasks += u64::from(entry.count);
        self.tasks += u64::from(entry.count);
        self.gangs += if members > 0 { u64::from(entry.count) } else { 0 };
        if leads && class.parked.is_none() {
            self.ready.push(Reverse((entry.key, entry.task, slot)));
        }
    }

    fn class_of(&mut self, shape: ShapeId, members: u32, rank: i32) -> u32 {
        let hash_value = hash(shape, members, rank);
        let classes = &self.classes;
        if let Some(&slot) = self.index.find(hash_value, |&slot| classes[slot as usize].is_of(shape, members, rank)) {
            return slot;
        }
        self.open_class(shape, members, rank, hash_value)
    }

    /// A class that is not there yet.
    #[cold]
    fn open_class(&mut self, shape: ShapeId, members: u32, rank: i32, hash_value: u64) -> u32 {
        let slot = match self.vacant.pop() {
            Some(slot) => {
                // The heap of the class that was here before is empty, and is kept for its room.
                let class = &mut self.classes[slot as usize];
                (class.shape, class.members, class.rank) = (shape, members, rank);
                (class.parked, class.held) = (None, None);
                slot
            }
            None => {
                self.classes.push(Class {
                    shape,
                    members,
                    rank,
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
            let class = &classes[slot as usize];
            hash(class.shape, class.members, class.rank)
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
        self.gangs -= if slot.members > 0 { u64::from(count) } else { 0 };
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

    /// The slot of the job whose waiting tasks, each on its own, this one is among.
    #[must_use]
    pub fn job_of(&self, task: u64) -> Option<u32> {
        let singles = self.classes.iter().filter(|class| class.members == 0);
        let mut entries = singles.flat_map(|class| class.entries.iter()).map(|Reverse((entry, _))| entry);
        let is_it = |entry: &&Entry| entry.task <= task && task - entry.task < u64::from(entry.count);
        entries.find(is_it).map(|entry| entry.job)
    }

    /// Takes all tasks of a job out of their class, wherever they stand in it, and adds them to `out`: the first task
    /// of each entry and how many.
    pub fn withdraw(&mut self, shape: ShapeId, members: u32, rank: i32, job: u32, out: &mut Vec<(u64, u32)>) {
        let classes = &self.classes;
        let is_it = |&slot: &u32| classes[slot as usize].is_of(shape, members, rank);
        let Some(&class) = self.index.find(hash(shape, members, rank), is_it) else { return };
        let (slot, marks, before) = (&mut self.classes[class as usize], &mut self.marks, out.len());
        slot.entries.retain(|&Reverse((entry, mark))| {
            if entry.job == job {
                out.push((entry.task, entry.count));
                marks.free(mark);
            }
            entry.job != job
        });
        out[before..].sort_unstable();
        let taken: u64 = out[before..].iter().map(|&(_, count)| u64::from(count)).sum();
        slot.tasks -= taken;
        self.tasks -= taken;
        self.gangs -= if members > 0 { taken } else { 0 };
        match (slot.entries.peek(), slot.parked.take()) {
            (Some(_), Some(spot)) => slot.parked = Some(spot),
            (Some(&Reverse((first, _))), None) => self.ready.push(Reverse((first.key, first.task, class))),
            (None, spot) => {
                if let Some((moved, spot)) = spot.and_then(|spot| Some((self.parked.remove(spot)?, spot))) {
                    self.classes[moved as usize].parked = Some(spot);
                }
                self.close(ClassId(class));
            }
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

    /// Nothing of the class waits any more. As long as there are few classes it is kept: such tasks mostly come again.
    fn close(&mut self, class: ClassId) {
        let slot = &mut self.classes[class.0 as usize];
        slot.held = None;
        if self.classes.len() <= KEPT_MOST {
            return;
        }
        let Class { shape, members, rank, .. } = self.classes[class.0 as usize];
        if let Ok(found) = self.index.find_entry(hash(shape, members, rank), |&slot| slot == class.0) {
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

    /// Brings back the classes that `could` be served, by shape and rank, of those whose tasks `room` could hold.
    pub fn wake_for(&mut self, ledger: &Ledger, room: &Resources, could: impl Fn(&Shape, i32) -> bool) {
        let mut maybe = core::mem::take(&mut self.maybe);
        self.parked.within(room, &mut maybe);
        for class in maybe.drain(..) {
            let slot = &self.classes[class as usize];
            if let Some(spot) = slot.parked
                && could(ledger.shapes().shape(slot.shape), slot.rank)
            {
                self.unpark(class, spot);
            }
        }
        self.maybe = maybe;
    }

    /// Brings back the class of such tasks, if it is parked.
    pub fn wake(&mut self, shape: ShapeId, members: u32, rank: i32) {
        let classes = &self.classes;
        let hash_value = hash(shape, members, rank);
        if let Some(&class) = self.index.find(hash_value, |&slot| classes[slot as usize].is_of(shape, members, rank))
            && let Some(spot) = self.classes[class as usize].parked
        {
            self.unpark(class, spot);
        }
    }

    /// The priority of the tasks of a class, where that matters.
    #[must_use]
    pub fn rank(&self, class: ClassId) -> i32 {
        self.classes[class.0 as usize].rank
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
