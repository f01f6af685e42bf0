//! Policies that look at gpus one by one, on nodes worked out by hand.

use alloc::vec::Vec;

use crate::config::{Config, Typical};
use crate::event::{GpuRequest, GpuSet};
use crate::id::NodeId;
use crate::index::Rank;
use crate::ledger::{Ledger, Node, Scale, Shape};
use crate::placement::{DotProduct, Fgd, FgdBestFit, GpuClustering, GpuPacking};
use crate::resources::{CPU, GPU, Resources};
use crate::time::Time;

/// A task of so many millicores, gpus and thousandths of each.
fn task(cpu: u32, count: u8, milli: u16) -> Shape {
    let mut request = Resources::new(cpu, 0);
    request[GPU] = u32::from(count) * u32::from(milli);
    Shape { request, gpu: GpuRequest { count, milli }, constraints: None, layout: None }
}

/// A node with so much cpu left of 64 cores and so much of each gpu, in a fleet whose largest has 128 cores and 8 gpus.
fn on<T>(cpu: u32, gpus: &[u16], tags: u64, ask: impl Fn(Node<'_>) -> T) -> T {
    let row = |cpu: u32, milli: u32| {
        let mut row = Resources::new(cpu, 0);
        row[GPU] = milli;
        row
    };
    let free = row(cpu, gpus.iter().map(|&left| u32::from(left)).sum());
    let capacity = row(64_000, gpus.len() as u32 * 1_000);
    let scale = Scale { largest: row(128_000, 8_000), ..Scale::default() };
    ask(Node {
        id: NodeId(0),
        free: &free,
        capacity: &capacity,
        gpus,
        tasks: 0,
        gpu_tags: tags,
        latest_end: Time::ZERO,
        scale: &scale,
    })
}

#[test]
fn packing_opens_no_gpu_it_can_do_without() {
    let score = |shape: Shape, gpus: &[u16]| on(64_000, gpus, 0, |node| GpuPacking.rank(&shape, node));
    assert_eq!(score(task(1, 0, 0), &[500]), 0, "no gpu asked");
    assert_eq!(score(task(1, 1, 500), &[1_000, 1_000]), 31, "idle: 33 - 2");
    assert_eq!(score(task(1, 1, 500), &[1_000; 20]), 20, "idle: never less than its gpus");
    assert_eq!(score(task(1, 1, 500), &[400, 1_000]), 49, "one is opened");
    assert_eq!(score(task(1, 2, 1_000), &[0, 1_000, 1_000, 1_000]), 48, "two are opened");
    assert_eq!(score(task(1, 1, 500), &[800, 600, 1_000]), 94, "60 percent are left on the fullest that can");
    assert_eq!(score(task(1, 1, 300), &[330, 600]), 97, "33 / 10 is 3");
}

#[test]
fn clustering_keeps_kinds_together() {
    let score = |shape: Shape, tags: u64| on(64_000, &[1_000, 600], tags, |node| GpuClustering.rank(&shape, node));
    // q = 25 x (8,000 - 1,600) / 8,000 = 20.
    assert_eq!(score(task(1, 1, 300), 0b001), 95, "parts only");
    assert_eq!(score(task(1, 1, 300), 0b011), 70, "parts among others");
    assert_eq!(score(task(1, 1, 300), 0), 45);
    assert_eq!(score(task(1, 1, 300), 0b010), 20, "others only");
    assert_eq!(score(task(1, 2, 1_000), 0b100), 95, "two gpus are a kind of their own");
    assert_eq!(score(task(1, 0, 0), 0b001), 0);
}

#[test]
fn best_fit_and_dot_product_are_whole_hundredths_of_the_largest_node() {
    let at = |ask: &dyn Fn(Node<'_>) -> i64| on(64_000, &[1_000, 600], 0, ask);
    let shape = task(32_000, 1, 600);
    // 32,000 / 128,000 and 1,000 / 8,000, half each: 0.1875.
    assert_eq!(at(&|node| FgdBestFit.rank(&shape, node)), 81);
    // 1/2 x 1/4 + 1/5 x 3/40 = 0.14, over two lanes.
    assert_eq!(at(&|node| DotProduct.rank(&shape, node)), 93);
}

fn typical(kinds: &[(u32, u8, u16, u64)]) -> Config {
    let kinds = kinds.iter().map(|&(cpu, count, milli, tasks)| {
        let Shape { request, gpu, .. } = task(cpu, count, milli);
        Typical { request, gpu, constraints: None, tasks }
    });
    Config { typical: kinds.collect(), ..Config::default() }
}

/// A policy for a fleet of one node.
fn fgd(config: &Config) -> Fgd {
    let mut ledger = Ledger::default();
    let capacity = Resources::new(64_000, 0);
    ledger.add_node(&crate::event::NodeSpec {
        node: NodeId(0),
        capacity,
        gpus: 0,
        attributes: Vec::new(),
        domains: Vec::new(),
    });
    let mut fgd = Fgd::new(config);
    fgd.prepare(&ledger);
    fgd
}

#[test]
fn the_gradient_of_fragmentation_is_as_worked_out_by_hand() {
    // Three quarters of all tasks want half a gpu, one quarter wants two.
    let policy = fgd(&typical(&[(4_000, 1, 500, 3), (8_000, 2, 1_000, 1)]));
    let score = |shape: Shape, gpus: &[u16]| on(64_000, gpus, 0, |node| policy.rank(&shape, node));
    // Two free gpus serve everybody: F = 0. Then 500 and 1,000: halves can use all, pairs nothing of 1,500: F = 375.
    // sigmoid(-0.375) = 0.40733.
    assert_eq!(score(task(4_000, 1, 500), &[1_000, 1_000]), 40);
    // 500 and 1,000, F = 375: on the first nothing but 1,000 is left for halves, F = 250, sigmoid(0.125) = 0.5312; on
    // the second 500 and 500 are left, F = 250: the first wins.
    assert_eq!(score(task(4_000, 1, 500), &[500, 1_000]), 53);
    let device = |shape: Shape, gpus: &[u16]| on(64_000, gpus, 0, |node| policy.devices(&shape, node));
    assert_eq!(device(task(4_000, 1, 500), &[500, 1_000]), Some(GpuSet(0b01)));
    assert_eq!(device(task(4_000, 1, 300), &[1_000, 800, 300]), Some(GpuSet(0b100)), "300 serve nobody");
    assert_eq!(device(task(4_000, 2, 1_000), &[1_000, 1_000]), None, "whole ones are all alike");
    // A task without gpus that leaves too little cpu for halves: F from 375 to 1,500, sigmoid(-1.125) = 0.2451.
    assert_eq!(score(task(61_000, 0, 0), &[500, 1_000]), 24);
    assert_eq!(score(task(1_000, 0, 0), &[500, 1_000]), 50, "nothing changes");
}

#[test]
fn rare_kinds_are_not_typical() {
    // 95 of 100 tasks want a quarter of a gpu; the rest would count if all were covered.
    let policy = fgd(&typical(&[(1_000, 1, 250, 95), (1_000, 1, 700, 5)]));
    let score = |gpus: &[u16]| on(64_000, gpus, 0, |node| policy.rank(&task(1_000, 1, 250), node));
    assert_eq!(score(&[1_000]), 50, "750 are left, and who wants 700 is not thought of");
    assert_eq!(score(&[400]), 46, "150 are left that serve nobody: sigmoid(-0.15)");
    // The same kind, told twice, is one kind.
    let policy = fgd(&typical(&[(1_000, 1, 700, 5), (1_000, 1, 250, 40), (1_000, 1, 250, 55)]));
    assert_eq!(on(64_000, &[1_000], 0, |node| policy.rank(&task(1_000, 1, 250), node)), 50);
}

#[test]
fn nodes_with_many_gpus_are_scored_like_others() {
    let policy = fgd(&typical(&[(4_000, 1, 500, 3), (8_000, 2, 1_000, 1)]));
    let score = |gpus: &[u16]| on(64_000, gpus, 0, |node| policy.rank(&task(4_000, 1, 500), node));
    let mut many = [0_u16; 40];
    (many[7], many[30]) = (500, 1_000);
    assert_eq!(score(&many), score(&[500, 1_000]));
}

#[test]
fn without_typical_tasks_nodes_are_all_alike() {
    let policy = fgd(&Config::default());
    for gpus in [&[1_000_u16, 300][..], &[700], &[1_000; 8]] {
        let score = on(64_000, gpus, 0, |node| policy.rank(&task(1_000, 1, 250), node));
        assert!((0..=100).contains(&score), "{score}");
        assert_eq!(score, on(64_000, &[1_000], 0, |node| policy.rank(&task(1_000, 1, 250), node)));
    }
    assert_eq!(task(7, 0, 0).request[CPU], 7);
}
