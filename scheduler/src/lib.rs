//! The scheduler core: a pure state machine, the code that runs in production.
//!
//! Events go in, decisions come out ([`Scheduler::step`]); a log of `(now, party, events)` is a complete input.
//!
//! Absent on purpose: a way to ask the time (it is an argument), files, sockets, threads, hash-ordered iteration, the
//! platform's mathematics, names of tasks and nodes, and any means to learn whether the world is real. It imports
//! nothing of ours.

#![no_std]

extern crate alloc;

pub mod allocator;
pub mod backfill;
pub mod cause;
pub mod config;
pub mod constraint;
pub mod core;
pub mod decision;
pub mod digest;
pub mod draw;
pub mod event;
pub mod framework;
pub mod hint;
pub mod id;
pub mod index;
pub mod layout;
pub mod ledger;
pub mod paged;
pub mod partition;
pub mod placement;
pub mod preemption;
pub mod queue;
pub mod registry;
pub mod resources;
pub mod rules;
pub mod service;
pub mod slab;
pub mod time;
pub mod veto;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use config::Config;
pub use decision::Decision;
pub use event::{Event, JobSpec, NodeSpec};
pub use id::{HolderId, JobId, NodeId, OfferId, PartyId, RoleId, TaskId};
pub use resources::{LANES, Resources, Totals};
pub use time::{Span, Time};
pub use veto::{Veto, VetoCounts};

/// A scheduler as its drivers see it: any number of parties behind one method.
pub trait Scheduler: Send {
    /// Applies `events` (all true at `now`, addressed to `party`), appends decisions, and says when to be woken and how
    /// much was looked at. To be called whenever there is an event for `party`, and at the instant it asked to be
    /// woken.
    ///
    /// # Errors
    /// [`Gone`] if the scheduler cannot answer any more; our own core always can.
    fn step(
        &mut self,
        party: PartyId,
        now: Time,
        events: &[Event],
        decisions: &mut Vec<Decision>,
    ) -> Result<Step, Gone>;

    /// A driver that knows which tasks will end next may say so, a few dozen at a time: what it takes to deal with each
    /// is looked at together and is in the cache then. A driver of real machines knows no such thing and says nothing.
    /// Nothing else can come of it: the scheduler is only looked at.
    fn foresee(&self, _party: PartyId, _ends: &[TaskId]) {}

    /// A copy in the same state; None where that is impossible (another process).
    fn fork(&self) -> Option<Box<dyn Scheduler>>;
}

/// What came of a step besides its decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// When to call again if nothing happens before.
    pub wake: Option<Time>,
    /// What decision time is charged for.
    pub work: Work,
}

/// How much a step looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Jobs tried.
    pub jobs: u64,
    /// Tasks placed or rejected.
    pub tasks: u64,
    /// Nodes examined one by one.
    pub nodes: u64,
}

impl Work {
    /// Adds what another part of the same step looked at.
    pub fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.tasks += other.tasks;
        self.nodes += other.nodes;
    }
}

/// The scheduler cannot answer any more: one sentence why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Gone(pub alloc::string::String);
