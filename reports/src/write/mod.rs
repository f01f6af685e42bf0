//! Writes the result of a run into one folder: rows while they come, everything else at the end.

mod folder;
mod log;
pub mod parquet;
mod run_facts;
pub mod summary;
mod tables;
mod tasks;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use windtunnel_outcome::rows::TaskRow;
use windtunnel_outcome::{Outcome, RecordError, Recorder};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Time;

use crate::page::{self, Reproduction};

pub(crate) use folder::cannot;
pub use folder::{RUN_FILE, ResultFolder, abandon_all};
pub use run_facts::{Host, RunFacts};
pub(crate) use tables::{BLAST_COLUMNS, BLAST_RECORDED, lane_seconds, lane_time};
pub(crate) use tasks::{lane_with_unit, lanes_of};

use log::LogTable;
use tasks::TaskTable;

/// How `run.json` says whose it is.
pub const TOOL: &str = "windtunnel";

/// What is recorded beside the tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordOptions {
    /// The lanes that the fleet names beyond the standard four (others are passed over), as in [`Outcome::lanes`].
    pub lanes: Vec<(usize, String)>,
    /// Whether nodes have prices: attempts then say what they are charged.
    pub costs: bool,
    /// Whether frameworks run tasks inside holders: attempts then say in which.
    pub holders: bool,
    /// `--record events`: every event of every party.
    pub events: bool,
    /// `--record decisions`: every decision of every party.
    pub decisions: bool,
}

/// What the folder holds beside what the run found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The resolved scenario, every default written.
    pub scenario_toml: String,
    /// The exact command that makes the same result, for the page.
    pub command: String,
}

type Log = LogTable<BufWriter<File>>;

/// Takes the rows of a run into a folder that appears under its name only when it is whole.
///
/// Call order: [`ResultWriter::create`]; the calls of [`Recorder`] by the driver, [`Recorder::finish`] last;
/// [`ResultWriter::commit`]. Dropped before that it leaves nothing behind.
pub struct ResultWriter {
    folder: ResultFolder,
    tasks: Option<TaskTable<File>>,
    events: Option<Log>,
    decisions: Option<Log>,
    failure: Option<RecordError>,
    /// Steps of parties so far: what is told and what is decided in one of them goes together.
    steps: u64,
}

impl ResultWriter {
    /// Begins the folder `out`; it replaces an empty folder or an earlier result of ours.
    ///
    /// # Errors
    /// If there is anything else in `out`, or it cannot be written.
    pub fn create(out: &Path, options: &RecordOptions) -> Result<Self, RecordError> {
        let folder = ResultFolder::create(out)?;
        let begin = |name: &str| File::create(folder.path().join(name));
        let tasks = begin("tasks.parquet")
            .and_then(|file| TaskTable::new(file, &options.lanes))
            .map(|table| table.with_costs(options.costs).with_holders(options.holders))
            .map_err(|error| cannot("write", &out.join("tasks.parquet"), &error))?;
        let log = |wanted: bool, name: &str| {
            let table = wanted.then(|| begin(name).and_then(|file| LogTable::new(BufWriter::new(file)))).transpose();
            table.map_err(|error| cannot("write", &out.join(name), &error))
        };
        let events = log(options.events, "events.parquet")?;
        let decisions = log(options.decisions, "decisions.parquet")?;
        Ok(Self { folder, tasks: Some(tasks), events, decisions, failure: None, steps: 0 })
    }

    /// Where the result will be.
    #[must_use]
    pub fn out(&self) -> &Path {
        self.folder.out()
    }

    /// Remembers the first error of a file; the file is given up.
    fn keep(&mut self, name: &str, result: io::Result<()>) {
        if let Err(error) = result {
            self.tasks = None;
            self.events = None;
            self.decisions = None;
            self.failure.get_or_insert_with(|| cannot("write", &self.folder.out().join(name), &error));
        }
    }

    /// Writes everything that is known at the end and puts the folder in place; gives its path. `outcome` may carry
    /// more numbers than at [`Recorder::finish`]. `facts` is asked last of all, so that it can measure all that came
    /// before.
    ///
    /// # Errors
    /// The first error of any file, also of those written before.
    pub fn commit(
        &mut self,
        outcome: &Outcome,
        extras: &Extras,
        facts: impl FnOnce() -> RunFacts,
    ) -> Result<PathBuf, RecordError> {
        self.close()?;
        write_tables(&self.folder, outcome)?;
        self.folder.write("summary.json", summary::to_json(&outcome.summary, &outcome.warnings))?;
        self.folder.write("scenario.toml", &extras.scenario_toml)?;
        let reproduction = Reproduction { command: &extras.command, scenario_toml: &extras.scenario_toml };
        self.folder.write("report.html", page::render(outcome, &reproduction))?;
        self.folder.write(RUN_FILE, facts().to_json(&extras.command))?;
        self.folder.commit().map(Path::to_owned)
    }

    /// Ends the files that were written while the run went on.
    fn close(&mut self) -> Result<(), RecordError> {
        if let Some(tasks) = self.tasks.take() {
            let result = tasks.finish().map(drop);
            self.keep("tasks.parquet", result);
        }
        if let Some(events) = self.events.take() {
            let result = events.finish().map(drop);
            self.keep("events.parquet", result);
        }
        if let Some(decisions) = self.decisions.take() {
            let result = decisions.finish().map(drop);
            self.keep("decisions.parquet", result);
        }
        self.failure.clone().map_or(Ok(()), Err)
    }
}

impl Recorder for ResultWriter {
    fn wants_events(&self) -> bool {
        // Steps are counted by what they are told.
        self.events.is_some() || self.decisions.is_some()
    }

    fn wants_decisions(&self) -> bool {
        self.decisions.is_some()
    }

    fn heard(&mut self, now: Time, party: PartyId, events: &[Event]) {
        self.steps += 1;
        let step = self.steps;
        if let Some(log) = &mut self.events {
            let result = events.iter().try_for_each(|event| log.push(step, now, party, event));
            self.keep("events.parquet", result);
        }
    }

    fn note(&mut self, now: Time, party: PartyId, decision: &Decision) {
        if let Some(log) = &mut self.decisions {
            let result = log.push(self.steps, now, party, decision);
            self.keep("decisions.parquet", result);
        }
    }

    fn task(&mut self, row: &TaskRow<'_>) {
        if let Some(tasks) = &mut self.tasks {
            let result = tasks.push(row);
            if result.is_err() {
                self.keep("tasks.parquet", result);
            }
        }
    }

    fn finish(&mut self, _outcome: &Outcome) -> Result<(), RecordError> {
        self.close()
    }
}

/// The small tables; the page's own go into a folder of their own.
fn write_tables(folder: &ResultFolder, outcome: &Outcome) -> Result<(), RecordError> {
    let page = folder.path().join("page");
    std::fs::create_dir(&page).map_err(|error| cannot("create", &folder.out().join("page"), &error))?;
    let mut bytes = Vec::new();
    for (name, write) in tables::TABLES {
        bytes.clear();
        write(&mut bytes, outcome).map_err(|error| cannot("write", &folder.out().join(name), &error))?;
        folder.write(name, &bytes)?;
    }
    Ok(())
}
