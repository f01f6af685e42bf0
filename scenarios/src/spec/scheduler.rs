//! `[scheduler]` and `[model]`: how decisions are made, and how the world treats them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use windtunnel_scheduler::config::{Choice, Setting};

use super::fleet::Amounts;
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
    /// Who makes room for whom: see `windtunnel policies`.
    pub preemption: Policy,
    /// What happens to a task that fits nowhere right now.
    pub unplaceable: Unplaceable,
    /// `0s`: think at every event; otherwise only every so often.
    pub interval: Duration,
    /// Who is offered resources next (`two-level` only).
    pub sorter: Sorter,
    /// How long the allocator waits between two runs over all nodes (`two-level` only).
    pub allocation_interval: Duration,
    /// After what time an offer that is not answered is taken back (`two-level` only); left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_timeout: Option<Duration>,
    /// What an offer must have at least: all of one of these (`two-level` only); left out: 0.01 cpu, or 32 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_allocatable: Option<Vec<Amounts>>,
    /// Lanes that do not count towards a share (`two-level` only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unshared: Vec<String>,
    /// Whether nodes with gpus go only to frameworks with the capability `gpus` (`two-level` only).
    pub keep_gpus: bool,
    /// Weights by role; 1 for any other (`two-level` only).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// What top-level roles are promised, and may have at most (`two-level` only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quota: Vec<Quota>,
    /// What nodes keep for a role (`two-level` only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservation: Vec<Reservation>,
    /// For how long frameworks refuse what they do not use (`two-level` only).
    pub decline: Duration,
    /// Whether frameworks ask for no offers while they have no work (`two-level` only).
    pub suppress: bool,
    /// Whether frameworks ask for what they refused when new work has come (`two-level` only).
    pub revive: bool,
    /// How long frameworks let pass between two times that they ask for offers again (`two-level` only); left out: 5s
    /// for what they refused, and none after a time without work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revive_at_most_every: Option<Duration>,
    /// What counts as a conflict (`shared-state` only).
    pub conflicts: Conflicts,
    /// What of a claim is honoured when a part conflicts (`shared-state` only).
    pub commit: Commit,
}

/// What a top-level role is promised, and may have at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The role.
    pub role: String,
    /// What is held back for it until it has it.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub guarantee: Amounts,
    /// What it may have at most; a lane that is not named is not limited.
    #[serde(default, skip_serializing_if = "Amounts::is_nothing")]
    pub limit: Amounts,
}

/// What nodes keep for a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// The role, and those below it.
    pub role: String,
    /// Only on nodes with this attribute: `{ disk = "ssd" }`; left out: on all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub on: BTreeMap<String, String>,
    /// How much on each.
    pub resources: Amounts,
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
            preemption: Policy::named("none"),
            unplaceable: Unplaceable::default(),
            interval: Duration::ZERO,
            sorter: Sorter::default(),
            allocation_interval: Duration(1_000_000),
            offer_timeout: None,
            min_allocatable: None,
            unshared: Vec::new(),
            keep_gpus: false,
            weights: BTreeMap::new(),
            quota: Vec::new(),
            reservation: Vec::new(),
            decline: Duration(5_000_000),
            suppress: true,
            revive: true,
            revive_at_most_every: None,
            conflicts: Conflicts::default(),
            commit: Commit::default(),
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
    /// What counts as a conflict of a claim with what others took meanwhile.
    Conflicts {
        /// That it does not fit any more.
        #[default]
        Fine,
        /// That anything on the node has changed.
        Coarse,
    }
);
words!(
    /// What of a claim is honoured when a part of it conflicts.
    Commit {
        /// Every task that does not conflict.
        #[default]
        Incremental,
        /// All tasks of a job that are placed together, or none.
        Gang,
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
            map.serialize_entry(key, &Written(value))?;
        }
        map.end()
    }
}

/// The value of an option, as written: a number, a text, yes or no.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar(pub Setting);

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            // A whole number is written as one: some options count.
            Setting::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                serializer.serialize_i64(*number as i64)
            }
            other => Written(other).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)?.0 {
            Setting::List(_) | Setting::Table(_) => Err(de::Error::custom("a number, a text, true or false is needed")),
            scalar => Ok(Self(scalar)),
        }
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string", "boolean"], "title": "scalar" })
    }
}

/// The value of an option, as it is written.
struct Written<'a>(&'a Setting);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Setting::Number(number) => number.serialize(serializer),
            Setting::Text(text) => serializer.serialize_str(text),
            Setting::Flag(flag) => serializer.serialize_bool(*flag),
            Setting::List(items) => serializer.collect_seq(items.iter().map(Written)),
            Setting::Table(table) => serializer.collect_map(table.iter().map(|(key, value)| (key, Written(value)))),
        }
    }
}

/// The value of an option, as it was read.
struct Value(Setting);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, true or false, or a list or table of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element::<Value>()? {
                    list.push(item.0);
                }
                Ok(Value(Setting::List(list)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut table = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    table.insert(key, value.0);
                }
                Ok(Value(Setting::Table(table)))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value(Setting::Flag(flag)))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value(Setting::Number(number as f64)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value(Setting::Number(number as f64)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value(Setting::Number(number)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value(Setting::Text(text.to_owned())))
            }
        }
        deserializer.deserialize_any(AnyValue)
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
                        options.insert(key, map.next_value::<Value>()?.0);
                    }
                }
                // A mix is what it is made of.
                let name = name.or_else(|| options.contains_key("mix").then(|| String::from("mix")));
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
            "additionalProperties": { "type": ["number", "string", "boolean", "array", "object"] },
        })
    }
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
