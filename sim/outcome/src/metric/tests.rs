use std::collections::BTreeSet;

use super::*;
use crate::rows::{Cause, State};

/// The name with a class `batch` and a resource `gpu`.
fn example(metric: &Metric) -> String {
    metric.name.replace("<name>", "batch").replace("<lane>", "gpu")
}

#[test]
fn names_are_unique_and_everything_is_said() {
    let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
    for metric in METRICS {
        for text in [metric.unit, metric.meaning, metric.source] {
            assert!(!text.is_empty() && text.trim() == text && !text.contains("  "), "{}: {text:?}", metric.name);
        }
        assert!(!metric.meaning.ends_with('.'), "{}", metric.name);
        let word = |segment: &str| {
            let name = if is_wild(segment) { segment.trim_matches(['<', '>']) } else { segment };
            !name.is_empty()
                && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        };
        assert!(metric.segments().all(word), "{}", metric.name);
        assert!(metric.segments().filter(|segment| is_wild(segment)).all(|wild| wild == "<name>" || wild == "<lane>"));
    }
}

#[test]
fn no_name_is_both_a_number_and_an_object() {
    for metric in METRICS {
        let inside = format!("{}.", example(metric));
        for other in METRICS {
            assert!(!example(other).starts_with(&inside), "{} is inside {}", other.name, metric.name);
        }
    }
}

#[test]
fn every_metric_finds_itself() {
    for metric in METRICS {
        let name = example(metric);
        let path: Vec<&str> = name.split('.').collect();
        assert_eq!(find(&name), Some(metric));
        assert_eq!(find_path(&path), Some(metric));
        assert_eq!(nearest(&name), Some(name));
    }
}

#[test]
fn units_agree_with_names() {
    for metric in METRICS {
        let any = |ending: &str| metric.segments().any(|segment| segment.ends_with(ending));
        assert_eq!(metric.unit == "USD", any("_usd"), "{}", metric.name);
        assert_eq!(matches!(metric.unit, "s" | "node-seconds" | "core-seconds"), any("_s"), "{}", metric.name);
    }
}

#[test]
fn every_state_and_every_cause_is_a_metric() {
    for state in State::ALL {
        let word = match state {
            State::Pending | State::Running => format!("{}_at_end", state.name()),
            _ => state.name().to_owned(),
        };
        for family in ["tasks", "attempts", "by_class.batch.tasks", "by_role.web.tasks"] {
            assert!(find(&format!("{family}.{word}")).is_some(), "{family}.{word}");
        }
    }
    for cause in Cause::ALL {
        assert!(find(&format!("wait_by_cause_s.{}", cause.name())).is_some(), "{}", cause.name());
    }
}

#[test]
fn headline_metrics_are_known_and_have_a_direction() {
    for name in HEADLINE {
        assert_ne!(find(name).map(|metric| metric.better), Some(Better::Neither), "{name}");
        assert!(find(name).is_some(), "{name}");
    }
}

#[test]
fn the_promised_names_are_there() {
    let promised = "wait_s.mean wait_s.p50 wait_s.p90 wait_s.p99 wait_s.p999 wait_s.max job_wait_s.p99 \
                    flow_s.mean makespan_s bounded_slowdown.mean bounded_slowdown.p50 bounded_slowdown.p99 \
                    bounded_slowdown.max jobs.submitted tasks.submitted attempts.placed allocation.cpu.mean \
                    allocation.memory.p50 allocation.disk.p99 allocation.gpu.at_end usage.cpu.mean \
                    packing.efficiency packing.at_end stranded.gpu.mean goodput.cpu fairness.jain \
                    fairness.max_min_ratio nodes.count nodes.touched nodes.empty_at_end availability.mean \
                    cost.total_usd energy.kwh conservation.licences.residual history.start_error_s.mean \
                    by_class.batch.wait_s.p99 by_role.web.allocation.cpu.mean scheduler.steps";
    for name in promised.split_whitespace() {
        assert!(find(name).is_some(), "{name}");
    }
}

#[test]
fn names_of_classes_may_hold_dots() {
    let metric = find("by_class.<name>.wait_s.p99").map(|metric| metric.name);
    assert_eq!(metric, Some("by_class.<name>.wait_s.p99"));
    assert_eq!(find("by_class.v1.2.batch.wait_s.p99").map(|metric| metric.name), metric);
    assert_eq!(find("by_class.wait_s.p99.wait_s.p99").map(|metric| metric.name), metric);
    assert_eq!(find_path(&["by_class", "v1.2.batch", "wait_s", "p99"]).map(|metric| metric.name), metric);
    assert_eq!(find_path(&["by_class", "v1", "2", "wait_s", "p99"]), None);
    let lanes = find("by_role.a.b.allocation.cpu.mean").map(|metric| metric.name);
    assert_eq!(lanes, Some("by_role.<name>.allocation.<lane>.mean"));
}

#[test]
fn what_is_no_metric_is_not_found() {
    for name in
        ["", ".", "wait_s", "wait_s.p98", "wait_s.p99.", "by_class.wait_s.p99", "by_class..wait_s.p99", "Wait_s.p99"]
    {
        assert_eq!(find(name), None, "{name:?}");
    }
}

#[test]
fn a_mistyped_name_gets_the_nearest() {
    let cases = [
        ("wait_s.p95", "wait_s.p90"),
        ("wiat_s.p99", "wait_s.p99"),
        ("wait.p99", "wait_s.p99"),
        ("packing.eficiency", "packing.efficiency"),
        ("allocaton.gpu.mean", "allocation.gpu.mean"),
        ("by_clas.batch.wait_s.p99", "by_class.batch.wait_s.p99"),
        ("by_role.team.a.wait.p99", "by_role.team.a.wait_s.p99"),
        ("conservation.cpu.residuals", "conservation.cpu.residual"),
        ("goodput", "goodput.<lane>"),
        ("makespan", "makespan_s"),
        ("wait", "wait_s.mean"),
    ];
    for (mistyped, expected) in cases {
        assert_eq!(nearest(mistyped).as_deref(), Some(expected), "{mistyped}");
    }
    assert_eq!(nearest("the weather in spring"), None);
    assert_eq!(nearest(""), None);
}
