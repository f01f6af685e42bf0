//! `[[partition]]`, `[[qos]]` and `[[reservation]]`: the rules of a batch system.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::Paths;
use super::quantity::{Cpu, Duration};

/// A named set of nodes with rules of its own; sets may overlap. A job is in the partition that its workload names,
/// else in the first that claims its class or role, else in the default one; in none of them it may use all nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// What it is called.
    pub name: String,
    /// Its nodes: attributes and their values, one or a list; `group` and `node` are what groups and nodes are called.
    /// Left out: all nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, Paths>,
    /// Jobs of these classes are in it (SWF: queue numbers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Jobs of these roles are in it (SWF: group numbers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Jobs that no other claims are in it (Slurm: Default).
    #[serde(default)]
    pub default: bool,
    /// Jobs of a higher tier are tried before all of a lower one (Slurm: PriorityTier).
    #[serde(default)]
    pub tier: i32,
    /// For `queue = "multifactor"`: over the highest of all, times the weight `partition` (Slurm: PriorityJobFactor).
    #[serde(default)]
    pub priority: u32,
    /// The quality of service whose limits hold for all of its jobs, beside their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// What a job is taken to ask for that has no estimate; left out: the longest allowed (Slurm: DefaultTime).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_time: Option<Duration>,
    /// What its jobs may take.
    #[serde(default, skip_serializing_if = "Limits::is_nothing")]
    pub limits: Limits,
}

/// A quality of service. A job has the one that its workload names, else the first that claims its class or role, else
/// the default one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Qos {
    /// What it is called.
    pub name: String,
    /// Jobs of these classes have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Jobs of these roles have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Jobs that no other claims have it.
    #[serde(default)]
    pub default: bool,
    /// For `queue = "multifactor"`: over the highest of all, times the weight `qos`.
    #[serde(default)]
    pub priority: u32,
    /// What its jobs may take.
    #[serde(default, skip_serializing_if = "Limits::is_nothing")]
    pub limits: Limits,
}

/// What jobs may take; what is left out is not limited. A job beyond a limit on single jobs is rejected when it is
/// handed in; one that has to wait for others to end holds up nobody meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Processors that a job asks for at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_cpu_min: Option<Cpu>,
    /// Processors that a job asks for at most (Slurm: MaxTRESPerJob).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_cpu: Option<Cpu>,
    /// The longest estimate of a job (Slurm: MaxTime, MaxWall).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
    /// Processors of all running jobs together (Slurm: GrpTRES).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Jobs that run at once (Slurm: GrpJobs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// Processors of the running jobs of one account, the role of a job (Slurm: MaxTRESPerAccount).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_cpu: Option<Cpu>,
    /// Jobs of one account that run at once (Slurm: MaxJobsPerAccount).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_jobs: Option<u64>,
    /// Processors of the running jobs of one user (Slurm: MaxTRESPerUser).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_cpu: Option<Cpu>,
    /// Jobs of one user that run at once (Slurm: MaxJobsPerUser).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_jobs: Option<u64>,
}

impl Limits {
    /// True if nothing is limited.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Room that is kept for named jobs from one instant to another. Jobs of others do not run into it; its own run in it
/// alone, and have to end, by their estimate, before it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// What it is called.
    pub name: String,
    /// When it begins, on the run's clock.
    pub start: Duration,
    /// How long it is kept.
    pub length: Duration,
    /// How long after each beginning the next one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// How often it comes.
    #[serde(default = "once")]
    pub times: u32,
    /// The nodes it is on, whole, as for a partition; left out: all nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, Paths>,
    /// So many processors of a pool; left out: the whole pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Jobs of these classes run in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Jobs of these roles run in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

fn once() -> u32 {
    1
}
