//! E-PVM: opportunity cost.
//!
//! **What it prefers.** The node where the task costs the least, the cost of a lane being exponential in its use: the
//! least `sum over lanes of base^(use after) - base^(use before)`, use as a share of the node, base the number of
//! nodes. No lane of a node is run full while it is empty elsewhere, and lanes of different kinds are comparable.
//! **When it is bad.** Packing: it spreads load over all nodes, so large tasks find no large hole (Borg used it first
//! and left it).
//! **Points.** 100 for no cost, 0 for the whole of a node.
//! **Source.** Amir, Awerbuch, Barak, Borgstrom, Keren 2000, "An opportunity cost approach for job assignment in a
//! scalable computing cluster", with the number of machines as the base.

use super::search::{CHOICES, PERCENT, search};
use super::{Placement, part};
use crate::config::{Choice, Config};
use crate::index::{POINT, Rank};
use crate::ledger::{Ledger, Node, Shape};
use crate::registry::OptionNote;
use crate::resources::LANES;

/// The base of the cost.
const BASE: OptionNote =
    OptionNote { name: "base", default: "number of nodes", meaning: "base of the exponential cost, above 1" };

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct EPvm {
    fixed: Option<f64>,
    base: f64,
    /// The natural logarithm of the base.
    log: f64,
}

impl EPvm {
    /// With the base of the configuration, else the number of nodes.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let fixed = config.placement.number(BASE.name);
        let base = fixed.unwrap_or(2.0);
        Self { fixed, base, log: libm::log(base) }
    }

    fn cost(&self, shape: &Shape, node: Node<'_>) -> f64 {
        let mut cost = 0.0;
        for lane in 0..LANES {
            let (request, capacity) = (shape.request[lane], node.capacity[lane]);
            if request > 0 && capacity > 0 {
                let unit = self.log / f64::from(capacity);
                let used = f64::from(capacity - node.free[lane]);
                cost += libm::exp((used + f64::from(request)) * unit) - libm::exp(used * unit);
            }
        }
        cost
    }
}

/// Why the base of a choice cannot be followed; None if it can.
pub(super) fn misuse(choice: &Choice) -> Option<(&'static str, &'static str)> {
    let fine = |base: f64| base > 1.0 && base <= 1e9;
    let is_bad = choice.options.contains_key(BASE.name) && !choice.number(BASE.name).is_some_and(fine);
    is_bad.then_some((BASE.name, "write a number above 1, at most 1e9"))
}

impl Rank for EPvm {
    const STICKY: bool = false;

    fn rank(&self, shape: &Shape, node: Node<'_>) -> i64 {
        // A cost is below lanes x base, 8e9, so this is below 2^63; it is cut at a millionth.
        -((self.cost(shape, node) * 1e6) as i64)
    }

    fn points(&self, shape: &Shape, node: Node<'_>) -> i64 {
        let whole = f64::from(node.scale.lanes().max(1)) * (self.base - 1.0);
        ((1.0 - (self.cost(shape, node) / whole).clamp(0.0, 1.0)) * 100.0 * POINT as f64) as i64
    }

    fn prepare(&mut self, ledger: &Ledger) {
        if self.fixed.is_none() {
            self.base = (ledger.node_count() as f64).max(2.0);
            self.log = libm::log(self.base);
        }
    }
}

pub(super) const ENTRY: Placement = Placement {
    name: "e-pvm",
    aliases: &[],
    summary: "the node with the least marginal cost, exponential in the use of each lane",
    options: &[BASE, CHOICES, PERCENT],
    source: "Amir et al. 2000, opportunity cost",
    build: |config| search(config, EPvm::new(config)),
    part: Some(|config| part(EPvm::new(config))),
};
