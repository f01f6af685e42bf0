//! One row of 18 fields.

use windtunnel_scheduler::time::Span;

use crate::read::number::Decimal;
use crate::read::options::{Overrun, Processors, ReadOptions};
use crate::read::trouble::{Bad, Tally};

/// How many fields a row has.
pub(super) const FIELDS: usize = 18;

const NAMES: [&str; FIELDS] = [
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average cpu time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
];

/// What is kept of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub number: u64,
    pub submit_us: u64,
    pub wait_us: Option<u64>,
    pub run: Span,
    pub processors: u32,
    pub estimate: Option<Span>,
    /// MiB for one processor and for all of them.
    pub memory_mib: (u32, u32),
    pub fails: bool,
    /// It ends at its request, which it would have outlived.
    pub killed: bool,
    pub user: i64,
    pub group: i64,
    pub queue: i64,
}

/// The fields of a line, however they are set apart; the count is of all of them, beyond 18 too.
pub(super) fn split(line: &[u8]) -> ([&[u8]; FIELDS], usize) {
    let mut fields: [&[u8]; FIELDS] = [b""; FIELDS];
    let mut count = 0;
    for field in line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()) {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field;
        }
        count += 1;
    }
    (fields, count)
}

/// Reads a row; None if it is no job to replay, which is counted by reason.
pub(super) fn read(
    line: &[u8],
    number: u64,
    options: &ReadOptions,
    widest: Option<u64>,
    tally: &mut Tally,
) -> Result<Option<Row>, Bad> {
    let (fields, count) = split(line);
    if count != FIELDS {
        return Err(Bad::new(format!("row of {count} fields"), line.trim_ascii(), "18 fields set apart by blanks"));
    }
    let row = Fields { fields, line: number };
    // Fields that are not used are looked at all the same: a row that is not numbers is not guessed at.
    for unused in [6, 7, 14, 16, 17, 18] {
        row.decimal(unused)?;
    }
    let job = row.whole(1)?;
    let job = u64::try_from(job).map_err(|_| row.bad(1, "a number from 0"))?;
    let submit = row.micros(2, tally)?;
    let wait = row.micros(3, tally)?;
    let run = row.micros(4, tally)?;
    let (allocated, requested) = (row.processors(5, tally)?, row.processors(8, tally)?);
    let limit = row.micros(9, tally)?;
    let memory = row.decimal(10)?;
    let status = row.whole(11)?;
    let (user, group, queue) = (row.whole(12)?, row.whole(13)?, row.whole(15)?);
    let processors = match options.procs {
        Processors::Requested => requested.or(allocated),
        Processors::Allocated => allocated.or(requested),
        Processors::Larger => requested.max(allocated),
    };
    let skipped = match (status, processors) {
        // Checkpoints are logged as parts; the line that sums them up is the job.
        (2..=4, _) => Some("partial_execution"),
        (_, None) => Some("no_processors"),
        _ if run < 0 => Some("run_unknown"),
        _ if submit < 0 => Some("submit_unknown"),
        (_, Some(processors)) if widest.is_some_and(|widest| u64::from(processors) > widest) => {
            Some("wider_than_machine")
        }
        _ => None,
    };
    let (Some(processors), None) = (processors, skipped) else {
        tally.skip(skipped.unwrap_or("no_processors"), number);
        return Ok(None);
    };
    if status == 5 && run == 0 && allocated.is_none() {
        tally.note("cancelled_before_start", number);
    }
    if !(-1..=5).contains(&status) {
        tally.note("status_undefined", number);
    }
    let limit = (limit > 0).then(|| Span(limit.unsigned_abs()));
    Ok(Some(Row {
        number: job,
        submit_us: submit.unsigned_abs(),
        wait_us: (wait >= 0).then_some(wait.unsigned_abs()),
        run: clipped(Span(run.unsigned_abs()), limit, options.overrun, number, tally),
        processors,
        estimate: limit,
        memory_mib: row.memory(memory, processors, tally)?,
        fails: status == 0,
        killed: options.overrun == Overrun::Kill && limit.is_some_and(|limit| run.unsigned_abs() > limit.0),
        user,
        group,
        queue,
    }))
}

fn clipped(run: Span, limit: Option<Span>, overrun: Overrun, line: u64, tally: &mut Tally) -> Span {
    match limit {
        Some(limit) if run > limit => match overrun {
            Overrun::Clip => {
                tally.note("run_clipped_to_request", line);
                limit
            }
            Overrun::Kill => {
                tally.note("run_killed_at_request", line);
                limit
            }
            Overrun::Extend => {
                tally.note("run_beyond_request", line);
                run
            }
        },
        _ => run,
    }
}

struct Fields<'a> {
    fields: [&'a [u8]; FIELDS],
    line: u64,
}

impl Fields<'_> {
    /// `field` counts from 1, as the standard does.
    fn text(&self, field: usize) -> &[u8] {
        self.fields.get(field - 1).copied().unwrap_or_default()
    }

    fn bad(&self, field: usize, expected: &'static str) -> Bad {
        let name = NAMES.get(field - 1).copied().unwrap_or_default();
        Bad::new(format!("field {field} ({name})"), self.text(field), expected)
    }

    fn decimal(&self, field: usize) -> Result<Decimal, Bad> {
        Decimal::read(self.text(field)).ok_or_else(|| self.bad(field, "a number, or -1 if unknown"))
    }

    fn whole(&self, field: usize) -> Result<i64, Bad> {
        self.decimal(field)?.as_whole().ok_or_else(|| self.bad(field, "a whole number, or -1 if unknown"))
    }

    fn micros(&self, field: usize, tally: &mut Tally) -> Result<i64, Bad> {
        let number = self.decimal(field)?;
        if number.rounded {
            tally.note("time_rounded_to_us", self.line);
        }
        // Half of the range is kept free, so that no sum of two times can overflow.
        number
            .as_micros()
            .filter(|micros| micros.unsigned_abs() < u64::MAX >> 2)
            .ok_or_else(|| self.bad(field, "a number of seconds below 4e12"))
    }

    /// None if unknown; a fraction of a processor counts as a whole one.
    fn processors(&self, field: usize, tally: &mut Tally) -> Result<Option<u32>, Bad> {
        let number = self.decimal(field)?;
        let part = number.millionths != 0 || number.rounded;
        if number.negative || (number.whole == 0 && !part) {
            return Ok(None);
        }
        if part {
            tally.note("processors_rounded_up", self.line);
        }
        let processors = number.whole.saturating_add(u64::from(part));
        match u32::try_from(processors) {
            Ok(processors) if processors <= u32::MAX / 1_000 => Ok(Some(processors)),
            _ => Err(self.bad(field, "at most 4,294,967 processors")),
        }
    }

    /// MiB for one processor and for all, from KiB for one; zero where unknown.
    fn memory(&self, memory: Decimal, processors: u32, tally: &mut Tally) -> Result<(u32, u32), Bad> {
        if memory.negative {
            return Ok((0, 0));
        }
        let part = memory.millionths != 0 || memory.rounded;
        let mib = |kib: Option<u64>| kib.and_then(|kib| u32::try_from(kib.div_ceil(1_024)).ok());
        let one_kib = memory.whole.checked_add(u64::from(part));
        let all_kib = one_kib.and_then(|kib| kib.checked_mul(u64::from(processors)));
        let (Some(one), Some(all)) = (mib(one_kib), mib(all_kib)) else {
            return Err(self.bad(10, "a number of KiB for one processor, at most 4 PiB for the job"));
        };
        if part || one_kib.is_some_and(|kib| kib % 1_024 != 0) {
            tally.note("memory_rounded_up_to_mib", self.line);
        }
        Ok((one, all))
    }
}
