//! Frameworks: who wants tasks run. A framework has a queue, a reconciler and a placement policy over what it is
//! offered.

mod asking;
mod batch;
mod coarse;
mod gang;
mod guests;
mod holding;
mod kind;
mod nested;
mod offered;
mod pass;
mod pool;
mod preempting;
mod pressing;
mod reserving;
mod resident;
mod retries;
mod rules;
mod running;
mod sharing;
mod slots;
mod tries;
mod upgrading;

pub use batch::{Batch, Policies};
pub use holding::Holding;
pub use kind::{KINDS, Kind, Ramp, Sight};
pub use offered::Offered;
pub use pass::{Beliefs, Pass, Wish};
pub use preempting::{Nominee, Preempting};
pub use running::{Job, Running, RunningTask};
pub use sharing::Sharing;

#[cfg(test)]
pub(crate) mod tests;
