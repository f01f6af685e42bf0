//! Server events of the Alibaba cluster trace of 2017: seconds, machine, `add`, `softerror` or `harderror`, detail,
//! cpus, memory, disk. After a soft error nothing new may be placed and what runs goes on; nothing says when it is
//! over.

use super::super::input::Lines;
use super::super::number::Decimal;
use super::super::options::ON_BAD_ROW;
use super::super::trouble::{Bad, Place};
use super::super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use super::Gathered;
use crate::model::{Failures, Name, SourceError};

/// The format.
pub struct AlibabaServerEvents;

impl Format for AlibabaServerEvents {
    fn name(&self) -> &'static str {
        "alibaba-server-events"
    }

    fn summary(&self) -> &'static str {
        "soft and hard errors of servers in the Alibaba cluster trace of 2017"
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
        fields.len() == 7 && matches!(fields[2], "add" | "softerror" | "harderror")
    }

    fn failures(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Failures, SourceError> {
        let mut lines = Lines::new(parts);
        let mut gathered = Gathered::new(options);
        while lines.advance()? {
            let line = lines.text().trim_ascii_end();
            if line.is_empty() {
                continue;
            }
            let row = row(line);
            let place = Place { file: lines.file(), line: lines.number() };
            match row {
                Ok((at, node, Kind::Soft)) => {
                    gathered.outage((Name::new(""), node), at, None, true, place.line);
                }
                Ok((at, node, Kind::Hard)) => {
                    gathered.outage((Name::new(""), node), at, None, false, place.line);
                }
                Ok((_, _, Kind::Add)) => gathered.tally.note("machine_added", 0),
                Err(bad) => gathered.bad(&Name::new(""), &bad, place)?,
            }
        }
        Ok(gathered.finish(0))
    }
}

enum Kind {
    Add,
    Soft,
    Hard,
}

fn row(line: &[u8]) -> Result<(i64, Name, Kind), Bad> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
    let [at, machine, kind, ..] = fields.as_slice() else {
        return Err(Bad::new("row", line, "time, machine, event and more, separated by commas"));
    };
    let kind = match *kind {
        b"add" => Kind::Add,
        b"softerror" => Kind::Soft,
        b"harderror" => Kind::Hard,
        other => return Err(Bad::new("field 3", other, "add, softerror or harderror")),
    };
    let at = Decimal::read(at).and_then(Decimal::as_micros).ok_or_else(|| Bad::new("field 1", at, "seconds"))?;
    // A little before the trace is before the trace.
    Ok((at.max(0), Name::new(&String::from_utf8_lossy(machine)), kind))
}
