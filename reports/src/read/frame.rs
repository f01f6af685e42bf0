//! A table of a result in memory.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, DataType, ParquetReader, PolarsResult, SerReader, Series};

use super::ReadError;

/// A Parquet file of a result, or some of its columns.
pub struct Frame {
    path: PathBuf,
    frame: DataFrame,
}

impl Frame {
    /// Reads `path`: the columns named, else all.
    ///
    /// # Errors
    /// If the file is missing, is no Parquet file or lacks one of the columns.
    pub fn read(path: &Path, columns: Option<&[&str]>) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::new(path, error))?;
        let columns = columns.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let frame = ParquetReader::new(file).with_columns(columns).finish();
        let frame = frame.map_err(|error| ReadError::new(path, error))?;
        Ok(Self { path: path.to_owned(), frame })
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// The table itself.
    #[must_use]
    pub const fn data(&self) -> &DataFrame {
        &self.frame
    }

    /// The names of the columns, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.frame.get_column_names().iter().map(ToString::to_string).collect()
    }

    /// The names of the columns that hold measures, in order.
    #[must_use]
    pub fn real_names(&self) -> Vec<String> {
        let columns = self.frame.columns().iter();
        columns.filter(|column| *column.dtype() == DataType::Float64).map(|column| column.name().to_string()).collect()
    }

    fn column<T>(&self, name: &str, values: impl Fn(&Column) -> PolarsResult<T>) -> Result<T, ReadError> {
        self.frame.column(name).and_then(values).map_err(|error| ReadError::new(&self.path, error))
    }

    /// A column of whole numbers; one below zero is taken for a missing one, since a run writes none.
    ///
    /// # Errors
    /// If there is no such column of whole numbers.
    pub fn wholes(&self, name: &str) -> Result<Vec<Option<u64>>, ReadError> {
        let value = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        self.column(name, |column| Ok(column.i64()?.iter().map(value).collect()))
    }

    /// A column of measures.
    ///
    /// # Errors
    /// If there is no such column of measures.
    pub fn reals(&self, name: &str) -> Result<Vec<Option<f64>>, ReadError> {
        self.column(name, |column| Ok(column.f64()?.iter().collect()))
    }

    /// A column of text.
    ///
    /// # Errors
    /// If there is no such column of text.
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>, ReadError> {
        self.column(name, |column| Ok(column.str()?.iter().map(|text| text.map(str::to_owned)).collect()))
    }

    /// A column of lists of small whole numbers, each list as a set of bits; numbers above 63 are passed over.
    ///
    /// # Errors
    /// If there is no such column of lists of whole numbers.
    pub fn sets(&self, name: &str) -> Result<Vec<u64>, ReadError> {
        self.column(name, |column| {
            let lists = column.list()?;
            let set = |list: Option<Series>| -> PolarsResult<u64> {
                let Some(list) = list else { return Ok(0) };
                let numbers = list.cast(&DataType::Int64)?;
                let bits = numbers.i64()?.iter().flatten().filter(|bit| (0..64).contains(bit));
                Ok(bits.fold(0, |set, bit| set | 1 << bit))
            };
            (0..lists.len()).map(|at| set(lists.get_as_series(at))).collect()
        })
    }
}
