//! `windtunnel run`: simulate, write, tell.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use windtunnel_outcome::{Outcome, Recorder as _};
use windtunnel_reports::table;
use windtunnel_reports::write::{Extras, RecordOptions, ResultWriter, summary};
use windtunnel_scheduler::resources::STANDARD_LANES;

use super::Verdict;
use super::common::{ScenarioArguments, open_if, quoted};
use crate::facts::Watch;
use crate::failure::Failure;
use crate::progress::{Bar, Interrupt};
use crate::resolve::Resolved;
use crate::simulate;
use crate::talk;
use crate::tool::Tool;
use crate::windows;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Where the results go; left out: `runs/<name>/`. Replaces an empty folder or earlier results, nothing else.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is recorded besides: `events,decisions`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    record: Vec<Record>,
    /// Open the report when it is there.
    #[arg(long)]
    open: bool,
    /// Print the summary as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// What may be recorded besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Record {
    /// Everything that parties are told.
    Events,
    /// Everything that parties decide, with the reasons of nodes that were passed over.
    Decisions,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let mut watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let mut resolved = arguments.scenario.load(tool)?;
    resolved.config.explain |= arguments.record.contains(&Record::Decisions);
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&resolved.scenario.name));
    talk::say(&format!("seed {}", resolved.scenario.seed));
    watch.lap("read");

    let mut writer = ResultWriter::create(&out, &record_options(&resolved, &arguments.record))?;
    let bar = Bar::new(&resolved.scenario.name, simulate::whole(&resolved), interrupt.clone());
    let result = simulate::once(tool, &resolved, &mut writer, &mut |progress| bar.tell(progress));
    bar.clear();
    let outcome = result?;
    watch.lap("simulate");
    let extras = Extras { scenario_toml: resolved.text()?, command: again(arguments) };
    writer.finish(&outcome)?;
    interrupt.close()?;
    let folder = writer.commit(&outcome, &extras, || watch.facts(&outcome))?;
    tell(&outcome, &folder, arguments)?;
    Ok(Verdict::Fine)
}

fn record_options(resolved: &Resolved, record: &[Record]) -> RecordOptions {
    let fleet = &resolved.fleet;
    let own = fleet.named_lanes().filter(|&lane| lane >= STANDARD_LANES.len());
    RecordOptions {
        lanes: own.map(|lane| (lane, fleet.lane_name(lane).to_owned())).collect(),
        costs: fleet.upkeep.iter().any(|rate| rate.price > 0),
        holders: !resolved.model.holders.is_empty(),
        events: record.contains(&Record::Events),
        decisions: record.contains(&Record::Decisions),
    }
}

/// The exact command.
fn again(arguments: &Arguments) -> String {
    let mut text = format!("windtunnel run {}", arguments.scenario.again());
    if !arguments.record.is_empty() {
        let words: Vec<String> = arguments
            .record
            .iter()
            .filter_map(|record| Some(record.to_possible_value()?.get_name().to_owned()))
            .collect();
        text.push_str(&format!(" --record {}", words.join(",")));
    }
    if let Some(out) = &arguments.out {
        text.push_str(&format!(" --out {}", quoted(&out.display().to_string())));
    }
    text
}

fn tell(outcome: &Outcome, folder: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let report = folder.join("report.html");
    for warning in &outcome.warnings {
        talk::say(&format!("warning: {warning}"));
    }
    if arguments.json {
        talk::out(&summary::to_json(&outcome.summary, &outcome.warnings))?;
    } else {
        let lines = table::render(&table::lines(&outcome.summary));
        let windows = windows::table(&outcome.summary).map_or_else(String::new, |table| format!("\n\n{table}"));
        talk::out(&format!("{lines}{windows}\n\n{}\n", report.display()))?;
    }
    open_if(arguments.open, &report);
    Ok(())
}
