//! The Alibaba cluster trace of 2018: tables without a header, times in seconds from the beginning of the window.
//!
//! `batch_task`: task, instances, job, type, status, start, end, cpu per instance (100 is a core), memory per instance
//! (hundredths of the largest machine). A task becomes a job `<job>.<task>` of so many equal tasks, each of which runs
//! from the start of the task to its end. That some tasks wait for others shows in their recorded starts; it is not
//! kept besides. `machine_meta`: machine, time, two failure domains, cores, memory, status; the first row of a machine
//! is the node.

use windtunnel_scheduler::resources::{CPU, MEMORY, Resources};

use super::alibaba_2017::{Batch, INSTANCES_MOST, MILLI_PER_PERCENT, STATUS, Status};
use super::options::{ON_BAD_ROW, SHIFT};
use super::rows::{
    LARGEST_MEMORY_MIB, RowReader, RowSource, amount_field, bad_field, field, fleet_of, micros_field, whole_field,
};
use super::table::Table;
use super::trouble::{Bad, Tally};
use super::words::Words;
use super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{Fleet, Job, Labels, Name, Node, Source, SourceError};

/// The format.
pub struct Alibaba2018;

const TASKS: [&str; 9] =
    ["task_name", "instance_num", "job_name", "task_type", "status", "start_time", "end_time", "plan_cpu", "plan_mem"];
const MACHINES: [&str; 7] =
    ["machine_id", "time_stamp", "failure_domain_1", "failure_domain_2", "cpu_num", "mem_size", "status"];

impl Format for Alibaba2018 {
    fn name(&self) -> &'static str {
        "alibaba-2018"
    }

    fn summary(&self) -> &'static str {
        "alibaba cluster of 2018: batch_task (workload) and machine_meta (fleet)"
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
                [_, _, _, _, status, ..] if fields.len() == TASKS.len() => Status::of(status.as_bytes()).is_some(),
                [machine, ..] if fields.len() == MACHINES.len() => {
                    machine.strip_prefix("m_").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
                }
                _ => false,
            }
        })
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let table = Table::bare(parts, &TASKS)?;
        Ok(Box::new(RowSource::new(table, Tasks::default(), options)))
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        let table = Table::bare(vec![input.clone()], &MACHINES)?;
        let mut tally = Tally::default();
        fleet_of(table, 1 << CPU | 1 << MEMORY, |table| machine(table, &mut tally))
    }
}

fn machine(table: &Table, tally: &mut Tally) -> Result<Option<Node>, Bad> {
    let name = field(table, 0);
    if name.is_empty() {
        return Err(bad_field(table, 0, "the name of a machine"));
    }
    let mut capacity = Resources::ZERO;
    capacity[CPU] = amount_field(table, 4, 1_000, tally)?.unwrap_or(0);
    capacity[MEMORY] = hundredths(table, 5, tally)?.unwrap_or(0);
    let domain = |at: usize| {
        let value = String::from_utf8_lossy(field(table, at)).into_owned();
        (!value.is_empty()).then(|| (MACHINES[at].to_owned(), value))
    };
    let domains = [2, 3].into_iter().filter_map(domain).collect();
    Ok(Some(Node { name: Name::new(&String::from_utf8_lossy(name)), capacity, domains, ..Node::default() }))
}

/// Hundredths of the largest machine's memory, as MiB; -1 and 101 mean that it is not known.
fn hundredths(table: &Table, at: usize, tally: &mut Tally) -> Result<Option<u32>, Bad> {
    if matches!(field(table, at), b"-1" | b"101") {
        return Ok(None);
    }
    let hundredths = amount_field(table, at, LARGEST_MEMORY_MIB, tally)?;
    Ok(hundredths.map(|amount| amount.div_ceil(100)))
}

#[derive(Default)]
struct Tasks {
    words: Words,
}

impl RowReader for Tasks {
    type Rows = Table;

    const ORDER: &'static str = "start_time";

    fn read(&mut self, table: &Table, tally: &mut Tally) -> Result<Option<Job>, Bad> {
        let text = |at: usize| String::from_utf8_lossy(field(table, at));
        let batch = Batch {
            name: Name::new(&format!("{}.{}", text(2), text(0))),
            count: whole_field(table, 1, INSTANCES_MOST, "a number of instances")?,
            status: Status::of(field(table, 4)).ok_or_else(|| bad_field(table, 4, STATUS))?,
            times: (micros_field(table, 5, tally)?, micros_field(table, 6, tally)?),
            request: (amount_field(table, 7, MILLI_PER_PERCENT, tally)?, hundredths(table, 8, tally)?),
        };
        let class = self.words.label(field(table, 3));
        Ok(batch.job(table, tally).map(|job| Job { class, ..job }))
    }

    fn labels(&self) -> &Labels {
        &self.words.labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::{drain, notes_of};
    use windtunnel_scheduler::time::Span;

    #[test]
    fn a_task_is_a_job_of_its_instances() {
        let text = "M1,2,j_7,1,Terminated,100,160,100,0.5\nR2_1,1,j_7,1,Terminated,0,0,100,0.5\n";
        let parts = vec![Input::bytes("batch_task.csv", text.as_bytes())];
        let mut source = Alibaba2018.jobs(parts, &ReadOptions::default()).expect("opens");
        let jobs = drain(&mut *source).expect("reads");
        let group = &jobs[0].groups.as_slice()[0];
        assert_eq!((jobs.len(), jobs[0].name.to_string().as_str(), group.count), (1, "j_7.M1", 2));
        assert_eq!(group.truth.run.of(1), Span::from_seconds(60));
        // Half a hundredth of 256 GiB: 1310.72 MiB.
        assert_eq!((group.ask.request[CPU], group.ask.request[MEMORY]), (1_000, 1_311));
        assert_eq!(notes_of(&*source), [("end_before_start".to_owned(), 1)], "an end at 0 is none");
    }

    #[test]
    fn the_first_row_of_a_machine_is_the_node_with_its_domains() {
        let text = "m_1,0,219,17,96,100,USING\nm_1,148984,219,17,96,100,USING\nm_2,0,,3,,,USING\n";
        let fleet = Alibaba2018.fleet(&Input::bytes("m.csv", text.as_bytes()), &ReadOptions::default()).expect("reads");
        assert_eq!(fleet.nodes.len(), 2);
        assert_eq!((fleet.nodes[0].capacity[CPU], fleet.nodes[0].capacity[MEMORY]), (96_000, 262_144));
        let domain = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        assert_eq!(fleet.nodes[0].domains, [domain("failure_domain_1", "219"), domain("failure_domain_2", "17")]);
        assert_eq!(fleet.nodes[1].domains, [domain("failure_domain_2", "3")]);
    }
}
