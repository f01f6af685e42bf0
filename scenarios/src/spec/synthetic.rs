//! `[workload.synthetic]`: a generated workload.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::course::{Cron, Stage};
use super::demand::Term;
use super::generator::Generator;
use super::quantity::{Cpu, Duration, Percent, Size};

/// A generated workload. Its laws are listed by `windtunnel policies`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// When jobs are handed in: `{ poisson = "2/s" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Generator>,
    /// Instead of `arrivals`: jobs by the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<Cron>,
    /// When arrivals begin.
    #[serde(default)]
    pub start: Duration,
    /// No job is handed in at or after this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
    /// At most so many jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// At most so many tasks; the last job is cut to fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// How long a task runs; replicas of services run forever instead.
    pub duration: Generator,
    /// Whether the tasks of a batch job run equally long.
    #[serde(default)]
    pub runs: Runs,
    /// What tasks ask for: a catalogue with weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// Instead of `shapes`: many different ones, drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// How many tasks a job has.
    #[serde(default)]
    pub size: Sizes,
    /// How many replicas a service has; left out: as `size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Sizes>,
    /// What kind of work jobs are, with weights; left out: all batch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, f64>,
    /// How important jobs are (larger is more important); left out: all 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priorities: Vec<Priority>,
    /// Teams with weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, f64>,
    /// Users with weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, f64>,
    /// What jobs are reported under, with weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, f64>,
    /// The share of jobs whose tasks fail in the end.
    #[serde(default)]
    pub fails: Percent,
    /// Each arrival is a graph of jobs that wait for each other; what a stage does not say is as here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dag: Vec<Stage>,
    /// The share of the fleet's cpu that is taken when the run begins, by tasks in the middle of their lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm: Option<Percent>,
}

/// Whether the tasks of a batch job run equally long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Each task has a draw of its own.
    #[default]
    PerTask,
    /// One draw for all tasks of a job.
    PerJob,
}

/// What kind of work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Tasks that run once, each on its own.
    Batch,
    /// Tasks that start together or not at all.
    Gang,
    /// Replicas that are kept running.
    Service,
    /// One task on every node that may have one, kept running.
    Daemon,
}

/// A priority with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    /// Larger is more important.
    pub priority: i32,
    /// How often, against the others.
    #[serde(default = "one")]
    pub weight: f64,
}

/// What one task asks for: of its own, or as a pod of containers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Cores.
    #[serde(default)]
    pub cpu: Cpu,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Instead of `memory`: amounts per core; the shape stands for one shape each, which share its weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_per_cpu: Vec<Size>,
    /// Disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Gpu devices: whole ones, or a part of one such as 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Cpu>,
    /// Models of gpus that will do; left out: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpu_models: Vec<String>,
    /// Lanes of your own by name, in whole units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lanes: BTreeMap<String, u64>,
    /// Instead of all these: the containers of a pod, which run on one node as one and ask for their sum:
    /// `[{ name = "web", cpu = 1, memory = "1GiB" }, { name = "log", cpu = "100m" }]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// Attributes that the node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What else is demanded, or preferred, of the places of tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Term>,
    /// The share of jobs of this shape that demand `attributes` and `constraints`.
    #[serde(default = "all")]
    pub constrained: Percent,
    /// How often, against the other shapes.
    #[serde(default = "one")]
    pub weight: f64,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// What it is called; no other of the pod is. It must be given.
    #[serde(default)]
    pub name: String,
    /// Cores.
    #[serde(default)]
    pub cpu: Cpu,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Gpu devices: whole ones, or a part of one if no other container has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Cpu>,
    /// Lanes of your own by name, in whole units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lanes: BTreeMap<String, u64>,
    /// The image that it runs: one of `model.launch.images`. The pod pulls what its node lacks of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// Many different shapes, drawn by the seed; all come equally often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Family {
    /// How many different shapes.
    pub distinct: u32,
    /// Cpu comes in multiples of this.
    pub cpu_step: Cpu,
    /// How many such steps a shape has.
    pub cpu_steps: Sizes,
    /// Memory per core, all equally likely.
    pub memory_per_cpu: Vec<Size>,
    /// Memory is rounded up to multiples of this.
    pub memory_step: Size,
    /// How far memory strays from cores times memory per core.
    pub memory_spread: Percent,
    /// Disk, all equally likely; empty: none.
    pub disk: Vec<Size>,
    /// Lanes of your own by name, in whole units, all amounts equally likely.
    pub lanes: BTreeMap<String, Vec<u32>>,
    /// Attributes with the values that shapes may demand: each shape demands one value of one of them.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The share of the jobs of each shape that make the demand.
    pub constrained: Percent,
}

impl Default for Family {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            distinct: 10_000,
            cpu_step: Cpu(500),
            cpu_steps: Sizes::Geometric { mean: 8.0, max: Some(128) },
            memory_per_cpu: [1, 2, 4, 8].map(|amount| Size(amount * GIB)).to_vec(),
            memory_step: Size(16 << 20),
            memory_spread: Percent(250_000),
            disk: Vec::new(),
            lanes: BTreeMap::new(),
            attributes: BTreeMap::new(),
            constrained: all(),
        }
    }
}

/// How many: `{ constant = 3 }`, `{ uniform = { min = 1, max = 9 } }`, `{ geometric = { mean = 7.5 } }`, or
/// `{ listed = [{ tasks = 1, weight = 8 }, { tasks = 100 }] }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sizes {
    /// Always so many.
    Constant(u32),
    /// Anywhere between two bounds, both included.
    Uniform {
        /// The least; at least 1.
        min: u32,
        /// The most.
        max: u32,
    },
    /// Geometric from 1 on.
    Geometric {
        /// The mean, before the cap.
        mean: f64,
        /// Larger ones become this large.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    },
    /// Sizes with weights.
    Listed(Vec<Listed>),
}

/// A size with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// So many tasks.
    pub tasks: u32,
    /// How often, against the others.
    #[serde(default = "one")]
    pub weight: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Constant(1)
    }
}

const fn one() -> f64 {
    1.0
}

const fn all() -> Percent {
    Percent(1_000_000)
}
