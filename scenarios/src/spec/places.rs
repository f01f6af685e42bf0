//! Where in a text each key stands, so that every complaint can name line and column.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::profile::Profile;
use crate::failure::Failure;

/// The places of all keys of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// What the text is called: its path as the user wrote it.
    file: String,
    keys: BTreeMap<String, Place>,
    profile: Profile,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In the text: 1-based line and column.
    Text { line: usize, column: usize },
    /// In an argument of `--set`.
    Set(String),
    /// In the profile of this name.
    Profile(String),
}

/// A key of the document with the bytes it and its value cover.
struct Spot {
    path: String,
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// The document being read: its text, its arguments of `--set`, and where everything is.
pub(super) struct Document<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub sets: &'a [super::set::Set],
    /// What the profile gave; its places lie behind those of the arguments.
    pub profile: Profile,
    spots: Vec<Spot>,
    root: Range<usize>,
}

impl<'a> Document<'a> {
    pub fn new(file: &'a str, text: &'a str, sets: &'a [super::set::Set]) -> Self {
        Self { file, text, sets, profile: Profile::default(), spots: Vec::new(), root: 0..0 }
    }

    /// Notes where the keys of `table` are.
    pub fn note(&mut self, table: &Spanned<DeTable<'_>>) {
        self.root = table.span();
        self.note_table("", table.get_ref());
    }

    fn note_table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.spots.push(Spot { path: path.clone(), key: Some(key.span()), value: value.span() });
            self.note_value(&path, value.get_ref());
        }
    }

    fn note_value(&mut self, path: &str, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.note_table(path, table),
            DeValue::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    let path = join(path, &position.to_string());
                    self.spots.push(Spot { path: path.clone(), key: None, value: item.span() });
                    self.note_value(&path, item.get_ref());
                }
            }
            _ => {}
        }
    }

    /// The innermost key whose bytes hold `span`; None for the whole text.
    pub fn path_at(&self, span: &Range<usize>) -> Option<&str> {
        if *span == self.root {
            return None;
        }
        let holds = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
        let size = |spot: &Spot| {
            let ranges = [Some(&spot.value), spot.key.as_ref()];
            ranges.into_iter().flatten().filter(|range| holds(range)).map(ExactSizeIterator::len).min()
        };
        // The last of equals: an outer key is noted before those inside it.
        let found = self.spots.iter().rev().filter_map(|spot| Some((size(spot)?, spot))).min_by_key(|(size, _)| *size);
        found.map(|(_, spot)| spot.path.as_str())
    }

    /// The argument of `--set` that `at` lies in, if any.
    fn set_at(&self, at: usize) -> Option<&'a super::set::Set> {
        self.sets.get(at.checked_sub(self.text.len() + 1)?)
    }

    /// `file:line:column`, or the argument of `--set`.
    pub fn whereabouts(&self, span: Option<Range<usize>>) -> String {
        match span {
            Some(span) => match self.place(span.start) {
                Place::Text { line, column } => format!("{}:{line}:{column}", self.file),
                Place::Set(set) => format!("--set {set}"),
                Place::Profile(name) => format!("profile {name}"),
            },
            None => self.file.to_owned(),
        }
    }

    fn place(&self, at: usize) -> Place {
        if let Some(set) = self.set_at(at) {
            return Place::Set(set.to_string());
        }
        if at > self.text.len() {
            return Place::Profile(self.profile.name.clone());
        }
        let before = self.text.get(..at.min(self.text.len())).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place::Text { line, column }
    }

    /// The places alone, to be kept beside what was read.
    pub fn places(&self) -> Places {
        let at = |spot: &Spot| self.place(spot.key.as_ref().unwrap_or(&spot.value).start);
        let keys = self.spots.iter().map(|spot| (spot.path.clone(), at(spot))).collect();
        Places { file: self.file.to_owned(), keys, profile: self.profile.clone() }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Places {
    /// True if the key was written.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The profile that the scenario names, and what it gave; both empty if it names none.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// A complaint about `path`: the sentence gets file, line and column of the key, or of the nearest one around it.
    #[must_use]
    pub fn failure(&self, path: &str, sentence: impl std::fmt::Display) -> Failure {
        Failure::new(format!("`{path}`: {sentence}")).within(&self.whereabouts(path))
    }

    /// `file:line:column` of `path` or of the nearest key around it.
    #[must_use]
    pub fn whereabouts(&self, path: &str) -> String {
        let mut path = path;
        loop {
            match self.keys.get(path) {
                Some(Place::Text { line, column }) => return format!("{}:{line}:{column}", self.file),
                Some(Place::Set(set)) => return format!("--set {set}"),
                Some(Place::Profile(name)) => return format!("profile {name}"),
                None => match path.rsplit_once('.') {
                    Some((outer, _)) => path = outer,
                    None => return self.file.clone(),
                },
            }
        }
    }
}
