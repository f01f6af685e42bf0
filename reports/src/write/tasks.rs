//! `tasks.parquet`: a row per attempt.

use std::io::{self, Write};

use windtunnel_outcome::rows::{Cause, NameRef, TaskRow};
use windtunnel_scheduler::resources::{LANES, STANDARD_LANES};

use super::parquet::{ColumnMut, GROUP_ROWS, TableFile, TextColumn, WholeColumn, WholesColumn, WordColumn};

/// Bytes of names beyond which a row group ends early: names may be as long as a trace likes, memory may not grow.
const TEXT_MAX: usize = 8 << 20;

/// The columns of the rows that are not yet in the file.
pub(super) struct TaskTable<W: Write> {
    file: TableFile<W>,
    rows: u64,
    lanes: Vec<(usize, String)>,
    cause_names: [String; Cause::COUNT],
    job: TextColumn,
    task: TextColumn,
    attempt: WholeColumn,
    count: WholeColumn,
    class: WordColumn,
    role: WordColumn,
    submit: WholeColumn,
    eligible: WholeColumn,
    place: WholeColumn,
    start: WholeColumn,
    end: WholeColumn,
    node: WordColumn,
    gpus: WholesColumn,
    state: WordColumn,
    requested: [WholeColumn; LANES],
    wait: WholeColumn,
    causes: [WholeColumn; Cause::COUNT],
    lost_work: WholeColumn,
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
            job: TextColumn::default(),
            task: TextColumn::default(),
            attempt: WholeColumn::required(),
            count: WholeColumn::required(),
            class: WordColumn::required(),
            role: WordColumn::required(),
            submit: WholeColumn::required(),
            eligible: WholeColumn::required(),
            place: WholeColumn::optional(),
            start: WholeColumn::optional(),
            end: WholeColumn::optional(),
            node: WordColumn::optional(),
            gpus: WholesColumn::default(),
            state: WordColumn::required(),
            requested: std::array::from_fn(|_| WholeColumn::required()),
            wait: WholeColumn::optional(),
            causes: std::array::from_fn(|_| WholeColumn::required()),
            lost_work: WholeColumn::required(),
        })
    }

    pub(super) fn push(&mut self, row: &TaskRow<'_>) -> io::Result<()> {
        let mut digits = Digits::default();
        let job = match row.job {
            NameRef::Number(number) => digits.of(number),
            NameRef::Text(text) => text.as_bytes(),
        };
        self.job.push(job);
        self.task.push_with(|out| {
            out.extend_from_slice(job);
            out.push(b'/');
            out.extend_from_slice(Digits::default().of(u64::from(row.index)));
        });
        self.attempt.push(u64::from(row.attempt));
        self.count.push(u64::from(row.count));
        self.class.push(row.class);
        self.role.push(row.role);
        self.submit.push(row.submit.0);
        self.eligible.push(row.eligible.0);
        self.place.push_option(row.place.map(|time| time.0));
        self.start.push_option(row.start.map(|time| time.0));
        self.end.push_option(row.end.map(|time| time.0));
        self.node.push_option(row.node);
        self.gpus.push(row.gpus.iter().map(|device| device as u64));
        self.state.push(row.state.name());
        for (lane, _) in &self.lanes {
            self.requested[*lane].push(u64::from(row.requested[*lane]));
        }
        self.wait.push_option(row.wait.map(|span| span.0));
        for (column, span) in self.causes.iter_mut().zip(&row.causes) {
            column.push(span.0);
        }
        self.lost_work.push(row.lost_work.0);
        self.rows += 1;
        if self.rows == GROUP_ROWS || self.job.waiting() + self.task.waiting() > TEXT_MAX {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        use ColumnMut::{Text, Whole, Wholes, Word};
        let rows = std::mem::take(&mut self.rows);
        let mut columns = vec![
            ("job_id", Text(&mut self.job)),
            ("task_id", Text(&mut self.task)),
            ("attempt", Whole(&mut self.attempt)),
            ("count", Whole(&mut self.count)),
            ("class", Word(&mut self.class)),
            ("role", Word(&mut self.role)),
            ("submit_us", Whole(&mut self.submit)),
            ("eligible_us", Whole(&mut self.eligible)),
            ("place_us", Whole(&mut self.place)),
            ("start_us", Whole(&mut self.start)),
            ("end_us", Whole(&mut self.end)),
            ("node", Word(&mut self.node)),
            ("gpus", Wholes(&mut self.gpus)),
            ("state", Word(&mut self.state)),
        ];
        for (lane, column) in self.requested.iter_mut().enumerate() {
            if let Some((_, name)) = self.lanes.iter().find(|(index, _)| *index == lane) {
                columns.push((name, Whole(column)));
            }
        }
        columns.push(("wait_us", Whole(&mut self.wait)));
        for (name, column) in self.cause_names.iter().zip(&mut self.causes) {
            columns.push((name, Whole(column)));
        }
        columns.push(("lost_work_us", Whole(&mut self.lost_work)));
        self.file.write_group(rows, &mut columns)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.file.finish()
    }
}

/// Room for the decimal digits of a number: rows are written by the million, formatting machinery would be most of it.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    #[inline]
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(Digits::default().of(number), number.to_string().as_bytes());
        }
    }
}
