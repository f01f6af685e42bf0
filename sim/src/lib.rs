//! The simulated world: driver one of the scheduler core.

pub mod experiment;
