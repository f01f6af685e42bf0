//! How much idle gpu of a node typical tasks cannot use, and what placing a task does to it.
//!
//! All in whole numbers, so that it is exact: thousandths of a gpu times tasks of the sample. What is asked often is
//! remembered: a node's room recurs, before and after, for every shape that is tried on it and on its likes.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::draw::mix;
use crate::event::GpuRequest;
use crate::ledger::DEVICES_MOST;

/// Gpus of a node whose room is remembered; with more of them it is worked out each time.
const REMEMBERED: usize = 8;
/// Rooms that are remembered: a power of two.
const SLOTS: usize = 1 << 13;
/// A whole device.
const WHOLE: u16 = 1_000;
const BEST: usize = 100;

/// A kind of typical task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Millicores.
    pub cpu: u32,
    /// Devices.
    pub gpu: GpuRequest,
    /// The bit of its set of constraints.
    pub set: u64,
    /// How many tasks of the sample are of this kind.
    pub tasks: u64,
}

/// What of a node matters to typical tasks.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    /// Free millicores.
    pub cpu: u32,
    /// The sets of constraints that the node meets, one bit each.
    pub sets: u64,
    /// Free thousandths of each device.
    pub gpus: &'a [u16],
}

/// A room with few enough devices, by value.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key {
    cpu: u32,
    devices: u32,
    sets: u64,
    gpus: [u16; REMEMBERED],
}

impl Key {
    fn of(room: &Room<'_>) -> Self {
        let mut gpus = [0; REMEMBERED];
        gpus[..room.gpus.len()].copy_from_slice(room.gpus);
        Self { cpu: room.cpu, devices: room.gpus.len() as u32, sets: room.sets, gpus }
    }

    fn slot(&self) -> usize {
        let half = |part: &[u16]| part.iter().fold(0_u64, |word, &left| word << 16 | u64::from(left));
        let word = mix(half(&self.gpus[..4]) ^ self.sets.rotate_left(17)) ^ half(&self.gpus[4..]);
        mix(word ^ u64::from(self.cpu) << 11 ^ u64::from(self.devices)) as usize % SLOTS
    }

    fn room(&self) -> Room<'_> {
        Room { cpu: self.cpu, sets: self.sets, gpus: &self.gpus[..self.devices as usize] }
    }
}

/// The typical tasks, and what is remembered of rooms.
#[derive(Clone)]
pub(super) struct Fragmentation {
    /// Those that ask for gpus, by thousandths on one device.
    kinds: Vec<Kind>,
    /// All tasks of the typical kinds, those without gpus too.
    tasks: u64,
    /// The least change that gives each score from 1 on, in thousandths times tasks.
    steps: Vec<i64>,
    known: RefCell<Vec<(Key, u64)>>,
}

impl Fragmentation {
    pub(super) fn new(mut kinds: Vec<Kind>) -> Self {
        let tasks = kinds.iter().map(|kind| kind.tasks).sum();
        kinds.retain(|kind| kind.gpu.count > 0);
        kinds.sort_by_key(|kind| kind.gpu.milli);
        // No node is remembered under a key of more devices than fit into it.
        let nothing = (Key { devices: u32::MAX, ..Key::default() }, 0);
        Self { kinds, tasks, steps: steps(tasks), known: RefCell::new(vec![nothing; SLOTS]) }
    }

    /// The score of placing a task: `int(100 x sigmoid(less fragmentation, in gpus))`. A part of a device is taken from
    /// device `at`, whole ones by lowest index.
    pub(super) fn score(&self, room: &Room<'_>, cpu: u32, gpu: GpuRequest, at: usize) -> i64 {
        if room.gpus.len() > REMEMBERED {
            let mut gpus = [0; DEVICES_MOST];
            let gpus = &mut gpus[..room.gpus.len()];
            gpus.copy_from_slice(room.gpus);
            take(gpus, gpu, at);
            let after = Room { cpu: room.cpu.saturating_sub(cpu), gpus, ..*room };
            return self.score_of(gpu, self.usable(room), self.usable(&after));
        }
        let before = Key::of(room);
        let mut after = Key { cpu: room.cpu.saturating_sub(cpu), ..before };
        take(&mut after.gpus[..room.gpus.len()], gpu, at);
        self.score_of(gpu, self.remember(&before), self.remember(&after))
    }

    /// Fragmentation is idle gpu times all tasks less what can be used; so is the difference.
    fn score_of(&self, gpu: GpuRequest, before: u64, after: u64) -> i64 {
        let taken = u64::from(gpu.count) * u64::from(gpu.milli) * self.tasks;
        let less = taken as i64 - (before as i64 - after as i64);
        self.steps.partition_point(|&least| least <= less) as i64
    }

    fn remember(&self, key: &Key) -> u64 {
        let slot = key.slot();
        let mut known = self.known.borrow_mut();
        if known[slot].0 != *key {
            known[slot] = (*key, self.usable(&key.room()));
        }
        known[slot].1
    }

    /// What the typical tasks can use of the idle gpus, in thousandths times tasks.
    fn usable(&self, room: &Room<'_>) -> u64 {
        let (mut sum, mut milli) = (0, 0);
        let (mut devices, mut idle) = (0_usize, 0_u64);
        for kind in &self.kinds {
            if kind.gpu.milli != milli {
                milli = kind.gpu.milli;
                let able = room.gpus.iter().filter(|&&left| left >= milli);
                (devices, idle) = able.fold((0, 0), |(count, sum), &left| (count + 1, sum + u64::from(left)));
                if devices == 0 {
                    // No device has so much; none has more.
                    break;
                }
            }
            if kind.cpu <= room.cpu && usize::from(kind.gpu.count) <= devices && kind.set & room.sets != 0 {
                sum += kind.tasks * idle;
            }
        }
        sum
    }
}

/// Takes what is asked: a part from device `at`, whole devices by lowest index.
fn take(gpus: &mut [u16], gpu: GpuRequest, at: usize) {
    if gpu.is_part() {
        if let Some(left) = gpus.get_mut(at) {
            *left = left.saturating_sub(gpu.milli);
        }
        return;
    }
    for left in gpus.iter_mut().filter(|left| **left == WHOLE).take(usize::from(gpu.count)) {
        *left = 0;
    }
}

/// The least change, in thousandths times tasks, whose score is at least 1, 2, ... 100; scores that no change reaches
/// are left out.
fn steps(tasks: u64) -> Vec<i64> {
    let score = |less: i64| {
        let gpus = less as f64 / (tasks as f64 * 1_000.0);
        (1.0 / (1.0 + libm::exp(-gpus)) * BEST as f64) as i64
    };
    // A sigmoid is within 2^-53 of 0 and 1 outside of this.
    let far = (tasks.max(1) as i64).saturating_mul(64_000);
    let least = |wanted: i64| {
        let (mut below, mut enough) = (-far, far);
        if score(enough) < wanted {
            return i64::MAX;
        }
        while enough - below > 1 {
            let middle = below + (enough - below) / 2;
            if score(middle) < wanted { below = middle } else { enough = middle }
        }
        enough
    };
    (1..=BEST as i64).map(least).collect()
}
