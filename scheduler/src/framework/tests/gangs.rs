//! Gangs that are to lie in one domain.

use super::*;
use crate::layout::{Choose, Law, Layout, Level, Rule};

/// A node with so many gpus, in a block of two racks of two nvlink domains.
fn gpu_node(id: u32, gpus: u8, nvlink: u32) -> NodeSpec {
    let mut capacity = Resources::new(64_000, 0);
    capacity[GPU] = u32::from(gpus) * 1_000;
    let domain = |kind: &str, number: u32| (kind.to_string(), format!("{kind}-{number}"));
    let domains = vec![domain("nvlink", nvlink), domain("rack", nvlink / 2), domain("block", nvlink / 4)];
    NodeSpec { node: NodeId(id), capacity, gpus, attributes: vec![], domains }
}

/// One node per number of gpus, `each` to an nvlink domain.
fn fleet(gpus: &[u8], each: u32) -> Stage {
    let mut stage = Stage::new(placed_by("best-fit"));
    for (id, &gpus) in gpus.iter().enumerate() {
        stage.add(gpu_node(id as u32, gpus, id as u32 / each));
    }
    stage
}

fn within(levels: &[(&str, bool)], choose: Choose) -> Layout {
    let within = levels.iter().map(|&(kind, required)| Level { kind: kind.to_string(), required }).collect();
    Layout { within, choose, ..Layout::default() }
}

impl Stage {
    fn gpu_gang(&mut self, members: u32, gpus: u8, layout: Layout) -> JobSpec {
        let mut spec = self.gang(members, 1, 0);
        spec.gpu = GpuRequest { count: gpus, milli: 1_000 };
        spec.request[GPU] = u32::from(gpus) * 1_000;
        JobSpec { layout: Some(Arc::new(layout)), ..spec }
    }

    /// Submits such a gang and says on which nodes its members are.
    fn members(&mut self, members: u32, gpus: u8, layout: &Layout) -> Vec<u32> {
        let spec = self.gpu_gang(members, gpus, layout.clone());
        self.submit(spec);
        let places = self.places();
        places.iter().flat_map(|&(_, node, count)| (0..count).map(move |_| node)).collect()
    }
}

#[test]
fn least_fragmentation_serves_both_gangs_and_best_fit_one() {
    for (choose, first, second) in
        [(Choose::LeastFragmentation, vec![1, 2], vec![0]), (Choose::BestFit, vec![0, 0], vec![])]
    {
        let mut stage = fleet(&[2, 1, 1], 3);
        let layout = within(&[("rack", true)], choose);
        assert_eq!(stage.members(2, 1, &layout), first, "{choose:?}: two tasks of one gpu");
        assert_eq!(stage.members(1, 2, &layout), second, "{choose:?}: then one of two gpus");
    }
}

#[test]
fn the_domain_with_the_least_room_that_is_enough_and_never_two_if_one_is_required() {
    let mut stage = fleet(&[4, 4, 2, 1, 3, 0, 8, 8], 2);
    let nvlink = within(&[("nvlink", true)], Choose::BestFit);
    assert_eq!(stage.members(3, 1, &nvlink), [2, 2, 3], "3 free in domain 1, as in domain 2, which comes later");
    assert_eq!(stage.members(6, 1, &nvlink), [0, 0, 0, 0, 1, 1], "8 free in domain 0, 3 in domain 2");
    assert_eq!(stage.members(17, 1, &nvlink), [], "21 are free, 16 in one domain");
    assert_eq!(stage.core.waiting(), 1);
}

#[test]
fn finer_levels_are_preferred_and_the_required_one_is_the_last() {
    // Two nvlink domains of two nodes in a rack, two racks in a block.
    let mut stage = fleet(&[2, 2, 4, 1, 3, 3, 1, 1], 2);
    let levels = within(&[("nvlink", false), ("rack", true)], Choose::BestFit);
    assert_eq!(stage.members(5, 1, &levels), [2, 2, 2, 2, 3], "5 free in an nvlink domain");
    assert_eq!(stage.members(7, 1, &levels), [4, 4, 4, 5, 5, 5, 6], "8 in a rack: the fuller nvlink domain first");
    assert_eq!(stage.members(5, 1, &levels), [], "5 are left, 4 in one rack");
    let levels = within(&[("nvlink", false), ("rack", false)], Choose::BestFit);
    assert_eq!(stage.members(5, 1, &levels), [0, 0, 1, 1, 7], "any nodes will do in the end");
}

#[test]
fn a_gang_in_a_domain_keeps_its_rules_and_leaves_no_trace_if_it_cannot() {
    let mut stage = fleet(&[2, 2, 2, 2], 2);
    let mut layout = within(&[("nvlink", true)], Choose::BestFit);
    layout.rules.push(Rule { attribute: "hostname".to_string(), law: Law::Unique });
    let before = stage.books();
    assert_eq!(stage.members(3, 1, &layout), [], "no domain has three nodes");
    assert_eq!(stage.books(), before);
    assert_eq!(stage.members(2, 1, &layout), [0, 1]);
    // A gang without gpus fills nodes as a whole.
    let spec =
        JobSpec { layout: Some(Arc::new(within(&[("rack", true)], Choose::BestFit))), ..stage.gang(3, 32_000, 0) };
    stage.submit(spec);
    assert_eq!(stage.places(), [(5, 2, 2), (5, 0, 1)]);
}
