//! Event traces of the Failure Trace Archive: fields separated by tabs and blanks, a `#` header, times in seconds of
//! the epoch. Event type 0 is a stretch in which the node was not available.

use super::super::input::Lines;
use super::super::number::Decimal;
use super::super::options::ON_BAD_ROW;
use super::super::trouble::{Bad, Place};
use super::super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use super::Gathered;
use crate::model::{Failures, Name, SourceError};

/// The format.
pub struct Fta;

const COLUMNS: [&str; 9] =
    ["event_id", "component_id", "node_id", "platform_id", "node_name", "event_type", "start", "stop", "end_reason"];

impl Format for Fta {
    fn name(&self) -> &'static str {
        "fta"
    }

    fn summary(&self) -> &'static str {
        "event traces of the Failure Trace Archive"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Failures]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tab"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        sample.first_line().is_some_and(|line| {
            line.trim_start().starts_with('#') && line.contains("component_id") && line.contains("event_type")
        })
    }

    fn failures(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Failures, SourceError> {
        let mut lines = Lines::new(parts);
        let mut gathered = Gathered::new(options);
        while lines.advance()? {
            let line = lines.text().trim_ascii_end();
            let fields: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect();
            if fields.first().is_none_or(|first| first.starts_with(b"#")) {
                continue;
            }
            let row = row(&fields);
            let place = Place { file: lines.file(), line: lines.number() };
            match row {
                Ok(Some((key, begin, end))) => gathered.outage(key, begin, end, false, place.line),
                Ok(None) => gathered.tally.note("available", place.line),
                Err(bad) => gathered.bad(&Name::new(""), &bad, place)?,
            }
        }
        let origin = gathered.first_midnight();
        Ok(gathered.finish(origin))
    }
}

type Row = ((Name, Name), i64, Option<i64>);

/// The outage that a row tells of; None if the node was available.
fn row(fields: &[&[u8]]) -> Result<Option<Row>, Bad> {
    // The name of a node may hold blanks; what stands before and behind it may not.
    if fields.len() < COLUMNS.len() - 1 {
        let row = fields.join(&b' ');
        return Err(Bad::new("row", &row, format!("the fields {}", COLUMNS.join(", "))));
    }
    let from_end = |back: usize| fields[fields.len() - back];
    // The reason may be missing: then the last field is the stop.
    let shift = usize::from(Decimal::read(from_end(1)).is_none());
    let field = |back: usize| fields.get(fields.len().wrapping_sub(back + shift)).copied().unwrap_or_default();
    let kind = field(3);
    let text = |column: usize| Name::new(&String::from_utf8_lossy(fields[column]));
    let seconds = |column: &'static str, text: &[u8]| {
        let us = Decimal::read(text).and_then(Decimal::as_micros);
        us.ok_or_else(|| Bad::new(format!("column `{column}`"), text, "seconds of the epoch"))
    };
    match kind {
        b"0" => {
            let begin = seconds("start", field(2))?;
            let end = if field(1) == b"NULL" { None } else { Some(seconds("stop", field(1))?) };
            Ok(Some(((text(3), text(2)), begin, end)))
        }
        b"1" => Ok(None),
        other => Err(Bad::new("column `event_type`", other, "0 (not available) or 1 (available)")),
    }
}
