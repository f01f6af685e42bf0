//! From a scenario as written to an experiment that can be run: files found and pinned, units made integers, every
//! default filled in, everything that cannot be honoured refused or warned about.

mod batch;
mod elastic;
mod faults;
mod fleet;
mod holder;
mod needs;
mod party;
mod paths;
#[cfg(test)]
mod tests;
mod trigger;
mod typical;
mod workload;

use std::path::Path;

use windtunnel_scheduler::config::{self, Config};
use windtunnel_scheduler::core::{ConfigError, Registries};
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::experiment::{Experiment, Measure, Routing, Sampling, Stop, Workload};
use windtunnel_sim::model::Model;
use windtunnel_traces::model::Fleet;

use crate::failure::{Failure, listed, nearest};
use crate::spec::file::Paths;
use crate::spec::run::{Series, When};
use crate::spec::scheduler as spec;
use crate::spec::{Places, Profile, Scenario};

pub use paths::InputDigest;
pub(crate) use paths::digest_text;
pub use workload::Plan;

/// A scenario that can be run, any number of times.
pub struct Resolved {
    /// As written, with every default written out and every file pinned.
    pub scenario: Scenario,
    /// The machines.
    pub fleet: Fleet,
    /// What the scheduler is told.
    pub config: Config,
    /// Whose jobs go to which partition, quality of service and reservation.
    pub routing: Routing,
    /// What breaks, and what news take.
    pub model: Model,
    /// The workloads, not yet opened.
    pub workloads: Vec<Plan>,
    /// The profile that it names, and what it gave.
    pub profile: Profile,
    /// Every file read.
    pub inputs: Vec<InputDigest>,
    /// What has no effect, a sentence each.
    pub warnings: Vec<String>,
}

/// What resolving needs to know and gathers on its way.
struct Context<'a> {
    places: &'a Places,
    base: &'a Path,
    inputs: Vec<InputDigest>,
    warnings: Vec<String>,
}

impl Context<'_> {
    fn warn(&mut self, sentence: String) {
        self.warnings.push(sentence);
    }

    /// Adds the file, line and column of `key` in front of a sentence that has a place of its own.
    fn within(&self, key: &str, failure: Failure) -> Failure {
        failure.within(&format!("{}: `{key}`", self.places.whereabouts(key)))
    }
}

/// Resolves a scenario. `base` is the folder that paths are relative to, `registries` what policies there are.
///
/// # Errors
/// The first thing that cannot be honoured: file, line and column, key and fix.
pub fn resolve(scenario: Scenario, places: &Places, base: &Path, registries: &Registries) -> Result<Resolved, Failure> {
    let mut scenario = scenario;
    let mut context = Context { places, base, inputs: Vec::new(), warnings: Vec::new() };
    check_name(&scenario.name, places)?;
    settle_backfill(&mut scenario.scheduler, &mut context)?;
    warn_of_preemption(&scenario, &mut context);
    let mut config = configure(&scenario, places, registries)?;
    trigger::prepare(&mut scenario);
    let mut fleet = fleet::resolve(&mut scenario.fleet, &mut context)?;
    let routing = batch::resolve(&scenario, places, &mut fleet, &mut config)?;
    let mut model = faults::resolve(&mut scenario, &fleet, &mut context)?;
    if scenario.workload.is_empty() {
        return Err(places.failure("workload", "there is no workload; add a [[workload]]"));
    }
    let mut workloads = Vec::new();
    let on_pool = scenario.fleet.pool.is_some();
    let all_terms: Vec<Terms> =
        (0..scenario.workload.len()).map(|at| batch::terms(&scenario, at, places)).collect::<Result<_, _>>()?;
    for (position, written) in scenario.workload.iter_mut().enumerate() {
        let terms = all_terms[position];
        let facts = workload::Facts { position, seed: scenario.seed, fleet: &fleet, on_pool, terms };
        workloads.push(workload::resolve(written, &facts, &mut context)?);
    }
    needs::resolve(&scenario, &mut workloads, &context)?;
    if workloads.iter().any(|plan| plan.names_matter) {
        fleet::name_nodes(&mut fleet);
    }
    if workloads.len() > 1 && workloads.iter().any(|plan| plan.windows.is_some()) {
        return Err(places.failure("workload", "windows are cut from one log; give one workload"));
    }
    let placement = &mut scenario.scheduler.placement;
    typical::resolve(placement, &mut config, &workloads, registries, scenario.seed, &mut context)?;
    let config = party::resolve(&mut scenario, &fleet, config, registries, &mut workloads, &mut context)?;
    let (config, holders) = holder::resolve(&scenario, &fleet, config, registries, &mut workloads, &context)?;
    model.holders = holders;
    model.elastic = elastic::resolve(&scenario, &fleet, &context)?;
    let facts =
        trigger::Facts { scenario: &scenario, fleet: &fleet, elastic: &model.elastic, config: &config, registries };
    model.triggers = trigger::resolve(&facts, &context)?;
    if scenario.stop.at.is_none() {
        if let Some(endless) = workloads.iter().position(|plan| !plan.ends()) {
            let sentence = "jobs arrive without end; give `tasks`, `jobs` or `until`, or [stop] at";
            return Err(places.failure(&format!("workload.{endless}.synthetic"), sentence));
        }
        if let Some(failing) = workloads.iter().position(|plan| plan.fails_for_ever()) {
            let sentence = "services that fail again and again have no end; give [stop] at";
            return Err(places.failure(&format!("workload.{failing}.service"), sentence));
        }
        scenario.stop.when = Some(When::Drained);
    }
    check_measure(&scenario, places)?;
    check_instant(&scenario, places)?;
    let Context { mut inputs, warnings, .. } = context;
    inputs.push(InputDigest { key: "scenario".into(), digest: paths::digest_text(&write(&without_paths(&scenario))?) });
    let profile = places.profile().clone();
    Ok(Resolved { scenario, fleet, config, routing, model, workloads, profile, inputs, warnings })
}

/// The scenario with its files known by their digests alone: the same wherever they lie.
fn without_paths(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    if let Some(trace) = &mut scenario.fleet.trace {
        trace.path = Paths::default();
    }
    typical::forget(&mut scenario.scheduler.placement.0.options, "path");
    for trace in scenario.workload.iter_mut().filter_map(|workload| workload.trace.as_mut()) {
        trace.path = Paths::default();
    }
    if let Some(trace) = &mut scenario.faults.trace {
        trace.path = Paths::default();
    }
    scenario
}

impl Resolved {
    /// The resolved scenario as a table, its files known by their digests alone.
    ///
    /// # Errors
    /// Never for what was read from a text.
    pub fn portable(&self) -> Result<toml::Table, Failure> {
        toml::Table::try_from(without_paths(&self.scenario))
            .map_err(|error| Failure::new(format!("the scenario cannot be written as a table ({error}); report this")))
    }
}

fn write(scenario: &Scenario) -> Result<String, Failure> {
    toml::to_string(scenario)
        .map_err(|error| Failure::new(format!("the scenario cannot be written as text ({error}); report this")))
}

impl Resolved {
    /// Opens the workloads and hands over everything that a driver needs.
    ///
    /// # Errors
    /// If a workload cannot be opened.
    pub fn experiment(&self) -> Result<Experiment, Failure> {
        self.experiment_with(|plan, seed| plan.open(seed))
    }

    /// The same for the window that begins at position `start` of the log, if the workload is cut into windows.
    ///
    /// # Errors
    /// If a workload cannot be opened.
    pub fn window(&self, start: u64) -> Result<Experiment, Failure> {
        self.experiment_with(|plan, seed| plan.open_window(seed, start))
    }

    /// Whether anything in a run is drawn by chance: then another seed may bring other numbers.
    #[must_use]
    pub fn draws(&self) -> bool {
        use crate::spec::workload::{Estimate, Lifetime};
        let workload = self.scenario.workload.iter().any(|one| {
            let guessed = matches!(&one.estimate, Estimate::Changed(change) if change.uniform.is_some());
            let lives = matches!(one.lifetime, Lifetime::Drawn(_));
            one.synthetic.is_some() || one.resample.is_some() || guessed || lives || one.scale.load.fract() != 0.0
        });
        workload || DRAWING.contains(&self.config.placement.name.as_str())
    }

    /// The windows that the workload is cut into.
    #[must_use]
    pub fn windows(&self) -> Option<&crate::spec::workload::Windows> {
        self.workloads.iter().find_map(|plan| plan.windows.as_ref())
    }

    fn experiment_with(&self, open: impl Fn(&Plan, u64) -> Result<Workload, Failure>) -> Result<Experiment, Failure> {
        let seed = self.scenario.seed;
        let time = |duration: crate::spec::quantity::Duration| Time(duration.0);
        let measure = self.scenario.measure;
        let mut workloads: Vec<Workload> =
            self.workloads.iter().map(|plan| open(plan, seed)).collect::<Result<_, _>>()?;
        workloads.extend(self.model.holders.iter().map(|source| holder::open(source, &self.config)));
        Ok(Experiment {
            seed,
            fleet: self.fleet.clone(),
            workloads,
            scheduler: self.config.clone(),
            model: self.model.clone(),
            parties: 1,
            routing: self.routing.clone(),
            link: Span::ZERO,
            measure: Measure {
                from: measure.from.map_or(Time::ZERO, time),
                to: measure.to.map_or(Time::NEVER, time),
                tau: measure.tau.span(),
            },
            stop: self.scenario.stop.at.map_or(Stop::Drained, |at| Stop::At(time(at))),
            series: match self.scenario.record.series {
                Series::Auto => Sampling::Auto,
                Series::Event => Sampling::Event,
                Series::Every(duration) => Sampling::Every(duration.span()),
            },
        })
    }

    /// The text of the resolved scenario, which resolves to the same again; a comment says what came from a profile.
    ///
    /// # Errors
    /// Never for what was read from a text.
    pub fn text(&self) -> Result<String, Failure> {
        let text = write(&self.scenario)?;
        let Profile { name, keys } = &self.profile;
        let from =
            if keys.is_empty() { String::new() } else { format!("# From profile {name}: {}\n", keys.join(", ")) };
        Ok(from + &text)
    }
}

/// Placement policies that draw.
const DRAWING: &[&str] = &["random"];

/// A name becomes a folder.
pub(crate) fn check_name(name: &str, places: &Places) -> Result<(), Failure> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fine) {
        let sentence = format!("`{name}` cannot be a folder; use letters, digits, - and _");
        return Err(places.failure("name", sentence));
    }
    Ok(())
}

/// Where a pass follows each event, a task whose request has ended is taken for gone: none may run on.
fn check_instant(scenario: &Scenario, places: &Places) -> Result<(), Failure> {
    use crate::spec::workload::{Estimate, Overrun, Workload};
    let outlives = |workload: &Workload| {
        let extended = workload.trace.as_ref().is_some_and(|trace| trace.overrun == Overrun::Extend);
        match &workload.estimate {
            Estimate::Trace => extended,
            Estimate::Changed(change) => {
                let shrinks = change.factor.is_some_and(|factor| factor < 1.0);
                extended || shrinks || change.uniform.is_some_and(|between| between.from < 1.0)
            }
            Estimate::Actual | Estimate::None => false,
        }
    };
    if scenario.model.instant == spec::Instant::PerEvent
        && let Some(position) = scenario.workload.iter().position(outlives)
    {
        let sentence = format!(
            "tasks of workload {position} may outlive their requests, which a pass per event takes for their ends; \
             write overrun = \"clip\" or \"kill\" and estimates no shorter than given, or instant = \"batched\""
        );
        return Err(places.failure("model.instant", sentence));
    }
    Ok(())
}

fn check_measure(scenario: &Scenario, places: &Places) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (scenario.measure.from, scenario.measure.to)
        && from >= to
    {
        return Err(places.failure("measure.to", format!("{to} is not after {from}; write a later instant")));
    }
    if let (Some(from), Some(at)) = (scenario.measure.from, scenario.stop.at)
        && from >= at
    {
        let sentence = format!("measuring begins at {from}, the run ends at {at}; write an earlier instant");
        return Err(places.failure("measure.from", sentence));
    }
    Ok(())
}

/// Backfilling implies that the head blocks; what contradicts it is refused, what it makes idle is warned of.
fn settle_backfill(given: &mut spec::Scheduler, context: &mut Context<'_>) -> Result<(), Failure> {
    let places = context.places;
    let shortest = given.backfill_order == spec::BackfillOrder::Shortest;
    if given.backfill.0.name == "none" {
        if shortest {
            context.warn(String::from("`scheduler.backfill_order` has no effect: `scheduler.backfill` is \"none\""));
        }
        return Ok(());
    }
    if given.head_of_line == spec::HeadOfLine::Skip && places.has("scheduler.head_of_line") {
        let sentence = "a head that may be passed holds no reservation to backfill around; take this key out, or write \
                        backfill = \"none\"";
        return Err(places.failure("scheduler.head_of_line", sentence.to_owned()));
    }
    given.head_of_line = spec::HeadOfLine::Block;
    if given.unplaceable == spec::Unplaceable::Reject {
        context.warn(String::from(
            "`scheduler.backfill` has no effect: with `unplaceable = \"reject\"` nobody waits for a reservation",
        ));
    }
    Ok(())
}

/// Making room has no effect where nobody waits for it, or where those who share a fleet are held to terms that only
/// one of them knows.
fn warn_of_preemption(scenario: &Scenario, context: &mut Context<'_>) {
    let given = &scenario.scheduler;
    if given.preemption.0.name == "none" {
        return;
    }
    let has_terms = !(scenario.partition.is_empty() && scenario.qos.is_empty() && scenario.reservation.is_empty());
    let idle = match (given.architecture, given.unplaceable) {
        (spec::Architecture::TwoLevel | spec::Architecture::SharedState, _) if has_terms => {
            "who hands out room knows nothing of partitions, qualities of service and reservations"
        }
        (spec::Architecture::Monolithic, spec::Unplaceable::Reject) if !has_terms => {
            "with `unplaceable = \"reject\"` nobody waits"
        }
        _ => return,
    };
    context.warn(format!("`scheduler.preemption` has no effect: {idle}"));
}

/// What the scheduler is told; what it cannot do yet is refused.
fn configure(scenario: &Scenario, places: &Places, registries: &Registries) -> Result<Config, Failure> {
    let given = &scenario.scheduler;
    let config = Config {
        architecture: match given.architecture {
            spec::Architecture::Monolithic => config::Architecture::Monolithic,
            spec::Architecture::TwoLevel => config::Architecture::TwoLevel,
            spec::Architecture::SharedState => config::Architecture::SharedState,
        },
        queue: given.queue.0.clone(),
        head_of_line: match given.head_of_line {
            spec::HeadOfLine::Skip => config::HeadOfLine::Skip,
            spec::HeadOfLine::Block => config::HeadOfLine::Block,
        },
        placement: given.placement.0.clone(),
        backfill: given.backfill.0.clone(),
        backfill_order: match given.backfill_order {
            spec::BackfillOrder::Fifo => config::BackfillOrder::Fifo,
            spec::BackfillOrder::Shortest => config::BackfillOrder::Shortest,
        },
        preemption: given.preemption.0.clone(),
        unplaceable: match given.unplaceable {
            spec::Unplaceable::Wait => config::Unplaceable::Wait,
            spec::Unplaceable::Reject => config::Unplaceable::Reject,
        },
        instant: match scenario.model.instant {
            spec::Instant::Batched => config::Instant::Batched,
            spec::Instant::PerEvent => config::Instant::PerEvent,
        },
        interval: given.interval.span(),
        seed: scenario.seed,
        ..Config::default()
    };
    // A scheduler of another build knows its own policies.
    if given.implementation == "core" {
        registries.check(&config).map_err(|error| unknown_policy(&error, places))?;
    }
    Ok(config)
}

fn unknown_policy(error: &ConfigError, places: &Places) -> Failure {
    let (key, word, known) = match error {
        ConfigError::UnknownPolicy { key, name, known } => (format!("scheduler.{key}"), name, known),
        ConfigError::UnknownOption { key, option, known, .. } => (format!("scheduler.{key}.{option}"), option, known),
        ConfigError::BadOption { key, option, fix, .. } => {
            return places.failure(&format!("scheduler.{key}.{option}"), format!("has no such value; {fix}"));
        }
    };
    let fix = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => String::from("it has no options; take it out"),
        None => format!("write {}", listed(known.iter().copied())),
    };
    let sentence = match error {
        ConfigError::UnknownPolicy { name, .. } => format!("there is no policy `{name}`; {fix}"),
        ConfigError::UnknownOption { policy, option, .. } => format!("`{policy}` has no option `{option}`; {fix}"),
        ConfigError::BadOption { .. } => error.to_string(),
    };
    places.failure(&key, sentence).hint("`windtunnel policies` lists all with their options")
}
