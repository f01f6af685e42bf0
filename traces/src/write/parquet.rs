//! Tables as Parquet, a row group of at most 65,536 rows at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{Column, DataFrame, DataType, Field, ParquetWriter, PolarsResult, Schema};

use super::draft::{Draft, unwritable};
use super::rows::{Header, Kind, Out};
use crate::model::SourceError;

/// Rows of a row group: what a reader has to hold at once.
const GROUP: usize = 65_536;

/// A column of the row group that is being filled.
enum Buffer {
    Whole(Vec<Option<u64>>),
    Small(Vec<Option<u32>>),
    Signed(Vec<Option<i32>>),
    Flag(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

impl Buffer {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Whole => Self::Whole(Vec::new()),
            Kind::Small => Self::Small(Vec::new()),
            Kind::Signed => Self::Signed(Vec::new()),
            Kind::Flag => Self::Flag(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
        }
    }

    fn push(&mut self, cell: &Out) {
        // A cell of another kind than its column is a defect of ours; its place stays empty.
        match (self, cell) {
            (Self::Whole(values), Out::Whole(number)) => values.push(Some(*number)),
            (Self::Small(values), Out::Small(number)) => values.push(Some(*number)),
            (Self::Signed(values), Out::Signed(number)) => values.push(Some(*number)),
            (Self::Flag(values), Out::Flag(flag)) => values.push(Some(*flag)),
            (Self::Text(values), Out::Text(text)) => values.push(Some(text.clone())),
            (Self::Whole(values), _) => values.push(None),
            (Self::Small(values), _) => values.push(None),
            (Self::Signed(values), _) => values.push(None),
            (Self::Flag(values), _) => values.push(None),
            (Self::Text(values), _) => values.push(None),
        }
    }

    fn take(&mut self, name: &str) -> Column {
        let name = name.into();
        match self {
            Self::Whole(values) => Column::new(name, std::mem::take(values)),
            Self::Small(values) => Column::new(name, std::mem::take(values)),
            Self::Signed(values) => Column::new(name, std::mem::take(values)),
            Self::Flag(values) => Column::new(name, std::mem::take(values)),
            Self::Text(values) => Column::new(name, std::mem::take(values)),
        }
    }
}

/// A file that is handed to the library and wanted back.
#[derive(Clone)]
struct Lent(Arc<Mutex<Option<Draft>>>);

impl Lent {
    fn with<T>(&self, act: impl FnOnce(&mut Draft) -> std::io::Result<T>) -> std::io::Result<T> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(draft) => act(draft),
            None => Err(std::io::Error::other("the file is closed")),
        }
    }
}

impl std::io::Write for Lent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.with(|draft| draft.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.with(std::io::Write::flush)
    }
}

/// A table that is being written.
pub(super) struct Table {
    writer: polars::prelude::BatchedWriter<Lent>,
    lent: Lent,
    target: PathBuf,
    columns: Vec<(String, Buffer)>,
    rows: usize,
}

impl Table {
    pub fn new(draft: Draft, columns: &[Header]) -> Result<Self, SourceError> {
        let target = draft.target().to_path_buf();
        let lent = Lent(Arc::new(Mutex::new(Some(draft))));
        let schema: Schema =
            columns.iter().map(|column| Field::new(column.name.as_str().into(), kind_of(column.kind))).collect();
        let writer = guarded(&target, || ParquetWriter::new(lent.clone()).set_parallel(false).batched(&schema))?;
        let columns = columns.iter().map(|column| (column.name.clone(), Buffer::new(column.kind))).collect();
        Ok(Self { writer, lent, target, columns, rows: 0 })
    }

    pub fn row(&mut self, cells: &[Out]) -> Result<(), SourceError> {
        for ((_, buffer), cell) in self.columns.iter_mut().zip(cells) {
            buffer.push(cell);
        }
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), SourceError> {
        let columns: Vec<Column> = self.columns.iter_mut().map(|(name, buffer)| buffer.take(name)).collect();
        let rows = std::mem::take(&mut self.rows);
        let writer = &mut self.writer;
        guarded(&self.target, || writer.write_batch(&DataFrame::new(rows, columns)?))
    }

    pub fn finish(mut self) -> Result<Draft, SourceError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        guarded(&self.target, || self.writer.finish())?;
        let draft = self.lent.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        draft.ok_or_else(|| unwritable(&self.target, &"the file is closed"))
    }
}

fn kind_of(kind: Kind) -> DataType {
    match kind {
        Kind::Whole => DataType::UInt64,
        Kind::Small => DataType::UInt32,
        Kind::Signed => DataType::Int32,
        Kind::Flag => DataType::Boolean,
        Kind::Text => DataType::String,
    }
}

/// A failure of the library must not leave the draft behind by ending the process.
fn guarded<T>(target: &std::path::Path, write: impl FnOnce() -> PolarsResult<T>) -> Result<T, SourceError> {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(unwritable(target, &error)),
        Err(_) => Err(unwritable(target, &"the Parquet library failed")),
    }
}
