//! The loop: an instant, its rounds of thinking, the audit; until nothing more can happen.

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::{Outcome, Recorder};
use windtunnel_scheduler::Scheduler;
use windtunnel_scheduler::config::{Config, Instant};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::hint::rarely;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::{Span, Time};

use crate::error::SimError;
use crate::experiment::{Experiment, Workload};
use crate::trigger::Trigger;
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
    begin(experiment, None, scheduler, recorder, on_progress)?.finish(scheduler, recorder, on_progress)
}

/// Simulates an experiment up to `at`, that instant left out. What comes after is up to [`Paused::finish`], also more
/// than once and in other ways: see [`Paused::branch`].
///
/// # Errors
/// As [`run`].
pub fn pause(
    experiment: Experiment,
    at: Time,
    scheduler: &mut dyn Scheduler,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Paused, SimError> {
    begin(experiment, Some(at), scheduler, recorder, on_progress)
}

/// A run that was brought to an instant.
pub struct Paused {
    world: World,
    convention: Instant,
    config: Config,
}

fn begin(
    experiment: Experiment,
    pause: Option<Time>,
    scheduler: &mut dyn Scheduler,
    recorder: &mut dyn Recorder,
    on_progress: OnProgress<'_>,
) -> Result<Paused, SimError> {
    let convention = experiment.scheduler.instant;
    let (mut world, config) = World::new(experiment)?;
    let mut loop_ = Loop::new(scheduler, recorder);
    world.begin(&config, &mut |world| loop_.think(world))?;
    world.complete(loop_.recorder)?;
    world.has_begun = true;
    world.look_first();
    let mut paused = Paused { world, convention, config };
    if pause.is_some() {
        paused.world.pause = pause;
        paused.go_on(scheduler, recorder, on_progress)?;
    }
    Ok(paused)
}

impl Paused {
    /// A copy that goes on with further triggers. `workloads` are those of the experiment, opened anew: streams cannot
    /// be copied. The scheduler is copied by [`Scheduler::fork`].
    ///
    /// # Errors
    /// If a workload cannot be read again.
    pub fn branch(&self, workloads: Vec<Workload>, triggers: Vec<Trigger>) -> Result<Self, SimError> {
        let world = self.world.fork(workloads, triggers, &self.config)?;
        Ok(Self { world, convention: self.convention, config: self.config.clone() })
    }

    /// Simulates the rest.
    ///
    /// # Errors
    /// As [`run`].
    pub fn finish(
        mut self,
        scheduler: &mut dyn Scheduler,
        recorder: &mut dyn Recorder,
        on_progress: OnProgress<'_>,
    ) -> Result<Outcome, SimError> {
        self.world.pause = None;
        self.go_on(scheduler, recorder, on_progress)?;
        self.world.close(recorder)
    }

    fn go_on(
        &mut self,
        scheduler: &mut dyn Scheduler,
        recorder: &mut dyn Recorder,
        on_progress: OnProgress<'_>,
    ) -> Result<(), SimError> {
        let Self { world, convention, .. } = self;
        let mut loop_ = Loop::new(scheduler, recorder);
        let mut instants = 0;
        while world.advance().is_some() {
            loop_.turn(world, *convention)?;
            loop_.pull(world, *convention)?;
            world.complete(loop_.recorder)?;
            instants += 1;
            if instants % PROGRESS_EVERY == 0
                && let ControlFlow::Break(()) = on_progress(world.progress())
            {
                return Err(SimError::Interrupted);
            }
        }
        // Whoever goes on from here may have another recorder.
        world.write_all_rows(loop_.recorder);
        Ok(())
    }
}

struct Loop<'a> {
    scheduler: &'a mut dyn Scheduler,
    recorder: &'a mut dyn Recorder,
    decisions: Vec<Decision>,
    /// What the recorder wants, asked once.
    wants_names: bool,
    wants_events: bool,
    wants_decisions: bool,
}

impl<'a> Loop<'a> {
    fn new(scheduler: &'a mut dyn Scheduler, recorder: &'a mut dyn Recorder) -> Self {
        let wants = (recorder.wants_names(), recorder.wants_events(), recorder.wants_decisions());
        let (wants_names, wants_events, wants_decisions) = wants;
        Self { scheduler, recorder, decisions: Vec::new(), wants_names, wants_events, wants_decisions }
    }

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
            world.foresee(self.scheduler);
            turns += 1;
            if turns > world.turns_most().saturating_add(u64::from(ROUNDS_MOST)) {
                return Err(SimError::Restless { at: world.now, rounds: ROUNDS_MOST });
            }
            self.think(world)?;
        }
    }

    /// Lets triggers fire, and what follows happen, until none is due.
    fn pull(&mut self, world: &mut World, convention: Instant) -> Result<(), SimError> {
        while world.pull()? {
            self.think(world)?;
            self.turn(world, convention)?;
        }
        Ok(())
    }

    /// Lets every party think that has something to think about, until none has.
    fn think(&mut self, world: &mut World) -> Result<(), SimError> {
        let mut rounds = 0;
        while let Some((party, since, mut held)) = world.next_done() {
            world.set_late(Some(since));
            std::mem::swap(&mut self.decisions, &mut held);
            self.carry_out(world, party)?;
            world.check_whole(party)?;
            self.decisions.clear();
            world.set_late(None);
        }
        while let Some(party) = world.next_ready() {
            rounds += 1;
            if rounds > ROUNDS_MOST {
                return Err(SimError::Restless { at: world.now, rounds: ROUNDS_MOST });
            }
            let inbox = world.take_inbox(party);
            if rarely(self.wants_names) {
                world.name(&inbox, self.recorder);
            }
            if rarely(self.wants_events) {
                self.recorder.heard(world.now, party, &inbox);
            }
            let lap = world.lap();
            let before = lap.map_or(Span::ZERO, |lap| lap());
            let step = self.scheduler.step(party, world.now, &inbox, &mut self.decisions)?;
            let took = lap.map_or(Span::ZERO, |lap| Span(lap().0.saturating_sub(before.0)));
            world.give_back(party, inbox);
            let made = self.decisions.len();
            if !world.hold_back(party, step, took, &mut self.decisions) {
                self.carry_out(world, party)?;
            }
            world.thought(party, step, made)?;
            self.decisions.clear();
        }
        Ok(())
    }

    /// What was decided becomes true, or the news of another party.
    fn carry_out(&mut self, world: &mut World, party: PartyId) -> Result<(), SimError> {
        for decision in &self.decisions {
            if rarely(self.wants_decisions) {
                self.recorder.note(world.now, party, decision);
            }
            world.apply(party, decision)?;
        }
        Ok(())
    }
}
