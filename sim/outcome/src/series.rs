//! Levels over time in a bounded number of points: time-weighted mean, least and most per point.

use windtunnel_scheduler::time::{Span, Time};

use crate::grid::{Cell, FINEST_US, Finished, Grid};

/// Most points of [`Sampling::Auto`].
pub const AUTO_POINTS: u64 = 2_000;
/// Most points of [`Sampling::Every`]; beyond, the width doubles.
pub const EVERY_POINTS: u64 = 1_000_000;

/// How series are sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// At most [`AUTO_POINTS`] points, whatever the length of the run.
    #[default]
    Auto,
    /// A point every so often.
    Every(Span),
    /// A point at every change.
    Event,
}

/// A finished set of series that share their points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesTable {
    /// The beginning of each point.
    pub from: Vec<Time>,
    /// The end of each point.
    pub to: Vec<Time>,
    /// The series, each with one value per point.
    pub columns: Vec<SeriesColumn>,
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesColumn {
    /// The name of the column, unit last: `allocated_cpu_milli`.
    pub name: String,
    /// Time-weighted mean per point.
    pub mean: Vec<f64>,
    /// Least value per point.
    pub min: Vec<u64>,
    /// Greatest value per point.
    pub max: Vec<u64>,
}

/// The levels of several columns at instants that follow each other.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    /// The instants.
    pub instants: &'a [Time],
    /// Which columns stand in a row, in its order.
    pub columns: &'a [usize],
    /// A row for each instant.
    pub levels: &'a [u64],
}

impl Rows<'_> {
    #[inline]
    fn column(&self, at: usize) -> impl Iterator<Item = (Time, u64)> + '_ {
        // Of no row there is not even the beginning.
        let levels = self.levels.iter().skip(at).step_by(self.columns.len());
        self.instants.iter().zip(levels).map(|(&now, &level)| (now, level))
    }
}

/// Levels that are being followed. Each holds from the instant of its [`Series::set`] until the next; before the
/// first, it is 0.
///
/// A call costs a few nanoseconds while it stays within the point, whatever the number of columns. Under
/// [`Sampling::Auto`] and [`Sampling::Every`] a level that holds for no time leaves no trace. Under
/// [`Sampling::Event`] it counts in the least and the greatest level of the point that begins at its instant, memory
/// grows with the number of changes, and a change at the very end makes a last point of no length whose mean is the
/// level itself.
#[derive(Clone)]
pub struct Series {
    names: Vec<String>,
    kept: Kept,
}

#[derive(Clone)]
enum Kept {
    Points { grid: Grid<LevelCell>, automatic: bool },
    Changes(Changes),
}

impl Series {
    /// Series called `names`, which [`Series::set`] knows by position; all are 0 from [`Time::ZERO`] on.
    #[must_use]
    pub fn new(names: Vec<String>, sampling: Sampling) -> Self {
        let grid =
            |width_us, limit, automatic| Kept::Points { grid: Grid::new(names.len(), width_us, limit), automatic };
        let kept = match sampling {
            Sampling::Auto => grid(FINEST_US, AUTO_POINTS, true),
            Sampling::Every(width) => grid(width.0, EVERY_POINTS, false),
            Sampling::Event => Kept::Changes(Changes::new(names.len())),
        };
        Self { names, kept }
    }

    /// The same with another beginning; to be called before any [`Series::set`]. What is set earlier counts from
    /// `begin` on.
    #[must_use]
    pub fn starting_at(mut self, begin: Time) -> Self {
        match &mut self.kept {
            Kept::Points { grid, .. } => grid.begin_at(begin),
            Kept::Changes(changes) => changes.begin = begin,
        }
        self
    }

    /// From `now` on `column` stands at `value`. To be called at every change; a call without a change costs next to
    /// nothing.
    ///
    /// # Panics
    /// If there is no such column, or if time runs backwards within a column: defects of the caller.
    #[inline]
    pub fn set(&mut self, now: Time, column: usize, value: u64) {
        match &mut self.kept {
            Kept::Points { grid, .. } => grid.set(now, column, value),
            Kept::Changes(changes) => changes.set(now, column, value),
        }
    }

    /// From each instant on the columns stand at the levels of its row: as [`Series::set`] for each of them, but column
    /// by column where that makes no difference, which costs less.
    ///
    /// # Panics
    /// As [`Series::set`].
    pub fn set_rows(&mut self, rows: &Rows<'_>) {
        match &mut self.kept {
            Kept::Points { grid, .. } => {
                if let Some(&last) = rows.instants.last() {
                    grid.reach(last);
                }
                for (at, &column) in rows.columns.iter().enumerate() {
                    grid.set_all(column, rows.column(at));
                }
            }
            Kept::Changes(changes) => {
                for (&now, row) in rows.instants.iter().zip(rows.levels.chunks_exact(rows.columns.len())) {
                    row.iter().zip(rows.columns).for_each(|(&level, &column)| changes.set(now, column, level));
                }
            }
        }
    }

    /// The level that `column` stands at.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    pub fn level(&self, column: usize) -> u64 {
        match &self.kept {
            Kept::Points { grid, .. } => grid.level(column),
            Kept::Changes(changes) => changes.columns[column].level,
        }
    }

    /// Whether a width that the user asked for was doubled since it made more than [`EVERY_POINTS`] points: worth a
    /// warning. To be asked after the last [`Series::set`]; [`Series::finish`] widens further if the end lies far
    /// beyond it.
    #[must_use]
    pub fn widened(&self) -> bool {
        matches!(&self.kept, Kept::Points { grid, automatic: false } if grid.widened())
    }

    /// Closes all series at `end` (or at the last change, if that is later).
    #[must_use]
    pub fn finish(self, end: Time) -> SeriesTable {
        match self.kept {
            Kept::Points { grid, .. } => table(self.names, grid.finish(end)),
            Kept::Changes(changes) => changes.table(self.names, end),
        }
    }
}

/// One point of one series.
#[derive(Clone, Copy)]
struct LevelCell {
    /// Level times microseconds.
    integral: u128,
    min: u64,
    max: u64,
}

impl Cell for LevelCell {
    type Level = u64;
    const EMPTY: Self = Self { integral: 0, min: u64::MAX, max: 0 };

    #[inline]
    fn hold(&mut self, level: u64, span_us: u64) {
        self.integral += u128::from(level) * u128::from(span_us);
        self.min = self.min.min(level);
        self.max = self.max.max(level);
    }

    fn merge(&mut self, other: &Self) {
        self.integral += other.integral;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

fn table(names: Vec<String>, finished: Finished<LevelCell>) -> SeriesTable {
    let Finished { from, to, tracks } = finished;
    let spans: Vec<f64> = from.iter().zip(&to).map(|(from, to)| to.since(*from).0 as f64).collect();
    // Track by track, so that the cells of one are gone before the next is spread out.
    let column = |(name, cells): (String, Vec<LevelCell>)| SeriesColumn {
        name,
        mean: cells.iter().zip(&spans).map(|(cell, span)| cell.integral as f64 / span).collect(),
        min: cells.iter().map(|cell| cell.min).collect(),
        max: cells.iter().map(|cell| cell.max).collect(),
    };
    let columns = names.into_iter().zip(tracks).map(column).collect();
    SeriesTable { from, to, columns }
}

/// Every change of every column.
#[derive(Clone)]
struct Changes {
    begin: Time,
    /// The instants at which anything changed.
    instants: Vec<Time>,
    columns: Vec<ChangeColumn>,
}

#[derive(Clone, Default)]
struct ChangeColumn {
    level: u64,
    changes: Vec<Change>,
}

/// What became of a column at one instant.
#[derive(Clone, Copy)]
struct Change {
    /// The position of the instant.
    point: usize,
    /// The level that stayed.
    level: u64,
    min: u64,
    max: u64,
}

impl Changes {
    fn new(columns: usize) -> Self {
        Self { begin: Time::ZERO, instants: Vec::new(), columns: vec![ChangeColumn::default(); columns] }
    }

    fn set(&mut self, now: Time, column: usize, level: u64) {
        let column = &mut self.columns[column];
        if column.level == level {
            return;
        }
        column.level = level;
        let now = now.max(self.begin);
        match self.instants.last() {
            Some(last) if *last == now => {}
            last => {
                assert!(last.is_none_or(|last| *last < now), "time must not run backwards within a series");
                self.instants.push(now);
            }
        }
        let point = self.instants.len() - 1;
        match column.changes.last_mut() {
            Some(change) if change.point == point => {
                change.level = level;
                change.min = change.min.min(level);
                change.max = change.max.max(level);
            }
            _ => column.changes.push(Change { point, level, min: level, max: level }),
        }
    }

    fn table(self, names: Vec<String>, end: Time) -> SeriesTable {
        let end = end.max(self.begin).max(self.instants.last().copied().unwrap_or(self.begin));
        let mut from = self.instants;
        // Until the first change everything stands at 0: a point of its own unless it has no length.
        let lead = usize::from(from.first().copied().unwrap_or(end) > self.begin);
        from.splice(0..0, std::iter::repeat_n(self.begin, lead));
        let to: Vec<Time> = from.iter().skip(1).copied().chain((!from.is_empty()).then_some(end)).collect();
        let points = from.len();
        let column = |(name, column): (String, ChangeColumn)| {
            let mut series = SeriesColumn { name, mean: Vec::new(), min: Vec::new(), max: Vec::new() };
            let mut changes = column.changes.into_iter().peekable();
            let mut level = 0;
            for point in 0..points {
                let (mut min, mut max) = (level, level);
                if let Some(change) = changes.next_if(|change| change.point + lead == point) {
                    (level, min, max) = (change.level, change.min, change.max);
                }
                series.mean.push(level as f64);
                series.min.push(min);
                series.max.push(max);
            }
            series
        };
        let columns = names.into_iter().zip(self.columns).map(column).collect();
        SeriesTable { from, to, columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `(span to wait, column, value)`.
    type Call = (u64, usize, u64);

    fn replay(calls: &[Call], sampling: Sampling, columns: usize, tail: u64) -> (SeriesTable, u64, bool) {
        let mut series = Series::new((0..columns).map(|column| format!("c{column}")).collect(), sampling);
        let mut now = 0;
        for (wait, column, value) in calls {
            now += wait;
            series.set(Time(now), *column, *value);
            assert_eq!(series.level(*column), *value);
        }
        let widened = series.widened();
        (series.finish(Time(now + tail)), now + tail, widened)
    }

    /// The levels of one column as `(from, to, value)`, in order, those of no length left out.
    fn pieces(calls: &[Call], column: usize, end: u64) -> Vec<(u64, u64, u64)> {
        let (mut now, mut last, mut level, mut pieces) = (0, 0, 0, Vec::new());
        for (wait, of, value) in calls {
            now += wait;
            if *of == column {
                pieces.push((last, now, level));
                (last, level) = (now, *value);
            }
        }
        pieces.push((last, end, level));
        pieces.retain(|(from, to, _)| to > from);
        pieces
    }

    /// The specification: clips every piece to every point.
    fn naive(calls: &[Call], column: usize, width: u64, end: u64) -> Vec<(f64, u64, u64)> {
        let pieces = pieces(calls, column, end);
        let mut points = Vec::new();
        for point in 0..end.div_ceil(width) {
            let (from, to) = (point * width, ((point + 1) * width).min(end));
            let (mut integral, mut min, mut max) = (0_u128, u64::MAX, 0);
            for (begin, finish, level) in &pieces {
                let (begin, finish) = ((*begin).max(from), (*finish).min(to));
                if begin < finish {
                    integral += u128::from(finish - begin) * u128::from(*level);
                    min = min.min(*level);
                    max = max.max(*level);
                }
            }
            points.push((integral as f64 / (to - from) as f64, min, max));
        }
        points
    }

    fn rows(column: &SeriesColumn) -> Vec<(f64, u64, u64)> {
        assert_eq!((column.min.len(), column.max.len()), (column.mean.len(), column.mean.len()));
        (0..column.mean.len()).map(|point| (column.mean[point], column.min[point], column.max[point])).collect()
    }

    fn check(table: &SeriesTable, calls: &[Call], width: u64, end: u64) {
        let from: Vec<Time> = (0..end.div_ceil(width)).map(|point| Time(point * width)).collect();
        assert_eq!(table.from, from);
        assert_eq!(table.to.last().map_or(0, |to| to.0), end);
        assert!(table.to.iter().zip(table.from.iter().skip(1)).all(|(to, from)| to == from));
        for (position, column) in table.columns.iter().enumerate() {
            assert_eq!(rows(column), naive(calls, position, width, end), "column {position}");
        }
    }

    fn calls(longest: u64) -> impl Strategy<Value = Vec<Call>> {
        let wait = prop_oneof![3 => Just(0), 5 => 0..=longest / 50, 1 => 0..=longest];
        prop::collection::vec((wait, 0..3_usize, prop_oneof![0..5_u64, any::<u64>()]), 0..60)
    }

    proptest! {
        #[test]
        fn a_fixed_width_is_the_naive_integral(calls in calls(300), width in 1..40_u64, tail in 0..90_u64) {
            let (table, end, widened) = replay(&calls, Sampling::Every(Span(width)), 3, tail);
            prop_assert!(!widened);
            check(&table, &calls, width, end);
        }

        #[test]
        fn auto_is_the_naive_integral_at_the_least_width_that_fits(calls in calls(1 << 34), tail in 0..1_u64 << 36) {
            let (table, end, widened) = replay(&calls, Sampling::Auto, 3, tail);
            let mut width = FINEST_US;
            while end.div_ceil(width) > AUTO_POINTS {
                width *= 2;
            }
            prop_assert!(!widened);
            check(&table, &calls, width, end);
        }

        #[test]
        fn rows_are_as_good_as_single_levels(
            calls in calls(1 << 34), tail in 0..1_u64 << 36, together in 1..9_usize, kind in 0..3_usize,
        ) {
            // One call at each instant: within one, only what a row ends with is known.
            let calls: Vec<Call> = calls.into_iter().map(|(wait, column, value)| (wait + 1, column, value)).collect();
            let sampling = [Sampling::Auto, Sampling::Every(Span(1 << 30)), Sampling::Event][kind];
            let mut series = Series::new((0..3).map(|column| format!("c{column}")).collect(), sampling);
            let (mut now, mut levels) = (0, [0; 3]);
            for calls in calls.chunks(together) {
                let (mut instants, mut rows) = (Vec::new(), Vec::new());
                for &(wait, column, value) in calls {
                    now += wait;
                    levels[column] = value;
                    instants.push(Time(now));
                    rows.extend([levels[2], levels[0], levels[1]]);
                }
                series.set_rows(&Rows { instants: &instants, columns: &[2, 0, 1], levels: &rows });
            }
            prop_assert_eq!(series.finish(Time(now + tail)), replay(&calls, sampling, 3, tail).0);
        }

        #[test]
        fn every_change_is_a_point(calls in calls(300), tail in 0..3_u64) {
            let (table, end, _) = replay(&calls, Sampling::Event, 3, tail);
            let mut instants = vec![0];
            let (mut now, mut levels) = (0, [0; 3]);
            for (wait, column, value) in &calls {
                now += wait;
                if levels[*column] != *value && instants.last() != Some(&now) {
                    instants.push(now);
                }
                levels[*column] = *value;
            }
            if instants == [0] && end == 0 && levels == [0; 3] && table.from.is_empty() {
                return Ok(());
            }
            prop_assert_eq!(&table.from, &instants.iter().copied().map(Time).collect::<Vec<_>>());
            prop_assert_eq!(table.to.last(), Some(&Time(end)));
            for (position, column) in table.columns.iter().enumerate() {
                for (point, at) in instants.iter().enumerate() {
                    // The level after all calls up to the instant, and those that passed at it.
                    let (mut now, mut level, mut seen) = (0, 0, Vec::new());
                    for (wait, of, value) in &calls {
                        now += wait;
                        if *of == position && now <= *at {
                            if now == *at && level != *value {
                                seen.push(*value);
                            }
                            level = *value;
                        }
                    }
                    prop_assert_eq!(column.mean[point], level as f64);
                    prop_assert_eq!(column.min[point], seen.iter().copied().min().unwrap_or(level));
                    prop_assert_eq!(column.max[point], seen.iter().copied().max().unwrap_or(level));
                }
            }
        }
    }

    #[test]
    fn a_level_that_holds_for_no_time_leaves_no_trace() {
        let calls = [(5, 0, 7), (0, 0, 1_000), (0, 0, 3)];
        let (table, ..) = replay(&calls, Sampling::Every(Span(10)), 1, 5);
        assert_eq!(rows(&table.columns[0]), [(1.5, 0, 3)]);
        let (table, ..) = replay(&calls, Sampling::Event, 1, 5);
        assert_eq!(rows(&table.columns[0]), [(0.0, 0, 0), (3.0, 3, 1_000)]);
    }

    #[test]
    fn a_width_that_makes_too_many_points_is_doubled_and_said() {
        let calls = [(0, 0, 4), (3 * EVERY_POINTS, 0, 8)];
        let (table, end, widened) = replay(&calls, Sampling::Every(Span(1)), 1, EVERY_POINTS);
        assert!(widened);
        assert_eq!((table.from.len() as u64, table.from[1]), (end / 4, Time(4)));
        assert_eq!((table.columns[0].mean[0], table.columns[0].mean.last()), (4.0, Some(&8.0)));
    }

    #[test]
    fn the_width_doubles_only_when_the_points_are_used_up() {
        let full = FINEST_US * AUTO_POINTS;
        for (end, points) in [(full, AUTO_POINTS), (full + 1, AUTO_POINTS / 2 + 1), (full * 2, AUTO_POINTS)] {
            // With and without a change at the last instant.
            for calls in [vec![(1, 0, 5)], vec![(1, 0, 5), (end - 1, 0, 6)]] {
                let (table, ..) = replay(&calls, Sampling::Auto, 1, end - calls.iter().map(|call| call.0).sum::<u64>());
                assert_eq!((table.from.len() as u64, table.columns[0].max.last()), (points, Some(&5)));
            }
        }
        let table = Series::new(vec!["x".into()], Sampling::Auto).finish(Time::NEVER);
        assert!((AUTO_POINTS / 2..=AUTO_POINTS).contains(&(table.from.len() as u64)));
        assert_eq!(table.to.last(), Some(&Time::NEVER));
    }

    #[test]
    fn a_later_beginning_moves_the_points() {
        let mut series = Series::new(vec!["x".into()], Sampling::Every(Span(10))).starting_at(Time(1_000));
        series.set(Time(400), 0, 9);
        series.set(Time(1_015), 0, 1);
        let table = series.finish(Time(1_020));
        assert_eq!((table.from, table.to), (vec![Time(1_000), Time(1_010)], vec![Time(1_010), Time(1_020)]));
        assert_eq!(rows(&table.columns[0]), [(9.0, 9, 9), (5.0, 1, 9)]);
    }

    #[test]
    fn nothing_at_all_has_no_points() {
        for sampling in [Sampling::Auto, Sampling::Every(Span(0)), Sampling::Event] {
            let table = Series::new(vec!["x".into()], sampling).finish(Time::ZERO);
            assert!(table.from.is_empty() && table.to.is_empty() && table.columns[0].mean.is_empty());
        }
    }
}
