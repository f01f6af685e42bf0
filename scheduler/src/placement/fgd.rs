//! Fragmentation gradient descent.
//!
//! **What it prefers.** The node whose gpus become the least useless. A node's fragmentation is the expected amount of
//! idle gpu that a typical task cannot use: `F = sum over typical tasks of weight x (idle gpu that it cannot use)`, all
//! of it where the task cannot run (too little cpu, too few gpus, another model, or a task without gpus), else what
//! lies on gpus with less left than it needs on one. The score is `int(100 x sigmoid((F before - F after) / 1000))`. A
//! part of a gpu goes to the device with the best score, the first among equals; whole gpus are taken by lowest index.
//! **When it is bad.** Work that is not like the typical tasks it was told; fleets without gpus, where all nodes are
//! alike to it.
//! **Typical tasks.** The kinds (cpu, gpus, constraints) of the sample in order of frequency, until they make up
//! `coverage` of its tasks.
//! **Source.** Weng, Yang, Yu, Wang, Tang, Yang, Zhang, USENIX ATC 2023, "Beware of fragmentation".

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fragmentation::{Fragmentation, Kind, Room};
use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::{Choice, Config, Typical};
use crate::constraint::Constraint;
use crate::event::{GpuRequest, GpuSet};
use crate::id::NodeId;
use crate::index::Rank;
use crate::ledger::{Ledger, Node, Shape};
use crate::registry::OptionNote;
use crate::resources::CPU;

/// What is typical.
const TYPICAL: OptionNote = OptionNote {
    name: "typical",
    default: "the workload",
    meaning: "a trace of the tasks to be expected: { trace = { format = \"openb\", path = \"pods.csv\" } }",
};
/// How much of it counts.
const COVERAGE: OptionNote =
    OptionNote { name: "coverage", default: "0.95", meaning: "the share of tasks that the typical kinds make up" };
/// Kinds beyond the most frequent are left out.
const KINDS_MOST: usize = 512;
/// Different sets of constraints that are told apart: one bit each.
const SETS_MOST: usize = 64;

/// See the module.
#[derive(Clone)]
pub struct Fgd {
    fragmentation: Fragmentation,
    /// The different sets of constraints of typical tasks.
    sets: Vec<Option<Arc<[Constraint]>>>,
    /// Which of them each node meets, one bit each.
    met: Vec<u64>,
}

/// A kind of task as the study tells them apart, and its constraints.
type Told<'a> = ((u32, GpuRequest), &'a Option<Arc<[Constraint]>>, u64);

/// The most frequent kinds, each once, until they make up `coverage` of all tasks.
fn most_frequent(typical: &[Typical], coverage: f64) -> Vec<Told<'_>> {
    let mut kinds: Vec<Told<'_>> = Vec::new();
    for one in typical {
        let key = (one.request[CPU], one.gpu);
        match kinds.iter_mut().find(|(told, constraints, _)| *told == key && **constraints == one.constraints) {
            Some((_, _, tasks)) => *tasks += one.tasks,
            None => kinds.push((key, &one.constraints, one.tasks)),
        }
    }
    // Equally frequent kinds stay in the order in which they were told.
    kinds.sort_by_key(|&(_, _, tasks)| core::cmp::Reverse(tasks));
    let all: u64 = kinds.iter().map(|&(_, _, tasks)| tasks).sum();
    let mut covered = 0;
    let short = kinds.iter().position(|&(_, _, tasks)| {
        covered += tasks;
        covered as f64 >= coverage * all as f64
    });
    kinds.truncate(short.map_or(usize::MAX, |at| at + 1).min(KINDS_MOST));
    kinds
}

impl Fgd {
    /// With the typical tasks of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let coverage = config.placement.number(COVERAGE.name).unwrap_or(0.95);
        let mut sets: Vec<Option<Arc<[Constraint]>>> = Vec::new();
        let mut kinds = Vec::new();
        for ((cpu, gpu), constraints, tasks) in most_frequent(&config.typical, coverage) {
            let known = sets.iter().position(|set| set == constraints);
            let set = known.unwrap_or(sets.len());
            if set == SETS_MOST {
                continue;
            }
            if known.is_none() {
                sets.push(constraints.clone());
            }
            kinds.push(Kind { cpu, gpu, set: 1 << set, tasks });
        }
        Self { fragmentation: Fragmentation::new(kinds), sets, met: Vec::new() }
    }

    fn room<'a>(&self, node: Node<'a>) -> Room<'a> {
        let sets = self.met.get(node.id.index()).copied().unwrap_or(0);
        Room { cpu: node.free[CPU], sets, gpus: node.gpus }
    }

    /// The score, and the device that a part of a gpu gets with it.
    fn score(&self, shape: &Shape, node: Node<'_>) -> (i64, Option<usize>) {
        let (before, cpu) = (self.room(node), shape.request[CPU]);
        if !shape.gpu.is_part() {
            return (self.fragmentation.score(&before, cpu, shape.gpu, usize::MAX), None);
        }
        let mut best: Option<(i64, usize)> = None;
        for (at, &left) in node.gpus.iter().enumerate() {
            // A gpu with as much left as an earlier one has the same score, and the earlier one wins.
            if left >= shape.gpu.milli && !node.gpus[..at].contains(&left) {
                let score = self.fragmentation.score(&before, cpu, shape.gpu, at);
                if best.is_none_or(|(most, _)| score > most) {
                    best = Some((score, at));
                }
            }
        }
        best.map_or((0, None), |(score, at)| (score, Some(at)))
    }
}

impl Rank for Fgd {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        self.score(shape, node).0
    }

    fn prepare(&mut self, ledger: &Ledger) {
        let meets = |set: &Option<Arc<[Constraint]>>, node| set.as_ref().is_none_or(|set| ledger.meets(set, node));
        self.met.clear();
        self.met.extend((0..ledger.node_count() as u32).map(NodeId).map(|node| {
            let bits = self.sets.iter().enumerate().filter(|(_, set)| meets(set, node)).map(|(at, _)| 1 << at);
            bits.fold(0, |mask, bit: u64| mask | bit)
        }));
    }

    fn devices(&self, shape: &Shape, node: Node<'_>) -> Option<GpuSet> {
        self.score(shape, node).1.map(|at| GpuSet(1 << at))
    }
}

/// Why the options of a choice cannot be followed; None if they can.
pub(super) fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let fine = |share: f64| share > 0.0 && share <= 1.0;
    let is_bad = choice.options.contains_key(COVERAGE.name) && !choice.number(COVERAGE.name).is_some_and(fine);
    is_bad.then_some((COVERAGE.name, "write a share above 0, at most 1"))
}

pub(super) const ENTRY: Placement = Placement {
    name: "fgd",
    aliases: &[],
    summary: "the node whose idle gpus stay useful to the most typical tasks",
    options: &[TYPICAL, COVERAGE, CHOICES, PERCENT],
    source: "Weng et al., USENIX ATC 2023 (FGD)",
    build: |config| search(config, Fgd::new(config)),
    part: Some(|config| part(Fgd::new(config))),
};
