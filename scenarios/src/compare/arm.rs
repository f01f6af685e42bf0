//! One side of a comparison, as written: `NAME:K=V[,K=V]`, or `NAME@BUILD[:K=V]` for another build.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::spec::{Set, gate};

/// One side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Another build of the program that runs it.
    pub build: Option<PathBuf>,
    /// What it sets.
    pub sets: Vec<Set>,
}

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(build) = &self.build {
            write!(f, "@{}", build.display())?;
        }
        let sets: Vec<String> = self.sets.iter().map(ToString::to_string).collect();
        write!(f, ":{}", sets.join(","))
    }
}

impl std::str::FromStr for Arm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "write NAME:KEY=VALUE, such as new:scheduler.placement=first-fit";
        let Some(at) = text.find([':', '@']) else {
            return Err(format!("no `:` after the name; {EXAMPLE}, or `{text}:` for the scenario as it stands"));
        };
        let (name, rest) = text.split_at(at);
        let name = name.trim();
        if name.is_empty() || name.contains(['=', ',', '/']) {
            return Err(format!("`{name}` is no name of a side; {EXAMPLE}"));
        }
        let (build, sets) = match rest.strip_prefix('@') {
            None => (None, rest.strip_prefix(':').unwrap_or(rest)),
            Some(build) => {
                let (path, sets) = build.split_once(':').unwrap_or((build, ""));
                if path.trim().is_empty() {
                    return Err(format!("no build behind the @; write {name}@PATH"));
                }
                (Some(PathBuf::from(path.trim())), sets)
            }
        };
        let sets = pieces(sets)?.into_iter().map(str::parse).collect::<Result<Vec<Set>, String>>()?;
        Ok(Self { name: name.to_owned(), build, sets })
    }
}

/// Splits at commas outside quotes, brackets and braces.
fn pieces(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let (mut begin, mut depth, mut quote) = (0, 0_u32, None);
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), close) if open == close && !escaped => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                found.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
        escaped = false;
    }
    if depth > 0 || quote.is_some() {
        return Err(format!("`{text}` opens what it does not close; close it"));
    }
    found.push(&text[begin..]);
    found.retain(|piece| !piece.trim().is_empty());
    Ok(found)
}

impl Arm {
    /// A side that stands in the scenario.
    #[must_use]
    pub fn written(arm: &gate::Arm) -> Self {
        let sets = arm.set.iter().map(|(key, value)| Set { key: key.clone(), value: value.to_string() });
        Self { name: arm.name.clone(), build: arm.build.as_ref().map(PathBuf::from), sets: sets.collect() }
    }
}

/// Refuses sides that cannot be told apart, and too few of them.
///
/// # Errors
/// What is missing.
pub(super) fn check(arms: &[Arm]) -> Result<(), Failure> {
    if arms.len() < 2 {
        let said = if arms.is_empty() { "no side is named" } else { "one side alone compares nothing" };
        return Err(Failure::new(format!(
            "{said}; give two, such as --arm base: --arm new:scheduler.placement=first-fit"
        ))
        .hint("sides may also stand in the scenario: [[arm]] name = \"new\", set = { \"scheduler.placement\" = .. }"));
    }
    let mut names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Failure::new(format!("two sides are called `{}`; give each a name of its own", pair[0]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<String>, Vec<String>) {
        let arm: Arm = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let build = arm.build.map(|path| path.display().to_string());
        (arm.name, build, arm.sets.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn commas_split_only_where_nothing_is_open() {
        let none: Vec<String> = Vec::new();
        assert_eq!(read("a:"), ("a".into(), None, none.clone()));
        assert_eq!(read("a:x=1,y.z=b"), ("a".into(), None, vec!["x=1".into(), "y.z=b".into()]));
        let set = "p={name=\"f,g\",o=[1,2]},q='a,b'";
        assert_eq!(read(&format!("n:{set}")).2, ["p={name=\"f,g\",o=[1,2]}", "q='a,b'"]);
        assert_eq!(read(r#"n:a="x\",y",b=1"#).2, [r#"a="x\",y""#, "b=1"]);
        assert_eq!(read("old@../main/windtunnel"), ("old".into(), Some("../main/windtunnel".into()), none));
        assert_eq!(read("old@b:x=1").2, ["x=1"]);
    }

    #[test]
    fn what_is_no_side_is_refused_with_the_fix() {
        let wrong = |text: &str| text.parse::<Arm>().unwrap_err();
        assert!(wrong("new").contains("or `new:` for the scenario as it stands"), "{}", wrong("new"));
        assert!(wrong(":x=1").contains("is no name of a side"), "{}", wrong(":x=1"));
        assert!(wrong("a:x").contains("write KEY=VALUE"), "{}", wrong("a:x"));
        assert!(wrong("a:x={1").contains("close it"), "{}", wrong("a:x={1"));
        assert!(wrong("a@:x=1").contains("write a@PATH"), "{}", wrong("a@:x=1"));
        let arm = |name: &&str| Arm { name: (*name).into(), ..Arm::default() };
        let check = |names: &[&str]| check(&names.iter().map(arm).collect::<Vec<Arm>>());
        assert!(check(&[]).is_err() && check(&["a"]).is_err() && check(&["a", "a"]).is_err());
        assert_eq!(check(&["a", "b"]), Ok(()));
    }
}
