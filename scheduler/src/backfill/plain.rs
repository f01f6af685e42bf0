//! No reservations, job by job: where the order changes while jobs wait, classes of equal tasks cannot be kept in it.

use alloc::boxed::Box;

use super::line::Cursor;
use super::{Desk, Fill};
use crate::time::Time;

/// Everybody is tried in the order of the queue; with `blocks` nobody behind the first that does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// Whether the head may not be passed.
    pub blocks: bool,
}

impl Fill for Plain {
    fn pass(&mut self, desk: &mut Desk<'_>) -> Option<Time> {
        let mut cursor = Cursor::default();
        while let Some(slot) = desk.line.next_ahead(&mut cursor) {
            if desk.is_limited(slot) {
                continue;
            }
            let mut left = desk.line.item(slot).count;
            while left > 0 && desk.start(slot) {
                left -= 1;
            }
            // Who reaches a limit holds nobody up.
            if left > 0 && !desk.is_limited(slot) {
                desk.block(slot);
                if self.blocks && desk.close(slot) {
                    break;
                }
            }
        }
        None
    }

    fn behind(&self, _estimate_us: u64) -> u64 {
        0
    }

    fn copy(&self) -> Box<dyn Fill> {
        Box::new(*self)
    }
}
