//! `workload.service`: how replicas of services are kept running.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::generator::Generator;
use super::quantity::Duration;

/// How replicas of services are kept running. What is left out: one that fails starts again at once, the newest go
/// first, and one whose node cannot be reached is replaced at once and ended if it comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// How long a replica lasts before it fails: a distribution; left out: for ever, or as long as the trace says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<Generator>,
    /// How long a replica that failed, ended or did not launch is not started again: `{}`, or other numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Crash>,
    /// Who goes first when the service is made smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<Kill>,
    /// What becomes of a replica whose node cannot be reached: `{ inactive = "5m", expunge = "10m" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Unreachable>,
    /// Whether a replica belongs to the node on which it first ran: it starts again there, and waits for its room there
    /// and for the node itself.
    #[serde(default)]
    pub resident: bool,
    /// After so long a replica that waits for its node goes elsewhere; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_after: Option<Duration>,
}

/// Delays after failures: longer with every one, forgotten after `max` without any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Crash {
    /// The delay after the first failure.
    pub first: Duration,
    /// Each delay is so many times the one before.
    pub factor: f64,
    /// The longest delay.
    pub max: Duration,
}

impl Default for Crash {
    fn default() -> Self {
        Self { first: Duration(1_000_000), factor: 1.15, max: Duration(300_000_000) }
    }
}

words!(
    /// Who goes first when a service is made smaller.
    Kill {
        /// The replica that was started last.
        #[default]
        Youngest,
        /// The replica that was started first.
        Oldest,
    }
);

/// What becomes of a replica whose node cannot be reached. 0s is acted on 3 s later; anything else is looked at every
/// 10 minutes only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Unreachable {
    /// After so long it is replaced; one that comes back before goes on.
    pub inactive: Duration,
    /// After so long it is forgotten and ended if it comes back; until then both run.
    pub expunge: Duration,
}
