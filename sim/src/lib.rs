//! The simulated world: driver one of the scheduler core.
//!
//! Owns the truth and the virtual clock: which tasks really run where, what breaks, how long messages take. Must not
//! know policies, files or pictures, reads no wall clock, and hands the scheduler nothing but events.

pub mod agenda;
mod arrivals;
mod drive;
pub mod elastic;
mod error;
pub mod experiment;
pub mod fault;
mod history;
pub mod launch;
mod measure;
pub mod model;
mod overtake;
pub mod trigger;
mod world;

pub use drive::{Paused, pause, run};
pub use error::SimError;
pub use experiment::Experiment;
pub use world::{OnProgress, Progress};
