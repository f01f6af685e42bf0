//! The pictures of a packing report. To add one: a file here and a line in [`PACKING_CHARTS`].

mod compaction;
mod fragments;
mod left;
mod moves;

use super::Figure;
use super::canvas::DrawError;
use crate::packing::PackingResult;

/// Every picture, in the order of the page.
pub static PACKING_CHARTS: &[&(dyn PackingChart + Sync)] =
    &[&compaction::Compaction, &left::Left, &fragments::Fragments, &moves::Moves];

/// A kind of picture of a snapshot.
pub trait PackingChart {
    /// The name by which a page refers to it: lower case, words joined by hyphens.
    fn name(&self) -> &'static str;

    /// The title above it.
    fn title(&self) -> &'static str;

    /// What a reader sees in it: one sentence.
    fn meaning(&self) -> &'static str;

    /// The figure, or None if the snapshot has nothing to show here.
    ///
    /// # Errors
    /// If it could not be drawn.
    fn figure(&self, result: &PackingResult) -> Result<Option<Figure>, DrawError>;
}
