//! `tasks.parquet`: a row per attempt.

use std::io::{self, Write};

use windtunnel_outcome::rows::{Cause, NameRef, TaskRow};
use windtunnel_scheduler::resources::{LANES, STANDARD_LANES};

use super::parquet::{
    ColumnMut, GROUP_ROWS, RealColumn, SteadyColumns, TableFile, TextColumn, WholeColumn, WholesColumn, WordColumn,
};

/// Bytes of names beyond which a row group ends early: names may be as long as a trace likes, memory may not grow.
const TEXT_MAX: usize = 8 << 20;

/// Lanes that nearly every task asks for: cpu and memory.
const COMMON: usize = 2;

/// The columns of the rows that are not yet in the file.
pub(super) struct TaskTable<W: Write> {
    file: TableFile<W>,
    rows: u64,
    lanes: Vec<(usize, String)>,
    cause_names: [String; Cause::COUNT],
    job: TextColumn,
    task: TextColumn,
    /// Attempt and count.
    numbers: SteadyColumns<2>,
    class: WordColumn,
    role: WordColumn,
    submit: WholeColumn,
    eligible: WholeColumn,
    place: WholeColumn,
    start: WholeColumn,
    end: WholeColumn,
    /// Not as words: looking up one of 50,000 names costs more than all other columns of a row together, since each is
    /// somewhere else in memory. Copying one waits for nothing.
    node: TextColumn,
    /// Where frameworks run tasks inside holders.
    holder: Option<WordColumn>,
    gpus: WholesColumn,
    state: WordColumn,
    /// Cpu and memory, which nearly every task asks for.
    requested: [WholeColumn; COMMON],
    /// The other lanes, which few ask for.
    requested_others: SteadyColumns<{ LANES - COMMON }>,
    wait: WholeColumn,
    /// By cause.
    causes: SteadyColumns<{ Cause::COUNT }>,
    lost_work: SteadyColumns<1>,
    /// Where nodes have prices.
    cost: Option<RealColumn>,
}

/// The name of a lane with its unit: `cpu_milli`, `memory_mib`; a lane that the scenario named has none.
pub(crate) fn lane_with_unit(lane: usize, name: &str) -> String {
    match lane {
        0 | 3 => format!("{name}_milli"),
        1 | 2 => format!("{name}_mib"),
        _ => name.to_owned(),
    }
}

/// The lanes of a table: the four standard ones, and those that the fleet names beyond.
pub(crate) fn lanes_of(extra: &[(usize, String)]) -> Vec<(usize, String)> {
    let standard = STANDARD_LANES.iter().enumerate().map(|(lane, name)| (lane, (*name).to_owned()));
    let extra = extra.iter().filter(|(lane, _)| (STANDARD_LANES.len()..LANES).contains(lane)).cloned();
    standard.chain(extra).collect()
}

impl<W: Write> TaskTable<W> {
    pub(super) fn new(sink: W, lanes: &[(usize, String)]) -> io::Result<Self> {
        let lanes = lanes_of(lanes)
            .into_iter()
            .map(|(lane, name)| (lane, format!("requested_{}", lane_with_unit(lane, &name))))
            .collect();
        Ok(Self {
            file: TableFile::new(sink)?,
            rows: 0,
            lanes,
            cause_names: Cause::ALL.map(|cause| format!("wait_{}_us", cause.name())),
            job: TextColumn::required(),
            task: TextColumn::required(),
            numbers: SteadyColumns::default(),
            class: WordColumn::required(),
            role: WordColumn::required(),
            submit: WholeColumn::required(),
            eligible: WholeColumn::required(),
            place: WholeColumn::optional(),
            start: WholeColumn::optional(),
            end: WholeColumn::optional(),
            node: TextColumn::optional(),
            holder: None,
            gpus: WholesColumn::default(),
            state: WordColumn::required(),
            requested: std::array::from_fn(|_| WholeColumn::required()),
            requested_others: SteadyColumns::default(),
            wait: WholeColumn::optional(),
            causes: SteadyColumns::default(),
            lost_work: SteadyColumns::default(),
            cost: None,
        })
    }

    /// The same with a column of what each attempt is charged, if that is `wanted`. To be called before any row.
    pub(super) fn with_costs(mut self, wanted: bool) -> Self {
        self.cost = wanted.then(RealColumn::optional);
        self
    }

    /// The same with a column of the holder that each attempt ran in, likewise.
    pub(super) fn with_holders(mut self, wanted: bool) -> Self {
        self.holder = wanted.then(WordColumn::optional);
        self
    }

    pub(super) fn push(&mut self, row: &TaskRow<'_>) -> io::Result<()> {
        match row.job {
            NameRef::Number(number) => {
                let mut name = Digits::of(number);
                self.job.push_padded(&name.bytes, name.length);
                name.push_slash();
                name.push_digits(u64::from(row.index));
                self.task.push_padded(&name.bytes, name.length);
            }
            NameRef::Text(text) => {
                self.job.push(text.as_bytes());
                let mut index = Digits::default();
                index.push_slash();
                index.push_digits(u64::from(row.index));
                self.task.push_parts(text.as_bytes(), &index.bytes[..index.length]);
            }
        }
        self.numbers.push([u64::from(row.attempt), u64::from(row.count)]);
        self.class.push(row.class);
        self.role.push(row.role);
        self.submit.push(row.submit.0);
        self.eligible.push(row.eligible.0);
        self.place.push_option(row.place.map(|time| time.0));
        self.start.push_option(row.start.map(|time| time.0));
        self.end.push_option(row.end.map(|time| time.0));
        self.node.push_option(row.node.map(str::as_bytes));
        if let Some(holder) = &mut self.holder {
            holder.push_option(row.holder);
        }
        self.gpus.push_bits(row.gpus.0);
        self.state.push(row.state.name());
        let requested = row.requested.0.map(u64::from);
        for (column, &amount) in self.requested.iter_mut().zip(&requested) {
            column.push(amount);
        }
        self.requested_others.push(std::array::from_fn(|lane| requested[COMMON + lane]));
        self.wait.push_option(row.wait.map(|span| span.0));
        self.causes.push(row.causes.map(|span| span.0));
        self.lost_work.push([row.lost_work.0]);
        if let Some(cost) = &mut self.cost {
            cost.push_option(row.cost_usd);
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS || self.job.waiting() + self.task.waiting() + self.node.waiting() > TEXT_MAX {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        use ColumnMut::{Text, Whole, Wholes, Word};
        let rows = std::mem::take(&mut self.rows);
        let [attempt, count] = self.numbers.columns();
        let [lost_work] = self.lost_work.columns();
        let mut columns = vec![
            ("job_id", Text(&mut self.job)),
            ("task_id", Text(&mut self.task)),
            ("attempt", Whole(attempt)),
            ("count", Whole(count)),
            ("class", Word(&mut self.class)),
            ("role", Word(&mut self.role)),
            ("submit_us", Whole(&mut self.submit)),
            ("eligible_us", Whole(&mut self.eligible)),
            ("place_us", Whole(&mut self.place)),
            ("start_us", Whole(&mut self.start)),
            ("end_us", Whole(&mut self.end)),
            ("node", Text(&mut self.node)),
        ];
        columns.extend(self.holder.as_mut().map(|holder| ("holder", Word(holder))));
        columns.extend([("gpus", Wholes(&mut self.gpus)), ("state", Word(&mut self.state))]);
        let requested = self.requested.iter_mut().chain(self.requested_others.columns());
        let mut unnamed = Vec::new();
        for (lane, column) in requested.enumerate() {
            if let Some((_, name)) = self.lanes.iter().find(|(index, _)| *index == lane) {
                columns.push((name, Whole(column)));
            } else {
                unnamed.push(column);
            }
        }
        columns.push(("wait_us", Whole(&mut self.wait)));
        for (name, column) in self.cause_names.iter().zip(self.causes.columns()) {
            columns.push((name, Whole(column)));
        }
        columns.push(("lost_work_us", Whole(lost_work)));
        if let Some(cost) = &mut self.cost {
            columns.push(("cost_usd", ColumnMut::Real(cost)));
        }
        self.file.write_group(rows, &mut columns)?;
        // Lanes that the fleet does not name are in no file; their rows must not pile up.
        unnamed.into_iter().for_each(WholeColumn::clear);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.file.finish()
    }
}

/// A short name that is put together from numbers: rows are written by the million, and the formatting machinery
/// would be most of their cost.
#[derive(Default)]
struct Digits {
    /// Room for 20 digits, a slash and 10 digits.
    bytes: [u8; 32],
    length: usize,
}

impl Digits {
    fn of(number: u64) -> Self {
        let mut digits = Self::default();
        digits.push_digits(number);
        digits
    }

    #[inline]
    fn push_slash(&mut self) {
        self.bytes[self.length] = b'/';
        self.length += 1;
    }

    #[inline]
    fn push_digits(&mut self, mut number: u64) {
        let count = number.checked_ilog10().map_or(1, |power| power as usize + 1);
        for byte in self.bytes[self.length..self.length + count].iter_mut().rev() {
            *byte = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.length += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            let mut digits = Digits::of(number);
            digits.push_slash();
            digits.push_digits(u64::from(u32::MAX));
            assert_eq!(digits.bytes[..digits.length], *format!("{number}/4294967295").as_bytes());
        }
    }
}
