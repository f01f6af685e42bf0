//! What a synthetic workload is, in resolved units.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::{LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::ahead::Drawn;
use super::arrivals::{Arrivals, Schedules};
use super::choice::Choice;
use super::graph::StageSpec;
use super::key::{CONSTRAINED, ESTIMATE, FAILS, KIND, Key, RUN, SIZE};
use super::law::Law;
use super::shape::{self, Shape};
use super::size::{self, Sizes};
use super::terms::BadTerm;
use crate::model::{Ask, Group, Run, Truth};
use crate::transform::Estimate;

/// A synthetic workload. Lists with weights may use any scale; an empty list stands for its stated default.
#[derive(Clone, Debug)]
pub struct SyntheticSpec {
    /// When jobs arrive.
    pub arrivals: Arrivals,
    /// When arrivals begin.
    pub start: Time,
    /// No job arrives at or after this instant; [`Time::NEVER`] for no bound.
    pub until: Time,
    /// At most so many jobs; None for no bound.
    pub jobs: Option<u64>,
    /// At most so many tasks; None for no bound. The last job is cut to fit.
    pub tasks: Option<u64>,
    /// How long a task runs. Replicas of services run forever instead.
    pub duration: Law,
    /// Whether the tasks of a batch job run equally long.
    pub runs: Runs,
    /// What tasks ask for; at least one.
    pub shapes: Vec<Shape>,
    /// How many tasks a job has.
    pub sizes: Sizes,
    /// How many replicas a service has; None: as `sizes`.
    pub replicas: Option<Sizes>,
    /// What kind of work jobs are, with weights; empty: all batch.
    pub kinds: Vec<(JobKind, f64)>,
    /// How important jobs are (larger is more important), with weights; empty: all 0.
    pub priorities: Vec<(i32, f64)>,
    /// Whose jobs are, with weights; empty: nobody's.
    pub roles: Vec<(String, f64)>,
    /// Who hands jobs in, with weights; empty: nobody.
    pub users: Vec<(String, f64)>,
    /// What jobs are reported under, with weights; empty: nothing.
    pub classes: Vec<(String, f64)>,
    /// What the scheduler is told about run times; [`Estimate::AsGiven`] is nothing here.
    pub estimate: Estimate,
    /// The chance that the tasks of a job fail in the end, from 0 to 1. Services never do.
    pub fails: f64,
    /// Jobs are runs of these schedules, which are the law of arrivals then.
    pub schedules: Option<Schedules>,
    /// Each arrival brings a job for every one of these, see [`super::Graphs`]; empty: one job.
    pub stages: Vec<StageSpec>,
}

/// Whether the tasks of a batch job run equally long. Those of a gang always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// Each task has a draw of its own.
    #[default]
    PerTask,
    /// One draw for all tasks of a job.
    PerJob,
}

impl SyntheticSpec {
    /// Single-task batch jobs of these shapes, without bounds, estimates or labels.
    #[must_use]
    pub fn new(arrivals: Arrivals, duration: Law, shapes: Vec<Shape>) -> Self {
        Self {
            arrivals,
            start: Time::ZERO,
            until: Time::NEVER,
            jobs: None,
            tasks: None,
            duration,
            runs: Runs::default(),
            shapes,
            sizes: Sizes::default(),
            replicas: None,
            kinds: Vec::new(),
            priorities: Vec::new(),
            roles: Vec::new(),
            users: Vec::new(),
            classes: Vec::new(),
            estimate: Estimate::AsGiven,
            fails: 0.0,
            schedules: None,
            stages: Vec::new(),
        }
    }

    /// Whether the stream ends: otherwise the scenario needs an end of its own.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.jobs.is_some()
            || self.tasks.is_some()
            || (self.until != Time::NEVER && self.arrivals.rate_per_s().is_finite())
    }

    /// What the finite tasks take on average, lane by lane, if all of them start at once: the rate of arrivals times
    /// the mean size, request and duration (Little's law). In the units of [`Resources`]; infinite if all arrive at
    /// once. Services are left out, since they pile up for as long as they arrive.
    ///
    /// # Errors
    /// If the specification is not valid.
    pub fn offered(&self) -> Result<[f64; LANES], BadTerm> {
        if !self.stages.is_empty() {
            let mut lanes = [0.0; LANES];
            for stage in &self.stages {
                let own = Self { arrivals: self.arrivals.clone(), stages: Vec::new(), ..stage.jobs.clone() };
                lanes.iter_mut().zip(own.offered()?).for_each(|(sum, lane)| *sum += lane);
            }
            return Ok(lanes);
        }
        let ready = Ready::new(self)?;
        let finite: f64 = ready.kinds.iter().filter(|(kind, _)| !kind.is_kept_running()).map(|(_, share)| share).sum();
        let busy = self.arrivals.rate_per_s() * finite * self.sizes.mean() * self.duration.mean_us() / 1e6;
        let mut lanes = [0.0; LANES];
        for (shape, share) in ready.shapes.iter() {
            for (lane, sum) in lanes.iter_mut().enumerate() {
                let amount = f64::from(shape.request[lane]) * share;
                // Infinity times nothing asked is nothing, not what is no number.
                *sum += if amount > 0.0 { amount * busy } else { 0.0 };
            }
        }
        Ok(lanes)
    }

    /// The mean request of a task over the catalogue, in the units of [`Resources`].
    ///
    /// # Errors
    /// If the specification is not valid.
    pub fn mean_request(&self) -> Result<[f64; LANES], BadTerm> {
        let shapes = shapes(&self.shapes)?;
        Ok(std::array::from_fn(|lane| shapes.iter().map(|(shape, share)| f64::from(shape.request[lane]) * share).sum()))
    }
}

/// A specification, checked and ready to draw from.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub shapes: Choice<shape::Ready>,
    pub sizes: size::Ready,
    pub replicas: size::Ready,
    pub kinds: Choice<JobKind>,
    pub priorities: Choice<i32>,
    pub duration: Law,
    pub estimate: Estimate,
    pub fails: f64,
}

impl Ready {
    pub(super) fn new(spec: &SyntheticSpec) -> Result<Self, BadTerm> {
        if !(0.0..=1.0).contains(&spec.fails) {
            return Err(BadTerm::new("fails", format!("`fails` is {}: give a chance from 0 to 1", spec.fails)));
        }
        spec.estimate.check()?;
        Ok(Self {
            shapes: shapes(&spec.shapes)?,
            sizes: spec.sizes.ready("size")?,
            replicas: spec.replicas.as_ref().unwrap_or(&spec.sizes).ready("replicas")?,
            kinds: or_only("kinds", &spec.kinds, JobKind::Batch)?,
            priorities: or_only("priorities", &spec.priorities, 0)?,
            duration: spec.duration.clone(),
            estimate: spec.estimate.clone(),
            fails: spec.fails,
        })
    }

    /// What kind of work a job is.
    pub(super) fn kind(&self, key: Key) -> JobKind {
        *self.kinds.pick(|| key.bits(KIND, 0))
    }

    /// How many tasks a job has.
    pub(super) fn count(&self, key: Key, kind: JobKind) -> u32 {
        let sizes = if kind == JobKind::Service { &self.replicas } else { &self.sizes };
        sizes.draw(|| key.bits(SIZE, 0))
    }

    /// How long `count` tasks of a job run, the first of them drawn already.
    #[inline]
    fn run(&self, key: Key, kind: JobKind, count: u32, runs: Runs, first: Span) -> Run {
        let law = &self.duration;
        match kind {
            JobKind::Service | JobKind::Daemon => Run::Same(Span::FOREVER),
            JobKind::Batch if count > 1 && runs == Runs::PerTask => {
                Run::Each((0..u64::from(count)).map(|task| law.sample(key.unit(RUN, task))).collect())
            }
            JobKind::Batch | JobKind::Gang => Run::Same(first),
        }
    }

    /// The tasks of a job.
    #[inline]
    pub(super) fn group(&self, key: Key, kind: JobKind, count: u32, runs: Runs, drawn: Drawn) -> Group {
        let shape = self.shapes.pick(|| drawn.shape);
        let run = self.run(key, kind, count, runs, drawn.run);
        let fails = self.fails > 0.0 && !kind.is_kept_running() && key.unit(FAILS, 0) < self.fails;
        let (constraints, layout) = shape.demands(|| key.unit(CONSTRAINED, 0));
        Group {
            count,
            ask: Ask {
                kind,
                request: shape.request,
                gpu: shape.gpu,
                estimate: self.estimate.of(None, &run, || key.unit(ESTIMATE, 0)),
                constraints,
                layout,
                ..Ask::default()
            },
            truth: Truth { run, fails, ..Truth::default() },
        }
    }
}

fn shapes(shapes: &[Shape]) -> Result<Choice<shape::Ready>, BadTerm> {
    let ready = shapes
        .iter()
        .enumerate()
        .map(|(place, shape)| {
            if shape.whole_request() == Resources::ZERO {
                let message = format!("shape {place} asks for nothing: give at least `cpu` or `memory`");
                return Err(BadTerm::new(format!("shapes.{place}"), message));
            }
            Ok((shape.ready(place)?, shape.weight))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Choice::new("shapes", ready)
}

/// The listed things, or the one default if nothing is listed.
pub(super) fn or_only<T: Clone>(key: &str, list: &[(T, f64)], default: T) -> Result<Choice<T>, BadTerm> {
    if list.is_empty() { Ok(Choice::only(default)) } else { Choice::new(key, list.to_vec()) }
}
