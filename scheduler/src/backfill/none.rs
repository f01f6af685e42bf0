//! No backfilling: nobody holds a reservation, and `head_of_line` says whether a waiting job may be passed.

use super::Backfill;

pub(super) const ENTRY: Backfill = Backfill {
    name: "none",
    summary: "no reservations: `head_of_line` says who may pass",
    options: &[],
    source: "textbook",
    build: |_| None,
};
