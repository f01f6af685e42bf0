//! Comma-separated tables with a header line or without, several parts as one.

use std::io::BufRead;
use std::sync::Arc;

use csv::ByteRecord;

use super::input::Input;
use super::number::Decimal;
use super::trouble::{Bad, Place, Trouble, failure, nearest, shown};
use crate::model::SourceError;

type Reader = csv::Reader<Box<dyn BufRead + Send>>;

/// The rows of a table, one at a time in a record that is reused.
pub(crate) struct Table {
    parts: std::vec::IntoIter<Input>,
    reader: Option<Reader>,
    file: Arc<str>,
    line: u64,
    columns: Vec<String>,
    record: ByteRecord,
    /// No line names the columns: they are those of the format.
    is_bare: bool,
    /// The record holds a row that was read already.
    is_ahead: bool,
}

impl Table {
    /// Opens the first part and reads its header.
    pub fn open(parts: Vec<Input>) -> Result<Self, SourceError> {
        Self::begin(parts, Vec::new())
    }

    /// Opens parts without a header, whose columns are these. A first line that holds no number is a header that
    /// somebody has added, and is passed over.
    pub fn bare(parts: Vec<Input>, columns: &[&str]) -> Result<Self, SourceError> {
        Self::begin(parts, columns.iter().map(|&name| name.to_owned()).collect())
    }

    /// Without columns they are read from the first line.
    fn begin(parts: Vec<Input>, columns: Vec<String>) -> Result<Self, SourceError> {
        let mut table = Self {
            parts: parts.into_iter(),
            reader: None,
            file: "".into(),
            line: 1,
            is_bare: !columns.is_empty(),
            columns,
            record: ByteRecord::new(),
            is_ahead: false,
        };
        if !table.next_part()? {
            return Err(failure("a table needs at least one file; name one with `path`", &[]));
        }
        Ok(table)
    }

    /// The column names.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The fields of the row.
    pub fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Where the row is.
    pub fn place(&self) -> Place<'_> {
        Place { file: &self.file, line: self.line }
    }

    /// Steps to the next row; false at the end. After [`Trouble::Bad`] the next row may be asked for.
    pub fn advance(&mut self) -> Result<bool, Trouble> {
        while !std::mem::take(&mut self.is_ahead) {
            let Some(reader) = &mut self.reader else { return Ok(false) };
            match reader.read_byte_record(&mut self.record) {
                Ok(true) => break,
                Ok(false) => {
                    if !self.next_part()? {
                        return Ok(false);
                    }
                }
                Err(error) => {
                    let line = error.position().map_or(self.line, csv::Position::line);
                    return Err(unreadable(&self.file, line, &error).into());
                }
            }
        }
        self.line = self.record.position().map_or(self.line, csv::Position::line);
        if self.record.len() != self.columns.len() {
            let row = self.record.iter().collect::<Vec<_>>().join(&b","[..]);
            let fields = if self.record.len() == 1 { "field" } else { "fields" };
            let what = format!("row of {} {fields}", self.record.len());
            let as_what = if self.is_bare { "as such rows have" } else { "as the header has" };
            return Err(Bad::new(what, &row, format!("{} {as_what}", self.columns.len())).into());
        }
        Ok(true)
    }

    fn next_part(&mut self) -> Result<bool, SourceError> {
        self.reader = None;
        let Some(part) = self.parts.next() else { return Ok(false) };
        self.file = part.shared_name();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(part.open()?);
        let mut any = reader.read_byte_record(&mut self.record).map_err(|error| unreadable(&self.file, 1, &error))?;
        if self.is_bare && any && !self.record.iter().any(|field| Decimal::read(field.trim_ascii()).is_some()) {
            any = reader.read_byte_record(&mut self.record).map_err(|error| unreadable(&self.file, 2, &error))?;
        }
        if !any {
            let fix = if self.is_bare { "give one with rows" } else { "give a table that begins with a header line" };
            return Err(failure(format!("{} line 1: the file is empty; {fix}", self.file), &[]));
        }
        if self.is_bare {
            let (found, expected) = (self.record.len(), self.columns.len());
            if found != expected {
                return Err(failure(
                    format!(
                        "{} line 1: {found} fields where {expected} are expected; check that this is the format",
                        self.file
                    ),
                    &[&format!("columns: {}", self.columns.join(", "))],
                ));
            }
            self.is_ahead = true;
            self.reader = Some(reader);
            return Ok(true);
        }
        let columns: Vec<String> =
            self.record.iter().map(|name| String::from_utf8_lossy(name).trim().to_string()).collect();
        if !self.columns.is_empty() && self.columns != columns {
            return Err(failure(
                format!(
                    "{} line 1: the header differs from that of the first part; give parts of one table",
                    self.file
                ),
                &[&format!("expected {}", shown(self.columns.join(",").as_bytes()))],
            ));
        }
        self.columns = columns;
        self.reader = Some(reader);
        Ok(true)
    }
}

fn unreadable(file: &str, line: u64, error: &csv::Error) -> SourceError {
    failure(format!("{file} line {line} cannot be read ({error}); check that the file is whole"), &[])
}

/// The error for a column that is not known, with the nearest that is.
pub(crate) fn unknown_column<'a>(
    place: Place<'_>,
    column: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> SourceError {
    let fix = match nearest(column, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "rename or remove it".into(),
    };
    let known: Vec<&str> = known.into_iter().collect();
    let column = shown(column.as_bytes());
    failure(
        format!("{} line {}: there is no column {column}; {fix}", place.file, place.line),
        &[&format!("columns: {}", known.join(", "))],
    )
}

/// The error for a column that stands there twice.
pub(crate) fn double_column(place: Place<'_>, column: &str) -> SourceError {
    failure(format!("{} line {}: the column `{column}` occurs twice; remove one", place.file, place.line), &[])
}

/// The error for a column that has to be there.
pub(crate) fn missing_column(place: Place<'_>, column: &str) -> SourceError {
    failure(
        format!("{} line {}: the column `{column}` is missing; add it to the header", place.file, place.line),
        &["the separator must be a comma and the first line must name the columns"],
    )
}
