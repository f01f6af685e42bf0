//! Replicas of services that are held to rules. Only in runs with such services.

use super::{Better, Metric};

const fn count(name: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit: "replicas", better, live: false, meaning, source: "Marathon: back-off, unreachableStrategy" }
}

const fn upgrades(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "Marathon: upgradeStrategy" }
}

const fn needs(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit, better, live: false, meaning, source: "Marathon: dependencies of apps and groups" }
}

pub(super) const METRICS: &[&[Metric]] = &[&[
    count("services.crashes", Better::Lower, "replicas that failed, ended or did not launch, once for each time"),
    count("services.returned", Better::Neither, "replicas that could be reached again before they were replaced"),
    count(
        "services.surplus",
        Better::Lower,
        "replicas that came back after they were replaced, and ran on for a while",
    ),
    upgrades("services.upgrades.begun", "upgrades", Better::Neither, "upgrades of single services that began"),
    upgrades(
        "services.upgrades.finished",
        "upgrades",
        Better::Higher,
        "those after which only healthy replicas of the new version ran",
    ),
    upgrades("services.upgrades.took_s.mean", "s", Better::Lower, "mean of the time from beginning to end of those"),
    upgrades("services.upgrades.took_s.max", "s", Better::Lower, "greatest of the time from beginning to end of those"),
    needs(
        "services.needs.met",
        "jobs",
        Better::Higher,
        "jobs that were handed in when the services that they need were ready",
    ),
    needs(
        "services.needs.never_started",
        "tasks",
        Better::Lower,
        "tasks for which the services that they need never were",
    ),
    needs("services.needs.wait_s.mean", "s", Better::Lower, "mean of the time that those jobs were kept back"),
    needs("services.needs.wait_s.max", "s", Better::Lower, "greatest of the time that those jobs were kept back"),
]];
