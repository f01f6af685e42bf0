use std::collections::BTreeMap;

use windtunnel_scheduler::resources::Resources;
use windtunnel_traces::model::{Name, Node};
use windtunnel_traces::synthetic::{Constant, Exponential, Lognormal, Weibull};

use super::*;

const HOUR: u64 = 3_600_000_000;

/// So many machines, dealt out to racks of eight in turn.
fn fleet(nodes: u32) -> windtunnel_traces::model::Fleet {
    let node = |at: u32| Node {
        name: Name::Text(format!("n{at}").into()),
        capacity: Resources::new(1_000, 0),
        gpus: 0,
        attributes: vec![],
        domains: vec![("rack".into(), format!("r{}", at / 8))],
    };
    windtunnel_traces::model::Fleet { nodes: (0..nodes).map(node).collect(), lanes: 1, ..Default::default() }
}

fn chance(kind: &str, between: impl Into<Law>, repair: impl Into<Law>) -> Chance {
    Chance {
        kind: kind.to_owned(),
        between: between.into(),
        repair: repair.into(),
        crews: 0,
        repeat: None,
        burst: None,
        fresh: false,
    }
}

fn engine(chance: Chance, nodes: u32, seed: u64) -> Engine {
    let source = FaultSource { name: "x".into(), effect: Effect::Outage, when: When::Chance(chance) };
    Engine::new(Faults { sources: vec![source], upkeep: vec![] }, &fleet(nodes), seed)
}

/// Every strike until `end`: when, which domain, whether it begins.
fn strikes(engine: &mut Engine, end: Time) -> Vec<(Time, u32, bool)> {
    let mut strikes = Vec::new();
    while let Some(at) = engine.earliest().filter(|&at| at < end) {
        while let Some(strike) = engine.pop(at) {
            strikes.push((at, strike.domain, strike.begins));
        }
    }
    strikes
}

/// Lengths of time up (after the first failure) and down, in hours.
fn lengths(strikes: &[(Time, u32, bool)]) -> (Vec<f64>, Vec<f64>) {
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut last: BTreeMap<u32, Time> = BTreeMap::new();
    for &(at, domain, begins) in strikes {
        if let Some(before) = last.insert(domain, at) {
            let hours = (at - before).0 as f64 / HOUR as f64;
            if begins { up.push(hours) } else { down.push(hours) }
        }
    }
    (up, down)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The shape of a Weibull law out of a sample, by maximum likelihood (Newton's method on its equation).
fn weibull_shape(sample: &[f64]) -> f64 {
    let mean_log = mean(&sample.iter().map(|x| libm::log(*x)).collect::<Vec<_>>());
    let mut shape = 1.0;
    for _ in 0..50 {
        let (mut sum, mut sum_log, mut sum_log2) = (0.0, 0.0, 0.0);
        for &x in sample {
            let (power, log) = (libm::pow(x, shape), libm::log(x));
            sum += power;
            sum_log += power * log;
            sum_log2 += power * log * log;
        }
        let value = sum_log / sum - 1.0 / shape - mean_log;
        let slope = sum_log2 / sum - (sum_log / sum) * (sum_log / sum) + 1.0 / (shape * shape);
        shape -= value / slope;
    }
    shape
}

#[test]
fn every_model_is_found_by_its_name_and_makes_something() {
    let names: std::collections::BTreeSet<&str> = FAULTS.iter().map(|model| model.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    for entry in FAULTS {
        assert!(entry.effect(&Terms::new()).is_ok(), "{} has defaults", entry.name);
        assert!(!entry.summary.is_empty() && !entry.source.is_empty(), "{}", entry.name);
        assert_eq!(model(entry.name).map(|found| found.name), Some(entry.name));
    }
    assert!(model("earthquake").is_none());
}

#[test]
fn failures_and_repairs_follow_their_laws() {
    let between = Weibull::with_mean(0.7, Span(4_300 * HOUR), None).unwrap();
    let repair = Lognormal::new(Span(HOUR), 1.4, None).unwrap();
    // Long lives are cut off by the end more often than short ones: few machines, watched for long.
    let mut engine = engine(chance("node", between, repair), 50, 0);
    let strikes = strikes(&mut engine, Time(4_300 * HOUR * 2_080));
    let (up, down) = lengths(&strikes);
    assert!(up.len() > 100_000 && down.len() > 100_000, "{}", up.len());
    // Of 10^5 draws: the deviation of the mean is 1.46 / sqrt(10^5) = 0.46 %; lengths cut off by the end are few.
    assert!((mean(&up) / 4_300.0 - 1.0).abs() < 0.014, "{}", mean(&up));
    assert!((weibull_shape(&up) / 0.7 - 1.0).abs() < 0.02, "{}", weibull_shape(&up));
    // Mean exp(1.4^2 / 2) = 2.664 h; its deviation is 2.47 / sqrt(10^5) = 0.78 %.
    assert!((mean(&down) / 2.664_456 - 1.0).abs() < 0.024, "{}", mean(&down));
}

#[test]
fn machines_are_met_in_the_middle_of_their_lives_unless_they_are_new() {
    let between = || Weibull::with_mean(0.7, Span(1_000 * HOUR), None).unwrap();
    let repair = || Constant::new(Span(HOUR)).unwrap();
    let failures = |fresh: bool| {
        let mut engine = engine(Chance { fresh, ..chance("node", between(), repair()) }, 20_000, 0);
        strikes(&mut engine, Time(100 * HOUR)).iter().filter(|strike| strike.2).count() as f64
    };
    // In the steady state 20,000 machines fail 2,000 times in a tenth of their mean; new ones more often.
    let steady = failures(false);
    assert!((steady - 1_998.0).abs() < 4.0 * 1_998.0_f64.sqrt() * 1.5, "{steady}");
    assert!(failures(true) > 1.5 * steady);
}

#[test]
fn the_same_domain_meets_the_same_failures_whatever_else_there_is() {
    let law = || Exponential::new(Span(100 * HOUR), None).unwrap();
    let fix = || Exponential::new(Span(HOUR), None).unwrap();
    let of_first = |nodes: u32, seed| {
        let mut engine = engine(chance("node", law(), fix()), nodes, seed);
        let all = strikes(&mut engine, Time(2_000 * HOUR));
        all.into_iter().filter(|strike| strike.1 == 3).collect::<Vec<_>>()
    };
    assert_eq!(of_first(10, 7), of_first(1_000, 7));
    assert_ne!(of_first(10, 7), of_first(10, 8));
}

#[test]
fn a_rack_takes_all_its_nodes() {
    let law = Exponential::new(Span(100 * HOUR), None).unwrap();
    let mut engine = engine(chance("rack", law, Constant::new(Span(HOUR)).unwrap()), 20, 0);
    let at = engine.earliest().unwrap();
    let strike = engine.pop(at).unwrap();
    let mut nodes = Vec::new();
    engine.nodes(strike, &mut nodes);
    let first = strike.domain * 8;
    assert_eq!(nodes, (first..(first + 8).min(20)).collect::<Vec<_>>());
}

#[test]
fn crews_work_off_failures_in_their_order() {
    // Three machines fail at once; one crew takes an hour for each.
    let chance = Chance {
        crews: 1,
        fresh: true,
        ..chance("node", Constant::new(Span(10 * HOUR)).unwrap(), Constant::new(Span(HOUR)).unwrap())
    };
    let mut engine = engine(chance, 3, 0);
    let hours: Vec<(u64, bool)> =
        strikes(&mut engine, Time(14 * HOUR)).iter().map(|strike| (strike.0.0 / HOUR, strike.2)).collect();
    assert_eq!(hours, [(10, true), (10, true), (10, true), (11, false), (12, false), (13, false)]);
}

#[test]
fn one_failure_takes_others_of_its_rack_along() {
    let burst = Burst { chance: 1.0, kind: "rack".into(), share: 1.0, within: Span(HOUR) };
    let chance = Chance {
        burst: Some(burst),
        ..chance("node", Exponential::new(Span(1_000 * HOUR), None).unwrap(), Constant::new(Span(5 * HOUR)).unwrap())
    };
    let mut engine = engine(chance, 80, 0);
    let all = strikes(&mut engine, Time(2_000 * HOUR));
    let first = all[0];
    let soon: std::collections::BTreeSet<u32> =
        all.iter().filter(|strike| strike.2 && strike.0 <= first.0 + Span(HOUR)).map(|strike| strike.1).collect();
    let rack = first.1 / 8;
    assert!((rack * 8..rack * 8 + 8).all(|node| soon.contains(&node)), "{soon:?} of rack {rack}");
    // Up and down alternate all the same.
    let mut down = [false; 80];
    for (_, node, begins) in all {
        assert_ne!(std::mem::replace(&mut down[node as usize], begins), begins);
    }
}

#[test]
fn failures_come_again_soon_as_often_as_is_said() {
    let chance = Chance {
        repeat: Some(Repeat { chance: 0.25, within: Span(HOUR) }),
        ..chance("node", Constant::new(Span(1_000 * HOUR)).unwrap(), Constant::new(Span(HOUR)).unwrap())
    };
    let mut engine = engine(chance, 400, 0);
    let (up, _) = lengths(&strikes(&mut engine, Time(20_000 * HOUR)));
    let soon = up.iter().filter(|&&hours| hours <= 1.0).count() as f64 / up.len() as f64;
    assert!((soon - 0.25).abs() < 3.0 * (0.25 * 0.75 / up.len() as f64).sqrt() + 0.005, "{soon} of {}", up.len());
}

#[test]
fn what_is_listed_comes_as_listed() {
    let listed = vec![
        Listed { nodes: [2, 5].into(), begin: Time(30), end: Time(40) },
        Listed { nodes: [1].into(), begin: Time(10), end: Time::NEVER },
    ];
    let source = FaultSource { name: "x".into(), effect: Effect::Soft, when: When::Listed(listed) };
    let mut engine = Engine::new(Faults { sources: vec![source], upkeep: vec![] }, &fleet(8), 0);
    let mut seen = Vec::new();
    let mut nodes = Vec::new();
    while let Some(at) = engine.earliest() {
        while let Some(strike) = engine.pop(at) {
            engine.nodes(strike, &mut nodes);
            seen.push((at.0, strike.begins, strike.forever, nodes.clone()));
        }
    }
    let expected = [(10, true, true, vec![1]), (30, true, false, vec![2, 5]), (40, false, false, vec![2, 5])];
    assert_eq!(seen, expected);
}
