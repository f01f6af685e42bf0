//! What happened: the rows of every result file, the [`Recorder`] that takes them, and the numbers made of them.
//!
//! Knows the words of the core (times, resources, decisions). Must not know how anything is written (no Parquet, no
//! files, no pictures), nor where it came from: the simulated world and the testbed fill the same rows.

pub mod bound;
pub mod conservation;
pub mod distribution;
pub mod fragment;
mod grid;
pub mod heat;
pub mod limit;
pub mod metric;
pub mod recorder;
pub mod rows;
pub mod series;
pub mod summary;

pub use limit::Limit;
pub use recorder::{Outcome, RecordError, Recorder};
pub use summary::{Summary, Value};
