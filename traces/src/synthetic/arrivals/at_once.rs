//! Everything at the start: a backlog to pack.

use windtunnel_scheduler::time::Time;

use super::{ArrivalLaw, Arrivals, Tick};
use crate::synthetic::key::Key;
use crate::synthetic::{Generator, Make};

/// Everything at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtOnce;

impl ArrivalLaw for AtOnce {
    #[inline]
    fn next(&self, tick: Tick, _: Key) -> Time {
        tick.start
    }

    fn rate_per_s(&self) -> f64 {
        f64::INFINITY
    }
}

/// The registry entry.
pub static AT_ONCE: Generator = Generator {
    name: "at-once",
    summary: "everything at the start",
    bare: "",
    options: &[],
    source: "by definition",
    make: Make::Arrivals(|_| Ok(Arrivals::from(AtOnce))),
};
