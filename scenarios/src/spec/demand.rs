//! What is demanded of the places of tasks: `constraints`, `within`, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use windtunnel_traces::model::OPERATORS;

/// One demand: `{ attribute = "zone", group_by = 3 }`, or as Marathon has it: `["hostname", "UNIQUE"]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A table of the attribute and what is demanded of it.
    Table(Box<Demanded>),
    /// Attribute, operator and, where it takes one, a value.
    Operator(Vec<String>),
}

/// An attribute and what is demanded of its value: conditions on the node alone (all of those given), or one rule about
/// where the other tasks of the job are. The kinds of domain (`zone`, `rack`, ...) and `hostname` count as attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Demanded {
    /// The attribute, kind of domain, or `hostname`.
    pub attribute: String,
    /// This text, or the same number to the nearest thousandth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// One of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// None of these; a node without the attribute will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_in: Option<Vec<String>>,
    /// Whether a node must have the attribute, or must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// A regular expression that matches the whole value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// One that does not; a node without the attribute will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlike: Option<String>,
    /// A number no less than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// A number no more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Every task of the job on another value: anti-affinity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
    /// All tasks of the job on one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<bool>,
    /// At most so many tasks of the job on a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per: Option<u32>,
    /// Equal parts of the job on so many values (Marathon 1.10 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<u32>,
    /// The rule of the same name before Marathon 1.10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by_old: Option<u32>,
    /// No value gets more than so many tasks above the one with the fewest (Kubernetes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_skew: Option<u32>,
    /// With `max_skew`: as long as there are fewer values, the fewest is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_domains: Option<u32>,
    /// One of Marathon's operators, in place of the keys above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The value of the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Word>,
    /// Makes it a preference: nodes that meet more of these, by weight, come first, then the placement policy chooses.
    /// At most 4 of a job. Left out: required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// A text, or a number written without quotes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Word(pub String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Word {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrList;
        impl<'de> Visitor<'de> for TableOrList {
            type Value = Term;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a table such as { attribute = \"zone\", group_by = 3 } or a list such as \
                     [\"rack\", \"MAX_PER\", 2]",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Term, A::Error> {
                Demanded::deserialize(MapAccessDeserializer::new(map)).map(|one| Term::Table(Box::new(one)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Term, A::Error> {
                let mut words = Vec::new();
                while let Some(Word(word)) = seq.next_element()? {
                    words.push(word);
                }
                if !(2..=3).contains(&words.len()) {
                    return Err(de::Error::invalid_length(
                        words.len(),
                        &"an attribute, an operator and perhaps a value",
                    ));
                }
                Ok(Term::Operator(words))
            }
        }
        deserializer.deserialize_any(TableOrList)
    }
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Table(table) => table.serialize(serializer),
            Self::Operator(words) => words.serialize(serializer),
        }
    }
}

impl JsonSchema for Term {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "constraint".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Demanded>();
        let list = json_schema!({
            "type": "array",
            "title": "operator",
            "description": "attribute, operator and value: [\"rack\", \"MAX_PER\", 2]",
            "prefixItems": [{ "type": "string" }, { "enum": OPERATORS }, { "type": ["string", "number"] }],
            "minItems": 2,
            "maxItems": 3,
        });
        json_schema!({ "anyOf": [table, list] })
    }
}

/// The domains that a gang lies in as a whole: `"rack"`, or a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Within(pub Levels);

/// Levels of a gang. The preferred ones are tried first, in order, then the required one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Levels {
    /// Kinds of domain that are tried, the finest first: `["nvlink", "rack"]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred: Vec<String>,
    /// The kind of which one domain must hold the whole gang; left out: any nodes will do in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<String>,
    /// How the domain is chosen, and the nodes in it.
    pub choose: Choose,
}

words!(
    /// How the domains of a gang are chosen, and the nodes within.
    Choose {
        /// As few domains and nodes as possible.
        #[default]
        BestFit,
        /// Those with the least room first, so that large rooms stay whole.
        LeastFragmentation,
    }
);

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindOrTable;
        impl<'de> Visitor<'de> for KindOrTable {
            type Value = Within;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind of domain such as \"rack\", or { preferred = [\"nvlink\"], required = \"block\" }")
            }

            fn visit_str<E>(self, kind: &str) -> Result<Within, E> {
                Ok(Within(Levels { required: Some(kind.to_owned()), ..Levels::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Within, A::Error> {
                Levels::deserialize(MapAccessDeserializer::new(map)).map(Within)
            }
        }
        deserializer.deserialize_any(KindOrTable)
    }
}

impl Serialize for Within {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Within {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "within".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Levels>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}
