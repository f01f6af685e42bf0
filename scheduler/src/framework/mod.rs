//! Frameworks: who wants tasks run. A framework has a queue, a reconciler and a placement policy over what it is
//! offered.

mod batch;
mod pass;
mod reserving;
mod running;

pub use batch::{Batch, Policies};
pub use pass::{Beliefs, Pass, Wish};
pub use running::{Job, Running, RunningTask};

#[cfg(test)]
pub(crate) mod tests;
