//! `windtunnel sweep`: a scenario at every point of some axes, on whatever has the cores.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Verdict;
use super::common::quoted;
use crate::facts::Watch;
use crate::failure::{Failure, listed, nearest};
use crate::library;
use crate::load;
use crate::progress::Interrupt;
use crate::sweep::engine::{ENGINES, Engine, EngineOptions, Progressed};
use crate::sweep::{Beginning, Job, Table};
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    begin: Begin,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Args)]
struct Begin {
    /// The sweep: a scenario, axes, seeds.
    #[arg(value_name = "SWEEP", required = true)]
    sweep: Option<PathBuf>,
    /// Where the runs happen: `local`, `slurm` or `kubernetes`.
    #[arg(long, default_value = "local")]
    engine: String,
    /// Into how many shards the runs are dealt, for engines that have shards.
    #[arg(long, value_name = "N", default_value = "1")]
    shards: NonZeroU32,
    /// A word for the program that an engine submits with; may be given again.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    engine_arg: Vec<String>,
    /// The container image that has this program, for `kubernetes`.
    #[arg(long, default_value = "windtunnel:latest")]
    image: String,
    /// The volume claim that holds the folder, for `kubernetes`.
    #[arg(long, default_value = "windtunnel")]
    claim: String,
    /// Keep the runs that the folder has and do the rest.
    #[arg(long)]
    resume: bool,
    /// Where the results go; left out: `runs/<name>.sweep/`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Do the runs of one shard of a sweep; its number is SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or --index.
    Shard {
        /// The folder of the sweep.
        dir: PathBuf,
        /// The number of the shard, from 0.
        #[arg(long, value_name = "N")]
        index: Option<usize>,
    },
    /// Put the rows of all shards together.
    Gather(Gather),
    /// Render the page of a sweep again.
    Report(Gather),
}

#[derive(Debug, Args)]
struct Gather {
    /// The folder of the sweep.
    dir: PathBuf,
    /// Print the results as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    match &arguments.action {
        None => begin(tool, &arguments.begin, watch, &interrupt)?,
        Some(Action::Shard { dir, index }) => {
            let job = Job::open(tool, &interrupt, dir)?;
            let index = index.map_or_else(shard_index, Ok)?;
            job.perform(job.shard(index)?)?;
        }
        Some(Action::Gather(gather) | Action::Report(gather)) => {
            let job = Job::open(tool, &interrupt, &gather.dir)?;
            let command = format!("windtunnel sweep gather {}", quoted(&gather.dir.display().to_string()));
            finish(&job, watch, None, &command, gather.json)?;
        }
    }
    Ok(Verdict::Fine)
}

/// The number that Slurm or Kubernetes gave this process.
fn shard_index() -> Result<usize, Failure> {
    const NAMES: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];
    let Some((name, value)) = NAMES.iter().find_map(|name| Some((name, std::env::var(name).ok()?))) else {
        let sentence =
            "no number of a shard: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; write --index";
        return Err(Failure::new(sentence));
    };
    value.parse().map_err(|_| Failure::new(format!("{name} is `{value}`, not the number of a shard; write --index")))
}

fn engine(name: &str) -> Result<&'static Engine, Failure> {
    let names = || ENGINES.iter().map(|engine| engine.name);
    ENGINES.iter().find(|engine| engine.name == name).ok_or_else(|| {
        let fix = nearest(name, names())
            .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
        Failure::new(format!("--engine: there is no engine `{name}`; {fix}"))
    })
}

fn begin(tool: &Tool, arguments: &Begin, watch: Watch, interrupt: &Interrupt) -> Result<(), Failure> {
    let engine = engine(&arguments.engine)?;
    let path = arguments.sweep.as_deref().unwrap_or(Path::new(""));
    let file = path.display().to_string();
    let text = read(path, &file)?;
    let named = crate::sweep::Sweep::parse(&file, &text)?;
    let scenario = load::find_beside(&named.scenario, path)?;
    let shards = if engine.name == "local" { 1 } else { arguments.shards.get() as usize };
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(format!("{}.sweep", named.name)));
    let beginning = Beginning { file: &file, text: &text, scenario, shards, resume: arguments.resume };
    let job = Job::begin(tool, interrupt, &out, beginning)?;
    let options = EngineOptions {
        shards: arguments.shards,
        extra: arguments.engine_arg.clone(),
        image: arguments.image.clone(),
        claim: arguments.claim.clone(),
    };
    let command = format!("windtunnel sweep {}", quoted(&file));
    match (engine.perform)(&job, &options)? {
        Progressed::Done { idle_share } => finish(&job, watch, idle_share, &command, arguments.json),
        Progressed::HandedOver => Ok(()),
    }
}

/// The text of a sweep: a file, or a name in the library.
fn read(path: &Path, file: &str) -> Result<String, Failure> {
    let entry = || library::entries().find(|entry| entry.kind == "sweep" && entry.name == file);
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) => entry().map(|entry| entry.text.to_owned()).ok_or_else(|| {
            Failure::new(format!("{file} cannot be read ({error}); correct the path"))
                .hint("`windtunnel library list` shows the sweeps that come with the program")
        }),
    }
}

/// Puts the rows together and tells.
fn finish(job: &Job<'_>, watch: Watch, idle: Option<f64>, command: &str, as_json: bool) -> Result<(), Failure> {
    let table = job.gather()?;
    job.write("sweep.parquet", table.to_parquet()?)?;
    let mut facts = watch.facts(&windtunnel_outcome::Outcome::default());
    if let Some(idle) = idle {
        facts.cpu_split_s.insert("idle_share".to_owned(), idle);
    }
    job.write(windtunnel_reports::write::RUN_FILE, facts.to_json(command))?;
    if as_json {
        return talk::json(&rows_as_json(&table));
    }
    let folder = job.folder().join("sweep.parquet");
    talk::out(&format!("{}\n{}\n", shown(job, &table), folder.display()))
}

/// The numbers that the table shows, where the runs have them.
const SHOWN: [&str; 4] = ["wait_s.mean", "wait_s.p99", "allocation.cpu.mean", "packing.efficiency"];

/// A line per point: the mean over its seeds.
fn shown(job: &Job<'_>, table: &Table) -> String {
    let axes: Vec<&str> = job.sweep().axis.iter().map(crate::sweep::Axis::title).collect();
    let points = job.points();
    let mut header = axes.clone();
    header.push("runs");
    header.extend(SHOWN);
    let rows = points.iter().map(|rows| {
        let first = rows.start;
        let mut line: Vec<String> = axes
            .iter()
            .map(|axis| table.words(axis).and_then(|words| words[first].clone()).unwrap_or_default())
            .collect();
        line.push(talk::whole(rows.len() as u64));
        line.extend(SHOWN.map(|name| mean(table, name, rows).map_or_else(|| "-".to_owned(), talk::number)));
        line
    });
    let right: Vec<usize> = (axes.len()..header.len()).collect();
    talk::table(&header, rows, &right)
}

/// The mean of a column over some rows, of those that have it.
fn mean(table: &Table, name: &str, rows: &std::ops::Range<usize>) -> Option<f64> {
    let numbers: Vec<f64> = table.numbers(name)?[rows.clone()].iter().flatten().copied().collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

fn rows_as_json(table: &Table) -> Value {
    use crate::sweep::Column;
    let rows = (0..table.rows()).map(|at| {
        let mut row = serde_json::Map::new();
        row.insert("run".into(), json!(table.runs[at]));
        row.insert("seed".into(), json!(table.seeds[at]));
        for (name, column) in &table.columns {
            let value = match column {
                Column::Words(words) => json!(words[at]),
                Column::Numbers(numbers) => json!(numbers[at]),
            };
            row.insert(name.clone(), value);
        }
        Value::Object(row)
    });
    Value::Array(rows.collect())
}
