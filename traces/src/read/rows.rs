//! What readers with a job per row share: rows in, jobs out in submit order, and what is counted on the way.

use std::collections::BTreeSet;

use windtunnel_scheduler::time::Time;

use super::number::{Decimal, whole};
use super::order::{Pushed, Sorter, WINDOW};
use super::table::Table;
use super::trouble::{Bad, Place, Tally, Trouble, failure};
use super::{OnBadRow, ReadOptions};
use crate::model::{Fleet, Job, Labels, Node, Note, Source, SourceError};

/// Rows of one or more files, one at a time.
pub(crate) trait Rows: Send {
    /// Steps to the next row; false at the end. After [`Trouble::Bad`] the next row may be asked for.
    fn advance(&mut self) -> Result<bool, Trouble>;

    /// Where the row is.
    fn place(&self) -> Place<'_>;
}

impl Rows for Table {
    fn advance(&mut self) -> Result<bool, Trouble> {
        Self::advance(self)
    }

    fn place(&self) -> Place<'_> {
        Self::place(self)
    }
}

/// Makes jobs out of the rows of one format.
pub(crate) trait RowReader: Send {
    /// What rows of this format come as.
    type Rows: Rows;

    /// The column that jobs are ordered by, as messages name it.
    const ORDER: &'static str;

    /// The job of the row; None if there is none in it, which is counted in `tally`.
    fn read(&mut self, rows: &Self::Rows, tally: &mut Tally) -> Result<Option<Job>, Bad>;

    /// The words behind the labels of the jobs.
    fn labels(&self) -> &Labels;
}

/// The jobs of a format with a job per row.
pub(crate) struct RowSource<R: RowReader> {
    rows: R::Rows,
    reader: R,
    options: ReadOptions,
    sorter: Sorter<Job>,
    ended: bool,
    shift: Option<Time>,
    tally: Tally,
}

impl<R: RowReader> RowSource<R> {
    /// The jobs that `reader` makes out of `rows`.
    pub(crate) fn new(rows: R::Rows, reader: R, options: &ReadOptions) -> Self {
        Self {
            rows,
            reader,
            options: options.clone(),
            sorter: Sorter::new(WINDOW),
            ended: false,
            shift: None,
            tally: Tally::default(),
        }
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        while !self.ended && !self.sorter.is_full() {
            let job = match self.rows.advance() {
                Ok(false) => {
                    self.ended = true;
                    break;
                }
                Ok(true) => self.reader.read(&self.rows, &mut self.tally).map_err(Trouble::Bad),
                Err(trouble) => Err(trouble),
            };
            match job {
                Ok(Some(job)) => self.keep(job)?,
                Ok(None) => {}
                Err(Trouble::Bad(bad)) => self.refuse(&bad, "bad_row")?,
                Err(Trouble::Stop(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn keep(&mut self, job: Job) -> Result<(), SourceError> {
        let submit = job.submit;
        match self.sorter.push(submit.0, job) {
            Pushed::InOrder => Ok(()),
            Pushed::Moved => {
                self.tally.note("sorted_by_submit", self.rows.place().line);
                Ok(())
            }
            Pushed::TooLate => {
                let expected = format!("a time at most {WINDOW} rows out of order (sort the file by it)");
                let column = format!("column `{}`", R::ORDER);
                self.refuse(&Bad::new(column, submit.to_string().as_bytes(), expected), "too_late_to_sort")
            }
        }
    }

    fn refuse(&mut self, bad: &Bad, reason: &'static str) -> Result<(), SourceError> {
        match self.options.on_bad_row {
            OnBadRow::Fail => Err(bad.at(self.rows.place())),
            OnBadRow::Skip => {
                self.tally.skip(reason, self.rows.place().line);
                Ok(())
            }
        }
    }

    fn shifted(&mut self, mut job: Job) -> Job {
        if self.options.shift {
            let first = *self.shift.get_or_insert(job.submit);
            job.submit = Time(job.submit.since(first).0);
            for group in job.groups.as_mut_slice() {
                if let Some(start) = group.truth.recorded.as_mut().and_then(|recorded| recorded.start.as_mut()) {
                    *start = Time(start.since(first).0);
                }
            }
        }
        job
    }
}

impl<R: RowReader> Source for RowSource<R> {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if let Err(error) = self.fill() {
            self.ended = true;
            self.sorter = Sorter::new(WINDOW);
            return Err(error);
        }
        Ok(self.sorter.pop().map(|(_, job)| self.shifted(job)))
    }

    fn labels(&self) -> &Labels {
        self.reader.labels()
    }

    fn notes(&self) -> Vec<Note> {
        self.tally.notes()
    }
}

/// What 1.0 of memory is, in MiB, where amounts are shares of the largest machine: such traces do not say how large
/// that is, so it is taken to be 256 GiB.
pub(crate) const LARGEST_MEMORY_MIB: u64 = 262_144;

/// The trimmed text of the column at a position.
pub(crate) fn field(table: &Table, at: usize) -> &[u8] {
    table.record().get(at).unwrap_or_default().trim_ascii()
}

/// The complaint about the column at a position.
pub(crate) fn bad_field(table: &Table, at: usize, expected: &'static str) -> Bad {
    let name = table.columns().get(at).map_or("", String::as_str);
    Bad::new(format!("column `{name}`"), field(table, at), expected)
}

/// A whole number of at most `most`.
pub(crate) fn whole_field(table: &Table, at: usize, most: u64, expected: &'static str) -> Result<u64, Bad> {
    whole(field(table, at)).filter(|&number| number <= most).ok_or_else(|| bad_field(table, at, expected))
}

/// Seconds as microseconds; None if the field is empty.
pub(crate) fn micros_field(table: &Table, at: usize, tally: &mut Tally) -> Result<Option<i64>, Bad> {
    if field(table, at).is_empty() {
        return Ok(None);
    }
    let number = Decimal::read(field(table, at));
    let Some(micros) = number.and_then(Decimal::as_micros) else {
        return Err(bad_field(table, at, "a number of seconds"));
    };
    if number.is_some_and(|number| number.rounded) {
        tally.note("time_rounded_to_us", table.place().line);
    }
    Ok(Some(micros))
}

/// A decimal number in units of which `units` make one, rounded up; None if the field is empty.
pub(crate) fn amount_field(table: &Table, at: usize, units: u64, tally: &mut Tally) -> Result<Option<u32>, Bad> {
    if field(table, at).is_empty() {
        return Ok(None);
    }
    let number = Decimal::read(field(table, at)).filter(|number| !number.negative);
    let found = number.and_then(|number| {
        let millionths = u128::from(number.whole) * 1_000_000 + u128::from(number.millionths);
        let product = millionths * u128::from(units);
        let amount = u32::try_from(product.div_ceil(1_000_000)).ok()?;
        Some((amount, number.rounded || product % 1_000_000 != 0))
    });
    match found {
        Some((amount, rounded)) => {
            if rounded {
                tally.note("amount_rounded_up", table.place().line);
            }
            Ok(Some(amount))
        }
        None => Err(bad_field(table, at, "a number from 0 that is not too large, without an exponent")),
    }
}

/// The time of something that may lie before the window of the trace, whose beginning then stands for it.
pub(crate) fn in_window(micros: i64, place: Place<'_>, tally: &mut Tally) -> Time {
    u64::try_from(micros).map_or_else(
        |_| {
            tally.note("before_the_window", place.line);
            Time::ZERO
        },
        Time,
    )
}

/// The nodes of a file: a row that is no node gives none, the second row of a node is passed over.
pub(crate) fn fleet_of(
    mut table: Table,
    lanes: u8,
    mut read: impl FnMut(&Table) -> Result<Option<Node>, Bad>,
) -> Result<Fleet, SourceError> {
    let mut fleet = Fleet { lanes, ..Fleet::default() };
    let mut names = BTreeSet::new();
    loop {
        let node = match table.advance() {
            Ok(false) => break,
            Ok(true) => read(&table).map_err(Trouble::Bad),
            Err(trouble) => Err(trouble),
        };
        match node {
            Ok(Some(node)) if names.insert(node.name.clone()) => fleet.nodes.push(node),
            Ok(_) => {}
            Err(Trouble::Stop(error)) => return Err(error),
            Err(Trouble::Bad(bad)) => return Err(bad.in_fleet(table.place())),
        }
    }
    if fleet.nodes.is_empty() {
        let message = format!("{} line 1: there is no node in this file; give one with rows", table.place().file);
        return Err(failure(message, &[]));
    }
    Ok(fleet)
}
