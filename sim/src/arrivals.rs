//! Jobs of all workloads as one stream, ordered by (submit, position of the workload): merged, never queued.

use windtunnel_scheduler::hint::rarely;
use windtunnel_scheduler::time::Time;
use windtunnel_traces::model::{Job, Label, Labels, SourceError};

use crate::experiment::Workload;

/// The workloads with the next jobs of each.
pub(crate) struct Arrivals {
    workloads: Vec<Workload>,
    heads: Vec<Head>,
    /// When the next of them is handed in, and by which workload.
    next: Option<(Time, usize)>,
    /// Submissions never go back: a stream that does is a defect of its reader.
    last: Time,
    /// The words of all workloads under one numbering, and each workload's own labels in it.
    labels: Labels,
    of_workload: Vec<Vec<Option<Label>>>,
    /// How many jobs of each workload were taken.
    taken: Vec<u64>,
    /// Whether it matters who handed a job in.
    with_users: bool,
}

/// The next jobs of a workload; none only where no job is left.
#[derive(Default)]
pub(crate) struct Head {
    jobs: Vec<Job>,
    /// The first that is still to be handed in.
    at: usize,
}

impl Head {
    /// The next job.
    #[inline]
    pub(crate) fn job(&mut self) -> Option<&mut Job> {
        self.jobs.get_mut(self.at)
    }

    /// Reads on, once all jobs are handed in.
    fn refill(&mut self, workload: &mut Workload) -> Result<(), SourceError> {
        self.jobs.clear();
        self.at = 0;
        workload.source.next_jobs(&mut self.jobs)
    }
}

impl Clone for Arrivals {
    /// Without streams, which cannot be copied: [`Arrivals::reopened`] gives it some.
    fn clone(&self) -> Self {
        let (labels, of_workload, taken) = (self.labels.clone(), self.of_workload.clone(), self.taken.clone());
        let (workloads, heads, last, with_users) = (Vec::new(), Vec::new(), self.last, self.with_users);
        Self { workloads, heads, next: None, last, labels, of_workload, taken, with_users }
    }
}

impl Arrivals {
    pub(crate) fn new(mut workloads: Vec<Workload>, with_users: bool) -> Result<Self, SourceError> {
        let heads = workloads.iter_mut().map(first_jobs).collect::<Result<Vec<_>, _>>()?;
        let of_workload = vec![Vec::new(); workloads.len()];
        let taken = vec![0; workloads.len()];
        let (last, labels) = (Time::ZERO, Labels::default());
        let next = earliest(&heads);
        Ok(Self { workloads, heads, next, last, labels, of_workload, taken, with_users })
    }

    /// The same streams at the same place, out of workloads that were opened anew: streams cannot be copied.
    pub(crate) fn reopened(&self, mut workloads: Vec<Workload>) -> Result<Self, SourceError> {
        let mut heads = Vec::new();
        for (workload, &taken) in workloads.iter_mut().zip(&self.taken) {
            for _ in 0..taken {
                workload.source.next_job()?;
            }
            heads.push(first_jobs(workload)?);
        }
        Ok(Self { workloads, next: earliest(&heads), heads, ..self.clone() })
    }

    /// The workload at a position.
    pub(crate) fn workload(&self, at: usize) -> &Workload {
        &self.workloads[at]
    }

    pub(crate) fn workloads_mut(&mut self) -> &mut [Workload] {
        &mut self.workloads
    }

    pub(crate) fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// When the next job is handed in, and by which workload.
    #[inline]
    pub(crate) fn peek(&self) -> Option<(Time, usize)> {
        self.next
    }

    /// Lends the next job of a workload with those that follow, to be given back with [`Arrivals::take_back`] when it
    /// is handed in: a job is several lines of the cache, and stays where it was read.
    #[inline]
    pub(crate) fn lend(&mut self, workload: usize) -> Result<Head, SourceError> {
        let mut head = std::mem::take(&mut self.heads[workload]);
        if let Some(job) = head.job() {
            job.role = self.relabel(workload, job.role);
            job.class = self.relabel(workload, job.class);
            if self.with_users {
                job.user = self.relabel(workload, job.user);
            }
            if rarely(job.submit < self.last) {
                return Err(SourceError {
                    message: format!("job `{}` is submitted before the job ahead of it in the stream", job.name),
                    hints: vec!["sort the trace by submission".to_owned()],
                });
            }
            self.last = job.submit;
        }
        Ok(head)
    }

    /// The job that was lent is handed in.
    #[inline]
    pub(crate) fn take_back(&mut self, workload: usize, mut head: Head) -> Result<(), SourceError> {
        head.at += 1;
        if head.at >= head.jobs.len() {
            head.refill(&mut self.workloads[workload])?;
        }
        self.heads[workload] = head;
        self.next = earliest(&self.heads);
        self.taken[workload] += 1;
        Ok(())
    }

    /// The words behind the labels of the jobs that [`Arrivals::take`] gives.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The label of a word that no workload brought.
    pub(crate) fn label(&mut self, word: &str) -> Label {
        self.labels.intern(word)
    }

    fn relabel(&mut self, workload: usize, label: Label) -> Label {
        let known = &mut self.of_workload[workload];
        let at = usize::from(label.0);
        if at >= known.len() {
            known.resize(at + 1, None);
        }
        let labels = &mut self.labels;
        let source = &self.workloads[workload].source;
        *known[at].get_or_insert_with(|| labels.intern(source.labels().word(label)))
    }
}

/// The jobs that a workload begins with.
fn first_jobs(workload: &mut Workload) -> Result<Head, SourceError> {
    let mut head = Head::default();
    head.refill(workload)?;
    Ok(head)
}

/// The first of these jobs, by submission and then by position.
#[inline]
fn earliest(heads: &[Head]) -> Option<(Time, usize)> {
    let heads = heads.iter().enumerate();
    heads.filter_map(|(at, head)| Some((head.jobs.get(head.at)?.submit, at))).min()
}
