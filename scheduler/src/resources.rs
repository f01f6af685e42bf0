//! Rows of integer lanes: what a node has and what a task asks.
//!
//! Lane 0 is cpu in millicores, 1 memory in MiB, 2 disk in MiB, 3 gpu in thousandths of a device; lanes 4 to 7 are
//! named by the scenario. Thousandths of a core as integers are also Mesos's rule of three decimals.

use core::ops::{Index, IndexMut};

/// Lanes in a row: four standard ones and four that a scenario may name.
pub const LANES: usize = 8;
/// Millicores.
pub const CPU: usize = 0;
/// MiB.
pub const MEMORY: usize = 1;
/// MiB.
pub const DISK: usize = 2;
/// Thousandths of a device.
pub const GPU: usize = 3;
/// The names of the standard lanes, in order.
pub const STANDARD_LANES: [&str; 4] = ["cpu", "memory", "disk", "gpu"];

/// One row of lanes; 32 bytes, aligned so that a row never straddles a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
#[repr(align(32))]
pub struct Resources(pub [u32; LANES]);

impl Resources {
    /// Nothing of anything.
    pub const ZERO: Self = Self([0; LANES]);

    /// True if there is nothing of anything.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// A row of the two most used lanes: millicores and MiB of memory.
    #[must_use]
    pub const fn new(cpu_milli: u32, memory_mib: u32) -> Self {
        Self([cpu_milli, memory_mib, 0, 0, 0, 0, 0, 0])
    }

    /// True if every lane of `self` is at most that of `room`.
    #[must_use]
    #[inline]
    pub fn fits_in(&self, room: &Self) -> bool {
        // No early exit: eight comparisons without a branch are two vector instructions.
        let mut short = 0_u32;
        for lane in 0..LANES {
            short |= u32::from(self.0[lane] > room.0[lane]);
        }
        short == 0
    }

    /// Lane-wise sum, or None if a lane overflows.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let mut sum = *self;
        for lane in 0..LANES {
            sum.0[lane] = self.0[lane].checked_add(other.0[lane])?;
        }
        Some(sum)
    }

    /// Lane-wise difference, or None if a lane would fall below zero.
    #[must_use]
    #[inline]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        if !other.fits_in(self) {
            return None;
        }
        let mut rest = *self;
        for lane in 0..LANES {
            rest.0[lane] = self.0[lane].wrapping_sub(other.0[lane]);
        }
        Some(rest)
    }

    /// `self` taken `count` times, or None if a lane overflows.
    #[must_use]
    pub fn checked_mul(&self, count: u32) -> Option<Self> {
        let mut product = *self;
        for lane in 0..LANES {
            product.0[lane] = self.0[lane].checked_mul(count)?;
        }
        Some(product)
    }

    /// How many times `self` fits into `room`; `u32::MAX` if it asks for nothing.
    #[must_use]
    pub fn times_in(&self, room: &Self) -> u32 {
        let mut times = u32::MAX;
        for lane in 0..LANES {
            if let Some(lane_times) = room.0[lane].checked_div(self.0[lane]) {
                times = times.min(lane_times);
            }
        }
        times
    }

    /// Keeps the lanes whose bit is set in `mask` (bit i is lane i) and clears the others.
    #[must_use]
    pub fn masked(&self, mask: u8) -> Self {
        let mut row = *self;
        for lane in 0..LANES {
            if mask & (1 << lane) == 0 {
                row.0[lane] = 0;
            }
        }
        row
    }
}

impl Index<usize> for Resources {
    type Output = u32;
    #[inline]
    fn index(&self, lane: usize) -> &u32 {
        &self.0[lane]
    }
}

impl IndexMut<usize> for Resources {
    #[inline]
    fn index_mut(&mut self, lane: usize) -> &mut u32 {
        &mut self.0[lane]
    }
}

/// Sums over many nodes or tasks: the same lanes in u64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Totals(pub [u64; LANES]);

impl Totals {
    /// Adds `row` taken `count` times.
    #[inline]
    pub fn add(&mut self, row: &Resources, count: u64) {
        for lane in 0..LANES {
            if row.0[lane] != 0 {
                self.0[lane] += u64::from(row.0[lane]) * count;
            }
        }
    }

    /// Takes `row` away `count` times; panics below zero, which is a defect of the caller.
    #[inline]
    pub fn sub(&mut self, row: &Resources, count: u64) {
        for lane in 0..LANES {
            if row.0[lane] != 0 {
                self.0[lane] -= u64::from(row.0[lane]) * count;
            }
        }
    }
}
