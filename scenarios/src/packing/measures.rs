//! All measures of one snapshot, as numbers by name.

use std::sync::Arc;

use windtunnel_outcome::Summary;
use windtunnel_outcome::bound::Bounds;
use windtunnel_outcome::fragment::{FragmentCause, SharesByCause};
use windtunnel_scheduler::event::{JobSpec, NodeSpec};
use windtunnel_scheduler::resources::{LANES, Totals};

use super::books::{Books, Kind, kinds_of, typical_of};
use super::compaction::{self, Cell};
use super::defragment::{Moves, defragment};
use super::fragments::{Fragments, Looker};
use super::inflation::{self, Balloon, Direction};
use super::load::{self, LoadPoint};
use super::repack::{Order, Packed, Packer, Piece, Workload, largest_of, pieces_of, soften};
use super::{bounds, holes};
use crate::failure::Failure;
use crate::packing::Snapshot;
use crate::progress::{Interrupt, Steps};

/// Parts in a million.
const PPM: u64 = 1_000_000;
/// Budgets of migrations that are told of, in thousandths of all tasks.
const BUDGETS_PERMILLE: [u64; 5] = [1, 10, 20, 50, 100];

/// What is asked of a snapshot.
#[derive(Clone, Debug)]
pub struct Options {
    /// Orders of removal.
    pub trials: u64,
    /// The order in which tasks are handed in.
    pub order: Order,
    /// The share of all tasks that may stay pending, in millionths.
    pub pending_ppm: u64,
    /// What holes are filled with; the most frequent kind of task if it is not given.
    pub unit: Option<JobSpec>,
    /// The key of every draw.
    pub seed: u64,
}

/// How many of so many tasks may stay pending.
#[must_use]
pub fn tolerated(tasks: u64, pending_ppm: u64) -> u64 {
    (u128::from(tasks) * u128::from(pending_ppm) / u128::from(PPM)) as u64
}

/// A node as the snapshot leaves it: what is free of its cpu and its memory, as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Left {
    /// Free share of cpu.
    pub cpu: f64,
    /// Free share of memory.
    pub memory: f64,
}

/// What came of measuring.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Every number by name.
    pub summary: Summary,
    /// Nodes that each trial needed.
    pub trials: Vec<u64>,
    /// What migrations buy.
    pub moves: Moves,
    /// Fragmentation while the fleet fills up.
    pub curve: Vec<LoadPoint>,
    /// What is left on nodes that hold something.
    pub left: Vec<Left>,
    /// What must be kept in mind, a sentence each.
    pub warnings: Vec<String>,
}

impl Measured {
    /// The number of a metric, as limits name it; None if this snapshot has none of the name.
    #[must_use]
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.summary.number(metric)
    }
}

/// Whether a metric is measured by packing a snapshot, rather than counted in a run.
#[must_use]
pub fn is_measure(metric: &str) -> bool {
    let first = metric.split('.').next().unwrap_or_default();
    let families =
        ["compaction", "inflation", "hole_filling", "packed", "lower_bound", "gap", "fragmentation", "defragmentation"];
    // A run has a utilization of cpu, between its first submission and its last end, and means of what is stranded.
    let of_run = |metric: &str| metric == "utilization.cpu" || metric.ends_with(".mean") || metric.ends_with(".at_end");
    families.contains(&first) || (["utilization", "stranded"].contains(&first) && !of_run(metric))
}

/// Takes every measure. `lanes` are those that the fleet names.
///
/// # Errors
/// If there is nothing to pack or nowhere to pack it, or Ctrl-C was pressed.
pub fn measure(
    snapshot: &Snapshot,
    lanes: &[(usize, String)],
    packer: &Packer<'_>,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<Measured, Failure> {
    if snapshot.nodes.is_empty() || snapshot.held.is_empty() {
        let sentence = "nothing runs at this instant, so there is nothing to pack; name another with --at";
        return Err(Failure::new(sentence));
    }
    let mut measured = Measured::default();
    let mut books = Books::of(snapshot);
    if books.displaced > 0 {
        measured.warnings.push(format!("{} tasks have no room where they are said to run", books.displaced));
    }
    let mut pieces = pieces_of(snapshot);
    soften(&mut pieces, snapshot.nodes.len());
    let kinds = kinds_of(&pieces);
    let typical = typical_of(&kinds);
    let workload = Workload::new(&pieces, options.order, &largest_of(&snapshot.nodes));
    let subject = Subject { nodes: &snapshot.nodes, lanes, pieces: &pieces, workload: &workload, options, packer };

    let summary = &mut measured.summary;
    subject.describe(summary, snapshot, &books);
    subject.fill_holes(summary, &mut books, &kinds[0]);
    let looker = Looker::new(&mut books.ledger, &typical);
    subject.fragments(summary, &looker.look(&books.ledger), &books);
    measured.left = left_on(&books);
    measured.moves = defragment(&snapshot.nodes, &books);
    write_moves(summary, &measured.moves);
    drop(books);

    let may_wait = tolerated(workload.tasks, options.pending_ppm);
    let bounds = bounds::of(&snapshot.nodes, &kinds, may_wait);
    let complete = if may_wait == 0 { bounds.nodes } else { bounds::of(&snapshot.nodes, &kinds, 0).nodes };
    subject.bounds(summary, &bounds, complete);
    let steps = Steps::new("packing", options.trials + 3, interrupt);
    let whole = subject.whole(interrupt, &steps, may_wait)?;
    summary.set("packed.nodes", whole.packed.nodes);
    summary.set("packed.pending", whole.packed.pending);
    summary.set("inflation.factor", whole.horizontal);
    summary.set("inflation.horizontal", whole.horizontal);
    summary.set("inflation.vertical", whole.vertical);
    write_trials(summary, &whole.trials, snapshot.nodes.len() as u64, may_wait, bounds.nodes);
    measured.trials = whole.trials;
    measured.curve = load::curve(&snapshot.nodes, &pieces, options.order, &typical, packer)?;
    steps.clear();
    Ok(measured)
}

/// What is measured, and how.
struct Subject<'a> {
    nodes: &'a [Arc<NodeSpec>],
    lanes: &'a [(usize, String)],
    pieces: &'a [Piece],
    workload: &'a Workload,
    options: &'a Options,
    packer: &'a Packer<'a>,
}

/// What needs packing from scratch.
struct Whole {
    packed: Packed,
    horizontal: f64,
    vertical: f64,
    trials: Vec<u64>,
}

impl Subject<'_> {
    fn describe(&self, summary: &mut Summary, snapshot: &Snapshot, books: &Books) {
        let nodes = self.nodes.len() as u64;
        summary.set("snapshot.at_s", snapshot.at.as_seconds());
        summary.set("snapshot.tasks", self.workload.tasks);
        summary.set("snapshot.nodes", nodes);
        summary.set("snapshot.nodes_in_use", nodes - books.empty_nodes());
        let (free, capacity) = (books.ledger.free_total(), books.ledger.capacity_total());
        for (lane, name) in self.lanes {
            let (free, all) = (free.0[*lane], capacity.0[*lane]);
            let share = (all > 0).then(|| (all - free) as f64 / all as f64);
            summary.set(&format!("utilization.{name}"), share);
        }
    }

    fn fill_holes(&self, summary: &mut Summary, books: &mut Books, frequent: &Kind) {
        let unit = self.options.unit.as_ref().unwrap_or(&frequent.spec);
        let units = holes::fill(&mut books.ledger, unit);
        summary.set("hole_filling.units", units);
        for (lane, name) in self.lanes.iter().filter(|(lane, _)| unit.request[*lane] > 0) {
            summary.set(&format!("hole_filling.unit.{name}"), u64::from(unit.request[*lane]));
            let free = books.ledger.free_total().0[*lane];
            let filled = u128::from(units) * u128::from(unit.request[*lane]);
            let share = (free > 0).then(|| filled as f64 / free as f64);
            summary.set(&format!("hole_filling.filled.{name}"), share);
        }
    }

    fn fragments(&self, summary: &mut Summary, fragments: &Fragments, books: &Books) {
        let (free, capacity) = (books.ledger.free_total(), books.ledger.capacity_total());
        for (lane, name) in self.lanes {
            let Some(free) = free_share(free, capacity, *lane) else { continue };
            let total: f64 = fragments.fragmented[*lane].iter().sum();
            summary.set(&format!("fragmentation.{name}.of_free"), (free > 0.0).then(|| total / free));
            by_cause(summary, &format!("fragmentation.{name}"), &fragments.fragmented, *lane);
            by_cause(summary, &format!("stranded.{name}"), &fragments.stranded, *lane);
        }
    }

    fn bounds(&self, summary: &mut Summary, bounds: &Bounds, complete: u64) {
        summary.set("lower_bound.nodes", bounds.nodes);
        summary.set("lower_bound.complete", complete);
        for (lane, name) in self.lanes {
            summary.set(&format!("lower_bound.by_lane.{name}"), bounds.lanes[*lane]);
        }
        summary.set("lower_bound.devices", bounds.devices);
        summary.set("lower_bound.pairs", bounds.pairs);
        summary.set("lower_bound.conditions", bounds.conditions);
    }

    /// Everything that packs from scratch, on all cores; nothing depends on which of it is done first.
    fn whole(&self, interrupt: &Interrupt, steps: &Steps, may_wait: u64) -> Result<Whole, Failure> {
        let Options { order, pending_ppm, seed, trials, .. } = *self.options;
        let balloon = Balloon { nodes: self.nodes, pieces: self.pieces, order, pending_ppm, seed, interrupt };
        let cell = Cell { nodes: self.nodes, workload: self.workload, may_wait, seed, interrupt };
        let grow = |direction| {
            let factor = inflation::factor(&balloon, self.packer, direction);
            steps.done();
            factor
        };
        let (trials, (horizontal, vertical)) = rayon::join(
            || compaction::trials(&cell, self.packer, trials, &|| steps.done()),
            || rayon::join(|| grow(Direction::Horizontal), || grow(Direction::Vertical)),
        );
        let packed = self.packer.count(self.nodes.iter(), self.workload)?;
        steps.done();
        Ok(Whole { packed, horizontal: horizontal?, vertical: vertical?, trials: trials? })
    }
}

fn free_share(free: &Totals, capacity: &Totals, lane: usize) -> Option<f64> {
    (capacity.0[lane] > 0).then(|| free.0[lane] as f64 / capacity.0[lane] as f64)
}

fn by_cause(summary: &mut Summary, name: &str, shares: &SharesByCause, lane: usize) {
    debug_assert!(lane < LANES);
    summary.set(&format!("{name}.share"), shares[lane].iter().sum::<f64>());
    for cause in FragmentCause::ALL {
        let share = shares[lane][cause as usize];
        if share > 0.0 {
            summary.set(&format!("{name}.by_cause.{}", cause.name()), share);
        }
    }
}

/// What is left of cpu and memory on nodes that hold something and have both.
fn left_on(books: &Books) -> Vec<Left> {
    use windtunnel_scheduler::id::NodeId;
    use windtunnel_scheduler::resources::{CPU, MEMORY};
    let nodes = (0..books.ledger.node_count() as u32).map(|node| books.ledger.node(NodeId(node)));
    let both = nodes.filter(|node| node.tasks > 0 && node.capacity[CPU] > 0 && node.capacity[MEMORY] > 0);
    both.map(|node| {
        let share = |lane: usize| f64::from(node.free[lane]) / f64::from(node.capacity[lane]);
        Left { cpu: share(CPU), memory: share(MEMORY) }
    })
    .collect()
}

fn write_moves(summary: &mut Summary, moves: &Moves) {
    summary.set("defragmentation.nodes_in_use", moves.in_use);
    summary.set("defragmentation.freed_nodes", moves.migrations.len() as u64);
    summary.set("defragmentation.migrations", moves.migrations.last().copied().unwrap_or(0));
    for permille in BUDGETS_PERMILLE {
        let budget = moves.tasks * permille / 1000;
        let name = format!("defragmentation.by_budget.{budget}");
        summary.set(&format!("{name}.freed_nodes"), moves.freed_by(budget));
    }
}

/// The value at a rank: the smallest that at least `percent` of all do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

fn write_trials(summary: &mut Summary, trials: &[u64], fleet: u64, may_wait: u64, bound: u64) {
    let mut sorted = trials.to_vec();
    sorted.sort_unstable();
    summary.set("compaction.trials", trials.len() as u64);
    summary.set("compaction.may_stay_pending", may_wait);
    let p90 = percentile(&sorted, 90);
    for (name, value) in [
        ("min", percentile(&sorted, 0)),
        ("p50", percentile(&sorted, 50)),
        ("p90", p90),
        ("max", percentile(&sorted, 100)),
    ] {
        summary.set(&format!("compaction.{name}_nodes"), value);
    }
    summary.set("compaction.p90_share", p90 as f64 / fleet as f64);
    summary.set("gap", (bound > 0).then(|| p90 as f64 / bound as f64 - 1.0));
    for (trial, nodes) in trials.iter().enumerate() {
        summary.set(&format!("compaction.by_trial.{trial:02}"), *nodes);
    }
}
