//! What must not get worse: a scenario held against the baseline that stands beside it.

mod baseline;
mod chain;
mod limits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windtunnel_reports::gate::{Gated, Outcome};
use windtunnel_reports::verdict::{Numbers, numbers};
use windtunnel_traces::model::Fleet;

use crate::failure::Failure;
use crate::load;
use crate::packing;
use crate::packing::snapshot::Watch;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::simulate;
use crate::spec::Set;
use crate::tool::Tool;

pub use baseline::Baseline;
pub use chain::Chain;
pub(crate) use limits::Limits;

/// What is to be held.
pub struct Request {
    /// The scenario: a file or a name.
    pub scenario: String,
    /// What is changed about it.
    pub sets: Vec<Set>,
    /// The baseline; None: beside the scenario.
    pub baseline: Option<PathBuf>,
    /// Whether a new baseline is written instead.
    pub update: bool,
}

/// What the runs of a scenario came to.
struct Measured {
    numbers: Vec<Numbers>,
    fingerprints: Vec<String>,
    chain: Chain,
}

/// Runs a scenario and holds it against its baseline, or writes that. What goes wrong is part of what comes back.
///
/// # Errors
/// After Ctrl-C.
pub fn run(tool: &Tool, request: &Request, interrupt: &Interrupt) -> Result<Gated, Failure> {
    let mut gated = Gated {
        name: request.scenario.clone(),
        file: request.scenario.clone(),
        baseline: String::new(),
        seeds: 0,
        outcome: Outcome::Updated { unchanged: true },
    };
    match attempt(tool, request, interrupt, &mut gated) {
        Ok(()) => Ok(gated),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(Failure::Input { message, hints }) => {
            gated.outcome = Outcome::Failed { message, hints };
            Ok(gated)
        }
    }
}

fn attempt(tool: &Tool, request: &Request, interrupt: &Interrupt, gated: &mut Gated) -> Result<(), Failure> {
    let resolved = load::load(&request.scenario, &request.sets, tool.registries())?;
    gated.name.clone_from(&resolved.scenario.name);
    let path = request.baseline.clone().unwrap_or_else(|| beside(&request.scenario, &resolved.scenario.name));
    gated.baseline = path.display().to_string();
    let limits = Limits::of(&resolved.scenario.gate)?;
    let old = if request.update { None } else { Some(Baseline::load(&path, &request.scenario)?) };
    let first = resolved.scenario.seed;
    let seeds: Vec<u64> = (0..u64::from(resolved.scenario.gate.seeds.max(1))).map(|seed| first + seed).collect();
    gated.seeds = seeds.len();
    let inputs = bound_to(&resolved)?;
    // Whether the two can be compared is known before anything runs, and so is said at once.
    if let Some(old) = &old {
        let now = Baseline::new(&resolved.scenario.name, inputs.clone(), seeds.clone(), &Chain::default());
        comparable(old, &now, request)?;
    }
    let packs = limits.names().any(packing::is_measure);
    let measured = measure(tool, request, &seeds, packs, interrupt)?;
    match old {
        None => {
            let mut new = Baseline::new(&resolved.scenario.name, inputs, seeds, &measured.chain);
            new.fingerprints = measured.fingerprints;
            new.metrics = limits.kept(&measured.numbers);
            gated.outcome = Outcome::Updated { unchanged: write(&path, &new.text()?)? };
        }
        Some(old) => {
            let checks = limits.check(&old, &measured.numbers, &path)?;
            let decisions = old.held_against(&measured.chain, &measured.fingerprints);
            gated.outcome = Outcome::Checked { checks, decisions };
        }
    }
    Ok(())
}

/// `<name>.baseline.json` beside the scenario; here, if it is one of the library.
fn beside(scenario: &str, name: &str) -> PathBuf {
    let path = Path::new(scenario);
    let folder = if path.exists() { path.parent().map(Path::to_owned) } else { None };
    folder.unwrap_or_default().join(format!("{name}.baseline.json"))
}

fn comparable(old: &Baseline, now: &Baseline, request: &Request) -> Result<(), Failure> {
    let changed = old.changed(now);
    if changed.is_empty() {
        return Ok(());
    }
    let verb = if changed.len() == 1 { "is" } else { "are" };
    let sentence = format!(
        "the baseline is not comparable: {} {verb} no longer what it was measured with; run --update",
        changed.join(", ")
    );
    let hint = format!(
        "`windtunnel gate {} --update` measures anew; what changed is the experiment, not the scheduler",
        request.scenario
    );
    Err(Failure::new(sentence).hint(hint))
}

/// Every seed, side by side; the chain is that of the first. The peak of each is packed too if a limit asks for it.
fn measure(
    tool: &Tool,
    request: &Request,
    seeds: &[u64],
    packs: bool,
    interrupt: &Interrupt,
) -> Result<Measured, Failure> {
    let runs = simulate::side_by_side("gate", seeds, interrupt, |seed, asks| {
        let mut sets = request.sets.clone();
        sets.push(Set { key: "seed".into(), value: seed.to_string() });
        let resolved = load::load(&request.scenario, &sets, tool.registries())?;
        let mut chain = Chain::default();
        let outcome = if packs {
            let mut watch = Watch::for_peak();
            let mut outcome = simulate::once(tool, &resolved, &mut packing::Both(&mut chain, &mut watch), asks)?;
            let options = packing::Options::usual(*seed);
            let packed = packing::measure_as(tool, &resolved, &watch.snapshot(), &options, interrupt)?;
            packed.into_summary(&mut outcome.summary);
            outcome
        } else {
            simulate::once(tool, &resolved, &mut chain, asks)?
        };
        let chain = (Some(seed) == seeds.first()).then_some(chain);
        let fingerprint = outcome.summary.text("fingerprint").unwrap_or_default().to_owned();
        Ok((numbers(&outcome.summary), fingerprint, chain))
    })?;
    let mut measured = Measured { numbers: Vec::new(), fingerprints: Vec::new(), chain: Chain::default() };
    for (numbers, fingerprint, chain) in runs {
        measured.numbers.push(numbers);
        measured.fingerprints.push(fingerprint);
        measured.chain = chain.unwrap_or(measured.chain);
    }
    Ok(measured)
}

/// What the numbers of a run are bound to, by digest: everything that the scheduler does not decide. Keys that have
/// their default are left out, so that a build that knows more keys reads the same experiment.
fn bound_to(resolved: &Resolved) -> Result<BTreeMap<String, String>, Failure> {
    let mut whole = resolved.portable()?;
    let usual = |table: Result<toml::Table, toml::ser::Error>| table.unwrap_or_default();
    // Every key of a workload has a default, and not all of them are false or empty.
    let workload = toml::from_str::<crate::spec::workload::Workload>("").ok();
    let workload = workload.and_then(|workload| toml::Table::try_from(workload).ok()).unwrap_or_default();
    if let Some(toml::Value::Array(all)) = whole.get_mut("workload") {
        all.iter_mut().filter_map(toml::Value::as_table_mut).for_each(|one| leave_out(one, &workload));
    }
    let rules = [
        ("model", usual(toml::Table::try_from(crate::spec::model::Model::default()))),
        ("measure", usual(toml::Table::try_from(crate::spec::run::Measure::default()))),
        ("stop", usual(toml::Table::try_from(crate::spec::run::Stop::default()))),
    ];
    for (key, usual) in &rules {
        if let Some(toml::Value::Table(table)) = whole.get_mut(*key) {
            leave_out(table, usual);
        }
    }
    let mut bound = BTreeMap::from([("fleet".to_owned(), fleet_digest(&resolved.fleet))]);
    for (name, keys) in
        [("workload", ["workload"].as_slice()), ("faults", &["faults"]), ("rules", &["model", "measure", "stop"])]
    {
        let parts = keys.iter().filter_map(|key| Some(format!("{key} = {}", whole.get(*key)?)));
        let parts: Vec<String> = parts.filter(|part| !part.ends_with("= {}")).collect();
        if !parts.is_empty() {
            bound.insert(name.to_owned(), crate::resolve::digest_text(&parts.join("\n")));
        }
    }
    Ok(bound)
}

/// Takes out what has its default.
fn leave_out(table: &mut toml::Table, usual: &toml::Table) {
    table.retain(|key, value| usual.get(key) != Some(value));
}

/// What every machine offers.
fn fleet_digest(fleet: &Fleet) -> String {
    let nodes = fleet.nodes.iter().map(|node| {
        format!("{} {:?} {} {:?} {:?}", node.name, node.capacity.0, node.gpus, node.attributes, node.domains)
    });
    crate::resolve::digest_text(&nodes.collect::<Vec<String>>().join("\n"))
}

/// Puts a file in place when it is whole; whether it says what it said before.
fn write(path: &Path, text: &str) -> Result<bool, Failure> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(true);
    }
    let draft = path.with_extension(format!("partial-{}", std::process::id()));
    let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path));
    written.map(|()| false).map_err(|error| {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&draft);
        Failure::new(format!("{} cannot be written ({error}); correct --baseline", path.display()))
    })
}
