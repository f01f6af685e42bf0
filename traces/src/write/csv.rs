//! Tables as CSV.

use std::io::Write as _;

use super::draft::{Draft, unwritable};
use super::rows::{Header, Out};
use crate::model::SourceError;

/// A table that is being written.
pub(super) struct Table {
    writer: csv::Writer<Draft>,
    target: std::path::PathBuf,
    text: Vec<u8>,
}

impl Table {
    pub fn new(draft: Draft, columns: &[Header]) -> Result<Self, SourceError> {
        let target = draft.target().to_path_buf();
        let mut table = Self { writer: csv::Writer::from_writer(draft), target, text: Vec::new() };
        let names = columns.iter().map(|column| column.name.as_bytes());
        table.writer.write_record(names).map_err(|error| unwritable(&table.target, &error))?;
        Ok(table)
    }

    pub fn row(&mut self, cells: &[Out]) -> Result<(), SourceError> {
        for cell in cells {
            self.text.clear();
            // Writing to memory cannot fail.
            let _ = match cell {
                Out::None => Ok(()),
                Out::Whole(number) => write!(self.text, "{number}"),
                Out::Small(number) => write!(self.text, "{number}"),
                Out::Signed(number) => write!(self.text, "{number}"),
                Out::Flag(flag) => write!(self.text, "{flag}"),
                Out::Text(text) => self.text.write_all(text.as_bytes()),
            };
            self.writer.write_field(&self.text).map_err(|error| unwritable(&self.target, &error))?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(|error| unwritable(&self.target, &error))
    }

    pub fn finish(self) -> Result<Draft, SourceError> {
        let target = self.target;
        self.writer.into_inner().map_err(|error| unwritable(&target, &error.error()))
    }
}
