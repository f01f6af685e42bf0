//! Where waiting time goes.

/// Where a task's wait went. The causes of one task add up to its wait exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Cause {
    /// The fleet has too little room in all: behind others.
    Capacity,
    /// Enough in all, but on no single node.
    Fragmentation,
    /// Enough on nodes that a constraint forbids.
    Constraint,
    /// A waiting job ahead of it may not be passed.
    HeadOfLine,
    /// Its gang does not fit as a whole.
    Gang,
    /// The scheduler thinks only every so often, or its decision took time.
    Decision,
    /// Placed, but not yet running.
    Launch,
    /// Its team, user or partition may hold no more for now: a quota, a limit or a share.
    Quota,
    /// It is kept back for a while after it failed.
    Backoff,
    /// There is room, but it has not been offered to its framework yet.
    OfferCycle,
    /// It was placed on a machine that was gone already, and nobody knew.
    Detection,
    /// An earlier placement came to nothing before it ran; the time that went into it.
    Rerun,
}

impl Cause {
    /// Every cause, in the order of the columns.
    pub const ALL: [Self; 12] = [
        Self::Capacity,
        Self::Fragmentation,
        Self::Constraint,
        Self::HeadOfLine,
        Self::Gang,
        Self::Decision,
        Self::Launch,
        Self::Quota,
        Self::Backoff,
        Self::OfferCycle,
        Self::Detection,
        Self::Rerun,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The word in `wait_<cause>_us` and `wait_by_cause_s.<cause>`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Fragmentation => "fragmentation",
            Self::Constraint => "constraint",
            Self::HeadOfLine => "head_of_line",
            Self::Gang => "gang",
            Self::Decision => "decision",
            Self::Launch => "launch",
            Self::Quota => "quota",
            Self::Backoff => "backoff",
            Self::OfferCycle => "offer_cycle",
            Self::Detection => "detection",
            Self::Rerun => "rerun",
        }
    }
}
