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
use super::columns::{ExtraLanes, Kind, Slot, task_slots};
use super::pages;
use super::row::{Row, Rows, Shared, bad};
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
        if self.within == 0 {
            self.check_pages()?;
        }
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

impl ParquetFile {
    /// Whether the row group that is about to be read holds as many values as it says.
    fn check_pages(&self) -> Result<(), SourceError> {
        let Some(group) = self.metadata.row_groups.get(self.row_group) else { return Ok(()) };
        let checked = guarded(|| {
            let rows = group.num_rows() as u64;
            for column in group.parquet_columns() {
                // The library asks for memory by either count.
                let counted = u64::try_from(column.num_values()).is_ok_and(|values| values == rows);
                let checked = match &self.bytes {
                    _ if !counted => Err("a column has not one value per row"),
                    Bytes::File(file) => pages::check(&mut file.try_clone()?, column.byte_range(), rows),
                    Bytes::Memory(bytes) => pages::check(&mut Cursor::new(bytes), column.byte_range(), rows),
                };
                if let Err(why) = checked {
                    return Ok(Some(why));
                }
            }
            Ok(None)
        });
        match checked {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(damaged(&self.name, why)),
            Err(error) => Err(damaged(&self.name, &error)),
        }
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

impl Values {
    /// The value that stands in every row, if one does.
    fn constant(&self) -> Option<Cell<'_>> {
        let same = match self {
            Self::Missing => true,
            Self::Text(values) => all_equal(values.len(), |at| values.get(at)),
            Self::Whole(values) => values.cont_slice().is_ok_and(is_uniform),
            Self::Signed(values) => values.cont_slice().is_ok_and(is_uniform),
            Self::Real(values) => values.cont_slice().is_ok_and(is_uniform),
            Self::Flag(values) => all_equal(values.len(), |at| values.get(at)),
        };
        same.then(|| self.cell(0))
    }
}

fn is_uniform<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}

fn all_equal<T: PartialEq>(len: usize, get: impl Fn(usize) -> Option<T>) -> bool {
    let first = get(0);
    first.is_some() && (1..len).all(|at| get(at) == first)
}

/// The columns of a slice.
pub(super) fn values_of(file: &str, frame: &DataFrame) -> Result<Vec<Values>, SourceError> {
    guarded(|| frame.columns().iter().map(Values::of).collect()).map_err(|why| damaged(file, &why))
}

/// Rows of the tasks table.
pub(super) struct ParquetRows {
    parts: std::vec::IntoIter<Input>,
    file: ParquetFile,
    kind: Kind,
    lanes: ExtraLanes,
    slots: Vec<Slot>,
    /// What is the same in all rows of the slice.
    template: Row,
    /// The columns of the slice that differ, with what they hold and their place in the file.
    values: Vec<(Slot, usize, Values)>,
    at: usize,
    height: usize,
    /// Rows of the file before the slice.
    before: usize,
}

impl ParquetRows {
    pub fn open(parts: Vec<Input>, kind: Kind, mut lanes: ExtraLanes) -> Result<Self, SourceError> {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else {
            return Err(failure("a workload needs at least one file; name one with `path`", &[]));
        };
        let file = ParquetFile::open(&first)?;
        let slots = task_slots(&file.columns, kind, &mut lanes, Place { file: first.name(), line: 1 })?;
        let (template, values) = (Row::default(), Vec::new());
        Ok(Self { parts, file, kind, lanes, slots, template, values, at: 0, height: 0, before: 0 })
    }

    fn next_slice(&mut self, shared: &mut Shared) -> Result<bool, SourceError> {
        loop {
            self.before = self.file.read;
            if let Some(frame) = self.file.next_slice()? {
                let columns = values_of(&self.file.name, &frame)?;
                self.template = Row::default();
                self.values.clear();
                for ((at, slot), values) in self.slots.iter().enumerate().zip(columns) {
                    // A value that is wrong everywhere is reported where it first stands: with its row.
                    let same = values.constant().is_some_and(|cell| self.template.set(*slot, cell, shared).is_ok());
                    if !same {
                        self.values.push((*slot, at, values));
                    }
                }
                (self.at, self.height) = (0, frame.height());
                return Ok(true);
            }
            let Some(part) = self.parts.next() else { return Ok(false) };
            self.file = ParquetFile::open(&part)?;
            let place = Place { file: part.name(), line: 1 };
            self.slots = task_slots(&self.file.columns, self.kind, &mut self.lanes, place)?;
        }
    }
}

impl Rows for ParquetRows {
    fn next(&mut self, row: &mut Row, shared: &mut Shared) -> Result<bool, Trouble> {
        if self.at == self.height && !self.next_slice(shared)? {
            self.height = self.at;
            return Ok(false);
        }
        let at = self.at;
        self.at += 1;
        row.clone_from(&self.template);
        for (slot, column, values) in &self.values {
            let cell = values.cell(at);
            row.set(*slot, cell, shared)
                .map_err(|expected| bad(self.file.columns.get(*column).map_or("", String::as_str), cell, expected))?;
        }
        row.settle()?;
        Ok(true)
    }

    /// Rows count from 1.
    fn place(&self) -> Place<'_> {
        Place { file: &self.file.name, line: (self.before + self.at) as u64 }
    }
}
