//! What Slurm's accounting prints: `sacct -P` (or `-p`), with the header line.
//!
//! An allocation becomes a job; its steps are counted and left out, as is what never started. The time limit is the
//! estimate, the account the role, the user the user, the partition the class. Memory per cpu (`..c`), per node (`..n`)
//! and as a whole are told apart. As a gang a job has a task per node; as a pool (the default on one) it is one task.
//! Times are those of the file, read as if its clock were UTC; `shift = true` makes the first submission 0.

mod records;
#[cfg(test)]
mod tests;
mod words;

use windtunnel_scheduler::event::{GpuRequest, JobKind};
use windtunnel_scheduler::resources::{GPU, Resources};
use windtunnel_scheduler::time::Span;

use records::{Column, Records};

use super::options::{ON_BAD_ROW, SHIFT};
use super::rows::{RowReader, RowSource, Rows as _};
use super::trouble::{Bad, Tally};
use super::words::Words;
use super::{Format, FormatOption, Input, JobAs, Processors, ReadOptions, Sample, Yield};
use crate::model::{Ask, Group, Groups, Job, Labels, Name, Recorded, Run, Source, SourceError, Truth};

/// The format.
pub struct Sacct;

impl Format for Sacct {
    fn name(&self) -> &'static str {
        "sacct"
    }

    fn summary(&self) -> &'static str {
        "slurm accounting as `sacct -P` prints it, with the header line"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["log", "txt", "psv"]
    }

    fn options(&self) -> &'static [FormatOption] {
        const OPTIONS: &[FormatOption] = &[
            FormatOption {
                name: "procs",
                default: "requested",
                values: "requested | allocated | larger",
                summary: "which processor count a job has",
            },
            FormatOption {
                name: "job_as",
                default: "pool",
                values: "pool | gang",
                summary: "one task of n cpus, or a task per node that start together",
            },
            SHIFT,
            ON_BAD_ROW,
        ];
        OPTIONS
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let header = sample.first_line().unwrap_or_default();
        let has = |name: &str| header.split('|').any(|column| column == name);
        has("JobID") && has("Submit") && has("State")
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let records = Records::open(parts)?;
        let reader = Allocations { words: Words::default(), procs: options.procs, job_as: options.job_as };
        Ok(Box::new(RowSource::new(records, reader, options)))
    }
}

/// Makes a job of each allocation.
struct Allocations {
    words: Words,
    procs: Processors,
    job_as: JobAs,
}

/// What an allocation asked for as a whole.
struct Whole {
    cpus: u64,
    memory_mib: u64,
    gpus: u64,
    nodes: u64,
}

impl RowReader for Allocations {
    type Rows = Records;

    const ORDER: &'static str = "Submit";

    fn read(&mut self, row: &Records, tally: &mut Tally) -> Result<Option<Job>, Bad> {
        let line = row.place().line;
        let mut leave_out = |reason| {
            tally.skip(reason, line);
            Ok(None)
        };
        let id = row.text(Column::JobId);
        if id.is_empty() {
            return Err(row.bad(Column::JobId, "the number of a job"));
        }
        if id.contains(&b'.') {
            return leave_out("steps_of_a_job");
        }
        let Some(submit) = words::time(row.text(Column::Submit)) else {
            return Err(row.bad(Column::Submit, "a time such as 2021-12-10T14:23:28"));
        };
        let Some(start) = words::time(row.text(Column::Start)) else { return leave_out("never_ran") };
        let Some(whole) = self.whole(row)? else { return leave_out("no_processors") };
        let run = match words::time(row.text(Column::End)) {
            Some(end) if end < start => return leave_out("end_before_start"),
            Some(end) => end - start,
            None => {
                tally.note("still_running_at_the_end", line);
                Span::FOREVER
            }
        };
        let state = row.text(Column::State).split(|&byte| byte == b' ').next().unwrap_or_default();
        if matches!(state, b"NODE_FAIL" | b"BOOT_FAIL") {
            tally.note("ended_by_its_node", line);
        }
        let node = row.text(Column::NodeList);
        let is_one = !node.is_empty() && !node.iter().any(|byte| b"[, ".contains(byte));
        let recorded = Recorded {
            start: Some(start),
            node: is_one.then(|| Name::new(&String::from_utf8_lossy(node))),
            ..Recorded::default()
        };
        let (count, ask) = self.ask(&whole, tally, line);
        Ok(Some(Job {
            name: Name::new(&String::from_utf8_lossy(id)),
            submit,
            priority: words::whole(row.text(Column::Priority))
                .map_or(0, |number| number.try_into().unwrap_or(i32::MAX)),
            role: self.words.label(row.text(Column::Account)),
            user: self.words.label(row.text(Column::User)),
            class: self.words.label(row.text(Column::Partition)),
            groups: Groups::One(Group {
                count,
                ask: Ask { estimate: limit(row), ..ask },
                truth: Truth {
                    run: Run::Same(run),
                    fails: matches!(state, b"FAILED" | b"OUT_OF_MEMORY" | b"NODE_FAIL" | b"BOOT_FAIL"),
                    killed: matches!(state, b"TIMEOUT" | b"DEADLINE" | b"CANCELLED" | b"PREEMPTED"),
                    recorded: Some(recorded),
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

/// The time limit, if there is one.
fn limit(row: &Records) -> Option<Span> {
    let minutes = words::whole(row.text(Column::TimelimitRaw)).and_then(|minutes| minutes.checked_mul(60_000_000));
    minutes.map(Span).or_else(|| words::duration(row.text(Column::Timelimit)))
}

impl Allocations {
    /// What was asked for; None if nobody knows how many cpus.
    fn whole(&self, row: &Records) -> Result<Option<Whole>, Bad> {
        let count = |column: Column| words::whole(row.text(column)).filter(|&count| count > 0);
        let asked = count(Column::ReqCpus);
        let given = count(Column::AllocCpus).or_else(|| count(Column::Ncpus));
        let cpus = match self.procs {
            Processors::Requested => asked.or(given),
            Processors::Allocated => given.or(asked),
            Processors::Larger => asked.max(given),
        };
        let Some(cpus) = cpus else { return Ok(None) };
        let nodes = count(Column::Nnodes).unwrap_or(1).min(cpus);
        let (asked, given) = (row.text(Column::ReqTres), row.text(Column::AllocTres));
        let memory = row.text(Column::ReqMem);
        let memory_mib = if memory.is_empty() {
            words::trackable(asked, "mem").and_then(words::mebibytes).map_or(0, |(mib, _)| mib)
        } else {
            match words::mebibytes(memory) {
                Some((mib, words::Per::Cpu)) => mib.saturating_mul(cpus),
                Some((mib, words::Per::Node)) => mib.saturating_mul(nodes),
                Some((mib, words::Per::Job)) => mib,
                None => return Err(row.bad(Column::ReqMem, "an amount of memory such as 2800Mc, 4000M or 500G")),
            }
        };
        let tres = if self.procs == Processors::Allocated { [given, asked] } else { [asked, given] };
        let gpus = tres.iter().find_map(|tres| words::whole(words::trackable(tres, "gres/gpu")?)).unwrap_or(0);
        Ok(Some(Whole { cpus, memory_mib, gpus, nodes }))
    }

    /// One task of everything, or a task per node; parts are rounded up.
    fn ask(&self, whole: &Whole, tally: &mut Tally, line: u64) -> (u32, Ask) {
        let tasks = if self.job_as == JobAs::Gang { whole.nodes } else { 1 };
        let mut part = |amount: u64, units: u64| {
            let total = amount.saturating_mul(units);
            if !total.is_multiple_of(tasks) {
                tally.note("amount_rounded_up", line);
            }
            u32::try_from(total.div_ceil(tasks)).unwrap_or(u32::MAX)
        };
        let mut request = Resources::new(part(whole.cpus, 1_000), part(whole.memory_mib, 1));
        let devices = part(whole.gpus, 1).min(64);
        request[GPU] = devices * 1_000;
        let gpu = GpuRequest { count: devices as u8, milli: if devices > 0 { 1_000 } else { 0 } };
        let kind = if self.job_as == JobAs::Gang { JobKind::Gang } else { JobKind::Batch };
        (u32::try_from(tasks).unwrap_or(u32::MAX), Ask { kind, request, gpu, ..Ask::default() })
    }
}
