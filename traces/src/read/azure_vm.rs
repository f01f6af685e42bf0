//! Virtual machines of the Azure traces of 2017 and 2019: `vmtable`, without a header.
//!
//! Machine, subscription, deployment, created, deleted (seconds), largest, mean and 95th percentile cpu use (per
//! cent), category, cores, memory in GiB; the later trace has cores and memory in classes, of which the open one
//! (`>24`, `>64`) is taken for the next power of two. A machine becomes a job of one task from its creation to its
//! deletion. One that is there when the window ends has no end, as far as anybody knows. The category is the class,
//! the subscription the user; mean use is what the task really uses.

use windtunnel_scheduler::event::JobKind;
use windtunnel_scheduler::resources::{CPU, MEMORY, Resources};
use windtunnel_scheduler::time::Span;

use super::options::{ON_BAD_ROW, SHIFT};
use super::rows::{RowReader, RowSource, amount_field, bad_field, field, in_window, micros_field};
use super::table::Table;
use super::trouble::{Bad, Tally};
use super::words::Words;
use super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{Ask, Group, Groups, Job, Labels, Name, Run, Source, SourceError, Truth};

/// The format.
pub struct AzureVm;

const COLUMNS: [&str; 11] = [
    "vmid",
    "subscriptionid",
    "deploymentid",
    "vmcreated",
    "vmdeleted",
    "maxcpu",
    "avgcpu",
    "p95maxcpu",
    "vmcategory",
    "vmcorecount",
    "vmmemory",
];
/// The last reading before the end of the 30 days that the traces span.
const WINDOW_END_US: i64 = 2_591_700_000_000;

impl Format for AzureVm {
    fn name(&self) -> &'static str {
        "azure-vm"
    }

    fn summary(&self) -> &'static str {
        "virtual machines of the azure traces of 2017 and 2019: vmtable"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[SHIFT, ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        sample.lines().take(2).any(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let is_id = |text: &&str| text.len() >= 40 && !text.contains(' ');
            let is_category = |text: &str| matches!(text, "Delay-insensitive" | "Interactive" | "Unknown");
            fields.len() == COLUMNS.len() && fields.iter().take(3).all(is_id) && is_category(fields[8])
        })
    }

    fn jobs(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let table = Table::bare(parts, &COLUMNS)?;
        Ok(Box::new(RowSource::new(table, Machines::default(), options)))
    }
}

#[derive(Default)]
struct Machines {
    words: Words,
}

/// An amount, or the open class above all others.
fn open_ended(table: &Table, at: usize, units: u64, above: (&[u8], u32), tally: &mut Tally) -> Result<u32, Bad> {
    if field(table, at) == above.0 {
        tally.note("size_open_ended", table.place().line);
        return Ok(above.1);
    }
    let amount = amount_field(table, at, units, tally)?;
    amount.ok_or_else(|| bad_field(table, at, "a number of cores or GiB"))
}

impl RowReader for Machines {
    type Rows = Table;

    const ORDER: &'static str = "vmcreated";

    fn read(&mut self, table: &Table, tally: &mut Tally) -> Result<Option<Job>, Bad> {
        let line = table.place().line;
        let Some(created) = micros_field(table, 3, tally)? else {
            return Err(bad_field(table, 3, "a number of seconds"));
        };
        let deleted = micros_field(table, 4, tally)?;
        if deleted.is_some_and(|deleted| deleted < created) {
            tally.skip("end_before_start", line);
            return Ok(None);
        }
        let submit = in_window(created, table.place(), tally);
        let run = match deleted.filter(|&deleted| deleted < WINDOW_END_US) {
            Some(deleted) => Span(deleted.unsigned_abs().saturating_sub(submit.0)),
            None => {
                tally.note("still_running_at_the_end", line);
                Span::FOREVER
            }
        };
        let mut request = Resources::ZERO;
        request[CPU] = open_ended(table, 9, 1_000, (b">24", 32_000), tally)?;
        request[MEMORY] = open_ended(table, 10, 1_024, (b">64", 128 * 1_024), tally)?;
        // Ten thousandths of a per cent are fine enough for the mean use of a month.
        let used = amount_field(table, 6, 10_000, tally)?.map(|share| {
            let milli = u64::from(request[CPU]) * u64::from(share.min(1_000_000)) / 1_000_000;
            Resources::new(u32::try_from(milli).unwrap_or(u32::MAX), request[MEMORY])
        });
        Ok(Some(Job {
            name: Name::new(&String::from_utf8_lossy(field(table, 0))),
            submit,
            priority: 0,
            role: Default::default(),
            user: self.words.label(field(table, 1)),
            class: self.words.label(field(table, 8)),
            groups: Groups::One(Group {
                count: 1,
                ask: Ask { kind: JobKind::Batch, request, ..Ask::default() },
                truth: Truth { run: Run::Same(run), usage: used, ..Truth::default() },
            }),
            course: None,
        }))
    }

    fn labels(&self) -> &Labels {
        &self.words.labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::{drain, notes_of};

    #[test]
    fn a_machine_is_a_task_from_its_creation_to_its_deletion() {
        let id = "x".repeat(64);
        let row = |times: &str, size: &str| format!("{id},{id},{id},{times},100,25,90,Interactive,{size}\n");
        let text = [row("0,600", "2,3.5"), row("300,2591700", ">24,>64"), row("900,300", "1,1")].concat();
        let parts = vec![Input::bytes("vmtable.csv", text.as_bytes())];
        let mut source = AzureVm.jobs(parts, &ReadOptions::default()).expect("opens");
        let jobs = drain(&mut *source).expect("reads");
        let group = |at: usize| &jobs[at].groups.as_slice()[0];
        assert_eq!((jobs.len(), source.labels().word(jobs[0].class)), (2, "Interactive"));
        assert_eq!(group(0).ask.request, Resources::new(2_000, 3_584));
        assert_eq!(group(0).truth.run.of(0), Span::from_seconds(600));
        assert_eq!(group(0).truth.usage, Some(Resources::new(500, 3_584)), "a quarter of two cores");
        assert_eq!(group(1).ask.request, Resources::new(32_000, 131_072));
        assert_eq!(group(1).truth.run.of(0), Span::FOREVER);
        let reasons: Vec<(String, u64)> = notes_of(&*source);
        let expected = [("end_before_start", 1), ("size_open_ended", 2), ("still_running_at_the_end", 1)];
        assert_eq!(reasons, expected.map(|(reason, count)| (reason.to_owned(), count)));
    }
}
