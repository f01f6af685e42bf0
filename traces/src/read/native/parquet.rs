//! Rows of Parquet: a slice of at most 65,536 rows at a time, never the whole file.

use std::fs::File;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, FileMetadata, Float64Chunked, Int64Chunked, ParallelStrategy,
    ParquetReader, PolarsError, PolarsResult, SerReader, StringChunked, UInt64Chunked,
};

use super::cell::Cell;
use super::columns::{ExtraLanes, Slot, task_slots};
use super::row::{Row, Rows, Shared};
use crate::model::SourceError;
use crate::read::input::{Content, Input};
use crate::read::trouble::{Place, Trouble, failure};

/// How many rows are unpacked at once.
const SLICE: usize = 65_536;

/// A file that can be read at any place.
enum Bytes {
    File(File),
    Memory(Arc<[u8]>),
}

/// A Parquet file whose footer has been read.
pub(super) struct ParquetFile {
    name: Arc<str>,
    bytes: Bytes,
    metadata: Arc<FileMetadata>,
    pub columns: Vec<String>,
    row_group: usize,
    /// Rows of the row group that have been read.
    within: usize,
    /// Rows of the file that have been read.
    read: usize,
}

impl ParquetFile {
    pub fn open(input: &Input) -> Result<Self, SourceError> {
        let bytes = match input.content() {
            Content::Memory(bytes) => Bytes::Memory(bytes.clone()),
            Content::File(path) => Bytes::File(File::open(path).map_err(|error| {
                failure(format!("{} cannot be opened ({error}); check the path", input.name()), &[])
            })?),
        };
        let footer = guarded(|| match &bytes {
            Bytes::File(file) => footer(ParquetReader::new(file.try_clone()?)),
            Bytes::Memory(bytes) => footer(ParquetReader::new(Cursor::new(bytes.clone()))),
        });
        let (metadata, columns) = footer.map_err(|error| damaged(input.name(), &error))?;
        let name = input.shared_name();
        Ok(Self { name, bytes, metadata, columns, row_group: 0, within: 0, read: 0 })
    }

    /// The next rows, all from one row group; None at the end.
    pub fn next_slice(&mut self) -> Result<Option<DataFrame>, SourceError> {
        let rows = loop {
            let Some(group) = self.metadata.row_groups.get(self.row_group) else { return Ok(None) };
            let left = group.num_rows().saturating_sub(self.within);
            if left > 0 {
                break left.min(SLICE);
            }
            self.row_group += 1;
            self.within = 0;
        };
        let slice = (self.read, rows);
        let frame = guarded(|| match &self.bytes {
            Bytes::File(file) => frame(ParquetReader::new(file.try_clone()?), &self.metadata, slice),
            Bytes::Memory(bytes) => frame(ParquetReader::new(Cursor::new(bytes.clone())), &self.metadata, slice),
        });
        let frame = frame.map_err(|error| damaged(&self.name, &error))?;
        if frame.height() != rows || frame.width() != self.columns.len() {
            return Err(damaged(&self.name, "it holds fewer values than it says"));
        }
        self.within += rows;
        self.read += rows;
        Ok(Some(frame))
    }
}

/// Column names of a Parquet file.
pub(crate) fn parquet_columns(input: &Input) -> Result<Vec<String>, SourceError> {
    Ok(ParquetFile::open(input)?.columns)
}

/// The library panics on some damaged files; to a user both are the same.
fn guarded<T>(read: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string().lines().next().unwrap_or_default().to_string()),
        Err(_) => Err("its contents contradict each other".into()),
    }
}

fn damaged(name: &str, why: &str) -> SourceError {
    failure(
        format!("{name} cannot be read as Parquet ({why}); check that the file is whole"),
        &["a Parquet file that was compressed once more has to be unpacked first"],
    )
}

fn footer<R>(mut reader: ParquetReader<R>) -> PolarsResult<(Arc<FileMetadata>, Vec<String>)>
where
    R: polars::io::mmap::MmapBytesReader,
{
    let metadata = reader.get_metadata()?.clone();
    let columns = reader.schema()?.iter_names().map(ToString::to_string).collect();
    Ok((metadata, columns))
}

fn frame<R>(reader: ParquetReader<R>, metadata: &Arc<FileMetadata>, slice: (usize, usize)) -> PolarsResult<DataFrame>
where
    R: polars::io::mmap::MmapBytesReader,
{
    let mut reader = reader;
    reader.set_metadata(metadata.clone());
    // With this strategy row groups outside of the slice are not touched at all.
    reader.read_parallel(ParallelStrategy::RowGroups).with_slice(Some(slice)).finish()
}

/// A column of one of the few types that values are taken from.
pub(super) enum Values {
    Missing,
    Text(StringChunked),
    Whole(UInt64Chunked),
    Signed(Int64Chunked),
    Real(Float64Chunked),
    Flag(BooleanChunked),
}

impl Values {
    pub fn of(column: &Column) -> PolarsResult<Self> {
        if column.null_count() == column.len() {
            return Ok(Self::Missing);
        }
        let series = column.as_materialized_series().rechunk();
        match series.dtype() {
            DataType::String => Ok(Self::Text(series.str()?.clone())),
            DataType::Boolean => Ok(Self::Flag(series.bool()?.clone())),
            kind if kind.is_unsigned_integer() => Ok(Self::Whole(series.cast(&DataType::UInt64)?.u64()?.clone())),
            kind if kind.is_integer() => Ok(Self::Signed(series.cast(&DataType::Int64)?.i64()?.clone())),
            kind if kind.is_float() => Ok(Self::Real(series.cast(&DataType::Float64)?.f64()?.clone())),
            kind => Err(PolarsError::SchemaMismatch(
                format!("column `{}` is of type {kind}; write it as text, integers or booleans", column.name()).into(),
            )),
        }
    }

    #[inline]
    pub fn cell(&self, at: usize) -> Cell<'_> {
        match self {
            Self::Missing => Cell::Empty,
            Self::Text(values) => values.get(at).map_or(Cell::Empty, |text| Cell::text(text.as_bytes())),
            Self::Whole(values) => values.get(at).map_or(Cell::Empty, Cell::Whole),
            Self::Signed(values) => values.get(at).map_or(Cell::Empty, Cell::Signed),
            Self::Real(values) => values.get(at).map_or(Cell::Empty, Cell::Real),
            Self::Flag(values) => values.get(at).map_or(Cell::Empty, Cell::Flag),
        }
    }
}

/// The columns of a slice.
pub(super) fn values_of(file: &str, frame: &DataFrame) -> Result<Vec<Values>, SourceError> {
    guarded(|| frame.columns().iter().map(Values::of).collect()).map_err(|why| damaged(file, &why))
}

/// Rows of the tasks table.
pub(super) struct ParquetRows {
    parts: std::vec::IntoIter<Input>,
    file: ParquetFile,
    lanes: ExtraLanes,
    slots: Vec<Slot>,
    /// The columns of the slice that say anything, with their place in the file.
    values: Vec<(usize, Values)>,
    present: Vec<Slot>,
    at: usize,
    height: usize,
    /// Rows of the file before the slice.
    before: usize,
}

impl ParquetRows {
    pub fn open(parts: Vec<Input>, mut lanes: ExtraLanes) -> Result<Self, SourceError> {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else {
            return Err(failure("a workload needs at least one file; name one with `path`", &[]));
        };
        let file = ParquetFile::open(&first)?;
        let slots = task_slots(&file.columns, &mut lanes, Place { file: first.name(), line: 1 })?;
        let (values, present) = (Vec::new(), Vec::new());
        Ok(Self { parts, file, lanes, slots, values, present, at: 0, height: 0, before: 0 })
    }

    fn next_slice(&mut self) -> Result<bool, SourceError> {
        loop {
            self.before = self.file.read;
            if let Some(frame) = self.file.next_slice()? {
                let values = values_of(&self.file.name, &frame)?;
                // The columns that must be there are kept even if empty, so that their rows are refused.
                let required = |slot: Slot| matches!(slot, Slot::JobId | Slot::Submit | Slot::Request(0));
                let kept = |at: usize, values: &Values| {
                    !matches!(values, Values::Missing) || self.slots.get(at).is_some_and(|slot| required(*slot))
                };
                self.values = values.into_iter().enumerate().filter(|(at, values)| kept(*at, values)).collect();
                self.present = self.values.iter().filter_map(|(at, _)| self.slots.get(*at).copied()).collect();
                (self.at, self.height) = (0, frame.height());
                return Ok(true);
            }
            let Some(part) = self.parts.next() else { return Ok(false) };
            self.file = ParquetFile::open(&part)?;
            self.slots = task_slots(&self.file.columns, &mut self.lanes, Place { file: part.name(), line: 1 })?;
        }
    }
}

impl Rows for ParquetRows {
    fn next(&mut self, shared: &mut Shared) -> Result<Option<Row>, Trouble> {
        if self.at == self.height && !self.next_slice()? {
            self.height = self.at;
            return Ok(None);
        }
        let row = self.at;
        self.at += 1;
        let cell = |at: usize| self.values.get(at).map_or(Cell::Empty, |(_, values)| values.cell(row));
        let name = |at: usize| {
            let place = self.values.get(at).map_or(0, |(place, _)| *place);
            self.file.columns.get(place).cloned().unwrap_or_default()
        };
        Ok(Some(Row::read(&self.present, cell, name, shared)?))
    }

    /// Rows count from 1.
    fn place(&self) -> Place<'_> {
        Place { file: &self.file.name, line: (self.before + self.at) as u64 }
    }
}
