//! `[workload.synthetic]` to the generator's own words.

use std::collections::BTreeMap;

use windtunnel_scheduler::Time;
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::{GpuRequest, JobKind};
use windtunnel_scheduler::resources::{CPU, DISK, MEMORY, Resources, STANDARD_LANES};
use windtunnel_traces::model::Fleet;
use windtunnel_traces::synthetic::{
    Arrivals, BadTerm, Choosable, Family, Generator as Known, Law, Runs, Shape, Sizes, SyntheticSpec, Terms, Unit,
    Value, generator,
};
use windtunnel_traces::transform::Estimate;

use super::super::Context;
use super::Facts;
use crate::failure::{Failure, nearest};
use crate::spec::generator::{Generator, Given, Term};
use crate::spec::quantity::{Cpu, Duration, Rate, Size};
use crate::spec::synthetic as spec;

/// Resolves the table at `<key>.synthetic`.
pub(super) fn resolve(
    written: &spec::Synthetic,
    key: &str,
    estimate: Estimate,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<SyntheticSpec, Failure> {
    let key = format!("{key}.synthetic");
    let (arrivals, schedules) = super::course::arrivals(written, &key, context)?;
    let duration = duration(&written.duration, &format!("{key}.duration"), context)?;
    let shapes = match (&written.family, written.shapes.is_empty()) {
        (None, false) => shapes(&written.shapes, &key, facts.fleet, context)?,
        (Some(family), true) => family_shapes(family, facts)
            .map_err(|error| context.places.failure(&format!("{key}.family.{}", error.key), error.message))?,
        _ => {
            let sentence = "exactly one of `shapes` and `family` is needed; give one";
            return Err(context.places.failure(&key, sentence));
        }
    };
    let weighted = |words: &BTreeMap<String, f64>| words.iter().map(|(word, weight)| (word.clone(), *weight)).collect();
    let spec = SyntheticSpec {
        start: Time(written.start.0),
        until: written.until.map_or(Time::NEVER, |until| Time(until.0)),
        jobs: super::course::jobs(written, &key, context)?,
        tasks: written.tasks,
        runs: match written.runs {
            spec::Runs::PerTask => Runs::PerTask,
            spec::Runs::PerJob => Runs::PerJob,
        },
        sizes: sizes(&written.size),
        replicas: written.replicas.as_ref().map(sizes),
        kinds: written.kinds.iter().map(|(kind, weight)| (job_kind(*kind), *weight)).collect(),
        priorities: written.priorities.iter().map(|one| (one.priority, one.weight)).collect(),
        roles: weighted(&written.roles),
        users: weighted(&written.users),
        classes: weighted(&written.classes),
        estimate,
        fails: written.fails.share(),
        schedules,
        ..SyntheticSpec::new(arrivals, duration, shapes)
    };
    let stages = super::course::stages(written, &spec, &key, facts.fleet, context)?;
    let spec = SyntheticSpec { stages, ..spec };
    // Checks everything that no single key shows.
    spec.mean_request().map_err(|error| context.places.failure(&format!("{key}.{}", error.key), error.message))?;
    super::course::open(&spec, facts.seed, 0)
        .map_err(|error| context.places.failure(&format!("{key}.{}", error.key), error.message))?;
    Ok(spec)
}

/// The share of the fleet to fill before the run begins, in thousandths.
pub(super) fn warm(
    written: &spec::Synthetic,
    key: &str,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<Option<u32>, Failure> {
    let Some(share) = written.warm else { return Ok(None) };
    let key = format!("{key}.synthetic.warm");
    if facts.fleet.lanes & (1 << CPU) == 0 {
        return Err(context.places.failure(&key, "the fleet names no `cpu` to fill; give it or take this out"));
    }
    match u32::try_from(share.permille()).ok().filter(|permille| (1..=1000).contains(permille)) {
        Some(permille) => Ok(Some(permille)),
        None => Err(context.places.failure(&key, format!("{share} is no share to fill; write 0.1% to 100%"))),
    }
}

pub(super) fn job_kind(kind: spec::Kind) -> JobKind {
    match kind {
        spec::Kind::Batch => JobKind::Batch,
        spec::Kind::Gang => JobKind::Gang,
        spec::Kind::Service => JobKind::Service,
        spec::Kind::Daemon => JobKind::Daemon,
    }
}

pub(super) fn sizes(written: &spec::Sizes) -> Sizes {
    match written {
        spec::Sizes::Constant(count) => Sizes::Constant(*count),
        spec::Sizes::Uniform { min, max } => Sizes::Uniform { min: *min, max: *max },
        spec::Sizes::Geometric { mean, max } => Sizes::Geometric { mean: *mean, max: max.unwrap_or(u32::MAX) },
        spec::Sizes::Listed(list) => Sizes::Listed(list.iter().map(|one| (one.tasks, one.weight)).collect()),
    }
}

/// A law of arrivals.
pub(super) fn arrivals(written: &Generator, key: &str, context: &Context<'_>) -> Result<Arrivals, Failure> {
    let known = known("arrivals", written, key, context)?;
    let terms = terms((known.name, known.bare, known.options), written, key, context)?;
    known.arrivals(&terms).map_err(|error| bad_term(written, key, &error, context))
}

/// A law of durations.
pub(in crate::resolve) fn duration(written: &Generator, key: &str, context: &Context<'_>) -> Result<Law, Failure> {
    let known = known("duration", written, key, context)?;
    let terms = terms((known.name, known.bare, known.options), written, key, context)?;
    known.duration(&terms).map_err(|error| bad_term(written, key, &error, context))
}

fn known(sort: &str, written: &Generator, key: &str, context: &Context<'_>) -> Result<&'static Known, Failure> {
    generator(sort, &written.name).map_err(|error| {
        let near = nearest(&written.name, windtunnel_traces::synthetic::names(sort));
        let sentence = match near {
            Some(near) => format!("no law of {sort} is called `{}`; did you mean `{near}`?", written.name),
            None => error.message,
        };
        context.places.failure(&format!("{key}.{}", written.name), sentence)
    })
}

pub(in crate::resolve) fn bad_term(written: &Generator, key: &str, error: &BadTerm, context: &Context<'_>) -> Failure {
    context.places.failure(&format!("{key}.{}.{}", written.name, error.key), &error.message)
}

/// Reads the units of what was given to a generator: its name, the option that a bare value sets, and all options.
pub(in crate::resolve) fn terms(
    (name, bare, options): (&str, &str, &[Choosable]),
    written: &Generator,
    key: &str,
    context: &Context<'_>,
) -> Result<Terms, Failure> {
    let key = format!("{key}.{}", written.name);
    let given: Vec<(&str, &Term)> = match &written.terms {
        Given::First(_) if bare.is_empty() => {
            let options: Vec<&str> = options.iter().map(|option| option.name).collect();
            let sentence = format!("`{name}` takes a table; write {{ {} = .. }}", options.join(" = .., "));
            return Err(context.places.failure(&key, sentence));
        }
        Given::First(term) => vec![(bare, term)],
        Given::Named(terms) => terms.iter().map(|(name, term)| (name.as_str(), term)).collect(),
    };
    let mut terms = Terms::new();
    for (name, term) in given {
        // An unknown option keeps whatever it was given: the generator refuses it by name.
        let unit = options.iter().find(|option| option.name == name).map_or(Unit::Number, |option| option.unit);
        let is_known = options.iter().any(|option| option.name == name);
        let value = match value(unit, term) {
            Err(_) if !is_known => Value::Number(0.0),
            Err(sentence) => return Err(context.places.failure(&format!("{key}.{name}"), sentence)),
            Ok(value) => value,
        };
        terms.set(name, value);
    }
    Ok(terms)
}

/// One value by its unit; the error is a sentence.
fn value(unit: Unit, term: &Term) -> Result<Value, String> {
    let wrong = || format!("not {0}; write {0}", unit.example());
    let span = |term: &Term| match term {
        Term::Text(text) => text.parse::<Duration>().map(Duration::span),
        _ => Err(wrong()),
    };
    let number = |term: &Term| match term {
        Term::Number(number) => Ok(*number),
        _ => Err(wrong()),
    };
    match (unit, term) {
        (Unit::Number, term) => number(term).map(Value::Number),
        (Unit::Span, term) => span(term).map(Value::Span),
        (Unit::Rate, Term::Text(text)) => text.parse::<Rate>().map(|rate| Value::Rate(rate.per_second())),
        (Unit::Numbers, Term::List(list)) => list.iter().map(number).collect::<Result<_, _>>().map(Value::Numbers),
        (Unit::Spans, Term::List(list)) => list.iter().map(span).collect::<Result<_, _>>().map(Value::Spans),
        (Unit::Rate | Unit::Numbers | Unit::Spans, _) => Err(wrong()),
    }
}

pub(super) fn shapes(
    written: &[spec::Shape],
    key: &str,
    fleet: &Fleet,
    context: &Context<'_>,
) -> Result<Vec<Shape>, Failure> {
    let mut shapes = Vec::new();
    for (position, one) in written.iter().enumerate() {
        let key = format!("{key}.shapes.{position}");
        let fail = |(inner, sentence): (String, String)| context.places.failure(&format!("{key}.{inner}"), sentence);
        let one = &*super::pod::whole(one).map_err(fail)?;
        let demanded = super::demand::terms(&one.constraints, &format!("{key}.constraints"), context)?;
        let mut base = shape(one, fleet).map_err(fail)?;
        base.constraints.extend(demanded.constraints);
        base.layout = demanded.layout;
        match (one.memory, one.memory_per_cpu.as_slice()) {
            (Some(_), [_, ..]) => {
                let sentence = String::from("`memory` is given too; keep one of them");
                return Err(fail((String::from("memory_per_cpu"), sentence)));
            }
            (_, []) => shapes.push(base),
            (None, amounts) => {
                for amount in amounts {
                    let bytes = u128::from(amount.0) * u128::from(one.cpu.0);
                    let mut one = base.clone();
                    one.weight /= amounts.len() as f64;
                    one.request[MEMORY] = lane("memory_per_cpu", bytes.div_ceil(1000 << 20)).map_err(fail)?;
                    shapes.push(one);
                }
            }
        }
    }
    Ok(shapes)
}

/// Key and sentence of what is wrong.
pub(super) type Wrong = (String, String);

fn lane(key: &str, amount: u128) -> Result<u32, Wrong> {
    u32::try_from(amount).map_err(|_| (key.to_owned(), String::from("too large for one task; give less")))
}

fn shape(written: &spec::Shape, fleet: &Fleet) -> Result<Shape, Wrong> {
    let mut request = Resources::ZERO;
    request[CPU] = lane("cpu", written.cpu.0.into())?;
    request[MEMORY] = lane("memory", written.memory.map_or(0, Size::mib_up).into())?;
    request[DISK] = lane("disk", written.disk.map_or(0, Size::mib_up).into())?;
    for (name, amount) in &written.lanes {
        let key = format!("lanes.{name}");
        let Some(at) = fleet.extra_lanes.iter().position(|lane| lane == name) else {
            return Err((key, String::from("no node has this lane; name it in the fleet or take it out")));
        };
        request[STANDARD_LANES.len() + at] = lane(&key, (*amount).into())?;
    }
    let constraint = |(attribute, value): (&String, &String)| Constraint {
        attribute: attribute.clone(),
        condition: Condition::In(vec![value.clone()]),
    };
    Ok(Shape {
        gpu: gpu(written.gpu.unwrap_or_default())?,
        gpu_models: written.gpu_models.clone(),
        weight: written.weight,
        constraints: written.attributes.iter().map(constraint).collect(),
        constrained: written.constrained.share(),
        ..Shape::new(request)
    })
}

/// Whole devices, or a part of one.
fn gpu(devices: Cpu) -> Result<GpuRequest, Wrong> {
    let wrong =
        || (String::from("gpu"), String::from("a task takes a part of one gpu or up to 64 whole ones; write that"));
    match (devices.0 / 1000, devices.0 % 1000) {
        (0, 0) => Ok(GpuRequest::default()),
        (0, part) => Ok(GpuRequest { count: 1, milli: u16::try_from(part).map_err(|_| wrong())? }),
        (whole, 0) => {
            let count = u8::try_from(whole).ok().filter(|&count| count <= 64).ok_or_else(wrong)?;
            Ok(GpuRequest { count, milli: 1000 })
        }
        _ => Err(wrong()),
    }
}

fn family_shapes(written: &spec::Family, facts: &Facts<'_>) -> Result<Vec<Shape>, BadTerm> {
    let mib = |key: &str, size: Size| {
        u32::try_from(size.mib_up())
            .map_err(|_| BadTerm { key: key.into(), message: format!("`{key}` is too large for one task; give less") })
    };
    let equal = |key: &str, list: &[Size]| -> Result<Vec<(u32, f64)>, BadTerm> {
        list.iter().map(|&size| Ok((mib(key, size)?, 1.0))).collect()
    };
    let family = Family {
        distinct: written.distinct,
        cpu_step_milli: u32::try_from(written.cpu_step.0).unwrap_or(u32::MAX),
        cpu_steps: sizes(&written.cpu_steps),
        memory_per_core_mib: equal("memory_per_cpu", &written.memory_per_cpu)?,
        memory_step_mib: mib("memory_step", written.memory_step)?,
        memory_spread: written.memory_spread.share(),
        disk_mib: equal("disk", &written.disk)?,
        gpus: Vec::new(),
        lanes: written
            .lanes
            .iter()
            .map(|(name, amounts)| own_lane(name, amounts, facts.fleet))
            .collect::<Result<_, _>>()?,
        demands: written.attributes.iter().map(|(name, values)| (name.clone(), values.clone())).collect(),
        constrained: written.constrained.share(),
    };
    family.shapes(facts.seed)
}

/// Amounts in a lane that the fleet names.
fn own_lane(name: &str, amounts: &[u32], fleet: &Fleet) -> Result<(usize, Vec<(u32, f64)>), BadTerm> {
    let found = fleet.extra_lanes.iter().position(|known| known == name);
    let at = found.ok_or_else(|| BadTerm {
        key: format!("lanes.{name}"),
        message: format!("no node of the fleet has a lane `{name}`; name it in [[fleet.group]] lanes"),
    })?;
    Ok((STANDARD_LANES.len() + at, amounts.iter().map(|&amount| (amount, 1.0)).collect()))
}
