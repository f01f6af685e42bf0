//! `windtunnel trace`: look into workload and fleet files, and convert them.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use windtunnel_scheduler::resources::STANDARD_LANES;
use windtunnel_traces::check::{self, Info};
use windtunnel_traces::model::{Fleet, Source};
use windtunnel_traces::read::{self, ColumnNote, ColumnUse, FORMATS, Input, ReadOptions, Yield};
use windtunnel_traces::write;

use super::Verdict;
use super::check::lines;
use crate::failure::Failure;
use crate::survey;
use crate::talk::{self, number, whole};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the formats with their options.
    Formats(Formats),
    /// Say what a file holds.
    Info(Look),
    /// List everything that is wrong with a file; exit code 1 if there is anything.
    Validate(Validate),
    /// Write a file as the plain table of tasks or of nodes, as CSV or Parquet by its ending.
    Convert(Convert),
}

#[derive(Debug, Args)]
pub(crate) struct Formats {
    /// Explain one: its options and, where it is our own, every column.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Which files, and how they are read.
#[derive(Debug, Args)]
struct Files {
    /// The file, or its parts in order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A name from `windtunnel trace formats`; left out: recognised by content.
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// What the file is taken for; left out: what it looks like.
    #[arg(long = "as", value_name = "WHAT")]
    taken_for: Option<What>,
    /// What becomes of a malformed row.
    #[arg(long, value_name = "WORD", value_parser = ["fail", "skip"])]
    on_bad_row: Option<String>,
    /// An option of the format; may be given again.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Jobs.
    Workload,
    /// Machines.
    Fleet,
}

#[derive(Debug, Args)]
pub(crate) struct Look {
    #[command(flatten)]
    files: Files,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    files: Files,
    /// Hold the tasks against the nodes of this file.
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    files: Files,
    /// Where to: a name that ends in .csv or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// An opened file.
enum Opened {
    Workload(Box<dyn Source + Send>),
    Fleet(Fleet),
}

pub(crate) fn perform(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::Formats(arguments) => formats(arguments),
        Command::Info(arguments) => info(arguments),
        Command::Validate(arguments) => validate(arguments),
        Command::Convert(arguments) => convert(arguments),
    }
}

/// One format in full.
fn one_format(name: &str, as_json: bool) -> Result<Verdict, Failure> {
    let format = read::format(name)?;
    let required = |column: &ColumnNote| column.usage == ColumnUse::Required;
    if as_json {
        let columns: Vec<Value> = format
            .columns()
            .iter()
            .map(|one| {
                json!({ "table": one.table, "name": one.name, "required": required(one), "meaning": one.meaning })
            })
            .collect();
        talk::json(&json!({ "name": format.name(), "summary": format.summary(), "columns": columns }))?;
        return Ok(Verdict::Fine);
    }
    talk::out(&format!("{}: {}\n", format.name(), format.summary()))?;
    let options = format.options().iter();
    let rows = options.map(|one| [one.name, one.default, one.values, one.summary].map(str::to_owned).to_vec());
    talk::out(&talk::table(&["option", "default", "values", "what it does"], rows, &[]))?;
    if !format.columns().is_empty() {
        let rows = format.columns().iter().map(|one| {
            let must = if required(one) { "yes" } else { "" };
            [one.table, one.name, must, one.meaning].map(str::to_owned).to_vec()
        });
        talk::out(&format!("\n{}", talk::table(&["table", "column", "required", "what it means"], rows, &[])))?;
    }
    Ok(Verdict::Fine)
}

fn formats(arguments: &Formats) -> Result<Verdict, Failure> {
    if let Some(name) = &arguments.name {
        return one_format(name, arguments.json);
    }
    let yields = |list: &[Yield]| list.iter().map(|one| one.name()).collect::<Vec<_>>();
    if arguments.json {
        let list: Vec<Value> = FORMATS
            .iter()
            .map(|format| {
                let options: Vec<Value> = format
                    .options()
                    .iter()
                    .map(|one| {
                        json!({ "name": one.name, "default": one.default, "values": one.values,
                            "summary": one.summary })
                    })
                    .collect();
                json!({ "name": format.name(), "summary": format.summary(), "yields": yields(format.yields()),
                    "extensions": format.extensions(), "options": options })
            })
            .collect();
        talk::json(&list.into())?;
        return Ok(Verdict::Fine);
    }
    let rows = FORMATS.iter().map(|format| {
        let options = format.options().iter().map(|option| option.name).collect::<Vec<_>>();
        vec![
            format.name().to_owned(),
            yields(format.yields()).join(", "),
            format.extensions().join(", "),
            options.join(", "),
            format.summary().to_owned(),
        ]
    });
    talk::out(&talk::table(&["format", "yields", "extensions", "options", "what it is"], rows, &[]))?;
    Ok(Verdict::Fine)
}

impl Files {
    fn read_options(&self) -> Result<ReadOptions, Failure> {
        // Processors as one task each would hide how wide jobs are; a file by itself has no fleet to say otherwise.
        let mut options = ReadOptions { job_as: read::JobAs::Gang, ..ReadOptions::default() };
        for option in &self.options {
            let Some((key, value)) = option.split_once('=') else {
                return Err(Failure::new(format!("--option {option} has no `=`; write KEY=VALUE")));
            };
            options.set(key.trim(), value.trim())?;
        }
        if let Some(word) = &self.on_bad_row {
            options.set("on_bad_row", word)?;
        }
        Ok(options)
    }

    fn open(&self, options: &ReadOptions) -> Result<Opened, Failure> {
        let parts: Vec<Input> = self.files.iter().map(Input::file).collect();
        let format = self.format.as_deref();
        let fleet = |input: &Input| read::open_fleet(input, format, options);
        match (self.taken_for, parts.as_slice()) {
            (Some(What::Fleet), [one]) => Ok(Opened::Fleet(fleet(one)?)),
            (Some(What::Fleet), _) => Err(Failure::new("a fleet is one file; name one")),
            // A file with jobs fails as a fleet at its first line, so trying costs nothing.
            (None, [one]) => match fleet(one) {
                Ok(fleet) => Ok(Opened::Fleet(fleet)),
                Err(_) => Ok(Opened::Workload(read::open_jobs(parts, format, options)?)),
            },
            (Some(What::Workload) | None, _) => Ok(Opened::Workload(read::open_jobs(parts, format, options)?)),
        }
    }
}

fn info(arguments: &Look) -> Result<Verdict, Failure> {
    let options = arguments.files.read_options()?;
    let facts: Vec<(&str, Value)> = match arguments.files.open(&options)? {
        Opened::Fleet(fleet) => fleet_facts(&fleet),
        Opened::Workload(mut source) => {
            let info = check::info(source.as_mut())?;
            if !arguments.json {
                let notes = info.notes.iter().map(|note| {
                    let what = if note.skipped { "left out" } else { "changed" };
                    vec![note.reason.clone(), what.to_owned(), whole(note.count), lines(&note.lines)]
                });
                let facts = plain(&workload_facts(&info));
                let notes: Vec<Vec<String>> = notes.collect();
                talk::out(&facts)?;
                if !notes.is_empty() {
                    talk::out(&format!(
                        "\n{}",
                        talk::table(&["reason", "rows are", "count", "first lines"], notes, &[2])
                    ))?;
                }
                return Ok(Verdict::Fine);
            }
            workload_facts(&info)
        }
    };
    if arguments.json {
        let object: Map<String, Value> = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        talk::json(&object.into())?;
    } else {
        talk::out(&plain(&facts))?;
    }
    Ok(Verdict::Fine)
}

/// Facts below each other.
fn plain(facts: &[(&str, Value)]) -> String {
    let rows = facts.iter().filter(|(_, value)| !value.is_array()).map(|(key, value)| {
        let value = match value {
            Value::Number(value) => number(value.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => text.clone(),
            Value::Null => String::from("-"),
            other => other.to_string(),
        };
        vec![(*key).to_owned(), value]
    });
    talk::table(&["what", "value"], rows, &[1])
}

fn workload_facts(info: &Info) -> Vec<(&'static str, Value)> {
    let seconds = |time: windtunnel_scheduler::Time| time.as_seconds();
    let row = |resources: &windtunnel_scheduler::Resources, lane: usize| {
        if info.tasks == 0 { Value::Null } else { resources.0.get(lane).copied().into() }
    };
    let notes: Vec<Value> = info
        .notes
        .iter()
        .map(|note| json!({ "reason": note.reason, "skipped": note.skipped, "count": note.count, "lines": note.lines }))
        .collect();
    vec![
        ("jobs", info.jobs.into()),
        ("tasks", info.tasks.into()),
        ("gangs", info.gangs.into()),
        ("first_submit_s", info.first_submit.map(seconds).into()),
        ("last_submit_s", info.last_submit.map(seconds).into()),
        ("cpu_s", info.cpu_seconds().into()),
        ("tasks_forever", info.forever.into()),
        ("tasks_failing", info.fails.into()),
        ("tasks_estimated", info.estimated.into()),
        ("tasks_with_start", info.started.into()),
        ("tasks_with_node", info.placed.into()),
        ("tasks_constrained", info.constrained.into()),
        ("cpu_milli_least", row(&info.least, 0)),
        ("cpu_milli_most", row(&info.most, 0)),
        ("memory_mib_least", row(&info.least, 1)),
        ("memory_mib_most", row(&info.most, 1)),
        ("gpu_milli_most", row(&info.most, 3)),
        ("labels", info.labels.into()),
        ("notes", notes.into()),
    ]
}

fn fleet_facts(fleet: &Fleet) -> Vec<(&'static str, Value)> {
    let totals = survey::capacity(fleet);
    let mut facts = vec![("nodes", Value::from(fleet.nodes.len() as u64))];
    let keys = ["cpu_milli", "memory_mib", "disk_mib", "gpu_milli"];
    for (lane, key) in keys.into_iter().enumerate().take(STANDARD_LANES.len()) {
        if fleet.lanes & (1 << lane) != 0 {
            facts.push((key, totals.0.get(lane).copied().into()));
        }
    }
    facts.push(("gpus", fleet.nodes.iter().map(|node| u64::from(node.gpus)).sum::<u64>().into()));
    facts
}

fn validate(arguments: &Validate) -> Result<Verdict, Failure> {
    let mut options = arguments.files.read_options()?;
    if arguments.files.on_bad_row.is_none() {
        // Every finding is wanted, not only the first.
        options.on_bad_row = read::OnBadRow::Skip;
    }
    let fleet = match &arguments.fleet {
        Some(path) => Some(read::open_fleet(&Input::file(path), None, &ReadOptions::default())?),
        None => None,
    };
    if let Some(fleet) = &fleet {
        options.lanes = fleet.extra_lanes.clone();
    }
    let findings = match arguments.files.open(&options)? {
        // A fleet is read strictly: that it was opened says that it is sound.
        Opened::Fleet(_) => Vec::new(),
        Opened::Workload(mut source) => check::validate(source.as_mut(), fleet.as_ref()),
    };
    if arguments.json {
        let list: Vec<Value> = findings
            .iter()
            .map(|one| json!({ "rule": one.rule, "count": one.count, "lines": one.lines, "message": one.message }))
            .collect();
        talk::json(&list.into())?;
    } else if findings.is_empty() {
        talk::say("nothing to complain about");
    } else {
        let rows =
            findings.iter().map(|one| vec![one.rule.clone(), whole(one.count), lines(&one.lines), one.message.clone()]);
        talk::out(&talk::table(&["rule", "count", "first lines", "what it means"], rows, &[1]))?;
    }
    Ok(if findings.is_empty() { Verdict::Fine } else { Verdict::Findings })
}

fn convert(arguments: &Convert) -> Result<Verdict, Failure> {
    let options = arguments.files.read_options()?;
    let out: &Path = &arguments.out;
    let is_parquet = match out.extension().and_then(|ending| ending.to_str()) {
        Some("parquet") => true,
        Some("csv") => false,
        _ => return Err(Failure::new(format!("{} ends in neither .csv nor .parquet; choose one", out.display()))),
    };
    let (written, what) = match arguments.files.open(&options)? {
        Opened::Fleet(fleet) if is_parquet => (write::fleet_parquet(out, &fleet)?, "nodes"),
        Opened::Fleet(fleet) => (write::fleet_csv(out, &fleet)?, "nodes"),
        Opened::Workload(mut source) => {
            let written = if is_parquet {
                write::tasks_parquet(out, source.as_mut(), &options.lanes)?
            } else {
                write::tasks_csv(out, source.as_mut(), &options.lanes)?
            };
            for note in source.notes() {
                let what = if note.skipped { "left out" } else { "changed" };
                talk::say(&format!("{}: {} rows {what}", note.reason, whole(note.count)));
            }
            (written, "jobs")
        }
    };
    talk::say(&format!("wrote {} {what}, {} rows, to {}", whole(written.things), whole(written.rows), out.display()));
    Ok(Verdict::Fine)
}
