//! `[scheduler] profile`: a cited preset of the library whose keys hold where the scenario has none.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::set::place_all;
use crate::failure::{Failure, listed, nearest};
use crate::library;

/// The profile that a scenario names, and what it gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its name in the library.
    pub name: String,
    /// The keys whose values come from it, as dotted paths, in order: `scheduler.queue`.
    pub keys: Vec<String>,
}

/// The name that `root` gives; None if it names none. What is not a text is left for the reader to complain about.
pub(super) fn named(root: &DeTable<'_>) -> Option<String> {
    let DeValue::Table(scheduler) = root.get("scheduler")?.get_ref() else { return None };
    scheduler.get("profile")?.get_ref().as_str().map(str::to_owned)
}

/// Fills `root` up from the profile called `name`: a key that the scenario has stays as it is, a whole table of
/// options included. All that is written gets the place `at`.
///
/// # Errors
/// If the library has no such profile, as one sentence without a place.
pub(super) fn apply(root: &mut DeTable<'_>, name: &str, at: &Range<usize>) -> Result<Profile, Failure> {
    let profiles = || library::entries().filter(|entry| entry.kind == "profile").map(|entry| entry.name);
    let Some(entry) = library::entries().find(|entry| entry.kind == "profile" && entry.name == name) else {
        let fix = nearest(name, profiles())
            .map_or_else(|| format!("write {}", listed(profiles())), |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(format!("`scheduler.profile`: there is no profile `{name}`; {fix}")));
    };
    let parsed = DeTable::parse(entry.text)
        .map_err(|error| Failure::new(format!("the profile {name} cannot be read ({error}); report this")))?;
    let mut keys = Vec::new();
    for (table, value) in parsed.into_inner() {
        let table = table.into_inner();
        let DeValue::Table(given) = value.into_inner() else { continue };
        if !root.contains_key(table.as_ref()) {
            let empty = DeValue::Table(DeTable::new());
            root.insert(Spanned::new(at.clone(), table.clone()), Spanned::new(at.clone(), empty));
        }
        let Some(DeValue::Table(into)) = root.get_mut(table.as_ref()).map(Spanned::get_mut) else { continue };
        for (key, value) in given {
            let (key, mut value) = (key.into_inner(), value.into_inner());
            if into.contains_key(key.as_ref()) {
                continue;
            }
            place_all(&mut value, at);
            keys.push(format!("{table}.{key}"));
            into.insert(Spanned::new(at.clone(), key), Spanned::new(at.clone(), value));
        }
    }
    Ok(Profile { name: name.to_owned(), keys })
}
