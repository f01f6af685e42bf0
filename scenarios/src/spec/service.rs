//! `workload.service`: how replicas of services are kept running.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{SeqAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::file::one_or_many;
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
    /// The names of the workloads whose services have to be ready before these are started: `["db"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// How long a replica runs before it is ready, for those who need it and for upgrades; left out: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_after: Option<Duration>,
    /// When and how it is replaced by its next version; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}

/// How a service is replaced by its next version: as many old replicas are killed at once as need not stay healthy, new
/// ones start as far as they may run beside the old, and each that is healthy lets an old one go. Where nothing could
/// move, one more runs for a while; of replicas that belong to their nodes, one less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// When: an instant or several, each for every service that there is then.
    pub at: Instants,
    /// The share of its replicas that stays healthy: 0 to 1.
    #[serde(default = "one")]
    pub min_health: f64,
    /// The share of its replicas that may run beyond them meanwhile: 0 to 1.
    #[serde(default = "one")]
    pub max_over: f64,
    /// How long a new replica runs before it counts as healthy; left out: as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_after: Option<Duration>,
}

const fn one() -> f64 {
    1.0
}

/// One instant, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instants(pub Vec<Duration>);

impl Serialize for Instants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_or_many(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Instants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Instants;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an instant such as \"2h\", or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Instants, E> {
                Duration::deserialize(StrDeserializer::new(text)).map(|one| Instants(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Instants, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Instants)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for Instants {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "instants".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
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
