//! Machines, before anything runs on them.

use windtunnel_scheduler::resources::{LANES, Resources, STANDARD_LANES};

use super::name::Name;

/// All machines, in file order: the first listed has the lowest id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// The machines.
    pub nodes: Vec<Node>,
    /// Which lanes the fleet names (bit i is lane i); requests in other lanes are not constrained.
    pub lanes: u8,
    /// The names of lanes 4 and up.
    pub extra_lanes: Vec<String>,
    /// What each machine costs and draws, in the order of `nodes`; empty if nobody said.
    pub upkeep: Vec<Upkeep>,
    /// Groups of machines that follow each other in `nodes`; empty if there are none.
    pub groups: Vec<NodeGroup>,
}

/// What a machine costs and draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Millionths of a dollar per hour.
    pub price: u64,
    /// Milliwatts with nothing running.
    pub idle_mw: u64,
    /// Milliwatts with every core running.
    pub busy_mw: u64,
}

/// Machines that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeGroup {
    /// What they are called.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// One machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// As the trace or the group names it.
    pub name: Name,
    /// What can be handed out: after reserve and overcommit.
    pub capacity: Resources,
    /// Gpu devices of 1000 thousandths each; at most 64.
    pub gpus: u8,
    /// Attributes by name; a name occurs once. A gpu model is the attribute `gpu_model`.
    pub attributes: Vec<(String, String)>,
    /// Domains by kind; a kind occurs once.
    pub domains: Vec<(String, String)>,
}

/// The lane of this name counts tasks: a node has as much of it as it may have tasks, and each task takes 1.
pub const TASKS: &str = "tasks";

impl Node {
    /// The value of an attribute, a kind of domain counting as one.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.domains.iter().chain(&self.attributes).find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Fleet {
    /// The lane that counts tasks, if nodes have a limit.
    #[must_use]
    pub fn tasks_lane(&self) -> Option<usize> {
        let found = self.extra_lanes.iter().position(|name| name == TASKS);
        found.map(|at| STANDARD_LANES.len() + at)
    }

    /// The name of a lane.
    #[must_use]
    pub fn lane_name(&self, lane: usize) -> &str {
        match STANDARD_LANES.get(lane) {
            Some(name) => name,
            None => self.extra_lanes.get(lane - STANDARD_LANES.len()).map_or("", String::as_str),
        }
    }

    /// The lanes that the fleet names, in order.
    pub fn named_lanes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..LANES).filter(|lane| self.lanes & (1 << lane) != 0)
    }
}
