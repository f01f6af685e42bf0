//! The failure record of Los Alamos: every row accounted for, and the availability that comes of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use windtunnel_outcome::recorder::Discard;
use windtunnel_scheduler::Time;
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Stop};
use windtunnel_sim::fault::{Effect, FaultSource, Faults, Listed, When};
use windtunnel_sim::model::Model;
use windtunnel_traces::model::{Failures, Fleet, Name, Node};
use windtunnel_traces::read::{Input, ReadOptions, open_failures};

use crate::support::data_file;

const RECORD: &str = "failures/LA-UR-05-7318-failure-data-1996-2005.csv.xz";
const MINUTE: u64 = 60_000_000;

fn record() -> Option<Failures> {
    let file = data_file(RECORD)?;
    Some(open_failures(vec![Input::file(file)], None, &ReadOptions::default()).expect("the record is readable"))
}

#[test]
fn lanl_every_record_is_accounted_for_by_system() {
    let Some(failures) = record() else { return };
    let counts =
        |what: fn(&windtunnel_traces::model::SystemCount) -> u64| failures.systems.iter().map(what).sum::<u64>();
    assert_eq!(counts(|one| one.records), 23_739);
    assert_eq!(failures.systems.len(), 23);
    for one in &failures.systems {
        assert_eq!(one.records, one.kept + one.merged + one.skipped, "system {}", one.system);
    }
    let of =
        |system: u64| failures.systems.iter().find(|one| one.system == Name::Number(system)).map(|one| one.records);
    assert_eq!([2, 18, 19, 16, 20, 15].map(of), [7_104, 3_997, 3_284, 2_680, 2_478, 54].map(Some));
    // 122 rows end when they begin; what is left stands alone or became part of another.
    assert_eq!(counts(|one| one.skipped), 122);
    assert_eq!(counts(|one| one.kept), failures.outages.len() as u64);
    assert_eq!(counts(|one| one.kept) + counts(|one| one.merged), 23_617);
    let reasons: Vec<(&str, u64)> = failures.notes.iter().map(|note| (note.reason.as_str(), note.count)).collect();
    assert_eq!(reasons, [("down_time_differs_from_its_ends", 423), ("no_time_passes", 122)]);
}

/// The record once more, row by row and minute by minute: which minutes each node of a system was down.
fn by_the_minute(system: &str) -> BTreeMap<u64, Vec<(u64, u64)>> {
    let input = Input::file(data_file(RECORD).expect("asked for before"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut input.open().expect("it opens"), &mut text).expect("it is text");
    let mut rows = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[0] == system {
            let node: u64 = fields[6].parse().expect("a node");
            let times = [fields[16], fields[17]].map(minutes);
            rows.entry(node).or_insert_with(Vec::new).push((times[0], times[1]));
        }
    }
    rows
}

/// Minutes since the first of January 1990, by counting days one by one.
fn minutes(text: &str) -> u64 {
    let (date, clock) = text.split_once(' ').expect("a date and a time");
    let [month, day, year] =
        [0, 1, 2].map(|at| date.split('/').nth(at).and_then(|part| part.parse().ok()).expect("a date"));
    let [hour, minute]: [u64; 2] =
        [0, 1].map(|at| clock.split(':').nth(at).and_then(|part| part.parse().ok()).expect("a time"));
    let leap = |year: u64| year.is_multiple_of(4);
    let lengths = |year: u64| [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before: u64 = (1990..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let in_year: u64 = lengths(year).iter().take(month as usize - 1).sum();
    ((before + in_year + day - 1) * 24 + hour) * 60 + minute
}

#[test]
fn lanl_downtime_of_every_node_of_a_system_to_the_minute() {
    let Some(mut failures) = record() else { return };
    failures.keep_system(&Name::Number(20));
    let rows = by_the_minute("20");
    let first = rows.values().flatten().map(|row| row.0).min().expect("there are rows") / 1_440 * 1_440;
    let last = rows.values().flatten().map(|row| row.1).max().expect("there are rows");
    let node = |number: u64| Node {
        name: Name::Number(number),
        capacity: Resources::new(1_000, 0),
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    let numbers: Vec<u64> = rows.keys().copied().collect();
    let place = |name: &Name| numbers.iter().position(|&number| Name::Number(number) == *name).map(|at| at as u32);
    let listed = failures
        .outages
        .iter()
        .filter_map(|outage| {
            Some(Listed { nodes: [place(&outage.node)?].into(), begin: outage.begin, end: outage.end })
        })
        .collect();
    let source = FaultSource { name: "trace".into(), effect: Effect::Outage, when: When::Listed(listed) };
    let experiment = Experiment {
        seed: 0,
        fleet: Fleet { nodes: numbers.iter().copied().map(node).collect(), lanes: 1, ..Fleet::default() },
        workloads: vec![],
        scheduler: Config::default(),
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::At(Time((last - first) * MINUTE)),
        series: Sampling::Auto,
        routing: Default::default(),
        model: Model { faults: Faults { sources: vec![source], upkeep: vec![] }, ..Model::default() },
    };
    let mut core = Core::new(&Registries::default());
    let outcome = windtunnel_sim::run(experiment, &mut core, &mut Discard, &mut |_| ControlFlow::Continue(()));
    let outcome = outcome.expect("it is sound");
    let mut down_in_all = 0;
    for (row, number) in outcome.nodes.iter().zip(&numbers) {
        let mut down = vec![false; (last - first) as usize];
        for &(from, to) in &rows[number] {
            down[(from - first) as usize..(to - first) as usize].fill(true);
        }
        let expected = down.iter().filter(|&&minute| minute).count() as u64;
        assert_eq!(row.down, Span(expected * MINUTE), "node {number}");
        down_in_all += expected;
    }
    let mean = 1.0 - down_in_all as f64 / ((last - first) * numbers.len() as u64) as f64;
    let said = outcome.summary.number("availability.mean").expect("the run has it");
    assert!((said - mean).abs() < 1e-12, "{said} {mean}");
    assert_eq!(outcome.summary.number("availability.failures"), Some(failures.outages.len() as f64));
    assert_eq!(outcome.summary.number("conservation.cpu.residual"), Some(0.0));
}
