//! Records of failures: who was away, from when until when.

mod alibaba;
mod fta;
mod google;
mod lanl;
mod opendc;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use windtunnel_scheduler::time::Time;

pub use alibaba::AlibabaServerEvents;
pub use fta::Fta;
pub use google::GoogleMachineEvents;
pub use lanl::Lanl;
pub use opendc::OpendcFailures;

use super::trouble::{Bad, Place, Tally, Trouble};
use super::{OnBadRow, ReadOptions};
use crate::model::{Failures, Name, Outage, SourceError, SystemCount};

/// What a reader has gathered so far: outages in microseconds of any clock, and what became of each row.
struct Gathered {
    on_bad_row: OnBadRow,
    outages: Vec<(Name, Name, i64, Option<i64>, bool)>,
    systems: BTreeMap<Name, SystemCount>,
    tally: Tally,
}

impl Gathered {
    fn new(options: &ReadOptions) -> Self {
        let tally = Tally::default();
        Self { on_bad_row: options.on_bad_row, outages: Vec::new(), systems: BTreeMap::new(), tally }
    }

    fn count(&mut self, system: &Name) -> &mut SystemCount {
        self.systems.entry(system.clone()).or_insert_with(|| SystemCount {
            system: system.clone(),
            records: 0,
            kept: 0,
            merged: 0,
            skipped: 0,
            nodes: 0,
        })
    }

    /// One row: the machine was away from `begin` to `end`, or for good.
    fn outage(&mut self, (system, node): (Name, Name), begin: i64, end: Option<i64>, soft: bool, line: u64) {
        let reason = match end {
            Some(end) if end == begin => Some("no_time_passes"),
            Some(end) if end < begin => Some("ends_before_it_begins"),
            _ => None,
        };
        let count = self.count(&system);
        count.records += 1;
        match reason {
            Some(reason) => {
                count.skipped += 1;
                self.tally.skip(reason, line);
            }
            None => {
                count.kept += 1;
                self.outages.push((system, node, begin, end, soft));
            }
        }
    }

    /// A row that cannot be read: the end, or one of those left out.
    fn bad(&mut self, system: &Name, bad: &Bad, place: Place<'_>) -> Result<(), SourceError> {
        if self.on_bad_row == OnBadRow::Fail {
            return Err(bad.at(place));
        }
        let count = self.count(system);
        count.records += 1;
        count.skipped += 1;
        self.tally.skip("malformed", place.line);
        Ok(())
    }

    fn trouble(&mut self, trouble: Trouble, place: Place<'_>) -> Result<(), SourceError> {
        match trouble {
            Trouble::Stop(error) => Err(error),
            Trouble::Bad(bad) => self.bad(&Name::new(""), &bad, place),
        }
    }

    /// Everything, with time 0 at `origin_us` of the clock of the file.
    fn finish(self, origin_us: i64) -> Failures {
        let at = |us: i64| Time(u64::try_from(us - origin_us).unwrap_or(0));
        let outages = self.outages.into_iter().map(|(system, node, begin, end, soft)| Outage {
            system,
            node,
            begin: at(begin),
            end: end.map_or(Time::NEVER, at),
            soft,
        });
        let mut failures = Failures {
            outages: outages.collect(),
            systems: self.systems.into_values().collect(),
            notes: self.tally.notes(),
            ..Failures::default()
        };
        failures.merge();
        failures
    }

    /// The midnight before the first outage.
    fn first_midnight(&self) -> i64 {
        const DAY_US: i64 = 86_400_000_000;
        self.outages.iter().map(|outage| outage.2).min().map_or(0, |first| first.div_euclid(DAY_US) * DAY_US)
    }
}
