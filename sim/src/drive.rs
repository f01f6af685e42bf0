//! The loop: an instant, its rounds of thinking, the audit; until nothing more can happen.

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Outcome, Recorder};
use windtunnel_scheduler::Scheduler;
use windtunnel_scheduler::config::Instant;
use windtunnel_scheduler::decision::Decision;

use crate::error::SimError;
use crate::experiment::Experiment;
use crate::world::{OnProgress, World};

/// Rounds of messages within one instant before the parties count as restless.
const ROUNDS_MOST: u32 = 10_000;
/// Instants between two reports of progress.
const PROGRESS_EVERY: u32 = 4096;

/// Simulates one experiment. Rows go to `recorder` as they come; the numbers are returned and handed to
/// [`Recorder::finish`] by the caller, who may add to them first.
///
/// # Errors
/// See [`SimError`]. Nothing is retried, and nothing is left running.
pub fn run(
    experiment: Experiment,
    scheduler: &mut dyn Scheduler,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Outcome, SimError> {
    let convention = experiment.scheduler.instant;
    let (mut world, config) = World::new(experiment)?;
    let mut loop_ = Loop { scheduler, recorder, decisions: Vec::new() };
    world.begin(&config, &mut |world| loop_.think(world))?;
    world.complete(loop_.recorder)?;
    let mut instants = 0;
    while world.advance()?.is_some() {
        loop_.turn(&mut world, convention)?;
        world.complete(loop_.recorder)?;
        instants += 1;
        if instants % PROGRESS_EVERY == 0
            && let ControlFlow::Break(()) = on_progress(world.progress())
        {
            return Err(SimError::Interrupted);
        }
    }
    world.close(loop_.recorder)
}

struct Loop<'a> {
    scheduler: &'a mut dyn Scheduler,
    recorder: &'a mut dyn Recorder,
    decisions: Vec<Decision>,
}

impl Loop<'_> {
    /// Everything that happens in one instant. What is decided may make more happen in the same instant, but not for
    /// ever.
    fn turn(&mut self, world: &mut World, convention: Instant) -> Result<(), SimError> {
        let mut turns = 0_u64;
        loop {
            let more = match convention {
                Instant::Batched => world.gather()?,
                Instant::PerEvent => world.gather_one()?,
            };
            if !more {
                return Ok(());
            }
            turns += 1;
            if turns > world.turns_most().saturating_add(u64::from(ROUNDS_MOST)) {
                return Err(SimError::Restless { at: world.now, rounds: ROUNDS_MOST });
            }
            self.think(world)?;
        }
    }

    /// Lets every party think that has something to think about, until none has.
    fn think(&mut self, world: &mut World) -> Result<(), SimError> {
        let mut rounds = 0;
        while let Some(party) = world.next_ready() {
            rounds += 1;
            if rounds > ROUNDS_MOST {
                return Err(SimError::Restless { at: world.now, rounds: ROUNDS_MOST });
            }
            let inbox = world.take_inbox(party);
            if self.recorder.wants_names() {
                world.name(&inbox, self.recorder);
            }
            if self.recorder.wants_events() {
                self.recorder.heard(world.now, party, &inbox);
            }
            let step = self.scheduler.step(party, world.now, &inbox, &mut self.decisions)?;
            world.give_back(party, inbox);
            for decision in &self.decisions {
                if self.recorder.wants_decisions() {
                    self.recorder.note(world.now, party, decision);
                }
                world.apply(party, decision)?;
            }
            world.thought(party, step, self.decisions.len())?;
            self.decisions.clear();
        }
        Ok(())
    }
}
