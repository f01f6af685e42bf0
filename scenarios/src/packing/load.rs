//! How free room falls to pieces while a fleet fills up.

use std::ops::Range;
use std::sync::Arc;

use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, NodeSpec};
use windtunnel_scheduler::ledger::{Ledger, ShapeId};
use windtunnel_scheduler::resources::{LANES, Totals};

use super::books::Kind;
use super::fragments::{Fragments, Looker};
use super::repack::{Order, Packer, Piece, Workload, largest_of};
use crate::failure::Failure;

/// Points of the curve.
const POINTS: u64 = 32;
/// Copies of a small workload that are handed in at most.
const COPIES_MOST: u64 = 256;

/// The fleet when so much was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// What was asked for so far, as a share of the capacity of the lane that is asked for most.
    pub load: f64,
    /// What of it is allocated.
    pub allocated: f64,
    /// What is free and of no use.
    pub fragments: Fragments,
}

/// Fills the empty fleet with the workload, over and over until a whole fleet of the scarcest lane was asked for, and
/// looks at every thirty-second part of it. What does not fit waits beside it.
///
/// # Errors
/// As [`Packer::pack`].
pub fn curve(
    nodes: &[Arc<NodeSpec>],
    pieces: &[Piece],
    order: Order,
    typical: &[Kind],
    packer: &Packer<'_>,
) -> Result<Vec<LoadPoint>, Failure> {
    let mut ledger = Ledger::default();
    nodes.iter().for_each(|node| ledger.add_node(node));
    let looker = Looker::new(&mut ledger, typical);
    let workload = repeated(pieces, order, nodes, ledger.capacity_total());
    let Some((lane, steps)) = steps(&workload, ledger.capacity_total()) else { return Ok(Vec::new()) };
    let shapes: Vec<(u64, ShapeId)> = workload.specs().map(|spec| (spec.first_task.0, ledger.shape_of(spec))).collect();
    let capacity = ledger.capacity_total().0[lane];
    let mut asked = 0.0;
    let mut points = Vec::new();
    let mut loads = steps.iter().map(|(_, load)| *load);
    let slices = steps.iter().map(|(range, _)| &workload.events[range.clone()]);
    packer.pack(nodes.iter(), slices, &mut |decisions| {
        for decision in decisions {
            if let Decision::Place { task, node, count, gpus, .. } = *decision {
                let at = shapes.partition_point(|(first, _)| *first <= task.0);
                let shape = *ledger.shapes().shape(shapes[at.saturating_sub(1)].1);
                // A scheduler of another build may place what does not fit; such a task is in nobody's books.
                let _ = ledger.take(&shape, node, count, gpus);
            }
        }
        let allocated = (capacity - ledger.free_total().0[lane]) as f64 / capacity as f64;
        points.push(LoadPoint { load: asked, allocated, fragments: looker.look(&ledger) });
        asked = loads.next().unwrap_or(asked);
    })?;
    Ok(points)
}

/// The workload, copied until it asks for a whole fleet; large pieces are cut, so that steps are even.
fn repeated(pieces: &[Piece], order: Order, nodes: &[Arc<NodeSpec>], capacity: &Totals) -> Workload {
    let once = Workload::new(pieces, order, &largest_of(nodes));
    let share = (0..LANES).filter(|&lane| capacity.0[lane] > 0);
    let share = share.map(|lane| once.demand.0[lane] as f64 / capacity.0[lane] as f64).fold(0.0, f64::max);
    let copies = if share > 0.0 { (1.0 / share).ceil().min(COPIES_MOST as f64) as u64 } else { 0 };
    let most = (once.tasks * copies / (8 * POINTS)).max(1) as u32;
    let mut cut = Vec::new();
    for spec in (0..copies).flat_map(|_| once.specs()) {
        let mut piece = Piece { spec: spec.clone() };
        while !piece.is_gang() && piece.spec.count > most {
            piece.spec.count -= most;
            let mut part = piece.clone();
            part.spec.count = most;
            cut.push(part);
        }
        cut.push(piece);
    }
    Workload::new(&cut, Order::AsGiven, &largest_of(nodes))
}

/// Submissions up to each point, with the load that they make.
type Steps = Vec<(Range<usize>, f64)>;

/// The lane that is asked for most, and the submissions up to each point with the load that they make.
fn steps(workload: &Workload, capacity: &Totals) -> Option<(usize, Steps)> {
    let share = |lane: usize| workload.demand.0[lane] as f64 / capacity.0[lane] as f64;
    let lanes = (0..LANES).filter(|&lane| capacity.0[lane] > 0 && workload.demand.0[lane] > 0);
    let lane = lanes.max_by(|&one, &other| share(one).total_cmp(&share(other)).then(other.cmp(&one)))?;
    let (mut from, mut asked, mut steps) = (0, 0_u64, Vec::new());
    for (at, event) in workload.events.iter().enumerate() {
        let Event::JobSubmitted(spec) = event else { continue };
        asked += u64::from(spec.request[lane]) * u64::from(spec.count);
        let next = (steps.len() as u64 + 1) * capacity.0[lane];
        if asked * POINTS >= next {
            steps.push((from..at + 1, asked as f64 / capacity.0[lane] as f64));
            from = at + 1;
        }
        if asked >= capacity.0[lane] {
            break;
        }
    }
    Some((lane, steps))
}
