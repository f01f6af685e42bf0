//! Two sides or more of one scenario, run with the same seeds and judged against each other.

pub mod arm;
pub mod follow;
mod fork;
pub(crate) mod saved;

use std::path::{Path, PathBuf};

use windtunnel_outcome::limit::{Limit, Subject};
use windtunnel_outcome::recorder::Discard;
use windtunnel_outcome::{Outcome, Summary};
use windtunnel_reports::diverge::Divergence;
use windtunnel_reports::verdict::{self, Comparison, Design, Document, Numbers};
use windtunnel_scheduler::Time;
use windtunnel_sim::OnProgress;

use crate::failure::Failure;
use crate::load;
use crate::progress::Interrupt;
use crate::resolve::Resolved;
use crate::simulate;
use crate::spec::Set;
use crate::tool::Tool;

pub use arm::Arm;
use follow::{Follower, Sides, Trail};

/// Seeds where there is chance and nothing else is said.
const SEEDS: u32 = 10;
/// Resamples where nothing else is said: fewer show a spread badly.
const RESAMPLES: u32 = 30;
/// More seeds than this are not added by themselves.
const SEEDS_MOST: u32 = 1_000;

/// What is to be compared.
pub struct Request {
    /// The scenario: a file or a name.
    pub scenario: String,
    /// What is changed about it on every side.
    pub sets: Vec<Set>,
    /// The sides, the base first; none: those of the scenario.
    pub arms: Vec<Arm>,
    /// How many seeds.
    pub seeds: Option<u32>,
    /// Adds seeds until this holds.
    pub until: Option<Limit>,
    /// Runs each seed on a resampled trace.
    pub resample: Option<String>,
    /// Leaves out the beginning, up to where the base settles.
    pub warm_up: bool,
    /// Every side is as the scenario says until then, and what it is from then on.
    pub fork_at: Option<Time>,
}

/// What came of it.
pub struct Found {
    /// For machines and tables.
    pub document: Document,
    /// The first run of every side, for pictures.
    pub first: Vec<Outcome>,
    /// The base as it was resolved.
    pub resolved: Resolved,
}

/// One run of one side.
struct Ran {
    numbers: Numbers,
    fingerprint: String,
}

impl Ran {
    fn of(summary: &Summary) -> Self {
        let fingerprint = summary.text("fingerprint").unwrap_or_default().to_owned();
        Self { numbers: verdict::numbers(summary), fingerprint }
    }
}

/// What is done in one go.
enum Job {
    /// All sides at the first seed, one after another: each is held against the base.
    First(u64),
    /// One side at another seed.
    One(usize, u64),
    /// All sides at another seed, out of one beginning.
    Fork(u64),
}

/// What comes of a job.
enum Done {
    First(Vec<(Outcome, Option<Divergence>)>),
    One(usize, Ran),
    Fork(Vec<Ran>),
}

/// The sides of a comparison, ready to run.
struct Bench<'a> {
    tool: &'a Tool,
    request: &'a Request,
    arms: Vec<Arm>,
    extra: Vec<Set>,
}

/// Runs and judges.
///
/// # Errors
/// If a side cannot be read or run, or after Ctrl-C.
pub fn run(tool: &Tool, request: &Request, interrupt: &Interrupt) -> Result<Found, Failure> {
    let plain = load::load(&request.scenario, &request.sets, tool.registries())?;
    let written = plain.scenario.arm.iter().map(Arm::written);
    let arms: Vec<Arm> = if request.arms.is_empty() { written.collect() } else { request.arms.clone() };
    arm::check(&arms)?;
    let mut extra = Vec::new();
    if let Some(kind) = &request.resample {
        let traces = plain.scenario.workload.iter().enumerate().filter(|(_, workload)| workload.trace.is_some());
        extra.extend(traces.map(|(at, _)| Set { key: format!("workload.{at}.resample"), value: kind.clone() }));
        if extra.is_empty() {
            let sentence = "there is no trace to resample: seeds draw the workload anew; take --resample out";
            return Err(Failure::new(sentence));
        }
    }
    let mut bench = Bench { tool, request, arms, extra };
    if request.warm_up {
        bench.leave_out_warm_up(plain.scenario.seed, interrupt)?;
    }
    if request.fork_at.is_some() {
        bench.check_fork(&plain)?;
    }
    // Whatever is wrong with a side is said before anything runs; another build says for itself what it cannot read.
    let own = bench.arms.iter().filter(|arm| arm.build.is_none());
    let mut sides = own.map(|arm| bench.load(arm, plain.scenario.seed)).collect::<Result<Vec<_>, _>>()?;
    let draws = sides.iter().chain([&plain]).any(Resolved::draws);
    let design = match (&request.resample, draws) {
        (Some(_), _) => Design::Resamples,
        (None, true) => Design::Seeds,
        (None, false) => Design::Exact,
    };
    let resolved = if bench.arms[0].build.is_none() { sides.swap_remove(0) } else { plain };
    drop(sides);
    bench.measure(resolved, design, interrupt)
}

impl Bench<'_> {
    fn sets(&self, arm: &Arm, seed: u64) -> Vec<Set> {
        let mut sets = self.request.sets.clone();
        // What a side changes at an instant is no part of the scenario.
        if self.request.fork_at.is_none() {
            sets.extend(arm.sets.iter().cloned());
        }
        sets.extend(self.extra.iter().cloned());
        sets.push(Set { key: "seed".into(), value: seed.to_string() });
        sets
    }

    fn load(&self, arm: &Arm, seed: u64) -> Result<Resolved, Failure> {
        let sets = self.sets(arm, seed);
        load::load(&self.request.scenario, &sets, self.tool.registries())
            .map_err(|failure| failure.within(&format!("side `{}`", arm.name)))
    }

    /// Measures every side from where the base settles, which takes one run more.
    fn leave_out_warm_up(&mut self, seed: u64, interrupt: &Interrupt) -> Result<(), Failure> {
        let base = self.load(&self.arms[0], seed)?;
        if base.scenario.measure.from.is_some() {
            return Err(Failure::new("`measure.from` says where measuring begins; take --warm-up out"));
        }
        let runs = simulate::side_by_side("warm-up", &[()], interrupt, |(), asks| {
            simulate::once(self.tool, &base, &mut Discard, asks)
        })?;
        let cut = runs.first().map_or(windtunnel_scheduler::Time::ZERO, verdict::warm_up::cut);
        if cut > windtunnel_scheduler::Time::ZERO {
            self.extra.push(Set { key: "measure.from".into(), value: format!("\"{}us\"", cut.0) });
        }
        Ok(())
    }

    fn measure(&self, resolved: Resolved, design: Design, interrupt: &Interrupt) -> Result<Found, Failure> {
        let first_seed = resolved.scenario.seed;
        let mut wanted = match design {
            Design::Exact => 1,
            Design::Seeds => self.request.seeds.unwrap_or(SEEDS),
            Design::Resamples => self.request.seeds.unwrap_or(RESAMPLES),
        };
        let mut warnings = Vec::new();
        if design == Design::Exact
            && (self.request.seeds.is_some_and(|seeds| seeds > 1) || self.request.until.is_some())
        {
            let hint = "one run stands for every seed (--resample jobs perturbs a trace)";
            warnings.push(format!("nothing in this scenario is drawn by chance: {hint}"));
        }
        let mut runs: Vec<Vec<Ran>> = self.arms.iter().map(|_| Vec::new()).collect();
        let (mut first, mut divergences) = (Vec::new(), Vec::new());
        let mut done = 0;
        loop {
            let jobs = self.jobs(first_seed, done, wanted);
            for result in simulate::side_by_side("compare", &jobs, interrupt, |job, asks| self.perform(job, asks))? {
                match result {
                    Done::One(arm, ran) => runs[arm].push(ran),
                    Done::Fork(ran) => runs.iter_mut().zip(ran).for_each(|(runs, ran)| runs.push(ran)),
                    Done::First(outcomes) => {
                        for (arm, (outcome, divergence)) in outcomes.into_iter().enumerate() {
                            runs[arm].push(Ran::of(&outcome.summary));
                            first.push(outcome);
                            divergences.push(divergence);
                        }
                    }
                }
            }
            if done == 0 && wanted > 1 && self.is_foreign() {
                done = 1;
                continue;
            }
            done = wanted;
            let numbers = numbers_of(&runs);
            let Some(limit) = self.request.until.as_ref().filter(|_| design != Design::Exact) else { break };
            if numbers[1..].iter().all(|new| is_met(limit, &verdict::judge(&numbers[0], new, design))) {
                break;
            }
            if done >= SEEDS_MOST {
                warnings.push(format!("`{limit}` is not met by {SEEDS_MOST} seeds; more would hardly help"));
                break;
            }
            wanted = (done + done.div_ceil(2)).min(SEEDS_MOST);
        }
        let numbers = numbers_of(&runs);
        let divergences = divergences.into_iter().skip(1);
        let judged = numbers[1..].iter().map(|new| verdict::judge(&numbers[0], new, design));
        let comparisons = judged.zip(divergences).map(|(rows, divergence)| Comparison { rows, divergence }).collect();
        let document = Document {
            scenario: resolved.scenario.name.clone(),
            seeds: (0..u64::from(done)).map(|seed| first_seed + seed).collect(),
            design: words(design).to_owned(),
            arms: self.described(&runs),
            comparisons,
            warnings,
        };
        Ok(Found { document, first, resolved })
    }

    /// The runs that are missing, from `done` seeds to `wanted`.
    fn jobs(&self, first_seed: u64, done: u32, wanted: u32) -> Vec<Job> {
        let mut jobs = Vec::new();
        // Whether the builds speak of the same numbers is known after their first run.
        let wanted = if done == 0 && self.is_foreign() { wanted.min(1) } else { wanted };
        for seed in done..wanted {
            let seed_value = first_seed + u64::from(seed);
            if seed == 0 {
                jobs.push(Job::First(seed_value));
            } else if self.request.fork_at.is_some() {
                jobs.push(Job::Fork(seed_value));
            } else {
                jobs.extend((0..self.arms.len()).map(|arm| Job::One(arm, seed_value)));
            }
        }
        jobs
    }

    fn perform(&self, job: &Job, asks: OnProgress<'_>) -> Result<Done, Failure> {
        match *job {
            Job::One(at, seed) if self.is_foreign() => {
                let scratch = scratch()?;
                let outcome = self.outside(&self.arms[at], seed, &scratch.path().join("run"))?;
                Ok(Done::One(at, Ran::of(&outcome.summary)))
            }
            Job::First(seed) if self.is_foreign() => self.first_outside(seed).map(Done::First),
            Job::One(at, seed) => {
                let arm = &self.arms[at];
                let resolved = self.load(arm, seed)?;
                let outcome = simulate::once(self.tool, &resolved, &mut Discard, asks)
                    .map_err(|failure| failure.within(&format!("side `{}`, seed {seed}", arm.name)))?;
                Ok(Done::One(at, Ran::of(&outcome.summary)))
            }
            Job::First(seed) => match self.request.fork_at {
                Some(at) => self.fork_first(seed, at, asks).map(Done::First),
                None => self.first(seed, asks).map(Done::First),
            },
            Job::Fork(seed) => self.fork(seed, asks).map(Done::Fork),
        }
    }

    /// All sides at one seed: the base leaves its decisions, the others are held against them.
    fn first(&self, seed: u64, asks: OnProgress<'_>) -> Result<Vec<(Outcome, Option<Divergence>)>, Failure> {
        let base = self.load(&self.arms[0], seed)?;
        let mut trail = Trail::default();
        let outcome = simulate::once(self.tool, &base, &mut trail, asks)?;
        let mut outcomes = vec![(outcome, None)];
        for arm in &self.arms[1..] {
            let new = self.load(arm, seed)?;
            let sides =
                Sides { registries: self.tool.registries(), base: &base.config, new: &new.config, fleet: &new.fleet };
            let uses = &new.scenario.scheduler.implementation;
            let other = if uses == "core" { None } else { Some(self.tool.build(uses)?) };
            let (mut follower, mut rows) = Follower::new(other, sides, &trail.decisions);
            let outcome = simulate::with(self.tool, &new, &mut follower, &mut rows, asks)
                .map_err(|failure| failure.within(&format!("side `{}`, seed {seed}", arm.name)))?;
            let divergence = follower.divergence(seed, &trail.starts, &rows);
            outcomes.push((outcome, divergence));
        }
        Ok(outcomes)
    }

    /// Whether another build takes part: then every side runs as a program of its own, and is read from its folder.
    fn is_foreign(&self) -> bool {
        self.arms.iter().any(|arm| arm.build.is_some())
    }

    /// Runs one side by its own build, or by this program.
    fn outside(&self, arm: &Arm, seed: u64, out: &Path) -> Result<Outcome, Failure> {
        let own =
            || std::env::current_exe().map_err(|error| Failure::new(format!("this program is not found ({error})")));
        let build = arm.build.clone().map_or_else(own, Ok)?;
        let found = load::text(&self.request.scenario)?;
        // A name of the library may mean something else to another build.
        let scenario = match found {
            None => self.request.scenario.clone(),
            Some(text) => {
                let path = out.with_extension("toml");
                std::fs::write(&path, text)
                    .map_err(|error| Failure::new(format!("{} cannot be written ({error})", path.display())))?;
                path.display().to_string()
            }
        };
        saved::run_by(&build, &scenario, &self.sets(arm, seed), out)
            .and_then(|out| saved::load(&out))
            .map_err(|failure| failure.within(&format!("side `{}`, seed {seed}", arm.name)))
    }

    /// All sides at one seed as programs of their own. Versions are checked before any other seed is run.
    fn first_outside(&self, seed: u64) -> Result<Vec<(Outcome, Option<Divergence>)>, Failure> {
        let scratch = scratch()?;
        let folder = |at: usize| scratch.path().join(at.to_string());
        let base = self.outside(&self.arms[0], seed, &folder(0))?;
        let mut outcomes = Vec::new();
        for (at, arm) in self.arms.iter().enumerate().skip(1) {
            let new = self.outside(arm, seed, &folder(at))?;
            saved::same_version(&base.summary, &new.summary, [&self.arms[0].name, &arm.name])?;
            let divergence = saved::divergence(&folder(0), &folder(at), seed)?;
            outcomes.push((new, divergence));
        }
        outcomes.insert(0, (base, None));
        Ok(outcomes)
    }

    fn described(&self, runs: &[Vec<Ran>]) -> Vec<verdict::Arm> {
        let described = self.arms.iter().zip(runs).map(|(arm, runs)| verdict::Arm {
            name: arm.name.clone(),
            set: arm.sets.iter().map(ToString::to_string).collect(),
            build: arm.build.as_ref().map(|path: &PathBuf| path.display().to_string()),
            fingerprints: runs.iter().map(|ran| ran.fingerprint.clone()).collect(),
        });
        described.collect()
    }
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder can be made ({error}); set TMPDIR")))
}

fn numbers_of(runs: &[Vec<Ran>]) -> Vec<Vec<Numbers>> {
    runs.iter().map(|runs| runs.iter().map(|ran| ran.numbers.clone()).collect()).collect()
}

/// Whether a limit holds of what was judged.
fn is_met(limit: &Limit, rows: &[verdict::Row]) -> bool {
    let Some(row) = rows.iter().find(|row| row.name == limit.name) else { return false };
    match (limit.subject, row.interval, row.base) {
        (Subject::Number, ..) => row.new.is_some_and(|new| limit.holds(new)),
        (Subject::Interval, Some((low, high)), Some(base)) => {
            let half = (high - low) / 2.0;
            limit.holds(if limit.relative { half / base.abs() } else { half })
        }
        // Undefined in every run: no seed will change that.
        (Subject::Interval, _, base) => base.is_none(),
    }
}

/// What an interval means.
fn words(design: Design) -> &'static str {
    match design {
        Design::Exact => "nothing in this scenario is drawn by chance: differences are exact",
        Design::Seeds => "95 % intervals of the mean difference over seeds, paired (Student's t)",
        Design::Resamples => {
            "95 % intervals of the difference as one trace of this length scatters, over paired resamples (bootstrap)"
        }
    }
}
