//! Pods: tasks of several containers that are placed on one node as one, and live and die together.
//!
//! **Source.** Mesos' task groups (LAUNCH_GROUP) and Marathon's pods: what the containers ask is added up, and an offer
//! that has not all of it has room for none of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::synthetic::Wrong;
use crate::spec::quantity::{Cpu, Size};
use crate::spec::synthetic::{Container, Shape};
use crate::spec::workload::Workload;

/// The shape with what its containers ask in all, if it has any. The error is a key and a sentence.
pub(super) fn whole(shape: &Shape) -> Result<Cow<'_, Shape>, Wrong> {
    if shape.containers.is_empty() {
        return Ok(Cow::Borrowed(shape));
    }
    check(shape)?;
    let all = || shape.containers.iter();
    let add = |of: fn(&Container) -> u64| all().fold(0_u64, |sum, one| sum.saturating_add(of(one)));
    let sizes = |of: fn(&Container) -> Option<Size>| {
        all().filter_map(of).map(|size| size.0).reduce(u64::saturating_add).map(Size)
    };
    let mut lanes: BTreeMap<String, u64> = BTreeMap::new();
    for (lane, amount) in all().flat_map(|one| &one.lanes) {
        let sum = lanes.entry(lane.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
    let gpu = add(|one| one.gpu.map_or(0, |gpu| gpu.0));
    Ok(Cow::Owned(Shape {
        cpu: Cpu(add(|one| one.cpu.0)),
        memory: sizes(|one| one.memory),
        disk: sizes(|one| one.disk),
        gpu: (gpu > 0).then_some(Cpu(gpu)),
        lanes,
        ..shape.clone()
    }))
}

/// Whether the containers can be told apart, and alone say what is asked.
fn check(shape: &Shape) -> Result<(), Wrong> {
    let given = [
        ("cpu", shape.cpu.0 > 0),
        ("memory", shape.memory.is_some()),
        ("memory_per_cpu", !shape.memory_per_cpu.is_empty()),
        ("disk", shape.disk.is_some()),
        ("gpu", shape.gpu.is_some()),
        ("lanes", !shape.lanes.is_empty()),
    ];
    if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
        return Err((key.to_owned(), String::from("a pod asks for what its containers ask; take this out")));
    }
    let gpus = || shape.containers.iter().filter_map(|one| one.gpu).filter(|gpu| gpu.0 > 0);
    for (at, one) in shape.containers.iter().enumerate() {
        let fail = |key: &str, sentence: String| Err((format!("containers.{at}.{key}"), sentence));
        if one.name.is_empty() {
            return fail("name", String::from("a container needs a name; write one"));
        }
        if shape.containers[..at].iter().any(|other| other.name == one.name) {
            return fail("name", format!("two containers are called `{}`; rename one", one.name));
        }
        if one.gpu.is_some_and(|gpu| gpu.0 % 1000 != 0) && gpus().count() > 1 {
            let sentence = "a part of a gpu does not add up with others; give whole ones, or to one container alone";
            return fail("gpu", sentence.to_owned());
        }
    }
    Ok(())
}

/// Every shape of a workload that is generated, with its key.
pub(in crate::resolve) fn shapes(workload: &Workload) -> impl Iterator<Item = (String, &Shape)> {
    let keyed = |prefix: String, shapes: &'_ [Shape]| {
        (0..shapes.len()).map(|at| format!("{prefix}.shapes.{at}")).collect::<Vec<_>>()
    };
    workload.synthetic.iter().flat_map(move |made| {
        let own = keyed(String::from("synthetic"), &made.shapes).into_iter().zip(&made.shapes);
        let stages = made.dag.iter().enumerate().flat_map(move |(at, stage)| {
            keyed(format!("synthetic.dag.{at}"), &stage.shapes).into_iter().zip(&stage.shapes)
        });
        own.chain(stages)
    })
}
