//! The smallest workload on the fewest machines on which a change still breaks the gate.

mod shrink;

use std::ops::ControlFlow;

use windtunnel_outcome::recorder::Discard;
use windtunnel_reports::verdict::{Numbers, numbers};
use windtunnel_sim::experiment::Workload;
use windtunnel_traces::model::{Fleet, Job, Labels, Node, Source, SourceError};

use crate::failure::Failure;
use crate::gate::Limits;
use crate::load;
use crate::progress::{Interrupt, Tally};
use crate::resolve::Resolved;
use crate::spec::Set;
use crate::tool::Tool;
use shrink::shrink;

/// Ways in which jobs are thinned to the same part.
const OFFSETS: usize = 4;

/// What is to be shrunk.
pub struct Request {
    /// The scenario: a file or a name.
    pub scenario: String,
    /// What makes it worse; none: the gate has absolute limits that break as it stands.
    pub sets: Vec<Set>,
}

/// What is left.
pub struct Smallest {
    /// The base, as it was resolved.
    pub resolved: Resolved,
    /// The jobs that are left, and the words behind their labels.
    pub jobs: Listed,
    /// The machines that are left.
    pub fleet: Fleet,
    /// What of the change is needed.
    pub sets: Vec<Set>,
    /// Jobs, tasks and machines before and after.
    pub sizes: [[u64; 2]; 3],
    /// The limits that break: what, and in a few words how.
    pub broken: Vec<(String, String)>,
    /// How many runs it took.
    pub runs: u64,
}

/// Jobs in memory, as a source.
#[derive(Clone, Default)]
pub struct Listed {
    /// In submit order.
    pub jobs: Vec<Job>,
    /// Behind their labels.
    pub labels: Labels,
    next: usize,
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let job = self.jobs.get(self.next).cloned();
        self.next += 1;
        Ok(job)
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// The two sides, and what breaks.
struct Trial<'a> {
    tool: &'a Tool,
    base: Resolved,
    new: Resolved,
    limits: Limits,
    labels: Labels,
    wanted: Vec<String>,
    tally: &'a Tally,
    runs: u64,
}

/// Shrinks jobs, then machines, then both again, then the tasks of each job and the keys of the change.
///
/// # Errors
/// If a side cannot be run, or nothing breaks in the first place.
pub fn run(tool: &Tool, request: &Request, interrupt: &Interrupt) -> Result<Smallest, Failure> {
    let base = load::load(&request.scenario, &[], tool.registries())?;
    let new = load::load(&request.scenario, &request.sets, tool.registries())?;
    let limits = Limits::of(&base.scenario.gate)?;
    let (jobs, labels) = gather(&base)?;
    let nodes = base.fleet.nodes.clone();
    let tally = Tally::new("minimise", 0, interrupt.clone());
    let mut trial = Trial { tool, base, new, limits, labels, wanted: Vec::new(), tally: &tally, runs: 0 };
    let broken = trial.broken(&jobs, &nodes)?;
    if broken.is_empty() {
        tally.clear();
        let sentence = "no limit of the gate breaks, so there is nothing to shrink; give the change that breaks one";
        return Err(Failure::new(sentence)
            .hint(format!("windtunnel minimise {} --set scheduler.placement=worst-fit", request.scenario)));
    }
    trial.wanted = broken.into_iter().map(|(name, _)| name).collect();
    let result = trial.shrink(request, jobs, nodes);
    tally.clear();
    result
}

impl Trial<'_> {
    fn shrink(mut self, request: &Request, all: Vec<Job>, fleet: Vec<Node>) -> Result<Smallest, Failure> {
        let count = |jobs: &[Job]| jobs.iter().map(tasks).sum::<u64>();
        let before = [all.len() as u64, count(&all), fleet.len() as u64];
        let (jobs, nodes) = self.thinned(all, fleet)?;
        let mut nodes = shrink(&nodes, &mut |part| self.breaks(&jobs, part))?;
        let mut jobs = shrink(&jobs, &mut |part| self.breaks(part, &nodes))?;
        // On fewer machines fewer jobs are needed, and the other way round.
        for _ in 0..3 {
            let size = (jobs.len(), nodes.len(), count(&jobs));
            jobs = self.fewer_tasks(jobs, &nodes)?;
            jobs = shrink(&jobs, &mut |part| self.breaks(part, &nodes))?;
            nodes = shrink(&nodes, &mut |part| self.breaks(&jobs, part))?;
            if size == (jobs.len(), nodes.len(), count(&jobs)) {
                break;
            }
        }
        let sets = self.fewer_keys(request, &jobs, &nodes)?;
        let broken = self.broken(&jobs, &nodes)?;
        let after = [jobs.len() as u64, count(&jobs), nodes.len() as u64];
        let fleet = Fleet { nodes, ..self.base.fleet.clone() };
        let jobs = Listed { jobs, labels: self.labels, next: 0 };
        let sizes = [0, 1, 2].map(|at| [before[at], after[at]]);
        Ok(Smallest { resolved: self.base, jobs, fleet, sets, sizes, broken, runs: self.runs })
    }

    /// A part of the machines with as large a part of the jobs: what shows under load still shows under the same load.
    /// Small parts first, since they cost next to nothing.
    fn thinned(&mut self, jobs: Vec<Job>, nodes: Vec<Node>) -> Result<(Vec<Job>, Vec<Node>), Failure> {
        let most = nodes.len().min(jobs.len()).max(1);
        let mut parts = most.next_power_of_two();
        while parts > 1 {
            let few: Vec<Node> = nodes.iter().take(nodes.len().div_ceil(parts)).cloned().collect();
            for offset in 0..parts.min(OFFSETS) {
                let thin: Vec<Job> = jobs.iter().skip(offset).step_by(parts).cloned().collect();
                if self.breaks(&thin, &few)? {
                    return Ok((thin, few));
                }
            }
            parts /= 2;
        }
        Ok((jobs, nodes))
    }

    /// Every group of a job gets as few tasks as will do: one, else half as many again and again.
    fn fewer_tasks(&mut self, mut jobs: Vec<Job>, nodes: &[Node]) -> Result<Vec<Job>, Failure> {
        for at in 0..jobs.len() {
            for group in 0..jobs[at].groups.as_slice().len() {
                let full = jobs[at].groups.as_slice()[group].count;
                for fewer in [1, 2, full / 4, full / 2].into_iter().filter(|&fewer| fewer > 0 && fewer < full) {
                    let mut changed = jobs.clone();
                    changed[at].groups.as_mut_slice()[group].count = fewer;
                    if self.breaks(&changed, nodes)? {
                        jobs = changed;
                        break;
                    }
                }
            }
        }
        Ok(jobs)
    }

    /// The keys of the change without which nothing breaks.
    fn fewer_keys(&mut self, request: &Request, jobs: &[Job], nodes: &[Node]) -> Result<Vec<Set>, Failure> {
        if request.sets.len() < 2 {
            return Ok(request.sets.clone());
        }
        let mut last = None;
        let kept = shrink(&request.sets, &mut |part: &[Set]| {
            let Ok(new) = load::load(&request.scenario, part, self.tool.registries()) else { return Ok(false) };
            let old = std::mem::replace(&mut self.new, new);
            let breaks = self.breaks(jobs, nodes)?;
            if breaks {
                last = Some(());
            } else {
                self.new = old;
            }
            Ok::<bool, Failure>(breaks)
        })?;
        self.new = load::load(&request.scenario, &kept, self.tool.registries())?;
        Ok(kept)
    }

    fn breaks(&mut self, jobs: &[Job], nodes: &[Node]) -> Result<bool, Failure> {
        self.tally.done();
        let wanted = std::mem::take(&mut self.wanted);
        let broken = self.broken(jobs, nodes);
        self.wanted = wanted;
        Ok(broken?.iter().any(|(name, _)| self.wanted.contains(name)))
    }

    /// The limits that break on these jobs and machines. A run that cannot be carried out breaks none.
    fn broken(&mut self, jobs: &[Job], nodes: &[Node]) -> Result<Vec<(String, String)>, Failure> {
        if self.tally.ask() == ControlFlow::Break(()) {
            return Err(Failure::Interrupted);
        }
        let (Some(base), Some(new)) = (self.simulate(&self.base, jobs, nodes), self.simulate(&self.new, jobs, nodes))
        else {
            return Ok(Vec::new());
        };
        self.runs += 2;
        let broken = self.limits.broken(&base, &new);
        Ok(broken.into_iter().map(|check| (check.name.clone(), check.words())).collect())
    }

    fn simulate(&self, side: &Resolved, jobs: &[Job], nodes: &[Node]) -> Option<Numbers> {
        let mut experiment = side.experiment().ok()?;
        let listed = Listed { jobs: jobs.to_vec(), labels: self.labels.clone(), next: 0 };
        let first = experiment.workloads.into_iter().next()?;
        experiment.workloads = vec![Workload { source: Box::new(listed), warm: None, ..first }];
        experiment.fleet.nodes = nodes.to_vec();
        let mut scheduler = self.tool.build(&side.scenario.scheduler.implementation).ok()?;
        let scheduler = scheduler.as_mut();
        let go_on = &mut |_| self.tally.ask();
        let outcome = windtunnel_sim::run(experiment, scheduler, &mut Discard, go_on).ok()?;
        Some(numbers(&outcome.summary))
    }
}

fn tasks(job: &Job) -> u64 {
    job.groups.as_slice().iter().map(|group| u64::from(group.count)).sum()
}

/// Every job of all workloads by submission, under labels that all share. Names of different workloads may be the
/// same: those of later ones get the number of their workload behind.
fn gather(resolved: &Resolved) -> Result<(Vec<Job>, Labels), Failure> {
    if !resolved.model.holders.is_empty() {
        let sentence = "a framework holds executors or the like, whose jobs cannot be handed to others";
        return Err(Failure::new(format!("`minimise`: {sentence}; write kind = \"batch\"")));
    }
    let mut labels = Labels::default();
    let mut jobs: Vec<Job> = Vec::new();
    for (at, plan) in resolved.workloads.iter().enumerate() {
        let mut workload = plan.open(resolved.scenario.seed)?;
        while let Some(mut job) = workload.source.next_job()? {
            // Arrivals may be endless; what comes after the end of the run was never in it.
            if resolved.scenario.stop.at.is_some_and(|end| job.submit.0 >= end.0) {
                break;
            }
            // Nobody asks for the words before all are known: each is put under its own number at once.
            let words = workload.source.labels();
            job.role = labels.intern(words.word(job.role));
            job.class = labels.intern(words.word(job.class));
            job.user = labels.intern(words.word(job.user));
            if at > 0 {
                job.name = windtunnel_traces::model::Name::new(&format!("{}-{at}", job.name));
            }
            jobs.push(job);
        }
    }
    jobs.sort_by_key(|job| job.submit);
    Ok((jobs, labels))
}
