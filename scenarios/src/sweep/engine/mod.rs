//! Where the runs of a sweep are carried out. One small file each, one line in [`ENGINES`].
//!
//! An engine has no queue, no protocol and no workers of ours: a shard is one command that works on a folder, does the
//! runs that fall to it and that nobody has done, and may be repeated at will.

mod kubernetes;
mod local;
mod slurm;

use std::num::NonZeroU32;

use windtunnel_scheduler::registry::{Entry, OptionNote};

use super::Job;
use crate::failure::Failure;

/// An engine in the registry.
pub struct Engine {
    /// The name on the command line.
    pub name: &'static str,
    /// One line: where the runs happen.
    pub summary: &'static str,
    /// Options with their defaults.
    pub options: &'static [OptionNote],
    /// Where its way of working comes from.
    pub source: &'static str,
    /// Carries out every run that is not done yet, or says how.
    pub perform: fn(&Job<'_>, &EngineOptions) -> Result<Progressed, Failure>,
}

/// What may be said about an engine on the command line.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Into how many shards the runs are dealt.
    pub shards: NonZeroU32,
    /// Words handed to the submitting program as they are.
    pub extra: Vec<String>,
    /// The container image that has the program.
    pub image: String,
    /// The volume claim that holds the folder.
    pub claim: String,
}

/// How far an engine has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progressed {
    /// All runs are done; the share of their time that workers waited for work, where it is known.
    Done {
        /// Between 0 and 1.
        idle_share: Option<f64>,
    },
    /// Something was written that somebody else must carry out.
    HandedOver,
}

impl Entry for Engine {
    fn name(&self) -> &'static str {
        self.name
    }
    fn summary(&self) -> &'static str {
        self.summary
    }
    fn options(&self) -> &'static [OptionNote] {
        self.options
    }
    fn source(&self) -> &'static str {
        self.source
    }
}

/// Every engine, by name.
pub static ENGINES: &[Engine] = &[kubernetes::ENGINE, local::ENGINE, slurm::ENGINE];

const SHARDS: OptionNote = OptionNote {
    name: "--shards",
    default: "1",
    meaning: "into how many shards the runs are dealt, run 0 to shard 0, run 1 to shard 1, ..",
};

const EXTRA: OptionNote = OptionNote {
    name: "--engine-arg",
    default: "none",
    meaning: "a word for the submitting program; may be given again",
};
