//! Bin packing with the integers inside: Falkenauer's instances through the one door of the core. It stands here rather
//! than beside the policies, since the core cannot read a file even in its tests.

use std::collections::BTreeSet;
use std::path::PathBuf;

use windtunnel_scheduler::event::{JobSpec, NodeSpec};
use windtunnel_scheduler::id::{JobId, NodeId, RoleId, TaskId};

use super::*;

/// A file of the data folder, None (with a word on it) where there is no such folder.
fn data(path: &str) -> Option<String> {
    let folder = std::env::var_os("WINDTUNNEL_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = folder.join(path);
    if file.exists() {
        return Some(std::fs::read_to_string(&file).expect("the file can be read"));
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} must be there", file.display());
    println!("skipped: {} is not there", file.display());
    None
}

/// One instance: how large a bin is, and the items in file order.
struct Instance {
    name: String,
    bin: u32,
    items: Vec<u32>,
}

/// `count; name; capacity n best; items`.
fn instances(text: &str) -> Vec<Instance> {
    let mut words = text.split_whitespace();
    let mut next = move || words.next().expect("the file goes on");
    let count: usize = next().parse().expect("a count");
    (0..count)
        .map(|_| {
            let name = next().to_owned();
            let bin = next().parse().expect("a capacity");
            let items: usize = next().parse().expect("a number of items");
            let _best = next();
            Instance { name, bin, items: (0..items).map(|_| next().parse().expect("a size")).collect() }
        })
        .collect()
}

/// How many nodes a policy uses for the items of an instance, one job each, with as many nodes as items.
fn bins(instance: &Instance, policy: &str) -> usize {
    let mut core = Core::new(&Registries::default());
    let config = Config { placement: Choice::named(policy), ..Config::default() };
    let mut events = vec![Event::Configured(Box::new(config))];
    events.extend((0..instance.items.len() as u32).map(|at| {
        let capacity = Resources::new(instance.bin, 0);
        Event::NodeAdded(Box::new(NodeSpec { node: NodeId(at), capacity, gpus: 0, ..NodeSpec::default() }))
    }));
    events.extend(instance.items.iter().enumerate().map(|(at, &item)| {
        Event::JobSubmitted(JobSpec {
            job: JobId(at as u64),
            first_task: TaskId(at as u64),
            count: 1,
            kind: JobKind::Batch,
            request: Resources::new(item, 0),
            gpu: GpuRequest::default(),
            estimate: None,
            priority: 0,
            role: RoleId(0),
            ..JobSpec::default()
        })
    }));
    let mut decisions = vec![];
    core.step(PartyId::FIRST, Time::ZERO, &events, &mut decisions).expect("our core is never gone");
    let nodes: Vec<NodeId> = decisions
        .iter()
        .filter_map(|decision| if let Decision::Place { node, .. } = decision { Some(*node) } else { None })
        .collect();
    assert_eq!(nodes.len(), instance.items.len(), "{}: all items are packed", instance.name);
    nodes.into_iter().collect::<BTreeSet<_>>().len()
}

const POLICIES: [&str; 4] = ["next-fit", "first-fit", "best-fit", "worst-fit"];

#[test]
fn falkenauers_instances_need_as_many_nodes_as_computed() {
    for (file, expected) in
        [("binpack/binpack1.txt", [1_279, 1_044, 1_038, 1_131]), ("binpack/binpack2.txt", [2_669, 2_162, 2_154, 2_342])]
    {
        let Some(text) = data(file) else { return };
        let instances = instances(&text);
        assert_eq!(instances.len(), 20, "{file}");
        let sums = POLICIES.map(|policy| instances.iter().map(|instance| bins(instance, policy)).sum::<usize>());
        assert_eq!(sums, expected, "{file}: {POLICIES:?}");
    }
}

#[test]
fn the_first_instance_alone() {
    let Some(text) = data("binpack/binpack1.txt") else { return };
    let first = &instances(&text)[0];
    assert_eq!((first.name.as_str(), first.bin, first.items.len()), ("u120_00", 150, 120));
    assert_eq!(POLICIES.map(|policy| bins(first, policy)), [64, 50, 50, 56]);
}
