//! Storage in slots that are reused: the last one freed is the first one taken again, so it is still warm in the cache.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A table of `T` in numbered slots. Indexing a freed slot is a defect of the caller and shows its last value.
#[derive(Clone)]
pub struct Slab<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Stores `value` and says where.
    #[inline]
    pub fn insert(&mut self, value: T) -> u32 {
        let Some(slot) = self.free.pop() else { return self.grow(value) };
        self.slots[slot as usize] = value;
        slot
    }

    /// Apart, so that what stores values by the million is not written out twice wherever it is done.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, value: T) -> u32 {
        self.slots.push(value);
        (self.slots.len() - 1) as u32
    }

    /// Makes room for so many more, so that what is there need not be moved for them.
    pub fn reserve(&mut self, more: usize) {
        self.slots.reserve(more);
    }

    /// Gives the slot back; its value stays until the slot is taken again.
    #[inline]
    pub fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// How many slots are taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if no slot is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many slots were ever taken at once.
    #[must_use]
    pub fn most(&self) -> usize {
        self.slots.len()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    #[inline]
    fn index(&self, slot: u32) -> &T {
        &self.slots[slot as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize]
    }
}
