//! Groups that grow and shrink, worked out by hand.

use windtunnel_scheduler::constraint::{Condition, Constraint};

use super::*;
use crate::elastic::{Elastic, Rule, Spot};

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// Nodes of 4 cores.
fn group_of(elastic: Elastic, jobs: Vec<Job>) -> Experiment {
    let mut experiment = experiment(fleet(&vec![(4_000, 0); elastic.most as usize]), jobs);
    experiment.model.elastic = vec![Elastic { name: "m".to_owned(), ..elastic }];
    experiment
}

fn balanced(outcome: &Outcome) {
    assert_eq!(number(outcome, "conservation.cpu.residual"), 0.0);
    assert_eq!(number(outcome, "conservation.cpu.down"), 0.0);
}

#[test]
fn the_cluster_autoscaler_adds_what_waits_and_removes_what_is_not_needed() {
    let minutes = |minutes: u64| Span::from_seconds(60 * minutes);
    let scan = Span::from_seconds(10);
    let rule = Rule::ClusterAutoscaler { scan, below: 500, unneeded: minutes(10), after_add: minutes(10) };
    let jobs = vec![job(0, 0, group(1, 4_000, 1_000)), job(1, 10, group(1, 4_000, 100))];
    let elastic = Elastic { most: 3, begin: 1, boot: minutes(1), rule: Some(rule), ..Elastic::default() };
    let (outcome, tape) = run(group_of(elastic, jobs));
    // It waits from 10 s on, is seen at 20 s, and the node has booted at 80 s.
    assert_eq!(tape.start_of("1/0"), Some(80 * SECOND));
    assert_eq!((number(&outcome, "nodes.ordered"), number(&outcome, "nodes.removed")), (1.0, 1.0));
    // Empty from 180 s on, gone at 780 s.
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 4.0 * (1_000.0 + 700.0));
    balanced(&outcome);
}

#[test]
fn fenzo_keeps_some_nodes_idle() {
    let rule = Rule::Fenzo { min_idle: 1, max_idle: 2, cooldown: Span::from_seconds(100) };
    let elastic = Elastic { most: 5, begin: 1, rule: Some(rule), ..Elastic::default() };
    let mut experiment = group_of(elastic, vec![job(0, 10, group(1, 1_000, 190))]);
    experiment.stop = Stop::At(seconds(300));
    let (outcome, _) = run(experiment);
    // None is idle from 10 s on; two are ordered after the first pause, at 100 s. Three are idle at 200 s: one goes.
    assert_eq!((number(&outcome, "nodes.ordered"), number(&outcome, "nodes.removed")), (2.0, 1.0));
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 4.0 * (300.0 + 200.0 + 100.0));
    balanced(&outcome);
}

#[test]
fn empty_nodes_switch_themselves_off() {
    let idle = Some(Span::from_seconds(30));
    let elastic = Elastic { most: 3, begin: 3, least: 1, idle, ..Elastic::default() };
    let mut experiment = group_of(elastic, vec![job(0, 0, group(1, 1_000, 10))]);
    experiment.stop = Stop::At(seconds(100));
    let (outcome, _) = run(experiment);
    // Two are empty from the beginning; the third may not go.
    assert_eq!(number(&outcome, "nodes.removed"), 2.0);
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 4.0 * (100.0 + 2.0 * 30.0));
    balanced(&outcome);
}

#[test]
fn lent_nodes_are_taken_away_and_replaced() {
    let spot = Some(Spot { mean: Span::from_seconds(1_000), warning: Span::from_seconds(60) });
    let elastic = Elastic { most: 8, begin: 4, boot: Span::from_seconds(30), spot, ..Elastic::default() };
    let whole = || {
        let mut experiment = group_of(elastic.clone(), vec![job(0, 0, group(4, 2_000, 100_000))]);
        experiment.stop = Stop::At(seconds(100_000));
        run(experiment).0
    };
    let outcome = whole();
    let taken = number(&outcome, "nodes.interrupted");
    // Four at a time, each lent for 1,000 s on average and away for 30 s: some 390, give or take 20.
    assert!((310.0..470.0).contains(&taken), "{taken}");
    assert!((taken - number(&outcome, "nodes.removed")).abs() <= 4.0);
    assert!(number(&outcome, "attempts.evicted") > 100.0, "work has to leave with them");
    assert_eq!(number(&outcome, "attempts.lost"), 0.0, "and is warned");
    balanced(&outcome);
    assert_eq!(outcome.summary, whole().summary);
}

#[test]
fn what_fits_nowhere_does_not_keep_a_rule_at_work_for_ever() {
    let rule = Rule::ClusterAutoscaler {
        scan: Span::from_seconds(10),
        below: 500,
        unneeded: Span::from_seconds(60),
        after_add: Span::ZERO,
    };
    let elastic = Elastic { most: 3, begin: 1, rule: Some(rule), ..Elastic::default() };
    let (outcome, _) = run(group_of(elastic, vec![job(0, 0, group(1, 5_000, 1))]));
    assert_eq!(number(&outcome, "tasks.pending_at_end"), 1.0);
    balanced(&outcome);
}

#[test]
fn a_rule_orders_only_nodes_that_the_waiting_tasks_can_use() {
    let rule = Rule::ClusterAutoscaler {
        scan: Span::from_seconds(10),
        below: 500,
        unneeded: Span::from_seconds(600),
        after_add: Span::from_seconds(600),
    };
    let elastic = |name: &str, first| {
        let name = name.to_owned();
        Elastic { name, first, most: 3, begin: 0, boot: Span::from_seconds(60), rule: Some(rule), ..Elastic::default() }
    };
    let on = |arch: Option<&str>, cpu: u32| {
        let mut group = group(1, cpu, 100);
        let condition = |arch: &str| Condition::In(vec![arch.to_owned()]);
        let one = |arch: &str| Constraint { attribute: "arch".to_owned(), condition: condition(arch) };
        group.ask.constraints = arch.map(|arch| vec![one(arch)].into());
        group
    };
    // Three nodes x86 of 4 cores, three arm of 8.
    let nodes: Vec<(u32, u32)> = (0..6).map(|at| (if at < 3 { 4_000 } else { 8_000 }, 0)).collect();
    let run_with = |jobs: Vec<Job>| {
        let mut experiment = experiment(fleet(&nodes), jobs);
        for (at, node) in experiment.fleet.nodes.iter_mut().enumerate() {
            node.attributes = vec![("arch".to_owned(), if at < 3 { "x86" } else { "arm" }.to_owned())];
        }
        experiment.model.elastic = vec![elastic("x86", 0), elastic("arm", 3)];
        run(experiment)
    };
    // Seen at 10 s, there 60 s later. The first group could hold it all by its room; only the second may.
    let (outcome, tape) = run_with(vec![job(0, 0, on(Some("arm"), 4_000)), job(1, 0, on(Some("arm"), 4_000))]);
    assert_eq!((number(&outcome, "nodes.ordered"), tape.start_of("1/0")), (1.0, Some(70 * SECOND)));
    // Too large for the first group.
    let (outcome, tape) = run_with(vec![job(0, 0, on(None, 6_000))]);
    assert_eq!((number(&outcome, "nodes.ordered"), tape.start_of("0/0")), (1.0, Some(70 * SECOND)));
    // Both would do: the first group orders, and the second sees that it is on its way.
    let (outcome, _) = run_with(vec![job(0, 0, on(None, 4_000))]);
    assert_eq!(number(&outcome, "nodes.ordered"), 1.0);
    // One of each.
    let (outcome, tape) = run_with(vec![job(0, 0, on(Some("x86"), 4_000)), job(1, 0, on(Some("arm"), 4_000))]);
    assert_eq!((number(&outcome, "nodes.ordered"), number(&outcome, "tasks.pending_at_end")), (2.0, 0.0));
    assert_eq!(tape.start_of("1/0"), Some(70 * SECOND));
    balanced(&outcome);
}
