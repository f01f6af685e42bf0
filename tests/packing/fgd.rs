//! Fragmentation as the FGD study measured it, of the placements that it published.

use std::io::Read as _;

use windtunnel::packing::books::{Books, kinds_of, typical_of};
use windtunnel::packing::fragments::Looker;
use windtunnel_outcome::fragment::FragmentCause;
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{GPU, MEMORY};

use super::*;
use crate::support::data_file;

fn text_of(name: &str) -> Option<String> {
    let bytes = std::fs::read(data_file(name)?).expect("the file can be read");
    if !name.ends_with(".gz") {
        return Some(String::from_utf8(bytes).expect("the file is text"));
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect("the file is compressed text");
    Some(text)
}

/// The rows of a table, by column.
fn rows(text: &str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines.map(move |line| head.iter().copied().zip(line.split(',')).collect())
}

fn number(row: &BTreeMap<&str, &str>, column: &str) -> u32 {
    row.get(column).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn nodes_of(text: &str) -> (Vec<Arc<NodeSpec>>, BTreeMap<String, u32>) {
    let mut names = BTreeMap::new();
    let node = |(at, row): (usize, BTreeMap<&str, &str>)| {
        names.insert(row["sn"].to_owned(), at as u32);
        let gpus = number(&row, "gpu");
        Arc::new(NodeSpec {
            node: NodeId(at as u32),
            capacity: Resources([number(&row, "cpu_milli"), number(&row, "memory_mib"), 0, gpus * 1000, 0, 0, 0, 0]),
            gpus: gpus as u8,
            attributes: vec![("gpu_model".to_owned(), row["model"].to_owned())],
            ..NodeSpec::default()
        })
    };
    let nodes = rows(text).enumerate().map(node).collect();
    (nodes, names)
}

fn pod(row: &BTreeMap<&str, &str>) -> JobSpec {
    let gpu = GpuRequest { count: number(row, "num_gpu") as u8, milli: number(row, "gpu_milli") as u16 };
    let gpu = if gpu.count == 0 { GpuRequest::default() } else { gpu };
    let models: Vec<String> = row["gpu_spec"].split('|').filter(|model| !model.is_empty()).map(str::to_owned).collect();
    let constraint = || Constraint { attribute: "gpu_model".to_owned(), condition: Condition::In(models.clone()) };
    let devices = u32::from(gpu.count) * u32::from(gpu.milli);
    JobSpec {
        count: 1,
        request: Resources([number(row, "cpu_milli"), number(row, "memory_mib"), 0, devices, 0, 0, 0, 0]),
        gpu,
        constraints: (!models.is_empty()).then(|| [constraint()].into()),
        ..JobSpec::default()
    }
}

/// Free and fragmented thousandths of devices after the last pod of a published placement.
fn left(seed: u32, policy: &str) -> Option<(f64, f64)> {
    let original = text_of("openb/openb_pod_list_default.csv")?;
    let pods = text_of(&format!("openb/fgd/seed{seed}_pods.csv.gz"))?;
    let (nodes, names) = nodes_of(&text_of(&format!("openb/fgd/seed{seed}_nodes.csv"))?);
    let placed = text_of(&format!("openb/fgd/seed{seed}_placed_{policy}.csv.gz"))?;
    let specs: BTreeMap<&str, Arc<JobSpec>> = rows(&pods).map(|row| (row["name"], Arc::new(pod(&row)))).collect();
    let held = rows(&placed).filter(|row| !row["node"].is_empty()).map(|row| {
        let devices = row["gpus"].split(['|', ';', ' ', '-']).filter_map(|device| device.trim().parse::<u32>().ok());
        let gpus = GpuSet(devices.fold(0, |set, device| set | 1 << device));
        Held { spec: specs[row["pod"]].clone(), spots: vec![Spot { node: names[row["node"]], count: 1, gpus }] }
    });
    let snapshot = Snapshot { nodes, held: held.collect(), ..Snapshot::default() };
    // The study tells pods apart by cpu, gpus and model; memory plays no part in its measure.
    let bare = |row: BTreeMap<&str, &str>| {
        let mut spec = pod(&row);
        spec.request[MEMORY] = 0;
        Piece { spec }
    };
    let kinds = kinds_of(&rows(&original).map(bare).collect::<Vec<_>>());
    let typical = typical_of(&kinds);
    assert_eq!((kinds.len(), typical.len()), (91, 35), "as many as the study found");
    let mut books = Books::of(&snapshot);
    assert_eq!(books.displaced, 0, "every published placement has room");
    let looker = Looker::new(&mut books.ledger, &typical);
    let capacity = books.ledger.capacity_total().0[GPU] as f64;
    let fragments = looker.look(&books.ledger).fragmented[GPU];
    let share = |cause: FragmentCause| fragments[cause as usize];
    assert!(share(FragmentCause::NotAsked) > 0.0 && share(FragmentCause::GpuTooSmall) > 0.0, "{fragments:?}");
    Some((books.ledger.free_total().0[GPU] as f64, fragments.iter().sum::<f64>() * capacity))
}

#[test]
fn fragmentation_at_the_end_is_the_published_one() {
    let Some((free, fragmented)) = left(42, "fgd") else { return };
    // The end state that the study prints: 291.36e3 of 292.59e3 thousandths.
    assert_eq!(free, 292_590.0);
    assert_eq!(format!("{:.2}", fragmented / 1e3), "291.36");
}

#[test]
fn fragmentation_of_the_other_placements_is_the_published_one() {
    // The last column of the published table, in per cent of all gpus: the mean of the last events.
    for (seed, policy, percent) in [(42, "fgd", 4.69), (42, "best-fit", 6.80), (43, "gpu-packing", 7.91)] {
        let Some((_, fragmented)) = left(seed, policy) else { return };
        let ours = fragmented / 62_120.0;
        assert!((ours - percent).abs() < 0.015, "{policy} at seed {seed}: {ours:.4} %, published {percent}");
    }
}
