//! `windtunnel minimise`: the smallest case of a broken gate, ready to commit.

use std::path::{Path, PathBuf};

use clap::Args;
use windtunnel_outcome::Outcome;
use windtunnel_reports::human::{count, counted};
use windtunnel_reports::write::{RUN_FILE, ResultFolder};
use windtunnel_traces::write;

use super::Verdict;
use super::common::quoted;
use crate::facts::Watch;
use crate::failure::Failure;
use crate::minimise::{self, Request, Smallest};
use crate::progress::Interrupt;
use crate::spec::Set;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A scenario file, or a name from `windtunnel library list`.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// The change that breaks the gate; may be given again: keys that are not needed are left out in the end.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Set>,
    /// Where the results go; left out: `runs/<name>.minimise/`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let request = Request { scenario: arguments.scenario.clone(), sets: arguments.set.clone() };
    let smallest = minimise::run(tool, &request, &interrupt)?;
    let name = &smallest.resolved.scenario.name;
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(format!("{name}.minimise")));
    let mut folder = ResultFolder::create(&out)?;
    let lanes = &smallest.resolved.fleet.extra_lanes;
    write::tasks_csv(&folder.path().join("jobs.csv"), &mut smallest.jobs.clone(), lanes)?;
    write::fleet_csv(&folder.path().join("nodes.csv"), &smallest.fleet)?;
    folder.write("scenario.toml", scenario(&smallest)?)?;
    folder.write(RUN_FILE, watch.facts(&Outcome::default()).to_json(&again(arguments)))?;
    interrupt.close()?;
    let folder = folder.commit()?.to_owned();
    talk::out(&text(&smallest, &folder))?;
    Ok(Verdict::Fine)
}

/// The scenario that is left: its files beside it, its sides in it.
fn scenario(smallest: &Smallest) -> Result<String, Failure> {
    let mut whole = smallest.resolved.portable()?;
    let old = whole.remove("workload");
    let mut workload = toml::Table::new();
    if let Some(first) = old.as_ref().and_then(toml::Value::as_array).and_then(|all| all.first()?.as_table()) {
        // How its tasks are replayed stays; what is said of a trace or a generator is in the table now.
        let kept = ["on_loss", "retries", "framework"];
        workload.extend(kept.iter().filter_map(|key| Some(((*key).to_owned(), first.get(*key)?.clone()))));
    }
    let file = |path: &str| {
        let entries = [("format", "native"), ("path", path)];
        toml::Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
    };
    workload.insert("trace".into(), file("jobs.csv"));
    whole.insert("workload".into(), toml::Value::Array(vec![workload.into()]));
    whole.insert("fleet".into(), toml::Table::from_iter([("trace".to_owned(), file("nodes.csv"))]).into());
    whole.insert("name".into(), format!("{}-minimal", smallest.resolved.scenario.name).into());
    let sets = smallest.sets.iter().map(|set| {
        let value = set.value.parse::<toml::Value>().unwrap_or_else(|_| set.value.clone().into());
        (set.key.clone(), value)
    });
    let arm = |name: &str, set: toml::Table| {
        let mut arm = toml::Table::from_iter([("name".to_owned(), name.into())]);
        if !set.is_empty() {
            arm.insert("set".into(), set.into());
        }
        toml::Value::Table(arm)
    };
    let arms = vec![arm("base", toml::Table::new()), arm("new", sets.collect())];
    whole.insert("arm".into(), toml::Value::Array(arms));
    toml::to_string(&whole)
        .map_err(|error| Failure::new(format!("the scenario cannot be written as text ({error}); report this")))
}

fn text(smallest: &Smallest, folder: &Path) -> String {
    let [jobs, tasks, nodes] = smallest.sizes;
    let size =
        |[before, after]: [u64; 2], noun: &str| format!("{} -> {}", count(before as f64), counted(after as f64, noun));
    let mut lines = vec![
        format!("{}, {}, {}", size(jobs, "job"), size(tasks, "task"), size(nodes, "machine")),
        format!("{} runs; what still breaks:", count(smallest.runs as f64)),
    ];
    lines.extend(smallest.broken.iter().map(|(name, words)| format!("  {name}: {words}")));
    let scenario = folder.join("scenario.toml");
    let shown = quoted(&scenario.display().to_string());
    lines.push(format!("hint: `windtunnel compare {shown}` says where the two sides part"));
    lines.push(scenario.display().to_string());
    lines.join("\n") + "\n"
}

/// The exact command.
fn again(arguments: &Arguments) -> String {
    let mut words = vec!["windtunnel minimise".to_owned(), quoted(&arguments.scenario)];
    words.extend(arguments.set.iter().map(|set| format!("--set {}", quoted(&set.to_string()))));
    words.join(" ")
}
