//! What must not get worse: a scenario held against the baseline that stands beside it.

mod baseline;
mod chain;
mod limits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windtunnel_reports::gate::{Gated, Outcome};
use windtunnel_reports::verdict::{Numbers, numbers};

use crate::failure::Failure;
use crate::load;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::simulate;
use crate::spec::Set;
use crate::tool::Tool;

pub use baseline::Baseline;
pub use chain::Chain;
use limits::Limits;

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
    let measured = measure(tool, request, &seeds, interrupt)?;
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

/// Every seed, side by side; the chain is that of the first.
fn measure(tool: &Tool, request: &Request, seeds: &[u64], interrupt: &Interrupt) -> Result<Measured, Failure> {
    let runs = simulate::side_by_side("gate", seeds, interrupt, |seed, asks| {
        let mut sets = request.sets.clone();
        sets.push(Set { key: "seed".into(), value: seed.to_string() });
        let resolved = load::load(&request.scenario, &sets, tool.registries())?;
        let mut chain = Chain::default();
        let outcome = simulate::once(tool, &resolved, &mut chain, asks)?;
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

/// What the numbers of a run are bound to, by digest: everything that the scheduler does not decide.
fn bound_to(resolved: &Resolved) -> Result<BTreeMap<String, String>, Failure> {
    let whole = resolved.portable()?;
    let mut bound = BTreeMap::new();
    for (name, keys) in [
        ("fleet", ["fleet"].as_slice()),
        ("workload", &["workload"]),
        ("faults", &["faults"]),
        ("rules", &["model", "measure", "stop"]),
    ] {
        let parts: Vec<String> = keys.iter().filter_map(|key| Some(format!("{key} = {}", whole.get(*key)?))).collect();
        if !parts.is_empty() {
            bound.insert(name.to_owned(), crate::resolve::digest_text(&parts.join("\n")));
        }
    }
    Ok(bound)
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
