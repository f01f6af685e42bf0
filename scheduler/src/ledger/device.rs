//! Gpu devices one by one, since a part of a device must fit on one.

use alloc::collections::BTreeMap;
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
    /// Devices that are gone for a while, by node.
    gone: BTreeMap<usize, GpuSet>,
    /// What of each that is gone nobody is believed to hold: its end may be heard of after the device is back.
    kept: BTreeMap<(usize, usize), u16>,
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
        if !self.gone.is_empty() {
            self.gone.remove(&node);
            self.kept.retain(|&(of, _), _| of != node);
        }
    }

    /// Devices are gone, with whatever is on them: how many were there, and how many thousandths of them were free.
    pub fn lose(&mut self, node: usize, set: GpuSet) -> (u32, u32) {
        let Some(&(start, count)) = self.at.get(node) else { return (0, 0) };
        let known = self.gone.get(&node).copied().unwrap_or_default();
        let (mut lost, mut free) = (GpuSet::NONE, 0);
        for at in set.iter().filter(|&at| at < usize::from(count) && known.0 & (1 << at) == 0) {
            lost.0 |= 1 << at;
            let kept = core::mem::take(&mut self.free[start as usize + at]);
            self.kept.insert((node, at), kept);
            free += u32::from(kept);
        }
        if !lost.is_empty() {
            self.gone.insert(node, GpuSet(known.0 | lost.0));
        }
        (lost.len(), free)
    }

    /// Devices that were lost are back, with what is still believed to be on them: how many, and how many thousandths
    /// of them are free.
    pub fn restore(&mut self, node: usize, set: GpuSet) -> (u32, u32) {
        let (Some(known), Some(&(start, _))) = (self.gone.remove(&node), self.at.get(node)) else { return (0, 0) };
        let back = GpuSet(known.0 & set.0);
        let mut sum = 0;
        for at in back.iter() {
            let free = self.kept.remove(&(node, at)).unwrap_or_default();
            self.free[start as usize + at] = free;
            sum += u32::from(free);
        }
        if known != back {
            self.gone.insert(node, GpuSet(known.0 & !back.0));
        }
        (back.len(), sum)
    }

    /// How many devices of `set` are gone.
    #[must_use]
    pub fn gone(&self, node: usize, set: GpuSet) -> u32 {
        if self.gone.is_empty() {
            return 0;
        }
        self.gone.get(&node).map_or(0, |gone| GpuSet(gone.0 & set.0).len())
    }

    /// Free thousandths of the node's devices.
    #[must_use]
    #[inline]
    pub fn of(&self, node: usize) -> &[u16] {
        let (start, count) = self.at[node];
        // Without a panic for what is never out of range, so that whoever does not look at them does not fetch them.
        self.free.get(start as usize..start as usize + usize::from(count)).unwrap_or_default()
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
    #[must_use]
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

    /// The same of what was given back a moment ago, also of devices that are gone.
    #[must_use]
    pub fn take_back(&mut self, node: usize, request: GpuRequest, set: GpuSet) -> bool {
        let known = self.gone.get(&node).copied().unwrap_or_default();
        let (gone, there) = (GpuSet(set.0 & known.0), GpuSet(set.0 & !known.0));
        let kept = |at: usize| self.kept.get(&(node, at)).is_some_and(|&free| free >= request.milli);
        if !gone.iter().all(kept) || !self.take(node, request, there) {
            return false;
        }
        for at in gone.iter() {
            *self.kept.entry((node, at)).or_default() -= request.milli;
        }
        true
    }

    /// Makes devices of the node wholly free, or not free at all.
    pub fn lend(&mut self, node: usize, set: GpuSet, free: bool) {
        let (start, count) = self.at[node];
        for at in set.iter().filter(|&at| at < usize::from(count)) {
            self.free[start as usize + at] = if free { WHOLE } else { 0 };
        }
    }

    /// Takes what is free of each device in `set`, at most `milli`; says what each had to give.
    pub fn take_some(&mut self, node: usize, milli: u16, set: GpuSet) -> Vec<(u8, u16)> {
        let (start, count) = self.at[node];
        let mut taken = Vec::new();
        for at in set.iter().filter(|&at| at < usize::from(count)) {
            let free = &mut self.free[start as usize + at];
            let some = milli.min(*free);
            *free -= some;
            if some > 0 {
                taken.push((at as u8, some));
            }
        }
        taken
    }

    /// Gives back what `take` took.
    pub fn release(&mut self, node: usize, request: GpuRequest, set: GpuSet) {
        let (start, count) = self.at[node];
        let gone = if self.gone.is_empty() { GpuSet::NONE } else { self.gone.get(&node).copied().unwrap_or_default() };
        for at in set.iter().filter(|&at| at < usize::from(count)) {
            let free = match gone.0 & (1 << at) {
                0 => &mut self.free[start as usize + at],
                _ => self.kept.entry((node, at)).or_default(),
            };
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
    #[test]
    fn a_device_comes_back_with_what_is_believed_to_be_on_it() {
        let mut table = DeviceTable::default();
        table.set(0, 2);
        let half = GpuRequest { count: 1, milli: 500 };
        assert!(table.take(0, half, GpuSet(0b01)) && table.take(0, half, GpuSet(0b01)));
        assert_eq!(table.lose(0, GpuSet(0b01)), (1, 0));
        table.release(0, half, GpuSet(0b01));
        assert_eq!(table.of(0), [0, 1000], "it is gone");
        assert_eq!(table.restore(0, GpuSet(0b11)), (1, 500), "one end was heard of, one is still to come");
        table.release(0, half, GpuSet(0b01));
        assert_eq!(table.of(0), [1000, 1000]);
    }
}
