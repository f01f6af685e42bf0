//! The waiting jobs one by one, in the order of the queue and in the order in which they may pass its head.
//!
//! What leaves is only marked; the rows are closed up when more than half of them are marks. So a cursor stays valid
//! while jobs leave, and leaving costs no more than finding the row.

use alloc::vec::Vec;

use crate::ledger::ShapeId;
use crate::partition::Terms;
use crate::resources::Totals;
use crate::slab::Slab;
use crate::time::{Span, Time};

/// Consecutive waiting tasks of one job.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// From the queue order; the smallest is first, the lowest task among equals.
    pub key: u64,
    /// From the backfill order, likewise.
    pub behind: u64,
    /// The first task.
    pub task: u64,
    /// How many; a gang counts as one.
    pub count: u32,
    /// The slot of the job.
    pub job: u32,
    /// What a task needs.
    pub shape: ShapeId,
    /// Members of a gang; 0 for tasks on their own.
    pub members: u32,
    /// What one task, or the gang as a whole, takes.
    pub need: Totals,
    /// How long a task is believed to run, in microseconds; `u64::MAX` if nobody said.
    pub estimate_us: u64,
    /// When it joined the queue.
    pub since: Time,
    /// Since when it has been tried first and did not fit; [`Time::NEVER`] if it was not.
    pub blocked: Time,
    /// The start that is reserved for it; [`Time::NEVER`] if none is.
    pub start: Time,
    /// On what terms its job was handed in.
    pub terms: Terms,
    /// From the tier of its partition: the smallest is first, whatever the orders say.
    pub rank: u32,
    /// Which sections of the fleet it may use, if there are any.
    pub route: u16,
    /// How long limits held it up so far.
    pub limited: Span,
    /// Since when a limit holds it up; [`Time::NEVER`] if none does.
    pub limited_since: Time,
}

impl Item {
    /// True if all of its tasks have left the queue.
    fn has_left(&self) -> bool {
        self.count == 0
    }

    /// Where it stands in the order of the queue.
    #[must_use]
    pub fn ahead(&self) -> (u32, u64, u64) {
        (self.rank, self.key, self.task)
    }

    /// Where it stands in the order of backfilling.
    #[must_use]
    pub fn behind(&self) -> (u32, u64, u64) {
        (self.rank, self.behind, self.task)
    }

    /// An item that has just joined.
    #[must_use]
    pub fn new(shape: ShapeId, members: u32, need: Totals, since: Time) -> Self {
        let (blocked, start, limited_since) = (Time::NEVER, Time::NEVER, Time::NEVER);
        Self {
            key: 0,
            behind: 0,
            task: 0,
            count: 1,
            job: 0,
            shape,
            members,
            need,
            estimate_us: u64::MAX,
            since,
            blocked,
            start,
            terms: Terms::default(),
            rank: 0,
            route: 0,
            limited: Span::ZERO,
            limited_since,
        }
    }
}

/// The waiting jobs.
#[derive(Clone, Default)]
pub struct Line {
    items: Slab<Item>,
    /// In the order of the queue.
    ahead: Vec<u32>,
    /// In the order of backfilling.
    behind: Vec<u32>,
    /// Rows of `ahead` before this one have all left.
    front: usize,
    marks: usize,
    tasks: u64,
}

/// A place in one of the two orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor(usize);

impl Line {
    /// How many tasks wait; a gang counts as one.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ahead.len() - self.marks
    }

    /// True if nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item in a slot.
    #[must_use]
    pub fn item(&self, slot: u32) -> &Item {
        &self.items[slot]
    }

    /// True if this task still waits, as the first of the item in this slot.
    #[must_use]
    pub fn holds(&self, slot: u32, task: u64) -> bool {
        let item = &self.items[slot];
        !item.has_left() && item.task == task
    }

    /// The item in a slot, to be changed; keys and tasks are not.
    pub fn item_mut(&mut self, slot: u32) -> &mut Item {
        &mut self.items[slot]
    }

    /// Adds an item and says where it is kept.
    pub fn add(&mut self, item: Item) -> u32 {
        self.close_up();
        self.tasks += u64::from(item.count);
        let slot = self.items.insert(item);
        let items = &self.items;
        let at = self.ahead.partition_point(|&other| items[other].ahead() < item.ahead());
        self.ahead.insert(at, slot);
        self.front = self.front.min(at);
        let at = self.behind.partition_point(|&other| items[other].behind() < item.behind());
        self.behind.insert(at, slot);
        slot
    }

    /// One task of an item leaves; true if it was the last one.
    pub fn take(&mut self, slot: u32) -> bool {
        self.tasks -= 1;
        let item = &mut self.items[slot];
        item.count -= 1;
        let is_over = item.has_left();
        if is_over {
            self.marks += 1;
        } else {
            // The rest keeps its place: a task that is queued again is an earlier one.
            item.task += 1;
        }
        is_over
    }

    /// Sorts the line by other keys. No cursor may be in use.
    pub fn reorder(&mut self, mut key: impl FnMut(&Item) -> u64) {
        let items = &mut self.items;
        let mut is_sorted = true;
        let mut last = (0, 0, 0);
        for &slot in &self.ahead {
            let item = &mut items[slot];
            if !item.has_left() {
                item.key = key(item);
                is_sorted &= last <= item.ahead();
                last = item.ahead();
            }
        }
        if !is_sorted {
            let items = &self.items;
            self.ahead.sort_unstable_by_key(|&slot| (items[slot].ahead(), slot));
            self.front = 0;
        }
    }

    /// The first of the queue.
    pub fn first(&mut self) -> Option<u32> {
        while let Some(&slot) = self.ahead.get(self.front) {
            if !self.items[slot].has_left() {
                return Some(slot);
            }
            self.front += 1;
        }
        None
    }

    /// The next item in the order of the queue.
    pub fn next_ahead(&self, cursor: &mut Cursor) -> Option<u32> {
        cursor.0 = cursor.0.max(self.front);
        Self::next_in(&self.ahead, &self.items, cursor)
    }

    /// The next item in the order of backfilling.
    pub fn next_behind(&self, cursor: &mut Cursor) -> Option<u32> {
        Self::next_in(&self.behind, &self.items, cursor)
    }

    fn next_in(order: &[u32], items: &Slab<Item>, cursor: &mut Cursor) -> Option<u32> {
        while let Some(&slot) = order.get(cursor.0) {
            cursor.0 += 1;
            if !items[slot].has_left() {
                return Some(slot);
            }
        }
        None
    }

    /// Closes the gaps, if they are many. No cursor may be in use.
    pub fn close_up(&mut self) {
        if self.marks * 2 <= self.ahead.len() || self.marks < 32 {
            return;
        }
        let items = &self.items;
        self.ahead.retain(|&slot| !items[slot].has_left());
        let mut behind = core::mem::take(&mut self.behind);
        behind.retain(|&slot| {
            let stays = !self.items[slot].has_left();
            if !stays {
                self.items.free(slot);
            }
            stays
        });
        self.behind = behind;
        (self.front, self.marks) = (0, 0);
    }
}
