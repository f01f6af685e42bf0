use std::path::PathBuf;

use proptest::prelude::*;
use windtunnel_scheduler::resources::{CPU, GPU, MEMORY};
use windtunnel_scheduler::time::Span;

use super::*;
use crate::model::Job;

/// All jobs of a source.
pub(crate) fn drain(source: &mut dyn Source) -> Result<Vec<Job>, SourceError> {
    let mut jobs = Vec::new();
    while let Some(job) = source.next_job()? {
        jobs.push(job);
    }
    Ok(jobs)
}

/// The reasons and counts of a source's notes.
pub(crate) fn notes_of(source: &dyn Source) -> Counts {
    source.notes().into_iter().map(|note| (note.reason, note.count)).collect()
}

/// A file of the data folder, None (with a word on it) where there is no such folder.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("WINDTUNNEL_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = folder.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} must be there", file.display());
    println!("skipped: {} is not there", file.display());
    None
}

struct Sums {
    jobs: usize,
    cpu_milli: u64,
    run_us: u64,
    cpu_milli_us: u128,
    estimate_us: u64,
}

fn sums(jobs: &[Job]) -> Sums {
    let mut sums = Sums { jobs: jobs.len(), cpu_milli: 0, run_us: 0, cpu_milli_us: 0, estimate_us: 0 };
    for group in jobs.iter().flat_map(|job| job.groups.as_slice()) {
        let run = group.truth.run.of(0).0;
        sums.cpu_milli += u64::from(group.ask.request[CPU]);
        sums.run_us += run;
        sums.cpu_milli_us += u128::from(run) * u128::from(group.ask.request[CPU]);
        sums.estimate_us += group.ask.estimate.map_or(0, |span| span.0);
    }
    sums
}

type Counts = Vec<(String, u64)>;

fn read_file(path: &str) -> Option<(Vec<Job>, Counts)> {
    let mut source = open_jobs_file(&data(path)?, &ReadOptions::default()).expect("opens");
    let jobs = drain(&mut *source).expect("reads");
    assert!(jobs.is_sorted_by_key(|job| job.submit), "{path}");
    let notes = notes_of(&*source);
    Some((jobs, notes))
}

/// The sums were computed by awk over the same files.
#[test]
fn batch_logs_add_up() {
    let none: &[(&str, u64)] = &[];
    for (path, jobs, processors, core_seconds, estimates, notes) in [
        (
            "swf/KTH-SP2-strong.swf",
            28_481,
            218_206,
            2_013_209_080_u128,
            389_572_200,
            &[("header_count_differs", 1), ("job_numbers_missing", 9)][..],
        ),
        (
            "swf/KTH-SP2-1996.swf",
            28_489,
            218_234,
            2_013_209_080,
            389_662_800,
            &[("header_count_differs", 1), ("job_numbers_missing", 1), ("run_clipped_to_request", 475)][..],
        ),
        ("swf/lublin_256.swf", 10_000, 221_010, 2_092_781_168, 0, none),
        ("swf/cqsim-test.swf", 9, 450, 1_040_000, 31_000, none),
    ] {
        let Some((read, counted)) = read_file(path) else { return };
        let sums = sums(&read);
        assert_eq!(sums.jobs, jobs, "{path}");
        assert_eq!(sums.cpu_milli, processors * 1_000, "{path}");
        assert_eq!(sums.cpu_milli_us, core_seconds * 1_000_000_000, "{path}");
        assert_eq!(sums.estimate_us, estimates * 1_000_000, "{path}");
        if path.contains("KTH") {
            let expected: Counts = notes.iter().map(|(name, count)| (name.to_string(), *count)).collect();
            assert_eq!(counted, expected, "{path}");
        }
    }
}

#[test]
fn a_packed_log_adds_up() {
    let Some((read, counted)) = read_file("swf/NASA-iPSC-1993-3.1-cln.swf.gz") else { return };
    let sums = sums(&read);
    assert_eq!((sums.jobs, sums.cpu_milli), (18_239, 309_953_000));
    assert_eq!(sums.cpu_milli_us, 474_238_015_000_000_000);
    // Jobs removed by the archive's cleaning leave gaps in the numbers.
    assert!(counted.iter().any(|(reason, count)| reason == "job_numbers_missing" && *count > 20_000), "{counted:?}");
}

/// The sums were computed by a script over the same files.
#[test]
fn openb_adds_up() {
    let Some(nodes) = data("openb/openb_node_list_all_node.csv") else { return };
    let options = ReadOptions::default();
    let all = open_fleet(&Input::file(nodes), None, &options).expect("reads");
    let total =
        |fleet: &Fleet, lane: usize| -> u64 { fleet.nodes.iter().map(|node| u64::from(node.capacity[lane])).sum() };
    assert_eq!((all.nodes.len(), total(&all, CPU)), (1_523, 125_514_000));
    assert_eq!((total(&all, MEMORY), total(&all, GPU)), (612_028_416, 6_212_000));
    assert_eq!(all.nodes.iter().filter(|node| node.attributes.is_empty()).count(), 310);
    let Some(nodes) = data("openb/openb_node_list_gpu_node.csv") else { return };
    let gpu = open_fleet(&Input::file(nodes), None, &options).expect("reads");
    assert_eq!((gpu.nodes.len(), total(&gpu, CPU)), (1_213, 107_018_000));
    assert_eq!((total(&gpu, MEMORY), total(&gpu, GPU)), (503_828_480, 6_212_000));

    let Some((pods, notes)) = read_file("openb/openb_pod_list_default.csv") else { return };
    let sums = sums(&pods);
    assert_eq!((sums.jobs, sums.cpu_milli, sums.run_us), (8_152, 85_436_012, 210_197_755_000_000));
    assert_eq!(sums.cpu_milli_us, 2_508_085_863_712_000_000);
    let of =
        |lane: usize| -> u64 { pods.iter().map(|job| u64::from(job.groups.as_slice()[0].ask.request[lane])).sum() };
    assert_eq!((of(MEMORY), of(GPU)), (303_546_211, 6_086_800));
    let started = pods.iter().filter(|job| job.groups.as_slice()[0].truth.recorded.is_some()).count();
    assert_eq!(started, 8_152 - 897);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn the_orders_of_the_published_study_are_read() {
    for (seed, count) in [(42, 10_866), (43, 10_793)] {
        let Some((pods, _)) = read_file(&format!("openb/fgd/seed{seed}_pods.csv.gz")) else { return };
        assert_eq!(pods.len(), count);
        assert_eq!(pods[1].submit.0, 1_000_000, "the creation time is the position");
        assert!(pods.iter().all(|job| job.groups.as_slice()[0].truth.run.of(0) == Span::FOREVER));
        let Some(nodes) = data(&format!("openb/fgd/seed{seed}_nodes.csv")) else { return };
        let fleet = open_fleet(&Input::file(nodes), None, &ReadOptions::default()).expect("reads");
        assert_eq!(fleet.nodes.len(), 1_213);
    }
}

#[test]
fn every_format_is_listed_whole_and_once() {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    assert!(names.is_sorted());
    names.dedup();
    assert_eq!(names.len(), FORMATS.len());
    for format in FORMATS {
        assert!(!format.summary().is_empty() && !format.yields().is_empty() && !format.extensions().is_empty());
        for option in format.options() {
            assert!(!option.summary.is_empty() && !option.values.is_empty(), "{}", option.name);
            let value = option.values.split(" | ").next().unwrap_or_default().replace("a number", "5");
            ReadOptions::default().set(option.name, &value).expect(option.name);
        }
    }
}

#[test]
fn formats_are_told_by_content() {
    for (text, expected) in [
        ("; Version: 2.2\n; Computer: x\n", Some("swf")),
        ("1 0 5 9 4 -1 -1 4 9 -1 1 1 1 -1 1 -1 -1 -1\n", Some("swf")),
        ("; a remark\n  1 0 5 9 4 -1 -1 4 9 -1 1 1 1 -1 1 -1 -1 -1\n", Some("swf")),
        ("1 0 5 9 4\n", None),
        ("sn,cpu_milli,memory_mib,gpu,model\n", Some("openb")),
        ("name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", Some("openb")),
        ("6459,6524,3,4,15740,Terminated,50,0.008\n", Some("alibaba-2017")),
        ("create, end, job, task, n, status, cpu, mem\n1,2,3,4,5,Failed,50,0.1\n", Some("alibaba-2017")),
        ("0,1148,add,,64,0.69,1\n", Some("alibaba-2017")),
        ("m_1,0,219,17,96,100,USING\n", Some("alibaba-2018")),
        ("M1,2,j_7,1,Terminated,100,160,100,0.5\n", Some("alibaba-2018")),
        ("{\n \"activated_slaves\": 1\n", Some("mesos-state")),
        ("JobID|User|Submit|Start|End|State\n", Some("sacct")),
        ("user,job_id,cpu_milli,submit_us\n", Some("native")),
        ("node,cpu_milli\n", Some("native")),
        ("a,b,c\n", None),
        ("", None),
    ] {
        let found = recognise_input(&Input::bytes("x", text.as_bytes())).ok().map(|format| format.name());
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_is_asked_of_the_wrong_format_says_what_it_yields() {
    let input = Input::bytes("log.swf", *b"; Version: 2.2\n1 0 5 9 4 -1 -1 4 9 -1 1 1 1 -1 1 -1 -1 -1\n");
    let error = open_fleet(&input, None, &ReadOptions::default()).expect_err("no fleet in a log");
    assert!(error.message.contains("`swf` yields workload, no fleet"), "{error}");
    assert!(error.hints[0].contains("openb"), "{:?}", error.hints);
    assert!(format("openbb").err().is_some_and(|error| error.message.contains("did you mean `openb`?")));
    let unknown = recognise_input(&Input::bytes("x.csv", *b"a,b\n1,2\n")).err().expect("unknown");
    assert!(unknown.message.contains("x.csv line 1") && unknown.message.contains("`a,b`"), "{unknown}");
}

/// Valid beginnings, so that changes reach deep into the readers.
const SEEDS: [&str; 6] = [
    "; Version: 2.2\n; MaxProcs: 100\n1 0 5 9 4 -1 -1 4 9 100 1 1 1 -1 1 -1 -1 -1\n\
     2 1.5 -1 0 4 -1 -1 -1 -1 -1 5 1 1 -1 1 -1 -1 -1\n",
    "sn,cpu_milli,memory_mib,gpu,model\nn-0,32000,262144,0,\nn-1,64000,1024,2,P100\n",
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
     p-1,12000,16384,1,460,V100|P100,LS,Running,10,100,30\np-2,1,1,0,0,,BE,Pending,10,,\n",
    "job_id,submit_us,run_us,count,gang,cpu_milli,gpu_count,gpu_milli,constraint,gpus,priority,used_cpu_milli\n\
     a,0,5,3,true,1000,1,500,zone=a|b;has:x,0|3,-5,7\na,0,6,3,true,1000,,,,,,\nb,9,,,,1,,,,,,\n",
    "node,cpu_milli,gpus,attribute_os,domain_rack,lane_net\nn,5,2,linux,r1,7\nm,5,,,,\n",
    "job_id,task_index,submit_us,cpu_milli,kind,fails,estimate_us,start_us,node\n1,0,4,5,service,true,6,7,n\n",
];

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..4),
        "[0-9]{1,24}".prop_map(String::into_bytes),
        "[-,;.=|\"\\\\\n\r\t e]{1,4}".prop_map(String::into_bytes),
        Just(b"18446744073709551615".to_vec()),
        Just(b"4294967295".to_vec()),
        Just(b"-9223372036854775808".to_vec()),
    ];
    let mutated = (0..SEEDS.len(), proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece), 1..5))
        .prop_map(|(seed, changes)| {
            let mut bytes = SEEDS[seed].as_bytes().to_vec();
            for (at, length, piece) in changes {
                let from = at.index(bytes.len() + 1);
                let to = (from + length).min(bytes.len());
                bytes.splice(from..to, piece);
            }
            bytes
        });
    prop_oneof![4 => mutated, 1 => proptest::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the bytes are, every reader returns; with overflow checks on, arithmetic would panic.
    #[test]
    fn no_reader_panics(bytes in hostile()) {
        for format in FORMATS {
            fuzz_entry(format.name(), &bytes);
        }
    }
}
