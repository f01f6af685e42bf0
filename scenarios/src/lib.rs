//! What an experiment is (a TOML file, resolved), and the commands that start runs and show what came of them.
//!
//! The only crate that knows of files, clocks, terminals and signals all at once, and the only one that puts a
//! scheduler, a world and a recorder together. Must not know how a policy decides, how the world
//! turns, or how a result is drawn.

mod command;
pub mod compare;
pub mod facts;
pub mod failure;
pub mod gate;
pub mod library;
pub mod load;
pub mod packing;
pub mod plan;
pub mod progress;
pub mod resolve;
pub mod simulate;
pub mod spec;
mod story;
pub mod survey;
pub mod sweep;
pub mod talk;
mod tool;
mod windows;

pub use failure::Failure;
pub use tool::{Build, Tool};
