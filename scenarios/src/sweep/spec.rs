//! What a sweep is, as written: a scenario, axes, seeds.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::spec::{self, Places, Set};

/// A sweep as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What it is called; results go to `runs/<name>.sweep/`.
    pub name: String,
    /// The scenario that is varied: a file, relative to this one, or a name in the library.
    pub scenario: String,
    /// How many seeds per point, from the scenario's own upwards, or which.
    #[serde(default)]
    pub seeds: Seeds,
    /// Keys that are the same in every run.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub set: toml::Table,
    /// What is varied; the last axis turns fastest.
    #[serde(default)]
    pub axis: Vec<Axis>,
}

/// The seeds of every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// So many, from the scenario's own upwards.
    Count(u64),
    /// These.
    Listed(Vec<u64>),
}

impl Default for Seeds {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// One thing that is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The key of the scenario, as for `--set`.
    pub key: String,
    /// The column of the results; left out: the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The values, in order.
    pub values: Vec<toml::Value>,
}

impl Axis {
    /// What the axis is called in results.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key)
    }
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number: the row it becomes.
    pub index: usize,
    /// The value of each axis, as text.
    pub values: Vec<String>,
    /// Everything that is set, the seed included.
    pub sets: Vec<Set>,
    /// Its seed.
    pub seed: u64,
}

/// More runs than this are a slip of the pen.
const CASES_MOST: u64 = 1_000_000;

/// A value as `--set` takes it.
fn text_of(value: &toml::Value) -> String {
    value.to_string()
}

/// A value as people and columns show it: a word without its quotes.
fn word_of(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Sweep {
    /// Reads a sweep. `file` is what messages call it.
    ///
    /// # Errors
    /// The first thing wrong with it: file, line and column, the key, and the fix.
    pub fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        let (sweep, places): (Self, Places) = spec::read(file, text)?;
        sweep.check(&places)?;
        Ok(sweep)
    }

    fn check(&self, places: &Places) -> Result<(), Failure> {
        crate::resolve::check_name(&self.name, places)?;
        if let Seeds::Count(0) = self.seeds {
            return Err(places.failure("seeds", "no seed gives no run; write at least 1"));
        }
        if let Seeds::Listed(seeds) = &self.seeds
            && (seeds.is_empty() || (1..seeds.len()).any(|at| seeds[..at].contains(&seeds[at])))
        {
            return Err(places.failure("seeds", "each seed is listed once, and at least one; correct the list"));
        }
        for (at, axis) in self.axis.iter().enumerate() {
            let path = format!("axis.{at}");
            if axis.values.is_empty() {
                return Err(places.failure(&format!("{path}.values"), "an axis without values; write at least one"));
            }
            let twin = axis.values.iter().enumerate().find(|(place, value)| axis.values[..*place].contains(value));
            if let Some((place, value)) = twin {
                let sentence = format!("{value} stands there twice; take one out");
                return Err(places.failure(&format!("{path}.values.{place}"), sentence));
            }
            if self.axis[..at].iter().any(|other| other.title() == axis.title()) {
                let sentence = format!("two axes are called `{}`; give one a name", axis.title());
                return Err(places.failure(&path, sentence));
            }
            if axis.key == "seed" || axis.key == "name" {
                let sentence = format!("`{}` is no axis; seeds have a key of their own, `seeds`", axis.key);
                return Err(places.failure(&format!("{path}.key"), sentence));
            }
            if format!("{}=0", axis.key).parse::<Set>().is_err() {
                let sentence = "is not a key; write a dotted path such as scheduler.placement";
                return Err(places.failure(&format!("{path}.key"), sentence));
            }
        }
        if self.points().and_then(|points| points.checked_mul(self.seed_count())).is_none_or(|all| all > CASES_MOST) {
            return Err(places.failure("axis", "more than a million runs; take values or an axis out"));
        }
        Ok(())
    }

    fn seed_count(&self) -> u64 {
        match &self.seeds {
            Seeds::Count(count) => *count,
            Seeds::Listed(seeds) => seeds.len() as u64,
        }
    }

    /// How many points the axes span.
    fn points(&self) -> Option<u64> {
        self.axis.iter().try_fold(1_u64, |product, axis| product.checked_mul(axis.values.len() as u64))
    }

    /// Every run, in the order of the rows: the last axis turns faster than the one before, seeds fastest.
    /// `first_seed` is the scenario's own.
    #[must_use]
    pub fn cases(&self, first_seed: u64) -> Vec<Case> {
        let seeds: Vec<u64> = match &self.seeds {
            Seeds::Count(count) => (0..*count).map(|at| first_seed.wrapping_add(at)).collect(),
            Seeds::Listed(seeds) => seeds.clone(),
        };
        let points = self.points().unwrap_or(0) as usize;
        let common: Vec<Set> =
            self.set.iter().map(|(key, value)| Set { key: key.clone(), value: text_of(value) }).collect();
        let mut cases = Vec::with_capacity(points * seeds.len());
        for point in 0..points {
            let mut rest = point;
            let mut chosen: Vec<&toml::Value> = Vec::with_capacity(self.axis.len());
            for axis in self.axis.iter().rev() {
                chosen.push(&axis.values[rest % axis.values.len()]);
                rest /= axis.values.len();
            }
            chosen.reverse();
            for &seed in &seeds {
                let varied = self.axis.iter().zip(&chosen);
                let varied = varied.map(|(axis, value)| Set { key: axis.key.clone(), value: text_of(value) });
                let last = std::iter::once(Set { key: "seed".into(), value: seed.to_string() });
                cases.push(Case {
                    index: cases.len(),
                    values: chosen.iter().map(|value| word_of(value)).collect(),
                    sets: common.iter().cloned().chain(varied).chain(last).collect(),
                    seed,
                });
            }
        }
        cases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        name = "two"
        scenario = "quickstart"
        seeds = 2
        set = { "stop.at" = "1h" }
        [[axis]]
        key = "fleet.group.0.count"
        name = "nodes"
        values = [180, 200]
        [[axis]]
        key = "scheduler.placement"
        values = ["best-fit", { name = "random" }, "first-fit"]
    "#;

    #[test]
    fn the_last_axis_turns_fastest_and_seeds_faster_still() {
        let cases = Sweep::parse("a.toml", TEXT).unwrap().cases(7);
        assert_eq!(cases.len(), 12);
        let shown: Vec<(String, String, u64)> =
            cases.iter().map(|case| (case.values[0].clone(), case.values[1].clone(), case.seed)).collect();
        assert_eq!(shown[0], ("180".into(), "best-fit".into(), 7));
        assert_eq!(shown[1], ("180".into(), "best-fit".into(), 8));
        assert_eq!(shown[2], ("180".into(), "{ name = \"random\" }".into(), 7));
        assert_eq!(shown[6], ("200".into(), "best-fit".into(), 7));
        let sets: Vec<String> = cases[11].sets.iter().map(ToString::to_string).collect();
        let expected = ["stop.at=\"1h\"", "fleet.group.0.count=200", "scheduler.placement=\"first-fit\"", "seed=8"];
        assert_eq!(sets, expected);
        assert!(cases.iter().enumerate().all(|(at, case)| case.index == at));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = |from: &str, to: &str| Sweep::parse("a.toml", &TEXT.replace(from, to)).unwrap_err().to_string();
        assert!(wrong("seeds = 2", "seeds = 0").contains("a.toml:4"), "{}", wrong("seeds = 2", "seeds = 0"));
        assert!(wrong("[180, 200]", "[]").contains("at least one"));
        assert!(wrong("[180, 200]", "[180, 180]").contains("twice"));
        assert!(wrong("\"nodes\"", "\"scheduler.placement\"").contains("two axes"));
        assert!(wrong("fleet.group.0.count", "seed").contains("`seeds`"));
        assert!(wrong("scenario =", "scenery =").contains("did you mean `scenario`?"));
    }
}
