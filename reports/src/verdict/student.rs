//! Student's t: how likely a mean is by chance alone, and how far it may lie from the truth.
//!
//! Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.5 and 26.7: the distribution by the
//! incomplete beta function, here as a continued fraction evaluated by Lentz's method. All over `libm`, so that a
//! verdict is the same on every machine.

/// How likely a t at least this far from 0 is, on both sides, with so many degrees of freedom.
#[must_use]
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The t that is exceeded on either side with this chance in all.
#[must_use]
pub fn quantile(chance: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided(high, freedom) > chance && high < 1e9 {
        high *= 2.0;
    }
    // Halving 100 times is more than a number can tell apart.
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if two_sided(middle, freedom) > chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// The regularised incomplete beta function.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front =
        libm::exp(libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x));
    // The fraction converges fast on this side of the mean; the other side is its mirror.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / kept(1.0 + term * d);
            c = kept(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the table of percentage points in Abramowitz and Stegun, 26.10.
    #[test]
    fn percentage_points_are_those_of_the_table() {
        let cases =
            [(0.05, 1.0, 12.706), (0.05, 9.0, 2.262), (0.05, 29.0, 2.045), (0.01, 10.0, 3.169), (0.1, 4.0, 2.132)];
        for (chance, freedom, expected) in cases {
            assert!((quantile(chance, freedom) - expected).abs() < 5e-4, "{chance} {freedom}");
        }
        assert!((quantile(0.05, 1e6) - 1.960).abs() < 1e-3);
    }

    #[test]
    fn chances_have_closed_forms_for_one_and_two_degrees() {
        for t in [0.1, 1.0, 3.0, 50.0] {
            let one = 1.0 - 2.0 / std::f64::consts::PI * libm::atan(t);
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((two_sided(t, 1.0) - one).abs() < 1e-12, "{t}");
            assert!((two_sided(t, 2.0) - two).abs() < 1e-12, "{t}");
        }
        assert_eq!((two_sided(0.0, 5.0), two_sided(f64::INFINITY, 5.0)), (1.0, 0.0));
    }
}
