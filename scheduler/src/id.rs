//! Identities as the core speaks of them. Sequence numbers settle ties; storage slots stay private.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(transparent))]
        pub struct $name(pub $inner);

        impl $name {
            /// The number as an index into a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A machine, numbered in fleet order: the first listed has the lowest id and wins ties.
    NodeId(u32)
);
id!(
    /// A job, numbered in submission order.
    JobId(u64)
);
id!(
    /// A task, numbered in submission order; the tasks of one job are consecutive.
    TaskId(u64)
);
id!(
    /// Who thinks: 0 is the allocator (or the fused scheduler), then the frameworks in file order.
    PartyId(u16)
);
id!(
    /// A team: whom resources are accounted to.
    RoleId(u16)
);
id!(
    /// An offer of resources, numbered by the allocator that made it.
    OfferId(u64)
);
id!(
    /// A task that its framework holds to run its own tasks in, numbered by that framework.
    HolderId(u64)
);

impl PartyId {
    /// The allocator, or the one fused party of a monolithic scheduler.
    pub const FIRST: Self = Self(0);
}
