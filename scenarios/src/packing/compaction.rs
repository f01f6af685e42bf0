//! Cell compaction: how few nodes, taken away at random, still hold the workload.

use std::sync::Arc;

use rayon::prelude::*;
use windtunnel_scheduler::draw::{Kind, below};
use windtunnel_scheduler::event::NodeSpec;
use windtunnel_scheduler::resources::{LANES, Totals};

use super::repack::{Packer, Workload};
use super::snapshot::renumbered;
use crate::failure::Failure;
use crate::progress::Interrupt;

/// The stream of draws by which nodes are taken away.
const REMOVE: Kind = 0x7265_6d6f;
/// How often a fleet that is too small is doubled.
const DOUBLINGS_MOST: u32 = 4;

/// What a trial is made of.
pub struct Cell<'a> {
    /// The whole fleet.
    pub nodes: &'a [Arc<NodeSpec>],
    /// What is to fit.
    pub workload: &'a Workload,
    /// How many tasks may stay pending.
    pub may_wait: u64,
    /// The key of the order of removal.
    pub seed: u64,
    /// Stops trials early.
    pub interrupt: &'a Interrupt,
}

/// How many nodes each trial needs, in the order of the trials.
///
/// A trial takes nodes away in a random order of its own, packs what remains from scratch, and searches by bisection
/// for the fewest that still hold all tasks but `may_wait`. A fleet that does not hold them whole is joined by copies
/// of itself first. The protocol is that of Borg's cell compaction (Verma et al., EuroSys 2015, section 5.1).
///
/// # Errors
/// If not even sixteen fleets hold the workload.
pub fn trials(cell: &Cell<'_>, packer: &Packer<'_>, count: u64, done: &(dyn Fn() + Sync)) -> Result<Vec<u64>, Failure> {
    let fits_whole = packer.count(cell.nodes.iter(), cell.workload)?.pending <= cell.may_wait;
    let grown = if fits_whole { cell.nodes.to_vec() } else { grow(cell, packer)? };
    let trial = |trial: u64| {
        let nodes = smallest(cell, &grown, packer, trial);
        done();
        nodes
    };
    (0..count).into_par_iter().map(trial).collect()
}

/// The fleet with as many copies as it takes.
fn grow(cell: &Cell<'_>, packer: &Packer<'_>) -> Result<Vec<Arc<NodeSpec>>, Failure> {
    let mut grown = cell.nodes.to_vec();
    for doubling in 0..DOUBLINGS_MOST {
        let copies: Vec<Arc<NodeSpec>> = grown.iter().map(|node| Arc::new(copy_of(node, doubling))).collect();
        grown = renumbered(grown.into_iter().chain(copies).collect());
        if packer.count(grown.iter(), cell.workload)?.pending <= cell.may_wait {
            return Ok(grown);
        }
    }
    Err(Failure::new(
        "the workload does not fit into sixteen times its fleet: some tasks fit no node; `windtunnel check` names them",
    ))
}

/// The same machine in another cell: its domains are others.
fn copy_of(node: &NodeSpec, doubling: u32) -> NodeSpec {
    let domains = node.domains.iter().map(|(kind, domain)| (kind.clone(), format!("{domain}+{doubling}"))).collect();
    NodeSpec { domains, ..node.clone() }
}

/// The fewest nodes in the order of removal of one trial.
fn smallest(cell: &Cell<'_>, nodes: &[Arc<NodeSpec>], packer: &Packer<'_>, trial: u64) -> Result<u64, Failure> {
    let order = survivors(nodes.len(), cell.seed, trial);
    let mut enough = nodes.len() as u64;
    let mut too_few = surely_too_few(cell, nodes, &order).min(enough - 1);
    while enough - too_few > 1 {
        if cell.interrupt.is_set() {
            return Err(Failure::Interrupted);
        }
        let middle = too_few + (enough - too_few) / 2;
        // In fleet order, which settles ties.
        let mut kept = order[..middle as usize].to_vec();
        kept.sort_unstable();
        let packed = packer.count(kept.iter().map(|&at| &nodes[at as usize]), cell.workload)?;
        if packed.pending <= cell.may_wait {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Ok(enough)
}

/// Positions of nodes, the one that is taken away last first: a shuffle after Fisher and Yates.
fn survivors(count: usize, seed: u64, trial: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for at in (1..count).rev() {
        let other = below(at as u64 + 1, seed, REMOVE, trial, at as u64) as usize;
        order.swap(at, other);
    }
    order
}

/// So many of the nodes in this order add up to less than what is asked, even without the largest tasks that may wait.
fn surely_too_few(cell: &Cell<'_>, nodes: &[Arc<NodeSpec>], order: &[u32]) -> u64 {
    let demand = cell.workload.least_demand(cell.may_wait);
    let mut room = Totals::default();
    let holds = |room: &Totals| (0..LANES).all(|lane| demand.0[lane] <= room.0[lane]);
    let too_few = order.iter().take_while(|&&at| {
        room.add(&nodes[at as usize].capacity, 1);
        !holds(&room)
    });
    too_few.count() as u64
}
