//! The rows of tasks, and what tasks are called in them.

use windtunnel_outcome::recorder::Recorder;
use windtunnel_outcome::rows::{NameRef, State, TaskRow};
use windtunnel_scheduler::event::{Event, GpuSet};
use windtunnel_scheduler::hint::rarely;
use windtunnel_scheduler::id::TaskId;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Name;

use super::truth::{NONE, Task};
use super::{Ended, UNSTARTED, World, causes_in};
use crate::measure::TOGETHER;

fn name_ref(name: &Name) -> NameRef<'_> {
    match name {
        Name::Number(number) => NameRef::Number(*number),
        Name::Text(text) => NameRef::Text(text),
    }
}

impl World {
    /// Hands the rows of this instant to the recorder, by (job, index, attempt). If nobody can tell when, they wait
    /// until there are some: each on its own would find the code that writes it gone from the cache.
    pub(super) fn write_rows(&mut self, recorder: &mut dyn Recorder) {
        let may_wait = self.ended.len() < TOGETHER
            && self.bill.is_empty()
            && self.comings.is_none()
            && !recorder.wants_events()
            && !recorder.wants_decisions();
        if !may_wait {
            self.write_all_rows(recorder);
        }
    }

    /// Hands all rows to the recorder that are there.
    pub(crate) fn write_all_rows(&mut self, recorder: &mut dyn Recorder) {
        let mut ended = std::mem::take(&mut self.ended);
        ended.sort_unstable_by_key(|row| (row.at, row.id, row.task.attempt));
        for row in &ended {
            self.write_row(recorder, &row.task, row.state, row.lost, Some(row.at));
            self.account_ended(row);
            self.free_attempt(&row.task);
            let job = &mut self.jobs[row.task.job];
            job.rows -= 1;
            if job.rows == 0 && job.live == 0 {
                // Names are the only thing of a job on the heap.
                job.name = Name::Number(0);
                self.forget_job(self.jobs[row.task.job].id);
                self.jobs.free(row.task.job);
            }
        }
        ended.clear();
        self.ended = ended;
    }

    /// Charges what an attempt held of nodes that is over, unless it was never there.
    fn account_ended(&mut self, row: &Ended) {
        let Task { job, index, running, .. } = row.task;
        let Some(attempt) = running.filter(|attempt| attempt.place != Time::NEVER && attempt.within == NONE) else {
            return;
        };
        let part = self.jobs[job].parts.of(index);
        let (request, members) = (part.request(), part.members());
        let held = row.at - attempt.place;
        if rarely(row.lost > Span::ZERO) {
            self.account(job, request, members, row.lost, true);
        }
        self.account(job, request, members, Span(held.0 - row.lost.0), false);
    }

    fn free_attempt(&mut self, task: &Task) {
        if task.causes != NONE {
            self.causes.free(task.causes);
        }
        let mut at = task.running.map_or(NONE, |attempt| attempt.rest);
        while at != NONE {
            let next = self.shares[at].next;
            self.shares.free(at);
            at = next;
        }
    }

    /// Says what the tasks in these events are called.
    pub(crate) fn name(&self, events: &[Event], recorder: &mut dyn Recorder) {
        for event in events {
            let (Event::JobSubmitted(spec) | Event::TaskAdopted { spec, .. }) = event else { continue };
            let Some(known) = self.task_slot(spec.first_task) else { continue };
            let (job, index) = match known & UNSTARTED == 0 {
                true => (self.tasks[known].job, self.tasks[known].index),
                false => (known & !UNSTARTED, self.index_of(known & !UNSTARTED, spec.first_task)),
            };
            recorder.named(self.now, spec, name_ref(&self.jobs[job].name), index);
        }
    }

    /// Writes one row.
    pub(super) fn write_row(
        &mut self,
        recorder: &mut dyn Recorder,
        task: &Task,
        state: State,
        lost_work: Span,
        end: Option<Time>,
    ) {
        let cost_usd = if self.bill.is_empty() { None } else { self.charge(task, lost_work, end) };
        let job = &self.jobs[task.job];
        let part = job.parts.of(task.index);
        let labels = self.arrivals.labels();
        let node = task.running.filter(|attempt| attempt.rest == NONE).map(|attempt| attempt.node as usize);
        let start = task.running.map(|attempt| attempt.start).filter(|&start| start != Time::NEVER);
        let row = TaskRow {
            id: TaskId(task.id),
            job: name_ref(&job.name),
            index: task.index,
            attempt: task.attempt,
            count: part.members(),
            class: if job.background { "background" } else { labels.word(job.class) },
            role: labels.word(job.role),
            submit: job.submit,
            eligible: task.eligible,
            place: task.running.map(|attempt| attempt.place).filter(|&place| place != Time::NEVER),
            start,
            end,
            node: node.map(|node| self.node_names[node].as_str()),
            holder: task
                .running
                .filter(|attempt| attempt.rest == NONE)
                .and_then(|attempt| self.kinds.holders.called(&attempt)),
            gpus: node.and(task.running).map_or(GpuSet::NONE, |attempt| attempt.gpus),
            state,
            requested: part.request(),
            wait: start.filter(|_| task.attempt == 0).map(|start| start.since(job.submit)),
            causes: causes_in(&self.causes, task.causes),
            lost_work,
            cost_usd,
        };
        if !job.background {
            self.measures.rows[state as usize] += 1;
        }
        recorder.task(&row);
    }
}
