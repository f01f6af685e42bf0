//! Failure intervals as Parquet: `failure_interval` (ms since the previous beginning), `failure_duration` (ms) and
//! `failure_intensity` (the share of hosts that fail).

use polars::prelude::DataType;
use windtunnel_scheduler::time::Time;

use super::super::native::parquet_frames;
use super::super::options::ON_BAD_ROW;
use super::super::trouble::{Tally, failure};
use super::super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{Failures, Name, ShareOutage, SourceError, SystemCount};

/// The format.
pub struct OpendcFailures;

const COLUMNS: [&str; 3] = ["failure_interval", "failure_duration", "failure_intensity"];

impl Format for OpendcFailures {
    fn name(&self) -> &'static str {
        "opendc-failures"
    }

    fn summary(&self) -> &'static str {
        "failure intervals with the share of hosts that fail, as Parquet (OpenDC, Cloud Uptime Archive)"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Failures]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        COLUMNS.iter().all(|column| sample.columns.iter().any(|name| name == column))
    }

    fn failures(&self, parts: Vec<Input>, _options: &ReadOptions) -> Result<Failures, SourceError> {
        let mut failures = Failures::default();
        let mut tally = Tally::default();
        let system = Name::new("");
        let mut count = SystemCount { system, records: 0, kept: 0, merged: 0, skipped: 0, nodes: 0 };
        let mut begin_ms = 0_i64;
        for part in &parts {
            for frame in parquet_frames(part)? {
                let column = |name: &str, kind: &DataType| {
                    let column = frame.column(name).and_then(|column| column.cast(kind));
                    column.map_err(|error| failure(format!("{}: column `{name}`: {error}; check it", part.name()), &[]))
                };
                let (interval, length) = (column(COLUMNS[0], &DataType::Int64)?, column(COLUMNS[1], &DataType::Int64)?);
                let share = column(COLUMNS[2], &DataType::Float64)?;
                for row in 0..frame.height() {
                    let whole = |column: &polars::prelude::Column| column.i64().ok().and_then(|values| values.get(row));
                    let share = share.f64().ok().and_then(|values| values.get(row)).unwrap_or(f64::NAN);
                    count.records += 1;
                    begin_ms += whole(&interval).unwrap_or(0).max(0);
                    let length_ms = whole(&length).unwrap_or(0);
                    if length_ms <= 0 || !(share > 0.0 && share <= 1.0) {
                        count.skipped += 1;
                        tally.skip("no_time_passes", count.records);
                        continue;
                    }
                    count.kept += 1;
                    failures.shares.push(ShareOutage {
                        begin: Time(begin_ms as u64 * 1000),
                        end: Time((begin_ms + length_ms) as u64 * 1000),
                        millionths: (share * 1e6 + 0.5) as u32,
                    });
                }
            }
        }
        failures.systems.push(count);
        failures.notes = tally.notes();
        Ok(failures)
    }
}
