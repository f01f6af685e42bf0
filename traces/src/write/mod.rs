//! Writers of our own tables, see [`crate::read::native`]: what is written is read back equal.
//!
//! They stream, to a temporary name beside the target that takes its place at the end, so that nothing half-written is
//! left behind.

mod csv;
mod draft;
mod parquet;
mod rows;
#[cfg(test)]
mod tests;

use std::path::Path;

use draft::Draft;
use rows::{FleetTable, TaskTable};

use crate::model::{Fleet, Source, SourceError};
use crate::read::failure;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Jobs, or nodes of a fleet.
    pub things: u64,
    /// Rows of the table.
    pub rows: u64,
}

/// Writes jobs as a tasks table in CSV. `lanes` names lanes 4 and up.
///
/// # Errors
/// If the source fails, the file cannot be written, or a job has no written form: a lane without a name is used, or two
/// jobs that follow each other have one name.
pub fn tasks_csv(path: &Path, source: &mut dyn Source, lanes: &[String]) -> Result<Written, SourceError> {
    let draft = Draft::create(path)?;
    let mut table = csv::Table::new(draft, &TaskTable::columns(lanes))?;
    let written = write_tasks(source, lanes, |cells| table.row(cells))?;
    table.finish()?.keep()?;
    Ok(written)
}

/// Writes jobs as a tasks table in Parquet. `lanes` names lanes 4 and up.
///
/// # Errors
/// As [`tasks_csv`].
pub fn tasks_parquet(path: &Path, source: &mut dyn Source, lanes: &[String]) -> Result<Written, SourceError> {
    let draft = Draft::create(path)?;
    let mut table = parquet::Table::new(draft, &TaskTable::columns(lanes))?;
    let written = write_tasks(source, lanes, |cells| table.row(cells))?;
    table.finish()?.keep()?;
    Ok(written)
}

/// Writes a fleet as a fleet table in CSV.
///
/// # Errors
/// If the file cannot be written or a node has no written form: an empty attribute, or two nodes of one name.
pub fn fleet_csv(path: &Path, fleet: &Fleet) -> Result<Written, SourceError> {
    let draft = Draft::create(path)?;
    let layout = FleetTable::of(fleet)?;
    let mut table = csv::Table::new(draft, &layout.columns())?;
    let written = write_fleet(&layout, fleet, |cells| table.row(cells))?;
    table.finish()?.keep()?;
    Ok(written)
}

/// Writes a fleet as a fleet table in Parquet.
///
/// # Errors
/// As [`fleet_csv`].
pub fn fleet_parquet(path: &Path, fleet: &Fleet) -> Result<Written, SourceError> {
    let draft = Draft::create(path)?;
    let layout = FleetTable::of(fleet)?;
    let mut table = parquet::Table::new(draft, &layout.columns())?;
    let written = write_fleet(&layout, fleet, |cells| table.row(cells))?;
    table.finish()?.keep()?;
    Ok(written)
}

fn write_tasks(
    source: &mut dyn Source,
    lanes: &[String],
    mut row: impl FnMut(&[rows::Out]) -> Result<(), SourceError>,
) -> Result<Written, SourceError> {
    let mut table = TaskTable::new(lanes);
    let mut written = Written::default();
    while let Some(job) = source.next_job()? {
        written.things += 1;
        written.rows += table.job(&job, source.labels(), &mut row)?;
    }
    Ok(written)
}

fn write_fleet(
    layout: &FleetTable,
    fleet: &Fleet,
    mut row: impl FnMut(&[rows::Out]) -> Result<(), SourceError>,
) -> Result<Written, SourceError> {
    for node in &fleet.nodes {
        row(&layout.cells(node)?)?;
    }
    let count = fleet.nodes.len() as u64;
    Ok(Written { things: count, rows: count })
}

fn no_form(what: impl Into<String>) -> SourceError {
    failure(what, &["the tables are described under format `native`"])
}
