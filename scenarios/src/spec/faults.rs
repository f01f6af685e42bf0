//! `[faults]`: what chance and calendars break. Every key that is no word of its own is a kind of domain: `node`, or
//! one that the fleet has, such as `rack`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::file::{Paths, one_or_many};
use super::generator::{Generator, Given};
use super::quantity::{Duration, Percent};
use super::takes::Takes;
use super::workload::OnBadRow;

/// What chance and calendars break.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Published habits of machines, by name: fills in what is not given here.
    pub preset: Option<String>,
    /// Recorded failures.
    pub trace: Option<FaultTrace>,
    /// What is known beforehand.
    pub planned: Vec<Planned>,
    /// How domains of a kind break, by kind; one kind may have several ways.
    pub kinds: BTreeMap<String, Breakdowns>,
}

/// The keys that are no kinds of domains.
const OWN: [&str; 3] = ["preset", "trace", "planned"];

/// The ways in which domains of one kind break.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breakdowns(pub Vec<Breakdown>);

/// One way in which domains of a kind break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    /// What it does to a node while it lasts: a name from `windtunnel policies`.
    #[serde(default = "outage")]
    pub does: Generator,
    /// The mean time from the end of a repair to the next failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtbf: Option<Duration>,
    /// The law of the time between failures; left out: exponential with the mean `mtbf`.
    #[serde(default = "exponential")]
    pub distribution: Generator,
    /// How long a repair takes: a mean of exponential times, or a law.
    pub repair: Takes,
    /// How many domains of this kind can be repaired at once; 0: any number.
    #[serde(default)]
    pub crews: u32,
    /// Whether a failure is likely to come again soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// Whether a failure takes others along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
    /// Whether every domain is new when the run begins; otherwise it is met in the middle of its life.
    #[serde(default)]
    pub fresh: bool,
}

fn outage() -> Generator {
    Generator { name: String::from("outage"), terms: Given::Named(BTreeMap::new()) }
}

fn exponential() -> Generator {
    Generator { name: String::from("exponential"), terms: Given::Named(BTreeMap::new()) }
}

/// A failure is likely to come again soon after a repair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How likely.
    pub chance: Percent,
    /// Within this time, evenly.
    pub within: Duration,
}

/// A failure takes along others of its kind that share a domain with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// How likely.
    pub chance: Percent,
    /// The kind of the domain that they share.
    pub within: String,
    /// How likely each of the others is to fail too.
    #[serde(default = "half")]
    pub share: Percent,
    /// Within this time after the first, evenly.
    #[serde(default = "two_minutes")]
    pub over: Duration,
}

const fn half() -> Percent {
    Percent(500_000)
}

const fn two_minutes() -> Duration {
    Duration(120_000_000)
}

/// A strike that is known beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// When it begins.
    pub at: Duration,
    /// How long it lasts; left out: for good.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Duration>,
    /// `node`, or a kind of domain.
    pub kind: String,
    /// The name of the node or domain.
    pub name: String,
    /// What it does: a name from `windtunnel policies`.
    #[serde(default = "outage")]
    pub does: Generator,
}

/// Planned work on the machines: rolling drains within a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// What is worked on as one: `node`, or a kind of domain.
    #[serde(default = "node")]
    pub kind: String,
    /// When the first round begins.
    pub at: Duration,
    /// From the beginning of a round to that of the next; left out: there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// At most so many at once in each domain of `per`.
    #[serde(default = "one")]
    pub at_once: u32,
    /// The kind of domain that the budget is for; left out: the whole fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// How long the work takes once the machines are empty.
    pub takes: Duration,
    /// How long a task gets to leave.
    #[serde(default)]
    pub grace: Duration,
    /// How long is waited for services that can spare no replica; then they have to.
    #[serde(default = "hour")]
    pub deadline: Duration,
}

fn node() -> String {
    String::from("node")
}

const fn one() -> u32 {
    1
}

const fn hour() -> Duration {
    Duration(3_600_000_000)
}

/// Recorded failures and how they are understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultTrace {
    /// A name from `windtunnel trace formats`; left out: recognised by content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The file, or its parts in order; relative to the scenario file; `${WINDTUNNEL_DATA}` expands.
    pub path: Paths,
    /// `sha256:...` of the bytes as they lie on disk, one per part; if given, other bytes are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Paths>,
    /// Only outages of this system, where the file holds several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What becomes of a malformed row.
    #[serde(default)]
    pub on_bad_row: OnBadRow,
}

impl Faults {
    /// True if nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(preset) = &self.preset {
            map.serialize_entry("preset", preset)?;
        }
        if let Some(trace) = &self.trace {
            map.serialize_entry("trace", trace)?;
        }
        if !self.planned.is_empty() {
            map.serialize_entry("planned", &self.planned)?;
        }
        for (kind, breakdowns) in &self.kinds {
            map.serialize_entry(kind, breakdowns)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Faults;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of `preset`, `trace`, `planned` and kinds of domains")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Faults, A::Error> {
                let mut faults = Faults::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "preset" => faults.preset = Some(map.next_value()?),
                        "trace" => faults.trace = Some(map.next_value()?),
                        "planned" => faults.planned = map.next_value()?,
                        _ => {
                            faults.kinds.insert(key, map.next_value()?);
                        }
                    }
                }
                Ok(faults)
            }
        }
        deserializer.deserialize_map(Table)
    }
}

impl JsonSchema for Faults {
    fn schema_name() -> Cow<'static, str> {
        "Faults".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let [preset, trace, planned] = OWN;
        let (trace_schema, planned_schema) =
            (generator.subschema_for::<FaultTrace>(), generator.subschema_for::<Vec<Planned>>());
        let breakdown = generator.subschema_for::<Breakdown>();
        json_schema!({
            "type": "object",
            "description": "what chance and calendars break; any further key is a kind of domain (`node`, `rack`, ..)",
            "properties": {
                preset: { "type": ["string", "null"], "description": "published habits of machines, by name" },
                trace: trace_schema,
                planned: planned_schema,
                "node": breakdown.clone(),
            },
            "additionalProperties": breakdown,
        })
    }
}

impl Serialize for Breakdowns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_or_many(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Breakdowns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Breakdowns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { mtbf = \"90d\", repair = \"4h\" }, or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Breakdowns, A::Error> {
                Breakdown::deserialize(MapAccessDeserializer::new(map)).map(|one| Breakdowns(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Breakdowns, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Breakdowns)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}
