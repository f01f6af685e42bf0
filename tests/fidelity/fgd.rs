//! The FGD study (Weng et al., USENIX ATC 2023): which pod goes to which gpu, and how far allocation gets.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use windtunnel_scheduler::config::{Choice, Config, Typical, Unplaceable};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::draw::below;
use windtunnel_scheduler::event::GpuSet;
use windtunnel_scheduler::{Decision, Event, JobId, JobSpec, NodeId, NodeSpec, PartyId, Scheduler, Span, TaskId, Time};
use windtunnel_traces::model::{Ask, Fleet};
use windtunnel_traces::read::{Input, ReadOptions, open_fleet, open_jobs};

use crate::support::{data_file, data_root};

/// Thousandths of the gpus of the fleet.
const ALL_MILLI: u64 = 6_212_000;
const NODES: &str = "openb/openb_node_list_gpu_node.csv";
const PODS: &str = "openb/openb_pod_list_default.csv";
const ORDERS: &str = "openb/fgd/seed42_pods.csv.gz";

/// Our name, the study's, and how far a mean over ten orders of our own may be from its own, in points.
pub(super) const POLICIES: [(&str, &str, f64); 6] = [
    ("fgd", "06-FGD", 0.3),
    ("fgd-best-fit", "05-BestFit", 0.3),
    ("gpu-packing", "04-GpuPacking", 0.8),
    ("gpu-clustering", "03-GpuClustering", 0.8),
    ("dot-product", "02-DotProd", 0.3),
    ("random", "01-Random", 0.8),
];

/// The pods of a list with their names, in order.
fn pods_of(file: &str) -> Vec<(String, Ask)> {
    let input = Input::file(data_root().join(file));
    let mut source = open_jobs(vec![input], Some("openb"), &ReadOptions::default()).expect("the list is readable");
    let mut pods = Vec::new();
    while let Some(job) = source.next_job().expect("every row is good") {
        pods.push((job.name.to_string(), job.groups.as_slice()[0].ask.clone()));
    }
    pods
}

fn fleet_of(file: &str) -> Fleet {
    open_fleet(&Input::file(data_root().join(file)), Some("openb"), &ReadOptions::default()).expect("it is readable")
}

/// The kinds of the original list, each once.
fn typical(pods: &[(String, Ask)]) -> Vec<Typical> {
    let mut kinds: Vec<Typical> = Vec::new();
    for (_, ask) in pods {
        let is_it = |kind: &&mut Typical| {
            kind.request == ask.request && kind.gpu == ask.gpu && kind.constraints == ask.constraints
        };
        match kinds.iter_mut().find(is_it) {
            Some(kind) => kind.tasks += 1,
            None => {
                let constraints = ask.constraints.clone();
                kinds.push(Typical { request: ask.request, gpu: ask.gpu, constraints, tasks: 1 });
            }
        }
    }
    kinds
}

/// What a policy of the study does, told to the core.
fn config(policy: &str, typical: &[Typical], seed: u64) -> Config {
    Config {
        placement: Choice::named(policy),
        typical: typical.to_vec(),
        unplaceable: Unplaceable::Reject,
        seed,
        ..Config::default()
    }
}

/// Where each pod goes, told one after the other to the core alone; none leaves.
fn place<'a>(config: Config, fleet: &Fleet, asks: impl Iterator<Item = &'a Ask>) -> Vec<Option<(NodeId, GpuSet)>> {
    let mut core = Core::new(&Registries::default());
    let mut decisions = Vec::new();
    let mut events = vec![Event::Configured(Box::new(config))];
    events.extend(fleet.nodes.iter().enumerate().map(|(at, node)| {
        Event::NodeAdded(Box::new(NodeSpec {
            node: NodeId(at as u32),
            capacity: node.capacity,
            gpus: node.gpus,
            attributes: node.attributes.clone(),
            domains: Vec::new(),
        }))
    }));
    core.step(PartyId::FIRST, Time::ZERO, &events, &mut decisions).expect("never gone");
    let mut places = Vec::new();
    for (at, ask) in asks.enumerate() {
        let spec = JobSpec {
            job: JobId(at as u64),
            first_task: TaskId(at as u64),
            count: 1,
            request: ask.request,
            gpu: ask.gpu,
            constraints: ask.constraints.clone(),
            ..JobSpec::default()
        };
        decisions.clear();
        let now = Time::ZERO + Span::from_seconds(at as u64);
        core.step(PartyId::FIRST, now, &[Event::JobSubmitted(spec)], &mut decisions).expect("never gone");
        places.push(decisions.iter().find_map(|decision| match decision {
            Decision::Place { node, gpus, .. } => Some((*node, *gpus)),
            _ => None,
        }));
    }
    places
}

fn milli(ask: &Ask) -> u64 {
    u64::from(ask.gpu.count) * u64::from(ask.gpu.milli)
}

/// To the nearest whole percent, halves to even.
fn percent(part: u64) -> usize {
    let (whole, rest) = (100 * part / ALL_MILLI, 100 * part % ALL_MILLI);
    let up = match (2 * rest).cmp(&ALL_MILLI) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Greater => 1,
    };
    (whole + up) as usize
}

/// Allocated gpu in percent, by percent of all gpus that arrived: the mean over the pods that arrived meanwhile, of
/// shares that the study logs with two decimals.
fn curve<'a>(asks: impl Iterator<Item = &'a Ask>, is_placed: impl Iterator<Item = bool>) -> BTreeMap<usize, f64> {
    let mut columns: BTreeMap<usize, (f64, u32)> = BTreeMap::new();
    let (mut arrived, mut used) = (0, 0);
    for (ask, is_placed) in asks.zip(is_placed) {
        arrived += milli(ask);
        used += if is_placed { milli(ask) } else { 0 };
        let column = columns.entry(percent(arrived)).or_default();
        column.0 += (used as f64 * 10_000.0 / ALL_MILLI as f64).round() / 100.0;
        column.1 += 1;
    }
    columns.into_iter().map(|(column, (sum, count))| (column, sum / f64::from(count))).collect()
}

/// The published curve of a policy and a seed, or of all ten.
fn published(policy: &str, seed: Option<u64>) -> Vec<BTreeMap<usize, f64>> {
    let file = data_root().join("openb/expected_allo_default.csv");
    let mut reader = csv::Reader::from_path(file).expect("the table is there");
    let header = reader.headers().expect("it has a header").clone();
    let rows = reader.records().map(|row| row.expect("every row is whole"));
    let wanted =
        rows.filter(|row| &row[1] == policy && seed.is_none_or(|seed| row[3].parse::<u64>().expect("a seed") == seed));
    let column = |at: usize| header[at].parse::<usize>().expect("a percentage");
    let value = |text: &str| text.parse::<f64>().ok();
    wanted.map(|row| (5..row.len()).filter_map(|at| Some((column(at), value(&row[at])?))).collect()).collect()
}

/// Node and gpus of every pod that the reference placed.
fn reference(file: &str) -> BTreeMap<String, (String, Vec<usize>)> {
    let file = std::fs::File::open(data_root().join(file)).expect("the reference is there");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("the reference is text");
    let row = |line: &str| {
        let mut fields = line.split(',').map(str::to_owned);
        let mut next = || fields.next().expect("three fields");
        let (pod, node, gpus) = (next(), next(), next());
        let mut gpus: Vec<usize> = gpus.split_whitespace().map(|gpu| gpu.parse().expect("an index")).collect();
        gpus.sort_unstable();
        (pod, (node, gpus))
    };
    text.lines().skip(1).map(row).collect()
}

/// An exact replay: pods equal and placed in the reference, and the largest difference of the curve at any column.
pub(super) struct Replay {
    pub(super) equal: usize,
    pub(super) placed: usize,
    pub(super) rejected: usize,
    pub(super) expected: usize,
    pub(super) columns: usize,
    pub(super) worst: f64,
}

/// Replays a published run with its order of pods and of ties.
pub(super) fn replay(policy: &str, study: &str, seed: u64) -> Replay {
    let fleet = fleet_of(&format!("openb/fgd/seed{seed}_nodes.csv"));
    let pods = pods_of(&format!("openb/fgd/seed{seed}_pods.csv.gz"));
    let places = place(config(policy, &typical(&pods_of(PODS)), seed), &fleet, pods.iter().map(|(_, ask)| ask));
    let placed = reference(&format!("openb/fgd/seed{seed}_placed_{}.csv.gz", policy.trim_start_matches("fgd-")));
    let equals = |pod: &String, place: &Option<(NodeId, GpuSet)>| match (place, placed.get(pod)) {
        (Some((node, gpus)), Some((name, devices))) => {
            fleet.nodes[node.index()].name.to_string() == *name && gpus.iter().eq(devices.iter().copied())
        }
        _ => false,
    };
    let ours = curve(pods.iter().map(|(_, ask)| ask), places.iter().map(Option::is_some));
    let theirs = &published(study, Some(seed))[0];
    let hundredths = |number: f64| (number * 100.0).round();
    // A column that no event fell into has no value in either.
    let differences =
        theirs.iter().filter_map(|(column, theirs)| Some((hundredths(*ours.get(column)?) - hundredths(*theirs)).abs()));
    Replay {
        equal: pods.iter().zip(&places).filter(|((pod, _), place)| equals(pod, place)).count(),
        placed: places.iter().flatten().count(),
        rejected: places.iter().filter(|place| place.is_none()).count(),
        expected: placed.len(),
        columns: ours.keys().filter(|column| theirs.contains_key(column)).count(),
        worst: differences.fold(0.0, f64::max) / 100.0,
    }
}

/// A shuffle of the list by our own draws, tuned up to 1.3 times all gpus as the study does.
fn order(pods: &[(String, Ask)], seed: u64) -> Vec<&Ask> {
    let mut order: Vec<&Ask> = pods.iter().map(|(_, ask)| ask).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, below(at as u64 + 1, seed, 1, at as u64, 0) as usize);
    }
    let mut sum: u64 = order.iter().map(|ask| milli(ask)).sum();
    for index in 0.. {
        let ask = &pods[below(pods.len() as u64, seed, 2, index, 0) as usize].1;
        // The study's test for the end counts one gpu of the pod only.
        if (sum + u64::from(ask.gpu.milli)) * 10 > ALL_MILLI * 13 {
            break;
        }
        sum += milli(ask);
        order.push(ask);
    }
    order
}

/// Means at 100 and 130 percent: of the ten published seeds, and of ten orders of our own.
pub(super) struct Means {
    pub(super) policy: &'static str,
    pub(super) tolerance: f64,
    pub(super) theirs: [f64; 2],
    pub(super) ours: [f64; 2],
}

const COLUMNS: [usize; 2] = [100, 130];

fn mean_at(curves: &[BTreeMap<usize, f64>]) -> [f64; 2] {
    COLUMNS.map(|column| curves.iter().map(|curve| curve[&column]).sum::<f64>() / curves.len() as f64)
}

/// All six policies, once for all tests.
pub(super) static MEANS: LazyLock<Vec<Means>> = LazyLock::new(|| {
    let (fleet, mut pods) = (fleet_of(NODES), pods_of(PODS));
    pods.sort_by(|one, other| one.0.cmp(&other.0));
    let typical = typical(&pods);
    let mean = |&(policy, study, tolerance): &(&'static str, &str, f64)| {
        let run = |seed: u64| {
            let mut fleet = fleet.clone();
            for at in (1..fleet.nodes.len()).rev() {
                fleet.nodes.swap(at, below(at as u64 + 1, seed, 3, at as u64, 0) as usize);
            }
            let order = order(&pods, seed);
            let places = place(config(policy, &typical, seed), &fleet, order.iter().copied());
            curve(order.iter().copied(), places.iter().map(Option::is_some))
        };
        let ours: Vec<_> = (1..=10).map(run).collect();
        Means { policy, tolerance, theirs: mean_at(&published(study, None)), ours: mean_at(&ours) }
    };
    POLICIES.iter().map(mean).collect()
});

#[test]
fn published_runs_are_repeated_pod_by_pod_and_column_by_column() {
    if data_file(ORDERS).is_none() {
        return;
    }
    for (policy, study, seed, rejected) in [
        ("fgd", "06-FGD", 42, 2_532),
        ("fgd-best-fit", "05-BestFit", 42, 2_676),
        ("gpu-packing", "04-GpuPacking", 43, 2_670),
    ] {
        let Replay { equal, placed, expected, columns, worst, rejected: ours } = replay(policy, study, seed);
        assert_eq!((equal, placed, ours), (expected, expected, rejected), "{policy}");
        assert!(columns > 120 && worst == 0.0, "{policy}: {worst} at the worst of {columns} columns");
    }
}

#[test]
fn gpu_packing_gives_up_as_many_pods_as_the_study_at_seed_42() {
    if data_file(ORDERS).is_none() {
        return;
    }
    let (fleet, pods) = (fleet_of("openb/fgd/seed42_nodes.csv"), pods_of(ORDERS));
    let places = place(config("gpu-packing", &[], 42), &fleet, pods.iter().map(|(_, ask)| ask));
    assert_eq!(places.iter().filter(|place| place.is_none()).count(), 2_794);
}

#[test]
fn means_over_orders_of_our_own_are_those_of_the_study_and_in_its_order() {
    if data_file(ORDERS).is_none() {
        return;
    }
    for Means { policy, tolerance, theirs, ours } in &*MEANS {
        for (at, column) in COLUMNS.into_iter().enumerate() {
            let difference = (ours[at] - theirs[at]).abs();
            assert!(difference <= *tolerance, "{policy} at {column} %: {:.2} for {:.2}", ours[at], theirs[at]);
        }
    }
    let at = |policy: &str| MEANS.iter().find(|means| means.policy == policy).expect("all six ran").ours;
    for column in 0..COLUMNS.len() {
        let [fgd, best, packing, clustering, dot, random] = POLICIES.map(|(policy, ..)| at(policy)[column]);
        assert!(fgd > best && best > packing.max(clustering) && packing.min(clustering) > dot && dot > random);
        assert!((packing - clustering).abs() < 0.5, "{packing} and {clustering}");
    }
}
