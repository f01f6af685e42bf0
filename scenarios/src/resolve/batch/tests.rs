use std::path::Path;

use windtunnel_scheduler::core::Registries;

use super::*;
use crate::resolve::{Resolved, resolve};

const SITE: &str = r#"name = "site"
[[fleet.group]]
name = "thin"
count = 4
cpu = 16
[[fleet.group]]
name = "fat"
count = 2
cpu = 64
attributes = { local_disk = "yes" }
[[workload]]
qos = "high"
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 10
duration = { constant = "60s" }
shapes = [{ cpu = 1 }]
roles = { physics = 1.0 }
[[workload]]
partition = "debug"
reservation = "course"
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 10
duration = { constant = "60s" }
shapes = [{ cpu = 1 }]
[[partition]]
name = "batch"
roles = ["physics"]
default = true
priority = 50
qos = "normal"
default_time = "1h"
[partition.limits]
job_cpu_min = 2
job_cpu = 32
time = "2d"
cpu = 64
jobs = 9
account_cpu = 8
account_jobs = 3
user_cpu = 4
user_jobs = 2
[[partition]]
name = "debug"
nodes = { group = ["thin", "fat"], local_disk = "yes" }
classes = ["workload-1"]
tier = 2
priority = 200
[[qos]]
name = "normal"
default = true
[[qos]]
name = "high"
priority = 7
limits = { jobs = 1 }
[[reservation]]
name = "course"
start = "9h"
length = "2h"
every = "1d"
times = 5
nodes = { node = "fat-1" }
"#;

fn resolved(text: &str) -> Result<Resolved, String> {
    let (scenario, places) = crate::spec::parse("t.toml", text, &[]).map_err(|failure| failure.to_string())?;
    resolve(scenario, &places, Path::new(""), &Registries::default()).map_err(|failure| failure.to_string())
}

/// The site with one text in place of another.
#[track_caller]
fn complains(from: &str, to: &str, expected: &str) {
    assert!(SITE.contains(from));
    let error = resolved(&SITE.replace(from, to)).err().unwrap_or_else(|| panic!("{to} is taken"));
    assert!(error.contains(expected), "{to}: {error}");
}

#[test]
fn a_site_becomes_what_the_core_is_told() {
    let site = resolved(SITE).unwrap();
    let [batch, debug] = &site.config.partitions[..] else { panic!("two partitions") };
    assert_eq!((batch.nodes.clone(), batch.tier, batch.factor, batch.qos), (None, 0, 0.25, Some(0)));
    assert_eq!(batch.default_time, Some(Span::from_seconds(3_600)));
    let cap = |cpu: u64, jobs| Cap { cpu_milli: Some(cpu * 1_000), jobs: Some(jobs) };
    let expected = partition::Limits {
        job_cpu_least_milli: Some(2_000),
        job_cpu_milli: Some(32_000),
        time: Some(Span::from_seconds(2 * 86_400)),
        all: cap(64, 9),
        account: cap(8, 3),
        user: cap(4, 2),
    };
    assert_eq!(batch.limits, expected);
    let values = |names: &[&str]| Condition::In(names.iter().map(|&name| name.to_owned()).collect());
    let expected = [("group", values(&["thin", "fat"])), ("local_disk", values(&["yes"]))]
        .map(|(attribute, condition)| Constraint { attribute: attribute.to_owned(), condition });
    assert_eq!((debug.nodes.as_deref(), debug.tier, debug.factor), (Some(&expected[..]), 2, 1.0));
    assert_eq!(site.config.qos[1].factor, 1.0);
    let reservation = &site.config.reservations[0];
    let stretches: Vec<(u64, u64)> =
        reservation.stretches().map(|(from, to)| (from.0 / 3_600_000_000, to.0 / 3_600_000_000)).collect();
    assert_eq!(stretches, [(9, 11), (33, 35), (57, 59), (81, 83), (105, 107)]);
    let fat = &site.fleet.nodes[5].attributes;
    assert!(fat.contains(&("group".to_owned(), "fat".to_owned())), "{fat:?}");
    assert!(fat.contains(&("node".to_owned(), "fat-1".to_owned())), "{fat:?}");
}

#[test]
fn a_job_goes_where_its_workload_its_labels_or_nobody_says() {
    let site = resolved(SITE).unwrap();
    let experiment = site.experiment().unwrap();
    let terms = |qos, partition, reservation| Terms { user: 0, partition, qos, reservation };
    assert_eq!(experiment.workloads[0].terms, terms(Some(1), None, None));
    assert_eq!(experiment.workloads[1].terms, terms(None, Some(1), Some(0)));
    let pick = |class, role| Routing::pick(&experiment.routing.partitions, class, role);
    assert_eq!(pick("workload-1", ""), Some(1));
    assert_eq!(pick("workload-1", "physics"), Some(0), "the first that claims it");
    assert_eq!(pick("", ""), Some(0), "the default");
    assert_eq!(Routing::pick(&experiment.routing.reservations, "", "physics"), None);
}

#[test]
fn the_resolved_site_resolves_to_the_same() {
    let site = resolved(SITE).unwrap();
    let again = resolved(&site.text().unwrap()).unwrap();
    assert_eq!(again.config, site.config);
    assert_eq!(again.text().unwrap(), site.text().unwrap());
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    complains("qos = \"high\"", "qos = \"hihg\"", "`workload.0.qos`: there is no qos `hihg`; did you mean `high`?");
    complains("partition = \"debug\"", "partition = \"x\"", "there is no partition `x`; write `batch` or `debug`");
    complains("qos = \"normal\"", "qos = \"none\"", "`partition.0.qos`: there is no qos `none`");
    complains("name = \"debug\"", "name = \"batch\"", "`partition.1.name`: two of them are called `batch`");
    complains("tier = 2", "default = true", "`partition.1.default`: only one can take the jobs that nobody claims");
    complains("local_disk = \"yes\" }\nclasses", "local_disk = \"no\" }\nclasses", "no node has such a value");
    complains("job_cpu_min = 2", "job_cpu_min = 40", "`partition.0.limits.job_cpu_min`: more than `job_cpu`");
    complains("length = \"2h\"", "length = \"0s\"", "`reservation.0.length`: nothing is kept");
    complains("every = \"1d\"", "every = \"1h\"", "`reservation.0.every`: it would come again before it is over");
    complains("every = \"1d\"\n", "", "`reservation.0.times`: it is not said when it comes again");
    complains("times = 5", "times = 0", "write a number from 1 to 10000");
    complains("nodes = { node = \"fat-1\" }", "cpu = 4", "only a pool is reserved by processors");
    let head_only = "[scheduler]\nbackfill = \"head-only\"\n[[partition]]\nname = \"batch\"";
    complains("[[partition]]\nname = \"batch\"", head_only, "head-only knows one queue of one machine");
    let reject = "[scheduler]\nunplaceable = \"reject\"\n[[partition]]\nname = \"batch\"";
    complains("[[partition]]\nname = \"batch\"", reject, "`scheduler.unplaceable`");
}
