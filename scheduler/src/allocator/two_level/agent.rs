//! What the allocator believes of an agent: room by the terms on which it may be offered.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::GpuSet;
use crate::id::PartyId;
use crate::resources::{DISK, GPU, LANES, Resources};
use crate::time::{Span, Time};

/// No role: resources that are reserved for nobody.
pub const NOBODY: u32 = u32::MAX;

/// An agent as it registers.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AgentSpec {
    /// Everything on it, reservations and mounts included, revocable resources not.
    pub capacity: Resources,
    /// Whole gpu devices; `capacity[GPU]` is 1000 times this.
    pub gpus: u8,
    /// Reserved by the agent's own flags, by role: parts of the capacity.
    pub reserved: Vec<(String, Resources)>,
    /// Disks that are handed out as a whole, in MiB: parts of the capacity.
    pub mounts: Vec<u32>,
    /// What an estimator says may be lent out besides, to be taken back at any time.
    pub revocable: Resources,
    /// The region it is in, if it says so.
    pub region: Option<String>,
    /// Attributes by name.
    pub attributes: Vec<(String, String)>,
}

/// On which terms a part of an agent is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// To a role and those below it.
    Reserved {
        /// The role.
        role: u32,
        /// By an operation, not by the agent's flags.
        dynamic: bool,
        /// Reservations of different labels never merge.
        label: u32,
    },
    /// To a framework in a role: its resident tasks come back to it.
    Home {
        /// The framework.
        party: PartyId,
        /// The role.
        role: u32,
    },
    /// To anybody who can lose it.
    Revocable,
    /// To anybody, but as a whole.
    Mount,
}

/// A part of an agent that is offered on terms of its own.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The terms.
    pub terms: Terms,
    /// How much it is.
    pub total: Resources,
    /// How much of it is offered or in use.
    pub held: Resources,
    /// How much of its disk holds a persistent volume, in MiB.
    pub volume: u32,
}

impl Part {
    /// What may be offered; less than nothing counts as nothing, since an estimate may have shrunk.
    #[must_use]
    pub fn free(&self) -> Resources {
        lanewise(&self.total, &self.held, u32::saturating_sub)
    }
}

/// When an agent will not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Window {
    /// From when on.
    pub start: Time,
    /// For how long; forever if nobody knows.
    pub length: Span,
}

/// An agent.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    /// It is registered.
    pub known: bool,
    /// It may be offered: connected, and not draining.
    pub active: bool,
    /// What is reserved for nobody, can be taken for good and cut to size.
    pub total: Resources,
    /// The part of that which is neither offered nor in use.
    pub free: Resources,
    /// Devices that are neither offered nor in use.
    pub devices: GpuSet,
    /// Devices that are gone: whoever holds one of them gives nothing back.
    pub broken: GpuSet,
    /// How many devices it has.
    pub gpus: u8,
    /// Everything on other terms.
    pub parts: Vec<Part>,
    /// Its region.
    pub region: Option<String>,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// When it will not be there.
    pub window: Option<Window>,
    /// Filters of an earlier life do not count.
    pub life: u32,
}

impl Agent {
    /// True if nothing on it may be offered.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free == Resources::ZERO && self.parts.iter().all(|part| part.free() == Resources::ZERO)
    }

    /// Every resource on it.
    #[must_use]
    pub fn whole(&self) -> Resources {
        self.parts.iter().fold(self.total, |sum, part| lanewise(&sum, &part.total, u32::saturating_add))
    }
}

/// Something taken of a part of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which part.
    pub part: u32,
    /// It is a mount: reserved for nobody, so it counts for quotas.
    pub mount: bool,
    /// How much.
    pub what: Resources,
}

/// What is taken of an agent: by an offer, or by a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Of what is reserved for nobody.
    pub plain: Resources,
    /// Of the parts on other terms.
    pub parts: Vec<Slice>,
    /// Which devices; a device is handed out as a whole.
    pub gpus: GpuSet,
}

impl Grant {
    /// True if it is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain == Resources::ZERO && self.parts.iter().all(|slice| slice.what == Resources::ZERO)
    }

    /// Everything in it.
    #[must_use]
    pub fn sum(&self) -> Resources {
        lanewise(&self.plain, &self.on_terms(), u32::saturating_add)
    }

    /// Everything in it that is on other terms.
    #[must_use]
    pub fn on_terms(&self) -> Resources {
        self.parts.iter().fold(Resources::ZERO, |sum, slice| lanewise(&sum, &slice.what, u32::saturating_add))
    }

    /// Everything in it that is reserved for nobody and cannot be taken back: what quotas count.
    #[must_use]
    pub fn counted(&self) -> Resources {
        let mounts = self.parts.iter().filter(|slice| slice.mount);
        mounts.fold(self.plain, |sum, slice| lanewise(&sum, &slice.what, u32::saturating_add))
    }

    /// Adds another grant of the same agent.
    pub fn merge(&mut self, other: Self) {
        self.plain = lanewise(&self.plain, &other.plain, u32::saturating_add);
        self.gpus.0 |= other.gpus.0;
        for slice in other.parts {
            match self.parts.iter_mut().find(|own| own.part == slice.part) {
                Some(own) => own.what = lanewise(&own.what, &slice.what, u32::saturating_add),
                None => self.parts.push(slice),
            }
        }
    }

    /// Takes `what` out of the grant, parts on other terms first; None, and nothing changed, if it is not in it.
    #[must_use]
    pub fn carve(&mut self, what: &Resources, gpus: GpuSet) -> Option<Self> {
        let mut what = *what;
        // A device goes to one task, however little of it the task asked for.
        what[GPU] = gpus.len() * 1000;
        if gpus.0 & !self.gpus.0 != 0 || !what.fits_in(&self.sum()) {
            return None;
        }
        let mut carved = Self { gpus, ..Self::default() };
        self.gpus.0 &= !gpus.0;
        for slice in &mut self.parts {
            let taken = match slice.mount {
                false => lanewise(&what, &slice.what, u32::min),
                // A mount cannot be cut: it goes as a whole to what needs no more than it is.
                true if what[DISK] > 0 && what[DISK] <= slice.what[DISK] => slice.what,
                true => Resources::ZERO,
            };
            if taken != Resources::ZERO {
                slice.what = lanewise(&slice.what, &taken, u32::saturating_sub);
                what = lanewise(&what, &taken, u32::saturating_sub);
                carved.parts.push(Slice { what: taken, ..*slice });
            }
        }
        let Some(rest) = self.plain.checked_sub(&what) else {
            self.merge(carved);
            return None;
        };
        self.plain = rest;
        carved.plain = what;
        Some(carved)
    }
}

/// Applies an operation lane by lane.
#[must_use]
#[inline]
pub fn lanewise(one: &Resources, other: &Resources, operation: impl Fn(u32, u32) -> u32) -> Resources {
    let mut row = Resources::ZERO;
    for lane in 0..LANES {
        row[lane] = operation(one[lane], other[lane]);
    }
    row
}

/// A scalar in thousandths, rounded half away from zero: what every comparison and sum is made of (R2).
#[must_use]
pub fn thousandths(value: f64) -> i64 {
    libm::round(value * 1000.0) as i64
}
