//! `[[workload]]` to streams of jobs.

use std::sync::OnceLock;

use windtunnel_scheduler::event::{Loss, Retry};
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::partition::Terms;
use windtunnel_scheduler::resources::CPU;
use windtunnel_scheduler::{Span, Time};
use windtunnel_sim::experiment::{Rules, Start, Warm, Workload};
use windtunnel_sim::model::Checkpoint;
use windtunnel_traces::model::{Demands, Fleet};
use windtunnel_traces::read::{self, Format, Input, ReadOptions};
use windtunnel_traces::synthetic::{BadTerm, Law, SyntheticSpec, background};
use windtunnel_traces::transform::{
    Boxed, Demanding, Estimate, Lifetime, Limit, Ratio, Relabel, Requests, Resample, Scale, Sizing, Transform, Window,
};

use super::{Context, InputDigest};
use crate::failure::Failure;
use crate::spec::file::{InputFile, Paths};
use crate::spec::workload as spec;

mod course;
mod demand;
pub(super) mod pod;
mod requests;
mod service;
pub(super) mod synthetic;

pub(super) use demand::EFFECTS;

/// What a workload must know of the rest.
pub(super) struct Facts<'a> {
    pub position: usize,
    pub seed: u64,
    pub fleet: &'a Fleet,
    pub on_pool: bool,
    /// What it says of partitions and the like.
    pub terms: Terms,
}

/// A workload that can be opened, any number of times.
pub struct Plan {
    /// What it is called in messages.
    pub name: String,
    origin: Origin,
    transform: Transform,
    /// Windows of it, each a run of its own.
    pub windows: Option<spec::Windows>,
    start: Start,
    loss: Loss,
    terms: Terms,
    retry: Retry,
    max_unavailable: Option<u32>,
    checkpoint: Option<Checkpoint>,
    rules: Rules,
    position: u32,
    /// Which party hears of its jobs.
    pub party: PartyId,
    /// Whether something is demanded of the names of nodes.
    pub names_matter: bool,
    /// What is asked for instead of what was, and what that came to: known when it is first opened.
    sizings: Vec<Sizing>,
    sized: OnceLock<Requests>,
    /// The place of the workload in the scenario, for errors met on opening.
    place: String,
}

enum Origin {
    Trace { parts: Vec<Input>, format: String, options: Box<ReadOptions> },
    Synthetic { spec: Box<SyntheticSpec>, warm: Option<u32> },
}

impl Plan {
    /// Whether its arrivals end.
    #[must_use]
    pub fn ends(&self) -> bool {
        match &self.origin {
            Origin::Trace { .. } => true,
            Origin::Synthetic { spec, .. } => {
                let limit = self.transform.limit;
                spec.ends() || limit.jobs.is_some() || limit.to != Time::NEVER
            }
        }
    }

    /// Whether its services fail again and again: a run with them has no end of its own.
    #[must_use]
    pub fn fails_for_ever(&self) -> bool {
        let is_trace = matches!(self.origin, Origin::Trace { .. });
        self.rules.service.as_ref().is_some_and(|rules| rules.life.is_some() || is_trace && rules.delays.is_some())
    }

    /// Whether it has services, as far as that is known before it is opened.
    pub(super) fn has_services(&self) -> bool {
        self.synthetic().is_none_or(|spec| spec.kinds.iter().any(|(kind, _)| kind.is_kept_running()))
    }

    /// Its services are handed in when those of the workloads at these positions are ready.
    pub(super) fn set_needs(&mut self, needs: Vec<usize>) {
        if let Some(service) = &mut self.rules.service {
            service.needs = needs;
        }
    }

    /// What is demanded of the places of its tasks, beyond what each asks for itself.
    pub(super) fn demands(&self) -> Demands {
        self.transform.demands.clone()
    }

    /// Whether some of its tasks begin on nodes, whoever places the others.
    pub(super) fn begins_on_nodes(&self) -> bool {
        self.start == Start::Recorded || matches!(self.origin, Origin::Synthetic { warm: Some(_), .. })
    }

    /// What it is made of, if it is generated.
    #[must_use]
    pub fn synthetic(&self) -> Option<&SyntheticSpec> {
        match &self.origin {
            Origin::Trace { .. } => None,
            Origin::Synthetic { spec, .. } => Some(spec),
        }
    }

    /// Opens the files or begins the draws.
    ///
    /// # Errors
    /// If a file is not what it should be, or a number is out of range.
    pub fn open(&self, seed: u64) -> Result<Workload, Failure> {
        let first = self.windows.as_ref().map(|windows| windows.starts.as_ref().map_or(0, |starts| starts[0]));
        self.open_window(seed, first.unwrap_or(0))
    }

    /// What its tasks should have asked for: the trace is read once for that.
    fn requests(&self) -> Result<Requests, Failure> {
        let Origin::Trace { parts, format, options } = &self.origin else { return Ok(Requests::default()) };
        if self.sizings.is_empty() {
            return Ok(Requests::default());
        }
        if let Some(known) = self.sized.get() {
            return Ok(known.clone());
        }
        let source = read::open_jobs(parts.clone(), Some(format), options)?;
        let source = Box::new(read::Filled::new(source, parts.first().map_or("", Input::name)));
        // Classes are those that tasks are reported under.
        let relabel = Transform { relabel: self.transform.relabel.clone(), ..Transform::default() };
        let bad = |error: BadTerm| Failure::new(error.message).within(&self.place);
        let learned = Requests::learn(relabel.apply(source, 0, self.position).map_err(bad)?, &self.sizings)?;
        if learned.is_empty() {
            let sentence = "`requests`: the trace does not say what tasks use; take it out";
            return Err(Failure::new(sentence).within(&self.place));
        }
        Ok(self.sized.get_or_init(|| learned).clone())
    }

    /// The same for the window that begins at position `start`, if there are windows.
    ///
    /// # Errors
    /// If a file is not what it should be, or a number is out of range.
    pub fn open_window(&self, seed: u64, start: u64) -> Result<Workload, Failure> {
        let window = self.windows.as_ref().map(|windows| Window { start, jobs: windows.jobs });
        let transform = Transform { window, requests: self.requests()?, ..self.transform.clone() };
        let bad = |error: BadTerm| Failure::new(error.message).within(&self.place);
        let mut warm_up = None;
        let source: Boxed = match &self.origin {
            Origin::Trace { parts, format, options } => {
                let source = read::open_jobs(parts.clone(), Some(format), options)?;
                Box::new(read::Filled::new(source, parts.first().map_or("", Input::name)))
            }
            Origin::Synthetic { spec, warm } => {
                if let Some(permille) = *warm {
                    let background = background(spec, seed, self.position).map_err(bad)?;
                    let demands = self.transform.demands.clone();
                    let background = Box::new(Demanding::new(background, demands));
                    warm_up = Some(Warm { permille, background });
                }
                course::open(spec, seed, self.position).map_err(bad)?
            }
        };
        Ok(Workload {
            source: transform.apply(source, seed, self.position).map_err(bad)?,
            party: self.party,
            start: self.start,
            loss: self.loss,
            retry: self.retry,
            max_unavailable: self.max_unavailable,
            checkpoint: self.checkpoint,
            warm: warm_up,
            terms: self.terms,
            rules: self.rules.clone(),
        })
    }
}

/// Resolves one workload; writes what is found out into `written`.
pub(super) fn resolve(
    written: &mut spec::Workload,
    facts: &Facts<'_>,
    context: &mut Context<'_>,
) -> Result<Plan, Failure> {
    let key = format!("workload.{}", facts.position);
    let name = written.name.get_or_insert_with(|| format!("workload-{}", facts.position)).clone();
    let (demands, mut names_matter) = demand::resolve(written, &key, facts.fleet, context)?;
    let transform = Transform { demands, ..transform(written, &key, context)? };
    let loss = match written.on_loss {
        spec::OnLoss::Rerun | spec::OnLoss::Resume => Loss::Rerun,
        spec::OnLoss::Fail => Loss::Fail,
    };
    let (retry, checkpoint) = after_loss(written, &key, context)?;
    let start = match written.start {
        spec::StartAt::Submit => Start::Submit,
        spec::StartAt::Recorded => Start::Recorded,
    };
    let origin = match (&mut written.trace, &written.synthetic) {
        (Some(trace), None) => {
            let origin = from_trace(trace, &key, facts, context)?;
            // What the rows demand is not known before they are read.
            names_matter |= trace.format.as_deref() == Some("native");
            origin
        }
        (None, Some(generated)) => {
            check_synthetic(written, &key, context)?;
            let mut spec = synthetic::resolve(generated, &key, transform.estimate.clone(), facts, context)?;
            label(&mut spec, &written.role, &written.class, &name, &key, context)?;
            if let Some(priority) = written.priority {
                spec.priorities = vec![(priority, 1.0)];
            }
            names_matter |= course::shapes(&spec).any(|one| demand::names_matter(&one.constraints, &one.layout));
            let warm = synthetic::warm(generated, &key, facts, context)?;
            Origin::Synthetic { spec: Box::new(spec), warm }
        }
        (Some(_), Some(_)) | (None, None) => {
            let sentence = "exactly one of `trace` and `synthetic` is needed; give one";
            return Err(context.places.failure(&key, sentence));
        }
    };
    let rules = rules(written, &origin, &key, context)?;
    let mut transform = transform;
    if matches!(origin, Origin::Synthetic { .. }) {
        // The generator draws estimates itself, those of tasks that run already too.
        transform.estimate = Estimate::AsGiven;
    }
    let position = u32::try_from(facts.position)
        .map_err(|_| context.places.failure(&key, "there are too many workloads; give fewer"))?;
    let place = format!("{}: `{key}`", context.places.whereabouts(&key));
    Ok(Plan {
        name,
        origin,
        transform,
        windows: windows(written, &key, context)?,
        start,
        loss,
        terms: facts.terms,
        retry,
        max_unavailable: written.max_unavailable,
        checkpoint,
        rules,
        position,
        names_matter,
        party: PartyId::FIRST,
        sizings: requests::resolve(&written.requests, &key, context)?,
        sized: OnceLock::new(),
        place,
    })
}

/// What its jobs are held to besides.
fn rules(written: &spec::Workload, origin: &Origin, key: &str, context: &mut Context<'_>) -> Result<Rules, Failure> {
    let spec = match origin {
        Origin::Trace { .. } => None,
        Origin::Synthetic { spec, .. } => Some(&**spec),
    };
    if let Some(spec) = spec {
        course::check(written, spec, key, context)?;
    }
    Ok(Rules { service: service::resolve(written, spec, key, context)?, ..course::rules(written, spec) })
}

/// What only a trace can have.
fn check_synthetic(written: &spec::Workload, key: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    if written.start == spec::StartAt::Recorded {
        context.warn(format!("`{key}.start` has no effect: a synthetic workload has no recorded starts"));
    }
    if !written.requests.is_nothing() {
        let sentence = "a generator does not say what tasks use; give other shapes instead";
        return Err(context.places.failure(&format!("{key}.requests"), sentence));
    }
    if written.resample.is_some() {
        let sentence = "a synthetic workload is drawn anew for every seed; take it out";
        return Err(context.places.failure(&format!("{key}.resample"), sentence));
    }
    if matches!(written.lifetime, spec::Lifetime::Drawn(_)) {
        let sentence = "a synthetic workload has a `duration`; give that instead";
        return Err(context.places.failure(&format!("{key}.lifetime"), sentence));
    }
    Ok(())
}

/// How often and how soon a lost task is tried again, and what it saved until then.
fn after_loss(
    written: &spec::Workload,
    key: &str,
    context: &mut Context<'_>,
) -> Result<(Retry, Option<Checkpoint>), Failure> {
    let resumes = written.on_loss == spec::OnLoss::Resume;
    if written.on_loss == spec::OnLoss::Fail {
        for (name, given) in [("retries", written.retries.is_some()), ("backoff", written.backoff.is_some())] {
            if given {
                context.warn(format!("`{key}.{name}` has no effect: with `on_loss = \"fail\"` nothing is tried again"));
            }
        }
    }
    let retry = Retry {
        most: written.retries,
        pause: written.backoff.map_or(Span::ZERO, |backoff| backoff.first.span()),
        pause_most: written.backoff.map_or(Span::ZERO, |backoff| backoff.max.span()),
    };
    let checkpoint = match (resumes, written.checkpoint) {
        (true, None) => {
            let sentence = "\"resume\" needs a `checkpoint`; give checkpoint = { interval = \"30m\", cost = \"1m\" }";
            return Err(context.places.failure(&format!("{key}.on_loss"), sentence));
        }
        (false, Some(_)) => {
            context.warn(format!("`{key}.checkpoint` has no effect: give `on_loss = \"resume\"`"));
            None
        }
        (_, given) => given,
    };
    let checkpoint = checkpoint.map(|given| Checkpoint {
        interval: given.interval.span(),
        cost: given.cost.span(),
        restart: given.restart.span(),
    });
    if checkpoint.is_some_and(|checkpoint| checkpoint.interval == Span::ZERO) {
        let sentence = "a checkpoint every 0s never ends; write a longer time";
        return Err(context.places.failure(&format!("{key}.checkpoint.interval"), sentence));
    }
    Ok((retry, checkpoint))
}

/// Windows that hold something.
fn windows(written: &spec::Workload, key: &str, context: &Context<'_>) -> Result<Option<spec::Windows>, Failure> {
    let Some(windows) = &written.windows else { return Ok(None) };
    let refuse = |name: &str, sentence: &str| Err(context.places.failure(&format!("{key}.windows{name}"), sentence));
    if written.trace.is_none() {
        return refuse("", "windows are cut from a `trace`; a synthetic workload has none");
    }
    if windows.jobs == 0 {
        return refuse(".jobs", "a window without jobs is nothing; write a number above 0");
    }
    if windows.starts.as_ref().is_some_and(Vec::is_empty) {
        return refuse(".starts", "no window is named; write the position of at least one, or leave this key out");
    }
    Ok(Some(windows.clone()))
}

/// Puts the labels of the workload on what is generated: the class is its name unless something is said.
fn label(
    spec: &mut SyntheticSpec,
    role: &Option<String>,
    class: &Option<String>,
    name: &str,
    key: &str,
    context: &Context<'_>,
) -> Result<(), Failure> {
    for (word, listed, one, many) in
        [(role, &mut spec.roles, "role", "roles"), (class, &mut spec.classes, "class", "classes")]
    {
        match word {
            Some(_) if !listed.is_empty() => {
                let sentence = format!("`synthetic.{many}` is given too; keep one of them");
                return Err(context.places.failure(&format!("{key}.{one}"), sentence));
            }
            Some(word) => listed.push((word.clone(), 1.0)),
            None => {}
        }
    }
    if spec.classes.is_empty() {
        spec.classes.push((name.to_owned(), 1.0));
    }
    Ok(())
}

fn from_trace(
    trace: &mut spec::Trace,
    key: &str,
    facts: &Facts<'_>,
    context: &mut Context<'_>,
) -> Result<Origin, Failure> {
    let table = format!("{key}.trace");
    let found = super::paths::find(&trace.path, trace.digest.as_ref(), &table, context.base, context.places)?;
    let parts: Vec<Input> = found.iter().map(|file| Input::file(&file.path)).collect();
    let format = match (&trace.format, parts.first()) {
        (Some(name), _) => {
            read::format(name).map_err(|error| context.within(&format!("{table}.format"), error.into()))?
        }
        (None, Some(first)) => read::recognise_input(first).map_err(|error| context.within(&table, error.into()))?,
        (None, None) => return Err(context.places.failure(&table, "no file is named; give a `path`")),
    };
    warn_unused(trace, format, &table, context);
    let job_as = trace.job_as.unwrap_or(if facts.on_pool { spec::JobAs::Pool } else { spec::JobAs::Gang });
    // A default is written only where it has an effect, so that the resolved scenario gives no warning.
    if has_option(format, "job_as") {
        trace.job_as = Some(job_as);
    }
    if facts.on_pool && trace.max_processors.is_none() && has_option(format, "max_processors") {
        let milli = facts.fleet.nodes.first().map_or(0, |node| node.capacity[CPU]);
        trace.max_processors = Some(milli / 1000).filter(|&cores| cores > 0);
    }
    let jobs = beside(&mut trace.jobs, &table, "jobs", context)?;
    let usage = beside(&mut trace.usage, &table, "usage", context)?;
    let options = ReadOptions {
        jobs: jobs.filter(|_| has_option(format, "jobs")),
        usage: usage.filter(|_| has_option(format, "usage")),
        procs: match trace.procs {
            spec::Procs::Requested => read::Processors::Requested,
            spec::Procs::Allocated => read::Processors::Allocated,
            spec::Procs::Larger => read::Processors::Larger,
        },
        job_as: match job_as {
            spec::JobAs::Pool => read::JobAs::Pool,
            spec::JobAs::Gang => read::JobAs::Gang,
        },
        overrun: match trace.overrun {
            spec::Overrun::Clip => read::Overrun::Clip,
            spec::Overrun::Kill => read::Overrun::Kill,
            spec::Overrun::Extend => read::Overrun::Extend,
        },
        // Shifting comes after cutting, so the reader leaves the times alone.
        shift: false,
        on_bad_row: match trace.on_bad_row {
            spec::OnBadRow::Fail => read::OnBadRow::Fail,
            spec::OnBadRow::Skip => read::OnBadRow::Skip,
        },
        max_processors: trace.max_processors,
        lanes: facts.fleet.extra_lanes.clone(),
    };
    trace.format = Some(format.name().to_owned());
    trace.path = Paths(found.iter().map(|file| file.written.clone()).collect());
    trace.digest = Some(Paths(found.iter().map(|file| file.digest.clone()).collect()));
    let several = found.len() > 1;
    for (part, file) in found.iter().enumerate() {
        let key = if several { format!("{key}.{part}") } else { key.to_owned() };
        context.inputs.push(InputDigest { key, digest: file.digest.clone() });
    }
    Ok(Origin::Trace { parts, format: format.name().to_owned(), options: Box::new(options) })
}

/// A table that stands beside the one of the tasks.
fn beside(
    written: &mut Option<InputFile>,
    table: &str,
    name: &str,
    context: &mut Context<'_>,
) -> Result<Option<Input>, Failure> {
    let Some(file) = written else { return Ok(None) };
    let key = format!("{table}.{name}");
    if file.format.as_deref().is_some_and(|format| format != "native") {
        return Err(context.places.failure(&format!("{key}.format"), "only `native` has such a table; leave it out"));
    }
    let mut found = super::paths::find(&file.path, file.digest.as_ref(), &key, context.base, context.places)?;
    let (Some(one), true) = (found.pop(), found.is_empty()) else {
        return Err(context.places.failure(&format!("{key}.path"), "this table is one file; name one"));
    };
    *file = InputFile { format: None, path: Paths(vec![one.written]), digest: Some(Paths(vec![one.digest.clone()])) };
    context.inputs.push(InputDigest { key, digest: one.digest });
    Ok(Some(Input::file(&one.path)))
}

fn has_option(format: &dyn Format, name: &str) -> bool {
    format.options().iter().any(|option| option.name == name)
}

/// Says which options of the trace its format does not know.
fn warn_unused(trace: &spec::Trace, format: &dyn Format, table: &str, context: &mut Context<'_>) {
    let given = [
        ("procs", trace.procs != spec::Procs::default()),
        ("job_as", trace.job_as.is_some()),
        ("overrun", trace.overrun != spec::Overrun::default()),
        ("max_processors", trace.max_processors.is_some()),
        ("jobs", trace.jobs.is_some()),
        ("usage", trace.usage.is_some()),
    ];
    for (option, is_given) in given {
        if is_given && !has_option(format, option) {
            context.warn(format!("`{table}.{option}` has no effect on the format {}", format.name()));
        }
    }
}

fn transform(written: &spec::Workload, key: &str, context: &Context<'_>) -> Result<Transform, Failure> {
    let limit = written.limit;
    if let (Some(from), Some(to)) = (limit.from, limit.to)
        && from >= to
    {
        let sentence = format!("{to} is not after {from}; write a later instant");
        return Err(context.places.failure(&format!("{key}.limit.to"), sentence));
    }
    let ratio = |name: &str, value: f64| {
        Ratio::new(value).ok_or_else(|| {
            let sentence = format!("{value} is no factor; write a number from 1e-9 to 1e9");
            context.places.failure(&format!("{key}.{name}"), sentence)
        })
    };
    Ok(Transform {
        limit: Limit {
            jobs: limit.jobs,
            from: limit.from.map_or(Time::ZERO, |from| Time(from.0)),
            to: limit.to.map_or(Time::NEVER, |to| Time(to.0)),
        },
        window: None,
        shift: written.trace.as_ref().is_some_and(|trace| trace.shift),
        resample: written.resample.map(|how| match how {
            spec::Resample::Jobs => Resample::Jobs,
            spec::Resample::Blocks => Resample::Blocks,
        }),
        scale: Scale {
            load: ratio("scale.load", written.scale.load)?,
            arrivals: ratio("scale.arrivals", written.scale.arrivals)?,
            time: ratio("scale.time", written.scale.time)?,
        },
        lifetime: match &written.lifetime {
            spec::Lifetime::Trace => Lifetime::Trace,
            spec::Lifetime::Forever => Lifetime::Forever,
            spec::Lifetime::Drawn(generator) => {
                let law: Law = synthetic::duration(generator, &format!("{key}.lifetime"), context)?;
                Lifetime::Law(law)
            }
        },
        estimate: estimate(&written.estimate, key, context)?,
        relabel: match &written.trace {
            Some(_) => Relabel {
                role: written.role.clone(),
                class: written.class.clone(),
                priority: written.priority,
                ..Relabel::default()
            },
            // What is generated gets its labels where it is made.
            None => Relabel::default(),
        },
        demands: Demands::default(),
        requests: Requests::default(),
    })
}

fn estimate(written: &spec::Estimate, key: &str, context: &Context<'_>) -> Result<Estimate, Failure> {
    let change = match written {
        spec::Estimate::Trace => return Ok(Estimate::AsGiven),
        spec::Estimate::Actual => return Ok(Estimate::Actual),
        spec::Estimate::None => return Ok(Estimate::None),
        spec::Estimate::Changed(change) => change,
    };
    let key = format!("{key}.estimate");
    let estimate = match (change.factor.is_some() || change.add.is_some(), change.uniform, &change.modal) {
        (true, None, None) => {
            let factor = change.factor.unwrap_or(1.0);
            let factor = Ratio::new(factor).ok_or_else(|| {
                let sentence = format!("{factor} is no factor; write a number from 1e-9 to 1e9");
                context.places.failure(&format!("{key}.factor"), sentence)
            })?;
            Estimate::Factor { factor, add: change.add.map_or(windtunnel_scheduler::Span::ZERO, |add| add.span()) }
        }
        (false, Some(between), None) => Estimate::Uniform { from: between.from, to: between.to },
        (false, None, Some(values)) => Estimate::Modal(values.iter().map(|value| value.span()).collect()),
        _ => {
            let sentence = "give `factor` and `add`, or `uniform`, or `modal`";
            return Err(context.places.failure(&key, sentence));
        }
    };
    estimate.check().map_err(|error| context.places.failure(&key, error.message))?;
    Ok(estimate)
}

#[cfg(test)]
mod tests;
