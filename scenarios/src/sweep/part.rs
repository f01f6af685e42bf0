//! One run as one row, and many rows as one table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windtunnel_outcome::Summary;
use windtunnel_outcome::summary::Value;
use windtunnel_reports::read::Frame;
use windtunnel_reports::write::parquet::{ColumnMut, RealColumn, TableFile, WholeColumn, WordColumn};

use super::spec::{Axis, Case};
use crate::failure::Failure;

/// The results of a sweep: a row per run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The number of each run.
    pub runs: Vec<u64>,
    /// The seed of each.
    pub seeds: Vec<u64>,
    /// Everything else by name; each has a value per run.
    pub columns: BTreeMap<String, Column>,
}

/// A column of the results.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Words: values of axes, names, digests.
    Words(Vec<Option<String>>),
    /// Numbers of the summary.
    Numbers(Vec<Option<f64>>),
}

/// The row of a run as a Parquet file: `run`, `seed`, a column of words per axis, and one per entry of the summary.
pub(super) fn write(axes: &[Axis], case: &Case, summary: &Summary) -> Result<Vec<u8>, Failure> {
    let mut table = Table { runs: vec![case.index as u64], seeds: vec![case.seed], ..Table::default() };
    for (path, value) in summary.iter() {
        let column = match value {
            Value::Text(text) => Column::Words(vec![Some(text.clone())]),
            value => Column::Numbers(vec![value.number()]),
        };
        table.columns.insert(path.join("."), column);
    }
    // `seed` is a column of its own.
    table.columns.remove("seed");
    for (axis, value) in axes.iter().zip(&case.values) {
        table.columns.insert(axis.title().to_owned(), Column::Words(vec![Some(value.clone())]));
    }
    table.to_parquet()
}

/// True if `path` holds the whole row of `case`.
pub(super) fn is_whole(path: &Path, case: &Case) -> bool {
    path.exists()
        && Frame::read(path, Some(&["run", "seed"]))
            .and_then(|frame| Ok((frame.wholes("run")?, frame.wholes("seed")?)))
            .is_ok_and(|(run, seed)| run == [Some(case.index as u64)] && seed == [Some(case.seed)])
}

/// Reads rows one after the other; a column that some lack is empty there.
pub(super) fn gather(paths: impl Iterator<Item = PathBuf>) -> Result<Table, Failure> {
    let mut table = Table::default();
    for path in paths {
        let one = Table::from_parquet(&path)?;
        table.append(one);
    }
    Ok(table)
}

impl Table {
    /// How many runs.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.runs.len()
    }

    /// The numbers called `name`.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Option<&[Option<f64>]> {
        match self.columns.get(name)? {
            Column::Numbers(numbers) => Some(numbers),
            Column::Words(_) => None,
        }
    }

    /// The words called `name`.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<&[Option<String>]> {
        match self.columns.get(name)? {
            Column::Words(words) => Some(words),
            Column::Numbers(_) => None,
        }
    }

    /// Adds the rows of `other` below.
    fn append(&mut self, other: Self) {
        let before = self.rows();
        self.runs.extend(other.runs);
        self.seeds.extend(other.seeds);
        let after = self.rows();
        for (name, column) in other.columns {
            match (self.columns.get_mut(&name), column) {
                (Some(Column::Words(words)), Column::Words(more)) => words.extend(more),
                (Some(Column::Numbers(numbers)), Column::Numbers(more)) => numbers.extend(more),
                // What was undefined so far may turn out to be words.
                (Some(slot), Column::Words(more)) => {
                    *slot = Column::Words(std::iter::repeat_n(None, before).chain(more).collect());
                }
                (Some(_), Column::Numbers(_)) => {}
                (None, Column::Words(more)) => {
                    let words = std::iter::repeat_n(None, before).chain(more).collect();
                    self.columns.insert(name, Column::Words(words));
                }
                (None, Column::Numbers(more)) => {
                    let numbers = std::iter::repeat_n(None, before).chain(more).collect();
                    self.columns.insert(name, Column::Numbers(numbers));
                }
            }
        }
        for column in self.columns.values_mut() {
            match column {
                Column::Words(words) => words.resize(after, None),
                Column::Numbers(numbers) => numbers.resize(after, None),
            }
        }
    }

    /// The table as a Parquet file.
    ///
    /// # Errors
    /// If there are too many rows for one.
    pub fn to_parquet(&self) -> Result<Vec<u8>, Failure> {
        let failed =
            |error: std::io::Error| Failure::new(format!("the results cannot be written as Parquet ({error})"));
        let mut file = TableFile::new(Vec::new()).map_err(failed)?;
        let [mut runs, mut seeds] = [WholeColumn::required(), WholeColumn::required()];
        self.runs.iter().for_each(|&run| runs.push(run));
        self.seeds.iter().for_each(|&seed| seeds.push(seed));
        enum Filled {
            Words(WordColumn),
            Numbers(RealColumn),
        }
        let mut filled: Vec<(&str, Filled)> = Vec::with_capacity(self.columns.len());
        for (name, column) in &self.columns {
            let column = match column {
                Column::Words(words) => {
                    let mut column = WordColumn::optional();
                    words.iter().for_each(|word| column.push_option(word.as_deref()));
                    Filled::Words(column)
                }
                Column::Numbers(numbers) => {
                    let mut column = RealColumn::optional();
                    numbers.iter().for_each(|&number| column.push_option(number));
                    Filled::Numbers(column)
                }
            };
            filled.push((name, column));
        }
        let mut columns = vec![("run", ColumnMut::Whole(&mut runs)), ("seed", ColumnMut::Whole(&mut seeds))];
        columns.extend(filled.iter_mut().map(|(name, column)| {
            let column = match column {
                Filled::Words(column) => ColumnMut::Word(column),
                Filled::Numbers(column) => ColumnMut::Real(column),
            };
            (*name, column)
        }));
        file.write_group(self.rows() as u64, &mut columns).map_err(failed)?;
        file.finish().map_err(failed)
    }

    /// Reads what [`Table::to_parquet`] wrote.
    ///
    /// # Errors
    /// If the file is missing, or is something else.
    pub fn from_parquet(path: &Path) -> Result<Self, Failure> {
        let failed = |error: windtunnel_reports::read::ReadError| Failure::new(error.message);
        let frame = Frame::read(path, None).map_err(failed)?;
        let whole = |name: &str| -> Result<Vec<u64>, Failure> {
            Ok(frame.wholes(name).map_err(failed)?.into_iter().map(Option::unwrap_or_default).collect())
        };
        let mut table = Self { runs: whole("run")?, seeds: whole("seed")?, ..Self::default() };
        let reals = frame.real_names();
        for name in frame.names() {
            if name == "run" || name == "seed" {
                continue;
            }
            let column = if reals.contains(&name) {
                Column::Numbers(frame.reals(&name).map_err(failed)?)
            } else {
                Column::Words(frame.texts(&name).map_err(failed)?)
            };
            table.columns.insert(name, column);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(run: u64, columns: &[(&str, Column)]) -> Table {
        let columns = columns.iter().map(|(name, column)| ((*name).to_owned(), column.clone())).collect();
        Table { runs: vec![run], seeds: vec![run + 10], columns }
    }

    #[test]
    fn rows_add_up_and_gaps_stay_empty() {
        let words = |word: &str| Column::Words(vec![Some(word.to_owned())]);
        let numbers = |number: Option<f64>| Column::Numbers(vec![number]);
        let mut table = row(0, &[("policy", words("a")), ("late", numbers(None)), ("one", numbers(Some(1.0)))]);
        table.append(row(1, &[("policy", words("b")), ("late", words("x")), ("two", numbers(Some(2.0)))]));
        assert_eq!(table.words("policy").unwrap(), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(table.words("late").unwrap(), [None, Some("x".to_owned())]);
        assert_eq!(table.numbers("one").unwrap(), [Some(1.0), None]);
        assert_eq!(table.numbers("two").unwrap(), [None, Some(2.0)]);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        std::fs::write(&path, table.to_parquet().unwrap()).unwrap();
        assert_eq!(Table::from_parquet(&path).unwrap(), table);
    }
}
