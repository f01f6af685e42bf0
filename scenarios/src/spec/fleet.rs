//! `[fleet]`: the machines, from a trace, as one pool, or in groups.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::InputFile;
use super::quantity::{Cpu, Duration, Factor, Money, Percent, Power, Size};

/// The machines: exactly one of `trace`, `pool` and `group`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// A fleet file; nodes in file order: the first listed has the lowest id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<InputFile>,
    /// One machine that is just an amount (batch logs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Amounts>,
    /// Groups of equal machines, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<Group>,
}

/// An amount per lane. A lane that no part of the fleet names is not constrained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amounts {
    /// Cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Gpu devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
    /// Up to four lanes of your own by name, in whole units: `{ ports = 100 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lanes: BTreeMap<String, u64>,
}

/// Equal machines, called `<name>-0`, `<name>-1`, ...
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What the machines are called.
    pub name: String,
    /// How many; of a group that comes and goes, when the run begins.
    pub count: u32,
    /// How many there can be at most: the others can be ordered by triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How many stay whatever triggers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// From the order of a machine until it takes work; it is paid for from the order on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Duration>,
    /// A machine that is empty for so long leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
    /// The machines are lent, and taken away by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,
    /// What keeps the group at the size that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// Cores of one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory of one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk of one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Gpu devices of one machine; at most 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
    /// What the gpus are; becomes the attribute `gpu_model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_model: Option<String>,
    /// Lanes of your own by name, in whole units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lanes: BTreeMap<String, u64>,
    /// Zones the machines are dealt out to in turn: `zone-0`, `zone-1`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<u32>,
    /// Racks in each zone, dealt out to in turn: `zone-0-rack-0`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub racks_per_zone: Option<u32>,
    /// Domains of your own by kind: so many machines in a row share one, `<group>-<kind>-0`, ...: `{ nvlink = 4 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub domains: BTreeMap<String, u32>,
    /// How many tasks one machine may have at once; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u32>,
    /// What keeps tasks off that do not tolerate it: `"spot:NoSchedule"`, `"dedicated=gpu:PreferNoSchedule"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
    /// What one machine costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// What one machine draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerRange>,
    /// Attributes by name, for constraints.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What system and agents keep for themselves on each machine.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub reserve: Amounts,
    /// How often what is left after the reserve is handed out.
    #[serde(default)]
    pub overcommit: Overcommit,
}

/// How machines that are lent are taken away. Without `autoscale` another one is ordered for each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// How long one is lent on average; exponential.
    pub mean: Duration,
    /// How long it is known before: its tasks get so long to leave.
    #[serde(default = "two_minutes")]
    pub warning: Duration,
}

const fn two_minutes() -> Duration {
    Duration(120_000_000)
}

words! {
    /// A rule for the size of a group.
    Rule {
        /// Between so few and so many idle machines, as Netflix's Fenzo.
        #[default]
        Fenzo,
        /// As the cluster-autoscaler of Kubernetes.
        ClusterAutoscaler,
    }
}

/// A rule with its numbers; those of another rule are refused. `windtunnel policies` says what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autoscale {
    /// Which.
    pub rule: Rule,
    /// Fenzo: fewer idle machines are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_idle: Option<u32>,
    /// Fenzo: more are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_idle: Option<u32>,
    /// Fenzo: at least so long between two changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    /// Cluster-autoscaler: it looks so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Duration>,
    /// Cluster-autoscaler: a machine with less in use is not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Percent>,
    /// Cluster-autoscaler: it leaves after so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unneeded: Option<Duration>,
    /// Cluster-autoscaler: nobody leaves so soon after a rise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_add: Option<Duration>,
}

/// What a machine draws, idle and busy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerRange {
    /// With nothing running.
    pub idle: Power,
    /// With every core running.
    pub busy: Power,
}

/// How often a lane is handed out: 1 is exactly once. Gpus cannot be overcommitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overcommit {
    /// Cores.
    pub cpu: Factor,
    /// Memory.
    pub memory: Factor,
    /// Disk.
    pub disk: Factor,
}

impl Amounts {
    /// True if no lane is named.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
