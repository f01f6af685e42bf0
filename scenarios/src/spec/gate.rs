//! `[gate]` and `[[arm]]`: what must not get worse, and what is compared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::quantity::Percent;

/// By how much a number may be worse without anybody caring.
pub const MARGIN: Percent = Percent(5_000);

/// What must not get worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// How many seeds are run, from the scenario's own on.
    pub seeds: u32,
    /// By how much a number may be worse than the baseline, where its limit says nothing else.
    pub worse_by: Percent,
    /// What is held; left out: the headline metrics, by `worse_by`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limit: Vec<GateLimit>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { seeds: 1, worse_by: MARGIN, limit: Vec::new() }
    }
}

/// One limit: a metric with `worse_by`, `min` or `max`, or a whole sentence in `must`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateLimit {
    /// A name from `windtunnel metrics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// By how much it may be worse than the baseline, in its bad direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worse_by: Option<Percent>,
    /// The least it may be, whatever the baseline has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Amount>,
    /// The most it may be, whatever the baseline has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Amount>,
    /// The same in one sentence: `wait_s.p99 < 60s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub must: Option<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Another build of the program that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Keys as in `--set`: `{ "scheduler.placement" = "first-fit" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub set: BTreeMap<String, toml::Value>,
}

/// A value of a metric as written: a number in its unit, or one that says its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub String);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a text such as \"60s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                Ok(Amount(number.to_string()))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"], "title": "amount",
            "description": "a value of the metric: 60, \"60s\", \"90%\"" })
    }
}
