//! Why a node cannot take a task. The first reason in this order wins, as in Marathon's funnel of offer matching.

/// One reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Veto {
    /// The node is not there, or is believed to be gone.
    Down,
    /// The node takes no new work.
    Draining,
    /// The team may not use what is left there.
    Role,
    /// A required constraint is not met.
    Constraint,
    /// What is free there is reserved for others.
    Reservation,
    /// Too little cpu.
    Cpu,
    /// Too little memory.
    Memory,
    /// Too little disk.
    Disk,
    /// Too little gpu in all, or no single device with enough of it.
    Gpu,
    /// A lane that the scenario named is short.
    Extra,
    /// A limit of the partition or quality of service is reached: every node answers so.
    Limit,
}

impl Veto {
    /// Every reason, in the order in which they are tried.
    pub const ALL: [Self; 11] = [
        Self::Down,
        Self::Draining,
        Self::Role,
        Self::Constraint,
        Self::Reservation,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Gpu,
        Self::Extra,
        Self::Limit,
    ];

    /// The word in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Draining => "draining",
            Self::Role => "role",
            Self::Constraint => "constraint",
            Self::Reservation => "reservation",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpu => "gpu",
            Self::Extra => "extra",
            Self::Limit => "limit",
        }
    }

    /// The reason for a shortage in `lane`.
    #[must_use]
    pub const fn of_lane(lane: usize) -> Self {
        match lane {
            crate::resources::CPU => Self::Cpu,
            crate::resources::MEMORY => Self::Memory,
            crate::resources::DISK => Self::Disk,
            crate::resources::GPU => Self::Gpu,
            _ => Self::Extra,
        }
    }
}

/// How many nodes gave each reason, indexed as [`Veto::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VetoCounts(pub [u32; Veto::ALL.len()]);

impl VetoCounts {
    /// Counts one more node.
    pub fn count(&mut self, veto: Veto) {
        self.0[veto as usize] += 1;
    }

    /// The reason that the most nodes gave; the earlier one on a tie; None if no node was asked.
    #[must_use]
    pub fn main(&self) -> Option<Veto> {
        let most = *self.0.iter().max()?;
        if most == 0 {
            return None;
        }
        Veto::ALL.into_iter().find(|&veto| self.0[veto as usize] == most)
    }
}
