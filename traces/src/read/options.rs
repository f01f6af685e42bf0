//! What a user may say about how a file is to be read.

use super::input::Input;
use super::trouble::{failure, nearest};
use crate::model::SourceError;

/// Which of the two processor counts of a batch log a job has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processors {
    /// What it asked for; what it got where that is unknown.
    #[default]
    Requested,
    /// What it got; what it asked for where that is unknown.
    Allocated,
    /// The larger of the two, as learning-based studies take it.
    Larger,
}

/// What a job of n processors becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobAs {
    /// One task of n cpus: for a machine that is just an amount.
    #[default]
    Pool,
    /// n tasks of one cpu that start together.
    Gang,
}

/// What becomes of a job that ran longer than it asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overrun {
    /// It runs as long as it asked for; counted.
    #[default]
    Clip,
    /// It is killed when its request ends; counted.
    Kill,
    /// It runs as long as it did.
    Extend,
}

/// What becomes of a row that is malformed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// Reading stops with an error that names it.
    #[default]
    Fail,
    /// It is left out and counted.
    Skip,
}

/// How to read; every format uses what applies to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Which processor count of a batch log counts.
    pub procs: Processors,
    /// What a job of n processors becomes.
    pub job_as: JobAs,
    /// What becomes of a run that is longer than its request.
    pub overrun: Overrun,
    /// Moves all times so that the first submission is at 0.
    pub shift: bool,
    /// What becomes of a malformed row.
    pub on_bad_row: OnBadRow,
    /// Jobs of a batch log that are wider are left out and counted; None: what the header says, if it does.
    pub max_processors: Option<u32>,
    /// The names of lanes 4 and up, in order, as the fleet has them. Lanes that a file names besides follow.
    pub lanes: Vec<String>,
    /// A table of jobs beside the one of tasks.
    pub jobs: Option<Input>,
    /// A table of what tasks used over time.
    pub usage: Option<Input>,
}

/// An option of a format, for listings: [`ReadOptions::set`] takes it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatOption {
    /// Its key.
    pub name: &'static str,
    /// What holds where nothing is said.
    pub default: &'static str,
    /// What may be said.
    pub values: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
}

/// Said once for every format: rows that are malformed.
pub const ON_BAD_ROW: FormatOption = FormatOption {
    name: "on_bad_row",
    default: "fail",
    values: "fail | skip",
    summary: "stop at a malformed row, or leave it out and count it",
};

/// Said once for every format: times that do not begin at 0.
pub const SHIFT: FormatOption = FormatOption {
    name: "shift",
    default: "false",
    values: "true | false",
    summary: "move all times so that the first submission is at 0",
};

/// A table of jobs beside the one of tasks.
pub const JOBS_TABLE: FormatOption = FormatOption {
    name: "jobs",
    default: "none",
    values: "a file",
    summary: "the jobs in a table of their own: when, whose and how important",
};

/// A table of what tasks used over time.
pub const USAGE_TABLE: FormatOption = FormatOption {
    name: "usage",
    default: "none",
    values: "a file",
    summary: "what tasks really used, window by window",
};

const KEYS: [&str; 8] = ["procs", "job_as", "overrun", "shift", "on_bad_row", "max_processors", "jobs", "usage"];

impl ReadOptions {
    /// Sets an option by the name and in the words of a scenario file; dashes in names are underscores too.
    ///
    /// # Errors
    /// If there is no such option (the nearest is named) or it does not take this value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SourceError> {
        let name = key.replace('-', "_");
        match name.as_str() {
            "procs" => {
                let known = [
                    ("requested", Processors::Requested),
                    ("allocated", Processors::Allocated),
                    ("larger", Processors::Larger),
                ];
                self.procs = one_of(key, value, &known)?;
            }
            "job_as" => self.job_as = one_of(key, value, &[("pool", JobAs::Pool), ("gang", JobAs::Gang)])?,
            "overrun" => {
                self.overrun = one_of(
                    key,
                    value,
                    &[("clip", Overrun::Clip), ("kill", Overrun::Kill), ("extend", Overrun::Extend)],
                )?
            }
            "shift" => self.shift = one_of(key, value, &[("true", true), ("false", false)])?,
            "on_bad_row" => {
                self.on_bad_row = one_of(key, value, &[("fail", OnBadRow::Fail), ("skip", OnBadRow::Skip)])?;
            }
            "jobs" => self.jobs = Some(Input::file(value)),
            "usage" => self.usage = Some(Input::file(value)),
            "max_processors" => match value.parse() {
                Ok(most) if most > 0 => self.max_processors = Some(most),
                _ => {
                    return Err(failure(
                        format!("option `{key}` is `{value}`, which is no number of processors; write one from 1"),
                        &[],
                    ));
                }
            },
            _ => return Err(unknown(key, &name)),
        }
        Ok(())
    }
}

fn one_of<T: Copy>(key: &str, value: &str, words: &[(&str, T)]) -> Result<T, SourceError> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
        return Ok(*meaning);
    }
    let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    Err(failure(format!("option `{key}` is `{value}`; write {}", words.join(" or ")), &[]))
}

fn unknown(key: &str, name: &str) -> SourceError {
    match nearest(name, KEYS) {
        Some(near) => failure(format!("there is no option `{key}`; did you mean `{near}`?"), &[]),
        None => failure(format!("there is no option `{key}`; the options are {}", KEYS.join(", ")), &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_set_by_name() {
        let mut options = ReadOptions::default();
        for (key, value) in [
            ("procs", "allocated"),
            ("job-as", "gang"),
            ("overrun", "extend"),
            ("shift", "true"),
            ("on-bad-row", "skip"),
            ("max_processors", "128"),
        ] {
            options.set(key, value).expect(key);
        }
        let expected = ReadOptions {
            procs: Processors::Allocated,
            job_as: JobAs::Gang,
            overrun: Overrun::Extend,
            shift: true,
            on_bad_row: OnBadRow::Skip,
            max_processors: Some(128),
            ..ReadOptions::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn a_wrong_option_names_the_nearest_and_a_wrong_value_the_words() {
        let mut options = ReadOptions::default();
        assert!(options.set("proc", "requested").expect_err("unknown").message.contains("`procs`"));
        assert!(options.set("zzz", "1").expect_err("unknown").message.contains("overrun"));
        assert!(options.set("job_as", "pods").expect_err("value").message.contains("`gang`"));
        assert!(options.set("max_processors", "0").is_err());
    }
}
