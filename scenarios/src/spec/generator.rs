//! A named generator with its options: `{ lognormal = { median = "5m", p99 = "6h" } }`, or with its first option alone:
//! `{ poisson = "2/s" }`.
//!
//! Names and options are not spelt out here: the registry of generators knows them,
//! so that a new one is one file there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// A generator as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// The name in its registry.
    pub name: String,
    /// What was given.
    pub terms: Given,
}

/// What was given to a generator.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// One value alone: the generator's first option.
    First(Term),
    /// Options by key.
    Named(BTreeMap<String, Term>),
}

/// One value, its unit not yet read.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A bare number.
    Number(f64),
    /// A text: a quantity.
    Text(String),
    /// Several.
    List(Vec<Term>),
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

struct TermVisitor;

impl<'de> Visitor<'de> for TermVisitor {
    type Value = Term;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a quantity such as \"5m\", or a list of them")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Term, E> {
        Ok(Term::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Term, E> {
        Ok(Term::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Term, E> {
        Ok(Term::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Term, E> {
        Ok(Term::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Term, A::Error> {
        let mut terms = Vec::new();
        while let Some(term) = list.next_element()? {
            terms.push(term);
        }
        Ok(Term::List(terms))
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TermVisitor)
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TermOrTable;
        impl<'de> Visitor<'de> for TermOrTable {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or a table of options")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Given, E> {
                TermVisitor.visit_i64(number).map(Given::First)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Given, E> {
                TermVisitor.visit_f64(number).map(Given::First)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Given, E> {
                TermVisitor.visit_str(text).map(Given::First)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Given, A::Error> {
                TermVisitor.visit_seq(list).map(Given::First)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
                let mut terms = BTreeMap::new();
                while let Some((key, term)) = map.next_entry()? {
                    terms.insert(key, term);
                }
                Ok(Given::Named(terms))
            }
        }
        deserializer.deserialize_any(TermOrTable)
    }
}

impl Serialize for Generator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match &self.terms {
            Given::First(term) => map.serialize_entry(&self.name, term)?,
            Given::Named(terms) => map.serialize_entry(&self.name, terms)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Generator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneEntry;
        impl<'de> Visitor<'de> for OneEntry {
            type Value = Generator;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of one name and its options, such as { exponential = { mean = \"100s\" } }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Generator, E> {
                Ok(Generator { name: name.to_owned(), terms: Given::Named(BTreeMap::new()) })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Generator, A::Error> {
                let Some((name, terms)) = map.next_entry()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                if let Some(other) = map.next_key::<String>()? {
                    return Err(de::Error::custom(format_args!(
                        "`{name}` and `{other}` side by side; keep one of them, its options in a table of its own"
                    )));
                }
                Ok(Generator { name, terms })
            }
        }
        deserializer.deserialize_any(OneEntry)
    }
}

impl JsonSchema for Generator {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "generator".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "title": "generator",
            "description": "a table of one name and its options; see `windtunnel policies`",
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}
