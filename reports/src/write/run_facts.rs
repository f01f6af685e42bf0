//! `run.json`: what is not deterministic about a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Time, memory and place of one run of the program. Everything else about a run is repeatable and stands elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Elapsed seconds of the whole process.
    pub wall_s: f64,
    /// User and system seconds of the whole process, all threads, until the last file is renamed.
    pub cpu_s: f64,
    /// Where they went, by part.
    pub cpu_split_s: BTreeMap<String, f64>,
    /// Task starts per second of `cpu_s`.
    pub placements_per_cpu_s: Option<f64>,
    /// Events per second of `cpu_s`.
    pub events_per_cpu_s: Option<f64>,
    /// Peak resident set of the process.
    pub peak_memory_mib: Option<f64>,
    /// Version of the program.
    pub version: String,
    /// The machine.
    pub host: Host,
}

/// The machine that a run was made on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system.
    pub os: String,
    /// Instruction set.
    pub arch: String,
    /// Processors that the process may use.
    pub cpus: u32,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
        Self { os: std::env::consts::OS.to_owned(), arch: std::env::consts::ARCH.to_owned(), cpus }
    }
}

/// The file: whose it is and which command made it, then the facts.
#[derive(Serialize)]
struct RunFile<'a> {
    tool: &'static str,
    command: &'a str,
    #[serde(flatten)]
    facts: &'a RunFacts,
}

impl RunFacts {
    /// The text of `run.json`: by it a folder is known to be ours. Commands that write other results use it too.
    #[must_use]
    pub fn to_json(&self, command: &str) -> String {
        let file = RunFile { tool: super::TOOL, command, facts: self };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }
}
