//! The stream of jobs of a synthetic workload.

use windtunnel_scheduler::time::Time;

use super::ahead::Ahead;
use super::arrivals::{Arrivals, Schedules, Tick};
use super::choice::Choice;
use super::key::{CLASS, Key, PRIORITY, ROLE, USER};
use super::spec::{Ready, Runs, SyntheticSpec, or_only};
use super::terms::BadTerm;
use crate::model::{Course, Groups, Job, Label, Labels, Name, Note, Source, SourceError};

/// Jobs that are made together: each on its own would find the code that makes it gone from the cache.
const TOGETHER: usize = 16;

/// The jobs of a synthetic workload, named 1, 2, 3, ... in order of arrival. Memory does not grow with their number.
#[derive(Clone, Debug)]
pub struct Synthetic {
    ready: Ready,
    runs: Runs,
    arrivals: Arrivals,
    schedules: Option<Schedules>,
    roles: Choice<Label>,
    users: Choice<Label>,
    classes: Choice<Label>,
    labels: Labels,
    seed: u64,
    workload: u32,
    start: Time,
    until: Time,
    jobs_left: u64,
    tasks_left: u64,
    /// The number of the next job, from 0.
    index: u64,
    previous: Time,
    ahead: Ahead,
    cut: bool,
}

impl Synthetic {
    /// A stream under the seed of a run; `workload` is the position of the workload in the scenario (below 2^24), so
    /// that equal workloads do not draw alike.
    ///
    /// # Errors
    /// If the specification is not valid: names the key that is wrong.
    pub fn new(spec: &SyntheticSpec, seed: u64, workload: u32) -> Result<Self, BadTerm> {
        let mut labels = Labels::default();
        let mut words = |key, list: &[(String, f64)]| -> Result<Choice<Label>, BadTerm> {
            Ok(or_only(key, list, String::new())?.map(|word| labels.intern(&word)))
        };
        Ok(Self {
            ready: Ready::new(spec)?,
            runs: spec.runs,
            arrivals: spec.arrivals.clone(),
            schedules: spec.schedules,
            roles: words("roles", &spec.roles)?,
            users: words("users", &spec.users)?,
            classes: words("classes", &spec.classes)?,
            labels,
            seed,
            workload,
            start: spec.start,
            until: spec.until,
            jobs_left: spec.jobs.unwrap_or(u64::MAX),
            tasks_left: spec.tasks.unwrap_or(u64::MAX),
            index: 0,
            previous: spec.start,
            ahead: Ahead::new(),
            cut: false,
        })
    }

    fn end(&mut self) {
        self.jobs_left = 0;
    }
}

impl Source for Synthetic {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if self.jobs_left == 0 || self.tasks_left == 0 {
            return Ok(None);
        }
        if self.index >= Key::MOST_JOBS {
            self.end();
            return Err(SourceError {
                message: format!(
                    "synthetic workload {} has more than {} jobs: give it an end",
                    self.workload,
                    Key::MOST_JOBS
                ),
                hints: vec!["set `tasks`, `jobs` or `until`".to_owned()],
            });
        }
        let key = Key::new(self.seed, self.workload, self.index);
        let tick = Tick { start: self.start, previous: self.previous, index: self.index };
        let drawn = self.ahead.take(&self.arrivals, &self.ready.duration, tick, key);
        let submit = drawn.submit;
        if submit >= self.until {
            self.end();
            return Ok(None);
        }
        let kind = self.ready.kind(key);
        let mut count = self.ready.count(key, kind);
        if u64::from(count) > self.tasks_left {
            count = u32::try_from(self.tasks_left).unwrap_or(count);
            self.cut = true;
        }
        let index = self.index;
        self.index += 1;
        self.previous = submit;
        self.jobs_left -= 1;
        self.tasks_left -= u64::from(count);
        // Built where it is returned: a job is several cache lines, and copies of it would cost more than its draws.
        Ok(Some(Job {
            name: Name::Number(self.index),
            submit,
            priority: *self.ready.priorities.pick(|| key.bits(PRIORITY, 0)),
            role: *self.roles.pick(|| key.bits(ROLE, 0)),
            user: *self.users.pick(|| key.bits(USER, 0)),
            class: *self.classes.pick(|| key.bits(CLASS, 0)),
            groups: Groups::One(self.ready.group(key, kind, count, self.runs, drawn)),
            course: self.schedules.map(|all| Box::new(Course::Run { schedule: all.schedule_of(index) })),
        }))
    }

    fn next_jobs(&mut self, jobs: &mut Vec<Job>) -> Result<(), SourceError> {
        for at in 0..TOGETHER {
            // Who has too many jobs is told so when the last that may be is taken.
            if at > 0 && self.index >= Key::MOST_JOBS {
                break;
            }
            // Not by `?`, which moves a job twice.
            match self.next_job() {
                Ok(Some(job)) => jobs.push(job),
                Ok(None) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        if !self.cut {
            return Vec::new();
        }
        let reason = "last_job_cut_to_task_limit".to_owned();
        vec![Note { reason, skipped: false, count: 1, lines: Vec::new() }]
    }
}
