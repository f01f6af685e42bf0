//! What a workload holds, and what is wrong with it: `trace info` and `trace validate`.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::{CPU, LANES, Resources};
use windtunnel_scheduler::time::{Span, Time};

use crate::model::{Fleet, Group, Job, Note, Run, Source, SourceError};

/// How many names of jobs a finding remembers.
const MOST_NAMES: usize = 3;

/// What a workload holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Info {
    /// Jobs.
    pub jobs: u64,
    /// Tasks of all jobs.
    pub tasks: u64,
    /// Jobs of which all tasks start together.
    pub gangs: u64,
    /// The first submission.
    pub first_submit: Option<Time>,
    /// The last submission.
    pub last_submit: Option<Time>,
    /// Millicores times microseconds over all tasks that end: exact. See [`Info::cpu_seconds`].
    pub cpu_milli_us: u128,
    /// Tasks that never end of their own.
    pub forever: u64,
    /// Tasks that fail in the end.
    pub fails: u64,
    /// The smallest request of a task in each lane.
    pub least: Resources,
    /// The largest request of a task in each lane.
    pub most: Resources,
    /// Tasks whose run time was estimated.
    pub estimated: u64,
    /// Tasks with a recorded start.
    pub started: u64,
    /// Tasks with a recorded node.
    pub placed: u64,
    /// Tasks with constraints.
    pub constrained: u64,
    /// Different words among roles, users and classes.
    pub labels: u64,
    /// What the reader skipped, clipped or repaired.
    pub notes: Vec<Note>,
}

impl Info {
    /// From the first submission to the last.
    #[must_use]
    pub fn span(&self) -> Span {
        match (self.first_submit, self.last_submit) {
            (Some(first), Some(last)) => last.since(first),
            _ => Span::ZERO,
        }
    }

    /// Core-seconds of all tasks that end.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        self.cpu_milli_us as f64 / 1e9
    }

    /// The share of tasks whose run time was estimated; 0 if there are none.
    #[must_use]
    pub fn estimated_share(&self) -> f64 {
        if self.tasks == 0 { 0.0 } else { self.estimated as f64 / self.tasks as f64 }
    }

    fn add(&mut self, job: &Job) {
        if self.jobs == 0 {
            self.least = Resources([u32::MAX; LANES]);
            self.first_submit = Some(job.submit);
        }
        self.jobs += 1;
        self.last_submit = Some(job.submit);
        self.gangs += u64::from(job.groups.as_slice().iter().any(|group| group.ask.kind == JobKind::Gang));
        for group in job.groups.as_slice() {
            self.add_group(group);
        }
    }

    fn add_group(&mut self, group: &Group) {
        let count = u64::from(group.count);
        let if_so = |so: bool| if so { count } else { 0 };
        let recorded = group.truth.recorded.as_ref();
        self.tasks += count;
        self.fails += if_so(group.truth.fails);
        self.estimated += if_so(group.ask.estimate.is_some());
        self.constrained += if_so(group.ask.constraints.is_some());
        self.started += if_so(recorded.is_some_and(|recorded| recorded.start.is_some()));
        self.placed += if_so(recorded.is_some_and(|recorded| recorded.node.is_some()));
        for lane in 0..LANES {
            self.least[lane] = self.least[lane].min(group.ask.request[lane]);
            self.most[lane] = self.most[lane].max(group.ask.request[lane]);
        }
        let mut run = |span: Span, count: u64| match span.is_forever() {
            true => self.forever += count,
            false => {
                let product = u128::from(span.0) * u128::from(group.ask.request[CPU]) * u128::from(count);
                self.cpu_milli_us = self.cpu_milli_us.saturating_add(product);
            }
        };
        match &group.truth.run {
            Run::Same(span) => run(*span, count),
            Run::Each(spans) => spans.iter().for_each(|span| run(*span, 1)),
        }
    }
}

/// Reads a workload to its end and says what it holds.
///
/// # Errors
/// That of the source.
pub fn info(source: &mut dyn Source) -> Result<Info, SourceError> {
    let mut info = Info::default();
    while let Some(job) = source.next_job()? {
        info.add(&job);
    }
    // The empty word is always there and is nobody's.
    info.labels = source.labels().len().saturating_sub(1) as u64;
    info.notes = source.notes();
    Ok(info)
}

/// Something that is wrong with a workload, or at least worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the rule.
    pub rule: String,
    /// How often.
    pub count: u64,
    /// The first lines, where they are known; at most ten.
    pub lines: Vec<u64>,
    /// What it means.
    pub message: String,
}

/// Rules that look at jobs, with what each means.
const JOB_RULES: [(&str, &str); 7] = [
    ("out_of_submit_order", "jobs are submitted before one that stands above them"),
    ("no_cpu_requested", "tasks ask for no cpu"),
    ("run_zero", "tasks run for no time at all"),
    ("run_longer_than_estimate", "tasks run longer than was estimated"),
    ("start_before_submit", "tasks were started before they were handed in"),
    ("name_follows_itself", "jobs have the name of the job above them"),
    ("fits_no_node", "tasks fit no node of the fleet, even an empty one"),
];

/// What the reasons of the readers mean.
const NOTE_RULES: [(&str, &str); 19] = [
    ("bad_row", "rows are malformed"),
    ("cancelled_before_start", "jobs were cancelled before they started and run for no time"),
    ("gpu_share_without_gpu", "pods name a share of a gpu but ask for none"),
    ("header_count_differs", "the header counts other rows than there are"),
    ("job_number_not_ascending", "job numbers repeat or fall"),
    ("job_numbers_missing", "job numbers are missing from the sequence"),
    ("memory_rounded_up_to_mib", "memory is no whole number of MiB and was rounded up"),
    ("no_processors", "jobs have no processors and are left out"),
    ("partial_execution", "rows are parts of a job that has a line of its own and are left out"),
    ("processors_rounded_up", "processor counts have a fraction and were rounded up"),
    ("run_beyond_request", "jobs ran longer than they asked for"),
    ("run_clipped_to_request", "jobs ran longer than they asked for and were cut to it"),
    ("run_unknown", "jobs have no run time and are left out"),
    ("sorted_by_submit", "rows are out of submit order and were sorted"),
    ("status_undefined", "jobs have a status that the format does not define"),
    ("submit_unknown", "jobs have no submit time and are left out"),
    ("time_rounded_to_us", "times are finer than a microsecond and were rounded"),
    ("too_late_to_sort", "rows are too far out of submit order to be sorted and are left out"),
    ("wider_than_machine", "jobs are wider than the machine and are left out"),
];

#[derive(Default)]
struct Hits {
    count: u64,
    jobs: Vec<String>,
}

/// Reads a workload to its end and lists every finding, by rule; open it with bad rows skipped to see all of them.
/// Tasks are held against the nodes of `fleet` if there is one.
pub fn validate(source: &mut dyn Source, fleet: Option<&Fleet>) -> Vec<Finding> {
    let mut hits: [Hits; JOB_RULES.len()] = Default::default();
    let mut last: Option<Job> = None;
    let mut findings = Vec::new();
    let mut jobs = 0_u64;
    loop {
        match source.next_job() {
            Ok(Some(job)) => {
                for (hit, count) in hits.iter_mut().zip(judge(&job, last.as_ref(), fleet)) {
                    hit.count += count;
                    if count > 0 && hit.jobs.len() < MOST_NAMES {
                        hit.jobs.push(job.name.to_string());
                    }
                }
                jobs += 1;
                last = Some(job);
            }
            Ok(None) => break,
            Err(error) => {
                let rule = "unreadable".to_string();
                findings.push(Finding { rule, count: 1, lines: Vec::new(), message: error.message });
                break;
            }
        }
    }
    if jobs == 0 && findings.is_empty() {
        let message = "there is no job in it".to_string();
        findings.push(Finding { rule: "no_jobs".into(), count: 1, lines: Vec::new(), message });
    }
    for ((rule, meaning), hit) in JOB_RULES.iter().zip(hits).filter(|(_, hit)| hit.count > 0) {
        let message = format!("{meaning}; first: job {}", hit.jobs.join(", "));
        findings.push(Finding { rule: rule.to_string(), count: hit.count, lines: Vec::new(), message });
    }
    findings.extend(source.notes().into_iter().map(of_note));
    findings.sort_by(|left, right| left.rule.cmp(&right.rule));
    findings
}

fn of_note(note: Note) -> Finding {
    let meaning = NOTE_RULES.iter().find(|(rule, _)| *rule == note.reason).map(|(_, meaning)| meaning.to_string());
    let otherwise = if note.skipped { "rows are left out" } else { "rows were changed" };
    let message = meaning.unwrap_or_else(|| otherwise.to_string());
    Finding { rule: note.reason, count: note.count, lines: note.lines, message }
}

/// How often a job breaks each of [`JOB_RULES`].
fn judge(job: &Job, last: Option<&Job>, fleet: Option<&Fleet>) -> [u64; JOB_RULES.len()] {
    let mut counts = [0; JOB_RULES.len()];
    let [out_of_order, no_cpu, run_zero, longer, early, repeated, fits_none] = &mut counts;
    *out_of_order = u64::from(last.is_some_and(|last| job.submit < last.submit));
    *repeated = u64::from(last.is_some_and(|last| job.name == last.name));
    for group in job.groups.as_slice() {
        let tasks = u64::from(group.count);
        let runs = |is: &dyn Fn(Span) -> bool| match &group.truth.run {
            Run::Same(span) => u64::from(is(*span)) * tasks,
            Run::Each(spans) => spans.iter().filter(|span| is(**span)).count() as u64,
        };
        *no_cpu += if group.ask.request[CPU] == 0 { tasks } else { 0 };
        *run_zero += runs(&|span| span == Span::ZERO);
        if let Some(estimate) = group.ask.estimate {
            *longer += runs(&|span| span > estimate && !span.is_forever());
        }
        let start = group.truth.recorded.as_ref().and_then(|recorded| recorded.start);
        *early += if start.is_some_and(|start| start < job.submit) { tasks } else { 0 };
        if let Some(fleet) = fleet
            && !fits_some_node(group, fleet)
        {
            *fits_none += tasks;
        }
    }
    counts
}

fn fits_some_node(group: &Group, fleet: &Fleet) -> bool {
    let request = group.ask.request.masked(fleet.lanes);
    let constraints = group.ask.constraints.as_deref().unwrap_or_default();
    fleet.nodes.iter().any(|node| {
        let meets = |constraint: &windtunnel_scheduler::constraint::Constraint| {
            let value = node.attributes.iter().find(|(name, _)| *name == constraint.attribute);
            constraint.condition.is_met(value.map(|(_, value)| value.as_str()))
        };
        request.fits_in(&node.capacity) && constraints.iter().all(meets)
    })
}

#[cfg(test)]
mod tests;
