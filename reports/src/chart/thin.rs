//! Fewer points of a series, for pictures and for tables beneath them.

use windtunnel_outcome::series::{SeriesColumn, SeriesTable};
use windtunnel_scheduler::time::Time;

/// The same series in at most `most` points: equal spans of time, each with the time-weighted mean, the least and the
/// greatest of what it covers. As it is, if there are few enough points already.
#[must_use]
pub fn thin(series: &SeriesTable, most: usize) -> SeriesTable {
    let (Some(begin), Some(end)) = (series.from.first(), series.to.last()) else { return SeriesTable::default() };
    let length = end.since(*begin).0;
    if series.from.len() <= most || length == 0 || most == 0 {
        return series.clone();
    }
    let bins = (most as u64).min(length);
    let edge = |bin: u64| Time(begin.0 + (u128::from(length) * u128::from(bin) / u128::from(bins)) as u64);
    let mut thinned = SeriesTable {
        from: (0..bins).map(edge).collect(),
        to: (1..=bins).map(edge).collect(),
        columns: Vec::with_capacity(series.columns.len()),
    };
    for column in &series.columns {
        let column = thin_column(series, column, &thinned);
        thinned.columns.push(column);
    }
    thinned
}

fn thin_column(series: &SeriesTable, column: &SeriesColumn, bins: &SeriesTable) -> SeriesColumn {
    let count = bins.from.len();
    let mut sums = vec![0.0; count];
    let mut thinned =
        SeriesColumn { name: column.name.clone(), mean: vec![], min: vec![u64::MAX; count], max: vec![0; count] };
    let mut first = 0;
    let points = series.from.iter().zip(&series.to).zip(&column.mean).zip(column.min.iter().zip(&column.max));
    for (((&from, &to), &mean), (&min, &max)) in points {
        while first + 1 < count && bins.to[first] <= from {
            first += 1;
        }
        for (bin, sum) in sums.iter_mut().enumerate().skip(first) {
            if bin > first && bins.from[bin] >= to {
                break;
            }
            let overlap = to.min(bins.to[bin]).since(from.max(bins.from[bin])).0;
            *sum += mean * overlap as f64;
            thinned.min[bin] = thinned.min[bin].min(min);
            thinned.max[bin] = thinned.max[bin].max(max);
        }
    }
    thinned.mean = sums
        .iter()
        .zip(bins.from.iter().zip(&bins.to))
        .map(|(sum, (from, to))| sum / to.since(*from).0.max(1) as f64)
        .collect();
    for min in &mut thinned.min {
        // A span that no point covers has no level at all.
        *min = if *min == u64::MAX { 0 } else { *min };
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(edges: &[u64], values: &[u64]) -> SeriesTable {
        let mean = values.iter().map(|&value| value as f64).collect();
        SeriesTable {
            from: edges[..edges.len() - 1].iter().map(|&at| Time(at)).collect(),
            to: edges[1..].iter().map(|&at| Time(at)).collect(),
            columns: vec![SeriesColumn { name: "x".into(), mean, min: values.to_vec(), max: values.to_vec() }],
        }
    }

    #[test]
    fn means_are_weighted_by_time_and_extremes_are_kept() {
        let thinned = thin(&series(&[0, 10, 30, 100, 200], &[6, 0, 2, 10]), 2);
        assert_eq!((thinned.from, thinned.to), (vec![Time(0), Time(100)], vec![Time(100), Time(200)]));
        let column = &thinned.columns[0];
        assert_eq!(column.mean, [2.0, 10.0]);
        assert_eq!((&column.min[..], &column.max[..]), (&[0, 10][..], &[6, 10][..]));
    }

    #[test]
    fn a_point_may_cover_many_bins_and_a_bin_many_points() {
        let mut edges: Vec<u64> = vec![0, 1_000];
        edges.extend((1..=100).map(|at| 1_000 + at));
        let values: Vec<u64> = std::iter::once(5).chain((0..100).map(|at| at % 2)).collect();
        let thinned = thin(&series(&edges, &values), 11);
        let column = &thinned.columns[0];
        assert_eq!(column.mean[..10], [5.0; 10]);
        assert_eq!((column.mean[10], column.min[10], column.max[10]), (0.5, 0, 1));
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let few = series(&[0, 10, 30], &[1, 2]);
        assert_eq!(thin(&few, 2), few);
        assert_eq!(thin(&SeriesTable::default(), 2), SeriesTable::default());
    }
}
