//! The Alibaba cluster trace of 2017: tables without a header, times in seconds, 0 and less is before the window.
//!
//! `batch_task`: create time, end time, job, task, instances, status, cpu per instance (100 is a core), memory per
//! instance (a share of the largest machine). A task becomes a job `<job>.<task>` of so many equal tasks, each of which
//! runs as long as the trace has the task, since this table knows no more. Tasks that never ran are left out and
//! counted. `server_event`: time, machine, event, detail, cpus, memory, disk; every machine that is added is a node.

use windtunnel_scheduler::resources::{CPU, MEMORY, Resources};
use windtunnel_scheduler::time::Span;

use super::options::{ON_BAD_ROW, SHIFT};
use super::rows::{
    LARGEST_MEMORY_MIB, RowReader, RowSource, amount_field, bad_field, field, fleet_of, in_window, micros_field,
    whole_field,
};
use super::table::Table;
use super::trouble::{Bad, Tally};
use super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{Ask, Fleet, Group, Groups, Job, Labels, Name, Node, Run, Source, SourceError, Truth};

/// The format.
pub struct Alibaba2017;

const TASKS: [&str; 8] = ["create", "end", "job_id", "task_id", "instances", "status", "plan_cpu", "plan_mem"];
const SERVERS: [&str; 7] = ["timestamp", "machine_id", "event", "detail", "cpus", "memory", "disk"];
const EVENTS: [&str; 3] = ["add", "softerror", "harderror"];
/// What `plan_cpu` counts in: a hundred to a core.
pub(super) const MILLI_PER_PERCENT: u64 = 10;

impl Format for Alibaba2017 {
    fn name(&self) -> &'static str {
        "alibaba-2017"
    }

    fn summary(&self) -> &'static str {
        "alibaba cluster of 2017: batch_task (workload) and server_event (fleet)"
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
        sample.lines().take(2).any(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            match fields.as_slice() {
                [_, _, _, _, _, status, _, _] => Status::of(status.as_bytes()).is_some(),
                [_, _, event, _, _, _, _] => EVENTS.contains(event),
                _ => false,
            }
        })
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let table = Table::bare(parts, &TASKS)?;
        Ok(Box::new(RowSource::new(table, Tasks::default(), options)))
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        let table = Table::bare(vec![input.clone()], &SERVERS)?;
        let mut tally = Tally::default();
        fleet_of(table, 1 << CPU | 1 << MEMORY, |table| server(table, &mut tally))
    }
}

fn server(table: &Table, tally: &mut Tally) -> Result<Option<Node>, Bad> {
    match field(table, 2) {
        b"add" => {}
        b"softerror" | b"harderror" => return Ok(None),
        _ => return Err(bad_field(table, 2, "add, softerror or harderror")),
    }
    let name = field(table, 1);
    if name.is_empty() {
        return Err(bad_field(table, 1, "the number of a machine"));
    }
    let mut capacity = Resources::ZERO;
    capacity[CPU] = amount_field(table, 4, 1_000, tally)?.unwrap_or(0);
    capacity[MEMORY] = amount_field(table, 5, LARGEST_MEMORY_MIB, tally)?.unwrap_or(0);
    Ok(Some(Node { name: Name::new(&String::from_utf8_lossy(name)), capacity, ..Node::default() }))
}

/// How a task stood when the trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Terminated,
    Failed,
    Cancelled,
    Running,
    /// Neither ran nor was given up.
    Waiting,
}

impl Status {
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        match word {
            b"Terminated" => Some(Self::Terminated),
            b"Failed" => Some(Self::Failed),
            b"Cancelled" | b"Interrupted" | b"Interupted" => Some(Self::Cancelled),
            b"Running" => Some(Self::Running),
            b"Ready" | b"Waiting" => Some(Self::Waiting),
            _ => None,
        }
    }
}

pub(super) const STATUS: &str = "Terminated, Failed, Cancelled, Running, Ready or Waiting";

/// A row of either year, as far as the two agree.
pub(super) struct Batch {
    pub name: Name,
    pub count: u64,
    pub status: Status,
    /// Start and end, in microseconds, where they are known.
    pub times: (Option<i64>, Option<i64>),
    pub request: (Option<u32>, Option<u32>),
}

impl Batch {
    /// The job, unless the task never ran or nobody knows what it asked for.
    pub(super) fn job(self, table: &Table, tally: &mut Tally) -> Option<Job> {
        let line = table.place().line;
        let mut leave_out = |reason| {
            tally.skip(reason, line);
            None
        };
        if self.status == Status::Waiting || self.count == 0 {
            return leave_out("never_ran");
        }
        let (Some(from), Some(to)) = self.times else { return leave_out("run_unknown") };
        let (Some(cpu), Some(memory)) = self.request else { return leave_out("request_unknown") };
        if to < from || to <= 0 {
            return leave_out("end_before_start");
        }
        if self.status == Status::Running {
            tally.note("still_running_at_the_end", line);
        }
        let submit = in_window(from, table.place(), tally);
        let mut request = Resources::ZERO;
        (request[CPU], request[MEMORY]) = (cpu, memory);
        let run = Run::Same(Span(to.unsigned_abs() - submit.0));
        Some(Job {
            name: self.name,
            submit,
            priority: 0,
            role: Default::default(),
            user: Default::default(),
            class: Default::default(),
            groups: Groups::One(Group {
                count: u32::try_from(self.count).unwrap_or(u32::MAX),
                ask: Ask { request, ..Ask::default() },
                truth: Truth {
                    run,
                    fails: self.status == Status::Failed,
                    killed: self.status == Status::Cancelled,
                    ..Truth::default()
                },
            }),
            course: None,
        })
    }
}

/// The most instances that a task may have.
pub(super) const INSTANCES_MOST: u64 = 1 << 24;

#[derive(Default)]
struct Tasks {
    labels: Labels,
}

impl RowReader for Tasks {
    type Rows = Table;

    const ORDER: &'static str = "create";

    fn read(&mut self, table: &Table, tally: &mut Tally) -> Result<Option<Job>, Bad> {
        let (job, task) = (field(table, 2), field(table, 3));
        if job.is_empty() {
            tally.skip("job_unknown", table.place().line);
            return Ok(None);
        }
        let name = format!("{}.{}", String::from_utf8_lossy(job), String::from_utf8_lossy(task));
        let batch = Batch {
            name: Name::new(&name),
            count: whole_field(table, 4, INSTANCES_MOST, "a number of instances")?,
            status: Status::of(field(table, 5)).ok_or_else(|| bad_field(table, 5, STATUS))?,
            times: (micros_field(table, 0, tally)?, micros_field(table, 1, tally)?),
            request: (
                amount_field(table, 6, MILLI_PER_PERCENT, tally)?,
                amount_field(table, 7, LARGEST_MEMORY_MIB, tally)?,
            ),
        };
        Ok(batch.job(table, tally))
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::{drain, notes_of};

    fn tasks(text: &str) -> (Vec<Job>, Vec<(String, u64)>) {
        let parts = vec![Input::bytes("batch_task.csv", text.as_bytes())];
        let mut source = Alibaba2017.jobs(parts, &ReadOptions::default()).expect("opens");
        (drain(&mut *source).expect("reads"), notes_of(&*source))
    }

    #[test]
    fn a_task_is_a_job_of_its_instances() {
        let (jobs, notes) = tasks("6459,6524,3,4,15740,Terminated,50,0.007956928\n");
        let group = &jobs[0].groups.as_slice()[0];
        assert_eq!((jobs[0].name.to_string(), jobs[0].submit.0), ("3.4".to_owned(), 6_459_000_000));
        assert_eq!((group.count, group.truth.run.of(0)), (15_740, Span::from_seconds(65)));
        // 0.007956928 of 262,144 MiB is 2,085.86, and 50 hundredths of a core are 500 millicores.
        assert_eq!((group.ask.request[CPU], group.ask.request[MEMORY]), (500, 2_086));
        assert_eq!(notes, [("amount_rounded_up".to_owned(), 1)]);
    }

    #[test]
    fn what_never_ran_or_ends_before_it_starts_is_left_out_and_counted() {
        let (jobs, notes) = tasks(
            "create, end, job, task, instances, status, cpu, mem\n\
             10,20,1,1,1,Waiting,,\n10,5,1,2,1,Terminated,100,0.5\n-5,20,1,3,2,Failed,100,0.5\n\
             10,20,,4,1,Terminated,100,0.5\n10,20,1,5,1,Running,100,0.5\n12,20,1,6,1,Terminated,,0.5\n",
        );
        let names: Vec<String> = jobs.iter().map(|job| job.name.to_string()).collect();
        assert_eq!(names, ["1.3", "1.5"]);
        assert!(jobs[0].groups.as_slice()[0].truth.fails);
        assert_eq!(jobs[0].groups.as_slice()[0].truth.run.of(0), Span::from_seconds(20), "counted from the window");
        let reasons: Vec<&str> = notes.iter().map(|(reason, _)| reason.as_str()).collect();
        let expected = [
            "before_the_window",
            "end_before_start",
            "job_unknown",
            "never_ran",
            "request_unknown",
            "still_running_at_the_end",
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn machines_that_are_added_are_nodes_and_errors_are_none() {
        let text =
            "0,1148,add,,64,0.6900059534594777,1\n0,1148,add,,64,0.69,1\n9,1148,softerror,x,,,\n0,2,add,,32,1,1\n";
        let fleet = Alibaba2017.fleet(&Input::bytes("s.csv", text.as_bytes()), &ReadOptions::default()).expect("reads");
        let nodes: Vec<(String, u32, u32)> =
            fleet.nodes.iter().map(|node| (node.name.to_string(), node.capacity[CPU], node.capacity[MEMORY])).collect();
        assert_eq!(nodes, [("1148".to_owned(), 64_000, 180_881), ("2".to_owned(), 32_000, 262_144)]);
    }

    #[test]
    fn another_table_says_so_on_its_first_line_even_where_bad_rows_are_skipped() {
        let options = ReadOptions { on_bad_row: crate::read::OnBadRow::Skip, ..ReadOptions::default() };
        let error = Alibaba2017.jobs(vec![Input::bytes("x.csv", *b"1;2;3\n4;5;6\n")], &options).err().expect("refused");
        assert!(error.message.contains("x.csv line 1: 1 fields where 8 are expected"), "{error}");
    }
}
