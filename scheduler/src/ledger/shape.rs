//! Shapes: what one task needs. Tasks of one shape can replace each other in every question about room.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::attribute::ConstraintId;
use super::spread::LayoutId;
use crate::draw::mix;
use crate::event::{GpuRequest, Room};
use crate::resources::Resources;

/// Unused shapes that are kept, since they may come again; beyond it the one unused longest is dropped.
const IDLE_MOST: usize = 1 << 14;

/// What one task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Lanes.
    pub request: Resources,
    /// Devices.
    pub gpu: GpuRequest,
    /// Conditions on the node.
    pub constraints: Option<ConstraintId>,
    /// Conditions on the places of the job's tasks together.
    pub layout: Option<LayoutId>,
}

impl Shape {
    /// What a room is, as the ledger counts it.
    #[must_use]
    pub fn of_room(room: &Room) -> Self {
        let gpu = GpuRequest { count: room.gpus.len() as u8, milli: room.milli };
        Self { request: room.request, gpu, constraints: None, layout: None }
    }

    /// The same without conditions on places.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self { layout: None, ..*self }
    }
}

/// A shape in the table. The generation tells apart shapes that had the same slot one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId {
    /// The slot.
    pub slot: u32,
    /// How often the slot was reused.
    pub generation: u32,
}

#[derive(Clone)]
struct Entry {
    shape: Shape,
    generation: u32,
    users: u32,
    /// Whether the slot stands in the list of idle shapes.
    listed: bool,
    /// The same shape without a layout; itself if it has none.
    plain: ShapeId,
}

/// All shapes in use, each once.
#[derive(Clone, Default)]
pub struct ShapeTable {
    entries: Vec<Entry>,
    index: HashTable<u32>,
    vacant: Vec<u32>,
    idle: VecDeque<u32>,
}

fn hash(shape: &Shape) -> u64 {
    let mut state = u64::from(shape.gpu.count) << 32 | u64::from(shape.gpu.milli);
    state = mix(state ^ shape.constraints.map_or(u64::MAX, |set| u64::from(set.slot)));
    if let Some(layout) = shape.layout {
        state = mix(state ^ u64::from(layout.0));
    }
    for pair in shape.request.0.chunks_exact(2) {
        state = mix(state ^ (u64::from(pair[0]) << 32 | u64::from(pair[1])));
    }
    state
}

impl ShapeTable {
    /// The shape behind an id.
    #[must_use]
    #[inline]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.entries[id.slot as usize].shape
    }

    /// The shape without its layout: what remembers nodes by shape remembers them for this one.
    #[must_use]
    #[inline]
    pub fn plain(&self, id: ShapeId) -> ShapeId {
        self.entries[id.slot as usize].plain
    }

    /// How many slots there are: shapes in use and kept ones.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.entries.len()
    }

    /// The id of `shape`, new or old, counted as used once more; and whether nobody used it before. One with a layout
    /// is to be told its plain shape then.
    pub fn intern(&mut self, shape: Shape) -> (ShapeId, bool) {
        let hash_value = hash(&shape);
        let entries = &self.entries;
        if let Some(&slot) = self.index.find(hash_value, |&slot| entries[slot as usize].shape == shape) {
            let entry = &mut self.entries[slot as usize];
            entry.users += 1;
            return (ShapeId { slot, generation: entry.generation }, entry.users == 1);
        }
        (self.add(shape, hash_value), true)
    }

    /// The id of a shape that is not there yet.
    #[cold]
    fn add(&mut self, shape: Shape, hash_value: u64) -> ShapeId {
        let slot = self.vacant.pop().unwrap_or(self.entries.len() as u32);
        let generation = self.entries.get(slot as usize).map_or(0, |entry| entry.generation.wrapping_add(1));
        let id = ShapeId { slot, generation };
        let entry = Entry { shape, generation, users: 1, listed: false, plain: id };
        match self.entries.get_mut(slot as usize) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        let entries = &self.entries;
        self.index.insert_unique(hash_value, slot, |&slot| hash(&entries[slot as usize].shape));
        id
    }

    /// What the shape is without its layout; it is in use as long as this one is.
    pub fn set_plain(&mut self, id: ShapeId, plain: ShapeId) {
        self.entries[id.slot as usize].plain = plain;
    }

    /// Counts one use more of a shape that is in use.
    pub fn retain(&mut self, id: ShapeId) {
        self.entries[id.slot as usize].users += 1;
    }

    /// Counts one use less; true if nobody uses it any more.
    pub fn forget(&mut self, id: ShapeId) -> bool {
        let entry = &mut self.entries[id.slot as usize];
        entry.users -= 1;
        if entry.users > 0 {
            return false;
        }
        if entry.shape.layout.is_some() {
            // Its layout goes with it, and another may get the same number.
            self.drop_if_unused(id.slot);
            return true;
        }
        if !entry.listed {
            entry.listed = true;
            self.idle.push_back(id.slot);
        }
        while self.idle.len() > IDLE_MOST
            && let Some(oldest) = self.idle.pop_front()
        {
            self.drop_if_unused(oldest);
        }
        true
    }

    /// A shape that is in use again leaves the list and comes back to it when it falls idle.
    fn drop_if_unused(&mut self, slot: u32) {
        let entry = &mut self.entries[slot as usize];
        entry.listed = false;
        if entry.users > 0 {
            return;
        }
        if let Ok(found) = self.index.find_entry(hash(&entry.shape), |&other| other == slot) {
            found.remove();
            self.vacant.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(cpu: u32) -> Shape {
        Shape { request: Resources::new(cpu, 1), gpu: GpuRequest::default(), constraints: None, layout: None }
    }

    #[test]
    fn equal_shapes_share_an_id_and_memory_is_bounded() {
        let mut table = ShapeTable::default();
        let (first, _) = table.intern(shape(1));
        assert_eq!((first, false), table.intern(shape(1)));
        for cpu in 2..100_000 {
            let (id, _) = table.intern(shape(cpu));
            table.forget(id);
        }
        assert!(table.slots() <= IDLE_MOST + 3, "{} slots", table.slots());
        assert_eq!((first, false), table.intern(shape(1)), "a shape in use is never dropped");
        assert_eq!(table.shape(first), &shape(1));
    }
}
