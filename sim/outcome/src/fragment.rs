//! Why room that is free cannot be used.

use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY};

/// Why a kind of task cannot use what is free on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum FragmentCause {
    /// The task asks for nothing of the resource.
    NotAsked,
    /// The node has another gpu model than the task demands.
    ModelMismatch,
    /// Another condition is not met.
    Constraint,
    /// Too little cpu is free beside it.
    NoCpu,
    /// Too little memory is free beside it.
    NoMemory,
    /// Too little disk is free beside it.
    NoDisk,
    /// Too little gpu is free in all.
    NoGpu,
    /// Enough gpu is free in all, but not on single devices.
    GpuTooSmall,
    /// Too little of a resource that the scenario named is free beside it.
    NoOther,
}

impl FragmentCause {
    /// How many there are.
    pub const COUNT: usize = 9;
    /// Every cause, in the order in which they are tried.
    pub const ALL: [Self; Self::COUNT] = [
        Self::NotAsked,
        Self::ModelMismatch,
        Self::Constraint,
        Self::NoCpu,
        Self::NoMemory,
        Self::NoDisk,
        Self::NoGpu,
        Self::GpuTooSmall,
        Self::NoOther,
    ];

    /// The word in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::ModelMismatch => "model_mismatch",
            Self::Constraint => "constraint",
            Self::NoCpu => "no_cpu",
            Self::NoMemory => "no_memory",
            Self::NoDisk => "no_disk",
            Self::NoGpu => "no_gpu",
            Self::GpuTooSmall => "gpu_too_small",
            Self::NoOther => "no_other",
        }
    }

    /// The cause in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotAsked => "the task asks for none of it",
            Self::ModelMismatch => "another gpu model",
            Self::Constraint => "another condition not met",
            Self::NoCpu => "too little cpu beside it",
            Self::NoMemory => "too little memory beside it",
            Self::NoDisk => "too little disk beside it",
            Self::NoGpu => "too little gpu",
            Self::GpuTooSmall => "gpu left in pieces too small",
            Self::NoOther => "too little of another resource",
        }
    }

    /// The cause of a shortage in `lane`.
    #[must_use]
    pub const fn of_lane(lane: usize) -> Self {
        match lane {
            CPU => Self::NoCpu,
            MEMORY => Self::NoMemory,
            DISK => Self::NoDisk,
            GPU => Self::NoGpu,
            _ => Self::NoOther,
        }
    }
}

/// Shares of capacity by lane and cause.
pub type SharesByCause = [[f64; FragmentCause::COUNT]; LANES];
