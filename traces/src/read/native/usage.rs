//! The usage table: what tasks really used, window by window, brought down to a mean per task.

use std::collections::BTreeMap;

use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY, Resources};

use super::NativeSource;
use super::cell::Cell;
use super::columns::{ExtraLanes, UsageSlot, usage_slots};
use super::parquet::{ParquetFile, values_of};
use crate::model::{Group, Groups, Job, Labels, Name, Note, Run, Source, SourceError};
use crate::read::input::Input;
use crate::read::table::Table;
use crate::read::trouble::{Bad, Place, Tally, Trouble};
use crate::read::{OnBadRow, ReadOptions};

/// What was seen of one task: amount times microseconds per lane, and the microseconds.
#[derive(Clone, Copy, Default)]
struct Seen {
    sum: [u128; LANES],
    over_us: u128,
}

impl Seen {
    /// The mean over all windows, rounded to the nearest.
    fn mean(&self) -> Resources {
        let mut mean = Resources::ZERO;
        for (lane, sum) in self.sum.iter().enumerate() {
            // Each amount is below 2^32, so their mean is.
            mean[lane] = u32::try_from((sum + self.over_us / 2) / self.over_us.max(1)).unwrap_or(u32::MAX);
        }
        mean
    }
}

/// The usage of every task in a table, by job and index. Memory follows the number of tasks measured.
#[derive(Default)]
pub(super) struct Usage {
    tasks: BTreeMap<Name, BTreeMap<u32, Seen>>,
    tally: Tally,
}

/// One row.
struct Window {
    job: Name,
    index: u32,
    from: u64,
    to: u64,
    used: Resources,
}

const MICROSECONDS: &str = "a whole number of microseconds from 0";

fn window<'a>(slots: &[UsageSlot], columns: &[String], cell: impl Fn(usize) -> Cell<'a>) -> Result<Window, Bad> {
    let mut window = Window { job: Name::Number(0), index: 0, from: 0, to: 0, used: Resources::ZERO };
    for (at, slot) in slots.iter().enumerate() {
        let cell = cell(at);
        let refuse = |expected: &'static str| {
            let column = format!("column `{}`", columns.get(at).map_or("", String::as_str));
            cell.with_text(|text| Bad::new(column, text, expected))
        };
        let small = || cell.whole().and_then(|number| u32::try_from(number).ok());
        match slot {
            UsageSlot::JobId => window.job = cell.name().ok_or_else(|| refuse("the name of a job"))?,
            UsageSlot::From => window.from = cell.whole().ok_or_else(|| refuse(MICROSECONDS))?,
            UsageSlot::To => window.to = cell.whole().ok_or_else(|| refuse(MICROSECONDS))?,
            _ if cell == Cell::Empty => {}
            UsageSlot::TaskIndex => window.index = small().ok_or_else(|| refuse("the index of a task, from 0"))?,
            UsageSlot::Used(lane) => {
                let expected = match *lane {
                    CPU => "a whole number of millicores below 2^32",
                    MEMORY | DISK => "a whole number of MiB below 2^32",
                    GPU => "a whole number of thousandths of a device below 2^32",
                    _ => "a whole number below 2^32",
                };
                window.used[*lane] = small().ok_or_else(|| refuse(expected))?;
            }
        }
    }
    if window.to <= window.from {
        let expected = format!("more than {}, where the window begins", window.from);
        return Err(Bad::new("column `to_us`", window.to.to_string().as_bytes(), expected));
    }
    Ok(window)
}

impl Usage {
    fn add(&mut self, window: Window) {
        let seen = self.tasks.entry(window.job).or_default().entry(window.index).or_default();
        let over_us = u128::from(window.to - window.from);
        seen.over_us += over_us;
        for (lane, sum) in seen.sum.iter_mut().enumerate() {
            *sum += u128::from(window.used[lane]) * over_us;
        }
    }

    /// Adds a row, or says what is wrong with it.
    fn take(&mut self, read: Result<Window, Bad>, place: Place<'_>, on_bad: OnBadRow) -> Result<(), SourceError> {
        match read {
            Ok(window) => self.add(window),
            Err(bad) if on_bad == OnBadRow::Fail => return Err(bad.at(place)),
            Err(_) => self.tally.skip("bad_usage_row", place.line),
        }
        Ok(())
    }
}

/// Reads a usage table from CSV or Parquet.
pub(super) fn read(input: &Input, options: &ReadOptions) -> Result<Usage, SourceError> {
    let mut usage = Usage::default();
    let mut lanes = ExtraLanes(options.lanes.clone());
    if input.head()?.starts_with(b"PAR1") {
        let mut file = ParquetFile::open(input)?;
        let columns = file.columns.clone();
        let slots = usage_slots(&columns, &mut lanes, Place { file: input.name(), line: 1 })?;
        let mut line = 0;
        while let Some(frame) = file.next_slice()? {
            let values = values_of(input.name(), &frame)?;
            for row in 0..frame.height() {
                line += 1;
                let read = window(&slots, &columns, |at| values.get(at).map_or(Cell::Empty, |values| values.cell(row)));
                usage.take(read, Place { file: input.name(), line }, options.on_bad_row)?;
            }
        }
        return Ok(usage);
    }
    let mut table = Table::open(vec![input.clone()])?;
    let slots = usage_slots(table.columns(), &mut lanes, table.place())?;
    loop {
        let read = match table.advance() {
            Ok(false) => return Ok(usage),
            Ok(true) => window(&slots, table.columns(), |at| Cell::text(table.record().get(at).unwrap_or_default())),
            Err(Trouble::Bad(bad)) => Err(bad),
            Err(Trouble::Stop(error)) => return Err(error),
        };
        usage.take(read, table.place(), options.on_bad_row)?;
    }
}

/// A tasks table with what a usage table says of its tasks.
pub(super) struct Measured {
    inner: NativeSource,
    usage: Usage,
}

impl Measured {
    pub fn new(inner: NativeSource, usage: Usage) -> Self {
        Self { inner, usage }
    }
}

/// Groups in which some tasks were measured fall into parts of equal usage; the order of the tasks stays.
fn measured(groups: &[Group], seen: &BTreeMap<u32, Seen>) -> Vec<Group> {
    let mut parts: Vec<Group> = Vec::with_capacity(groups.len());
    let mut first = 0_u32;
    for group in groups {
        let end = first.saturating_add(group.count);
        let mut from = first;
        // A gang is one whole: it uses what its measured members use on average.
        if group.ask.kind == windtunnel_scheduler::event::JobKind::Gang {
            let mut whole = Seen::default();
            for seen in seen.range(first..end).map(|(_, seen)| seen) {
                whole.over_us += seen.over_us;
                whole.sum.iter_mut().zip(seen.sum).for_each(|(sum, more)| *sum += more);
            }
            let mut part = group.clone();
            part.truth.usage = if whole.over_us > 0 { Some(whole.mean()) } else { group.truth.usage };
            parts.push(part);
            first = end;
            continue;
        }
        while from < end {
            let usage_of = |index: u32| seen.get(&index).map(Seen::mean).or(group.truth.usage);
            let usage = usage_of(from);
            let to = (from + 1..end).find(|&index| usage_of(index) != usage).unwrap_or(end);
            let mut part = group.clone();
            part.count = to - from;
            part.truth.usage = usage;
            if let Run::Each(spans) = &group.truth.run {
                let within = (from - first) as usize..(to - first) as usize;
                part.truth.run = Run::Each(spans.get(within).unwrap_or_default().into());
            }
            parts.push(part);
            from = to;
        }
        first = end;
    }
    parts
}

impl Source for Measured {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        let Some(mut job) = self.inner.next_job()? else { return Ok(None) };
        if let Some(mut seen) = self.usage.tasks.remove(&job.name) {
            let tasks = job.groups.as_slice().iter().map(|group| group.count).sum::<u32>();
            let beyond = seen.split_off(&tasks);
            if !beyond.is_empty() {
                self.usage.tally.add("usage_of_no_task", 0, beyond.len() as u64, true);
            }
            let mut parts = measured(job.groups.as_slice(), &seen);
            job.groups = match (parts.pop(), parts.is_empty()) {
                (Some(one), true) => Groups::One(one),
                (Some(last), false) => {
                    parts.push(last);
                    Groups::Many(parts.into())
                }
                (None, _) => job.groups,
            };
        }
        Ok(Some(job))
    }

    fn labels(&self) -> &Labels {
        self.inner.labels()
    }

    fn notes(&self) -> Vec<Note> {
        let mut tally = self.usage.tally.clone();
        // What is left when the stream is over belongs to no job.
        let left: u64 = self.usage.tasks.values().map(|tasks| tasks.len() as u64).sum();
        if self.inner.ended && left > 0 {
            tally.add("usage_of_no_job", 0, left, true);
        }
        let mut notes = self.inner.notes();
        notes.extend(tally.notes());
        notes.sort_by(|one, other| one.reason.cmp(&other.reason));
        notes
    }
}
