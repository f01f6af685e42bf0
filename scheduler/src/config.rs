//! How a party is to behave: the part of a scenario's `[scheduler]` that the core acts on.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::allocator::two_level::{FrameworkSpec, Options};
use crate::constraint::Constraint;
use crate::event::GpuRequest;
use crate::partition::{Partition, Qos, Reservation};
use crate::resources::Resources;
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

    /// A text among the options.
    #[must_use]
    pub fn text(&self, option: &str) -> Option<&str> {
        match self.options.get(option)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tables of a list among the options; None if it is no such list.
    #[must_use]
    pub fn tables(&self, option: &str) -> Option<Vec<&BTreeMap<String, Setting>>> {
        let Setting::List(items) = self.options.get(option)? else { return None };
        items.iter().map(Setting::table).collect()
    }

    /// The policies of a list among the options, each a table with a `name`; None if it is no such list.
    #[must_use]
    pub fn nested(&self, option: &str) -> Option<Vec<Self>> {
        let choice = |table: &BTreeMap<String, Setting>| {
            let mut options = table.clone();
            match options.remove("name") {
                Some(Setting::Text(name)) => Some(Self { name, options }),
                _ => None,
            }
        };
        self.tables(option)?.into_iter().map(choice).collect()
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
    /// Several values in order.
    List(Vec<Setting>),
    /// Values by name. A table with a `name` is a policy, see [`Choice::nested`].
    Table(BTreeMap<String, Setting>),
}

impl Setting {
    /// The values by name, if it is a table.
    #[must_use]
    pub fn table(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// A kind of task that is typical of what is to be expected, for policies that look ahead.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Typical {
    /// What one task needs.
    pub request: Resources,
    /// Which devices.
    pub gpu: GpuRequest,
    /// What nodes must be like.
    pub constraints: Option<Arc<[Constraint]>>,
    /// How many tasks of the sample are of this kind.
    pub tasks: u64,
}

/// Who is offered what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Architecture {
    /// One framework is always offered everything.
    #[default]
    Monolithic,
    /// Frameworks are offered resources one at a time, by a sorter.
    TwoLevel,
    /// Every framework sees everything; what they claim is settled by who came first.
    SharedState,
}

/// What counts as a conflict of a claim with what others took meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Conflicts {
    /// That it does not fit any more.
    #[default]
    Fine,
    /// That anything on the node has changed.
    Coarse,
}

/// What of a claim is honoured when a part of it conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Commit {
    /// Every task that does not conflict.
    #[default]
    Incremental,
    /// All tasks of a job that are placed together, or none.
    Gang,
}

/// How a framework deals with an allocator.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Habits {
    /// For how long it refuses what it does not use.
    pub refuse: Span,
    /// For how long it keeps offers that it has no use for, in case a use comes up.
    pub hold: Span,
    /// Whether it asks for no offers while it has no work.
    pub suppresses: bool,
    /// How long it lets pass between two wishes to be offered again what it refused, when new work has come or a gang
    /// waits; none: it waits until its refusals are over.
    pub revives: Option<Span>,
    /// How long it lets pass after such a wish before work that comes while it asks for no offers makes it ask for some
    /// again; zero: it asks at once.
    #[cfg_attr(feature = "serde", serde(default))]
    pub resumes: Span,
    /// The most tasks that it launches on one offer; none: as many as fit.
    pub per_offer: Option<u32>,
    /// The most tasks that it launches within a span; none: no limit.
    pub launches: Option<(u32, Span)>,
    /// Shared state: what of a claim is honoured when a part of it conflicts.
    pub commit: Commit,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            refuse: Span::from_seconds(5),
            hold: Span::ZERO,
            suppresses: true,
            revives: Some(Span::from_seconds(5)),
            resumes: Span::ZERO,
            per_offer: None,
            launches: None,
            commit: Commit::Incremental,
        }
    }
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
    /// What tasks are to be expected: told to policies that look ahead, empty for the others.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub typical: Vec<Typical>,
    /// What may pass a head that holds a reservation; `none` if no head does.
    pub backfill: Choice,
    /// In which order jobs are tried behind such a head.
    pub backfill_order: BackfillOrder,
    /// Who makes room for whom.
    #[cfg_attr(feature = "serde", serde(default = "nobody"))]
    pub preemption: Choice,
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
    /// Two-level: what the allocator is set to.
    pub allocator: Option<Box<Options>>,
    /// Shared state: what counts as a conflict.
    pub conflicts: Conflicts,
    /// Of a framework: how it deals with the allocator.
    pub habits: Habits,
    /// The frameworks, in the order of their parties from 1 on; none under a monolithic scheduler. Each is told its own
    /// configuration.
    pub frameworks: Vec<Framework>,
    /// Frameworks that run their tasks inside holders, in the order of their parties after those of `frameworks`. Each
    /// is told its own configuration; that its holders are tasks in somebody's queue is none of its business.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub inner: Vec<Inner>,
    /// Of such a framework: its holders.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub holders: Option<Box<Holders>>,
}

/// A framework that runs its tasks inside holders.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Inner {
    /// What it is called in results.
    pub name: String,
    /// What it is told.
    pub config: Config,
}

/// The holders of a framework: tasks that it holds to run its own tasks in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Holders {
    /// When it wants some, and when it gives them back: a name in the registry of kinds.
    pub kind: String,
    /// What one has for tasks.
    pub room: Resources,
    /// How many it holds at most; where they belong to jobs, for each job.
    pub most: u32,
    /// After how long without a task one is given back, as far as its kind does so.
    pub idle: Option<Span>,
}

/// A framework that takes part.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Framework {
    /// What it is called in results.
    pub name: String,
    /// What the allocator is told of it.
    pub spec: FrameworkSpec,
    /// What it is told itself.
    pub config: Config,
}

#[cfg(feature = "serde")]
fn nobody() -> Choice {
    Choice::named("none")
}

impl Default for Config {
    fn default() -> Self {
        Self {
            architecture: Architecture::Monolithic,
            queue: Choice::named("fifo"),
            head_of_line: HeadOfLine::Skip,
            placement: Choice::named("best-fit"),
            typical: Vec::new(),
            backfill: Choice::named("none"),
            backfill_order: BackfillOrder::Fifo,
            preemption: Choice::named("none"),
            unplaceable: Unplaceable::Wait,
            instant: Instant::Batched,
            interval: Span::ZERO,
            seed: 0,
            explain: false,
            allocator: None,
            conflicts: Conflicts::Fine,
            habits: Habits::default(),
            frameworks: Vec::new(),
            inner: Vec::new(),
            holders: None,
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
