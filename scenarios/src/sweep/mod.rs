//! Sweeps: a scenario run at every point that some axes span, with several seeds each, on whatever has the cores.
//!
//! A sweep is a folder. `sweep.json` says what is to be run; each run leaves one small Parquet file of one row under
//! `parts/`, which appears whole or not at all; gathering scans them in order. So a killed sweep resumes where it was,
//! shards need not know of each other, and the result does not depend on who did which run.

pub mod engine;
mod part;
mod spec;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use windtunnel_outcome::recorder::Discard;
use windtunnel_sim::OnProgress;

pub use part::{Column, Table};
pub use spec::{Axis, Case, Seeds, Sweep};

use crate::failure::Failure;
use crate::load::Text;
use crate::progress::Interrupt;
use crate::resolve::digest_text;
use crate::simulate;
use crate::tool::Tool;

/// What the folder says of itself.
const STATE_FILE: &str = "sweep.json";
/// Where the rows are.
const PARTS: &str = "parts";

/// Which runs fall to a shard: those whose number leaves `index` when divided by `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// All runs.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// What `sweep.json` holds: all that a shard has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    tool: String,
    /// Of everything that the results depend on.
    digest: String,
    /// The name and text of the sweep.
    file: String,
    sweep: String,
    /// The scenario that is varied.
    scenario_name: String,
    scenario: String,
    scenario_base: PathBuf,
    shards: usize,
}

/// A sweep with its folder.
pub struct Job<'a> {
    tool: &'a Tool,
    interrupt: &'a Interrupt,
    folder: PathBuf,
    sweep: Sweep,
    scenario: Text,
    cases: Vec<Case>,
    shards: usize,
}

/// What a new sweep is made of.
pub struct Beginning<'a> {
    /// What messages call the sweep's file.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The scenario that it varies.
    pub scenario: Text,
    /// Into how many shards the runs will be dealt.
    pub shards: usize,
    /// Whether the runs that the folder has already are kept.
    pub resume: bool,
}

impl<'a> Job<'a> {
    /// Begins a sweep in `folder`, or goes on with it.
    ///
    /// # Errors
    /// If the sweep is wrong, the folder is somebody else's, or it holds another sweep than the one to be resumed.
    pub fn begin(
        tool: &'a Tool,
        interrupt: &'a Interrupt,
        folder: &Path,
        beginning: Beginning<'_>,
    ) -> Result<Self, Failure> {
        let Beginning { file, text, scenario, shards, resume } = beginning;
        let sweep = Sweep::parse(file, text)?;
        let common = sweep.cases(0);
        let first = common.first().map_or(&[][..], |case| &case.sets[..case.sets.len() - 1]);
        let resolved = scenario.load(first, tool.registries())?;
        let cases = sweep.cases(resolved.scenario.seed);
        let facts = [env!("CARGO_PKG_VERSION"), text, &scenario.text, &resolved.text()?].join("\n\0");
        let state = State {
            tool: windtunnel_reports::write::TOOL.to_owned(),
            digest: digest_text(&facts),
            file: file.to_owned(),
            sweep: text.to_owned(),
            scenario_name: scenario.name.clone(),
            scenario: scenario.text.clone(),
            scenario_base: absolute(&scenario.base),
            shards,
        };
        let job = Self { tool, interrupt, folder: absolute(folder), sweep, scenario, cases, shards };
        job.settle(&state, resume)?;
        Ok(job)
    }

    /// Goes on with the sweep that is in `folder`.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(tool: &'a Tool, interrupt: &'a Interrupt, folder: &Path) -> Result<Self, Failure> {
        let state = read_state(folder)?.ok_or_else(|| {
            let sentence = format!("{} holds no sweep; name the folder of one, as in runs/x.sweep", folder.display());
            Failure::new(sentence)
        })?;
        let sweep = Sweep::parse(&state.file, &state.sweep)?;
        let scenario = Text { name: state.scenario_name, text: state.scenario, base: state.scenario_base };
        let common = sweep.cases(0);
        let first = common.first().map_or(&[][..], |case| &case.sets[..case.sets.len() - 1]);
        let seed = scenario.load(first, tool.registries())?.scenario.seed;
        let cases = sweep.cases(seed);
        Ok(Self { tool, interrupt, folder: absolute(folder), sweep, scenario, cases, shards: state.shards })
    }

    /// Makes the folder ready.
    fn settle(&self, state: &State, resume: bool) -> Result<(), Failure> {
        let found = read_state(&self.folder)?;
        let folder = self.folder.display();
        match found {
            Some(found) if resume && found.digest != state.digest => {
                return Err(Failure::new(format!(
                    "{folder} holds runs of other inputs: the sweep, its scenario, a file it reads or this program has \
                     changed; begin anew without --resume"
                )));
            }
            Some(_) if resume => {}
            None if resume && self.folder.join(windtunnel_reports::write::RUN_FILE).exists() => {
                return Err(Failure::new(format!("{folder} holds no sweep to resume; name another folder with --out")));
            }
            Some(_) => {
                fs::remove_dir_all(&self.folder).map_err(|error| self.cannot("replace", "", &error))?;
            }
            None => self.check_empty()?,
        }
        let parts = self.folder.join(PARTS);
        fs::create_dir_all(&parts).map_err(|error| self.cannot("create", PARTS, &error))?;
        let text = serde_json::to_string_pretty(state)
            .map_err(|error| Failure::new(format!("the sweep cannot be written as JSON ({error}); report this")))?;
        self.write(STATE_FILE, &(text + "\n"))?;
        Ok(())
    }

    fn check_empty(&self) -> Result<(), Failure> {
        match fs::read_dir(&self.folder) {
            Ok(mut entries) => match entries.next() {
                None => Ok(()),
                Some(_) => Err(Failure::new(format!(
                    "{} is not empty and holds no sweep; name another folder with --out",
                    self.folder.display()
                ))),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.cannot("read", "", &error)),
        }
    }

    fn cannot(&self, verb: &str, name: &str, error: &std::io::Error) -> Failure {
        Failure::new(format!("cannot {verb} {} ({error}); name another folder with --out", self.path(name).display()))
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.folder.clone() } else { self.folder.join(name) }
    }

    /// What the sweep is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.sweep.name
    }

    /// Where its runs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sweep itself.
    #[must_use]
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// The rows of each point of the axes: one per seed.
    #[must_use]
    pub fn points(&self) -> Vec<std::ops::Range<usize>> {
        let mut points: Vec<std::ops::Range<usize>> = Vec::new();
        for (at, case) in self.cases.iter().enumerate() {
            match points.last_mut() {
                Some(last) if self.cases[last.start].values == case.values => last.end = at + 1,
                _ => points.push(at..at + 1),
            }
        }
        points
    }

    /// The shard of this number.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn shard(&self, index: usize) -> Result<Shard, Failure> {
        if index >= self.shards {
            let last = self.shards - 1;
            return Err(Failure::new(format!("there is no shard {index}; they are numbered from 0 to {last}")));
        }
        Ok(Shard { index, count: self.shards })
    }

    /// Writes a file of the folder, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        let written = fs::write(&partial, content).and_then(|()| fs::rename(&partial, &path));
        written.map_err(|error| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&partial);
            self.cannot("write", name, &error)
        })?;
        Ok(path)
    }

    fn part(&self, case: &Case) -> String {
        format!("{PARTS}/{:07}.parquet", case.index)
    }

    /// The runs of a shard that nobody has done yet.
    fn pending(&self, shard: Shard) -> Vec<&Case> {
        let mine = self.cases.iter().filter(|case| case.index % shard.count == shard.index);
        mine.filter(|case| !part::is_whole(&self.path(&self.part(case)), case)).collect()
    }

    /// Does the runs of a shard that nobody has done yet, on every core. Gives the share of their time that workers
    /// waited; None if there was nothing to do.
    ///
    /// # Errors
    /// The first run, by number, that could not be done; what others have done is kept.
    pub fn perform(&self, shard: Shard) -> Result<Option<f64>, Failure> {
        let pending = self.pending(shard);
        if pending.is_empty() {
            return Ok(None);
        }
        let busy_us = AtomicU64::new(0);
        let begin = Instant::now();
        simulate::side_by_side(&self.sweep.name, &pending, self.interrupt, |case, ask| {
            let start = Instant::now();
            let result = self.run(case, ask);
            busy_us.fetch_add(start.elapsed().as_micros() as u64, Ordering::Relaxed);
            result
        })?;
        let workers = rayon::current_num_threads().min(pending.len());
        let wall_us = begin.elapsed().as_micros() as f64 * workers as f64;
        Ok(Some((1.0 - busy_us.into_inner() as f64 / wall_us).max(0.0)))
    }

    /// Does one run and leaves its row.
    fn run(&self, case: &Case, ask: OnProgress<'_>) -> Result<(), Failure> {
        let which = || {
            let sets: Vec<String> = case.sets.iter().map(ToString::to_string).collect();
            format!("run {} ({})", case.index, sets.join(", "))
        };
        let resolved = self.scenario.load(&case.sets, self.tool.registries()).map_err(|one| one.within(&which()))?;
        let outcome = simulate::once(self.tool, &resolved, &mut Discard, ask);
        let outcome = outcome.map_err(|failure| failure.within(&which()))?;
        let row = part::write(&self.sweep.axis, case, &outcome.summary)?;
        self.write(&self.part(case), row)?;
        Ok(())
    }

    /// Scans the rows of all runs, in order.
    ///
    /// # Errors
    /// If a run is missing, or a row cannot be read.
    pub fn gather(&self) -> Result<Table, Failure> {
        let missing = self.pending(Shard::WHOLE).len();
        if missing > 0 {
            let (folder, all) = (self.folder.display(), self.cases.len());
            return Err(Failure::new(format!("{missing} of {all} runs in {folder} are not done; use --resume")));
        }
        part::gather(self.cases.iter().map(|case| self.path(&self.part(case))))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the folder says of itself; None if it says nothing.
fn read_state(folder: &Path) -> Result<Option<State>, Failure> {
    let path = folder.join(STATE_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::new(format!("{} cannot be read ({error})", path.display()))),
    };
    let state: Result<State, _> = serde_json::from_str(&text);
    match state {
        Ok(state) if state.tool == windtunnel_reports::write::TOOL && state.shards > 0 => Ok(Some(state)),
        Ok(_) => Ok(None),
        Err(error) => {
            Err(Failure::new(format!("{} is no state of a sweep ({error}); remove the folder", path.display())))
        }
    }
}
