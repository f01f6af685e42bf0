//! `[model] launch` and `decision_time`: bytes, layers and costs.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Instant;

use windtunnel_scheduler::Span;
use windtunnel_sim::launch;
use windtunnel_sim::model::DecisionTime;

use super::super::Context;
use super::super::workload::{pod, synthetic::duration};
use crate::failure::{Failure, listed, nearest};
use crate::spec::Scenario;
use crate::spec::model::Launch;
use crate::spec::quantity::Size;
use crate::spec::scheduler as spec;
use crate::spec::takes::Takes;

pub(super) fn resolve(scenario: &Scenario, context: &mut Context<'_>) -> Result<Option<launch::Launch>, Failure> {
    let Some(written) = &scenario.model.launch else {
        if let Some(at) = scenario.workload.iter().position(|workload| workload.image.is_some()) {
            context.warn(format!("`workload.{at}.image` has no effect: there is no [model.launch]"));
        }
        if let Some(key) = images_of_pods(scenario).next() {
            context.warn(format!("`{key}` has no effect: there is no [model.launch]"));
        }
        return Ok(None);
    };
    let start = match &written.start {
        None => None,
        Some(Takes::Bare(fixed)) if fixed.0 == 0 => None,
        Some(Takes::Bare(fixed)) => Some(duration(&super::bare("constant", *fixed), "model.launch.start", context)?),
        Some(Takes::Law(law)) => Some(duration(law, "model.launch.start", context)?),
    };
    if written.fails.share() >= 1.0 {
        return Err(context.places.failure("model.launch.fails", "nothing would ever start; write less than 100%"));
    }
    let mut names: BTreeMap<&str, (u32, Size)> = BTreeMap::new();
    let (mut layers, mut images) = (Vec::new(), Vec::new());
    for (image, written) in &written.images {
        let mut of_image = Vec::new();
        for (layer, size) in written {
            let known = *names.entry(layer).or_insert_with(|| {
                layers.push(size.0);
                (layers.len() as u32 - 1, *size)
            });
            if known.1 != *size {
                let sentence = format!("layer `{layer}` is {size} here and {} elsewhere; rename one", known.1);
                return Err(context.places.failure(&format!("model.launch.images.{image}.{layer}"), sentence));
            }
            of_image.push(known.0);
        }
        images.push(of_image);
    }
    let mut of_workload = Vec::new();
    for at in 0..scenario.workload.len() {
        let of_pods = pulled(scenario, at, written, context)?;
        of_workload.push(match of_pods.as_slice() {
            [] => None,
            [one] => Some(*one as u32),
            several => {
                // What is missing of several images is what is missing of all their layers.
                let mut all: Vec<u32> = several.iter().flat_map(|&one| images[one].iter().copied()).collect();
                all.sort_unstable();
                all.dedup();
                images.push(all);
                Some(images.len() as u32 - 1)
            }
        });
    }
    let bytes = |size: Option<Size>| size.map_or(0, |size| size.0);
    Ok(Some(launch::Launch {
        start,
        slots: written.slots,
        registry: bytes(written.registry_per_second),
        downlink: bytes(written.node_per_second),
        unpack: bytes(written.unpack_per_second),
        cache: bytes(written.cache),
        health: written.health.span(),
        fails: written.fails.share(),
        layers,
        images,
        warm: written.warm,
        of_workload,
    }))
}

/// The keys of all images of containers.
fn images_of_pods(scenario: &Scenario) -> impl Iterator<Item = String> {
    scenario.workload.iter().enumerate().flat_map(|(at, workload)| {
        pod::shapes(workload).flat_map(move |(key, shape)| {
            let with = shape.containers.iter().enumerate().filter(|(_, one)| one.image.is_some());
            with.map(move |(place, _)| format!("workload.{at}.{key}.containers.{place}.image")).collect::<Vec<_>>()
        })
    })
}

/// The positions of the images that the tasks of a workload pull, ascending: that of the workload, or those of the
/// containers of its pods.
fn pulled(scenario: &Scenario, at: usize, launch: &Launch, context: &Context<'_>) -> Result<Vec<usize>, Failure> {
    let workload = &scenario.workload[at];
    let known = || launch.images.keys().map(String::as_str);
    let find = |image: &str, key: &str| {
        known().position(|name| name == image).ok_or_else(|| {
            let fix = match nearest(image, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if launch.images.is_empty() => String::from("give it in [model.launch.images]"),
                None => format!("write {}", listed(known())),
            };
            context.places.failure(&format!("workload.{at}.{key}"), format!("no image is called `{image}`; {fix}"))
        })
    };
    let own = workload.image.as_deref().map(|image| find(image, "image")).transpose()?;
    let mut pulled: Option<Vec<usize>> = None;
    for (key, shape) in pod::shapes(workload) {
        let mut images = Vec::new();
        for (place, one) in shape.containers.iter().enumerate() {
            let Some(image) = &one.image else { continue };
            let key = format!("{key}.containers.{place}.image");
            if own.is_some() {
                let sentence = "the workload has an `image` too; keep one of them";
                return Err(context.places.failure(&format!("workload.{at}.{key}"), sentence));
            }
            images.push(find(image, &key)?);
        }
        images.sort_unstable();
        images.dedup();
        if pulled.as_ref().is_some_and(|pulled| *pulled != images) {
            let sentence = "all tasks of a workload run the same images; make another workload of these";
            return Err(context.places.failure(&format!("workload.{at}.{key}"), sentence));
        }
        pulled = Some(images);
    }
    Ok(own.map_or_else(|| pulled.unwrap_or_default(), |own| vec![own]))
}

/// What a call of the scheduler costs in simulated time.
pub(super) fn decision_time(scenario: &Scenario, context: &mut Context<'_>) -> DecisionTime {
    let cost = scenario.model.decision_cost;
    if cost.is_some() && scenario.model.decision_time != spec::DecisionTime::Modelled {
        context.warn(String::from("`model.decision_cost` has no effect: give `decision_time = \"modelled\"`"));
    }
    match scenario.model.decision_time {
        spec::DecisionTime::None => DecisionTime::None,
        spec::DecisionTime::Modelled => {
            let cost = cost.unwrap_or_default();
            let (run, job, task, node) = (cost.run.span(), cost.job.span(), cost.task.span(), cost.node.span());
            DecisionTime::Modelled { run, job, task, node }
        }
        spec::DecisionTime::Measured => {
            context.warn(String::from("decision time is measured on this machine: the run cannot be repeated"));
            DecisionTime::Measured(lap)
        }
    }
}

/// Time that passed on this machine since it was first asked.
fn lap() -> Span {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = *BEGIN.get_or_init(Instant::now);
    Span(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX))
}
