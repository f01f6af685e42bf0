//! A small writer of Parquet files, made for the rows of a run.
//!
//! Why our own: a run of a million tasks writes thirty million values, most of them times that differ little, zeros and
//! names out of a small vocabulary. Differences and dictionaries that are kept up while the rows come cost a few
//! nanoseconds per value, need no second pass, no hash table over numbers, no compression and no thread, and the bytes
//! depend on the rows alone. Everything written is plain Parquet that any reader understands: the tests read it back
//! with an independent one.
//!
//! One row group holds [`GROUP_ROWS`] rows and one page per column, so memory is bounded by one group.
//! Source of every structure: "parquet.thrift" of the Apache Parquet format.

mod column;
mod file;
mod pack;
mod thrift;
mod word;

pub use column::{Kind, RealColumn, SteadyColumns, TextColumn, WholeColumn, WholesColumn};
pub use file::{ColumnMut, GROUP_ROWS, TableFile};
pub use word::WordColumn;
