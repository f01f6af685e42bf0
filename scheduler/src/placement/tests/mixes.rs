//! Mixes and samples: what is chosen, and what is refused.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::config::{Choice, Config, Setting};
use crate::core::{ConfigError, Registries};
use crate::framework::tests::Stage;
use crate::index::{Choices, Count, Place, Rank, enough};
use crate::ledger::{Node, Shape};
use crate::placement::{PLACEMENTS, Placement, build};

fn number(value: f64) -> Setting {
    Setting::Number(value)
}

fn table(pairs: &[(&str, Setting)]) -> Setting {
    Setting::Table(pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect())
}

fn choice(name: &str, options: &[(&str, Setting)]) -> Choice {
    let options = options.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    Choice { name: name.to_string(), options }
}

/// A mix of parts with weights.
fn mix(parts: &[(&str, f64)]) -> Choice {
    let part =
        |&(name, weight): &(&str, f64)| table(&[("name", Setting::Text(name.into())), ("weight", number(weight))]);
    choice("mix", &[("mix", Setting::List(parts.iter().map(part).collect()))])
}

/// Where a task of 2 cores and 2 GiB goes on nodes of which this much is used.
fn goes_to(placement: Choice) -> Option<u32> {
    let mut stage = Stage::with(Config { placement, ..Config::default() }, &[(8_000, 8_192); 3]);
    for (at, (cpu, memory)) in [(4_000, 1_024), (1_000, 5_120), (2_000, 2_048)].into_iter().enumerate() {
        let spec = stage.task(cpu, memory);
        let node = crate::id::NodeId(at as u32);
        stage.hear(&[crate::event::Event::TaskAdopted { spec, node, gpus: crate::event::GpuSet::NONE }]);
    }
    let spec = stage.task(2_000, 2_048);
    stage.submit(spec);
    stage.node()
}

#[test]
fn weights_decide_between_parts() {
    // After placing, free shares (in hundredths): 25 and 62, 62 and 12, 50 and 50.
    // least-allocated: 43, 37, 50. most-allocated: 56, 62, 50. balanced: 81, 75, 100.
    assert_eq!(goes_to(Choice::named("most-allocated")), Some(1));
    assert_eq!(goes_to(Choice::named("balanced")), Some(2));
    // 56 + 81 = 137, 62 + 75 = 137, 50 + 100 = 150.
    assert_eq!(goes_to(mix(&[("most-allocated", 1.0), ("balanced", 1.0)])), Some(2));
    // 3 x: 249, 261, 250.
    assert_eq!(goes_to(mix(&[("most-allocated", 3.0), ("balanced", 1.0)])), Some(1));
    // A tie goes to the lowest id, whatever the order of the parts.
    assert_eq!(goes_to(mix(&[("balanced", 1.0), ("first-of-all", 1.0)])), None, "an unknown part is no policy");
    assert_eq!(goes_to(mix(&[("best-fit", 1.0)])), goes_to(Choice::named("best-fit")));
}

#[test]
fn a_mix_may_be_a_part_and_its_points_are_a_mean() {
    let inner = Setting::List(vec![
        table(&[("name", Setting::Text("most-allocated".into())), ("weight", number(3.0))]),
        table(&[("name", Setting::Text("balanced".into()))]),
    ]);
    let outer = choice(
        "mix",
        &[(
            "mix",
            Setting::List(vec![
                table(&[("name", Setting::Text("mix".into())), ("mix", inner)]),
                table(&[("name", Setting::Text("least-allocated".into()))]),
            ]),
        )],
    );
    // The inner mix gives 62.25, 65.25 and 62.5 points; with 43, 37 and 50 that is 105.25, 102.25 and 112.5.
    assert_eq!(goes_to(outer), Some(2));
}

#[test]
fn what_cannot_be_mixed_or_sampled_is_refused_with_a_fix() {
    let check = |placement: Choice| Registries::default().check(&Config { placement, ..Config::default() });
    let refused = |placement: Choice| check(placement).expect_err("it means nothing").to_string();
    assert_eq!(check(mix(&[("balanced", 2.0), ("nomad-binpack", 1.0)])), Ok(()));
    assert!(refused(mix(&[("next-fit", 1.0)])).contains("take it out"));
    assert!(refused(mix(&[("random", 1.0)])).contains("take it out"));
    assert!(refused(mix(&[])).contains("write a list of parts"));
    assert!(refused(mix(&[("balanced", 0.0)])).contains("whole number from 1 to 1000"));
    assert!(refused(mix(&[("balanced", 1.5)])).contains("whole number from 1 to 1000"));
    let unknown = check(mix(&[("balanze", 1.0)]));
    assert!(matches!(unknown, Err(ConfigError::UnknownPolicy { ref name, .. }) if name == "balanze"), "{unknown:?}");
    let sampled_part = table(&[("name", Setting::Text("balanced".into())), ("choices", number(2.0))]);
    assert!(refused(choice("mix", &[("mix", Setting::List(vec![sampled_part]))])).contains("beside `mix`"));
    for bad in [number(0.0), number(0.5), Setting::Text("log3".into()), Setting::Flag(true)] {
        assert!(refused(choice("balanced", &[("choices", bad)])).contains("log2"));
    }
    let percent = |value: f64| choice("balanced", &[("percentage_of_nodes_to_score", number(value))]);
    assert!(refused(percent(101.0)).contains("from 0 to 100"));
    assert_eq!((check(percent(0.0)), check(percent(100.0))), (Ok(()), Ok(())));
    let both = choice("balanced", &[("choices", number(2.0)), ("percentage_of_nodes_to_score", number(5.0))]);
    assert!(refused(both).contains("keep one"));
    assert!(matches!(check(choice("next-fit", &[("choices", number(2.0))])), Err(ConfigError::UnknownOption { .. })));
}

#[test]
fn every_policy_with_points_can_be_a_part_and_every_sample_can_be_built() {
    for entry in PLACEMENTS.iter().filter(|entry| entry.part.is_some()) {
        assert_eq!(goes_to(mix(&[(entry.name, 7.0)])), goes_to(Choice::named(entry.name)), "{}", entry.name);
    }
    for entry in PLACEMENTS.iter().filter(|entry| entry.options.iter().any(|note| note.name == "choices")) {
        // All nodes are drawn, or enough, so nothing changes.
        let all = choice(entry.name, &[("choices", number(3.0))]);
        assert_eq!(goes_to(all), goes_to(Choice::named(entry.name)), "{}", entry.name);
        let hundred = choice(entry.name, &[("percentage_of_nodes_to_score", number(0.0))]);
        assert_eq!(goes_to(hundred), goes_to(Choice::named(entry.name)), "{}", entry.name);
    }
}

#[test]
fn enough_nodes_are_as_many_as_kubernetes_finds_enough() {
    // kubernetes schedule_one_test.go, TestNumFeasibleNodesToFind, and its formula.
    let cases = [(0, 10, 10), (40, 10, 10), (0, 1_000, 420), (40, 1_000, 400), (0, 6_000, 300), (40, 6_000, 2_400)];
    for (percent, nodes, expected) in cases {
        assert_eq!(enough(nodes, percent), expected, "{percent} % of {nodes}");
    }
    assert_eq!((enough(99, 5), enough(100, 5), enough(50_000, 0), enough(50_000, 100)), (99, 100, 2_500, 50_000));
}

/// Prefers high ids.
#[derive(Clone)]
struct Last;

impl Rank for Last {
    const STICKY: bool = false;

    fn rank(&self, _shape: &Shape, node: Node<'_>) -> i64 {
        i64::from(node.id.0)
    }
}

const LAST: Placement = Placement {
    name: "last",
    aliases: &["omega"],
    summary: "the last node",
    options: &[],
    source: "an example",
    build: |config| Box::new(Choices::new(Last, Count::Log2, config.seed)) as Box<dyn Place>,
    part: Some(|_| crate::placement::part(Last)),
};

#[test]
fn a_policy_of_ones_own_can_be_mixed_under_any_of_its_names() {
    let mut registry: Vec<Placement> = PLACEMENTS.to_vec();
    registry.push(LAST);
    for name in ["last", "omega"] {
        let config = Config { placement: mix(&[(name, 1.0)]), ..Config::default() };
        assert!(build(&registry, &config).is_some() && build(PLACEMENTS, &config).is_none());
        let registries = Registries { placements: registry.clone(), ..Registries::default() };
        assert_eq!(registries.check(&config), Ok(()));
    }
    assert_eq!(String::from("last"), LAST.name);
}

/// The nodes that 200 tasks of a spreading policy go to, looking at a sample of 400 nodes.
fn spread(options: &[(&str, Setting)], seed: u64) -> Vec<u32> {
    let placement = choice("least-allocated", options);
    let mut stage = Stage::with(Config { placement, seed, ..Config::default() }, &[(8_000, 8_192); 400]);
    let mut nodes = vec![];
    for _ in 0..200 {
        let spec = stage.task(1_000, 1_024);
        stage.submit(spec);
        nodes.extend(stage.node());
    }
    nodes
}

#[test]
fn a_search_goes_on_where_the_last_one_ended() {
    // 47 percent of 400 are 188: the lowest empty one of 0.., 188.., 376.. and around, 164.., 352.. and around, 140..
    let nodes = spread(&[("percentage_of_nodes_to_score", number(0.0))], 0);
    assert_eq!(nodes[..6], [0, 188, 1, 164, 2, 140]);
}

#[test]
fn samples_are_drawn_by_task_and_seed() {
    let two = [("choices", number(2.0))];
    assert_eq!(spread(&two, 1), spread(&two, 1));
    assert_ne!(spread(&two, 1), spread(&two, 2));
    let crowded = |nodes: &[u32]| {
        let mut counts = [0; 400];
        nodes.iter().for_each(|&node| counts[node as usize] += 1);
        counts.into_iter().filter(|&count| count > 1).map(|count| count - 1).sum::<i32>()
    };
    let (one, two, log) = (
        crowded(&spread(&[("choices", number(1.0))], 3)),
        crowded(&spread(&two, 3)),
        crowded(&spread(&[("choices", Setting::Text("log2".into()))], 3)),
    );
    assert!(one > two && two > log, "more choices, fewer collisions: {one}, {two}, {log}");
}
