//! `[scheduler]` and `[model]`: how decisions are made, and how the world treats them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use windtunnel_scheduler::config::{Choice, Setting};

use super::later::Later;
use super::quantity::Duration;

/// The scheduler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scheduler {
    /// Whose code decides: `core`, or a name that your own build registers.
    #[serde(rename = "use")]
    pub implementation: String,
    /// A cited preset whose keys hold where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Who is offered what.
    pub architecture: Architecture,
    /// The order in which waiting jobs are tried; see `windtunnel policies`.
    pub queue: Policy,
    /// May others pass a waiting job that does not fit?
    pub head_of_line: HeadOfLine,
    /// Which node a task goes to; see `windtunnel policies`.
    pub placement: Policy,
    /// What may pass a head that holds a reservation: the head blocks; see `windtunnel policies`.
    pub backfill: Policy,
    /// The order in which jobs are tried behind the head.
    pub backfill_order: BackfillOrder,
    /// Who may push out whom.
    pub preemption: Preemption,
    /// What happens to a task that fits nowhere right now.
    pub unplaceable: Unplaceable,
    /// `0s`: think at every event; otherwise only every so often.
    pub interval: Duration,
    /// Who is offered resources next (`two-level` only).
    pub sorter: Sorter,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            implementation: "core".into(),
            profile: None,
            architecture: Architecture::default(),
            queue: Policy::named("fifo"),
            head_of_line: HeadOfLine::default(),
            placement: Policy::named("best-fit"),
            backfill: Policy::named("none"),
            backfill_order: BackfillOrder::default(),
            preemption: Preemption::default(),
            unplaceable: Unplaceable::default(),
            interval: Duration::ZERO,
            sorter: Sorter::default(),
        }
    }
}

words!(
    /// Who is offered what.
    Architecture {
        /// One framework is always offered everything.
        #[default]
        Monolithic,
        /// Offered to one framework at a time.
        TwoLevel,
        /// Everyone is offered everything; commits may conflict.
        SharedState,
    }
);
words!(
    /// May others pass a waiting job that does not fit?
    HeadOfLine {
        /// Yes.
        #[default]
        Skip,
        /// No: strict order.
        Block,
    }
);
words!(
    /// The order in which jobs are tried behind the head.
    BackfillOrder {
        /// As submitted.
        #[default]
        Fifo,
        /// By estimate.
        Shortest,
    }
);
words!(
    /// Who may push out whom.
    Preemption {
        /// Nobody.
        #[default]
        None,
        /// The more important.
        Priority,
    }
);
words!(
    /// What happens to a task that fits nowhere right now.
    Unplaceable {
        /// It waits.
        #[default]
        Wait,
        /// It is given up.
        Reject,
    }
);
words!(
    /// Who is offered resources next.
    Sorter {
        /// The one with the least dominant share.
        #[default]
        Drf,
        /// Drawn by weight.
        Random,
    }
);
words!(
    /// How the events of one instant are grouped.
    Instant {
        /// All of them are applied, then one scheduling pass is made.
        #[default]
        Batched,
        /// A pass follows each event.
        PerEvent,
    }
);

/// A named policy with its options: `"best-fit"`, or `{ name = "fgd", sample = 0.1 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy(pub Choice);

impl Policy {
    /// A policy without options.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Choice::named(name))
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.options.is_empty() {
            return serializer.serialize_str(&self.0.name);
        }
        let mut map = serializer.serialize_map(Some(1 + self.0.options.len()))?;
        map.serialize_entry("name", &self.0.name)?;
        for (key, value) in &self.0.options {
            match value {
                Setting::Number(number) => map.serialize_entry(key, number)?,
                Setting::Text(text) => map.serialize_entry(key, text)?,
                Setting::Flag(flag) => map.serialize_entry(key, flag)?,
            }
        }
        map.end()
    }
}

/// The value of an option, as written.
struct Scalar(Setting);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl Visitor<'_> for AnyScalar {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, true or false")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar(Setting::Flag(flag)))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(Setting::Number(number as f64)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(Setting::Number(number as f64)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(Setting::Number(number)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(Setting::Text(text.to_owned())))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Policy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a policy, or { name = \"..\", option = .. }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Policy, E> {
                Ok(Policy::named(name))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Policy, A::Error> {
                let mut name = None;
                let mut options = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "name" {
                        name = Some(map.next_value::<String>()?);
                    } else {
                        options.insert(key, map.next_value::<Scalar>()?.0);
                    }
                }
                let name = name.ok_or_else(|| de::Error::missing_field("name"))?;
                Ok(Policy(Choice { name, options }))
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

impl JsonSchema for Policy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "policy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "title": "policy",
            "description": "the name of a policy, or a table of `name` and its options",
            "properties": { "name": { "type": "string" } },
            "additionalProperties": { "type": ["number", "string", "boolean"] },
        })
    }
}

/// How the world treats time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// How the events of one instant are grouped.
    pub instant: Instant,
    /// What a decision costs in simulated time.
    pub decision_time: DecisionTime,
    /// When a dead machine is noticed.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub detection: Later,
    /// What passes between placing a task and its running.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub launch: Later,
    /// Delay and loss of messages.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub link: Later,
}

words!(
    /// What a decision costs in simulated time.
    DecisionTime {
        /// Nothing.
        #[default]
        None,
        /// So much per run, job, task and node looked at.
        Modelled,
        /// What it took on this machine.
        Measured,
    }
);
