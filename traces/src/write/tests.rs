use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::{GpuRequest, GpuSet, JobKind};
use windtunnel_scheduler::resources::{CPU, GPU, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::*;
use crate::model::{Ask, Group, Groups, Job, Label, Labels, Name, Node, Recorded, Run, Truth};
use crate::read::{Input, OnBadRow, ReadOptions, fuzz_entry, open_fleet, open_jobs};

/// Jobs from memory.
struct Listed {
    jobs: std::collections::VecDeque<Job>,
    labels: Labels,
}

impl Source for Listed {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(self.jobs.pop_front())
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }
}

const WORDS: [&str; 4] = ["", "team a", "b,\"c\"", "ü\n"];

fn listed(jobs: &[Job]) -> Listed {
    let mut labels = Labels::default();
    for word in WORDS {
        labels.intern(word);
    }
    Listed { jobs: jobs.iter().cloned().collect(), labels }
}

/// Jobs with their labels spelt out, since numbers of labels depend on the order of reading.
fn spelt(source: &mut dyn Source) -> Vec<(Job, [String; 3])> {
    let mut jobs = Vec::new();
    while let Some(mut job) = source.next_job().expect("reads") {
        let words = [job.role, job.user, job.class].map(|label| source.labels().word(label).to_string());
        (job.role, job.user, job.class) = (Label(0), Label(0), Label(0));
        jobs.push((job, words));
    }
    jobs
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn lanes() -> Vec<String> {
    vec!["net".into(), "disk io".into()]
}

type Writer = fn(&Path, &mut dyn Source, &[String]) -> Result<Written, SourceError>;
const WRITERS: [Writer; 2] = [tasks_csv, tasks_parquet];

fn there_and_back(jobs: &[Job], write: Writer) -> Vec<(Job, [String; 3])> {
    let folder = folder();
    let path = folder.path().join("tasks");
    let written = write(&path, &mut listed(jobs), &lanes()).expect("writes");
    assert_eq!(written.things, jobs.len() as u64);
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "no draft is left");
    let options = ReadOptions { lanes: lanes(), ..ReadOptions::default() };
    spelt(&mut *open_jobs(vec![Input::file(path)], Some("native"), &options).expect("opens"))
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![Just(Span::FOREVER), Just(Span::ZERO), any::<u64>().prop_map(Span), (0_u64..9).prop_map(Span)]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        any::<u64>().prop_map(|number| Name::new(&number.to_string())),
        "[ -~éλ]{1,12}".prop_map(|text| Name::new(&text)),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let kind = prop_oneof![Just(JobKind::Batch), Just(JobKind::Gang), Just(JobKind::Service)];
    let gpu = prop_oneof![
        Just(GpuRequest::default()),
        (1_u16..=1_000).prop_map(|milli| GpuRequest { count: 1, milli }),
        (2_u8..=64).prop_map(|count| GpuRequest { count, milli: 1_000 }),
    ];
    let word = "[ -~]{1,5}";
    let constraint =
        (word, 0_u8..4, proptest::collection::vec("[ -~]{0,5}", 1..3)).prop_map(|(attribute, form, values)| {
            let condition = match form {
                0 => Condition::In(values),
                1 => Condition::NotIn(values),
                2 => Condition::Exists,
                _ => Condition::Absent,
            };
            Constraint { attribute, condition }
        });
    let constraints = proptest::collection::vec(constraint, 0..3);
    (kind, any::<[u32; 5]>(), gpu, proptest::option::of(span()), constraints).prop_map(
        |(kind, [cpu, memory, disk, net, io], gpu, estimate, constraints)| Ask {
            kind,
            request: Resources([cpu, memory, disk, u32::from(gpu.count) * u32::from(gpu.milli), net, io, 0, 0]),
            gpu,
            estimate,
            constraints: (!constraints.is_empty()).then(|| constraints.into()),
            ..Ask::default()
        },
    )
}

fn group() -> impl Strategy<Value = Group> {
    let usage = any::<[u32; 6]>().prop_map(|[a, b, c, d, e, f]| Resources([a, b, c, d, e, f, 0, 0]));
    let recorded = (proptest::option::of(any::<u64>()), proptest::option::of(name()), any::<u64>())
        .prop_map(|(start, node, gpus)| Recorded { start: start.map(Time), node, gpus: GpuSet(gpus) })
        .prop_filter("nothing recorded is None", |recorded| *recorded != Recorded::default());
    let runs = prop_oneof![
        (1_u32..=u32::MAX / 4, span()).prop_map(|(count, span)| (count, Run::Same(span))),
        proptest::collection::vec(span(), 2..6)
            .prop_filter("equal ones are written as such", |spans| spans.windows(2).any(|pair| pair[0] != pair[1]))
            .prop_map(|spans| (spans.len() as u32, Run::Each(spans.into()))),
    ];
    (ask(), runs, any::<bool>(), proptest::option::of(usage), proptest::option::of(recorded)).prop_map(
        |(ask, (count, run), fails, usage, recorded)| Group {
            count,
            ask,
            truth: Truth { run, fails, killed: false, usage, recorded },
        },
    )
}

/// Jobs in the one form that a reader gives them: in order, neighbours with other names, groups that really differ.
fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let label = (0..WORDS.len() as u16).prop_map(Label);
    let labels = (label.clone(), label.clone(), label);
    let job = (name(), any::<u64>(), any::<i32>(), labels, proptest::collection::vec(group(), 1..4));
    proptest::collection::vec(job, 0..8).prop_map(|mut rows| {
        rows.sort_by_key(|row| row.1);
        rows.dedup_by(|next, last| next.0 == last.0);
        let job = |(name, submit, priority, (role, user, class), mut groups): (_, _, _, _, Vec<Group>)| {
            for at in 1..groups.len() {
                // Neighbours must not be mergeable.
                groups[at].ask.request[CPU] = groups[at - 1].ask.request[CPU] ^ 1;
            }
            let groups = match <[Group; 1]>::try_from(groups) {
                Ok([group]) => Groups::One(group),
                Err(groups) => Groups::Many(groups.into()),
            };
            Job { name, submit: Time(submit), priority, role, user, class, groups, course: None }
        };
        rows.into_iter().map(job).collect()
    })
}

/// Amounts, devices, gpu model, system, rack.
type Row = ([u32; 5], u8, Option<String>, Option<String>, Option<String>);

fn fleet() -> impl Strategy<Value = Fleet> {
    let word = || "[ -~é]{1,6}";
    let node = (
        any::<[u32; 5]>(),
        0_u8..=64,
        proptest::option::of(word()),
        proptest::option::of(word()),
        proptest::option::of(word()),
    );
    (any::<u8>(), proptest::collection::btree_map(name(), node, 1..10)).prop_map(|(lanes, nodes)| {
        // The lanes of the two names and the standard ones; cpu is always there.
        let lanes = (lanes & 0b11_0111) | 1 | 0b11_1000;
        let node = |(name, ([cpu, memory, disk, net, io], gpus, model, os, rack)): (Name, Row)| Node {
            name,
            capacity: Resources([cpu, memory, disk, u32::from(gpus) * 1_000, net, io, 0, 0]).masked(lanes),
            gpus,
            attributes: [("gpu_model", model), ("os", os)]
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_string(), value?)))
                .collect(),
            domains: rack.map(|rack| ("rack".to_string(), rack)).into_iter().collect(),
        };
        Fleet {
            nodes: nodes.into_iter().map(node).collect(),
            lanes,
            extra_lanes: vec!["net".into(), "disk io".into()],
            ..Fleet::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tasks_are_read_back_as_they_were_written(jobs in jobs()) {
        let expected = spelt(&mut listed(&jobs));
        for write in WRITERS {
            prop_assert_eq!(&there_and_back(&jobs, write), &expected);
        }
    }

    #[test]
    fn fleets_are_read_back_as_they_were_written(mut fleet in fleet()) {
        let folder = folder();
        for (name, write) in [("csv", fleet_csv as fn(&Path, &Fleet) -> _), ("parquet", fleet_parquet)] {
            let path = folder.path().join(name);
            let written = write(&path, &fleet).expect("writes");
            prop_assert_eq!(written.rows, fleet.nodes.len() as u64);
            let mut read = open_fleet(&Input::file(path), None, &ReadOptions::default()).expect("reads");
            // The columns of attributes stand in the order in which the names first occur.
            for node in read.nodes.iter_mut().chain(&mut fleet.nodes) {
                node.attributes.sort();
            }
            prop_assert_eq!(&read, &fleet);
        }
    }

    /// Changed bytes of a Parquet file: Ok or Err, never a panic that escapes.
    #[test]
    fn damaged_parquet_is_no_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let mut bytes = parquet_sample().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        fuzz_entry("native", &bytes);
    }
}

fn plain(name: u64, submit: u64) -> Job {
    let ask = Ask { request: Resources::new(1_000, 64), ..Ask::default() };
    let truth = Truth { run: Run::Same(Span(submit + 1)), ..Truth::default() };
    Job {
        name: Name::Number(name),
        submit: Time(submit),
        priority: 0,
        role: Label(0),
        user: Label(1),
        class: Label(0),
        groups: Groups::One(Group { count: 1, ask, truth }),
        course: None,
    }
}

fn parquet_sample() -> &'static [u8] {
    static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = folder();
        let path = folder.path().join("tasks.parquet");
        let jobs: Vec<Job> = (0..50).map(|number| plain(number, number * 10)).collect();
        tasks_parquet(&path, &mut listed(&jobs), &[]).expect("writes");
        fs::read(path).expect("readable")
    })
}

/// More than two slices, so that the seams are crossed, and bad rows beyond the first are named by their row.
#[test]
fn parquet_is_read_in_slices() {
    let jobs: Vec<Job> = (0..150_000).map(|number| plain(number, number / 3)).collect();
    let expected = spelt(&mut listed(&jobs));
    assert_eq!(there_and_back(&jobs, tasks_parquet), expected);
}

#[test]
fn a_bad_row_of_parquet_is_named_by_its_row_and_can_be_skipped() {
    let folder = folder();
    let path = folder.path().join("tasks.parquet");
    // The job of row 70,001 is handed in too early: the writer does not mind, the reader does.
    let jobs: Vec<Job> = (0..70_010).map(|number| plain(number, if number == 70_000 { 0 } else { number })).collect();
    tasks_parquet(&path, &mut listed(&jobs), &[]).expect("writes");
    let read = |on_bad_row| {
        let options = ReadOptions { on_bad_row, ..ReadOptions::default() };
        let mut source = open_jobs(vec![Input::file(path.clone())], None, &options).expect("opens");
        let mut count = 0;
        loop {
            match source.next_job() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Ok((count, source.notes())),
                Err(error) => return Err(error),
            }
        }
    };
    let error = read(OnBadRow::Fail).expect_err("out of order");
    assert!(error.message.contains("line 70001, column `submit_us`"), "{error}");
    let (count, notes) = read(OnBadRow::Skip).expect("skips");
    assert_eq!((count, notes[0].lines.as_slice()), (70_009, &[70_001][..]));
}

#[test]
fn what_has_no_written_form_is_refused_and_leaves_nothing() {
    let twice = vec![plain(1, 0), plain(1, 5)];
    let mut lane = plain(1, 0);
    lane.groups.as_mut_slice()[0].ask.request[7] = 5;
    let mut nowhere = plain(1, 0);
    let empty = Constraint { attribute: "a".into(), condition: Condition::In(Vec::new()) };
    nowhere.groups.as_mut_slice()[0].ask.constraints = Some(vec![empty].into());
    for (jobs, what) in [(twice, "called 1"), (vec![lane], "lane 7"), (vec![nowhere], "constraint")] {
        for write in WRITERS {
            let folder = folder();
            let error = write(&folder.path().join("tasks"), &mut listed(&jobs), &lanes()).expect_err(what);
            assert!(error.message.contains(what), "{error}");
            assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0, "{what}");
        }
    }
}

#[test]
fn a_failed_write_keeps_the_old_file() {
    let folder = folder();
    let path: PathBuf = folder.path().join("tasks.csv");
    fs::write(&path, "old").expect("writes");
    assert!(tasks_csv(&path, &mut listed(&[plain(1, 0), plain(1, 0)]), &[]).is_err());
    assert_eq!(fs::read_to_string(&path).expect("reads"), "old");
    let missing = folder.path().join("no/such/tasks.csv");
    let error = tasks_csv(&missing, &mut listed(&[]), &[]).expect_err("no folder");
    assert!(error.message.contains("cannot be written"), "{error}");
}

#[test]
fn gpu_capacity_that_is_no_devices_is_refused() {
    let mut capacity = Resources::new(1, 1);
    capacity[GPU] = 1_500;
    let node = Node { name: Name::new("n"), capacity, gpus: 1, attributes: Vec::new(), domains: Vec::new() };
    let fleet = Fleet { nodes: vec![node], lanes: 0b1011, ..Fleet::default() };
    let folder = folder();
    assert!(fleet_csv(&folder.path().join("fleet.csv"), &fleet).expect_err("half a device").message.contains("node n"));
}
