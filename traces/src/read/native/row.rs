//! One row of the tasks table.

use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, MEMORY, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::cell::Cell;
use super::columns::Slot;
use super::constraint;
use crate::model::{Ask, Label, Name, Recorded};
use crate::read::trouble::{Bad, Place, Trouble};
use crate::read::words::{Interned, Words};

/// What all rows of a stream share.
#[derive(Default)]
pub(crate) struct Shared {
    pub words: Words,
    pub constraints: Interned,
}

/// A stream of rows from a file of some kind.
pub(crate) trait Rows: Send {
    /// The next row, None at the end. After [`Trouble::Bad`] the next may be asked for.
    fn next(&mut self, shared: &mut Shared) -> Result<Option<Row>, Trouble>;

    /// Where the row is.
    fn place(&self) -> Place<'_>;
}

/// A row: some equal tasks of a job.
#[derive(Clone, Debug, PartialEq)]
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
}

const MICROSECONDS: &str = "a whole number of microseconds from 0";

impl Row {
    /// Reads a row from its cells; `name` is that of a column, for messages.
    #[inline]
    pub fn read<'a>(
        slots: &[Slot],
        cell: impl Fn(usize) -> Cell<'a>,
        name: impl Fn(usize) -> String,
        shared: &mut Shared,
    ) -> Result<Self, Bad> {
        let mut half = Half::default();
        for (at, slot) in slots.iter().enumerate() {
            let cell = cell(at);
            half.set(*slot, cell, shared).map_err(|expected| bad(name(at), cell, expected))?;
        }
        half.whole()
    }
}

fn bad(name: String, cell: Cell<'_>, expected: &'static str) -> Bad {
    cell.with_text(|text| Bad::new(format!("column `{name}`"), text, expected))
}

/// A row of which some columns are read.
#[derive(Default)]
struct Half {
    job: Option<Name>,
    index: Option<u32>,
    submit: Option<Time>,
    priority: i32,
    role: Label,
    user: Label,
    class: Label,
    count: Option<u32>,
    gang: Option<bool>,
    kind: Option<JobKind>,
    cpu_given: bool,
    gpu_count: Option<u8>,
    gpu_milli: Option<u16>,
    ask: Ask,
    run: Option<Span>,
    fails: bool,
    usage: Option<Resources>,
    start: Option<Time>,
    node: Option<Name>,
    gpus: GpuSet,
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

impl Half {
    /// Sets what a column holds; an empty cell leaves the default. The error says what was expected.
    #[inline]
    fn set(&mut self, slot: Slot, cell: Cell<'_>, shared: &mut Shared) -> Result<(), &'static str> {
        if cell == Cell::Empty {
            return match slot {
                Slot::JobId => Err("the name of a job"),
                Slot::Submit => Err(MICROSECONDS),
                Slot::Request(CPU) => Err("a whole number of millicores below 2^32"),
                _ => Ok(()),
            };
        }
        match slot {
            Slot::JobId => self.job = cell.name(),
            Slot::Submit => self.submit = Some(Time(expect(cell.whole(), MICROSECONDS)?)),
            Slot::Run => self.run = Some(span(cell)?),
            Slot::Request(lane) => {
                self.cpu_given |= lane == CPU;
                self.ask.request[lane] = amount(cell, lane)?;
            }
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
                self.count = Some(expect(count, "a number of tasks from 1")?);
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
            Slot::Start => self.start = Some(Time(expect(cell.whole(), MICROSECONDS)?)),
            Slot::Node => self.node = cell.name(),
            Slot::Gpus => self.gpus = expect(cell.devices(), "device indices below 64 such as `0|3`")?,
            Slot::Used(lane) => self.usage.get_or_insert_default()[lane] = amount(cell, lane)?,
            _ => {}
        }
        Ok(())
    }

    fn whole(mut self) -> Result<Row, Bad> {
        let (Some(job), Some(submit), true) = (self.job.take(), self.submit, self.cpu_given) else {
            return Err(Bad::new("row", b"", "values for job_id, submit_us and cpu_milli"));
        };
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
        let known = self.start.is_some() || self.node.is_some() || self.gpus != GpuSet::NONE;
        let recorded = known.then(|| Recorded { start: self.start, node: self.node.take(), gpus: self.gpus });
        Ok(Row {
            job,
            index: self.index,
            submit,
            priority: self.priority,
            role: self.role,
            user: self.user,
            class: self.class,
            count: self.count.unwrap_or(1),
            ask: self.ask,
            run: self.run.unwrap_or(Span::FOREVER),
            fails: self.fails,
            usage: self.usage,
            recorded,
        })
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
