//! `[[trigger]]`: what is done when a number of the run, or the clock, says so.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity::{Cpu, Duration, Size};

/// One trigger: `when` or `at`, and what it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// What it is called in results; left out: `trigger-0`, `trigger-1`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A limit on a live number: `wait_s.p99 over 10m > 5m`. It fires when the limit begins to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Fires once, at this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// How long the limit must have held without a break.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// Fires again after this while the limit still holds; left out: only when it ceased to hold in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    /// What it does, in order.
    #[serde(rename = "do")]
    pub actions: Vec<Action>,
}

/// One thing to do: exactly one of these keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Orders nodes of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_nodes: Option<Add>,
    /// Empties nodes of a group and takes them out of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_nodes: Option<Leave>,
    /// Empties nodes of a group and keeps them closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_nodes: Option<Leave>,
    /// Gives a service more replicas, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Hands a job in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit: Option<Submit>,
    /// Changes keys of the scheduler, as in `--set`: `{ "scheduler.placement" = "first-fit" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub set: Option<BTreeMap<String, toml::Value>>,
    /// Ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<bool>,
}

/// Nodes to be ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The group of the fleet.
    pub group: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
}

/// Nodes to be emptied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// The group of the fleet.
    pub group: String,
    /// How many: those with the fewest tasks, the last among equals.
    #[serde(default = "one")]
    pub count: u32,
    /// How long a task gets to leave.
    #[serde(default)]
    pub grace: Duration,
    /// How long is waited for services that can spare no replica.
    #[serde(default = "hour")]
    pub deadline: Duration,
}

/// How many replicas a service is to have: one of `by` and `to`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The name or the class of its job.
    pub service: String,
    /// So many more, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<i32>,
    /// So many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
}

/// A job to be handed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// What it is called; left out: as the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many equal tasks it has.
    #[serde(default = "one")]
    pub tasks: u32,
    /// Cores of one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory of one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk of one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Whole gpus of one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
    /// How long a task runs.
    pub duration: Duration,
    /// What it is reported under.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub class: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// How important it is, larger being more.
    #[serde(default)]
    pub priority: i32,
    /// The position of the workload whose rules it follows: whose framework asks, what a loss means.
    #[serde(default)]
    pub workload: u32,
}

const fn one() -> u32 {
    1
}

const fn hour() -> Duration {
    Duration(3_600_000_000)
}
