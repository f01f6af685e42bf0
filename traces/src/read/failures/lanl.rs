//! The failure record of Los Alamos, 1996 to 2005 (LA-UR-05-7318): CSV with a header of 26 columns, local times of the
//! form `6/21/2005 10:54`. A row is an outage of one node of one system; the node's number is an identity of the slot.

use super::super::number::whole;
use super::super::options::ON_BAD_ROW;
use super::super::table::{Table, missing_column};
use super::super::trouble::Bad;
use super::super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use super::Gathered;
use crate::model::{Failures, Name, SourceError};

/// The format.
pub struct Lanl;

const COLUMNS: [&str; 5] = ["System", "nodenumz", "Prob Started", "Prob Fixed", "Down Time"];
const TIME: &str = "a local time such as 6/21/2005 10:54";

impl Format for Lanl {
    fn name(&self) -> &'static str {
        "lanl"
    }

    fn summary(&self) -> &'static str {
        "failure record of Los Alamos, 1996 to 2005: outages of the nodes of 23 systems"
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
        let header = sample.header();
        COLUMNS.iter().all(|column| header.contains(column))
    }

    fn failures(&self, parts: Vec<Input>, options: &ReadOptions) -> Result<Failures, SourceError> {
        let mut table = Table::open(parts)?;
        let mut at = [0; COLUMNS.len()];
        for (slot, column) in at.iter_mut().zip(COLUMNS) {
            let found = table.columns().iter().position(|name| name == column);
            *slot = found.ok_or_else(|| missing_column(table.place(), column))?;
        }
        let mut gathered = Gathered::new(options);
        loop {
            match table.advance() {
                Ok(false) => break,
                Ok(true) => read(&mut gathered, &table, at)?,
                Err(trouble) => gathered.trouble(trouble, table.place())?,
            }
        }
        let origin = gathered.first_midnight();
        Ok(gathered.finish(origin))
    }
}

fn read(gathered: &mut Gathered, table: &Table, at: [usize; COLUMNS.len()]) -> Result<(), SourceError> {
    let text = |column: usize| table.record().get(at[column]).unwrap_or_default().trim_ascii();
    let name = |column: usize| Name::new(&String::from_utf8_lossy(text(column)));
    let (system, node) = (name(0), name(1));
    let time = |column: usize| {
        minutes(text(column)).ok_or_else(|| Bad::new(format!("column `{}`", COLUMNS[column]), text(column), TIME))
    };
    let (begin, end) = match (time(2), time(3)) {
        (Ok(begin), Ok(end)) => (begin, end),
        (Err(bad), _) | (_, Err(bad)) => return gathered.bad(&system, &bad, table.place()),
    };
    if whole(text(4)).and_then(|said| i64::try_from(said).ok()) != Some(end - begin) {
        gathered.tally.note("down_time_differs_from_its_ends", table.place().line);
    }
    let line = table.place().line;
    gathered.outage((system, node), begin * 60_000_000, Some(end * 60_000_000), false, line);
    Ok(())
}

/// Minutes since 1970 of `M/D/YYYY H:MM`, whatever the zone.
fn minutes(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, clock) = text.split_once(' ')?;
    let mut date = date.split('/').map(|part| whole(part.as_bytes()).and_then(|number| i64::try_from(number).ok()));
    let (month, day, year) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute) = clock.trim().split_once(':')?;
    let (hour, minute) = (whole(hour.as_bytes())?, whole(minute.as_bytes())?);
    let fine = (1..=12).contains(&month)
        && (1..=days_in(month, year)).contains(&day)
        && (1900..2200).contains(&year)
        && hour < 24
        && minute < 60
        && date.next().is_none();
    fine.then(|| days(year, month, day) * 1440 + hour as i64 * 60 + minute as i64)
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar: years counted from March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_by_hand() {
        assert_eq!(minutes(b"1/1/1970 0:00"), Some(0));
        assert_eq!(minutes(b"3/1/2000 1:02"), Some((10_957 + 31 + 29) * 1440 + 62));
        assert_eq!(minutes(b"12/31/2005 23:59"), Some(1_136_073_599 / 60));
        for bad in ["2/29/2001 0:00", "13/1/2001 0:00", "1/1/2001 24:00", "1/1/2001", "", "1/1/1/2001 1:00", "x"] {
            assert_eq!(minutes(bad.as_bytes()), None, "{bad}");
        }
    }
}
