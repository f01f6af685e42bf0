//! `[workload.synthetic.cron]`, `[[workload.synthetic.dag]]` and `workload.on_failure`: jobs by the clock, jobs that
//! wait for others, tasks that are tried again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::generator::Generator;
use super::quantity::{Duration, Percent};
use super::synthetic::{Kind, Shape, Sizes};
use super::workload::Backoff;

/// Jobs by the clock: schedules, each of which hands a job in every so often from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cron {
    /// The time between two runs of a schedule.
    pub every: Duration,
    /// How many runs each schedule has; left out: to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How many schedules there are.
    #[serde(default = "one")]
    pub schedules: u32,
    /// The first runs of all schedules lie evenly within this; 0s: all runs come at once.
    #[serde(default)]
    pub spread: Duration,
    /// Whether a run may begin while the one before of its schedule is not over.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// A task that has not started so long after its time is given up; left out: it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<Duration>,
}

words!(
    /// What becomes of a run whose time has come while the one before is not over.
    Concurrency {
        /// It is handed in all the same.
        #[default]
        Allow,
        /// It is left out and counted.
        Forbid,
    }
);

/// One stage of a graph of jobs: a job of every arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What it is called: its jobs are `1.NAME`, `2.NAME`, ...
    pub name: String,
    /// The stages that must have succeeded before it is handed in; they stand before it in the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// What kind of work it is; left out: as `kinds` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// How many tasks it has; left out: as `size` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Sizes>,
    /// How long its tasks run; left out: as `duration` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Generator>,
    /// What its tasks ask for; left out: as `shapes` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// The share of its jobs whose tasks fail in the end; left out: as `fails` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fails: Option<Percent>,
}

/// What a task does when it fails of its own; services start again anyway.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnFailure {
    /// How often it is tried again; a generated task draws anew whether it fails.
    pub retries: u32,
    /// How long it pauses before; left out: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
}

const fn one() -> u32 {
    1
}
