//! The waiting tasks against a plain ordered map, and the keys of the orders.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{QUEUES, Sight, Waiter, Waiting, WaitingEntry};
use crate::cause::Cause;
use crate::config::Config;
use crate::event::{Event, JobSpec, NodeSpec};
use crate::framework::tests::{Stage, placed_by};
use crate::id::NodeId;
use crate::ledger::{Ledger, ShapeId};
use crate::resources::Resources;
use crate::time::{Span, Time};

fn key(queue: &str, spec: &JobSpec) -> u64 {
    let is_it = |entry: &&super::Queue| entry.name == queue || entry.aliases.contains(&queue);
    let order = (QUEUES.iter().find(is_it).expect("a queue").build)(&Config::default());
    let now = Time::ZERO + Span::from_seconds(1_000);
    order.key(&Waiter::new(spec, Time::ZERO), &Sight { now, cpu_milli: 10_000 })
}

#[test]
fn keys_put_first_what_is_to_be_tried_first() {
    let mut stage = Stage::new(placed_by("first-fit"));
    let plain = stage.task(1, 1);
    let by_priority: Vec<u64> = [i32::MAX, 7, 0, -1, i32::MIN]
        .into_iter()
        .map(|priority| key("priority", &JobSpec { priority, ..plain.clone() }))
        .collect();
    assert!(by_priority.is_sorted_by(|one, other| one < other), "{by_priority:?}");
    let by_estimate: Vec<u64> = [Some(Span::ZERO), Some(Span(1)), Some(Span(u64::MAX - 1)), None]
        .into_iter()
        .map(|estimate| key("sjf", &JobSpec { estimate, ..plain.clone() }))
        .collect();
    assert!(by_estimate.is_sorted_by(|one, other| one < other), "{by_estimate:?}");
    assert_eq!(key("fcfs", &plain), key("fifo", &JobSpec { priority: 9, ..plain.clone() }));
}

/// Four shapes of 1 to 4 millicores.
fn shapes(ledger: &mut Ledger) -> Vec<ShapeId> {
    let mut stage = Stage::new(placed_by("first-fit"));
    (1..=4).map(|cpu| ledger.shape_of(&stage.task(cpu, 0))).collect()
}

proptest! {
    /// The class of a task is its shape (1 to 4 millicores) and the size of its gang; (key, task) orders them all.
    #[test]
    fn the_first_is_the_first_of_all_that_are_not_parked(
        ops in proptest::collection::vec((0_u8..10, any::<u32>()), 1..200),
    ) {
        let mut ledger = Ledger::default();
        let shapes = shapes(&mut ledger);
        let mut waiting = Waiting::default();
        let mut plain: BTreeMap<(u64, u64), (usize, u32)> = BTreeMap::new();
        let mut parked = vec![];
        for (number, (kind, word)) in ops.into_iter().enumerate() {
            let first = plain.iter().find(|(_, class)| !parked.contains(*class)).map(|(&key, &class)| (key, class));
            let found = waiting.first();
            prop_assert_eq!(found.map(|(_, entry)| (entry.key, entry.task)), first.map(|(key, _)| key));
            match (kind, found, first) {
                (0..=4, _, _) => {
                    let (class, key) = (((word % 4) as usize, word / 4 % 2 * 3), u64::from(word / 8 % 5));
                    let count = if class.1 == 0 { 1 + word / 64 % 3 } else { 1 };
                    let task = number as u64 * 8;
                    let since = Time(number as u64);
                    waiting.add(shapes[class.0], class.1, WaitingEntry { key, task, count, job: 0, since });
                    plain.extend((0..u64::from(count)).map(|at| ((key, task + at), class)));
                }
                (5 | 6, Some((class, _)), Some((key, _))) => {
                    waiting.take(class, 1);
                    plain.remove(&key);
                }
                (7, Some((class, _)), Some((_, name))) => {
                    waiting.park(&ledger, class);
                    parked.push(name);
                }
                (8, _, _) => {
                    // A node with so much free room wakes what fits on it.
                    let room = word % 5;
                    let capacity = Resources::new(room, 0);
                    let (node, attributes, domains) = (NodeId(0), vec![], vec![]);
                    ledger.add_node(&NodeSpec { node, capacity, gpus: 0, attributes, domains });
                    waiting.wake_for(&ledger, node);
                    parked.retain(|&(shape, _)| shape as u32 + 1 > room);
                }
                (9, _, _) if word % 8 == 0 => {
                    waiting.wake_all();
                    parked.clear();
                }
                _ => {}
            }
            prop_assert_eq!(waiting.tasks(), plain.len() as u64);
            prop_assert_eq!(waiting.has_parked(), !parked.is_empty());
        }
    }
}

#[test]
fn clocks_of_a_class_run_for_those_who_were_there() {
    let mut ledger = Ledger::default();
    let shape = shapes(&mut ledger)[0];
    let mut waiting = Waiting::default();
    let entry = |task: u64, since: u64| WaitingEntry { key: 0, task, count: 1, job: 0, since: Time(since) };
    waiting.add(shape, 0, entry(0, 10));
    let (class, _) = waiting.first().expect("one waits");
    waiting.hold(class, Time(12), Cause::Capacity);
    waiting.add(shape, 0, entry(1, 20));
    waiting.hold(class, Time(25), Cause::Gang);
    let mut causes = |now: u64, rest: Cause| {
        let (class, _) = waiting.first().expect("one waits");
        let causes = waiting.waited(class, Time(now), rest);
        waiting.take(class, 1);
        [Cause::Capacity, Cause::Gang, Cause::Decision].map(|cause| causes[cause as usize].0)
    };
    assert_eq!(causes(30, Cause::Decision), [13, 5, 2], "two passed before it was held up");
    assert_eq!(causes(40, Cause::Decision), [5, 15, 0]);
}

#[test]
fn a_class_that_closes_leaves_no_clock_running_for_the_next() {
    let mut stage = Stage::with(placed_by("first-fit"), &[(1_000, 0)]);
    for round in 0..20_u64 {
        let (first, second) = (stage.task(1_000, 0), stage.task(1_000 - round as u32, 0));
        let task = second.first_task.0;
        stage.at(round * 10).hear(&[Event::JobSubmitted(first), Event::JobSubmitted(second)]);
        stage.at(round * 10 + 4).finish(task - 1);
        let capacity_us = stage.decisions.iter().find_map(|decision| match decision {
            crate::Decision::Waited { causes, .. } => Some(causes[Cause::Capacity as usize].0),
            _ => None,
        });
        assert_eq!(capacity_us, Some(4_000_000), "round {round}");
        stage.finish(task);
    }
}
