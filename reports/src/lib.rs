//! Outcomes to Parquet, numbers and pictures.
//!
//! Knows the rows and numbers of a run and how to write, read back, tabulate and draw them. Must not know how a run is
//! made: it starts none, and what it draws comes from an outcome or from the files of one alone. What it writes
//! depends on nothing but what it is handed: no clock, no version, no thread count.

pub mod chart;
pub mod diverge;
pub mod explain;
pub mod gate;
pub mod human;
pub mod packing;
pub mod page;
pub mod plan;
pub mod read;
#[cfg(test)]
mod sample;
pub mod sweep;
pub mod table;
pub mod verdict;
mod words;
pub mod write;
