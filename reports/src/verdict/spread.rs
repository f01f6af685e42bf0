//! How far the mean of some differences may lie from the truth.

use super::{Design, student};

/// The 95 % interval of the mean, and how likely chance alone brings a mean as far from 0. Neither of one value with
/// chance in it; an interval without width, and no chance, of what is exact.
#[must_use]
pub fn of(differences: &[f64], design: Design) -> (Option<(f64, f64)>, Option<f64>) {
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    if design == Design::Exact {
        return (Some((mean, mean)), None);
    }
    if differences.iter().all(|&difference| difference == 0.0) {
        return (Some((0.0, 0.0)), Some(1.0));
    }
    if differences.len() < 2 {
        return (None, None);
    }
    let freedom = count - 1.0;
    let squares: f64 = differences.iter().map(|difference| (difference - mean) * (difference - mean)).sum();
    let deviation = (squares / freedom).sqrt();
    let error = match design {
        // More seeds bring the mean closer to the truth.
        Design::Exact | Design::Seeds => deviation / count.sqrt(),
        // More resamples only show better how one trace scatters.
        Design::Resamples => deviation * (1.0 + 1.0 / count).sqrt(),
    };
    let half = student::quantile(0.05, freedom) * error;
    let p = if error == 0.0 { 0.0 } else { student::two_sided(mean / error, freedom) };
    (Some((mean - half, mean + half)), Some(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_seeds_is_that_of_the_textbook() {
        // Mean 3, deviation sqrt(2.5), error sqrt(0.5), t of four degrees 2.776.
        let (interval, p) = of(&[1.0, 2.0, 3.0, 4.0, 5.0], Design::Seeds);
        let (low, high) = interval.unwrap();
        assert!((low - (3.0 - 2.7764 * 0.5_f64.sqrt())).abs() < 1e-3, "{low}");
        assert!((high - (3.0 + 2.7764 * 0.5_f64.sqrt())).abs() < 1e-3, "{high}");
        // t = 3 / sqrt(0.5) = 4.243 on four degrees of freedom.
        assert!((p.unwrap() - 0.01324).abs() < 1e-4, "{p:?}");
        let (wider, _) = of(&[1.0, 2.0, 3.0, 4.0, 5.0], Design::Resamples);
        let (low, high) = wider.unwrap();
        assert!((high - low - 2.0 * 2.7764 * 3.0_f64.sqrt()).abs() < 1e-3, "{low} {high}");
    }

    #[test]
    fn what_is_exact_has_no_chance_in_it() {
        assert_eq!(of(&[2.5], Design::Exact), (Some((2.5, 2.5)), None));
        assert_eq!(of(&[2.5], Design::Seeds), (None, None));
        assert_eq!(of(&[0.0], Design::Seeds), (Some((0.0, 0.0)), Some(1.0)));
        assert_eq!(of(&[0.0; 9], Design::Seeds), (Some((0.0, 0.0)), Some(1.0)));
        assert_eq!(of(&[0.5; 9], Design::Seeds), (Some((0.5, 0.5)), Some(0.0)));
    }
}
