//! Our own tables, as CSV or Parquet, with the units in the names of the columns.
//!
//! **tasks**: `job_id`, `submit_us` and `cpu_milli` have to be there, every other column may be left out, and an
//! empty cell is its default. `job_id`: any text. `submit_us`, `run_us` (empty: never ends), `estimate_us`: whole
//! microseconds. `count`: equal tasks, 1. `task_index`: checked if given. `kind`: `batch`, `gang` or `service`;
//! `gang`: `true` is short for that kind. `cpu_milli`, `memory_mib`, `disk_mib`, `lane_<name>`: what one task needs.
//! `gpu_count` (0 to 64) and `gpu_milli` (1 to 1000 of each device, below 1000 only with one). `priority`: larger is
//! more important. `role`, `user`, `class`: words. `constraint`:
//! `gpu_model=A|B; zone!=x; has:ssd; not:spot; rack MAX_PER 2`.
//! `fails`: `true` or `false`. What was recorded: `start_us`, `node`, `gpus` (`0|3`), `used_cpu_milli`,
//! `used_memory_mib`, `used_disk_mib`, `used_gpu_milli`, `used_lane_<name>`.
//!
//! Rows stand in the order of `submit_us`. Rows of one job follow each other and agree on when, whose and how important
//! it is; tasks that ask the same become one group.
//!
//! **fleet**: `node` and `cpu_milli`, then `memory_mib`, `disk_mib`, `gpus`, `attribute_<name>`, `domain_<kind>`,
//! `lane_<name>`. A column that is there names the lane; an empty cell is 0 or, for attributes and domains, none.
//!
//! **jobs** (option `jobs`, beside a tasks table): `job_id`, `submit_us`, then `priority`, `role`, `user`, `class`.
//! The tasks table then has none of these but `job_id`, and its jobs stand in the same order; jobs without a task are
//! counted.
//!
//! **usage** (option `usage`, beside a tasks table): `job_id`, `from_us`, `to_us`, then `task_index` (0 if left out)
//! and `used_cpu_milli`, `used_memory_mib`, and so on as in tasks: the mean over the window, in any order. A task's
//! usage is the mean over its windows, each weighed by its length, and stands above what the tasks table says.

pub(crate) mod cell;
pub(crate) mod columns;
pub(crate) mod constraint;
mod fleet;
mod jobs;
mod pages;
mod parquet;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod usage;

use windtunnel_scheduler::time::{Span, Time};

use cell::Cell;
use columns::{ExtraLanes, Kind, Slot, TASK_REQUIRED, task_slots};
pub(crate) use parquet::{parquet_columns, parquet_frames};
use row::{Row, Rows, Shared, bad};

use super::options::{JOBS_TABLE, ON_BAD_ROW, SHIFT, USAGE_TABLE};
use super::table::Table;
use super::trouble::{Bad, Place, Tally, Trouble, failure};
use super::{ColumnNote, Format, FormatOption, Input, OnBadRow, ReadOptions, Sample, Yield};
use crate::model::{Fleet, Group, Groups, Job, Labels, Name, Note, Run, Source, SourceError};

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
        "our own tables of tasks, jobs, nodes and usage, units in the column names"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload, Yield::Fleet, Yield::Usage]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "parquet"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[SHIFT, ON_BAD_ROW, JOBS_TABLE, USAGE_TABLE]
    }

    fn columns(&self) -> &'static [ColumnNote] {
        schema::COLUMNS
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let header = sample.header();
        // A tasks table beside a jobs table has no `submit_us`.
        TASK_REQUIRED.iter().all(|column| *column == "submit_us" || header.contains(column))
            || (header.contains(&"node") && header.contains(&"cpu_milli"))
            // A column that is misspelt is named by whoever reads the header.
            || (header.contains(&"job_id") && header.iter().any(|column| column.ends_with("_us")))
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let rows = match &options.jobs {
            None => open_rows(parts, Kind::Whole, options)?,
            Some(jobs) => {
                let jobs = open_rows(vec![jobs.clone()], Kind::Jobs, options)?;
                Box::new(jobs::Joined::new(open_rows(parts, Kind::Tasks, options)?, jobs))
            }
        };
        let source = NativeSource::new(rows, options);
        match &options.usage {
            None => Ok(Box::new(source)),
            Some(usage) => Ok(Box::new(usage::Measured::new(source, usage::read(usage, options)?))),
        }
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        fleet::read(input)
    }
}

/// The rows of a table, which may lie in several parts.
fn open_rows(parts: Vec<Input>, kind: Kind, options: &ReadOptions) -> Result<Box<dyn Rows>, SourceError> {
    let mut lanes = ExtraLanes(options.lanes.clone());
    match parts.first() {
        Some(first) if first.head()?.starts_with(b"PAR1") => {
            Ok(Box::new(parquet::ParquetRows::open(parts, kind, lanes)?))
        }
        Some(_) => {
            let table = Table::open(parts)?;
            let slots = task_slots(table.columns(), kind, &mut lanes, table.place())?;
            Ok(Box::new(CsvRows { table, slots }))
        }
        None => Err(failure("a workload needs at least one file; name one with `path`", &[])),
    }
}

/// Rows of CSV.
struct CsvRows {
    table: Table,
    slots: Vec<Slot>,
}

impl Rows for CsvRows {
    fn next(&mut self, row: &mut Row, shared: &mut Shared) -> Result<bool, Trouble> {
        if !self.table.advance()? {
            return Ok(false);
        }
        *row = Row::default();
        for ((at, slot), text) in self.slots.iter().enumerate().zip(self.table.record()) {
            let cell = Cell::text(text);
            row.set(*slot, cell, shared)
                .map_err(|expected| bad(self.table.columns().get(at).map_or("", String::as_str), cell, expected))?;
        }
        row.settle()?;
        Ok(true)
    }

    fn place(&self) -> Place<'_> {
        self.table.place()
    }
}

/// What is known of the job whose rows are being read, besides its first row.
#[derive(Default)]
struct Pending {
    /// Tasks of the job; 0 if there is no job.
    tasks: u32,
    /// Tasks of the group that rows are added to.
    count: u32,
    /// The run times of that group one by one, if they differ.
    runs: Vec<Span>,
    /// The groups before it.
    groups: Vec<Group>,
}

/// The jobs of a tasks table.
struct NativeSource {
    rows: Box<dyn Rows>,
    shared: Shared,
    pending: Pending,
    /// The job whose rows are being read, and the group that they are added to.
    front: Box<Row>,
    /// The row that was read last.
    back: Box<Row>,
    last_submit: Time,
    shift: Option<Time>,
    options: ReadOptions,
    ended: bool,
    tally: Tally,
}

impl NativeSource {
    fn new(rows: Box<dyn Rows>, options: &ReadOptions) -> Self {
        Self {
            rows,
            shared: Shared::default(),
            pending: Pending::default(),
            front: Box::default(),
            back: Box::default(),
            last_submit: Time::ZERO,
            shift: None,
            options: options.clone(),
            ended: false,
            tally: Tally::default(),
        }
    }

    /// Reads rows until one begins another job than that in front; false at the end.
    #[inline]
    fn read(&mut self) -> Result<bool, SourceError> {
        while !self.ended {
            let bad = match self.rows.next(&mut self.back, &mut self.shared) {
                Ok(true) if self.pending.tasks > 0 && self.back.job == self.front.job => self.add().err(),
                Ok(true) => match self.check_first() {
                    Ok(()) => return Ok(true),
                    Err(bad) => Some(bad),
                },
                Ok(false) => {
                    self.ended = true;
                    None
                }
                Err(Trouble::Bad(bad)) => Some(bad),
                Err(Trouble::Stop(error)) => return Err(error),
            };
            match bad {
                Some(bad) if self.options.on_bad_row == OnBadRow::Fail => return Err(bad.at(self.rows.place())),
                Some(_) => self.tally.skip("bad_row", self.rows.place().line),
                None => {}
            }
        }
        Ok(false)
    }

    /// Whether the last row can begin a job.
    fn check_first(&self) -> Result<(), Bad> {
        let row = &self.back;
        if row.submit < self.last_submit {
            let expected = format!("at least {}, as above; sort the rows by it", self.last_submit.0);
            return Err(Bad::new("column `submit_us`", row.submit.0.to_string().as_bytes(), expected));
        }
        if row.index.is_some_and(|index| index != 0) {
            return Err(Bad::new("column `task_index`", index_text(row).as_bytes(), "0 for the first task of a job"));
        }
        Ok(())
    }

    /// Makes the last row the job in front.
    #[inline]
    fn begin(&mut self) {
        std::mem::swap(&mut self.front, &mut self.back);
        self.last_submit = self.front.submit;
        self.pending.tasks = self.front.count;
        self.pending.count = self.front.count;
    }

    /// Adds the last row to the job in front.
    fn add(&mut self) -> Result<(), Bad> {
        let (first, row, pending) = (&mut *self.front, &mut *self.back, &mut self.pending);
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
        if row.index.is_some_and(|index| index != pending.tasks) {
            let expected = format!("{}, the number of tasks of the job above", pending.tasks);
            return Err(Bad::new("column `task_index`", index_text(row).as_bytes(), expected));
        }
        let Some(tasks) = pending.tasks.checked_add(row.count) else {
            return Err(Bad::new("column `count`", row.count.to_string().as_bytes(), "below 2^32 tasks in a job"));
        };
        pending.tasks = tasks;
        // Cannot overflow: the sum over the whole job did not.
        let count = pending.count + row.count;
        let alike = first.is_like(row);
        if alike && pending.runs.is_empty() && first.run == row.run {
            pending.count = count;
        } else if alike && count <= MOST_EACH {
            if pending.runs.is_empty() {
                pending.runs.resize(pending.count as usize, first.run);
            }
            pending.runs.resize(count as usize, row.run);
            pending.count = count;
        } else {
            let full = first.take_group(pending.take_run(first.run), pending.count);
            pending.groups.push(full);
            pending.count = row.count;
            first.ask = std::mem::take(&mut row.ask);
            first.recorded = row.recorded.take();
            (first.run, first.fails, first.usage) = (row.run, row.fails, row.usage);
        }
        Ok(())
    }

    /// The job in front, which is whole.
    #[inline]
    fn finish(&mut self) -> Job {
        let (first, pending) = (&mut *self.front, &mut self.pending);
        let shift = if self.options.shift { *self.shift.get_or_insert(first.submit) } else { Time::ZERO };
        let last = first.take_group(pending.take_run(first.run), pending.count);
        pending.tasks = 0;
        let groups = if pending.groups.is_empty() {
            Groups::One(last)
        } else {
            pending.groups.push(last);
            Groups::Many(std::mem::take(&mut pending.groups).into())
        };
        let mut job = Job {
            name: std::mem::replace(&mut first.job, Name::Number(0)),
            submit: Time(first.submit.since(shift).0),
            priority: first.priority,
            role: first.role,
            user: first.user,
            class: first.class,
            groups,
            course: None,
        };
        if shift != Time::ZERO {
            for group in job.groups.as_mut_slice() {
                if let Some(start) = group.truth.recorded.as_mut().and_then(|recorded| recorded.start.as_mut()) {
                    *start = Time(start.since(shift).0);
                }
            }
        }
        job
    }
}

impl Pending {
    fn take_run(&mut self, same: Span) -> Run {
        if self.runs.is_empty() { Run::Same(same) } else { Run::Each(std::mem::take(&mut self.runs).into()) }
    }
}

fn index_text(row: &Row) -> String {
    row.index.map(|index| index.to_string()).unwrap_or_default()
}

impl Source for NativeSource {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        loop {
            match self.read() {
                Ok(more) => {
                    let whole = (self.pending.tasks > 0).then(|| self.finish());
                    if more {
                        self.begin();
                    }
                    // The first row of all ends no job.
                    if whole.is_some() || !more {
                        return Ok(whole);
                    }
                }
                Err(error) => {
                    self.ended = true;
                    self.pending = Pending::default();
                    return Err(error);
                }
            }
        }
    }

    fn labels(&self) -> &Labels {
        &self.shared.words.labels
    }

    fn notes(&self) -> Vec<Note> {
        let mut tally = self.tally.clone();
        self.rows.note(&mut tally);
        tally.notes()
    }
}
