//! The experiments that come with the program, embedded: `windtunnel run quickstart` works anywhere.

use crate::failure::{Failure, nearest};

/// Name (the path under `scenarios/` without its ending) and text of every file.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The folders that hold something else than scenarios, with what they hold.
const KINDS: [(&str, &str); 5] = [
    ("packages/", "package"),
    ("profiles/", "profile"),
    ("providers/", "provider"),
    ("failures/", "failures"),
    ("sweeps/", "sweep"),
];

/// One embedded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `scenario`, `package`, ...
    pub kind: &'static str,
    /// The name within its kind.
    pub name: &'static str,
    /// The whole text.
    pub text: &'static str,
}

impl Entry {
    /// The comment at the top: what it shows.
    pub fn about(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).filter(|line| !line.is_empty())
    }
}

/// Everything that is embedded, scenarios first, by name.
pub fn entries() -> impl Iterator<Item = Entry> {
    let of_kind = |wanted: &'static str| all().filter(move |entry| entry.kind == wanted);
    std::iter::once("scenario").chain(KINDS.map(|(_, kind)| kind)).flat_map(of_kind)
}

fn all() -> impl Iterator<Item = Entry> {
    FILES.iter().map(|&(path, text)| {
        let kind = KINDS.iter().find_map(|&(folder, kind)| Some((kind, path.strip_prefix(folder)?)));
        let (kind, name) = kind.unwrap_or(("scenario", path));
        Entry { kind, name, text }
    })
}

/// Everything called `name`, or `kind/name`.
///
/// # Errors
/// If there is nothing of the name; the nearest is named.
pub fn find(name: &str) -> Result<Vec<Entry>, Failure> {
    let found: Vec<Entry> =
        entries().filter(|entry| entry.name == name || format!("{}/{}", entry.kind, entry.name) == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let fix = match nearest(name, entries().map(|entry| entry.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => String::from("choose one from `windtunnel library list`"),
    };
    Err(Failure::new(format!("the library has nothing called `{name}`; {fix}")))
}

/// The scenario called `name`.
#[must_use]
pub fn scenario(name: &str) -> Option<Entry> {
    all().find(|entry| entry.kind == "scenario" && entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_reads_and_says_what_it_shows() {
        let mut seen = 0;
        for entry in entries().filter(|entry| entry.kind == "scenario") {
            let read = crate::spec::parse(entry.name, entry.text, &[]);
            assert!(read.is_ok(), "{}", read.unwrap_err());
            assert!(entry.about().count() >= 2, "{} has no two lines on what it shows", entry.name);
            seen += 1;
        }
        assert!(seen >= 9, "only {seen} scenarios");
        assert!(scenario("quickstart").is_some());
    }

    #[test]
    fn every_sweep_reads_and_varies_a_scenario_of_the_library() {
        let sweeps: Vec<Entry> = entries().filter(|entry| entry.kind == "sweep").collect();
        assert!(!sweeps.is_empty());
        for entry in sweeps {
            let sweep = crate::sweep::Sweep::parse(entry.name, entry.text).unwrap();
            assert!(scenario(&sweep.scenario).is_some() && entry.about().count() >= 2, "{}", entry.name);
        }
    }

    #[test]
    fn names_are_found_with_and_without_their_kind() {
        assert_eq!(find("quickstart").unwrap(), find("scenario/quickstart").unwrap());
        assert_eq!(find("scale/1k").unwrap()[0].name, "scale/1k");
        assert!(find("quikstart").unwrap_err().to_string().contains("did you mean `quickstart`?"));
    }
}
