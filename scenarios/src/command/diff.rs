//! `windtunnel diff`: two saved runs against each other.

use std::path::{Path, PathBuf};

use clap::Args;
use windtunnel_reports::verdict::{self, Arm, Comparison, Design, Document};

use super::Verdict;
use super::compare::{Told, tell};
use crate::compare::saved;
use crate::facts::Watch;
use crate::failure::Failure;
use crate::progress::Interrupt;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of the base.
    base: PathBuf,
    /// The folder of the other run.
    new: PathBuf,
    /// Where the results go; left out: `runs/<name>.diff/`.
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

pub(crate) fn perform(arguments: &Arguments) -> Result<Verdict, Failure> {
    let watch = Watch::start();
    let interrupt = Interrupt::listen()?;
    let (base, new) = (saved::load(&arguments.base)?, saved::load(&arguments.new)?);
    let names = names(&arguments.base, &arguments.new);
    saved::same_version(&base.summary, &new.summary, [&names[0], &names[1]])?;
    let seed = base.summary.number("seed").unwrap_or(0.0) as u64;
    let numbers = [&base, &new].map(|run| vec![verdict::numbers(&run.summary)]);
    let arm = |name: &String, run: &windtunnel_outcome::Outcome| Arm {
        name: name.clone(),
        fingerprints: vec![run.summary.text("fingerprint").unwrap_or_default().to_owned()],
        ..Arm::default()
    };
    let mut warnings = Vec::new();
    for key in ["scenario", "inputs.fleet", "inputs.workload.0"] {
        if base.summary.text(key) != new.summary.text(key) {
            warnings.push(format!("the two differ in `{key}`: they may not be runs of the same experiment"));
        }
    }
    if base.summary.number("seed") != new.summary.number("seed") {
        warnings.push("the two have different seeds: chance is part of the difference".to_owned());
    }
    let document = Document {
        scenario: base.summary.text("scenario").unwrap_or("diff").to_owned(),
        seeds: vec![seed],
        design: "one run on each side: differences are exact, another seed may bring others".to_owned(),
        arms: vec![arm(&names[0], &base), arm(&names[1], &new)],
        comparisons: vec![Comparison {
            rows: verdict::judge(&numbers[0], &numbers[1], Design::Exact),
            divergence: saved::divergence(&arguments.base, &arguments.new, seed)?,
        }],
        warnings,
    };
    let command = format!("windtunnel diff {} {}", arguments.base.display(), arguments.new.display());
    let told = Told {
        document: &document,
        first: &[base, new],
        scenario_toml: None,
        command,
        out: arguments.out.as_deref(),
        suffix: "diff",
        all: arguments.all,
        json: arguments.json,
        open: arguments.open,
    };
    tell(&told, watch, &interrupt)?;
    Ok(Verdict::Fine)
}

/// The last parts of the paths in which they differ.
fn names(base: &Path, new: &Path) -> [String; 2] {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match (last(base), last(new)) {
        (Some(base), Some(new)) if base != new => [base, new],
        _ => [base.display().to_string(), new.display().to_string()],
    }
}
