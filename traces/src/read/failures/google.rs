//! Machine events of the Google cluster data of 2011: time in microseconds, machine, 0 added, 1 removed, 2 updated,
//! then platform and capacities. A machine is away from its removal until it is added again.

use std::collections::BTreeMap;

use super::super::input::Lines;
use super::super::number::whole;
use super::super::options::ON_BAD_ROW;
use super::super::trouble::{Bad, Place};
use super::super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use super::Gathered;
use crate::model::{Failures, Name, SourceError};

/// The format.
pub struct GoogleMachineEvents;

/// "After the window".
const AFTER: u64 = i64::MAX as u64;

impl Format for GoogleMachineEvents {
    fn name(&self) -> &'static str {
        "google-machine-events"
    }

    fn summary(&self) -> &'static str {
        "machines of the Google cluster data of 2011, removed and added again"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Failures]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let Some(line) = sample.first_line() else { return false };
        let fields: Vec<&str> = line.split(',').collect();
        line.starts_with("#Time stamp (microseconds),Machine ID,Event type")
            || fields.len() == 6
                && whole(fields[0].as_bytes()).is_some()
                && whole(fields[1].as_bytes()).is_some()
                && matches!(fields[2], "0" | "1" | "2")
    }

    fn failures(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Failures, SourceError> {
        let mut lines = Lines::new(parts);
        let mut gathered = Gathered::new(options);
        let mut away: BTreeMap<Name, (i64, u64)> = BTreeMap::new();
        while lines.advance()? {
            let line = lines.text().trim_ascii_end();
            if line.starts_with(b"#") || line.is_empty() {
                continue;
            }
            let row = row(line);
            let place = Place { file: lines.file(), line: lines.number() };
            let (at, node, kind) = match row {
                Ok(row) => row,
                Err(bad) => {
                    gathered.bad(&Name::new(""), &bad, place)?;
                    continue;
                }
            };
            match kind {
                1 => {
                    let is_away = away.insert(node, (at, place.line)).is_some();
                    if is_away {
                        gathered.tally.note("removed_twice", place.line);
                    }
                }
                0 => {
                    if let Some((since, line)) = away.remove(&node) {
                        gathered.outage((Name::new(""), node), since, Some(at), false, line);
                    }
                }
                _ => {}
            }
        }
        for (node, (since, line)) in away {
            gathered.outage((Name::new(""), node), since, None, false, line);
        }
        Ok(gathered.finish(0))
    }
}

fn row(line: &[u8]) -> Result<(i64, Name, u64), Bad> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
    let [at, machine, kind, ..] = fields.as_slice() else {
        return Err(Bad::new("row", line, "time, machine, event and more, separated by commas"));
    };
    let at = whole(at).filter(|&at| at < AFTER).ok_or_else(|| Bad::new("field 1", at, "microseconds"))?;
    let event = whole(kind).filter(|&kind| kind <= 2).ok_or_else(|| Bad::new("field 3", kind, "0, 1 or 2"))?;
    Ok((at as i64, Name::new(&String::from_utf8_lossy(machine)), event))
}
