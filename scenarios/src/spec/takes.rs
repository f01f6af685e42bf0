//! How long something takes: a duration, or a law of durations.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::generator::Generator;
use super::quantity::Duration;

/// How long something takes. What a bare duration stands for is up to the key: a mean, or always so long.
#[derive(Clone, Debug, PartialEq)]
pub enum Takes {
    /// A duration.
    Bare(Duration),
    /// A law.
    Law(Generator),
}

impl Serialize for Takes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bare(duration) => duration.serialize(serializer),
            Self::Law(law) => law.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Takes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BareOrLaw;
        impl<'de> Visitor<'de> for BareOrLaw {
            type Value = Takes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"4h\", or a law such as { exponential = \"4h\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Takes, E> {
                let bare = text.parse::<Duration>();
                bare.map(Takes::Bare).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Takes, A::Error> {
                Generator::deserialize(MapAccessDeserializer::new(map)).map(Takes::Law)
            }
        }
        deserializer.deserialize_any(BareOrLaw)
    }
}

impl JsonSchema for Takes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "takes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let law = generator.subschema_for::<Generator>();
        json_schema!({ "anyOf": [{ "type": "string", "description": "a duration such as \"4h\"" }, law] })
    }
}
