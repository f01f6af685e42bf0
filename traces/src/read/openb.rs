//! The openb cluster of 2023: node and pod lists as CSV with a header (Weng et al., USENIX ATC 2023).
//!
//! Nodes: `sn, cpu_milli, memory_mib, gpu, model`. Pods: `name, cpu_milli, memory_mib, num_gpu, gpu_milli`, then what
//! there is of `gpu_spec, qos, pod_phase, creation_time, deletion_time, scheduled_time` (seconds). A pod runs from its
//! scheduling (else its creation) to its deletion; without one it is there to the end. Lists without times are pods
//! that are all handed in at 0 and stay. `pod_phase` never filters; a pod whose phase is `Failed` fails at its end.

#[cfg(test)]
mod tests;

use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{CPU, GPU, MEMORY, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::number::{Decimal, whole};
use super::options::{ON_BAD_ROW, SHIFT};
use super::order::{Pushed, Sorter, WINDOW};
use super::table::{Table, double_column, missing_column, unknown_column};
use super::trouble::{Bad, Tally, Trouble, failure};
use super::words::{Interned, Words};
use super::{Format, FormatOption, Input, OnBadRow, ReadOptions, Sample, Yield};
use crate::model::{
    Ask, Fleet, Group, Groups, Job, Labels, Name, Node, Note, Recorded, Run, Source, SourceError, Truth,
};

/// The format.
pub struct Openb;

const NODE_COLUMNS: [&str; 5] = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
const POD_COLUMNS: [&str; 11] = [
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];
/// How many columns of each list have to be there.
const NODE_REQUIRED: usize = 4;
const POD_REQUIRED: usize = 5;

/// The attribute under which a fleet has the model of its gpus.
pub(crate) const GPU_MODEL: &str = "gpu_model";

impl Format for Openb {
    fn name(&self) -> &'static str {
        "openb"
    }

    fn summary(&self) -> &'static str {
        "gpu cluster of 2023: node list (fleet) and pod list (workload)"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload, Yield::Fleet]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[SHIFT, ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let header = sample.header();
        header.starts_with(&NODE_COLUMNS[..NODE_REQUIRED]) || header.starts_with(&POD_COLUMNS[..POD_REQUIRED])
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        Ok(Box::new(OpenbSource::open(parts, options)?))
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        read_nodes(input)
    }
}

/// Where each known column stands in the file.
struct Positions<const N: usize>([Option<usize>; N]);

impl<const N: usize> Positions<N> {
    fn of(table: &Table, known: [&'static str; N], required: usize, other: (&str, &str)) -> Result<Self, SourceError> {
        let mut positions = [None; N];
        if table.columns().first().is_some_and(|first| first == other.0) {
            return Err(failure(format!("{} line 1: {}", table.place().file, other.1), &[]));
        }
        for (at, column) in table.columns().iter().enumerate() {
            let Some(slot) = known.iter().position(|name| name == column).and_then(|slot| positions.get_mut(slot))
            else {
                return Err(unknown_column(table.place(), column, known));
            };
            if slot.replace(at).is_some() {
                return Err(double_column(table.place(), column));
            }
        }
        match known.iter().zip(&positions).take(required).find(|(_, position)| position.is_none()) {
            Some((column, _)) => Err(missing_column(table.place(), column)),
            None => Ok(Self(positions)),
        }
    }

    fn has(&self, column: usize) -> bool {
        self.0.get(column).is_some_and(Option::is_some)
    }

    /// The text of a column; empty where the file has no such column.
    fn text<'a>(&self, table: &'a Table, column: usize) -> &'a [u8] {
        let position = self.0.get(column).copied().flatten();
        position.and_then(|at| table.record().get(at)).unwrap_or_default().trim_ascii()
    }
}

fn amount(text: &[u8], column: &'static str, most: u64, expected: &'static str) -> Result<u32, Bad> {
    match whole(text).filter(|&number| number <= most) {
        Some(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        None => Err(Bad::new(format!("column `{column}`"), text, expected)),
    }
}

const MILLICORES: &str = "a whole number of millicores below 2^32";
const MIB: &str = "a whole number of MiB below 2^32";
const DEVICES: &str = "a number of devices from 0 to 64";

fn read_nodes(input: &Input) -> Result<Fleet, SourceError> {
    let mut table = Table::open(vec![input.clone()])?;
    let other = ("name", "this is a pod list, not a node list; name it under `[[workload]]`");
    let columns = Positions::of(&table, NODE_COLUMNS, NODE_REQUIRED, other)?;
    let lanes = (1 << CPU) | (1 << MEMORY) | (1 << GPU);
    let mut fleet = Fleet { nodes: Vec::new(), lanes, extra_lanes: Vec::new() };
    loop {
        let node = match table.advance() {
            Ok(false) => break,
            Ok(true) => read_node(&table, &columns).map_err(Trouble::Bad),
            Err(trouble) => Err(trouble),
        };
        match node {
            Ok(node) => fleet.nodes.push(node),
            Err(Trouble::Stop(error)) => return Err(error),
            Err(Trouble::Bad(bad)) => return Err(bad.in_fleet(table.place())),
        }
    }
    if fleet.nodes.is_empty() {
        return Err(failure(
            format!("{} line 1: there is no node in this file; give one with rows", input.name()),
            &[],
        ));
    }
    Ok(fleet)
}

fn read_node(table: &Table, columns: &Positions<5>) -> Result<Node, Bad> {
    let name = columns.text(table, 0);
    if name.is_empty() {
        return Err(Bad::new("column `sn`", name, "the name of a node"));
    }
    let mut capacity = Resources::ZERO;
    capacity[CPU] = amount(columns.text(table, 1), "cpu_milli", u64::from(u32::MAX), MILLICORES)?;
    capacity[MEMORY] = amount(columns.text(table, 2), "memory_mib", u64::from(u32::MAX), MIB)?;
    let gpus = amount(columns.text(table, 3), "gpu", 64, DEVICES)?;
    capacity[GPU] = gpus * 1_000;
    let model = columns.text(table, 4);
    let attributes = match model.is_empty() {
        true => Vec::new(),
        false => vec![(GPU_MODEL.to_string(), String::from_utf8_lossy(model).into_owned())],
    };
    Ok(Node {
        name: Name::new(&String::from_utf8_lossy(name)),
        capacity,
        gpus: u8::try_from(gpus).unwrap_or(u8::MAX),
        attributes,
        domains: Vec::new(),
    })
}

/// The pods of one or more lists, one task each.
pub struct OpenbSource {
    table: Table,
    columns: Positions<11>,
    options: ReadOptions,
    sorter: Sorter<Job>,
    ended: bool,
    shift: Option<Time>,
    words: Words,
    constraints: Interned,
    tally: Tally,
}

impl OpenbSource {
    /// Opens the lists.
    ///
    /// # Errors
    /// If a list cannot be read or its header is not that of a pod list.
    pub fn open(parts: Vec<Input>, options: &ReadOptions) -> Result<Self, SourceError> {
        let table = Table::open(parts)?;
        let other = ("sn", "this is a node list, not a pod list; name it under `[fleet]`");
        let columns = Positions::of(&table, POD_COLUMNS, POD_REQUIRED, other)?;
        Ok(Self {
            table,
            columns,
            options: options.clone(),
            sorter: Sorter::new(WINDOW),
            ended: false,
            shift: None,
            words: Words::default(),
            constraints: Interned::default(),
            tally: Tally::default(),
        })
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        while !self.ended && !self.sorter.is_full() {
            let job = match self.table.advance() {
                Ok(false) => {
                    self.ended = true;
                    break;
                }
                Ok(true) => self.read_pod().map_err(Trouble::Bad),
                Err(trouble) => Err(trouble),
            };
            match job {
                Ok(job) => self.keep(job)?,
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
                self.tally.note("sorted_by_submit", self.table.place().line);
                Ok(())
            }
            Pushed::TooLate => {
                let expected = format!("a time at most {WINDOW} rows out of order (sort the file by it)");
                let bad = Bad::new("column `creation_time`", submit.to_string().as_bytes(), expected);
                self.refuse(&bad, "too_late_to_sort")
            }
        }
    }

    fn refuse(&mut self, bad: &Bad, reason: &'static str) -> Result<(), SourceError> {
        match self.options.on_bad_row {
            OnBadRow::Fail => Err(bad.at(self.table.place())),
            OnBadRow::Skip => {
                self.tally.skip(reason, self.table.place().line);
                Ok(())
            }
        }
    }

    fn read_pod(&mut self) -> Result<Job, Bad> {
        if self.columns.text(&self.table, 0).is_empty() {
            return Err(Bad::new("column `name`", b"", "the name of a pod"));
        }
        let gpu = self.gpu_request()?;
        let times = self.times()?;
        let (table, columns) = (&self.table, &self.columns);
        let name = columns.text(table, 0);
        let mut request = Resources::ZERO;
        request[CPU] = amount(columns.text(table, 1), "cpu_milli", u64::from(u32::MAX), MILLICORES)?;
        request[MEMORY] = amount(columns.text(table, 2), "memory_mib", u64::from(u32::MAX), MIB)?;
        request[GPU] = u32::from(gpu.count) * u32::from(gpu.milli);
        let constraints = self.constraints.of(columns.text(table, 5), |text| Ok(vec![any_model_of(text)]))?;
        let class = self.words.label(columns.text(table, 6));
        let fails = columns.text(table, 7) == b"Failed";
        Ok(Job {
            name: Name::new(&String::from_utf8_lossy(name)),
            submit: times.submit,
            priority: 0,
            role: Default::default(),
            user: Default::default(),
            class,
            groups: Groups::One(Group {
                count: 1,
                ask: Ask { request, gpu, constraints, ..Ask::default() },
                truth: Truth {
                    run: Run::Same(times.run),
                    fails,
                    recorded: times.scheduled.map(|start| Recorded { start: Some(start), ..Recorded::default() }),
                    ..Truth::default()
                },
            }),
        })
    }

    fn gpu_request(&mut self) -> Result<GpuRequest, Bad> {
        let count = amount(self.columns.text(&self.table, 3), "num_gpu", 64, DEVICES)?;
        let text = self.columns.text(&self.table, 4);
        let milli = amount(text, "gpu_milli", 1_000, "thousandths of a device from 0 to 1000")?;
        match (count, milli) {
            (0, 0) => {}
            (0, _) => self.tally.note("gpu_share_without_gpu", self.table.place().line),
            (_, 0) => return Err(Bad::new("column `gpu_milli`", text, "1 to 1000, since the pod asks for a gpu")),
            (2.., ..1_000) => {
                return Err(Bad::new("column `gpu_milli`", text, "1000, since the pod asks for several gpus"));
            }
            _ => {}
        }
        let milli = if count == 0 { 0 } else { milli };
        Ok(GpuRequest {
            count: u8::try_from(count).unwrap_or(u8::MAX),
            milli: u16::try_from(milli).unwrap_or(u16::MAX),
        })
    }

    fn times(&mut self) -> Result<Times, Bad> {
        const FOREVER: Times = Times { submit: Time::ZERO, scheduled: None, run: Span::FOREVER };
        if !self.columns.has(8) {
            return Ok(FOREVER);
        }
        let Some(submit) = self.time(8)? else {
            return Err(Bad::new("column `creation_time`", b"", "a number of seconds from 0"));
        };
        let (deleted, scheduled) = (self.time(9)?, self.time(10)?);
        let start = scheduled.unwrap_or(submit);
        let run = match deleted {
            None => Span::FOREVER,
            Some(deleted) if deleted >= start => deleted - start,
            Some(_) => {
                let found = self.columns.text(&self.table, 9);
                return Err(Bad::new("column `deletion_time`", found, "a time after the pod was scheduled or created"));
            }
        };
        Ok(Times { submit, scheduled, run })
    }

    fn time(&mut self, column: usize) -> Result<Option<Time>, Bad> {
        let text = self.columns.text(&self.table, column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = Decimal::read(text);
        let micros = number.and_then(Decimal::as_micros).and_then(|micros| u64::try_from(micros).ok());
        let Some(micros) = micros else {
            let name = POD_COLUMNS.get(column).copied().unwrap_or_default();
            return Err(Bad::new(format!("column `{name}`"), text, "a number of seconds from 0"));
        };
        if number.is_some_and(|number| number.rounded) {
            self.tally.note("time_rounded_to_us", self.table.place().line);
        }
        Ok(Some(Time(micros)))
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

struct Times {
    submit: Time,
    scheduled: Option<Time>,
    run: Span,
}

fn any_model_of(text: &[u8]) -> Constraint {
    let models = String::from_utf8_lossy(text).split('|').map(|model| model.trim().to_string()).collect();
    Constraint { attribute: GPU_MODEL.into(), condition: Condition::In(models) }
}

impl Source for OpenbSource {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        if let Err(error) = self.fill() {
            self.ended = true;
            self.sorter = Sorter::new(WINDOW);
            return Err(error);
        }
        Ok(self.sorter.pop().map(|(_, job)| self.shifted(job)))
    }

    fn labels(&self) -> &Labels {
        &self.words.labels
    }

    fn notes(&self) -> Vec<Note> {
        self.tally.notes()
    }
}
