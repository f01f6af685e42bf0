//! Kinds of frameworks that run their tasks inside holders: how many holders are wanted, and when one is given back.
//! One small file per kind, one line in [`KINDS`].

use super::{coarse, nested, slots};
use crate::config::Holders;
use crate::registry::{Entry, OptionNote};
use crate::time::{Span, Time};

/// A kind of framework in the registry.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The name in scenarios.
    pub name: &'static str,
    /// One line: when it wants holders, and when it gives them back.
    pub summary: &'static str,
    /// Settings of its holders, with their defaults.
    pub options: &'static [OptionNote],
    /// Where it comes from.
    pub source: &'static str,
    /// Whether every job has holders of its own, which are given back when it is over; else all jobs share them.
    pub per_job: bool,
    /// How many holders are wanted, those that are in place included.
    pub wants: fn(&Holders, &Sight, &mut Ramp) -> u32,
    /// After how long without a task a holder is given back; None: not for that.
    pub idle: fn(&Holders) -> Option<Span>,
}

impl Entry for Kind {
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

/// Every kind, by name.
pub static KINDS: &[Kind] = &[coarse::ENTRY, nested::ENTRY, slots::ENTRY];

/// How things stand with the tasks that share holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Now.
    pub now: Time,
    /// Tasks that wait; a gang counts as one.
    pub waiting: u64,
    /// Holders that the tasks that wait or run would fill, if each held tasks of one shape only.
    pub need: u32,
    /// Whether any task waits or runs, also one that no holder has room for.
    pub has_work: bool,
}

/// What is remembered of a number of holders that grows step by step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ramp {
    /// How many are wanted.
    pub target: u32,
    /// How many more the next step asks for; 0 before the first.
    pub add: u32,
    /// When the next step is due, if tasks still wait then.
    pub next: Option<Time>,
}
