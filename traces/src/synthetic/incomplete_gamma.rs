//! The regularised incomplete gamma function and its inverse, over `libm` only.

/// The share of a gamma variable of this shape and scale 1 below `x`: P(a, x).
///
/// By its power series below `a + 1` and Lentz's continued fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31).
#[must_use]
pub fn lower(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 { front * series(a, x) } else { 1.0 - front * fraction(a, x) }
}

fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for step in 1..10_000 {
        term *= x / (a + f64::from(step));
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut value = d;
    for step in 1..10_000 {
        let step = f64::from(step);
        let an = -step * (step - a);
        b += 2.0;
        d = 1.0 / away(an * d + b, TINY);
        c = away(b + an / c, TINY);
        let factor = d * c;
        value *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

fn away(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// Where a gamma variable of shape `a` and scale 1 has the share `u` below it.
///
/// Newton's steps on P(a, x) in the logarithm of x, inside a bracket that halves whenever a step would leave it.
#[must_use]
pub fn lower_inverse(a: f64, u: f64) -> f64 {
    if u <= 0.0 {
        return 0.0;
    }
    let log_gamma = libm::lgamma(a);
    // P(a, x) is below x^a / gamma(a + 1), so this start is never above the root.
    let mut low = libm::exp((libm::log(u) + libm::lgamma(a + 1.0)) / a);
    let mut high = low.max(1e-300) * 2.0;
    while lower(a, high) < u && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    let mut x = 0.5 * (low + high);
    for _ in 0..200 {
        let share = lower(a, x);
        if share < u {
            low = x;
        } else {
            high = x;
        }
        let density = libm::exp(a * libm::log(x) - x - log_gamma);
        let next = x * libm::exp((u - share) / density);
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        if (next - x).abs() <= x * 1e-14 {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // P(1, x) = 1 - exp(-x); P(1/2, x) = erf(sqrt x); P(2, x) = 1 - (1 + x) exp(-x).
        for x in [1e-6, 0.01, 0.5, 1.0, 2.0, 5.0, 20.0] {
            assert!((lower(1.0, x) + libm::expm1(-x)).abs() < 1e-14);
            assert!((lower(0.5, x) - libm::erf(libm::sqrt(x))).abs() < 1e-14);
            assert!((lower(2.0, x) - (1.0 - (1.0 + x) * libm::exp(-x))).abs() < 1e-14);
        }
    }

    #[test]
    fn the_inverse_is_one() {
        for a in [0.05, 0.1, 0.5, 1.0, 1.4, 2.0, 4.0, 20.0, 300.0] {
            for u in [1e-9, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0 - 1e-9] {
                let x = lower_inverse(a, u);
                assert!((lower(a, x) - u).abs() < 1e-12, "a {a} u {u} x {x}");
            }
        }
    }
}
