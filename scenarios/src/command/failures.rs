//! What `windtunnel trace info` says of a record of failures.

use serde_json::{Value, json};
use windtunnel_traces::model::Failures;
use windtunnel_traces::read::{self, Input, ReadOptions, Yield};

use super::check::lines;
use crate::failure::Failure;
use crate::talk::{self, whole};

/// The record that the files hold; None if they look like something else.
pub(super) fn open(parts: &[Input], format: Option<&str>, options: &ReadOptions) -> Result<Option<Failures>, Failure> {
    let known = match format {
        Some(name) => read::format(name)?,
        None => match parts.first().map(read::recognise_failures) {
            Some(Ok(format)) => format,
            _ => return Ok(None),
        },
    };
    // A file that may be a fleet as well is taken for one.
    if known.yields() != [Yield::Failures] {
        return Ok(None);
    }
    Ok(Some(known.failures(parts.to_vec(), options)?))
}

/// Says what a record holds, by system.
pub(super) fn tell(failures: &Failures, as_json: bool) -> Result<(), Failure> {
    let notes = failures.notes.iter();
    if as_json {
        let systems: Vec<Value> = failures
            .systems
            .iter()
            .map(|one| {
                json!({ "system": one.system.to_string(), "records": one.records, "outages": one.kept,
                    "merged": one.merged, "skipped": one.skipped, "nodes": one.nodes })
            })
            .collect();
        let notes: Vec<Value> = notes
            .map(|note| {
                json!({ "reason": note.reason, "skipped": note.skipped, "count": note.count, "lines": note.lines })
            })
            .collect();
        let records: u64 = failures.systems.iter().map(|one| one.records).sum();
        return talk::json(&json!({ "records": records, "systems": systems, "notes": notes }));
    }
    let sum = |what: fn(&windtunnel_traces::model::SystemCount) -> u64| failures.systems.iter().map(what).sum::<u64>();
    let mut rows: Vec<Vec<String>> = failures
        .systems
        .iter()
        .map(|one| {
            let counts = [one.records, one.kept, one.merged, one.skipped, one.nodes].map(whole);
            std::iter::once(one.system.to_string()).chain(counts).collect()
        })
        .collect();
    let all = [sum(|one| one.records), sum(|one| one.kept), sum(|one| one.merged), sum(|one| one.skipped)];
    let nodes = sum(|one| one.nodes);
    rows.push(std::iter::once("all".to_owned()).chain(all.map(whole)).chain([whole(nodes)]).collect());
    let head = ["system", "records", "outages", "merged", "left out", "nodes"];
    talk::out(&talk::table(&head, rows, &[1, 2, 3, 4, 5]))?;
    let notes: Vec<Vec<String>> = notes
        .map(|note| {
            let what = if note.skipped { "left out" } else { "noted" };
            vec![note.reason.clone(), what.to_owned(), whole(note.count), lines(&note.lines)]
        })
        .collect();
    if !notes.is_empty() {
        talk::out(&format!("\n{}", talk::table(&["reason", "rows are", "count", "first lines"], notes, &[2])))?;
    }
    Ok(())
}
