//! Planned maintenance: a calendar of rolling drains within a budget.

use windtunnel_scheduler::time::{Span, Time};
use windtunnel_traces::model::Fleet;

use super::Domains;

/// One kind of work on the machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// What is worked on as one: `node`, or a kind of domain.
    pub kind: String,
    /// When the first round begins.
    pub begin: Time,
    /// From the beginning of a round to that of the next; none: there is only one.
    pub every: Option<Span>,
    /// At most so many at once in each domain of `per`.
    pub at_once: u32,
    /// The kind of domain that the budget is for; none: the whole fleet.
    pub per: Option<String>,
    /// How long the work takes once the machines are empty.
    pub takes: Span,
    /// How long a task gets to leave.
    pub grace: Span,
    /// How long is waited for services whose budget of disruptions is used up.
    pub deadline: Span,
}

/// Where one unit of work stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has its turn later in this round.
    #[default]
    Pending,
    /// Tasks are leaving; from this instant on they must.
    Draining(Time),
    /// It is being worked on until then.
    Working(Time),
    /// It had its turn in this round.
    Done,
}

/// An [`Upkeep`] that is going on.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    pub upkeep: Upkeep,
    pub units: Domains,
    /// The budget that each unit draws on.
    pub budget_of: Vec<u32>,
    /// How many units of each budget are at work.
    pub at_work: Vec<u32>,
    pub stages: Vec<Stage>,
    /// When the next round begins.
    pub next_round: Time,
    /// Units below this have had their turn or are at work.
    pub rounds: u64,
}

impl Rounds {
    pub(crate) fn new(upkeep: Upkeep, fleet: &Fleet) -> Self {
        let units = Domains::of(fleet, &upkeep.kind);
        let mut budget_of = vec![0; units.len()];
        let mut budgets = 1;
        if let Some(per) = &upkeep.per {
            let around = Domains::of(fleet, per);
            let mut of_node = vec![0; fleet.nodes.len()];
            for domain in 0..around.len() as u32 {
                for node in around.nodes(domain) {
                    of_node[node as usize] = domain;
                }
            }
            budgets = around.len().max(1);
            for unit in 0..units.len() as u32 {
                budget_of[unit as usize] = units.nodes(unit).next().map_or(0, |node| of_node[node as usize]);
            }
        }
        let stages = vec![Stage::Done; units.len()];
        Self { next_round: upkeep.begin, upkeep, units, budget_of, at_work: vec![0; budgets], stages, rounds: 0 }
    }
}
