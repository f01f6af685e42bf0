//! From what a user names on the command line to a resolved scenario.

use std::path::{Path, PathBuf};

use windtunnel_scheduler::core::Registries;

use crate::failure::{Failure, nearest};
use crate::library;
use crate::resolve::{self, Resolved};
use crate::spec::{self, Set};

/// A scenario's text, and what its paths are relative to.
struct Text {
    name: String,
    text: String,
    base: PathBuf,
}

/// Reads and resolves the scenario `reference`: a file, or a name in the library.
///
/// # Errors
/// If there is no such scenario, or anything is wrong with it.
pub fn load(reference: &str, sets: &[Set], registries: &Registries) -> Result<Resolved, Failure> {
    let Text { name, text, base } = find(reference)?;
    let (scenario, places) = spec::parse(&name, &text, sets)?;
    resolve::resolve(scenario, &places, &base, registries)
}

/// The text of a scenario of the library; None if `reference` is a file.
///
/// # Errors
/// If there is no such scenario.
pub(crate) fn text(reference: &str) -> Result<Option<String>, Failure> {
    let found = find(reference)?;
    Ok((!Path::new(reference).exists()).then_some(found.text))
}

fn find(reference: &str) -> Result<Text, Failure> {
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
