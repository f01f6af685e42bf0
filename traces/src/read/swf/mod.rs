//! The standard workload format of batch logs, version 2.2: 18 numbers in a row, comments behind `;`.
//!
//! Fields and their meaning: Chapin, Cirne, Feitelson et al., "Benchmarks and standards for the evaluation of parallel
//! job schedulers", JSSPP 1999, as amended by the Parallel Workloads Archive.
//!
//! What becomes of a row: processors are those requested, else those allocated (the other way round, or the larger, if
//! so told); the estimate is the requested time; a longer run is clipped to it (or killed there, or runs on, if so
//! told); the recorded start is submit plus wait. The group is the role, the queue the class. A job with status 0 fails
//! at its end. Rows with status 2 to 4 are parts of a job that has a line of its own and are left out, as are rows
//! without processors, without run time or without submit time, and jobs wider than the machine; all of these are
//! counted.

mod header;
mod row;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::sync::Arc;

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::{CPU, MEMORY, Resources};
use windtunnel_scheduler::time::Time;

pub use header::SwfHeader;
use row::Row;

use super::input::{HEAD, Lines};
use super::options::{ON_BAD_ROW, SHIFT};
use super::order::{Pushed, Sorter, WINDOW};
use super::trouble::{Bad, Place, Tally, failure, shown};
use super::words::Words;
use super::{Format, FormatOption, Input, JobAs, OnBadRow, ReadOptions, Sample, Yield};
use crate::model::{Ask, Group, Groups, Job, Label, Labels, Name, Note, Recorded, Run, Source, SourceError, Truth};

/// The format.
pub struct Swf;

impl Format for Swf {
    fn name(&self) -> &'static str {
        "swf"
    }

    fn summary(&self) -> &'static str {
        "standard workload format 2.2 of batch logs (Parallel Workloads Archive)"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["swf"]
    }

    fn options(&self) -> &'static [FormatOption] {
        const OPTIONS: &[FormatOption] = &[
            FormatOption {
                name: "procs",
                default: "requested",
                values: "requested | allocated | larger",
                summary: "which processor count a job has",
            },
            FormatOption {
                name: "job_as",
                default: "pool",
                values: "pool | gang",
                summary: "one task of n cpus, or n tasks of one cpu that start together",
            },
            FormatOption {
                name: "overrun",
                default: "clip",
                values: "clip | kill | extend",
                summary: "a run longer than requested is cut to the request, killed there, or runs on",
            },
            FormatOption {
                name: "max_processors",
                default: "as the header says",
                values: "a number",
                summary: "wider jobs are left out and counted",
            },
            SHIFT,
            ON_BAD_ROW,
        ];
        OPTIONS
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        looks_like(sample.bytes)
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        Ok(Box::new(SwfSource::open(parts, options)?))
    }
}

/// The header of a log, without reading its jobs.
///
/// # Errors
/// If the file cannot be read or is no such log.
pub fn header(input: &Input) -> Result<SwfHeader, SourceError> {
    Ok(SwfSource::open(vec![input.clone()], &ReadOptions::default())?.header)
}

/// Lines that say something, comments included; a last line that was cut off is none.
fn whole_lines(head: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let cut = head.len() >= HEAD && !head.ends_with(b"\n");
    let count = head.split(|&byte| byte == b'\n').count() - usize::from(cut);
    head.split(|&byte| byte == b'\n')
        .take(count)
        .zip(1_u64..)
        .map(|(line, number)| (number, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}

fn looks_like(head: &[u8]) -> bool {
    for (_, line) in whole_lines(head) {
        if let Some(comment) = line.strip_prefix(b";") {
            let mut header = SwfHeader::default();
            header.read_line(comment);
            const KNOWN: [&str; 8] = [
                "Version",
                "Computer",
                "Installation",
                "MaxJobs",
                "MaxRecords",
                "UnixStartTime",
                "MaxNodes",
                "MaxProcs",
            ];
            if header.directives.iter().any(|(name, _)| KNOWN.contains(&name.as_str())) {
                return true;
            }
        } else {
            let (fields, count) = row::split(line);
            return count == row::FIELDS && fields.iter().all(|field| super::number::Decimal::read(field).is_some());
        }
    }
    false
}

/// A file in which no row has 18 fields is another format, and says so at once.
fn check_shape(input: &Input) -> Result<(), SourceError> {
    let head = input.head()?;
    let mut first = None;
    for (_, line) in whole_lines(&head).filter(|(_, line)| !line.starts_with(b";")) {
        let (_, count) = row::split(line);
        if count == row::FIELDS {
            return Ok(());
        }
        first = first.or(Some((line, count)));
    }
    let Some((line, count)) = first else { return Ok(()) };
    let plural = if count == 1 { "field" } else { "fields" };
    Err(failure(
        format!(
            "{} line 1: this is not swf: its rows have {count} {plural} set apart by blanks, not 18; \
             name the format that it has",
            input.name()
        ),
        &[&format!("the first row is {}", shown(line))],
    ))
}

/// The jobs of a log.
pub struct SwfSource {
    options: ReadOptions,
    header: SwfHeader,
    lines: Lines,
    /// The line that the header ended with has not been used yet.
    held: bool,
    /// A part may repeat the header.
    in_header: bool,
    several_parts: bool,
    rows: u64,
    jobs: u64,
    last_number: Option<u64>,
    sorter: Sorter<Row>,
    ended: bool,
    shift_us: Option<u64>,
    words: Words,
    tally: Tally,
    text: Vec<u8>,
}

impl SwfSource {
    /// Opens a log of one or more parts and reads the header of the first.
    ///
    /// # Errors
    /// If a part cannot be read, no row has 18 fields, or every line is a comment.
    pub fn open(parts: Vec<Input>, options: &ReadOptions) -> Result<Self, SourceError> {
        let Some(first) = parts.first().cloned() else {
            return Err(failure("a workload needs at least one file; name one with `path`", &[]));
        };
        check_shape(&first)?;
        let mut source = Self {
            options: options.clone(),
            header: SwfHeader::default(),
            several_parts: parts.len() > 1,
            lines: Lines::new(parts),
            held: false,
            in_header: true,
            rows: 0,
            jobs: 0,
            last_number: None,
            sorter: Sorter::new(WINDOW),
            ended: false,
            shift_us: None,
            words: Words::default(),
            tally: Tally::default(),
            text: Vec::new(),
        };
        if !source.next_line()? {
            return Err(source.no_rows(&first));
        }
        source.held = true;
        Ok(source)
    }

    /// What the comment lines at the top say.
    #[must_use]
    pub fn header(&self) -> &SwfHeader {
        &self.header
    }

    fn no_rows(&self, input: &Input) -> SourceError {
        let commented = self.lines.number() > 0;
        let what =
            if commented { "every line is blank or begins with `;`, the mark of a comment" } else { "it is empty" };
        failure(
            format!("{} line 1: there is no job in this file: {what}; give a file with rows", input.name()),
            if commented {
                &["if `;` separates the columns, this is not swf: name the format that it has"]
            } else {
                &[]
            },
        )
    }

    /// Steps to the next line with a row.
    fn next_line(&mut self) -> Result<bool, SourceError> {
        if std::mem::take(&mut self.held) {
            return Ok(true);
        }
        while self.lines.advance()? {
            self.in_header |= self.lines.number() == 1;
            let line = self.lines.text().trim_ascii();
            if let Some(comment) = line.strip_prefix(b";") {
                if self.in_header {
                    self.header.read_line(comment);
                }
            } else if !line.is_empty() {
                self.in_header = false;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads on until the buffer is full or the log ends.
    fn fill(&mut self) -> Result<(), SourceError> {
        let widest = self.options.max_processors.map(u64::from);
        while !self.ended && !self.sorter.is_full() {
            if !self.next_line()? {
                self.ended = true;
                self.close();
                return Ok(());
            }
            self.rows += 1;
            let line = self.lines.number();
            let widest = widest.or(self.header.width());
            match row::read(self.lines.text(), line, &self.options, widest, &mut self.tally) {
                Ok(Some(row)) => self.keep(row, line)?,
                Ok(None) => {}
                Err(bad) => self.refuse(&bad, "bad_row", line)?,
            }
        }
        Ok(())
    }

    fn keep(&mut self, row: Row, line: u64) -> Result<(), SourceError> {
        match self.last_number {
            Some(last) if row.number <= last => self.tally.note("job_number_not_ascending", line),
            Some(last) if row.number - last > 1 => {
                self.tally.add("job_numbers_missing", line, row.number - last - 1, false);
            }
            _ => {}
        }
        self.last_number = self.last_number.max(Some(row.number));
        match self.sorter.push(row.submit_us, row) {
            Pushed::InOrder => Ok(()),
            Pushed::Moved => {
                self.tally.note("sorted_by_submit", line);
                Ok(())
            }
            Pushed::TooLate => {
                let found = Time(row.submit_us).to_string();
                let expected = format!("a submit time at most {WINDOW} rows out of order (sort the file by it)");
                self.refuse(&Bad::new("field 2 (submit time)", found.as_bytes(), expected), "too_late_to_sort", line)
            }
        }
    }

    fn refuse(&mut self, bad: &Bad, reason: &'static str, line: u64) -> Result<(), SourceError> {
        match self.options.on_bad_row {
            OnBadRow::Fail => Err(bad.at(Place { file: self.lines.file(), line })),
            OnBadRow::Skip => {
                self.tally.skip(reason, line);
                Ok(())
            }
        }
    }

    /// What can only be said once all rows are read.
    fn close(&mut self) {
        if let Some(rows) = self.header.rows()
            && !self.several_parts
            && rows != self.rows
        {
            self.tally.note("header_count_differs", 1);
        }
    }

    fn job(&mut self, row: &Row) -> Job {
        let shift = if self.options.shift { *self.shift_us.get_or_insert(row.submit_us) } else { 0 };
        let (kind, count, cpus, memory_mib) = match self.options.job_as {
            JobAs::Pool => (JobKind::Batch, 1, row.processors, row.memory_mib.1),
            JobAs::Gang => (JobKind::Gang, row.processors, 1, row.memory_mib.0),
        };
        let mut request = Resources::ZERO;
        request[CPU] = cpus.saturating_mul(1_000);
        request[MEMORY] = memory_mib;
        let submit = Time(row.submit_us - shift);
        let start = row.wait_us.map(|wait| Time(submit.0 + wait));
        let ask = Ask { kind, request, estimate: row.estimate, ..Ask::default() };
        let truth = Truth {
            run: Run::Same(row.run),
            fails: row.fails,
            killed: row.killed,
            recorded: start.map(|start| Recorded { start: Some(start), ..Recorded::default() }),
            ..Truth::default()
        };
        Job {
            name: Name::Number(row.number),
            submit,
            priority: 0,
            role: self.label(row.group),
            user: self.label(row.user),
            class: self.label(row.queue),
            groups: Groups::One(Group { count, ask, truth }),
            course: None,
        }
    }

    /// The label of a numbered user, group or queue; -1 is nobody.
    fn label(&mut self, number: i64) -> Label {
        if number < 0 {
            return Label::default();
        }
        self.text.clear();
        // Writing to memory cannot fail.
        let _ = write!(self.text, "{number}");
        self.words.label(&self.text)
    }

    fn none_left(&self) -> Result<Option<Job>, SourceError> {
        if self.jobs > 0 {
            return Ok(None);
        }
        let file: &Arc<str> = self.lines.file();
        Err(failure(
            format!(
                "{file}: none of its {} rows is a job to replay ({}); check that the file is what it should be",
                self.rows,
                self.tally.skipped_in_words()
            ),
            &["jobs wider than the machine are left out: `max_processors` overrides what the header says"],
        ))
    }
}

impl Source for SwfSource {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if let Err(error) = self.fill() {
            self.ended = true;
            self.sorter = Sorter::new(WINDOW);
            self.jobs = self.jobs.max(1);
            return Err(error);
        }
        match self.sorter.pop() {
            Some((_, row)) => {
                self.jobs += 1;
                Ok(Some(self.job(&row)))
            }
            None => {
                let end = self.none_left();
                self.jobs = self.jobs.max(1);
                end
            }
        }
    }

    fn labels(&self) -> &Labels {
        &self.words.labels
    }

    fn notes(&self) -> Vec<Note> {
        self.tally.notes()
    }
}
