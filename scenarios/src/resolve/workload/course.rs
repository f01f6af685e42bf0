//! Jobs by the clock, jobs that wait for others, tasks that are tried again.

use windtunnel_scheduler::Span;
use windtunnel_scheduler::event::Retry;
use windtunnel_sim::experiment::{Failures, Rules, Schedule};
use windtunnel_traces::model::Fleet;
use windtunnel_traces::synthetic::{Arrivals, BadTerm, Graphs, Schedules, Shape, StageSpec, Synthetic, SyntheticSpec};
use windtunnel_traces::transform::Boxed;

use super::super::Context;
use super::synthetic;
use crate::failure::{Failure, nearest};
use crate::spec::course::{Concurrency, Stage};
use crate::spec::synthetic as spec;
use crate::spec::workload::{Limit, Workload};

/// When jobs arrive: by a law, or by the clock.
pub(super) fn arrivals(
    written: &spec::Synthetic,
    key: &str,
    context: &Context<'_>,
) -> Result<(Arrivals, Option<Schedules>), Failure> {
    match (&written.arrivals, &written.cron) {
        (Some(law), None) => Ok((synthetic::arrivals(law, &format!("{key}.arrivals"), context)?, None)),
        (None, Some(cron)) => {
            let bad = |error: BadTerm| context.places.failure(&format!("{key}.cron.{}", error.key), error.message);
            let schedules = Schedules::new(cron.every.span(), cron.schedules, cron.spread.span()).map_err(bad)?;
            Ok((schedules.into(), Some(schedules)))
        }
        _ => {
            let sentence = "exactly one of `arrivals` and `cron` is needed; give one";
            Err(context.places.failure(key, sentence))
        }
    }
}

/// How many jobs there are at most.
pub(super) fn jobs(written: &spec::Synthetic, key: &str, context: &Context<'_>) -> Result<Option<u64>, Failure> {
    let Some(cron) = &written.cron else { return Ok(written.jobs) };
    match (cron.times, written.jobs) {
        (Some(0), _) => {
            let sentence = "a schedule without runs is nothing; write a number above 0";
            Err(context.places.failure(&format!("{key}.cron.times"), sentence))
        }
        (Some(_), Some(_)) => {
            let sentence = "`jobs` is given too; keep one of them";
            Err(context.places.failure(&format!("{key}.cron.times"), sentence))
        }
        (Some(times), None) => Ok(Some(u64::from(times) * u64::from(cron.schedules))),
        (None, jobs) => Ok(jobs),
    }
}

/// The stages of a graph; `base` says what they do not.
pub(super) fn stages(
    written: &spec::Synthetic,
    base: &SyntheticSpec,
    key: &str,
    fleet: &Fleet,
    context: &Context<'_>,
) -> Result<Vec<StageSpec>, Failure> {
    let one = |(at, stage): (usize, &Stage)| {
        let key = format!("{key}.dag.{at}");
        let known: Vec<&str> = written.dag[..at].iter().map(|stage| stage.name.as_str()).collect();
        let fail = |inner: &str, sentence: String| Err(context.places.failure(&format!("{key}.{inner}"), sentence));
        if stage.name.is_empty() || stage.name.contains(['/', '.']) || stage.name.contains(char::is_whitespace) {
            return fail("name", format!("`{}` is no name for a stage; write a word such as \"extract\"", stage.name));
        }
        if known.contains(&stage.name.as_str()) {
            return fail("name", format!("two stages are called `{}`; rename one", stage.name));
        }
        let mut after = Vec::new();
        for name in &stage.after {
            match known.iter().position(|known| known == name) {
                Some(place) => after.push(place as u32),
                None if written.dag.iter().any(|stage| stage.name == *name) => {
                    return fail("after", format!("`{name}` does not stand before `{}`; list it first", stage.name));
                }
                None => {
                    let fix = match nearest(name, written.dag.iter().map(|stage| stage.name.as_str())) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => String::from("name one that is listed before"),
                    };
                    return fail("after", format!("there is no stage `{name}`; {fix}"));
                }
            }
        }
        let mut jobs = SyntheticSpec { stages: Vec::new(), ..base.clone() };
        if let Some(kind) = stage.kind {
            jobs.kinds = vec![(synthetic::job_kind(kind), 1.0)];
        }
        if let Some(size) = &stage.size {
            jobs.sizes = synthetic::sizes(size);
        }
        if let Some(law) = &stage.duration {
            jobs.duration = synthetic::duration(law, &format!("{key}.duration"), context)?;
        }
        if !stage.shapes.is_empty() {
            jobs.shapes = synthetic::shapes(&stage.shapes, &key, fleet, context)?;
        }
        if let Some(fails) = stage.fails {
            jobs.fails = fails.share();
        }
        check_ends(&jobs, &key, if stage.kind.is_some() { "kind" } else { "name" }, context)?;
        Ok(StageSpec { name: stage.name.clone(), after, jobs })
    };
    written.dag.iter().enumerate().map(one).collect()
}

/// Runs of schedules and stages of graphs come to an end.
fn check_ends(spec: &SyntheticSpec, key: &str, inner: &str, context: &Context<'_>) -> Result<(), Failure> {
    match spec.kinds.iter().any(|(kind, weight)| kind.is_kept_running() && *weight > 0.0) {
        false => Ok(()),
        true => {
            let sentence = "services and daemons never end, which runs of a schedule and stages of a graph have to; \
                            take batch or gang";
            Err(context.places.failure(&format!("{key}.{inner}"), sentence))
        }
    }
}

/// What cannot stand beside schedules and graphs.
pub(super) fn check(
    workload: &Workload,
    spec: &SyntheticSpec,
    key: &str,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let Some(written) = &workload.synthetic else { return Ok(()) };
    let inner = format!("{key}.synthetic");
    if workload.on_failure.is_some() && spec.fails == 0.0 && spec.stages.iter().all(|stage| stage.jobs.fails == 0.0) {
        context.warn(format!("`{key}.on_failure` has no effect: nothing fails; give `synthetic.fails`"));
    }
    match (&written.cron, written.dag.is_empty()) {
        (None, true) => return Ok(()),
        (Some(_), true) => return check_ends(spec, &inner, "kinds", context),
        (Some(_), false) => {
            let sentence =
                "stages of a graph are no runs of a schedule; give arrivals = { constant = \"1/h\" } instead";
            return Err(context.places.failure(&format!("{inner}.cron"), sentence));
        }
        (None, false) => {}
    }
    let limited = workload.limit != Limit::default();
    for (is_given, name) in [(limited, "limit"), (written.tasks.is_some(), "synthetic.tasks")] {
        if is_given {
            let sentence = "graphs are not cut job by job; give `synthetic.jobs` or `synthetic.until` instead";
            return Err(context.places.failure(&format!("{key}.{name}"), sentence));
        }
    }
    Ok(())
}

/// What the jobs of a workload are held to besides.
pub(super) fn rules(workload: &Workload, spec: Option<&SyntheticSpec>) -> Rules {
    let schedule = workload.synthetic.as_ref().and_then(|written| written.cron).map(|cron| Schedule {
        overlaps: cron.concurrency == Concurrency::Allow,
        deadline: cron.starting_deadline.map(|deadline| deadline.span()),
    });
    let shares = |spec: &SyntheticSpec| match spec.stages.as_slice() {
        [] => vec![spec.fails],
        stages => stages.iter().map(|stage| stage.jobs.fails).collect(),
    };
    let failures = workload.on_failure.map(|given| Failures {
        retry: Retry {
            most: Some(given.retries),
            pause: given.backoff.map_or(Span::ZERO, |backoff| backoff.first.span()),
            pause_most: given.backoff.map_or(Span::ZERO, |backoff| backoff.max.span()),
        },
        shares: spec.map_or_else(Vec::new, shares),
    });
    Rules { schedule, failures, service: None }
}

/// Everything that tasks of a workload may ask for.
pub(super) fn shapes(spec: &SyntheticSpec) -> impl Iterator<Item = &Shape> {
    spec.shapes.iter().chain(spec.stages.iter().flat_map(|stage| &stage.jobs.shapes))
}

/// Opens a generated workload.
pub(super) fn open(spec: &SyntheticSpec, seed: u64, workload: u32) -> Result<Boxed, BadTerm> {
    Ok(match spec.stages.is_empty() {
        true => Box::new(Synthetic::new(spec, seed, workload)?),
        false => Box::new(Graphs::new(spec, seed, workload)?),
    })
}
