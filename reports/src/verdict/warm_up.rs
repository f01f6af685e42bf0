//! Where the beginning of a run ends: what comes before is not what the run settles to.
//!
//! Source: White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 1997 (MSER),
//! on means of five neighbours (MSER-5: White, Cobb and Spratt, WSC 2000): of all beginnings of at most half the run,
//! the one without which the mean of the rest is known best.

use windtunnel_outcome::Outcome;
use windtunnel_scheduler::time::Time;

/// Batches of a run.
const BATCHES: usize = 200;
/// Neighbours in a batch.
const BATCH: usize = 5;

/// Where the run settles, by the cores that are allocated; the beginning if it does so at once or has no series.
#[must_use]
pub fn cut(outcome: &Outcome) -> Time {
    let series = &outcome.series;
    let Some(column) = series.columns.iter().find(|column| column.name == "allocated_cpu_milli") else {
        return Time::ZERO;
    };
    let end = series.to.last().map_or(0, |to| to.0);
    let points = BATCHES * BATCH;
    let value = |at: usize| {
        let instant = Time((u128::from(end) * (2 * at as u128 + 1) / (2 * points as u128)) as u64);
        let behind = series.from.partition_point(|from| *from <= instant);
        column.mean.get(behind.saturating_sub(1)).copied().filter(|mean| mean.is_finite()).unwrap_or(0.0)
    };
    let batches: Vec<f64> =
        (0..BATCHES).map(|batch| (0..BATCH).map(|at| value(batch * BATCH + at)).sum::<f64>() / BATCH as f64).collect();
    Time((u128::from(end) * shortest(&batches) as u128 / BATCHES as u128) as u64)
}

/// How many values from the beginning on are best left out: at most half.
fn shortest(values: &[f64]) -> usize {
    let score = |from: usize| {
        let rest = &values[from..];
        let count = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / count;
        rest.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count * count)
    };
    // The earliest of equals: nothing is left out for nothing.
    (0..=values.len() / 2)
        .fold((0, f64::INFINITY), |best, from| {
            let score = score(from);
            if score < best.1 { (from, score) } else { best }
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_settles_at_once_loses_nothing() {
        assert_eq!(shortest(&[5.0; 40]), 0);
    }

    /// A ramp of 10 values before a level with a small wave: the ramp goes, but not more than about that.
    #[test]
    fn a_ramp_is_left_out() {
        let ramp = (0..10).map(f64::from);
        let level = (0..90).map(|at| 10.0 + if at % 2 == 0 { 0.3 } else { -0.3 });
        let values: Vec<f64> = ramp.chain(level).collect();
        let cut = shortest(&values);
        assert!((9..=12).contains(&cut), "{cut}");
    }
}
