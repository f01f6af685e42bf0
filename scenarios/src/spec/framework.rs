//! `[[framework]]`: who asks for resources, and how it deals with what it is offered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity::{Cpu, Duration, Size};
use super::scheduler::Policy;

/// A framework: a queue and a placement policy of its own over what it is offered. A workload names its framework, or
/// has one to itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What it is called in results.
    pub name: String,
    /// What kind of framework it is.
    #[serde(default)]
    pub kind: Kind,
    /// What its tasks run in, where its kind holds something: `{ cpu = 4, memory = "12GiB", most = 20 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// The role that it asks in, `eng/backend` below `eng`; left out: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The weight of its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// For how long it refuses what it does not use; left out: as `[scheduler]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline: Option<Duration>,
    /// For how long it keeps offers that it has no use for.
    #[serde(default)]
    pub hold: Duration,
    /// Whether it asks for no offers while it has no work; left out: as `[scheduler]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress: Option<bool>,
    /// Whether it asks for what it refused when new work has come; left out: as `[scheduler]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revive: Option<bool>,
    /// How long it lets pass between two times that it asks for offers again; left out: as `[scheduler]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revive_at_most_every: Option<Duration>,
    /// The most tasks that it launches on one offer; left out: as many as fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_offer: Option<u32>,
    /// The most tasks that it launches within a span: `{ tasks = 100, every = "30s" }`; left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_launches: Option<Launches>,
    /// Its own placement policy; left out: that of `[scheduler]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Policy>,
    /// Its own queue order; left out: that of `[scheduler]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Policy>,
    /// What it can deal with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
}

/// So many tasks within a span.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Launches {
    /// How many.
    pub tasks: u32,
    /// Within which span.
    pub every: Duration,
}

/// A task that a framework holds in the fleet to run its own tasks in: an executor, a tracker, a worker. Lanes that are
/// left out it has none of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Cores.
    pub cpu: Cpu,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// How many stay (`nested` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How many there are at most, under `coarse` of each job; left out: as many as the fleet has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// After how long without a task one is given back; left out: under `coarse` when its job is over, under `slots`
    /// after 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

words!(
    /// What kind of framework it is.
    Kind {
        /// Runs jobs of every kind out of a queue, each task on its own.
        #[default]
        Batch,
        /// Each job holds executors until its last task is over (Spark); with `idle`, as many as it needs.
        Coarse,
        /// Its own scheduler places tasks inside workers that stay (Kubernetes as a tenant).
        Nested,
        /// All jobs share trackers that are launched on demand and given back when idle (Hadoop).
        Slots,
    }
);
words!(
    /// What a framework can deal with.
    Capability {
        /// Agents with gpus.
        #[default]
        Gpus,
        /// Resources that may be taken back.
        Revocable,
        /// Agents of other regions.
        Regions,
    }
);
