//! `windtunnel replay`: recorded events against another version or policy, open loop.
//!
//! The events are what another scheduler was told because of what it decided itself: the answer is valid up to the
//! first decision that differs, and no further.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use windtunnel_reports::diverge::Choice;
use windtunnel_reports::human::{count, counted, duration};
use windtunnel_reports::read::{Frame, ReadError};
use windtunnel_scheduler::config::Config;
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::Event;
use windtunnel_scheduler::id::{NodeId, PartyId};
use windtunnel_scheduler::time::Time;

use super::Verdict;
use crate::compare::follow::{Noted, noted};
use crate::failure::Failure;
use crate::load;
use crate::spec::Set;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// `events.parquet` of a run that recorded events and decisions, or its folder.
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// Set a key of the scenario that is stored beside the events.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Set>,
    /// Print what came out as JSON.
    #[arg(long)]
    json: bool,
}

/// One message of a log.
struct Message<T> {
    step: u64,
    at: Time,
    party: PartyId,
    what: T,
}

/// What came out.
#[derive(Default)]
struct Replayed {
    steps: u64,
    alike: u64,
    parting: Option<(Time, Option<Noted>, Option<Noted>)>,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let folder = if arguments.events.is_dir() {
        arguments.events.clone()
    } else {
        arguments.events.parent().map(Path::to_owned).unwrap_or_default()
    };
    let events: Vec<Message<Event>> = log(&folder.join("events.parquet"))?;
    let decisions: Vec<Message<Decision>> = log(&folder.join("decisions.parquet"))?;
    let scenario = folder.join("scenario.toml");
    let resolved = load::load(&scenario.display().to_string(), &arguments.set, tool.registries())?;
    let config = (!arguments.set.is_empty()).then_some(&resolved.config);
    let replayed = replay(tool, &resolved.scenario.scheduler.implementation, &events, &decisions, config)?;
    let choices = replayed.parting.map(|(at, recorded, now)| {
        let choice = |one: Option<Noted>| one.map(|one| named(&folder, &resolved, one, recorded));
        (at, choice(recorded), choice(now))
    });
    if arguments.json {
        talk::json(&to_json(&replayed, choices.as_ref()))?;
    } else {
        talk::out(&text(&replayed, choices.as_ref()))?;
    }
    Ok(Verdict::Fine)
}

fn unreadable(error: ReadError) -> Failure {
    Failure::Input { message: error.message, hints: error.hints }
        .hint("windtunnel run SCENARIO --record events,decisions writes both logs")
}

fn log<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<Message<T>>, Failure> {
    let frame = Frame::read(path, Some(&["step", "at_us", "party", "payload"])).map_err(unreadable)?;
    let whole = |name: &str| frame.wholes(name).map_err(unreadable);
    let (steps, times, parties) = (whole("step")?, whole("at_us")?, whole("party")?);
    let payloads = frame.texts("payload").map_err(unreadable)?;
    let mut messages = Vec::with_capacity(payloads.len());
    for (at, payload) in payloads.into_iter().enumerate() {
        let what = serde_json::from_str(&payload.unwrap_or_default()).map_err(|error| {
            let sentence = format!("row {at} of {} is no message of this version ({error})", path.display());
            Failure::new(format!("{sentence}; record it anew"))
        })?;
        let party = PartyId(parties[at].unwrap_or(0) as u16);
        messages.push(Message { step: steps[at].unwrap_or(0), at: Time(times[at].unwrap_or(0)), party, what });
    }
    Ok(messages)
}

/// Hands every step its events and holds its decisions against the recorded ones.
fn replay(
    tool: &Tool,
    implementation: &str,
    events: &[Message<Event>],
    decisions: &[Message<Decision>],
    config: Option<&Config>,
) -> Result<Replayed, Failure> {
    let mut scheduler = tool.build(implementation)?;
    let mut replayed = Replayed::default();
    let mut recorded =
        decisions.iter().filter_map(|one| Some((one.step, noted(one.at, one.party, &one.what)?))).peekable();
    let mut from = 0;
    while let Some(first) = events.get(from) {
        let to = from + events[from..].iter().take_while(|one| one.step == first.step).count();
        let told: Vec<Event> = events[from..to].iter().map(|one| configured(&one.what, config)).collect();
        let mut decided = Vec::new();
        scheduler
            .step(first.party, first.at, &told, &mut decided)
            .map_err(|gone| Failure::new(format!("the scheduler left at {}: {gone}", first.at)))?;
        replayed.steps += 1;
        for new in decided.iter().filter_map(|decision| noted(first.at, first.party, decision)) {
            let before = recorded.next_if(|(step, _)| *step == first.step).map(|(_, one)| one);
            if before != Some(new) {
                replayed.parting = Some((first.at, before, Some(new)));
                return Ok(replayed);
            }
            replayed.alike += 1;
        }
        if let Some((_, missed)) = recorded.next_if(|(step, _)| *step <= first.step) {
            replayed.parting = Some((first.at, Some(missed), None));
            return Ok(replayed);
        }
        from = to;
    }
    Ok(replayed)
}

/// The event as it is told: with another configuration, if there is one.
fn configured(event: &Event, config: Option<&Config>) -> Event {
    match (event, config) {
        (Event::Configured(_), Some(config)) => Event::Configured(Box::new(config.clone())),
        (event, _) => event.clone(),
    }
}

/// A decision in words of the trace. The task has a name if it was placed in the recorded run then and there.
fn named(folder: &Path, resolved: &crate::resolve::Resolved, one: Noted, recorded: Option<Noted>) -> Choice {
    let node = |node: NodeId| resolved.fleet.nodes.get(node.index()).map(|node| node.name.to_string());
    let task = recorded.filter(|recorded| recorded.task == one.task).and_then(|recorded| {
        let frame = Frame::read(&folder.join("tasks.parquet"), Some(&["task_id", "place_us", "node"])).ok()?;
        let (names, places, nodes) =
            (frame.texts("task_id").ok()?, frame.wholes("place_us").ok()?, frame.texts("node").ok()?);
        let wanted = recorded.node.and_then(node);
        // Several tasks that went there at once cannot be told apart by what is in the file.
        let mut hits = (0..names.len()).filter(|&at| places[at] == Some(recorded.at.0) && nodes[at] == wanted);
        let hit = hits.next()?;
        if hits.next().is_some() { None } else { names[hit].clone() }
    });
    Choice { decision: one.name.to_owned(), task, node: one.node.and_then(node) }
}

type Choices = (Time, Option<Choice>, Option<Choice>);

fn text(replayed: &Replayed, choices: Option<&Choices>) -> String {
    let steps = counted(replayed.steps as f64, "step");
    let Some((at, recorded, now)) = choices else {
        let alike = count(replayed.alike as f64);
        return format!("{steps} replayed: every decision is the recorded one, {alike} in all\n");
    };
    let told = |choice: &Option<Choice>| choice.as_ref().map_or_else(|| "nothing more".to_owned(), Choice::words);
    format!(
        "{} replayed: the first {} are the recorded ones\nthen, at {}, recorded: {}\n{:>14}{}\nthe events behind this \
         point come from the recorded decisions: nothing is said of them\n",
        steps,
        counted(replayed.alike as f64, "decision"),
        if *at == Time::ZERO { "the beginning".to_owned() } else { duration(at.0 as f64) },
        told(recorded),
        "now: ",
        told(now)
    )
}

fn to_json(replayed: &Replayed, choices: Option<&Choices>) -> Value {
    let choice = |choice: &Option<Choice>| {
        choice.as_ref().map(|one| json!({ "decision": one.decision, "task": one.task, "node": one.node }))
    };
    let parting = choices
        .map(|(at, recorded, now)| json!({ "at_us": at.0, "recorded": choice(recorded), "replayed": choice(now) }));
    json!({ "steps": replayed.steps, "decisions_alike": replayed.alike, "first_divergence": parting })
}
