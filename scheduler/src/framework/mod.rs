//! Frameworks: who wants tasks run. A framework has a queue, a reconciler and a placement policy over what it is
//! offered.

mod asking;
mod batch;
mod gang;
mod guests;
mod offered;
mod pass;
mod preempting;
mod pressing;
mod reserving;
mod resident;
mod retries;
mod rules;
mod running;
mod sharing;

pub use batch::{Batch, Policies};
pub use offered::Offered;
pub use pass::{Beliefs, Pass, Wish};
pub use preempting::{Nominee, Preempting};
pub use running::{Job, Running, RunningTask};
pub use sharing::Sharing;

#[cfg(test)]
pub(crate) mod tests;
