//! `windtunnel report`: the page of a saved run, again.

use std::path::PathBuf;

use clap::Args;
use windtunnel_reports::page::{self, Reproduction};
use windtunnel_reports::{read, table};

use super::Verdict;
use super::common::open_if;
use crate::failure::Failure;
use crate::talk;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of a run.
    dir: PathBuf,
    /// Open the report when it is there.
    #[arg(long)]
    open: bool,
    /// Print the summary as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(arguments: &Arguments) -> Result<Verdict, Failure> {
    let saved =
        read::load(&arguments.dir).map_err(|error| Failure::Input { message: error.message, hints: error.hints })?;
    let reproduction = Reproduction { command: &saved.command, scenario_toml: &saved.scenario_toml };
    let report = arguments.dir.join("report.html");
    // A temporary name first: whoever has the old page open never sees half of the new one.
    let draft = arguments.dir.join(format!(".report.html.partial-{}", std::process::id()));
    let written = std::fs::write(&draft, page::render(&saved.outcome, &reproduction))
        .and_then(|()| std::fs::rename(&draft, &report));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&draft);
        return Err(Failure::new(format!("{} cannot be written ({error}); make room for it", report.display())));
    }
    if arguments.json {
        let text = windtunnel_reports::write::summary::to_json(&saved.outcome.summary, &saved.outcome.warnings);
        talk::out(&text)?;
    } else {
        let lines = table::render(&table::lines(&saved.outcome.summary));
        talk::out(&format!("{lines}\n\n{}\n", report.display()))?;
    }
    open_if(arguments.open, &report);
    Ok(Verdict::Fine)
}
