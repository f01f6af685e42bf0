//! Triggers at instants that are worked out by hand.

use windtunnel_outcome::limit::Limit;
use windtunnel_traces::model::{NodeGroup, Upkeep};

use super::*;
use crate::elastic::Elastic;
use crate::trigger::{Action, Change, Leave, Submit, Trigger, When};

fn number(outcome: &Outcome, name: &str) -> f64 {
    outcome.summary.number(name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// Nodes of 4 cores at $3.06 an hour, so many of which are there at first.
fn comes_and_goes(most: u32, begin: u32, boot_s: u64, jobs: Vec<Job>) -> Experiment {
    let rate = Upkeep { price: 3_060_000, idle_mw: 0, busy_mw: 0 };
    let fleet = Fleet {
        upkeep: vec![rate; most as usize],
        groups: vec![NodeGroup { name: "m".to_owned(), count: most }],
        ..fleet(&vec![(4_000, 0); most as usize])
    };
    let mut experiment = experiment(fleet, jobs);
    let boot = Span::from_seconds(boot_s);
    experiment.model.elastic =
        vec![Elastic { name: "m".to_owned(), first: 0, most, begin, boot, ..Elastic::default() }];
    experiment
}

fn limit(text: &str) -> When {
    When::Holds(Box::new(text.parse::<Limit>().expect("a limit")))
}

fn trigger(name: &str, when: When, actions: Vec<Action>) -> Trigger {
    Trigger { name: name.to_owned(), when, hold: Span::ZERO, cooldown: None, actions }
}

fn add(count: u32) -> Action {
    Action::AddNodes { group: 0, count }
}

fn leave(count: u32) -> Leave {
    Leave { group: 0, count, grace: Span::ZERO, deadline: Span::ZERO }
}

/// When a trigger fired, in microseconds, in order.
fn firings(outcome: &Outcome, name: &str) -> Vec<u64> {
    let texts = outcome.summary.iter().filter(|(path, _)| path[0] == "firings" && path[2] == "trigger");
    let of_name =
        texts.filter(|(_, value)| matches!(value, windtunnel_outcome::summary::Value::Text(text) if text == name));
    of_name.map(|(path, _)| (number(outcome, &format!("firings.{}.at_s", path[1])) * 1e6).round() as u64).collect()
}

fn told(outcome: &Outcome, firing: usize, what: &str) -> String {
    outcome.summary.text(&format!("firings.{firing}.{what}")).unwrap_or_default().to_owned()
}

#[test]
fn a_cost_trigger_fires_in_the_microsecond_in_which_the_money_is_spent() {
    let mut experiment = comes_and_goes(2, 2, 0, vec![]);
    experiment.stop = Stop::At(seconds(20 * 3_600));
    let spent = limit("cost.total_usd > $100");
    experiment.model.triggers = vec![trigger("budget", spent, vec![Action::RemoveNodes(leave(1))])];
    let (outcome, _) = run(experiment);
    // Two nodes are $6.12 an hour: $100 are spent after 100 / 6.12 h = 58 823.529 411 76.. s.
    let at_us = 58_823_529_412_u64;
    assert_eq!(firings(&outcome, "budget"), [at_us]);
    assert_eq!(told(&outcome, 0, "did"), "removes 1 of 1 nodes of m");
    let hours = |us: u64| us as f64 / 3.6e9;
    let expected = 3.06 * 20.0 + 3.06 * hours(at_us);
    assert!((number(&outcome, "cost.total_usd") - expected).abs() < 1e-9);
    assert_eq!(number(&outcome, "cost.rate_usd_per_h"), 3.06);
    // The node that left is none of the capacity from then on.
    let capacity = number(&outcome, "conservation.cpu.capacity");
    assert!((capacity - (4.0 * 72_000.0 + 4.0 * at_us as f64 / 1e6)).abs() < 1e-6, "{capacity}");
    assert_eq!(number(&outcome, "conservation.cpu.down"), 0.0);
    assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    assert_eq!((number(&outcome, "nodes.removed"), number(&outcome, "availability.down_s")), (1.0, 0.0));
}

#[test]
fn a_mean_over_a_window_crosses_its_limit_between_two_events() {
    // All four cores from 100 s to 300 s: over 100 s the mean is one half at 150 s, and again, falling, at 350 s.
    let jobs = vec![job(0, 100, group(4, 1_000, 200)), job(1, 600, group(1, 1_000, 1))];
    let mut experiment = comes_and_goes(1, 1, 0, jobs);
    let mut high = trigger("high", limit("allocation.cpu.mean over 100s >= 50%"), vec![add(1)]);
    let mut late = trigger("late", limit("allocation.cpu.mean over 100s >= 50%"), vec![add(1)]);
    late.hold = Span::from_seconds(30);
    let mut never = late.clone();
    (never.name, never.hold) = ("never".to_owned(), Span(200 * SECOND + 1));
    let mut again = late.clone();
    (again.name, again.hold, again.cooldown) = ("again".to_owned(), Span::ZERO, Some(Span::from_seconds(60)));
    high.cooldown = None;
    experiment.model.triggers = vec![high, late, never, again];
    let (outcome, _) = run(experiment);
    assert_eq!(firings(&outcome, "high"), [150 * SECOND]);
    assert_eq!(firings(&outcome, "late"), [180 * SECOND]);
    // At 350 s it is one half still: the limit has held for 200 s, and not for a microsecond longer.
    assert_eq!(firings(&outcome, "never"), [0_u64; 0]);
    assert_eq!(firings(&outcome, "again"), [150, 210, 270, 330].map(|at| at * SECOND));
}

#[test]
fn waits_leave_their_window() {
    // One core at a time: tasks start at 0, 10, 20, 30 s having waited so long.
    let jobs = vec![job(0, 0, group(4, 4_000, 10)), job(1, 200, group(1, 1_000, 1))];
    let mut experiment = comes_and_goes(1, 1, 0, jobs);
    let of = |text: &str, name: &str| trigger(name, limit(text), vec![add(1)]);
    experiment.model.triggers = vec![
        of("wait_s.max over 25s >= 20s", "max"),
        of("wait_s.mean over 25s == 15s", "mean"),
        of("wait_s.p50 over 1m > 10s", "median"),
        of("wait_s.p99 >= 30s", "all"),
        of("tasks.finished over 15s >= 2", "done"),
        of("queue.tasks < 1", "empty"),
    ];
    let (outcome, _) = run(experiment);
    assert_eq!(firings(&outcome, "max"), [20 * SECOND]);
    // 0, 10, 20, 30 at 30 s less the 0 that started at 0 s, which left at 25 s: 10 + 20 at 25 s, 20 at 30 s.
    assert_eq!(firings(&outcome, "mean"), [25 * SECOND]);
    // Of 0, 10, 20, 30 the second is the median; when the first has left it is 20.
    assert_eq!(firings(&outcome, "median"), [60 * SECOND]);
    assert_eq!(firings(&outcome, "all"), [30 * SECOND]);
    // Ends at 10, 20, 30, 40 s: the older of two leaves 15 s after it came.
    assert_eq!(firings(&outcome, "done"), [20, 30, 40].map(|at| at * SECOND));
    // What is handed in at the beginning waits when triggers first look; it no longer does when the last has started.
    assert_eq!(firings(&outcome, "empty"), [30 * SECOND]);
}

#[test]
fn what_waits_is_helped_by_nodes_that_boot() {
    let jobs = vec![job(0, 0, group(1, 4_000, 1_000)), job(1, 10, group(1, 4_000, 100))];
    let mut experiment = comes_and_goes(3, 1, 120, jobs);
    let mut short = trigger("short", limit("queue.tasks > 0"), vec![add(1)]);
    short.hold = Span::from_seconds(60);
    let mut idle = trigger("idle", limit("nodes.empty_at_end > 0"), vec![Action::RemoveNodes(leave(1))]);
    idle.hold = Span::from_seconds(300);
    experiment.model.triggers = vec![short, idle];
    let (outcome, tape) = run(experiment);
    assert_eq!(firings(&outcome, "short"), [70 * SECOND]);
    assert_eq!(tape.start_of("1/0"), Some(190 * SECOND), "70 s and two minutes to boot");
    assert_eq!(tape.rows.iter().find(|row| row.task == "1/0").and_then(|row| row.node.clone()), Some("n1".to_owned()));
    // It ends at 290 s and its node is empty for 300 s at 590 s.
    assert_eq!(firings(&outcome, "idle"), [590 * SECOND]);
    assert_eq!((number(&outcome, "nodes.ordered"), number(&outcome, "nodes.removed")), (1.0, 1.0));
    assert_eq!(number(&outcome, "nodes.count"), 2.0, "the third never came");
    // 1,000 s of one node and from 190 to 590 s another: paid for from 70 s on.
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 4.0 * (1_000.0 + 400.0));
    assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
    let paid = 3.06 * (1_000.0 + 520.0) / 3_600.0;
    assert!((number(&outcome, "cost.total_usd") - paid).abs() < 1e-9);
}

#[test]
fn triggers_that_undo_each_other_in_one_instant_are_named() {
    // Three of four cores are 75 %; of eight they are 37.5 %.
    let mut experiment = comes_and_goes(2, 1, 0, vec![job(0, 5, group(3, 1_000, 100))]);
    experiment.model.triggers = vec![
        trigger("more", limit("allocation.cpu.at_end > 70%"), vec![add(1)]),
        trigger("fewer", limit("allocation.cpu.at_end < 50%"), vec![Action::RemoveNodes(leave(1))]),
    ];
    // Nothing runs at first, so that one node goes and the tasks wait; then both at once.
    experiment.model.elastic[0].least = 1;
    let ran = run_with(experiment, &mut Core::new(&Registries::default()));
    let error = ran.map(|_| ()).expect_err("there is no end to it");
    assert_eq!(
        error.to_string(),
        "triggers `more` and `fewer` undo each other at 5.000000s; set their limits further apart, or give them `for`"
    );
}

#[test]
fn a_policy_changes_at_an_instant_and_a_run_ends_at_one() {
    // First fit until 50 s, then the emptiest node: that is where the third job goes.
    let jobs =
        vec![job(0, 0, group(1, 1_000, 200)), job(1, 40, group(1, 1_000, 200)), job(2, 60, group(1, 1_000, 200))];
    let mut experiment = comes_and_goes(2, 2, 0, jobs);
    let before = experiment.scheduler.clone();
    let after = Config { placement: Choice::named("least-allocated"), ..before.clone() };
    let set = Action::Set { before: Box::new(before), after: Box::new(after), words: "placement".to_owned() };
    experiment.model.triggers = vec![
        trigger("new", When::At(seconds(50)), vec![set]),
        trigger("end", limit("tasks.running_at_end over 30s > 2.5"), vec![Action::Stop]),
    ];
    let (outcome, tape) = run(experiment);
    let nodes: Vec<_> = tape.rows.iter().map(|row| row.node.clone().unwrap_or_default()).collect();
    assert_eq!(nodes, ["n0", "n0", "n1"]);
    // Two run from 40 s, three from 60 s on: over 30 s the mean is more than 2.5 once half of them are over 75 s.
    assert_eq!(outcome.end, Time(75 * SECOND + 1));
    assert_eq!(firings(&outcome, "new"), [50 * SECOND]);
    assert_eq!(tape.events.iter().filter(|(_, _, event)| matches!(event, Event::Reconfigured(_))).count(), 1);
}

#[test]
fn jobs_and_replicas_come_and_go() {
    let mut service = group(2, 1_000, 0);
    (service.ask.kind, service.truth.run) = (JobKind::Service, Run::Same(Span::FOREVER));
    let mut experiment = comes_and_goes(2, 2, 0, vec![job(7, 0, service)]);
    experiment.stop = Stop::At(seconds(100));
    let scale = |change: Change| Action::Scale { service: "7".to_owned(), change };
    let extra = Job { name: Name::Text("extra".into()), ..job(0, 0, group(1, 2_000, 5)) };
    let submit = Submit { job: extra, class: "cron".to_owned(), role: String::new(), workload: 0 };
    experiment.model.triggers = vec![
        trigger("up", When::At(seconds(10)), vec![scale(Change::By(3))]),
        trigger("down", When::At(seconds(40)), vec![scale(Change::To(1))]),
        trigger("work", When::At(seconds(20)), vec![Action::Submit(Box::new(submit))]),
    ];
    let (outcome, tape) = run(experiment);
    assert_eq!(tape.start_of("extra/0"), Some(20 * SECOND));
    assert_eq!(told(&outcome, 0, "did"), "3 more replicas of 7");
    assert_eq!(told(&outcome, 2, "did"), "killed 4 of 4 replicas of 7");
    assert_eq!((number(&outcome, "tasks.killed"), number(&outcome, "tasks.running_at_end")), (4.0, 1.0));
    assert_eq!(number(&outcome, "by_class.cron.tasks.finished"), 1.0);
    // Two for 10 s, five for 30 s, one for 60 s, and the job.
    assert_eq!(number(&outcome, "conservation.cpu.busy"), 20.0 + 150.0 + 60.0 + 10.0);
}

#[test]
fn drained_nodes_stay_and_are_paid_for() {
    let jobs = vec![job(0, 0, group(2, 1_000, 100)), job(1, 20, group(1, 4_000, 10))];
    let mut experiment = comes_and_goes(2, 2, 0, jobs);
    experiment.model.triggers = vec![trigger("drain", When::At(seconds(10)), vec![Action::DrainNodes(leave(1))])];
    let (outcome, tape) = run(experiment);
    // The empty one is closed, so that the job waits for the other.
    assert_eq!(tape.start_of("1/0"), Some(100 * SECOND));
    assert_eq!(number(&outcome, "conservation.cpu.capacity"), 8.0 * 110.0);
    assert_eq!(number(&outcome, "conservation.cpu.residual"), 0.0);
}

#[test]
fn live_numbers_are_those_that_can_be_watched() {
    for metric in windtunnel_outcome::metric::METRICS {
        let name = metric.name.replace("<name>", "batch").replace("<lane>", "cpu");
        let limit: Limit = format!("{name} > 1").parse().expect("a limit");
        assert_eq!(crate::trigger::can_watch(&limit), metric.live, "{name}");
    }
}
