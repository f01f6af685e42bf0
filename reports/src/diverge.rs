//! Where two sides of a comparison first decide differently, what each of them thought of both choices, and how far the
//! difference spread.

use std::fmt::Write as _;

use serde_json::{Value, json};
use windtunnel_scheduler::time::Time;

use crate::human::{count, counted, duration, seconds};

/// The first decision in which two sides differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Divergence {
    /// The seed of the run.
    pub seed: u64,
    /// The instant.
    pub at: Time,
    /// How many decisions were the same before.
    pub alike: u64,
    /// What the base decided then; None if nothing.
    pub base: Option<Choice>,
    /// What the other side decided.
    pub new: Option<Choice>,
    /// What both sides thought of the nodes that were chosen.
    pub opinions: Vec<Opinion>,
    /// What came of it.
    pub spread: Spread,
}

/// A decision in words of the trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `place`, `reject`, ...
    pub decision: String,
    /// `<job>/<index>`, if it is known.
    pub task: Option<String>,
    /// As the fleet names it.
    pub node: Option<String>,
}

/// What the two sides thought of one task on one node, just before they decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// `<job>/<index>`.
    pub task: Option<String>,
    /// As the fleet names it.
    pub node: String,
    /// What the base thought.
    pub base: Answer,
    /// What the other side thought.
    pub new: Answer,
}

/// What a side thinks of a task on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Why the node cannot take the task; None if it can.
    pub veto: Option<String>,
    /// How much the policy likes it there: larger is better, comparable within one policy only; None if it has no such
    /// number.
    pub score: Option<i64>,
}

/// How a difference spread over the run in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Tasks that started on both sides.
    pub tasks: u64,
    /// Of them, those on another node.
    pub elsewhere: u64,
    /// Of them, those that started later than with the base.
    pub later: u64,
    /// Of them, those that started earlier.
    pub earlier: u64,
    /// Tasks that started on one side only.
    pub one_side: u64,
    /// All delays minus all gains, in microseconds.
    pub delay_us: i64,
    /// The same in pieces of the run, by the submission of the tasks.
    pub pieces: Vec<Piece>,
}

/// One piece of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its first instant.
    pub from: Time,
    /// The first instant behind it.
    pub to: Time,
    /// Tasks handed in here that started on both sides.
    pub tasks: u64,
    /// Of them, those on another node.
    pub elsewhere: u64,
    /// Of them, those that started later.
    pub later: u64,
    /// Of them, those that started earlier.
    pub earlier: u64,
}

impl Divergence {
    /// As in `compare.json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let choice = |choice: &Option<Choice>| {
            choice.as_ref().map(|one| json!({ "decision": one.decision, "task": one.task, "node": one.node }))
        };
        let answer = |answer: &Answer| json!({ "veto": answer.veto, "score": answer.score });
        let opinions = self.opinions.iter().map(
            |one| json!({ "task": one.task, "node": one.node, "base": answer(&one.base), "new": answer(&one.new) }),
        );
        let pieces = self.spread.pieces.iter().map(|piece| {
            json!({ "from_us": piece.from.0, "to_us": piece.to.0, "tasks": piece.tasks,
                "elsewhere": piece.elsewhere, "later": piece.later, "earlier": piece.earlier })
        });
        let spread = &self.spread;
        let task = self.base.as_ref().and_then(|choice| choice.task.as_ref());
        let task = task.or_else(|| self.new.as_ref().and_then(|choice| choice.task.as_ref()));
        json!({
            "seed": self.seed,
            "at_us": self.at.0,
            "decisions_alike": self.alike,
            "task": task,
            "base": choice(&self.base),
            "new": choice(&self.new),
            "opinions": opinions.collect::<Vec<Value>>(),
            "spread": {
                "tasks": spread.tasks, "elsewhere": spread.elsewhere, "later": spread.later,
                "earlier": spread.earlier, "one_side": spread.one_side, "delay_us": spread.delay_us,
                "pieces": pieces.collect::<Vec<Value>>(),
            },
        })
    }

    /// The story in sentences. `base` and `new` are what the sides are called.
    #[must_use]
    pub fn words(&self, base: &str, new: &str) -> Vec<String> {
        let alike = match self.alike {
            0 => "The very first decision differs".to_owned(),
            1 => "After one decision alike the two part".to_owned(),
            many => format!("After {} decisions alike the two part", count(many as f64)),
        };
        let mut lines = vec![format!("{alike}, at {} (seed {}).", instant(self.at), self.seed)];
        let told = |name: &str, choice: &Option<Choice>| match choice {
            None => format!("{name} decides nothing then"),
            Some(choice) => format!("{name} {}", choice.words()),
        };
        lines.push(format!("{}; {}.", told(base, &self.base), told(new, &self.new)));
        for opinion in &self.opinions {
            let task = opinion.task.as_deref().map_or_else(String::new, |task| format!("task {task} "));
            let (by_base, by_new) = (opinion.base.words(), opinion.new.words());
            let node = &opinion.node;
            lines.push(if by_base == by_new {
                format!("{task}on {node}: {by_base} on both sides.")
            } else {
                format!("{task}on {node}: {by_base} with {base}, {by_new} with {new}.")
            });
        }
        lines.push(self.spread.words(new));
        lines
    }
}

/// An instant of a run, for sentences.
fn instant(at: Time) -> String {
    if at == Time::ZERO { "the beginning".to_owned() } else { duration(at.0 as f64) }
}

impl Choice {
    /// In words: `puts task 4/0 on node-1`.
    #[must_use]
    pub fn words(&self) -> String {
        let task = self.task.as_deref().map_or_else(|| "a task".to_owned(), |task| format!("task {task}"));
        match (self.decision.as_str(), &self.node) {
            ("place", Some(node)) => format!("puts {task} on {node}"),
            ("reject", _) => format!("gives {task} up"),
            ("kill", _) => format!("ends {task}"),
            ("evict", _) => format!("pushes {task} out"),
            (other, Some(node)) => format!("says `{other}` of {task} on {node}"),
            (other, None) => format!("says `{other}` of {task}"),
        }
    }
}

impl Answer {
    fn words(&self) -> String {
        match (&self.veto, self.score) {
            (Some(veto), _) => format!("not possible ({veto})"),
            (None, Some(score)) => format!("score {score}"),
            (None, None) => "possible".to_owned(),
        }
    }
}

impl Spread {
    fn words(&self, new: &str) -> String {
        let mut text = format!("Of {} that start on both sides, ", counted(self.tasks as f64, "task"));
        let share = |part: u64| {
            format!("{} ({})", count(part as f64), crate::human::share(part as f64 / self.tasks.max(1) as f64))
        };
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "{} go to another node, {} start later and {} earlier",
            share(self.elsewhere),
            share(self.later),
            share(self.earlier)
        );
        if self.tasks > 0 {
            let mean = self.delay_us as f64 / self.tasks as f64 / 1e6;
            let way = if mean < 0.0 { "earlier" } else { "later" };
            if self.delay_us == 0 {
                text.push_str("; on the mean no task starts later");
            } else {
                let _ = write!(text, "; with {new} a task starts {} {way} on the mean", seconds(mean.abs()));
            }
        }
        if self.one_side > 0 {
            let verb = if self.one_side == 1 { "starts" } else { "start" };
            let _ = write!(text, "; {} {verb} on one side only", counted(self.one_side as f64, "task"));
        }
        text.push('.');
        text
    }
}

/// Where and when a task first started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When it was handed in.
    pub submit: Time,
    /// When it started.
    pub start: Time,
    /// A digest of the name of its node.
    pub node: u64,
}

/// Pieces of a run in which a spread is told.
const PIECES: usize = 12;

impl Spread {
    /// Holds the starts of both sides against each other: position by position the same task, None where it never
    /// started.
    #[must_use]
    pub fn of(base: &[Option<Start>], new: &[Option<Start>]) -> Self {
        let both = || base.iter().zip(new).filter_map(|(base, new)| Some((base.as_ref()?, new.as_ref()?)));
        let last = both().map(|(base, _)| base.submit.0).max().unwrap_or(0);
        let length = (last / PIECES as u64 + 1).max(1);
        let mut spread = Self::default();
        let mut pieces = vec![Piece::default(); (last / length + 1) as usize];
        for (at, piece) in pieces.iter_mut().enumerate() {
            (piece.from, piece.to) = (Time(at as u64 * length), Time((at as u64 + 1) * length));
        }
        for (one, other) in both() {
            let piece = &mut pieces[(one.submit.0 / length) as usize];
            let elsewhere = u64::from(one.node != other.node);
            let (later, earlier) = (u64::from(other.start > one.start), u64::from(other.start < one.start));
            spread.tasks += 1;
            spread.elsewhere += elsewhere;
            spread.later += later;
            spread.earlier += earlier;
            spread.delay_us += other.start.0 as i64 - one.start.0 as i64;
            piece.tasks += 1;
            piece.elsewhere += elsewhere;
            piece.later += later;
            piece.earlier += earlier;
        }
        let longest = base.len().max(new.len());
        let started = |side: &[Option<Start>], at: usize| side.get(at).is_some_and(Option::is_some);
        spread.one_side = (0..longest).filter(|&at| started(base, at) != started(new, at)).count() as u64;
        if spread.tasks > 0 {
            spread.pieces = pieces;
        }
        spread
    }
}
