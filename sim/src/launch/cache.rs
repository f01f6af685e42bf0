//! The layers that a node keeps: those that were used longest ago go first, those in use stay.

use std::collections::BTreeMap;

use windtunnel_scheduler::time::Time;

/// A layer, as its position in the list of all.
pub type Layer = u32;

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    bytes: u64,
    used: (Time, u64),
    in_use: u32,
}

/// What one node has.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    kept: BTreeMap<Layer, Kept>,
    bytes: u64,
    /// Settles which of two layers of one instant is the older.
    turn: u64,
}

impl Cache {
    /// Bytes of an image that are not there.
    pub(super) fn missing(&self, image: &[Layer], sizes: &[u64]) -> u64 {
        let absent = image.iter().filter(|layer| !self.kept.contains_key(layer));
        absent.map(|&layer| sizes.get(layer as usize).copied().unwrap_or(0)).sum()
    }

    /// The layers of an image are there; how many others had to go. A cache too small for what is in use overflows.
    pub(super) fn put(&mut self, image: &[Layer], sizes: &[u64], most: u64, now: Time) -> u64 {
        for &layer in image {
            self.turn += 1;
            let bytes = sizes.get(layer as usize).copied().unwrap_or(0);
            let kept = self.kept.entry(layer).or_insert_with(|| {
                self.bytes += bytes;
                Kept { bytes, ..Kept::default() }
            });
            kept.used = (now, self.turn);
        }
        let mut evicted = 0;
        while most > 0 && self.bytes > most {
            let idle = self.kept.iter().filter(|(layer, kept)| kept.in_use == 0 && !image.contains(layer));
            let Some((&oldest, _)) = idle.min_by_key(|(_, kept)| kept.used) else { break };
            if let Some(kept) = self.kept.remove(&oldest) {
                self.bytes -= kept.bytes;
                evicted += 1;
            }
        }
        evicted
    }

    /// A task begins to use an image.
    pub(super) fn hold(&mut self, image: &[Layer]) {
        for layer in image {
            if let Some(kept) = self.kept.get_mut(layer) {
                kept.in_use += 1;
            }
        }
    }

    /// A task no longer uses an image.
    pub(super) fn release(&mut self, image: &[Layer]) {
        for layer in image {
            if let Some(kept) = self.kept.get_mut(layer) {
                kept.in_use = kept.in_use.saturating_sub(1);
            }
        }
    }
}
