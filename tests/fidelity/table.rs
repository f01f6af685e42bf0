//! The table in the README: what others published or computed, and what comes out here.
//!
//! The test compares what the README says with what it finds; with `FIDELITY_UPDATE=1` it writes what it finds. A row
//! is one line in [`rows`].

use std::collections::BTreeMap;
use std::path::Path;

use windtunnel_outcome::recorder::Outcome;
use windtunnel_scheduler::config::{Choice, Config, Instant};

use super::{fgd, queueing, reference, replay, strict};
use crate::support::data_file;

const BEGIN: &str = "<!-- fidelity: written by FIDELITY_UPDATE=1 cargo test fidelity -->\n";
const END: &str = "<!-- end of fidelity -->\n";

/// One line of the table: who says so, of what, and the two numbers with so many decimals.
struct Row {
    source: &'static str,
    what: String,
    expected: f64,
    ours: f64,
    decimals: usize,
}

impl Row {
    fn render(&self) -> String {
        let Self { source, what, expected, ours, decimals } = self;
        let (expected, ours) = (format!("{expected:.decimals$}"), format!("{ours:.decimals$}"));
        let number = |text: &str| text.parse::<f64>().expect("it was a number");
        let difference = number(&ours) - number(&expected);
        let difference = if difference == 0.0 { "0".to_owned() } else { format!("{difference:+.decimals$}") };
        format!("| {source} | {what} | {expected} | {ours} | {difference} |\n")
    }
}

fn easy(instant: Instant) -> Config {
    Config { backfill: Choice::named("easy"), placement: Choice::named("first-fit"), instant, ..Config::default() }
}

/// How many jobs start when the reference has them start, and the numbers of the run.
fn compare(rows: &mut Vec<Row>, log: &str, cpus: u32, name: &str, config: Config) -> Outcome {
    let short = log.trim_start_matches("swf/").trim_end_matches(".swf");
    let expected: BTreeMap<u64, u64> = reference(&format!("reference/{short}.{name}.csv.gz")).into_iter().collect();
    let (starts, outcome) = replay(log, cpus, config);
    let equal = starts.iter().filter(|(job, start)| expected.get(job) == Some(start)).count();
    rows.push(Row {
        source: "reference program",
        what: format!("{short}, {}: jobs that start to the second as there", name.replace('.', ", ")),
        expected: expected.len() as f64,
        ours: equal as f64,
        decimals: 0,
    });
    outcome
}

/// Numbers of the summary against those of a study.
fn numbers(rows: &mut Vec<Row>, what: &str, outcome: &Outcome, expected: &[(&'static str, &str, f64, usize)]) {
    for &(source, metric, expected, decimals) in expected {
        let ours = outcome.summary.number(metric).expect("the run has it");
        rows.push(Row { source, what: format!("{what}: `{metric}`"), expected, ours, decimals });
    }
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let kth = "swf/KTH-SP2-strong.swf";
    let ran = "reference program";
    let outcome = compare(&mut rows, kth, 100, "fcfs.batched", strict(Instant::Batched));
    let expected = [(ran, "wait_s.mean", 353_776.409_150, 6), (ran, "bounded_slowdown.mean", 6_814.973_310, 6)];
    numbers(&mut rows, "KTH-SP2, FCFS, batched", &outcome, &expected);
    let outcome = compare(&mut rows, kth, 100, "fcfs.per-event", strict(Instant::PerEvent));
    numbers(&mut rows, "KTH-SP2, FCFS, per event", &outcome, &[(ran, "bounded_slowdown.mean", 6_814.973_310, 6)]);
    let outcome = compare(&mut rows, kth, 100, "easy.batched", easy(Instant::Batched));
    let expected = [
        (ran, "wait_s.mean", 6_834.587_269, 6),
        (ran, "bounded_slowdown.mean", 92.687_654, 6),
        (ran, "wait_s.max", 262_194.0, 0),
    ];
    numbers(&mut rows, "KTH-SP2, EASY, batched", &outcome, &expected);
    let outcome = compare(&mut rows, kth, 100, "easy.per-event", easy(Instant::PerEvent));
    let study = "Gaussier et al., SC 2015";
    let expected = [
        (study, "bounded_slowdown.mean", 92.576_539_733_6, 10),
        (study, "flow_s.mean", 15_696.798_181_24, 8),
        (ran, "wait_s.mean", 6_836.872_090, 6),
        (ran, "wait_s.max", 262_194.0, 0),
    ];
    numbers(&mut rows, "KTH-SP2, EASY, per event", &outcome, &expected);
    let lublin = "swf/lublin_256.swf";
    compare(&mut rows, lublin, 256, "fcfs.batched", strict(Instant::Batched));
    compare(&mut rows, lublin, 256, "easy.batched", easy(Instant::Batched));
    packing(&mut rows);
    closed_forms(&mut rows);
    rows
}

/// Queues and machines with a known answer: means over twenty replications, with their standard error.
fn closed_forms(rows: &mut Vec<Row>) {
    for form in queueing::FORMS {
        for (&(what, expected), &(ours, error)) in form.lines.iter().zip(form.found()) {
            let what = format!("{what} (standard error {error:.5})");
            rows.push(Row { source: form.source, what, expected, ours, decimals: 5 });
        }
    }
}

/// The FGD study: pods that go where they went there, the worst column of the curve, and means over ten orders.
fn packing(rows: &mut Vec<Row>) {
    let study = "Weng et al., ATC 2023 (FGD)";
    for (policy, name, seed) in
        [("fgd", "06-FGD", 42), ("fgd-best-fit", "05-BestFit", 42), ("gpu-packing", "04-GpuPacking", 43)]
    {
        let replay = fgd::replay(policy, name, seed);
        let mut row = |what: &str, expected: f64, ours: f64, decimals: usize| {
            let what = format!("`{policy}`, seed {seed}: {what}");
            rows.push(Row { source: study, what, expected, ours, decimals });
        };
        row("pods on the node and the gpus as there", replay.expected as f64, replay.equal as f64, 0);
        row("worst difference of the allocation curve, in points", 0.0, replay.worst, 2);
    }
    for means in &*fgd::MEANS {
        for (at, arrived) in ["100", "130"].into_iter().enumerate() {
            let what = format!("`{}`, ten orders of our own: allocated gpus at {arrived} % arrived", means.policy);
            let (expected, ours) = (means.theirs[at], means.ours[at]);
            rows.push(Row { source: study, what, expected, ours, decimals: 2 });
        }
    }
}

#[test]
fn the_table_in_the_readme_is_what_comes_out() {
    if data_file("swf/KTH-SP2-strong.swf").is_none()
        || data_file("swf/lublin_256.swf").is_none()
        || data_file("openb/fgd/seed42_pods.csv.gz").is_none()
        // The table says what the short form of each test finds.
        || queueing::is_long()
    {
        return;
    }
    let head = "| source | what | expected | ours | difference |\n|---|---|---:|---:|---:|\n";
    let table: String = rows().iter().map(Row::render).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the mark where the table begins");
    let (said, after) = rest.split_once(END).expect("the README has the mark where the table ends");
    let found = format!("{head}{table}");
    if std::env::var_os("FIDELITY_UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{found}{END}{after}")).expect("the README can be written");
        return;
    }
    assert_eq!(said, found, "write the table anew with FIDELITY_UPDATE=1 cargo test fidelity");
}
