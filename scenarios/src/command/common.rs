//! What several commands share: naming a scenario.

use std::path::Path;

use clap::Args;

use crate::failure::Failure;
use crate::load;
use crate::resolve::Resolved;
use crate::spec::Set;
use crate::talk;
use crate::tool::Tool;

/// Which scenario, and what is changed about it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScenarioArguments {
    /// A scenario file, or a name from `windtunnel library list`.
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// Set a key, lists by position: `workload.0.scale.load=1.2`; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Set>,
    /// The key of every random draw (`--set seed=N`).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl ScenarioArguments {
    /// All that is set, in order; `--seed` last.
    pub fn sets(&self) -> Vec<Set> {
        let mut sets = self.set.clone();
        if let Some(seed) = self.seed {
            sets.push(Set { key: "seed".into(), value: seed.to_string() });
        }
        sets
    }

    /// Reads and resolves the scenario.
    pub fn load(&self, tool: &Tool) -> Result<Resolved, Failure> {
        load::load(&self.scenario, &self.sets(), tool.registries())
    }

    /// The same for the scenario that a saved run keeps.
    pub fn of_folder(&self, folder: &std::path::Path) -> Self {
        Self { scenario: folder.join("scenario.toml").display().to_string(), ..self.clone() }
    }

    /// The arguments again, for the exact command.
    pub fn again(&self) -> String {
        let mut text = quoted(&self.scenario);
        for set in &self.set {
            text.push_str(" --set ");
            text.push_str(&quoted(&set.to_string()));
        }
        if let Some(seed) = self.seed {
            text.push_str(&format!(" --seed {seed}"));
        }
        text
    }
}

/// Shows a page where its reader looks at pages, if that was asked for.
pub(crate) fn open_if(asked: bool, page: &Path) {
    if asked && let Err(error) = open::that_detached(page) {
        talk::say(&format!("warning: the report cannot be opened ({error})"));
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("a.toml"), "a.toml");
        assert_eq!(quoted("a={b = 1}"), "'a={b = 1}'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
