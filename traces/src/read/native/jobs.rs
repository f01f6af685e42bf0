//! A tasks table beside a jobs table: both are read once, side by side.

use super::row::{Row, Rows, Shared};
use crate::model::Name;
use crate::read::trouble::{Bad, Place, Tally, Trouble};

/// The rows of a tasks table, each with what the jobs table says of its job.
pub(super) struct Joined {
    tasks: Box<dyn Rows>,
    jobs: Box<dyn Rows>,
    /// The row of the jobs table that tasks are joined to.
    job: Box<Row>,
    /// Whether that row was read, and whether a task of it was.
    state: State,
    /// Jobs without a task: how many, and the line of the first.
    unused: Option<(u64, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Unused,
    Used,
    Ended,
}

impl Joined {
    pub fn new(tasks: Box<dyn Rows>, jobs: Box<dyn Rows>) -> Self {
        Self { tasks, jobs, job: Box::default(), state: State::Before, unused: None }
    }

    /// Steps to the next job; false at the end.
    fn step(&mut self, shared: &mut Shared) -> Result<bool, Trouble> {
        if self.state == State::Ended {
            return Ok(false);
        }
        if self.state == State::Unused {
            let line = self.jobs.place().line;
            self.unused = Some(self.unused.map_or((1, line), |(count, first)| (count + 1, first)));
        }
        let read = self.jobs.next(&mut self.job, shared).map_err(|trouble| match trouble {
            // Without a job its tasks cannot be placed in time: no row of this table can be left out.
            Trouble::Bad(bad) => Trouble::Stop(bad.in_fleet(self.jobs.place())),
            stop @ Trouble::Stop(_) => stop,
        })?;
        self.state = if read { State::Unused } else { State::Ended };
        Ok(read)
    }

    /// Steps to the job called `name`.
    fn find(&mut self, name: &Name, shared: &mut Shared) -> Result<(), Trouble> {
        while matches!(self.state, State::Before | State::Ended) || self.job.job != *name {
            if !self.step(shared)? {
                let expected = format!(
                    "a job that stands in {} after those above; bring both tables into one order",
                    self.jobs.place().file
                );
                return Err(Bad::new("column `job_id`", name.to_string().as_bytes(), expected).into());
            }
        }
        self.state = State::Used;
        Ok(())
    }
}

impl Rows for Joined {
    fn next(&mut self, row: &mut Row, shared: &mut Shared) -> Result<bool, Trouble> {
        if !self.tasks.next(row, shared)? {
            while self.step(shared)? {}
            return Ok(false);
        }
        self.find(&row.job, shared)?;
        let job = &*self.job;
        row.submit = job.submit;
        row.priority = job.priority;
        (row.role, row.user, row.class) = (job.role, job.user, job.class);
        Ok(true)
    }

    fn place(&self) -> Place<'_> {
        self.tasks.place()
    }

    fn note(&self, tally: &mut Tally) {
        self.tasks.note(tally);
        if let Some((count, line)) = self.unused {
            tally.add("job_without_tasks", line, count, true);
        }
    }
}
