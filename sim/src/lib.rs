//! The simulated world: driver one of the scheduler core.
//!
//! Owns the truth and the virtual clock: which tasks really run where, what breaks, how long messages take. Must not
//! know policies, files or pictures, reads no wall clock, and hands the scheduler nothing but events.

pub mod agenda;
mod arrivals;
mod drive;
mod error;
pub mod experiment;
mod measure;
mod overtake;
mod world;

pub use drive::run;
pub use error::SimError;
pub use experiment::Experiment;
pub use world::{OnProgress, Progress};
