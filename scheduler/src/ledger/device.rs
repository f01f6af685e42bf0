//! Gpu devices one by one, since a part of a device must fit on one.

use alloc::vec::Vec;

use crate::event::{GpuRequest, GpuSet};

/// A whole device.
const WHOLE: u16 = 1000;
/// The most devices a node may have: a [`GpuSet`] has one bit for each.
pub const DEVICES_MOST: usize = 64;

/// Free thousandths of every device of every node.
#[derive(Clone, Default)]
pub struct DeviceTable {
    free: Vec<u16>,
    /// Where a node's devices begin in `free`, and how many it has.
    at: Vec<(u32, u8)>,
}

impl DeviceTable {
    /// Gives a node `count` free devices.
    pub fn set(&mut self, node: usize, count: u8) {
        if node >= self.at.len() {
            self.at.resize(node + 1, (0, 0));
        }
        let (start, old) = self.at[node];
        let count = count.min(DEVICES_MOST as u8);
        let start = if old >= count { start } else { self.free.len() as u32 };
        if old < count {
            self.free.resize(self.free.len() + usize::from(count), WHOLE);
        }
        self.at[node] = (start, count);
        let start = start as usize;
        self.free[start..start + usize::from(count)].fill(WHOLE);
    }

    /// Free thousandths of the node's devices.
    #[must_use]
    #[inline]
    pub fn of(&self, node: usize) -> &[u16] {
        let (start, count) = self.at[node];
        &self.free[start as usize..start as usize + usize::from(count)]
    }

    /// True if enough devices have enough left.
    #[must_use]
    pub fn fits(&self, node: usize, request: GpuRequest) -> bool {
        let able = self.of(node).iter().filter(|&&free| free >= request.milli).count();
        able >= usize::from(request.count)
    }

    /// The devices a request gets: the fullest that can take it, the lowest index on ties (whole ones are all alike).
    #[must_use]
    pub fn choose(&self, node: usize, request: GpuRequest) -> GpuSet {
        let devices = self.of(node);
        let mut chosen = GpuSet::NONE;
        for _ in 0..request.count {
            let best = devices
                .iter()
                .enumerate()
                .filter(|&(at, &free)| free >= request.milli && chosen.0 & (1 << at) == 0)
                .min_by_key(|&(at, &free)| (free, at));
            match best {
                Some((at, _)) => chosen.0 |= 1 << at,
                None => return GpuSet::NONE,
            }
        }
        chosen
    }

    /// Takes `request.milli` of each device in `set`; false, and nothing changed, if one has less or is not there.
    pub fn take(&mut self, node: usize, request: GpuRequest, set: GpuSet) -> bool {
        let (start, count) = self.at[node];
        let able = |at: usize| at < usize::from(count) && self.free[start as usize + at] >= request.milli;
        if !set.iter().all(able) {
            return false;
        }
        for at in set.iter() {
            self.free[start as usize + at] -= request.milli;
        }
        true
    }

    /// Gives back what `take` took.
    pub fn release(&mut self, node: usize, request: GpuRequest, set: GpuSet) {
        let (start, count) = self.at[node];
        for at in set.iter().filter(|&at| at < usize::from(count)) {
            let free = &mut self.free[start as usize + at];
            *free = (*free + request.milli).min(WHOLE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_to_the_fullest_device_that_can_take_it() {
        let mut table = DeviceTable::default();
        table.set(0, 3);
        let half = GpuRequest { count: 1, milli: 500 };
        let third = GpuRequest { count: 1, milli: 300 };
        assert!(table.take(0, half, GpuSet(0b010)));
        assert_eq!(table.choose(0, third), GpuSet(0b010));
        assert!(table.take(0, third, GpuSet(0b010)));
        assert_eq!(table.choose(0, third), GpuSet(0b001), "200 are left on the middle one");
    }

    #[test]
    fn thousandths_on_two_devices_are_not_one_device() {
        let mut table = DeviceTable::default();
        table.set(0, 2);
        let most = GpuRequest { count: 1, milli: 600 };
        assert!(table.take(0, most, GpuSet(0b01)) && table.take(0, most, GpuSet(0b10)));
        assert!(!table.fits(0, most), "800 are free in all, 400 on each");
        assert!(!table.take(0, GpuRequest { count: 1, milli: 1 }, GpuSet(0b100)), "there is no third device");
        table.release(0, most, GpuSet(0b01));
        assert_eq!(table.choose(0, GpuRequest { count: 1, milli: 1000 }), GpuSet(0b01));
    }
}
