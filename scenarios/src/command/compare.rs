//! `windtunnel compare`: sides of one scenario against each other.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use windtunnel_outcome::Outcome;
use windtunnel_outcome::limit::Limit;
use windtunnel_reports::page::{self, Reproduction};
use windtunnel_reports::verdict::{self, Comparison, Document, Verdict as Found};
use windtunnel_reports::write::{RUN_FILE, ResultFolder};

use super::Verdict;
use super::common::{open_if, quoted};
use crate::compare::{self, Arm, Request};
use crate::facts::Watch;
use crate::failure::Failure;
use crate::progress::Interrupt;
use crate::spec::Set;
use crate::spec::quantity::Duration;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A scenario file, or a name from `windtunnel library list`.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// A side, the base first: `new:scheduler.placement=first-fit`, `base:` for the scenario as it stands, or
    /// `old@../main/windtunnel` for another build; left out: the sides of the scenario.
    #[arg(long = "arm", value_name = "NAME:K=V[,K=V]")]
    arm: Vec<Arm>,
    /// Set a key on every side.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Set>,
    /// How many seeds, from that of the scenario on; left out: 10 where there is chance, else 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// The first seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Adds seeds until this holds: `ci(wait_s.mean) < 1%`.
    #[arg(long, value_name = "LIMIT")]
    until: Option<Limit>,
    /// Draws a trace again out of itself for every seed, so that an interval means something.
    #[arg(long, value_name = "WHAT")]
    resample: Option<Resample>,
    /// Leaves out the beginning, up to where the base settles (MSER-5 on the cores that are allocated).
    #[arg(long)]
    warm_up: bool,
    /// Every side is as the scenario says until this instant, and what it is from then on: `14h`. The beginning is
    /// simulated once.
    #[arg(long, value_name = "INSTANT")]
    fork_at: Option<Duration>,
    /// Where the results go; left out: `runs/<name>.compare/`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Every number that is not the same, not only the headline metrics.
    #[arg(long)]
    all: bool,
    /// Print `compare.json` instead of the table.
    #[arg(long)]
    json: bool,
    /// Open the page when it is there.
    #[arg(long)]
    open: bool,
}

/// What is drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Resample {
    /// Jobs, each at the submission of another.
    Jobs,
    /// Stretches of the trace.
    Blocks,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let mut sets = arguments.set.clone();
    sets.extend(arguments.seed.map(|seed| Set { key: "seed".into(), value: seed.to_string() }));
    let word = |how: Resample| how.to_possible_value().map(|word| word.get_name().to_owned());
    let request = Request {
        scenario: arguments.scenario.clone(),
        sets,
        arms: arguments.arm.clone(),
        seeds: arguments.seeds,
        until: arguments.until.clone(),
        resample: arguments.resample.and_then(word),
        warm_up: arguments.warm_up,
        fork_at: arguments.fork_at.map(|at| windtunnel_scheduler::Time(at.0)),
    };
    let found = compare::run(tool, &request, &interrupt)?;
    let told = Told {
        document: &found.document,
        first: &found.first,
        scenario_toml: Some(found.resolved.text()?),
        command: again(arguments),
        out: arguments.out.as_deref(),
        suffix: "compare",
        all: arguments.all,
        json: arguments.json,
        open: arguments.open,
    };
    tell(&told, watch, &interrupt)?;
    Ok(Verdict::Fine)
}

/// What a comparison came to, and how it is to be told.
pub(super) struct Told<'a> {
    pub document: &'a Document,
    pub first: &'a [Outcome],
    pub scenario_toml: Option<String>,
    pub command: String,
    pub out: Option<&'a Path>,
    pub suffix: &'a str,
    pub all: bool,
    pub json: bool,
    pub open: bool,
}

/// Writes the folder and prints what it holds.
pub(super) fn tell(told: &Told<'_>, watch: Watch, interrupt: &Interrupt) -> Result<(), Failure> {
    let default = || Path::new("runs").join(format!("{}.{}", told.document.scenario, told.suffix));
    let out = told.out.map_or_else(default, Path::to_owned);
    let mut folder = ResultFolder::create(&out)?;
    let json = format!("{:#}\n", told.document.to_json());
    folder.write("compare.json", &json)?;
    let scenario_toml = told.scenario_toml.as_deref().unwrap_or_default();
    if !scenario_toml.is_empty() {
        folder.write("scenario.toml", scenario_toml)?;
    }
    let reproduction = Reproduction { command: &told.command, scenario_toml };
    folder.write("compare.html", page::compare::render(told.document, told.first, &reproduction))?;
    folder.write(RUN_FILE, watch.facts(&Outcome::default()).to_json(&told.command))?;
    interrupt.close()?;
    let report = folder.commit()?.join("compare.html");
    for warning in &told.document.warnings {
        talk::say(&format!("warning: {warning}"));
    }
    if told.json {
        talk::out(&json)?;
    } else {
        talk::out(&format!("{}\n{}\n", text(told.document, told.all), report.display()))?;
    }
    open_if(told.open, &report);
    Ok(())
}

/// The exact command.
fn again(arguments: &Arguments) -> String {
    let mut words = vec!["windtunnel compare".to_owned(), quoted(&arguments.scenario)];
    for set in &arguments.set {
        words.push(format!("--set {}", quoted(&set.to_string())));
    }
    for arm in &arguments.arm {
        words.push(format!("--arm {}", quoted(&arm.to_string())));
    }
    words.extend(arguments.seeds.map(|seeds| format!("--seeds {seeds}")));
    words.extend(arguments.seed.map(|seed| format!("--seed {seed}")));
    words.extend(arguments.until.as_ref().map(|until| format!("--until {}", quoted(&until.to_string()))));
    let word = |how: Resample| how.to_possible_value().map(|word| format!("--resample {}", word.get_name()));
    words.extend(arguments.resample.and_then(word));
    words.extend(arguments.warm_up.then(|| "--warm-up".to_owned()));
    words.extend(arguments.fork_at.map(|at| format!("--fork-at {at}")));
    words.join(" ")
}

/// Everything as people read it, without a line break at the end.
fn text(document: &Document, all: bool) -> String {
    let mut parts = vec![opening(document)];
    let Some((base, others)) = document.arms.split_first() else { return String::new() };
    for (arm, comparison) in others.iter().zip(&document.comparisons) {
        if others.len() > 1 {
            parts.push(format!("{} against {}", arm.name, base.name));
        }
        let (head, rows) = verdict::table(&comparison.rows, [&base.name, &arm.name], all);
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        parts.push(talk::table(&head, rows, &[1, 2, 3, 4, 6]).trim_end().to_owned());
        parts.push(summing_up(comparison, all));
        parts.push(match &comparison.divergence {
            None => "Not one decision differs.".to_owned(),
            Some(divergence) => divergence.words(&base.name, &arm.name).join("\n"),
        });
    }
    parts.join("\n\n") + "\n"
}

fn opening(document: &Document) -> String {
    let names: Vec<&str> = document.arms.iter().map(|arm| arm.name.as_str()).collect();
    let seeds = match document.seeds.as_slice() {
        [] => String::from("no seed"),
        [one] => format!("seed {one}"),
        [first, .., last] => format!("{} seeds, {first} to {last}", document.seeds.len()),
    };
    format!("{}: {}; {seeds}; {}", document.scenario, names.join(", "), document.design)
}

/// How many numbers came out how.
fn summing_up(comparison: &Comparison, all: bool) -> String {
    let count = |verdict: Found| {
        let of = comparison.rows.iter().filter(|row| row.verdict == verdict);
        (of.clone().filter(|row| row.headline).count(), of.filter(|row| !row.headline).count())
    };
    let words = [Found::Better, Found::Worse, Found::Undecided, Found::Same].map(|verdict| (verdict, count(verdict)));
    let of = |pick: fn(&(usize, usize)) -> usize| {
        let counts: Vec<String> = words
            .iter()
            .filter(|(_, counts)| pick(counts) > 0)
            .map(|(verdict, counts)| format!("{} {}", pick(counts), verdict.name()))
            .collect();
        counts.join(", ")
    };
    let hint = if all || of(|counts| counts.1).is_empty() { "" } else { " (--all lists those that are not the same)" };
    format!("headline metrics: {}\nother numbers: {}{hint}", of(|counts| counts.0), of(|counts| counts.1))
}
