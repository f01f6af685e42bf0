//! `[model]`: how the world treats time, machines that fall silent, and news.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity::{Duration, Percent, Rate, Size};
use super::scheduler::{DecisionTime, Instant};
use super::takes::Takes;

/// How the world treats time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// How the events of one instant are grouped.
    pub instant: Instant,
    /// What a decision costs in simulated time.
    pub decision_time: DecisionTime,
    /// What a decision costs under `decision_time = "modelled"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_cost: Option<DecisionCost>,
    /// When a dead machine is noticed; left out: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// What passes between placing a task and its running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// What tasks really use is held against what machines have, where the trace says; left out: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overload: Option<Overload>,
    /// Delay and loss of news between the machines and the scheduler; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// Machines are pinged; one that misses several pings in a row is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// Time between two pings.
    pub ping: Duration,
    /// Pings in a row without an answer.
    pub misses: u32,
    /// At most so many machines are declared lost, evenly spaced: "100/m"; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal_limit: Option<Rate>,
    /// A machine that comes back registers within this time, evenly drawn.
    pub register: Duration,
    /// A registration that fails is repeated within a time that begins at this and doubles.
    pub register_again: Duration,
    /// It doubles up to this.
    pub register_again_max: Duration,
    /// At most so many registrations are let in, evenly spaced: "500/s"; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_limit: Option<Rate>,
}

impl Default for Detection {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000;
        Self {
            ping: Duration(15 * SECOND),
            misses: 5,
            removal_limit: None,
            register: Duration::ZERO,
            register_again: Duration(2 * SECOND),
            register_again_max: Duration(60 * SECOND),
            register_limit: None,
        }
    }
}

/// What tasks really use, against what machines have: without overcommitment and reserve. Tasks of which the trace says
/// nothing use all that they asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overload {
    /// A machine whose tasks have used more memory than it has for so long kills the least important of them, of these
    /// the one that began last, until the rest have room; `on_loss` says what becomes of them. Who does not fit alone
    /// fails. Left out: it is only counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_after: Option<Duration>,
}

/// Delay and loss of news of tasks, which are sent until they arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// What a message takes.
    pub delay: Duration,
    /// How likely it is lost.
    pub loss: Percent,
    /// News that are lost are sent again after this time, which doubles with each loss.
    pub retry: Duration,
    /// It doubles up to this.
    pub retry_max: Duration,
    /// A machine that has not confirmed a launch within this time is asked for it, again like news that are lost, and a
    /// launch that never arrived counts as a lost machine; left out: launches always arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Duration>,
}

impl Default for Link {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000;
        Self {
            delay: Duration::ZERO,
            loss: Percent(0),
            retry: Duration(10 * SECOND),
            retry_max: Duration(600 * SECOND),
            confirm: None,
        }
    }
}

/// What a call of the scheduler costs in simulated time: the sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionCost {
    /// For each call.
    pub run: Duration,
    /// For each job looked at.
    pub job: Duration,
    /// For each task placed or rejected.
    pub task: Duration,
    /// For each node examined.
    pub node: Duration,
}

impl Default for DecisionCost {
    fn default() -> Self {
        Self { run: Duration(1_000), job: Duration(10), task: Duration(10), node: Duration(1) }
    }
}

/// What passes between placing a task and its running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Launch {
    /// From creating a container to its running, once its image is there: always so long, or a law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Takes>,
    /// How many launches a node works on at once; 0: any number.
    pub slots: u32,
    /// What all pulls together get from the registry in a second; left out: any amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_per_second: Option<Size>,
    /// What one node gets in a second at most; left out: any amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_per_second: Option<Size>,
    /// What a node unpacks in a second; left out: any amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpack_per_second: Option<Size>,
    /// How much of layers a node keeps; left out: any amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Size>,
    /// From running to healthy.
    pub health: Duration,
    /// How likely a container does not start.
    pub fails: Percent,
    /// Whether every node has every image when the run begins.
    pub warm: bool,
    /// The layers of each image with their sizes; a layer of the same name is the same layer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, BTreeMap<String, Size>>,
}
