//! `[measure]`, `[stop]` and `[record]`: what counts, when a run ends, what is kept of it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::quantity::Duration;

/// Which submissions and what span count in the summary; left out: all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Measure {
    /// The first instant that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// The first instant that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Duration>,
    /// A job that runs shorter than this is taken to run so long where slowdowns are bounded.
    pub tau: Duration,
}

impl Default for Measure {
    fn default() -> Self {
        Self { from: None, to: None, tau: Duration(10_000_000) }
    }
}

/// When a run ends: `when = "drained"` (the default), or `at = "7d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// When nothing can happen any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// At this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
}

/// What ends a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// No arrival is left, nothing finite runs, and nothing pending can be placed.
    #[default]
    Drained,
}

/// What is kept of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// How the series are sampled.
    pub series: Series,
    /// What would be lost with each domain: of which kinds, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blast: Option<Blast>,
}

/// What would be lost with each domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blast {
    /// `node`, or kinds of domains.
    pub kinds: Vec<String>,
    /// The instants, before anything happens in them.
    pub at: Vec<Duration>,
    /// Whether it is asked, too, of where traces say that tasks ran: from their recorded start on their recorded node.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
}

/// How the series are sampled: `"auto"`, `"event"`, or a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Series {
    /// At most 2,000 points.
    #[default]
    Auto,
    /// At every change.
    Event,
    /// Every so often.
    Every(Duration),
}

const SERIES: &str = "\"auto\", \"event\" or a duration such as \"10s\"";

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Event => serializer.serialize_str("event"),
            Self::Every(duration) => duration.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrDuration;
        impl Visitor<'_> for WordOrDuration {
            type Value = Series;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SERIES)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Series, E> {
                match (text, text.parse::<Duration>()) {
                    ("auto", _) => Ok(Series::Auto),
                    ("event", _) => Ok(Series::Event),
                    (_, Ok(Duration::ZERO)) => Err(E::custom("a point every 0s never ends; write a longer duration")),
                    (_, Ok(duration)) => Ok(Series::Every(duration)),
                    (_, Err(_)) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(WordOrDuration)
    }
}

impl JsonSchema for Series {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "series".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": SERIES })
    }
}
