//! Our own tables, as CSV or Parquet, with the units in the names of the columns.
//!
//! **tasks**: `job_id`, `submit_us` and `cpu_milli` have to be there, every other column may be left out, and an
//! empty cell is its default. `job_id`: any text. `submit_us`, `run_us` (empty: never ends), `estimate_us`: whole
//! microseconds. `count`: equal tasks, 1. `task_index`: checked if given. `kind`: `batch`, `gang` or `service`;
//! `gang`: `true` is short for that kind. `cpu_milli`, `memory_mib`, `disk_mib`, `lane_<name>`: what one task needs.
//! `gpu_count` (0 to 64) and `gpu_milli` (1 to 1000 of each device, below 1000 only with one). `priority`: larger is
//! more important. `role`, `user`, `class`: words. `constraint`: `gpu_model=A|B; zone!=x; has:ssd; not:spot`.
//! `fails`: `true` or `false`. What was recorded: `start_us`, `node`, `gpus` (`0|3`), `used_cpu_milli`,
//! `used_memory_mib`, `used_disk_mib`, `used_gpu_milli`, `used_lane_<name>`.
//!
//! Rows stand in the order of `submit_us`. Rows of one job follow each other and agree on when, whose and how important
//! it is; tasks that ask the same become one group.
//!
//! **fleet**: `node` and `cpu_milli`, then `memory_mib`, `disk_mib`, `gpus`, `attribute_<name>`, `domain_<kind>`,
//! `lane_<name>`. A column that is there names the lane; an empty cell is 0 or, for attributes and domains, none.
//!
//! **usage** (not read yet): `job_id`, `task_index`, `from_us`, `to_us`, `used_cpu_milli`, `used_memory_mib`, and so on
//! as in tasks: the mean over the window.

pub(crate) mod cell;
pub(crate) mod columns;
pub(crate) mod constraint;
mod fleet;
mod parquet;
mod row;
#[cfg(test)]
mod tests;

use windtunnel_scheduler::time::{Span, Time};

use cell::Cell;
use columns::{ExtraLanes, Slot, TASK_REQUIRED, task_slots};
pub(crate) use parquet::parquet_columns;
use row::{Row, Rows, Shared};

use super::options::{ON_BAD_ROW, SHIFT};
use super::table::Table;
use super::trouble::{Bad, Place, Tally, Trouble, failure};
use super::{Format, FormatOption, Input, OnBadRow, ReadOptions, Sample, Yield};
use crate::model::{Fleet, Group, Groups, Job, Labels, Note, Run, Source, SourceError, Truth};

/// The most tasks whose run times are kept one by one in a group; beyond it a job gets several groups, so that a large
/// `count` costs no memory.
const MOST_EACH: u32 = 1 << 20;

/// The format.
pub struct Native;

impl Format for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn summary(&self) -> &'static str {
        "our own tables of tasks and nodes, units in the column names"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload, Yield::Fleet]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "parquet"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[SHIFT, ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let header = sample.header();
        TASK_REQUIRED.iter().all(|column| header.contains(column))
            || (header.contains(&"node") && header.contains(&"cpu_milli"))
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let mut lanes = ExtraLanes(options.lanes.clone());
        match parts.first() {
            Some(first) if first.head()?.starts_with(b"PAR1") => {
                let rows = parquet::ParquetRows::open(parts, lanes)?;
                Ok(Box::new(NativeSource::new(rows, options)))
            }
            Some(_) => {
                let table = Table::open(parts)?;
                let slots = task_slots(table.columns(), &mut lanes, table.place())?;
                Ok(Box::new(NativeSource::new(CsvRows { table, slots }, options)))
            }
            None => Err(failure("a workload needs at least one file; name one with `path`", &[])),
        }
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        fleet::read(input)
    }
}

/// Rows of CSV.
struct CsvRows {
    table: Table,
    slots: Vec<Slot>,
}

impl Rows for CsvRows {
    fn next(&mut self, shared: &mut Shared) -> Result<Option<Row>, Trouble> {
        if !self.table.advance()? {
            return Ok(None);
        }
        let record = self.table.record();
        let cell = |at: usize| Cell::text(record.get(at).unwrap_or_default());
        let name = |at: usize| self.table.columns().get(at).cloned().unwrap_or_default();
        Ok(Some(Row::read(&self.slots, cell, name, shared)?))
    }

    fn place(&self) -> Place<'_> {
        self.table.place()
    }
}

/// A job of which not all rows may have been read yet.
struct Pending {
    first: Row,
    tasks: u32,
    groups: Vec<Group>,
    /// The group that rows are added to.
    group: Group,
    /// Its run times one by one, if they differ.
    runs: Vec<Span>,
}

impl Pending {
    fn new(mut row: Row) -> Result<Self, Bad> {
        if row.index.is_some_and(|index| index != 0) {
            return Err(Bad::new("column `task_index`", index_text(&row).as_bytes(), "0 for the first task of a job"));
        }
        let group = group_of(&mut row);
        Ok(Self { tasks: row.count, first: row, groups: Vec::new(), group, runs: Vec::new() })
    }

    fn add(&mut self, mut row: Row) -> Result<(), Bad> {
        let first = &self.first;
        let agree = [
            ("column `submit_us`", row.submit == first.submit),
            ("column `priority`", row.priority == first.priority),
            ("column `role`", row.role == first.role),
            ("column `user`", row.user == first.user),
            ("column `class`", row.class == first.class),
        ];
        if let Some((column, _)) = agree.into_iter().find(|(_, equal)| !equal) {
            let found = format!("another value than above for job {}", row.job);
            return Err(Bad::new(column, found.as_bytes(), "the same in all rows of a job"));
        }
        if row.index.is_some_and(|index| index != self.tasks) {
            let expected = format!("{}, the number of tasks of the job above", self.tasks);
            return Err(Bad::new("column `task_index`", index_text(&row).as_bytes(), expected));
        }
        let Some(tasks) = self.tasks.checked_add(row.count) else {
            return Err(Bad::new("column `count`", row.count.to_string().as_bytes(), "below 2^32 tasks in a job"));
        };
        self.tasks = tasks;
        let next = group_of(&mut row);
        let alike = next.ask == self.group.ask
            && next.truth.fails == self.group.truth.fails
            && next.truth.usage == self.group.truth.usage
            && next.truth.recorded == self.group.truth.recorded;
        let run = row.run;
        let same_run = self.runs.is_empty() && self.group.truth.run == next.truth.run;
        // Cannot overflow: the sum over the whole job did not.
        let count = self.group.count + next.count;
        if alike && same_run {
            self.group.count = count;
        } else if alike && count <= MOST_EACH {
            if self.runs.is_empty() {
                self.runs.resize(self.group.count as usize, self.group.truth.run.of(0));
            }
            self.runs.resize(count as usize, run);
            self.group.count = count;
        } else {
            let full = std::mem::replace(&mut self.group, next);
            let full = self.with_runs(full);
            self.groups.push(full);
        }
        Ok(())
    }

    fn with_runs(&mut self, mut group: Group) -> Group {
        if !self.runs.is_empty() {
            group.truth.run = Run::Each(std::mem::take(&mut self.runs).into());
        }
        group
    }

    fn finish(self) -> Job {
        let Self { first, mut groups, mut group, runs, .. } = self;
        if !runs.is_empty() {
            group.truth.run = Run::Each(runs.into());
        }
        let groups = if groups.is_empty() {
            Groups::One(group)
        } else {
            groups.push(group);
            Groups::Many(groups.into())
        };
        Job {
            name: first.job,
            submit: first.submit,
            priority: first.priority,
            role: first.role,
            user: first.user,
            class: first.class,
            groups,
        }
    }
}

fn index_text(row: &Row) -> String {
    row.index.map(|index| index.to_string()).unwrap_or_default()
}

fn group_of(row: &mut Row) -> Group {
    Group {
        count: row.count,
        ask: std::mem::take(&mut row.ask),
        truth: Truth { run: Run::Same(row.run), fails: row.fails, usage: row.usage, recorded: row.recorded.take() },
    }
}

/// The jobs of a tasks table.
struct NativeSource<R> {
    rows: R,
    shared: Shared,
    pending: Option<Pending>,
    last_submit: Time,
    shift: Option<Time>,
    options: ReadOptions,
    ended: bool,
    tally: Tally,
}

impl<R: Rows> NativeSource<R> {
    fn new(rows: R, options: &ReadOptions) -> Self {
        Self {
            rows,
            shared: Shared::default(),
            pending: None,
            last_submit: Time::ZERO,
            shift: None,
            options: options.clone(),
            ended: false,
            tally: Tally::default(),
        }
    }

    /// Reads rows until a job is whole.
    fn read(&mut self) -> Result<Option<Job>, SourceError> {
        while !self.ended {
            let taken = match self.rows.next(&mut self.shared) {
                Ok(Some(row)) => self.take(row),
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(Trouble::Bad(bad)) => Err(bad),
                Err(Trouble::Stop(error)) => return Err(error),
            };
            match taken {
                Ok(None) => {}
                Ok(Some(job)) => return Ok(Some(job)),
                Err(bad) if self.options.on_bad_row == OnBadRow::Fail => return Err(bad.at(self.rows.place())),
                Err(_) => self.tally.skip("bad_row", self.rows.place().line),
            }
        }
        Ok(self.pending.take().map(Pending::finish))
    }

    /// Takes a row; a job that it does not belong to is whole.
    fn take(&mut self, row: Row) -> Result<Option<Job>, Bad> {
        if let Some(pending) = &mut self.pending
            && pending.first.job == row.job
        {
            pending.add(row)?;
            return Ok(None);
        }
        if row.submit < self.last_submit {
            let expected = format!("at least {}, as above; sort the rows by it", self.last_submit.0);
            return Err(Bad::new("column `submit_us`", row.submit.0.to_string().as_bytes(), expected));
        }
        self.last_submit = row.submit;
        let next = Pending::new(row)?;
        Ok(self.pending.replace(next).map(Pending::finish))
    }

    fn shifted(&mut self, mut job: Job) -> Job {
        let first = *self.shift.get_or_insert(job.submit);
        job.submit = Time(job.submit.since(first).0);
        for group in job.groups.as_mut_slice() {
            if let Some(start) = group.truth.recorded.as_mut().and_then(|recorded| recorded.start.as_mut()) {
                *start = Time(start.since(first).0);
            }
        }
        job
    }
}

impl<R: Rows> Source for NativeSource<R> {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        match self.read() {
            Ok(Some(job)) if self.options.shift => Ok(Some(self.shifted(job))),
            Ok(job) => Ok(job),
            Err(error) => {
                self.ended = true;
                self.pending = None;
                Err(error)
            }
        }
    }

    fn labels(&self) -> &Labels {
        &self.shared.words.labels
    }

    fn notes(&self) -> Vec<Note> {
        self.tally.notes()
    }
}
