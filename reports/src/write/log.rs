//! `events.parquet` and `decisions.parquet`: the complete log, one message per row.

use std::io::{self, Write};

use serde::Serialize;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::time::Time;

use super::parquet::{ColumnMut, GROUP_ROWS, TableFile, TextColumn, WholeColumn, WordColumn};

/// Bytes of messages beyond which a row group ends early: a job with many constraints is a long message.
const TEXT_MAX: usize = 8 << 20;

/// A log on its way into a file.
pub(super) struct LogTable<W: Write> {
    file: TableFile<W>,
    rows: u64,
    at: WholeColumn,
    party: WholeColumn,
    kind: WordColumn,
    payload: TextColumn,
    message: Vec<u8>,
}

impl<W: Write> LogTable<W> {
    pub(super) fn new(sink: W) -> io::Result<Self> {
        Ok(Self {
            file: TableFile::new(sink)?,
            rows: 0,
            at: WholeColumn::required(),
            party: WholeColumn::required(),
            kind: WordColumn::required(),
            payload: TextColumn::default(),
            message: Vec::new(),
        })
    }

    /// Adds a message. Its kind is the tag that its encoding begins with.
    pub(super) fn push(&mut self, now: Time, party: PartyId, message: &impl Serialize) -> io::Result<()> {
        self.message.clear();
        serde_json::to_writer(&mut self.message, message).map_err(io::Error::other)?;
        let kind = self.message.split(|&byte| byte == b'"').nth(3).unwrap_or_default();
        self.at.push(now.0);
        self.party.push(u64::from(party.0));
        self.kind.push(std::str::from_utf8(kind).map_err(io::Error::other)?);
        self.payload.push(&self.message);
        self.rows += 1;
        if self.rows == GROUP_ROWS || self.payload.waiting() > TEXT_MAX {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.file.write_group(
            rows,
            &mut [
                ("at_us", ColumnMut::Whole(&mut self.at)),
                ("party", ColumnMut::Whole(&mut self.party)),
                ("kind", ColumnMut::Word(&mut self.kind)),
                ("payload", ColumnMut::Text(&mut self.payload)),
            ],
        )
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.file.finish()
    }
}
