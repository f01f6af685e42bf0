//! Why a task waited: its timeline, and where its wait went.

use serde_json::{Value, json};
use windtunnel_outcome::rows::Cause;
use windtunnel_scheduler::time::{Span, Time};
use windtunnel_scheduler::veto::{Veto, VetoCounts};

use crate::human::{count, counted, duration, share};
use crate::words::cause_in_words;

/// One task, from its submission to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// `<job>/<index>`.
    pub task: String,
    /// What the job is reported under.
    pub class: String,
    /// The team.
    pub role: String,
    /// Members, if it is a gang; else 1.
    pub members: u32,
    /// What one member asks for, in words.
    pub request: String,
    /// From submit to start, on the first attempt; None if it never started.
    pub wait: Option<Span>,
    /// Where the wait went, indexed as [`Cause::ALL`].
    pub causes: [Span; Cause::COUNT],
    /// What happened, in order.
    pub timeline: Vec<(Time, Happening)>,
    /// Tries that are left out of the timeline, since they came to the same.
    pub tries_left_out: u64,
}

/// What happened to a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// It was handed in.
    Submitted,
    /// It was tried and fitted nowhere: what the nodes answered.
    Tried(VetoCounts),
    /// It was placed.
    Placed {
        /// As the fleet names it.
        node: String,
        /// Members that went there.
        count: u32,
    },
    /// It was really running.
    Started,
    /// The attempt was over, and how.
    Ended(String),
    /// It was given up.
    Rejected,
    /// It was told to leave.
    Told(String),
    /// The run ended while it was waiting or running.
    Open(String),
}

impl Happening {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Submitted => "handed in".to_owned(),
            Self::Tried(vetoes) => format!("tried, and no node could take it: {}", answers(vetoes)),
            Self::Placed { node, count: 0 | 1 } => format!("placed on {node}"),
            Self::Placed { node, count: members } => {
                format!("{} placed on {node}", counted(f64::from(*members), "member"))
            }
            Self::Started => "running".to_owned(),
            Self::Ended(state) => state.clone(),
            Self::Rejected => "given up".to_owned(),
            Self::Told(what) => format!("told to leave ({what})"),
            Self::Open(state) => format!("the run ends, the task is {state}"),
        }
    }
}

/// What nodes answered, the most frequent first.
fn answers(vetoes: &VetoCounts) -> String {
    let mut all: Vec<(u32, Veto)> = Veto::ALL.into_iter().map(|veto| (vetoes.0[veto as usize], veto)).collect();
    all.retain(|(nodes, _)| *nodes > 0);
    all.sort_by_key(|(nodes, veto)| (std::cmp::Reverse(*nodes), *veto));
    let words: Vec<String> =
        all.iter().map(|(nodes, veto)| format!("{} short of {}", count(f64::from(*nodes)), reason(*veto))).collect();
    if words.is_empty() { "nobody was asked".to_owned() } else { words.join(", ") }
}

/// A reason behind "short of".
fn reason(veto: Veto) -> String {
    match veto {
        Veto::Down => "being up".to_owned(),
        other => other.name().to_owned(),
    }
}

impl Story {
    /// As people read it; ends with a line break.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let wait =
            self.wait.map_or_else(|| "never started".to_owned(), |wait| format!("waited {}", duration(wait.0 as f64)));
        let gang =
            if self.members > 1 { format!(", a gang of {}", count(f64::from(self.members))) } else { String::new() };
        lines.push(format!(
            "task {} ({}, {}{gang}) asks for {} and {wait}",
            self.task, self.class, self.role, self.request
        ));
        lines.push(String::new());
        let width = self.timeline.iter().map(|(at, _)| instant(*at).chars().count()).max().unwrap_or(0);
        for (at, what) in &self.timeline {
            lines.push(format!("  {:>width$}  {}", instant(*at), what.words()));
        }
        if self.tries_left_out > 0 {
            let left_out = counted(self.tries_left_out as f64, "further try").replace("trys", "tries");
            lines.push(format!("  ({left_out} left out, with answers like these)"));
        }
        let whole = self.causes.iter().map(|cause| cause.0).sum::<u64>();
        if whole > 0 {
            lines.push(String::new());
            lines.push("  where the wait went".to_owned());
            for cause in Cause::ALL {
                let part = self.causes[cause as usize].0;
                if part > 0 {
                    let of = share(part as f64 / whole as f64);
                    let spent = duration(part as f64);
                    lines.push(format!("  {:>14}  {spent:>14}  {of:>7}  {}", cause.name(), cause_in_words(cause)));
                }
            }
        }
        lines.join("\n") + "\n"
    }

    /// As machines read it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let causes: serde_json::Map<String, Value> = Cause::ALL
            .into_iter()
            .map(|cause| (format!("wait_{}_us", cause.name()), json!(self.causes[cause as usize].0)))
            .collect();
        let timeline = self.timeline.iter().map(|(at, what)| json!({ "at_us": at.0, "what": what.words() }));
        json!({ "task": self.task, "class": self.class, "role": self.role, "members": self.members,
            "request": self.request, "wait_us": self.wait.map(|wait| wait.0), "causes": causes,
            "timeline": timeline.collect::<Vec<Value>>(), "tries_left_out": self.tries_left_out })
    }
}

fn instant(at: Time) -> String {
    if at == Time::ZERO { "0 s".to_owned() } else { duration(at.0 as f64) }
}
