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
use super::rows::{RowReader, RowSource};
use super::table::{Table, double_column, missing_column, unknown_column};
use super::trouble::{Bad, Tally, Trouble, failure};
use super::words::{Interned, Words};
use super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{
    Ask, Demand, Fleet, Group, Groups, Job, Labels, Name, Node, Recorded, Run, Source, SourceError, Truth,
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
    let mut fleet = Fleet { lanes, ..Fleet::default() };
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
pub(crate) type OpenbSource = RowSource<Pods>;

/// Makes a job of each pod.
pub(crate) struct Pods {
    columns: Positions<11>,
    words: Words,
    constraints: Interned,
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
        let pods = Pods { columns, words: Words::default(), constraints: Interned::default() };
        Ok(Self::new(table, pods, options))
    }
}

impl RowReader for Pods {
    type Rows = Table;

    const ORDER: &'static str = "creation_time";

    fn read(&mut self, table: &Table, tally: &mut Tally) -> Result<Option<Job>, Bad> {
        if self.columns.text(table, 0).is_empty() {
            return Err(Bad::new("column `name`", b"", "the name of a pod"));
        }
        let gpu = self.gpu_request(table, tally)?;
        let times = self.times(table, tally)?;
        let columns = &self.columns;
        let name = columns.text(table, 0);
        let mut request = Resources::ZERO;
        request[CPU] = amount(columns.text(table, 1), "cpu_milli", u64::from(u32::MAX), MILLICORES)?;
        request[MEMORY] = amount(columns.text(table, 2), "memory_mib", u64::from(u32::MAX), MIB)?;
        request[GPU] = u32::from(gpu.count) * u32::from(gpu.milli);
        let models = |text: &[u8]| Ok(Demand { constraints: vec![any_model_of(text)], ..Demand::default() });
        let (constraints, _) = self.constraints.of(columns.text(table, 5), models)?;
        let class = self.words.label(columns.text(table, 6));
        let fails = columns.text(table, 7) == b"Failed";
        Ok(Some(Job {
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
            course: None,
        }))
    }

    fn labels(&self) -> &Labels {
        &self.words.labels
    }
}

impl Pods {
    fn gpu_request(&self, table: &Table, tally: &mut Tally) -> Result<GpuRequest, Bad> {
        let count = amount(self.columns.text(table, 3), "num_gpu", 64, DEVICES)?;
        let text = self.columns.text(table, 4);
        let milli = amount(text, "gpu_milli", 1_000, "thousandths of a device from 0 to 1000")?;
        match (count, milli) {
            (0, 0) => {}
            (0, _) => tally.note("gpu_share_without_gpu", table.place().line),
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

    fn times(&self, table: &Table, tally: &mut Tally) -> Result<Times, Bad> {
        const FOREVER: Times = Times { submit: Time::ZERO, scheduled: None, run: Span::FOREVER };
        if !self.columns.has(8) {
            return Ok(FOREVER);
        }
        let Some(submit) = self.time(table, 8, tally)? else {
            return Err(Bad::new("column `creation_time`", b"", "a number of seconds from 0"));
        };
        let (deleted, scheduled) = (self.time(table, 9, tally)?, self.time(table, 10, tally)?);
        let start = scheduled.unwrap_or(submit);
        let run = match deleted {
            None => Span::FOREVER,
            Some(deleted) if deleted >= start => deleted - start,
            Some(_) => {
                let found = self.columns.text(table, 9);
                return Err(Bad::new("column `deletion_time`", found, "a time after the pod was scheduled or created"));
            }
        };
        Ok(Times { submit, scheduled, run })
    }

    fn time(&self, table: &Table, column: usize, tally: &mut Tally) -> Result<Option<Time>, Bad> {
        let text = self.columns.text(table, column);
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
            tally.note("time_rounded_to_us", table.place().line);
        }
        Ok(Some(Time(micros)))
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
