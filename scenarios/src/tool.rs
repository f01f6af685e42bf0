//! The program as a value: what is built in, plus whatever a team registers in a `main.rs` of its own.

use std::process::ExitCode;

use windtunnel_scheduler::Scheduler;
use windtunnel_scheduler::backfill::Backfill;
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::placement::Placement;
use windtunnel_scheduler::queue::Queue;

use crate::command;
use crate::failure::{Failure, listed, nearest};

/// Makes a scheduler; called once per run, so that parallel runs share nothing.
pub type Build = fn() -> Box<dyn Scheduler>;

/// The program.
///
/// `windtunnel::Tool::new().placement(&MINE).scheduler("mine", build).main()` has every command.
#[derive(Clone, Default)]
pub struct Tool {
    registries: Registries,
    schedulers: Vec<(&'static str, Build)>,
}

impl Tool {
    /// Everything that is built in.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a placement policy, for `[scheduler] placement`; one of the same name is replaced.
    #[must_use]
    pub fn placement(mut self, placement: &Placement) -> Self {
        self.registries.placements.retain(|known| known.name != placement.name);
        self.registries.placements.push(*placement);
        self
    }

    /// Adds a queue order, for `[scheduler] queue`; one of the same name is replaced.
    #[must_use]
    pub fn queue(mut self, queue: &Queue) -> Self {
        self.registries.queues.retain(|known| known.name != queue.name);
        self.registries.queues.push(*queue);
        self
    }

    /// Adds a backfill policy, for `[scheduler] backfill`; one of the same name is replaced.
    #[must_use]
    pub fn backfill(mut self, backfill: &Backfill) -> Self {
        self.registries.backfills.retain(|known| known.name != backfill.name);
        self.registries.backfills.push(*backfill);
        self
    }

    /// Adds a whole scheduler, for `[scheduler] use`; one of the same name is replaced.
    #[must_use]
    pub fn scheduler(mut self, name: &'static str, build: Build) -> Self {
        self.schedulers.retain(|(known, _)| *known != name);
        self.schedulers.push((name, build));
        self
    }

    /// Reads the command line, does what it says, and ends with the exit code: 0 done, 1 a finding (`trace validate`),
    /// 2 an error, 130 interrupted.
    #[must_use]
    pub fn main(self) -> ExitCode {
        command::main(&self)
    }

    /// The policies that scenarios may name.
    #[must_use]
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The schedulers that scenarios may name besides `core`.
    pub fn scheduler_names(&self) -> impl Iterator<Item = &'static str> {
        self.schedulers.iter().map(|(name, _)| *name)
    }

    /// A fresh scheduler of a name.
    ///
    /// # Errors
    /// If nothing of the name is registered.
    pub fn build(&self, name: &str) -> Result<Box<dyn Scheduler>, Failure> {
        if let Some((_, build)) = self.schedulers.iter().find(|(known, _)| *known == name) {
            return Ok(build());
        }
        if name == "core" {
            return Ok(Box::new(Core::new(&self.registries)));
        }
        let known = || std::iter::once("core").chain(self.scheduler_names());
        let fix = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", listed(known())),
        };
        Err(Failure::new(format!("`scheduler.use`: no scheduler is called `{name}` in this build; {fix}")))
    }
}
