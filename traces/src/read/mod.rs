//! Readers: one file per format, one line in [`FORMATS`].
//!
//! Every reader streams (memory does not follow the length of the trace), makes integer units at once, counts what it
//! skips, clips or repairs, and never guesses at a malformed row.

pub mod native;
pub mod openb;
pub mod swf;

mod input;
mod number;
mod options;
mod order;
mod table;
mod trouble;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use input::Input;
pub use options::{FormatOption, JobAs, OnBadRow, Overrun, Processors, ReadOptions};
pub(crate) use trouble::{failure, nearest};

use crate::model::{Fleet, Source, SourceError};

/// What a format can tell about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Yield {
    /// Jobs.
    Workload,
    /// Machines.
    Fleet,
    /// Outages.
    Failures,
    /// What was used over time.
    Usage,
}

impl Yield {
    /// The word in listings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Fleet => "fleet",
            Self::Failures => "failures",
            Self::Usage => "usage",
        }
    }
}

/// The beginning of a file, by which formats are told apart.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Up to 64 KiB, unpacked; the last line may be cut.
    pub bytes: &'a [u8],
    /// The column names if it is a Parquet file, else none.
    pub columns: &'a [String],
}

impl<'a> Sample<'a> {
    /// The first line without its end, as text.
    #[must_use]
    pub fn first_line(&self) -> Option<&'a str> {
        let line = self.bytes.split(|&byte| byte == b'\n').next()?;
        std::str::from_utf8(line).ok().map(str::trim_end)
    }

    /// The fields of the first line, or the columns of a Parquet file.
    #[must_use]
    pub fn header(&self) -> Vec<&'a str> {
        if !self.columns.is_empty() {
            return self.columns.iter().map(String::as_str).collect();
        }
        self.first_line().map(|line| line.split(',').map(str::trim).collect()).unwrap_or_default()
    }
}

/// Whether a column has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnUse {
    /// There is no table without it.
    Required,
    /// It may be left out, and its cells may be empty.
    Optional,
}

/// A column of a format whose tables are ours to describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnNote {
    /// The table it stands in.
    pub table: &'static str,
    /// Its name; a part in `<>` is for the user to fill in.
    pub name: &'static str,
    /// Whether it has to be there.
    pub usage: ColumnUse,
    /// What it means, its unit, and what an empty cell is.
    pub meaning: &'static str,
}

/// One way in which files are written.
pub trait Format {
    /// Its name in scenarios.
    fn name(&self) -> &'static str;

    /// One line.
    fn summary(&self) -> &'static str;

    /// What it can tell about.
    fn yields(&self) -> &'static [Yield];

    /// The usual ends of file names, for listings only: formats are told by content.
    fn extensions(&self) -> &'static [&'static str];

    /// What may be said about reading it.
    fn options(&self) -> &'static [FormatOption];

    /// What its columns mean, where the format is our own; others are described by who made them.
    fn columns(&self) -> &'static [ColumnNote] {
        &[]
    }

    /// Whether a file that begins like this is of this format.
    fn recognise(&self, sample: &Sample<'_>) -> bool;

    /// The jobs of several parts as one stream in submit order.
    ///
    /// # Errors
    /// If the parts cannot be opened, are not of this format, or the format has no workload.
    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let _ = (parts, options);
        Err(yields_no(self.name(), self.yields(), Yield::Workload))
    }

    /// The machines. A malformed row is an error whatever the options say: a fleet without a machine is another fleet.
    ///
    /// # Errors
    /// If the file cannot be read, is not of this format, or the format has no fleet.
    fn fleet(&self, input: &Input, options: &ReadOptions) -> Result<Fleet, SourceError> {
        let _ = (input, options);
        Err(yields_no(self.name(), self.yields(), Yield::Fleet))
    }
}

/// Every format, in the order in which content is matched and listings are printed.
pub static FORMATS: &[&'static (dyn Format + Sync)] = &[&native::Native, &openb::Openb, &swf::Swf];

fn yields_no(name: &str, yields: &[Yield], wanted: Yield) -> SourceError {
    let words: Vec<&str> = yields.iter().map(|one| one.name()).collect();
    let others: Vec<&str> =
        FORMATS.iter().filter(|format| format.yields().contains(&wanted)).map(|format| format.name()).collect();
    failure(
        format!("format `{name}` yields {}, no {}; name a file of another format", words.join(" and "), wanted.name()),
        &[&format!("formats with {}: {}", wanted.name(), others.join(", "))],
    )
}

/// The format called `name`.
///
/// # Errors
/// If there is none; the nearest is named.
pub fn format(name: &str) -> Result<&'static (dyn Format + Sync), SourceError> {
    if let Some(format) = FORMATS.iter().find(|format| format.name() == name) {
        return Ok(*format);
    }
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    let fix = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the formats are {}", names.join(", ")),
    };
    Err(failure(format!("there is no format `{name}`; {fix}"), &["`windtunnel trace formats` lists all"]))
}

/// The first format that a file begins like.
#[must_use]
pub fn recognise(sample: &Sample<'_>) -> Option<&'static (dyn Format + Sync)> {
    FORMATS.iter().find(|format| format.recognise(sample)).copied()
}

/// The format of a file, by its content.
///
/// # Errors
/// If it cannot be read, or no format begins like it.
pub fn recognise_input(input: &Input) -> Result<&'static (dyn Format + Sync), SourceError> {
    let bytes = input.head()?;
    let columns = if bytes.starts_with(b"PAR1") { native::parquet_columns(input)? } else { Vec::new() };
    recognise(&Sample { bytes: &bytes, columns: &columns }).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        failure(
            format!(
                "{} line 1: {} is how no known format begins; name the format with `format`",
                input.name(),
                trouble::shown(first)
            ),
            &[&format!("formats: {}", names.join(", "))],
        )
    })
}

/// Opens a workload; without a format name it is told by the content of the first part.
///
/// # Errors
/// As [`Format::jobs`], and if the format is unknown.
pub fn open_jobs(
    parts: Vec<Input>,
    format_name: Option<&str>,
    options: &ReadOptions,
) -> Result<Box<dyn Source + Send>, SourceError> {
    let format = match (format_name, parts.first()) {
        (Some(name), _) => format(name)?,
        (None, Some(first)) => recognise_input(first)?,
        (None, None) => return Err(failure("a workload needs at least one file; name one with `path`", &[])),
    };
    format.jobs(parts, options)
}

/// Opens a fleet; without a format name it is told by content.
///
/// # Errors
/// As [`Format::fleet`], and if the format is unknown.
pub fn open_fleet(input: &Input, format_name: Option<&str>, options: &ReadOptions) -> Result<Fleet, SourceError> {
    let format = match format_name {
        Some(name) => format(name)?,
        None => recognise_input(input)?,
    };
    format.fleet(input, options)
}

/// Reads the file at `path` as [`open_jobs`] does.
///
/// # Errors
/// As [`open_jobs`].
pub fn open_jobs_file(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
    open_jobs(vec![Input::file(path)], None, options)
}

/// Gives `bytes` to the reader called `format_name`, as a workload and as a fleet, failing at and skipping bad rows.
/// What comes of it is dropped. For fuzzing: it must return, whatever the bytes are.
pub fn fuzz_entry(format_name: &str, bytes: &[u8]) {
    let Ok(format) = format(format_name) else { return };
    let input = Input::bytes("fuzz", bytes);
    let _ = recognise_input(&input);
    for on_bad_row in [OnBadRow::Fail, OnBadRow::Skip] {
        for job_as in [JobAs::Pool, JobAs::Gang] {
            let options = ReadOptions { on_bad_row, job_as, ..ReadOptions::default() };
            if let Ok(mut source) = format.jobs(vec![input.clone()], &options) {
                while let Ok(Some(_)) = source.next_job() {}
                let _ = source.notes();
            }
            let _ = format.fleet(&input, &options);
            // The tables that may stand beside one of tasks.
            let tasks = Input::bytes("tasks", *b"job_id,cpu_milli\n1,1\n");
            let beside = [
                ReadOptions { jobs: Some(input.clone()), ..options.clone() },
                ReadOptions { usage: Some(input.clone()), ..options.clone() },
            ];
            for options in beside {
                if let Ok(mut source) = format.jobs(vec![tasks.clone()], &options) {
                    while let Ok(Some(_)) = source.next_job() {}
                    let _ = source.notes();
                }
            }
        }
    }
}
