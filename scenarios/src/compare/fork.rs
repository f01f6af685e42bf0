//! One beginning for all sides: it is simulated once, and every side goes on from there.

use windtunnel_outcome::Outcome;
use windtunnel_outcome::recorder::Discard;
use windtunnel_reports::diverge::Divergence;
use windtunnel_scheduler::core::Core;
use windtunnel_scheduler::{Scheduler, Time};
use windtunnel_sim::trigger::Trigger;
use windtunnel_sim::{OnProgress, Paused};

use super::follow::{Follower, Sides, Trail};
use super::{Arm, Bench, Ran};
use crate::failure::Failure;
use crate::load;
use crate::resolve::Resolved;
use crate::simulate;

/// What the change is called in the log of triggers.
const NAME: &str = "fork";

/// A beginning, ready to be gone on from.
struct Beginning {
    paused: Paused,
    core: Core,
}

impl Bench<'_> {
    /// Refuses what has no common beginning.
    pub(super) fn check_fork(&self, plain: &Resolved) -> Result<(), Failure> {
        if self.is_foreign() || plain.scenario.scheduler.implementation != "core" {
            return Err(Failure::new("the state of another program cannot be copied; take --fork-at out"));
        }
        if plain.windows().is_some() {
            return Err(Failure::new("every window of a log begins anew; take --fork-at or the windows out"));
        }
        if plain.scenario.trigger.iter().any(|trigger| trigger.name.as_deref() == Some(NAME)) {
            return Err(Failure::new(format!("a trigger is called `{NAME}`; rename it, or take --fork-at out")));
        }
        let at = self.request.fork_at.unwrap_or(Time::ZERO);
        self.arms.iter().try_for_each(|arm| self.change(plain, arm, at).map(|_| ()))
    }

    /// What a side does at the instant: nothing, if it changes nothing.
    fn change(&self, resolved: &Resolved, arm: &Arm, at: Time) -> Result<Vec<Trigger>, Failure> {
        if arm.sets.is_empty() {
            return Ok(Vec::new());
        }
        let base = load::find(&self.request.scenario)?.base;
        let trigger = resolved.change_at(at, NAME, &arm.sets, &base, self.tool.registries());
        trigger.map(|trigger| vec![trigger]).map_err(|failure| failure.within(&format!("side `{}`", arm.name)))
    }

    fn begin(
        &self,
        resolved: &Resolved,
        at: Time,
        trail: &mut Trail,
        asks: OnProgress<'_>,
    ) -> Result<Beginning, Failure> {
        let mut core = Core::new(self.tool.registries());
        let paused = windtunnel_sim::pause(resolved.experiment()?, at, &mut core, trail, asks);
        Ok(Beginning { paused: paused.map_err(simulate::failed)?, core })
    }

    fn branch(&self, resolved: &Resolved, from: &Beginning, arm: &Arm, at: Time) -> Result<Paused, Failure> {
        let triggers = self.change(resolved, arm, at)?;
        from.paused.branch(resolved.experiment()?.workloads, triggers).map_err(simulate::failed)
    }

    /// All sides at the first seed: the base leaves its decisions, the others are held against them.
    pub(super) fn fork_first(
        &self,
        seed: u64,
        at: Time,
        asks: OnProgress<'_>,
    ) -> Result<Vec<(Outcome, Option<Divergence>)>, Failure> {
        let resolved = self.load(&self.arms[0], seed)?;
        let mut trail = Trail::default();
        let beginning = self.begin(&resolved, at, &mut trail, asks)?;
        let (alike, starts) = (trail.decisions.len(), trail.starts.clone());
        let base = self.branch(&resolved, &beginning, &self.arms[0], at)?;
        let mut core = beginning.core.clone();
        let mut outcome = base.finish(&mut core, &mut trail, asks).map_err(simulate::failed)?;
        simulate::complete(&mut outcome, &resolved);
        let mut outcomes = vec![(outcome, None)];
        for arm in &self.arms[1..] {
            let within = |failure: Failure| failure.within(&format!("side `{}`, seed {seed}", arm.name));
            let new = self.changed(&resolved, arm, at)?;
            let sides = Sides {
                registries: self.tool.registries(),
                base: &resolved.config,
                new: new.as_ref().unwrap_or(&resolved.config),
                fleet: &resolved.fleet,
            };
            let core = beginning.core.clone();
            let (mut follower, mut rows) = Follower::resumed(core, sides, &trail.decisions, alike, starts.clone());
            let branch = self.branch(&resolved, &beginning, arm, at)?;
            let ran = branch.finish(&mut follower, &mut rows, asks).map_err(simulate::failed);
            let mut outcome = ran.map_err(within)?;
            simulate::complete(&mut outcome, &resolved);
            let divergence = follower.divergence(seed, &trail.starts, &rows);
            outcomes.push((outcome, divergence));
        }
        Ok(outcomes)
    }

    /// The configuration of a side from the instant on, to ask it for its opinion.
    fn changed(
        &self,
        resolved: &Resolved,
        arm: &Arm,
        at: Time,
    ) -> Result<Option<windtunnel_scheduler::config::Config>, Failure> {
        let mut triggers = self.change(resolved, arm, at)?;
        let actions = triggers.pop().map(|trigger| trigger.actions).unwrap_or_default();
        Ok(actions.into_iter().find_map(|action| match action {
            windtunnel_sim::trigger::Action::Set { after, .. } => Some(*after),
            _ => None,
        }))
    }

    /// All sides at another seed.
    pub(super) fn fork(&self, seed: u64, asks: OnProgress<'_>) -> Result<Vec<Ran>, Failure> {
        let at = self.request.fork_at.unwrap_or(Time::ZERO);
        let resolved = self.load(&self.arms[0], seed)?;
        let mut core = Core::new(self.tool.registries());
        let paused = windtunnel_sim::pause(resolved.experiment()?, at, &mut core, &mut Discard, asks);
        let beginning = Beginning { paused: paused.map_err(simulate::failed)?, core };
        let side = |arm: &Arm, asks: OnProgress<'_>| {
            let branch = self.branch(&resolved, &beginning, arm, at)?;
            let mut core: Box<dyn Scheduler> = Box::new(beginning.core.clone());
            let mut outcome = branch.finish(core.as_mut(), &mut Discard, asks).map_err(simulate::failed)?;
            simulate::complete(&mut outcome, &resolved);
            Ok(Ran::of(&outcome.summary))
        };
        let mut ran = Vec::new();
        for arm in &self.arms {
            let one: Result<Ran, Failure> = side(arm, asks);
            ran.push(one.map_err(|failure| failure.within(&format!("side `{}`, seed {seed}", arm.name)))?);
        }
        Ok(ran)
    }
}
