//! From what a user names on the command line to a resolved scenario.

use std::path::{Path, PathBuf};

use windtunnel_scheduler::core::Registries;

use crate::failure::{Failure, nearest};
use crate::library;
use crate::resolve::{self, Resolved};
use crate::spec::{self, Set};

/// A scenario's text, and what its paths are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What messages call it.
    pub name: String,
    /// The text itself.
    pub text: String,
    /// The folder that paths are relative to.
    pub base: PathBuf,
}

impl Text {
    /// Reads and resolves the scenario, changed by `sets`.
    ///
    /// # Errors
    /// If anything is wrong with it.
    pub fn load(&self, sets: &[Set], registries: &Registries) -> Result<Resolved, Failure> {
        let (scenario, places) = spec::parse(&self.name, &self.text, sets)?;
        resolve::resolve(scenario, &places, &self.base, registries)
    }
}

/// Reads and resolves the scenario `reference`: a file, or a name in the library.
///
/// # Errors
/// If there is no such scenario, or anything is wrong with it.
pub fn load(reference: &str, sets: &[Set], registries: &Registries) -> Result<Resolved, Failure> {
    find(reference)?.load(sets, registries)
}

/// The text of a scenario of the library; None if `reference` is a file.
///
/// # Errors
/// If there is no such scenario.
pub(crate) fn text(reference: &str) -> Result<Option<String>, Failure> {
    let found = find(reference)?;
    Ok((!Path::new(reference).exists()).then_some(found.text))
}

/// Finds the scenario that the file `beside` names: a file relative to it, or a name in the library.
///
/// # Errors
/// If there is no such scenario, or it cannot be read.
pub fn find_beside(reference: &str, beside: &Path) -> Result<Text, Failure> {
    let path = beside.parent().unwrap_or(Path::new("")).join(reference);
    let found = if path.exists() { find(&path.display().to_string()) } else { find(reference) };
    found.map_err(|failure| failure.within(&format!("{}: `scenario`", beside.display())))
}

/// Finds the text of the scenario `reference`: a file, or a name in the library.
///
/// # Errors
/// If there is no such scenario, or it cannot be read.
pub fn find(reference: &str) -> Result<Text, Failure> {
    let path = Path::new(reference);
    if !path.exists()
        && let Some(entry) = library::scenario(reference)
    {
        return Ok(Text { name: reference.to_owned(), text: entry.text.to_owned(), base: PathBuf::new() });
    }
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let base = path.parent().map(Path::to_owned).unwrap_or_default();
            Ok(Text { name: reference.to_owned(), text, base })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let scenarios = library::entries().filter(|entry| entry.kind == "scenario").map(|entry| entry.name);
            let fix = match nearest(reference, scenarios) {
                Some(near) => format!("did you mean `{near}` from the library?"),
                None => String::from("name a file, or a scenario from `windtunnel library list`"),
            };
            Err(Failure::new(format!("there is no scenario `{reference}`; {fix}")))
        }
        Err(error) => Err(Failure::new(format!("{reference} cannot be read ({error}); correct the path"))),
    }
}
