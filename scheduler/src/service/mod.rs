//! What keeps a service alive, as Marathon does it: delays after failures, replacements of what cannot be reached,
//! upgrades that keep enough of it healthy, and who is killed first. Pure rules over time; no offers, no nodes.

mod backoff;
mod kill;
mod unreachable;
mod upgrade;

pub use backoff::{Backoff, Delays};
pub use kill::{KillSelection, choose};
pub use unreachable::{Act, RECONCILE_EVERY, Strategy, Watch};
pub use upgrade::{Plan, Upgrade};
