//! Workload inflation: by how much the workload could grow before it does not fit any more.

use std::sync::Arc;

use windtunnel_scheduler::draw::{Kind, bits};
use windtunnel_scheduler::event::NodeSpec;
use windtunnel_scheduler::resources::{GPU, LANES};

use super::repack::{Order, Packer, Piece, Workload, largest_of};
use super::tolerated;
use crate::failure::Failure;
use crate::progress::Interrupt;

/// The stream of draws that put tasks into the order in which fractions of a copy take them.
const COPY: Kind = 0x636f_7079;
/// Factors are searched in thousandths.
const ONE: u64 = 1000;
/// Thousandths of a device.
const DEVICE: u64 = 1000;

/// Which way a workload grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More tasks of the same sizes.
    Horizontal,
    /// The same tasks, each larger; whole gpus stay whole.
    Vertical,
}

/// What is inflated, and where it is to fit.
pub struct Balloon<'a> {
    /// The fleet.
    pub nodes: &'a [Arc<NodeSpec>],
    /// The workload as it is.
    pub pieces: &'a [Piece],
    /// In which order it is handed in.
    pub order: Order,
    /// The share of all tasks that may stay pending, in millionths.
    pub pending_ppm: u64,
    /// The key of the random order.
    pub seed: u64,
    /// Stops the search early.
    pub interrupt: &'a Interrupt,
}

/// The largest factor, to a thousandth, by which the workload still fits when packed from scratch; below one if it
/// does not fit as it is. Verma, Korupolu and Wilkes, "Evaluating job packing in warehouse-scale computing", 2014.
///
/// # Errors
/// As [`Packer::count`].
pub fn factor(balloon: &Balloon<'_>, packer: &Packer<'_>, direction: Direction) -> Result<f64, Failure> {
    let largest = largest_of(balloon.nodes);
    let ranks = if direction == Direction::Horizontal { ranks(balloon) } else { Vec::new() };
    let fits = |permille: u64| -> Result<bool, Failure> {
        if balloon.interrupt.is_set() {
            return Err(Failure::Interrupted);
        }
        let pieces = inflated(balloon.pieces, &ranks, permille, direction);
        let workload = Workload::new(&pieces, balloon.order, &largest);
        let may_wait = tolerated(workload.tasks, balloon.pending_ppm);
        Ok(packer.count(balloon.nodes.iter(), &workload)?.pending <= may_wait)
    };
    let (mut holds, mut fails) = (0, ONE);
    if fits(ONE)? {
        (holds, fails) = (ONE, above_capacity(balloon));
        // What may wait could be the largest tasks of all.
        while fits(fails)? {
            (holds, fails) = (fails, fails * 2);
        }
    }
    while fails - holds > 1 {
        let middle = holds + (fails - holds) / 2;
        if fits(middle)? { holds = middle } else { fails = middle }
    }
    Ok(holds as f64 / ONE as f64)
}

/// A factor at which the demand exceeds the capacity in some lane by more than what may wait on average.
fn above_capacity(balloon: &Balloon<'_>) -> u64 {
    let (mut capacity, mut demand) = ([0_u64; LANES], [0_u64; LANES]);
    for lane in 0..LANES {
        capacity[lane] = balloon.nodes.iter().map(|node| u64::from(node.capacity[lane])).sum();
        let of = |piece: &Piece| u64::from(piece.spec.request[lane]) * u64::from(piece.spec.count);
        demand[lane] = balloon.pieces.iter().map(of).sum();
    }
    let factor = |lane: usize| (capacity[lane] * ONE).checked_div(demand[lane]);
    let least = (0..LANES).filter_map(factor).min().unwrap_or(ONE).max(ONE);
    least + least * balloon.pending_ppm / 1_000_000 + 1
}

/// Tasks, or gangs as a whole.
fn units(piece: &Piece) -> usize {
    if piece.is_gang() { 1 } else { piece.spec.count as usize }
}

/// The place of each unit in a random order.
fn ranks(balloon: &Balloon<'_>) -> Vec<u32> {
    let count: usize = balloon.pieces.iter().map(units).sum();
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_by_cached_key(|&unit| (bits(balloon.seed, COPY, u64::from(unit), 0), unit));
    let mut ranks = vec![0; count];
    order.iter().zip(0..).for_each(|(&unit, rank)| ranks[unit as usize] = rank);
    ranks
}

/// The workload at a factor. Fractions of a copy are made of the units that come first in the random order, so that
/// their number is exact and whatever is there at a factor is there at every larger one.
fn inflated(pieces: &[Piece], ranks: &[u32], permille: u64, direction: Direction) -> Vec<Piece> {
    if direction == Direction::Vertical {
        return pieces.iter().map(|piece| larger(piece, permille)).collect();
    }
    let (whole, rest) = (permille / ONE, permille % ONE);
    let first = (ranks.len() as u64 * rest / ONE) as u32;
    let mut begin = 0;
    let mut grown = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let own = &ranks[begin..begin + units(piece)];
        begin += own.len();
        let more = own.iter().filter(|&&rank| rank < first).count() as u64;
        if piece.is_gang() {
            grown.extend((0..whole + more).map(|_| piece.clone()));
        } else {
            let mut piece = piece.clone();
            piece.spec.count = u32::try_from(own.len() as u64 * whole + more).unwrap_or(u32::MAX);
            grown.push(piece);
        }
    }
    grown
}

/// Every lane times the factor, rounded up; a part of a device at most to a whole one.
fn larger(piece: &Piece, permille: u64) -> Piece {
    let mut piece = piece.clone();
    let times = |amount: u64| (amount * permille).div_ceil(ONE);
    for lane in (0..LANES).filter(|&lane| lane != GPU) {
        let amount = times(u64::from(piece.spec.request[lane]));
        piece.spec.request[lane] = u32::try_from(amount).unwrap_or(u32::MAX);
    }
    if piece.spec.gpu.count > 0 && u64::from(piece.spec.gpu.milli) < DEVICE {
        let milli = times(u64::from(piece.spec.gpu.milli)).min(DEVICE);
        piece.spec.gpu.milli = milli as u16;
        piece.spec.request[GPU] = milli as u32 * u32::from(piece.spec.gpu.count);
    }
    piece
}
