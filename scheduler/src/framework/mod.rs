//! Frameworks: who wants tasks run. A framework has a queue, a reconciler and a placement policy over what it is
//! offered.

mod batch;
mod running;

pub use batch::Batch;
pub use running::{Job, Running, RunningTask};

#[cfg(test)]
pub(crate) mod tests;
