//! Workload, fleet, usage and failure files, and generators: one model, many readers.
//!
//! Knows formats, units and the traps in real files. Must not know policies, the simulated world, or how results look.
//! Without the feature `files` only the model, the generators and the transforms remain: that is what the drivers see.

#[cfg(feature = "files")]
pub mod check;
pub mod model;
#[cfg(feature = "files")]
pub mod read;
pub mod synthetic;
pub mod transform;
#[cfg(feature = "files")]
pub mod write;
