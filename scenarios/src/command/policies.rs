//! `windtunnel policies`: what scenarios may name, from the registries.

use clap::Args;
use serde_json::{Value, json};
use windtunnel_scheduler::registry::Entry;
use windtunnel_sim::elastic::RULES;
use windtunnel_sim::fault::FAULTS;
use windtunnel_sim::trigger::ACTIONS;
use windtunnel_traces::synthetic::GENERATORS;

use super::Verdict;
use crate::failure::Failure;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// One thing that may be named.
struct Row {
    /// The key that takes it.
    key: &'static str,
    name: String,
    aliases: &'static [&'static str],
    /// Name, default and meaning of each.
    options: Vec<[&'static str; 3]>,
    summary: String,
    source: &'static str,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let rows = rows(tool);
    if arguments.json {
        talk::json(&rows.iter().map(as_json).collect::<Vec<_>>().into())?;
        return Ok(Verdict::Fine);
    }
    let lines = rows.iter().map(|row| {
        let names = std::iter::once(row.name.as_str()).chain(row.aliases.iter().copied());
        let options = row.options.iter().map(|[name, default, _]| match *default {
            "" => (*name).to_owned(),
            default => format!("{name} = {default}"),
        });
        vec![
            row.key.to_owned(),
            names.collect::<Vec<_>>().join(", "),
            row.summary.clone(),
            options.collect::<Vec<_>>().join(", "),
            row.source.to_owned(),
        ]
    });
    talk::out(&talk::table(&["key", "name", "what it does", "options", "source"], lines, &[]))?;
    Ok(Verdict::Fine)
}

fn as_json(row: &Row) -> Value {
    let options: Vec<Value> = row
        .options
        .iter()
        .map(|[name, default, meaning]| json!({ "name": name, "default": default, "meaning": meaning }))
        .collect();
    json!({ "key": row.key, "name": row.name, "aliases": row.aliases, "options": options, "summary": row.summary,
        "source": row.source })
}

fn rows(tool: &Tool) -> Vec<Row> {
    let registries = tool.registries();
    let mut rows: Vec<Row> =
        registries.placements.iter().map(|entry| row("scheduler.placement", entry, entry.aliases)).collect();
    rows.extend(registries.queues.iter().map(|entry| row("scheduler.queue", entry, entry.aliases)));
    rows.extend(registries.backfills.iter().map(|entry| row("scheduler.backfill", entry, &[])));
    rows.extend(registries.preemptions.iter().map(|entry| row("scheduler.preemption", entry, &[])));
    rows.extend(registries.kinds.iter().map(|entry| row("framework.kind", entry, &[])));
    rows.extend(tool.scheduler_names().map(|name| Row {
        key: "scheduler.use",
        name: name.to_owned(),
        aliases: &[],
        options: Vec::new(),
        summary: String::from("a scheduler of this build"),
        source: "",
    }));
    rows.extend(GENERATORS.iter().map(|law| Row {
        key: match law.make.sort() {
            "arrivals" => "synthetic.arrivals",
            _ => "synthetic.duration",
        },
        name: law.name.to_owned(),
        aliases: &[],
        options: law.options.iter().map(|option| [option.name, option.default, option.summary]).collect(),
        summary: law.summary.to_owned(),
        source: law.source,
    }));
    rows.extend(FAULTS.iter().map(|model| Row {
        key: "faults.<kind>.does",
        name: model.name.to_owned(),
        aliases: &[],
        options: model.options.iter().map(|option| [option.name, option.default, option.summary]).collect(),
        summary: model.summary.to_owned(),
        source: model.source,
    }));
    rows.extend(RULES.iter().map(|rule| Row {
        key: "fleet.group.autoscale",
        name: rule.name.to_owned(),
        aliases: &[],
        options: rule.options.iter().map(|&(name, default, meaning)| [name, default, meaning]).collect(),
        summary: rule.summary.to_owned(),
        source: rule.source,
    }));
    rows.extend(ACTIONS.iter().map(|kind| Row {
        key: "trigger.do",
        name: kind.name.to_owned(),
        aliases: &[],
        options: kind.options.iter().map(|&(name, meaning)| [name, "", meaning]).collect(),
        summary: kind.summary.to_owned(),
        source: kind.source,
    }));
    rows
}

fn row(key: &'static str, entry: &dyn Entry, aliases: &'static [&'static str]) -> Row {
    Row {
        key,
        name: entry.name().to_owned(),
        aliases,
        options: entry.options().iter().map(|option| [option.name, option.default, option.meaning]).collect(),
        summary: entry.summary().to_owned(),
        source: entry.source(),
    }
}
