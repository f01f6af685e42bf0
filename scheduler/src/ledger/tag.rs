//! Which kinds of gpu tasks every node holds: parts of a device, one device, two, ...

use alloc::vec::Vec;

use crate::event::GpuRequest;

/// How many tasks of each kind every node holds. A column is made when a task of its kind is first met.
#[derive(Clone, Default)]
pub struct TagTable {
    /// By kind, then by node.
    counts: Vec<Vec<u32>>,
    /// The kinds of which a node holds a task, one bit each.
    held: Vec<u64>,
}

impl TagTable {
    /// The kinds of which the node holds a task: bit i is kind i.
    #[must_use]
    #[inline]
    pub fn of(&self, node: usize) -> u64 {
        self.held.get(node).copied().unwrap_or(0)
    }

    /// So many tasks more.
    #[inline]
    pub fn add(&mut self, node: usize, request: GpuRequest, count: u32) {
        if let Some(tag) = request.tag() {
            *self.count(node, tag) += count;
            self.held[node] |= 1 << tag;
        }
    }

    /// So many tasks less.
    #[inline]
    pub fn remove(&mut self, node: usize, request: GpuRequest, count: u32) {
        if let Some(tag) = request.tag() {
            let held = self.count(node, tag);
            *held = held.saturating_sub(count);
            if *held == 0 {
                self.held[node] &= !(1 << tag);
            }
        }
    }

    /// The node is empty.
    pub fn clear(&mut self, node: usize) {
        self.counts.iter_mut().filter_map(|column| column.get_mut(node)).for_each(|count| *count = 0);
        if let Some(held) = self.held.get_mut(node) {
            *held = 0;
        }
    }

    fn count(&mut self, node: usize, tag: u8) -> &mut u32 {
        let tag = usize::from(tag);
        if tag >= self.counts.len() {
            self.counts.resize(tag + 1, Vec::new());
        }
        if node >= self.held.len() {
            self.held.resize(node + 1, 0);
        }
        let column = &mut self.counts[tag];
        if node >= column.len() {
            column.resize(self.held.len(), 0);
        }
        &mut column[node]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_held_from_its_first_task_to_its_last() {
        let mut table = TagTable::default();
        let (part, one, two) = (request(1, 300), request(1, 1_000), request(2, 1_000));
        table.add(7, part, 2);
        table.add(7, two, 1);
        table.add(3, one, 1);
        assert_eq!((table.of(7), table.of(3), table.of(0), table.of(99)), (0b101, 0b010, 0, 0));
        table.remove(7, part, 1);
        assert_eq!(table.of(7), 0b101, "one part is left");
        table.remove(7, request(1, 900), 1);
        assert_eq!(table.of(7), 0b100, "parts are of one kind whatever their size");
        table.clear(7);
        table.add(7, one, 1);
        assert_eq!(table.of(7), 0b010);
        table.add(7, request(0, 0), 1);
        assert_eq!(table.of(7), 0b010, "a task without gpus is of no kind");
    }

    fn request(count: u8, milli: u16) -> GpuRequest {
        GpuRequest { count, milli }
    }
}
