//! How a party is to behave: the part of a scenario's `[scheduler]` that the core acts on.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::partition::{Partition, Qos, Reservation};
use crate::time::Span;

/// A named policy with its options, as in `placement = "best-fit"` or `placement = { name = "fgd", sample = 0.1 }`.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Choice {
    /// The name in the registry.
    pub name: String,
    /// Options by name.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub options: BTreeMap<String, Setting>,
}

impl Choice {
    /// A policy without options.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), options: BTreeMap::new() }
    }

    /// A number among the options.
    #[must_use]
    pub fn number(&self, option: &str) -> Option<f64> {
        match self.options.get(option)? {
            Setting::Number(number) if number.is_finite() => Some(*number),
            _ => None,
        }
    }

    /// A whole number among the options, at least 1.
    #[must_use]
    pub fn whole(&self, option: &str) -> Option<u64> {
        self.number(option).filter(|number| *number >= 1.0 && *number < 1e18).map(|number| number as u64)
    }

    /// Yes or no among the options.
    #[must_use]
    pub fn flag(&self, option: &str) -> Option<bool> {
        match self.options.get(option)? {
            Setting::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A length of time among the options: a whole number and `us`, `ms`, `s`, `m`, `h` or `d`.
    #[must_use]
    pub fn span(&self, option: &str) -> Option<Span> {
        let Setting::Text(text) = self.options.get(option)? else { return None };
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let unit_us: u64 = match &text[digits..] {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        number.checked_mul(unit_us).map(Span)
    }
}

/// The value of a policy's option.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// Who is offered what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Architecture {
    /// One framework is always offered everything.
    #[default]
    Monolithic,
}

/// May others pass a waiting job that does not fit?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum HeadOfLine {
    /// Yes.
    #[default]
    Skip,
    /// No: strict order.
    Block,
}

/// What happens to a task that fits nowhere right now?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Unplaceable {
    /// It waits.
    #[default]
    Wait,
    /// It is given up.
    Reject,
}

/// How the events of one instant are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Instant {
    /// All of them are applied, then one scheduling pass is made.
    #[default]
    Batched,
    /// A pass follows each event; a task whose estimate has run out is regarded as gone before it is heard of.
    PerEvent,
}

/// The order in which jobs are tried behind a head that holds a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum BackfillOrder {
    /// As submitted.
    #[default]
    Fifo,
    /// By estimate, as submitted among equals.
    Shortest,
}

/// Everything a party of our core is told at its start.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// Who is offered what.
    pub architecture: Architecture,
    /// The order in which waiting jobs are tried.
    pub queue: Choice,
    /// May others pass a waiting job that does not fit?
    pub head_of_line: HeadOfLine,
    /// Which node a task goes to.
    pub placement: Choice,
    /// What may pass a head that holds a reservation; `none` if no head does.
    pub backfill: Choice,
    /// In which order jobs are tried behind such a head.
    pub backfill_order: BackfillOrder,
    /// What happens to a task that fits nowhere right now.
    pub unplaceable: Unplaceable,
    /// How the events of one instant are grouped.
    pub instant: Instant,
    /// Zero: think at every event; otherwise only every so often.
    pub interval: Span,
    /// The key of every random draw of a policy.
    pub seed: u64,
    /// Whether to say why jobs wait.
    pub explain: bool,
    /// Named sets of nodes with rules of their own; a job says which it is in.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub partitions: Vec<Partition>,
    /// Qualities of service, likewise.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub qos: Vec<Qos>,
    /// Room that is kept for named jobs.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub reservations: Vec<Reservation>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            architecture: Architecture::Monolithic,
            queue: Choice::named("fifo"),
            head_of_line: HeadOfLine::Skip,
            placement: Choice::named("best-fit"),
            backfill: Choice::named("none"),
            backfill_order: BackfillOrder::Fifo,
            unplaceable: Unplaceable::Wait,
            instant: Instant::Batched,
            interval: Span::ZERO,
            seed: 0,
            explain: false,
            partitions: Vec::new(),
            qos: Vec::new(),
            reservations: Vec::new(),
        }
    }
}

impl Config {
    /// True if a job that fits nowhere holds up those behind it.
    #[must_use]
    pub fn blocks_head(&self) -> bool {
        self.head_of_line == HeadOfLine::Block || self.backfill.name != "none"
    }
}
