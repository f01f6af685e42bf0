//! Levels integrated over points of equal width: what series and pictures share.
//!
//! Each track is brought up to date only when its own level changes. When the time outgrows the allowed number of
//! points the width doubles and neighbours merge; the integrals are whole numbers, so that nothing is lost and the
//! result is the same as if the final width had been known from the start.

use windtunnel_scheduler::time::Time;

/// 1/64 s: whole, finer than most runs need, and its doublings pass through one second.
pub(crate) const FINEST_US: u64 = 15_625;

/// What is kept of one point of one track.
pub(crate) trait Cell: Copy {
    /// What holds between two changes.
    type Level: Copy + Default + PartialEq;
    /// A point of no length.
    const EMPTY: Self;
    /// `level` held for `span_us`, which is not zero.
    fn hold(&mut self, level: Self::Level, span_us: u64);
    /// Takes in the neighbour.
    fn merge(&mut self, other: &Self);
}

#[derive(Clone)]
struct Track<C: Cell> {
    level: C::Level,
    /// Up to where it is integrated.
    last: u64,
    /// The end of the point that `cell` belongs to; `last` is never beyond it.
    point_end: u64,
    cell: C,
    /// The points before.
    done: Vec<C>,
}

impl<C: Cell> Track<C> {
    #[inline]
    fn hold(&mut self, at: u64) {
        // A step back in time is a defect of the caller: the checked subtraction panics.
        let span_us = at - self.last;
        if span_us > 0 {
            self.cell.hold(self.level, span_us);
            self.last = at;
        }
    }

    /// Closes the point and those without a change that follow.
    #[cold]
    fn cross(&mut self, at: u64, width: u64) {
        self.hold(self.point_end);
        self.done.push(core::mem::replace(&mut self.cell, C::EMPTY));
        let whole = (at - self.point_end - 1) / width;
        if whole > 0 {
            let mut full = C::EMPTY;
            full.hold(self.level, width);
            self.done.extend(core::iter::repeat_n(full, usize::try_from(whole).unwrap_or(usize::MAX)));
        }
        self.last += whole * width;
        self.point_end = self.last.saturating_add(width);
        self.hold(at);
    }

    #[inline]
    fn advance(&mut self, at: u64, width: u64) {
        if at > self.point_end {
            self.cross(at, width);
        } else {
            self.hold(at);
        }
    }

    /// Goes over to points of `width`, twice what it was.
    fn pair_up(&mut self, width: u64) {
        let odd = if self.done.len() % 2 == 1 { self.done.pop() } else { None };
        if let Some(mut half) = odd {
            half.merge(&self.cell);
            self.cell = half;
        }
        let pairs = self.done.len() / 2;
        for pair in 0..pairs {
            let mut both = self.done[2 * pair];
            both.merge(&self.done[2 * pair + 1]);
            self.done[pair] = both;
        }
        self.done.truncate(pairs);
        self.point_end = (pairs as u64).saturating_mul(width).saturating_add(width);
    }
}

/// Tracks over common points, from `begin` on.
#[derive(Clone)]
pub(crate) struct Grid<C: Cell> {
    begin: Time,
    width: u64,
    limit: u64,
    horizon: u64,
    widened: bool,
    tracks: Vec<Track<C>>,
}

/// The points of a [`Grid`], each track's cells in their order.
pub(crate) struct Finished<C> {
    /// The beginning of each point.
    pub(crate) from: Vec<Time>,
    /// The end of each point; the last may be cut short.
    pub(crate) to: Vec<Time>,
    /// The cells by track.
    pub(crate) tracks: Vec<Vec<C>>,
}

impl<C: Cell> Grid<C> {
    /// At most `limit` points of at first `width` microseconds; every level is the default one at first.
    pub(crate) fn new(tracks: usize, width: u64, limit: u64) -> Self {
        let width = width.max(1);
        let track =
            |_| Track { level: C::Level::default(), last: 0, point_end: width, cell: C::EMPTY, done: Vec::new() };
        Self {
            begin: Time::ZERO,
            width,
            limit,
            horizon: width.saturating_mul(limit),
            widened: false,
            tracks: (0..tracks).map(track).collect(),
        }
    }

    /// Moves the beginning; to be called before any change.
    pub(crate) fn begin_at(&mut self, begin: Time) {
        self.begin = begin;
    }

    pub(crate) const fn widened(&self) -> bool {
        self.widened
    }

    #[inline]
    pub(crate) fn level(&self, track: usize) -> C::Level {
        self.tracks[track].level
    }

    /// From `now` on `track` stands at `level`. What is before the beginning counts as the beginning.
    #[inline]
    pub(crate) fn set(&mut self, now: Time, track: usize, level: C::Level) {
        if self.tracks[track].level != level {
            self.reach(now);
            self.set_all(track, std::iter::once((now, level)));
        }
    }

    /// The same for one level after another, none of them beyond what [`Grid::reach`] was told.
    #[inline]
    pub(crate) fn set_all(&mut self, track: usize, levels: impl Iterator<Item = (Time, C::Level)>) {
        let (begin, width) = (self.begin, self.width);
        let track = &mut self.tracks[track];
        for (now, level) in levels {
            if level != track.level {
                track.advance(now.since(begin).0, width);
                track.level = level;
            }
        }
    }

    /// Makes the points wide enough for what comes until `now`.
    #[inline]
    pub(crate) fn reach(&mut self, now: Time) {
        let at = now.since(self.begin).0;
        if at > self.horizon {
            self.widen(at);
        }
    }

    #[cold]
    fn widen(&mut self, at: u64) {
        while at > self.horizon {
            self.widened = true;
            self.width = self.width.saturating_mul(2);
            self.horizon = self.width.saturating_mul(self.limit);
            for track in &mut self.tracks {
                track.pair_up(self.width);
            }
        }
    }

    /// Integrates up to `end`, or to the last change if that is later.
    pub(crate) fn finish(mut self, end: Time) -> Finished<C> {
        let latest = self.tracks.iter().map(|track| track.last).max().unwrap_or(0);
        let end = end.since(self.begin).0.max(latest);
        if end > self.horizon {
            self.widen(end);
        }
        let points = end.div_ceil(self.width);
        let instant = |point: u64| Time(self.begin.0.saturating_add(point.saturating_mul(self.width).min(end)));
        let from = (0..points).map(instant).collect();
        let to = (1..=points).map(instant).collect();
        let close = |mut track: Track<C>| {
            if points > 0 {
                track.advance(end, self.width);
                track.done.push(track.cell);
            }
            track.done
        };
        let tracks = self.tracks.into_iter().map(close).collect();
        Finished { from, to, tracks }
    }
}
