//! Lines with `|` between fields that nobody quotes: a job's name may hold a `|` or even a line end.
//!
//! A line that makes no sense is joined with those after it. Of one with too many fields, the surplus belongs to one of
//! the columns that users write; which one is told by the other columns, which must make sense.

use std::ops::Range;
use std::sync::Arc;

use super::words;
use crate::model::SourceError;
use crate::read::Input;
use crate::read::input::Lines;
use crate::read::rows::Rows;
use crate::read::trouble::{Bad, Place, Trouble, failure};

/// Lines that one record may be spread over.
const LINES_MOST: u32 = 64;
/// Columns whose text is a user's.
const FREE: [&str; 7] = ["JobName", "Comment", "AdminComment", "SystemComment", "SubmitLine", "WorkDir", "Constraints"];
/// Separators too many that are worth a guess whose they are.
const SURPLUS_MOST: usize = 16;

/// The columns that jobs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Column {
    JobId,
    Submit,
    Start,
    End,
    State,
    ReqCpus,
    AllocCpus,
    Ncpus,
    Nnodes,
    ReqMem,
    ReqTres,
    AllocTres,
    Timelimit,
    TimelimitRaw,
    Account,
    User,
    Partition,
    Priority,
    NodeList,
}

const NAMES: [&str; 19] = [
    "JobID",
    "Submit",
    "Start",
    "End",
    "State",
    "ReqCPUS",
    "AllocCPUS",
    "NCPUS",
    "NNodes",
    "ReqMem",
    "ReqTRES",
    "AllocTRES",
    "Timelimit",
    "TimelimitRaw",
    "Account",
    "User",
    "Partition",
    "Priority",
    "NodeList",
];
/// How many of them have to be there.
const REQUIRED: usize = 5;

const STATES: [&str; 15] = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PENDING",
    "PREEMPTED",
    "RUNNING",
    "REQUEUED",
    "RESIZING",
    "REVOKED",
    "SUSPENDED",
    "TIMEOUT",
];

/// The records of one or more files.
pub(super) struct Records {
    lines: Lines,
    /// The part that the header was read of; another part has its own.
    file: Arc<str>,
    header: Vec<u8>,
    columns: usize,
    positions: [Option<usize>; NAMES.len()],
    free: Vec<usize>,
    text: Vec<u8>,
    fields: Vec<Range<usize>>,
    line: u64,
    /// A line that was read on the way and begins a record of its own.
    ahead: Option<(Vec<u8>, u64)>,
}

fn bars(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'|').count()
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

impl Records {
    /// Opens the first part and reads its header.
    pub(super) fn open(parts: Vec<Input>) -> Result<Self, SourceError> {
        let mut lines = Lines::new(parts);
        if !lines.advance()? {
            let message = format!("{} line 1: the file is empty; give what `sacct -P` prints", lines.file());
            return Err(failure(message, &[]));
        }
        let header = trimmed(lines.text()).to_vec();
        let names: Vec<String> =
            header.split(|&byte| byte == b'|').map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let positions = NAMES.map(|wanted| names.iter().position(|name| name == wanted));
        if let Some(missing) = (0..REQUIRED).find(|&at| positions[at].is_none()) {
            let name = NAMES[missing];
            let message = format!("{} line 1: the column `{name}` is missing; print it too", lines.file());
            return Err(failure(message, &["sacct -P --format JobID,Submit,Start,End,State,ReqCPUS,ReqMem,.."]));
        }
        let is_free = |name: &&String| FREE.contains(&name.as_str());
        let free = names.iter().enumerate().filter(|(_, name)| is_free(name)).map(|(at, _)| at).collect();
        Ok(Self {
            file: lines.file().clone(),
            lines,
            columns: names.len(),
            header,
            positions,
            free,
            text: Vec::new(),
            fields: Vec::new(),
            line: 1,
            ahead: None,
        })
    }

    /// The text of a column; empty where the file has no such column.
    pub(super) fn text(&self, column: Column) -> &[u8] {
        let range = self.positions[column as usize].and_then(|at| self.fields.get(at));
        range.and_then(|range| self.text.get(range.clone())).unwrap_or_default().trim_ascii()
    }

    /// The complaint about a column.
    pub(super) fn bad(&self, column: Column, expected: &'static str) -> Bad {
        Bad::new(format!("column `{}`", NAMES[column as usize]), self.text(column), expected)
    }

    /// Takes the next line into `text`; false at the end. The header of a further part is passed over.
    fn begin(&mut self) -> Result<bool, SourceError> {
        if let Some((text, line)) = self.ahead.take() {
            (self.text, self.line) = (text, line);
            return Ok(true);
        }
        while self.lines.advance()? {
            let text = trimmed(self.lines.text());
            let is_header = self.lines.number() == 1 && !Arc::ptr_eq(&self.file, self.lines.file());
            if is_header {
                if text != self.header.as_slice() {
                    let file = self.lines.file();
                    let message = format!(
                        "{file} line 1: the header differs from that of the first part; give parts of one table"
                    );
                    return Err(failure(message, &[]));
                }
                self.file = self.lines.file().clone();
            } else if !text.is_empty() {
                self.text.clear();
                self.text.extend_from_slice(text);
                self.line = self.lines.number();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Joins lines until they make sense, and gives the fields; None if they never do. A line that is a whole record
    /// stays one, and the end of a part ends its last record.
    fn join(&mut self) -> Result<Option<Vec<Range<usize>>>, SourceError> {
        for _ in 0..LINES_MOST {
            let fields = self.split_at(&self.text);
            if fields.is_some() || !self.lines.advance()? {
                return Ok(fields);
            }
            if self.lines.number() == 1 {
                self.file = self.lines.file().clone();
                return Ok(None);
            }
            let next = trimmed(self.lines.text());
            if self.split_at(next).is_some() {
                self.ahead = Some((next.to_vec(), self.lines.number()));
                return Ok(None);
            }
            self.text.push(b'\n');
            self.text.extend_from_slice(next);
        }
        Ok(None)
    }

    /// The fields of a record; None if no reading of it makes sense.
    fn split_at(&self, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let surplus = (bars(text) + 1).checked_sub(self.columns)?;
        let mut from = 0;
        let mut pieces: Vec<Range<usize>> = Vec::with_capacity(self.columns);
        for piece in text.split(|&byte| byte == b'|') {
            pieces.push(from..from + piece.len());
            from += piece.len() + 1;
        }
        if surplus == 0 {
            return self.makes_sense(text, &pieces).then_some(pieces);
        }
        if surplus > SURPLUS_MOST {
            return None;
        }
        // All of it in one column, else in two.
        let whole = self.free.iter().find_map(|&free| self.merged(text, &pieces, [(free, surplus), (0, 0)]));
        whole.or_else(|| {
            let mut pairs = self.free.iter().enumerate().flat_map(|(at, &one)| {
                self.free[at + 1..].iter().flat_map(move |&two| (1..surplus).map(move |part| (one, two, part)))
            });
            pairs.find_map(|(one, two, part)| self.merged(text, &pieces, [(one, part), (two, surplus - part)]))
        })
    }

    /// The fields if so many pieces more than one belong to these columns; None if that makes no sense.
    fn merged(&self, text: &[u8], pieces: &[Range<usize>], more: [(usize, usize); 2]) -> Option<Vec<Range<usize>>> {
        let mut from = 0;
        let mut fields = Vec::with_capacity(self.columns);
        for column in 0..self.columns {
            let extra: usize = more.iter().filter(|(at, _)| *at == column).map(|(_, extra)| extra).sum();
            fields.push(pieces.get(from)?.start..pieces.get(from + extra)?.end);
            from += extra + 1;
        }
        self.makes_sense(text, &fields).then_some(fields)
    }

    fn makes_sense(&self, text: &[u8], fields: &[Range<usize>]) -> bool {
        let of = |column: Column| {
            let range = self.positions[column as usize].and_then(|at| fields.get(at)).cloned();
            range.and_then(|range| text.get(range)).unwrap_or_default()
        };
        let state = of(Column::State);
        let is_state = STATES.iter().any(|known| {
            state.strip_prefix(known.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
        });
        let is_instant = |column| {
            let text = of(column);
            words::time(text).is_some() || matches!(text, b"" | b"None" | b"Unknown")
        };
        let is_count = |column| of(column).iter().all(u8::is_ascii_alphanumeric);
        is_state
            && [Column::Start, Column::End].into_iter().all(is_instant)
            && [Column::Ncpus, Column::Nnodes, Column::ReqCpus, Column::AllocCpus].into_iter().all(is_count)
            && of(Column::JobId).first().is_some_and(u8::is_ascii_digit)
            && words::time(of(Column::Submit)).is_some()
    }
}

impl Rows for Records {
    fn advance(&mut self) -> Result<bool, Trouble> {
        if !self.begin()? {
            return Ok(false);
        }
        match self.join()? {
            Some(fields) => {
                self.fields = fields;
                Ok(true)
            }
            None => {
                let found = bars(&self.text) + 1;
                let expected = format!("{} with a job, a time of submission and a state among them", self.columns);
                Err(Bad::new(format!("row of {found} fields"), &self.text, expected).into())
            }
        }
    }

    fn place(&self) -> Place<'_> {
        Place { file: &self.file, line: self.line }
    }
}
