//! What must never be: the map of the house as data, held against `cargo metadata`, `cargo tree` and the sources.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use windtunnel_outcome::metric::METRICS;
use windtunnel_reports::chart::CHARTS;
use windtunnel_scheduler::backfill::BACKFILLS;
use windtunnel_scheduler::framework::KINDS;
use windtunnel_scheduler::placement::PLACEMENTS;
use windtunnel_scheduler::preemption::PREEMPTIONS;
use windtunnel_scheduler::queue::QUEUES;
use windtunnel_scheduler::registry::Entry;
use windtunnel_traces::read::FORMATS;
use windtunnel_traces::synthetic::GENERATORS;

use crate::support::source::{self, Source};

/// A crate of the house.
struct Member {
    package: &'static str,
    folder: &'static str,
    /// The crates of ours that it may import, in tests and benches too.
    ours: &'static [&'static str],
}

const SCHEDULER: &str = "windtunnel-scheduler";
const TRACES: &str = "windtunnel-traces";
const OUTCOME: &str = "windtunnel-outcome";
const SIM: &str = "windtunnel-sim";
const TESTBED: &str = "windtunnel-testbed";
const REPORTS: &str = "windtunnel-reports";
const APP: &str = "windtunnel";

/// Every arrow. Drivers do not import each other, and nothing imports the app.
const HOUSE: &[Member] = &[
    Member { package: SCHEDULER, folder: "scheduler", ours: &[] },
    Member { package: TRACES, folder: "traces", ours: &[SCHEDULER] },
    Member { package: OUTCOME, folder: "sim/outcome", ours: &[SCHEDULER] },
    Member { package: SIM, folder: "sim", ours: &[SCHEDULER, TRACES, OUTCOME] },
    Member { package: TESTBED, folder: "sim/testbed", ours: &[SCHEDULER, TRACES, OUTCOME] },
    Member { package: REPORTS, folder: "reports", ours: &[SCHEDULER, OUTCOME] },
    Member { package: APP, folder: "", ours: &[SCHEDULER, TRACES, OUTCOME, SIM, TESTBED, REPORTS] },
];

/// All that the core may use besides `core` and `alloc`, each without its default features, which would bring `std`.
/// libm has none that do.
const CRATES_OF_THE_CORE: &[&str] = &["hashbrown", "libm", "regex", "serde", "thiserror"];

/// Crates that compute and nothing else, and what they must not even import by way of others.
const PURE: &[&str] = &[SCHEDULER, OUTCOME, SIM];
const IMPURE: &[&str] =
    &["polars", "csv", "plotters", "clap", "tokio", "rayon", "flate2", "liblzma", "zstd", "getrandom"];

/// The drivers see the model of workloads, not the files.
const DRIVERS: &[&str] = &[SIM, TESTBED];

/// What the sources of a folder must not reach outside of tests, and why.
const UNREACHABLE: &[(&str, &[&str], &str)] = &[
    ("sim/src", WORLD, "the driver has a virtual clock and the app has the files"),
    ("sim/outcome/src", WORLD, "a number must not depend on where and when it is made"),
    ("traces/src", POLICIES, "a workload must not know who will place it"),
    ("sim/src", POLICIES, "the world must not know who decides"),
    ("sim/outcome/src", POLICIES, "what happened must not depend on who decided"),
    ("reports/src", POLICIES, "reports start no run"),
    ("reports/src", &["windtunnel_sim", "windtunnel_testbed", "windtunnel_scheduler::core"], "reports start no run"),
    ("sim/src", &["windtunnel_traces::read", "windtunnel_traces::write"], "the driver sees the model, not the files"),
];

const WORLD: &[&str] =
    &["std::time", "std::fs", "std::env", "std::net", "std::process", "std::thread", "std::os", "std::io::stdin"];

const POLICIES: &[&str] = &[
    "windtunnel_scheduler::placement",
    "windtunnel_scheduler::queue",
    "windtunnel_scheduler::index",
    "windtunnel_scheduler::framework",
    "windtunnel_scheduler::backfill",
    "windtunnel_scheduler::preemption",
    "windtunnel_scheduler::allocator",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(source::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo describes this workspace")
}

fn package<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    metadata.packages.iter().find(|package| package.name.as_str() == name).expect("the crate exists")
}

/// The packages and features that a build holds on this machine, as `name version features`.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"])
        .args(arguments)
        .current_dir(source::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names are text");
    lines.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The pairs (who imports, what) that are no arrow of the house.
fn strange_arrows<'a>(edges: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let is_ours = |name: &str| HOUSE.iter().any(|member| member.package == name);
    let is_arrow =
        |from: &str, to: &str| HOUSE.iter().any(|member| member.package == from && member.ours.contains(&to));
    edges.into_iter().filter(|(from, to)| is_ours(to) && !is_arrow(from, to)).collect()
}

#[test]
fn no_arrow_outside_the_map() {
    let metadata = metadata();
    let edges = metadata.packages.iter().flat_map(|package| {
        package.dependencies.iter().map(|dependency| (package.name.as_str(), dependency.name.as_str()))
    });
    assert_eq!(strange_arrows(edges), [], "not in the map: import less, or redraw the map in the README first");
    // A planted one is seen.
    assert_eq!(strange_arrows([(REPORTS, OUTCOME), (REPORTS, SIM), (SIM, "libm")]), [(REPORTS, SIM)]);
}

#[test]
fn every_crate_has_its_place_and_is_tested_by_default() {
    let metadata = metadata();
    for package in &metadata.packages {
        let Some(member) = HOUSE.iter().find(|member| member.package == package.name.as_str()) else {
            panic!("{} is not in the map of this test; give it a place", package.name);
        };
        let manifest = source::root().join(member.folder).join("Cargo.toml");
        assert_eq!(package.manifest_path.as_std_path(), manifest, "{} has moved", package.name);
    }
    let names = |ids: &[cargo_metadata::PackageId]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(
        names(&metadata.workspace_members),
        names(&metadata.workspace_default_members),
        "`default-members` names every member: plain `cargo test` runs nothing else"
    );
}

#[test]
fn the_core_uses_a_short_list_of_crates() {
    let metadata = metadata();
    let core = package(&metadata, SCHEDULER);
    for dependency in core.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development) {
        let name = dependency.name.as_str();
        assert!(CRATES_OF_THE_CORE.contains(&name), "`{name}` is not a crate of the core");
        assert!(!dependency.uses_default_features || name == "libm", "`{name}` needs `default-features = false`");
        assert!(
            !dependency.features.iter().any(|feature| matches!(feature.as_str(), "std" | "default-hasher")),
            "`{name}`: no std, and no hasher that is seeded by chance"
        );
    }
}

#[test]
fn pure_crates_import_nothing_impure_by_any_way() {
    for member in PURE {
        let closure = tree(&["--package", member, "--edges", "normal"]);
        let names: BTreeSet<&str> = closure.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains(member), "{member}: cargo tree says {names:?}");
        for impure in IMPURE {
            assert!(
                !names.contains(impure),
                "{member} imports {impure}; `cargo tree -p {member} -i {impure}` says how"
            );
        }
    }
}

#[test]
fn drivers_see_the_model_and_not_the_files() {
    let metadata = metadata();
    let drivers = metadata.packages.iter().filter(|package| DRIVERS.contains(&package.name.as_str()));
    let mut seen = 0;
    for package in drivers {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.name == TRACES) {
            let is_model = !dependency.uses_default_features && dependency.features.is_empty();
            assert!(is_model, "{} takes {TRACES} with `default-features = false` and no features", package.name);
            seen += 1;
        }
    }
    assert!(seen > 0, "no driver takes {TRACES}");
}

/// Else the dependencies are built twice on a machine that runs the two commands of the README: cargo joins the
/// features that the packages it builds ask for, so a feature that only a test wants makes another build of all that
/// rests on it.
#[test]
fn a_run_needs_no_build_of_a_dependency_that_the_tests_do_not_need() {
    let run = tree(&["--package", APP, "--edges", "normal,build"]);
    let test = tree(&["--workspace", "--edges", "normal,build,dev"]);
    let twice: Vec<&String> = run.difference(&test).collect();
    assert!(twice.is_empty(), "let the root package ask for the features that the tests ask for too: {twice:#?}");
}

#[test]
fn the_core_has_no_std() {
    let sources = source::files("scheduler/src", &[".rs"]);
    let opening = sources.iter().find(|source| source.path == "scheduler/src/lib.rs").expect("the core exists");
    let code = opening.code();
    let tokens = source::tokens(&code);
    let is_bare = (0..tokens.len()).any(|at| source::is_at(&tokens, at, &["#", "!", "[", "no_std", "]"]));
    assert!(is_bare, "scheduler/src/lib.rs says #![no_std]");
    assert_eq!(reached(&sources, &["std"], false), [""; 0], "the core has no std, in its tests neither");
}

/// `path:line: what` of everything that reaches one of `banned`.
fn reached(sources: &[Source], banned: &[&str], outside_tests: bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !(outside_tests && source.is_test())) {
        let code = source.code();
        let all = source::tokens(&code);
        let tokens = if outside_tests { source::without_tests(&all) } else { all };
        for (line, path) in source::paths(&tokens) {
            if banned.iter().any(|banned| source::reaches(&path, banned)) {
                found.push(format!("{}:{line}: {path}", source.path));
            }
        }
    }
    found
}

#[test]
fn no_source_reaches_what_its_crate_must_not_know() {
    for (folder, banned, why) in UNREACHABLE {
        let sources = source::files(folder, &[".rs"]);
        assert!(!sources.is_empty(), "{folder} holds no source");
        assert_eq!(reached(&sources, banned, true), [""; 0], "{folder}: {why}");
    }
}

#[test]
fn a_planted_reach_is_seen() {
    let text = "use std::{fs::File, mem};\nlet x = std::time::Instant::now();\n// std::env\n\
        #[cfg(test)]\nmod t { use std::env; }\n";
    let planted = [Source::new("sim/src/planted.rs", text), Source::new("sim/src/world/tests.rs", "use std::fs;")];
    assert_eq!(
        reached(&planted, WORLD, true),
        ["sim/src/planted.rs:1: std::fs::File", "sim/src/planted.rs:2: std::time::Instant::now"]
    );
    assert_eq!(reached(&planted, &["std::env"], false), ["sim/src/planted.rs:5: std::env"]);
    let core = [Source::new("scheduler/src/planted.rs", "extern crate std;\n")];
    assert_eq!(reached(&core, &["std"], false), ["scheduler/src/planted.rs:1: std"]);
}

/// What a member of a registry says of itself. A kind without options or sources of its own has none here.
struct Said {
    name: &'static str,
    summary: &'static str,
    source: Option<&'static str>,
    /// The name and the meaning of each option.
    options: Vec<(&'static str, &'static str)>,
}

fn policy(entry: &dyn Entry) -> Said {
    let options = entry.options().iter().map(|option| (option.name, option.meaning)).collect();
    Said { name: entry.name(), summary: entry.summary(), source: Some(entry.source()), options }
}

/// Every registry by name.
fn registries() -> Vec<(&'static str, Vec<Said>)> {
    let generators = |sort: &str| {
        let of_sort = GENERATORS.iter().filter(|generator| generator.make.sort() == sort);
        of_sort
            .map(|generator| Said {
                name: generator.name,
                summary: generator.summary,
                source: Some(generator.source),
                options: generator.options.iter().map(|option| (option.name, option.summary)).collect(),
            })
            .collect()
    };
    let formats = FORMATS.iter().map(|format| Said {
        name: format.name(),
        summary: format.summary(),
        source: None,
        options: format.options().iter().map(|option| (option.name, option.summary)).collect(),
    });
    let metrics = METRICS.iter().map(|metric| Said {
        name: metric.name,
        summary: metric.meaning,
        source: Some(metric.source),
        options: vec![],
    });
    let charts =
        CHARTS.iter().map(|chart| Said { name: chart.name(), summary: chart.meaning(), source: None, options: vec![] });
    vec![
        ("PLACEMENTS", PLACEMENTS.iter().map(|entry| policy(entry)).collect()),
        ("QUEUES", QUEUES.iter().map(|entry| policy(entry)).collect()),
        ("PREEMPTIONS", PREEMPTIONS.iter().map(|entry| policy(entry)).collect()),
        ("BACKFILLS", BACKFILLS.iter().map(|entry| policy(entry)).collect()),
        ("KINDS", KINDS.iter().map(|entry| policy(entry)).collect()),
        ("FORMATS", formats.collect()),
        ("GENERATORS of arrivals", generators("arrivals")),
        ("GENERATORS of durations", generators("duration")),
        ("METRICS", metrics.collect()),
        ("CHARTS", charts.collect()),
    ]
}

#[test]
fn every_member_of_a_registry_says_what_it_is() {
    for (registry, members) in registries() {
        assert!(!members.is_empty(), "{registry} is empty");
        let mut names = BTreeSet::new();
        for said in &members {
            let name = said.name;
            assert!(names.insert(name), "{registry}: two members are called `{name}`");
            let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            let is_plain = !name.is_empty() && name.chars().all(|letter| is_letter(letter) || "-_.<>".contains(letter));
            assert!(is_plain, "{registry}: `{name}` is no name for a scenario file");
            assert_says(registry, name, "summary", said.summary);
            if let Some(source) = said.source {
                assert_says(registry, name, "source", source);
            }
            let mut options = BTreeSet::new();
            for (option, meaning) in &said.options {
                assert!(options.insert(option), "{registry}: `{name}` has two options `{option}`");
                assert_says(registry, name, option, meaning);
            }
        }
    }
}

fn assert_says(registry: &str, name: &str, what: &str, text: &str) {
    let is_line = !text.trim().is_empty() && text.trim() == text && !text.contains('\n');
    assert!(is_line, "{registry}: the {what} of `{name}` is one line that says something, not {text:?}");
}

#[test]
fn no_other_name_of_a_queue_order_is_taken() {
    let mut names: BTreeSet<&str> = QUEUES.iter().map(|queue| queue.name).collect();
    for queue in QUEUES {
        for alias in queue.aliases {
            assert!(names.insert(alias), "QUEUES: `{alias}` stands for two orders");
        }
    }
}
