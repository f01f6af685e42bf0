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
}

/// One machine.
#[derive(Clone, Debug, PartialEq)]
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

impl Fleet {
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
