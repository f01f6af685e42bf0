//! `windtunnel packing`: how good a fit is.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::ValueEnum as _;
use windtunnel_outcome::Outcome;
use windtunnel_reports::packing::{LoadPoint, PackingResult};
use windtunnel_reports::write::{Extras, RUN_FILE, summary};
use windtunnel_reports::{packing as report, table};
use windtunnel_scheduler::Time;

use super::Verdict;
use super::common::{ScenarioArguments, open_if, quoted};
use crate::facts::Watch;
use crate::failure::Failure;
use crate::packing::repack::Order;
use crate::packing::{self, Measured, Options, Snapshot, recorded};
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::spec::quantity::{Duration, Percent};
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A scenario, which is run for what it packs; or the folder of a run, whose placement is taken from it.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// What is packed: the tasks that run just before this instant; left out: at the peak of allocation.
    #[arg(long, value_name = "TIME")]
    at: Option<Duration>,
    /// Random orders in which nodes are taken away.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u64).range(1..=1000))]
    trials: u64,
    /// The order in which tasks are packed from scratch.
    #[arg(long, value_enum, default_value_t)]
    order: Order,
    /// The share of all tasks that may stay pending where it is asked what fits.
    #[arg(long, value_name = "SHARE", default_value = "0.2%")]
    pending: Percent,
    /// Print the numbers as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Where the results go; left out: `runs/<name>.packing/`. Replaces an empty folder or earlier results only.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Open the report when it is there.
    #[arg(long)]
    open: bool,
}

/// The numbers of the run that stand beside the measures.
const OF_THE_RUN: [&str; 4] = ["packing.efficiency", "packing.at_end", "fingerprint", "allocation.cpu.mean"];

/// What is packed, and the run that it is from, if there was one.
struct Subject {
    resolved: Resolved,
    snapshot: Snapshot,
    outcome: Option<Outcome>,
    warnings: Vec<String>,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let mut watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let Subject { resolved, snapshot, outcome, warnings } = subject(tool, arguments, &interrupt)?;
    watch.lap("simulate");
    let scheduler = &resolved.scenario.scheduler;
    let options = Options {
        trials: arguments.trials,
        order: arguments.order,
        pending_ppm: arguments.pending.0,
        unit: None,
        seed: resolved.scenario.seed,
    };
    let mut measured = packing::measure_as(tool, &resolved, &snapshot, &options, &interrupt)?;
    watch.lap("pack");
    measured.warnings.splice(0..0, warnings);
    let summary = &mut measured.summary;
    summary.set("scenario", resolved.scenario.name.as_str());
    summary.set("seed", resolved.scenario.seed);
    summary.set("scheduler.placement", scheduler.placement.0.name.as_str());
    summary.set("scheduler.queue", scheduler.queue.0.name.as_str());
    for input in &resolved.inputs {
        summary.set(&format!("inputs.{}", input.key), input.digest.as_str());
    }
    for name in OF_THE_RUN {
        if let Some(value) = outcome.as_ref().and_then(|outcome| outcome.summary.get(name)) {
            summary.set(name, value.clone());
        }
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => Path::new("runs").join(format!("{}.packing", resolved.scenario.name)),
    };
    let extras = Extras { scenario_toml: resolved.text()?, command: again(arguments) };
    let result = result_of(measured, packing::lanes_of(&resolved), outcome);
    interrupt.close()?;
    let facts = || watch.facts(&Outcome::default());
    let folder = report::write(&out, &result, &extras, facts)?;
    tell(&result, &folder, arguments)?;
    Ok(Verdict::Fine)
}

/// Takes the snapshot that the arguments name.
fn subject(tool: &Tool, arguments: &Arguments, interrupt: &Interrupt) -> Result<Subject, Failure> {
    let at = arguments.at.map(|at| Time(at.0));
    let folder = Path::new(&arguments.scenario.scenario);
    if !folder.is_dir() {
        let resolved = arguments.scenario.load(tool)?;
        talk::say(&format!("seed {}", resolved.scenario.seed));
        let (snapshot, outcome) = packing::simulate(tool, &resolved, at, interrupt)?;
        let warnings = resolved.warnings.iter().chain(&outcome.warnings).cloned().collect();
        return Ok(Subject { resolved, snapshot, outcome: Some(outcome), warnings });
    }
    if !folder.join(RUN_FILE).is_file() {
        let sentence = format!("{} is not the folder of a run; name one, as in runs/quickstart", folder.display());
        return Err(Failure::new(sentence));
    }
    let resolved = arguments.scenario.of_folder(folder).load(tool)?;
    let mut warnings = resolved.warnings.clone();
    let snapshot = recorded::load(folder, &resolved, at, &mut |sentence| warnings.push(sentence))?;
    Ok(Subject { resolved, snapshot, outcome: None, warnings })
}

fn result_of(measured: Measured, lanes: Vec<(usize, String)>, outcome: Option<Outcome>) -> PackingResult {
    let load = measured.curve.iter().map(|point| LoadPoint {
        load: point.load,
        allocated: point.allocated,
        fragmented: point.fragments.fragmented,
    });
    PackingResult {
        load: load.collect(),
        left: measured.left.iter().map(|left| (left.cpu, left.memory)).collect(),
        summary: measured.summary,
        warnings: measured.warnings,
        lanes,
        trials: measured.trials,
        moves: measured.moves.migrations,
        outcome,
    }
}

/// The exact command.
fn again(arguments: &Arguments) -> String {
    let mut text = format!("windtunnel packing {} --trials {}", arguments.scenario.again(), arguments.trials);
    if let Some(order) = arguments.order.to_possible_value().filter(|_| arguments.order != Order::default()) {
        text.push_str(&format!(" --order {}", order.get_name()));
    }
    text.push_str(&format!(" --pending {}", quoted(&arguments.pending.to_string())));
    if let Some(at) = arguments.at {
        text.push_str(&format!(" --at {at}"));
    }
    if let Some(out) = &arguments.out {
        text.push_str(&format!(" --out {}", quoted(&out.display().to_string())));
    }
    text
}

fn tell(result: &PackingResult, folder: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let page = folder.join("report.html");
    talk::warn(&result.warnings);
    if arguments.json {
        talk::out(&summary::to_json(&result.summary, &result.warnings))?;
    } else {
        talk::out(&format!("{}\n\n{}\n", table::render(&report::lines(result)), page.display()))?;
    }
    open_if(arguments.open, &page);
    Ok(())
}
