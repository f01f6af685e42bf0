//! Factors as users write them: exact decimal fractions, so that 1.2 is six fifths and not its nearest double.

/// A positive decimal fraction with at most 17 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    above: u128,
    below: u128,
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self { above: 1, below: 1 };

    /// The decimal that is printed for `value`; None unless it is from 10^-9 to 10^9.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        if !(1e-9..=1e9).contains(&value) {
            return None;
        }
        // The shortest decimal that reads back as `value`: at most 17 digits, which the language promises.
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let number: u128 = format!("{whole}{part}").parse().ok()?;
        let power = exponent - i32::try_from(part.len()).ok()?;
        let ten = 10_u128.checked_pow(power.unsigned_abs())?;
        Some(if power >= 0 { Self { above: number * ten, below: 1 } } else { Self { above: number, below: ten } })
    }

    /// The inverse.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { above: self.below, below: self.above }
    }

    /// Whether it is one.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.above == self.below
    }

    /// `self * amount`, to the nearest whole number, halves up; `u64::MAX` if it is beyond. Exact wherever the product
    /// before the division fits into 128 bits (all amounts below 10^13 do), else to the digits of a double.
    #[must_use]
    pub fn times(self, amount: u64) -> u64 {
        let product =
            u128::from(amount).checked_mul(self.above).and_then(|product| product.checked_add(self.below / 2));
        match product {
            Some(product) => u64::try_from(product / self.below).unwrap_or(u64::MAX),
            None => (amount as f64 * (self.above as f64 / self.below as f64)) as u64,
        }
    }

    /// The whole part, and the rest as a share of 2^64.
    #[must_use]
    pub(super) const fn parts(self) -> (u64, u64) {
        let (whole, mut rest) = (self.above / self.below, self.above % self.below);
        let mut share = 0_u64;
        let mut bit = 64;
        while bit > 0 {
            bit -= 1;
            rest *= 2;
            if rest >= self.below {
                rest -= self.below;
                share |= 1 << bit;
            }
        }
        (whole as u64, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let ratio = |value: f64| Ratio::new(value).unwrap();
        assert_eq!(ratio(1.2).times(5), 6);
        assert_eq!(ratio(0.1).times(10_000_000_000_000_000_000), 1_000_000_000_000_000_000);
        assert_eq!(ratio(1.1).times(1_000_000_000_000_000_010), 1_100_000_000_000_000_011);
        assert_eq!(ratio(1.1).inverse().times(1_100_000_000_000_000_011), 1_000_000_000_000_000_010);
        assert_eq!(ratio(0.5).times(3), 2);
        assert_eq!(ratio(1e9).times(7), 7_000_000_000);
        assert_eq!(ratio(1e9).times(u64::MAX), u64::MAX);
        assert_eq!(ratio(0.123_456_789_012_345_68).inverse().times(u64::MAX), u64::MAX);
        assert!(ratio(1.0).is_one());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-10, 1e10] {
            assert_eq!(Ratio::new(bad), None);
        }
    }

    #[test]
    fn parts_are_whole_and_rest() {
        assert_eq!(Ratio::new(2.5).unwrap().parts(), (2, 1 << 63));
        assert_eq!(Ratio::new(3.0).unwrap().parts(), (3, 0));
        let (whole, share) = Ratio::new(1.2).unwrap().parts();
        assert_eq!((whole, share), (1, u64::MAX / 5));
    }
}
