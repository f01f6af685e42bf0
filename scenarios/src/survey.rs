//! What a scenario would put to its fleet, without running anything: for `check`.

use std::collections::BTreeMap;

use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::{GPU, LANES, Resources, Totals};
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::{Fleet, Group, Job, Note, Run};

use crate::failure::Failure;
use crate::resolve::{Plan, Resolved};

/// What one workload holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// What the workload is called.
    pub name: String,
    /// Jobs.
    pub jobs: u64,
    /// Tasks.
    pub tasks: u64,
    /// The first submission.
    pub first: Option<Time>,
    /// The last submission.
    pub last: Option<Time>,
    /// Lane-microseconds of all tasks that end.
    pub finite: [u128; LANES],
    /// What tasks ask for that never end.
    pub forever: Totals,
    /// Tasks that never end.
    pub forever_tasks: u64,
    /// Tasks that fit no node, even if the fleet is empty.
    pub misfits: u64,
    /// The first jobs of such tasks, at most ten.
    pub misfit_jobs: Vec<String>,
    /// What was skipped, clipped or repaired.
    pub notes: Vec<Note>,
}

impl Survey {
    /// The load offered in `lane`, as a share of `capacity`: what tasks that end take, spread over the time from the
    /// first submission to the last, plus what never ends. None if all is handed in at one
    /// instant, or there is no capacity.
    #[must_use]
    pub fn load(&self, lane: usize, capacity: &Totals) -> Option<f64> {
        let capacity = *capacity.0.get(lane)? as f64;
        let window = self.last?.since(self.first?).0 as f64;
        let standing = *self.forever.0.get(lane)? as f64;
        let finite = *self.finite.get(lane)? as f64;
        let load = (standing + if finite > 0.0 { finite / window } else { 0.0 }) / capacity;
        load.is_finite().then_some(load)
    }
}

/// What the whole fleet can hand out.
#[must_use]
pub fn capacity(fleet: &Fleet) -> Totals {
    let mut totals = Totals::default();
    for node in &fleet.nodes {
        totals.add(&node.capacity, 1);
    }
    totals
}

/// Nodes that are alike, and how many there are.
struct Kind<'a> {
    capacity: Resources,
    gpus: u8,
    attributes: &'a [(String, String)],
    count: u64,
}

/// Says how many tasks of a need an empty fleet holds.
struct Fitting<'a> {
    kinds: Vec<Kind<'a>>,
    lanes: u8,
    known: BTreeMap<(Resources, u8, u16, Vec<Constraint>), u64>,
}

impl<'a> Fitting<'a> {
    fn new(fleet: &'a Fleet) -> Self {
        type Alike<'a> = (Resources, u8, &'a [(String, String)]);
        let mut kinds: BTreeMap<Alike<'_>, u64> = BTreeMap::new();
        for node in &fleet.nodes {
            *kinds.entry((node.capacity, node.gpus, &node.attributes)).or_default() += 1;
        }
        let kinds =
            kinds.into_iter().map(|((capacity, gpus, attributes), count)| Kind { capacity, gpus, attributes, count });
        Self { kinds: kinds.collect(), lanes: fleet.lanes, known: BTreeMap::new() }
    }

    /// How many tasks like those of `group` the empty fleet holds.
    fn room(&mut self, group: &Group) -> u64 {
        let ask = &group.ask;
        let constraints = ask.constraints.as_deref().unwrap_or_default();
        let key = (ask.request.masked(self.lanes), ask.gpu.count, ask.gpu.milli, constraints.to_vec());
        if let Some(&room) = self.known.get(&key) {
            return room;
        }
        let has_gpus = self.lanes & (1 << GPU) != 0;
        let room = self.kinds.iter().map(|kind| {
            let value =
                |name: &str| kind.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let meets = constraints.iter().all(|one| one.condition.is_met(value(&one.attribute)));
            let devices = match (has_gpus, ask.gpu.count, ask.gpu.milli) {
                (false, ..) | (_, 0, _) => u32::MAX,
                (true, 1, milli) => u32::from(kind.gpus) * 1000_u32.checked_div(u32::from(milli)).unwrap_or(u32::MAX),
                (true, count, _) => u32::from(kind.gpus / count),
            };
            let each = if meets { key.0.times_in(&kind.capacity).min(devices) } else { 0 };
            u64::from(each).saturating_mul(kind.count)
        });
        let room = room.fold(0_u64, u64::saturating_add);
        self.known.insert(key, room);
        room
    }
}

/// Reads every workload to its end, or to the end of the run.
///
/// # Errors
/// If a workload cannot be read.
pub fn survey(resolved: &Resolved) -> Result<Vec<Survey>, Failure> {
    let mut fitting = Fitting::new(&resolved.fleet);
    let end = resolved.scenario.stop.at.map_or(Time::NEVER, |at| Time(at.0));
    resolved.workloads.iter().map(|plan| one(plan, resolved.scenario.seed, end, &mut fitting)).collect()
}

fn one(plan: &Plan, seed: u64, end: Time, fitting: &mut Fitting<'_>) -> Result<Survey, Failure> {
    let mut survey = Survey { name: plan.name.clone(), ..Survey::default() };
    let mut source = plan.open(seed)?.source;
    while let Some(job) = source.next_job()?.filter(|job| job.submit < end) {
        survey.add(&job, fitting);
    }
    survey.notes = source.notes();
    Ok(survey)
}

impl Survey {
    fn add(&mut self, job: &Job, fitting: &mut Fitting<'_>) {
        self.jobs += 1;
        self.first.get_or_insert(job.submit);
        self.last = Some(job.submit);
        let mut fits = true;
        for group in job.groups.as_slice() {
            let count = u64::from(group.count);
            self.tasks += count;
            let mut run = |span: Span, count: u64| {
                if span.is_forever() || group.ask.kind == JobKind::Service {
                    self.forever.add(&group.ask.request, count);
                    self.forever_tasks += count;
                    return;
                }
                for lane in 0..LANES {
                    self.finite[lane] += u128::from(span.0) * u128::from(group.ask.request[lane]) * u128::from(count);
                }
            };
            match &group.truth.run {
                Run::Same(span) => run(*span, count),
                Run::Each(spans) => spans.iter().for_each(|span| run(*span, 1)),
            }
            let needed = if group.ask.kind == JobKind::Gang { count } else { 1 };
            if fitting.room(group) < needed {
                fits = false;
                self.misfits += count;
            }
        }
        if !fits && self.misfit_jobs.len() < 10 {
            self.misfit_jobs.push(job.name.to_string());
        }
    }
}
