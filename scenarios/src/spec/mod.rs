//! What an experiment is, as written: one file per table. Every key has a default except name, fleet and workload;
//! unknown keys are errors.

/// An enumeration whose values are words: `HeadOnly` is written `head-only`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }
    };
}

pub mod batch;
pub mod course;
pub mod demand;
pub mod faults;
pub mod file;
pub mod fleet;
pub mod framework;
pub mod gate;
pub mod generator;
pub mod model;
mod package;
mod places;
mod profile;
pub mod quantity;
pub mod reference;
pub mod run;
pub mod scheduler;
pub mod service;
mod set;
pub mod synthetic;
pub mod takes;
#[cfg(test)]
mod tests;
pub mod trigger;
pub mod workload;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use crate::failure::{Failure, listed, nearest};

pub use places::Places;
pub use profile::Profile;
pub use set::Set;

use places::Document;

/// A whole scenario, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called; results go to `runs/<name>/`.
    pub name: String,
    /// The key of every random draw.
    #[serde(default)]
    pub seed: u64,
    /// The machines.
    pub fleet: fleet::Fleet,
    /// What is to run.
    pub workload: Vec<workload::Workload>,
    /// Named sets of nodes with rules of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<batch::Partition>,
    /// Qualities of service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qos: Vec<batch::Qos>,
    /// Room that is kept for named jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservation: Vec<batch::Reservation>,
    /// How decisions are made.
    #[serde(default)]
    pub scheduler: scheduler::Scheduler,
    /// How the world treats time.
    #[serde(default)]
    pub model: model::Model,
    /// What counts in the summary.
    #[serde(default)]
    pub measure: run::Measure,
    /// When the run ends.
    #[serde(default)]
    pub stop: run::Stop,
    /// What is kept.
    #[serde(default)]
    pub record: run::Record,
    /// What chance and calendars break.
    #[serde(default, skip_serializing_if = "faults::Faults::is_empty")]
    pub faults: faults::Faults,
    /// Planned work on the machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<faults::Maintenance>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub framework: Vec<framework::Framework>,
    /// What is done when a number of the run, or the clock, says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trigger: Vec<trigger::Trigger>,
    /// What must not get worse.
    #[serde(default)]
    pub gate: gate::Gate,
    /// What is compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arm: Vec<gate::Arm>,
}

/// Reads a scenario. `file` is what messages call it.
///
/// # Errors
/// The first thing wrong with the text or a `--set`: file, line and column, the key, and the fix.
pub fn parse(file: &str, text: &str, sets: &[Set]) -> Result<(Scenario, Places), Failure> {
    let mut document = Document::new(file, text, sets);
    let table = DeTable::parse(text).map_err(|error| explain(&document, &error))?;
    let span = table.span();
    let mut root = table.into_inner();
    for (position, set) in sets.iter().enumerate() {
        let at = text.len() + 1 + position;
        set.apply(&mut root, at..at)?;
    }
    if let Some(name) = profile::named(&root) {
        let at = text.len() + 1 + sets.len();
        document.profile = profile::apply(&mut root, &name, &(at..at)).map_err(|failure| {
            let span = root.get("scheduler").and_then(|table| table.get_ref().get("profile")).map(toml::Spanned::span);
            failure.within(&document.whereabouts(span))
        })?;
    }
    let at = text.len() + 2 + sets.len();
    package::apply(&mut root, file, &(at..at)).map_err(|failure| failure.within(file))?;
    let root = toml::Spanned::new(span, root);
    document.note(&root);
    let scenario = Scenario::deserialize(toml::de::Deserializer::from(root));
    let scenario = scenario.map_err(|error| explain(&document, &error))?;
    Ok((scenario, document.places()))
}

/// Reads a file of another kind than a scenario, such as a sweep, with the same care.
///
/// # Errors
/// The first thing wrong with the text: file, line and column, the key, and the fix.
pub fn read<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<(T, Places), Failure> {
    let mut document = Document::new(file, text, &[]);
    let root = DeTable::parse(text).map_err(|error| explain(&document, &error))?;
    document.note(&root);
    let read = T::deserialize(toml::de::Deserializer::from(root)).map_err(|error| explain(&document, &error))?;
    Ok((read, document.places()))
}

/// One error of the TOML reader as a sentence for users.
fn explain(document: &Document<'_>, error: &toml::de::Error) -> Failure {
    let span = error.span();
    let place = document.whereabouts(span.clone());
    let path = span.as_ref().and_then(|span| document.path_at(span)).map(str::to_owned);
    let message = error.message().trim_end().replace('\n', ", ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let sentence = if let (true, Some((unknown, known))) = (message.starts_with("unknown field"), quoted.split_first())
    {
        unknown_word("key", path.as_deref().unwrap_or(unknown), unknown, known)
    } else if let (true, Some((unknown, known))) = (message.starts_with("unknown variant"), quoted.split_first()) {
        let sentence = unknown_word("value", unknown, unknown, known);
        path.map_or(sentence.clone(), |path| format!("`{path}`: {sentence}"))
    } else if let (true, Some(missing)) = (message.starts_with("missing field"), quoted.first()) {
        match path {
            Some(path) => format!("`{path}` has no `{missing}`; add it"),
            None => return no_such_top(document.file, missing),
        }
    } else {
        let message = message.replace("invalid type: ", "").replace("invalid value: ", "");
        let message = match message.split_once(", expected ") {
            Some((found, expected)) => format!("{found}; write {}", plain(expected)),
            None => message,
        };
        path.map_or(message.clone(), |path| format!("`{path}`: {message}"))
    };
    Failure::new(sentence).within(&place)
}

/// What a type of the language is called by people.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

fn no_such_top(file: &str, missing: &str) -> Failure {
    let fix = match missing {
        "name" => "add name = \"..\" at the top",
        "fleet" => "add a [fleet] with a trace, a pool or groups",
        "workload" => "add a [[workload]] with a trace or a [workload.synthetic]",
        _ => "add it",
    };
    Failure::new(format!("`{missing}` is missing; {fix}")).within(file)
}

fn unknown_word(kind: &str, path: &str, unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(near) => format!("unknown {kind} `{path}`; did you mean `{near}`?"),
        None => format!("unknown {kind} `{path}`; write {}", listed(known.iter().copied())),
    }
}
