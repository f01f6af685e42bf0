//! The draws that every job needs, made for many jobs at a time.

use windtunnel_scheduler::time::{Span, Time};

use super::arrivals::{Arrivals, Tick};
use super::key::{Key, RUN, SHAPE};
use super::law::Law;

/// How many jobs are drawn at a time.
const BLOCK: usize = 32;

/// The draws of the next jobs. A draw is a long chain of operations that wait for each other; the chains of different
/// jobs do not, so drawing many at a time takes about half as long. What is drawn depends on keys only, hence not on
/// this.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    submits: [Time; BLOCK],
    runs: [Span; BLOCK],
    shapes: [u64; BLOCK],
    used: usize,
}

/// The draws of one job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    /// When it arrives.
    pub submit: Time,
    /// How long its first task runs.
    pub run: Span,
    /// Which shape it has.
    pub shape: u64,
}

impl Ahead {
    pub(super) const fn new() -> Self {
        Self { submits: [Time::ZERO; BLOCK], runs: [Span::ZERO; BLOCK], shapes: [0; BLOCK], used: BLOCK }
    }

    /// The draws of job `tick.index` with this key. Jobs must come one after the other.
    #[inline]
    pub(super) fn take(&mut self, arrivals: &Arrivals, law: &Law, tick: Tick, key: Key) -> Drawn {
        if self.used >= BLOCK {
            self.refill(arrivals, law, tick, key);
        }
        let place = self.used;
        self.used += 1;
        Drawn { submit: self.submits[place], run: self.runs[place], shape: self.shapes[place] }
    }

    #[inline(never)]
    fn refill(&mut self, arrivals: &Arrivals, law: &Law, tick: Tick, key: Key) {
        let mut units = [0.0; BLOCK];
        let mut one = key;
        for (unit, shape) in units.iter_mut().zip(&mut self.shapes) {
            *unit = one.unit(RUN, 0);
            *shape = one.bits(SHAPE, 0);
            one = one.following();
        }
        law.fill(&units, &mut self.runs);
        arrivals.fill(tick, key, &mut self.submits);
        self.used = 0;
    }
}
