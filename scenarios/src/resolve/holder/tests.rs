use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;

use super::super::*;
use crate::spec::{self, Set};

const TEXT: &str = r#"name = "t"
[[fleet.group]]
name = "m"
count = 3
cpu = 10
memory = "64GiB"
[[framework]]
name = "plain"
[[framework]]
name = "spark"
kind = "coarse"
holder = { cpu = 4, memory = "12GiB" }
placement = "worst-fit"
[[workload]]
name = "apps"
framework = "spark"
priority = 3
tolerations = ["spot"]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 10
duration = { constant = "60s" }
shapes = [{ cpu = 1, memory = "2GiB" }]
[[workload]]
name = "rest"
framework = "plain"
[workload.synthetic]
arrivals = "at-once"
jobs = 1
duration = { constant = "60s" }
shapes = [{ cpu = 1, memory = "2GiB" }]
"#;

fn resolved(sets: &[&str]) -> Result<Resolved, String> {
    let sets: Vec<Set> = sets.iter().map(|set| set.parse().expect("a set")).collect();
    let (scenario, places) = spec::parse("t.toml", TEXT, &sets).map_err(|failure| failure.to_string())?;
    resolve(scenario, &places, Path::new(""), &Registries::default()).map_err(|failure| failure.to_string())
}

#[test]
fn a_framework_with_holders_is_two_parties() {
    for (architecture, outside, inside) in [("monolithic", 0, 1), ("two-level", 2, 3), ("shared-state", 2, 3)] {
        let found = resolved(&[&format!("scheduler.architecture={architecture}")]).expect("it can be run");
        let experiment = found.experiment().expect("it opens");
        let parties: Vec<PartyId> = experiment.workloads.iter().map(|one| one.party).collect();
        let plain = if outside == 0 { 0 } else { 1 };
        assert_eq!(parties, [inside, plain, outside].map(PartyId), "{architecture}");
        let [source] = &found.model.holders[..] else { panic!("one framework holds something") };
        assert_eq!((source.name.as_str(), source.workload, source.priority), ("spark/executors", 2, 3));
        assert_eq!(source.ask.request, Resources::new(4_000, 12_288));
        let [inner] = &found.config.inner[..] else { panic!("one framework is inside") };
        let holders = inner.config.holders.as_ref().expect("it holds something");
        // Two of them fit on each of three nodes.
        assert_eq!((holders.kind.as_str(), holders.most, holders.idle), ("coarse", 6, None));
        assert_eq!(
            (inner.config.placement.name.as_str(), found.config.placement.name.as_str()),
            ("worst-fit", "best-fit")
        );
    }
}

#[test]
fn a_written_scenario_resolves_to_the_same_again() {
    let found = resolved(&["scheduler.architecture=two-level"]).expect("it can be run");
    let (scenario, places) = spec::parse("t.toml", &found.text().expect("it is text"), &[]).expect("it can be read");
    let again = resolve(scenario, &places, Path::new(""), &Registries::default()).expect("it can be run");
    assert_eq!((&again.config, &again.model.holders), (&found.config, &found.model.holders));
}

#[test]
fn nonsense_is_refused_with_the_key_and_what_to_write() {
    for (set, expected) in [
        ("framework.0.holder={cpu=1}", "framework.0.holder`: a framework of kind \"batch\" holds nothing"),
        ("framework.0.kind=slots", "framework.0.kind`: a framework of kind \"slots\" runs its tasks inside holders"),
        ("framework.1.holder.most=0", "framework.1.holder.most`: without holders no task ever runs"),
        ("framework.1.holder.idle=\"0s\"", "framework.1.holder.idle`: what is given back at once is never used"),
        ("framework.1.holder.count=2", "framework.1.holder.count`: a framework of kind \"coarse\" asks for as many"),
        ("framework.1.kind=nested", "framework.1.holder`: workers stay, so that their number has to be said"),
        ("framework.1.holder.cpu=11", "framework.1.holder`: no node has room for such a holder"),
        ("scheduler.unplaceable=reject", "scheduler.unplaceable`: a holder that finds no place at once"),
        ("model.instant=per-event", "model.instant`: a pass per event trusts estimates"),
        ("workload.0.synthetic.kinds={daemon=1}", "workload.0.synthetic.kinds`: daemons belong to nodes"),
        ("workload.0.synthetic.warm=\"50%\"", "workload.0`: what runs already lies on nodes"),
        ("workload.0.service={resident=true}", "workload.0.service`: replicas in holders have no node of their own"),
        ("framework.1.holder.gpu=1", "unknown"),
    ] {
        let error = resolved(&[set]).err().unwrap_or_else(|| panic!("{set} is taken"));
        assert!(error.contains(expected), "{set}: {error}");
    }
    let nested = |set| resolved(&["framework.1.kind=nested", set]).err().unwrap_or_default();
    let told = nested("framework.1.holder={cpu=4,count=7}");
    assert!(told.contains("the fleet has room for 6 such workers"), "{told}");
    let told = nested("framework.1.holder={cpu=4,count=2,idle=\"5s\"}");
    assert!(told.contains("framework.1.holder.idle`: workers stay"), "{told}");
}

#[test]
fn every_kind_of_the_core_can_be_written() {
    use windtunnel_scheduler::framework::KINDS;
    use windtunnel_scheduler::registry::Entry;
    for kind in KINDS {
        let name = kind.name();
        let holder = if name == "nested" { "framework.1.holder.count=2" } else { "framework.1.holder.most=2" };
        let found = resolved(&[&format!("framework.1.kind={name}"), holder]).expect(name);
        let holders = found.config.inner[0].config.holders.as_ref().expect("it holds something");
        assert_eq!((holders.kind.as_str(), holders.most), (name, 2));
    }
}
