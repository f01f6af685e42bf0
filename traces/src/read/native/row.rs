//! One row of the tasks table.

use windtunnel_scheduler::event::{GpuRequest, JobKind};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, MEMORY, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::cell::Cell;
use super::columns::Slot;
use super::constraint;
use crate::model::{Ask, Group, Label, Name, Recorded, Run, Truth};
use crate::read::trouble::{Bad, Place, Tally, Trouble};
use crate::read::words::{Interned, Words};

/// What all rows of a stream share.
#[derive(Default)]
pub(crate) struct Shared {
    pub words: Words,
    pub constraints: Interned,
}

/// A stream of rows from a file of some kind.
pub(crate) trait Rows: Send {
    /// Reads the next row into `row`; false at the end. After [`Trouble::Bad`] the next may be asked for.
    fn next(&mut self, row: &mut Row, shared: &mut Shared) -> Result<bool, Trouble>;

    /// Where the row is.
    fn place(&self) -> Place<'_>;

    /// Adds what was left out on the way.
    fn note(&self, tally: &mut Tally) {
        let _ = tally;
    }
}

/// A row: some equal tasks of a job. It is filled in place, since it is large and there are many.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub job: Name,
    pub index: Option<u32>,
    pub submit: Time,
    pub priority: i32,
    pub role: Label,
    pub user: Label,
    pub class: Label,
    pub count: u32,
    pub ask: Ask,
    pub run: Span,
    pub fails: bool,
    pub usage: Option<Resources>,
    pub recorded: Option<Recorded>,
    gang: Option<bool>,
    kind: Option<JobKind>,
    gpu_count: Option<u8>,
    gpu_milli: Option<u16>,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            job: Name::Number(0),
            index: None,
            submit: Time::ZERO,
            priority: 0,
            role: Label(0),
            user: Label(0),
            class: Label(0),
            count: 1,
            ask: Ask::default(),
            run: Span::FOREVER,
            fails: false,
            usage: None,
            recorded: None,
            gang: None,
            kind: None,
            gpu_count: None,
            gpu_milli: None,
        }
    }
}

const MICROSECONDS: &str = "a whole number of microseconds from 0";

/// The error about a cell of the column `name`.
pub(crate) fn bad(name: &str, cell: Cell<'_>, expected: &'static str) -> Bad {
    cell.with_text(|text| Bad::new(format!("column `{name}`"), text, expected))
}

fn expect<T>(value: Option<T>, expected: &'static str) -> Result<T, &'static str> {
    value.ok_or(expected)
}

fn amount(cell: Cell<'_>, lane: usize) -> Result<u32, &'static str> {
    let expected = match lane {
        CPU => "a whole number of millicores below 2^32",
        MEMORY | DISK => "a whole number of MiB below 2^32",
        GPU => "a whole number of thousandths of a device below 2^32",
        _ => "a whole number below 2^32",
    };
    expect(cell.whole().and_then(|number| u32::try_from(number).ok()), expected)
}

fn span(cell: Cell<'_>) -> Result<Span, &'static str> {
    expect(cell.whole().map(Span), MICROSECONDS)
}

fn kind(cell: Cell<'_>) -> Option<JobKind> {
    match cell.trimmed() {
        Cell::Text(b"batch") => Some(JobKind::Batch),
        Cell::Text(b"gang") => Some(JobKind::Gang),
        Cell::Text(b"service") => Some(JobKind::Service),
        _ => None,
    }
}

impl Row {
    /// Sets what a column holds; an empty cell leaves the default. The error says what was expected.
    #[inline]
    pub fn set(&mut self, slot: Slot, cell: Cell<'_>, shared: &mut Shared) -> Result<(), &'static str> {
        if cell == Cell::Empty {
            return match slot {
                Slot::JobId => Err("the name of a job"),
                Slot::Submit => Err(MICROSECONDS),
                Slot::Request(CPU) => Err("a whole number of millicores below 2^32"),
                _ => Ok(()),
            };
        }
        match slot {
            Slot::JobId => self.job = expect(cell.name(), "the name of a job")?,
            Slot::Submit => self.submit = Time(expect(cell.whole(), MICROSECONDS)?),
            Slot::Run => self.run = span(cell)?,
            Slot::Request(lane) => self.ask.request[lane] = amount(cell, lane)?,
            Slot::Role => self.role = cell.with_text(|word| shared.words.label(word)),
            Slot::User => self.user = cell.with_text(|word| shared.words.label(word)),
            Slot::Class => self.class = cell.with_text(|word| shared.words.label(word)),
            Slot::Estimate => self.ask.estimate = Some(span(cell)?),
            Slot::Constraint => {
                let parse = |text: &[u8]| constraint::parse(text).ok_or(constraint::EXPECTED);
                self.ask.constraints = cell.with_text(|text| shared.constraints.of(text, parse))?;
            }
            _ => return self.set_seldom(slot, cell),
        }
        Ok(())
    }

    fn set_seldom(&mut self, slot: Slot, cell: Cell<'_>) -> Result<(), &'static str> {
        match slot {
            Slot::TaskIndex => {
                let index = cell.whole().and_then(|number| u32::try_from(number).ok());
                self.index = Some(expect(index, "the index of a task, from 0")?);
            }
            Slot::Count => {
                let count = cell.whole().and_then(|number| u32::try_from(number).ok()).filter(|&count| count > 0);
                self.count = expect(count, "a number of tasks from 1")?;
            }
            Slot::Gang => self.gang = Some(expect(cell.flag(), "`true` or `false`")?),
            Slot::Kind => self.kind = Some(expect(kind(cell), "`batch`, `gang` or `service`")?),
            Slot::GpuCount => {
                let count = cell.whole().filter(|&count| count <= 64).and_then(|count| u8::try_from(count).ok());
                self.gpu_count = Some(expect(count, "a number of devices from 0 to 64")?);
            }
            Slot::GpuMilli => {
                let milli = cell.whole().filter(|&milli| milli <= 1_000).and_then(|milli| u16::try_from(milli).ok());
                self.gpu_milli = Some(expect(milli, "thousandths of a device from 0 to 1000")?);
            }
            Slot::Priority => {
                let priority = cell.signed().and_then(|number| i32::try_from(number).ok());
                self.priority = expect(priority, "a whole number of 32 bits")?;
            }
            Slot::Fails => self.fails = expect(cell.flag(), "`true` or `false`")?,
            Slot::Start => {
                let start = Time(expect(cell.whole(), MICROSECONDS)?);
                self.recorded.get_or_insert_default().start = Some(start);
            }
            Slot::Node => self.recorded.get_or_insert_default().node = cell.name(),
            Slot::Gpus => {
                let gpus = expect(cell.devices(), "device indices below 64 such as `0|3`")?;
                self.recorded.get_or_insert_default().gpus = gpus;
            }
            Slot::Used(lane) => self.usage.get_or_insert_default()[lane] = amount(cell, lane)?,
            _ => {}
        }
        Ok(())
    }

    /// Settles what several columns say together; to be called once all are set.
    #[inline]
    pub fn settle(&mut self) -> Result<(), Bad> {
        if self.gpu_count.is_some() || self.gpu_milli.is_some() {
            self.ask.gpu = self.gpu()?;
            self.ask.request[GPU] = u32::from(self.ask.gpu.count) * u32::from(self.ask.gpu.milli);
        }
        self.ask.kind = match (self.kind, self.gang) {
            (Some(JobKind::Batch | JobKind::Service), Some(true)) => {
                return Err(Bad::new("column `gang`", b"true", "`false` or nothing, since `kind` is not `gang`"));
            }
            (Some(JobKind::Gang), Some(false)) => {
                return Err(Bad::new("column `gang`", b"false", "`true` or nothing, since `kind` is `gang`"));
            }
            (Some(kind), _) => kind,
            (None, Some(true)) => JobKind::Gang,
            (None, _) => JobKind::Batch,
        };
        Ok(())
    }

    /// The tasks of the row, which are taken out of it.
    #[inline]
    pub fn take_group(&mut self, run: Run, count: u32) -> Group {
        Group {
            count,
            ask: std::mem::take(&mut self.ask),
            truth: Truth { run, fails: self.fails, killed: false, usage: self.usage, recorded: self.recorded.take() },
        }
    }

    /// Whether the tasks of both rows belong into one group, but for their run times.
    pub fn is_like(&self, other: &Self) -> bool {
        self.ask == other.ask
            && self.fails == other.fails
            && self.usage == other.usage
            && self.recorded == other.recorded
    }

    fn gpu(&self) -> Result<GpuRequest, Bad> {
        let refuse = |milli: u16, expected| Err(Bad::new("column `gpu_milli`", milli.to_string().as_bytes(), expected));
        match (self.gpu_count, self.gpu_milli) {
            (Some(0) | None, Some(0) | None) => Ok(GpuRequest::default()),
            (Some(0), Some(milli)) => refuse(milli, "0 or nothing, since `gpu_count` is 0"),
            (Some(count), None) => Ok(GpuRequest { count, milli: 1_000 }),
            (Some(_), Some(0)) => refuse(0, "1 to 1000 or nothing, since `gpu_count` is not 0"),
            (Some(2..), Some(milli @ ..1_000)) => refuse(milli, "1000 or nothing, since `gpu_count` is above 1"),
            (Some(count), Some(milli)) => Ok(GpuRequest { count, milli }),
            (None, Some(milli)) => Ok(GpuRequest { count: 1, milli }),
        }
    }
}
