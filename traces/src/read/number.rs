//! Numbers as traces write them, read exactly: no way through binary fractions.

/// A decimal number cut to millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// Whether a minus sign stood before it; also for `-0`.
    pub negative: bool,
    /// Before the point.
    pub whole: u64,
    /// After the point, in millionths, rounded half up; 1,000,000 if that carried.
    pub millionths: u32,
    /// Whether rounding changed the value.
    pub rounded: bool,
}

impl Decimal {
    /// Reads `digits[.digits]` with an optional sign. No exponent: it would hide lost precision.
    pub fn read(text: &[u8]) -> Option<Self> {
        // Nearly every number of a trace is whole.
        if let Some(whole) = whole(text) {
            return Some(Self { negative: false, whole, millionths: 0, rounded: false });
        }
        let (negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut whole = 0_u64;
        let mut digits = 0_usize;
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            whole = whole.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            digits += 1;
            rest = after;
        }
        let mut number = Self { negative, whole, millionths: 0, rounded: false };
        if let [b'.', fraction @ ..] = rest {
            digits += number.read_fraction(fraction)?;
        } else if !rest.is_empty() {
            return None;
        }
        (digits > 0).then_some(number)
    }

    fn read_fraction(&mut self, fraction: &[u8]) -> Option<usize> {
        let mut unit = 100_000_u32;
        for (at, byte) in fraction.iter().enumerate() {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            if at < 6 {
                self.millionths += digit * unit;
                unit /= 10;
            } else {
                if at == 6 && digit >= 5 {
                    self.millionths += 1;
                }
                self.rounded |= digit != 0;
            }
        }
        Some(fraction.len())
    }

    /// Seconds as microseconds; None if they do not fit.
    pub fn as_micros(self) -> Option<i64> {
        let micros = self.whole.checked_mul(1_000_000)?.checked_add(u64::from(self.millionths))?;
        let micros = i64::try_from(micros).ok()?;
        Some(if self.negative { -micros } else { micros })
    }

    /// The value if it is a whole number.
    pub fn as_whole(self) -> Option<i64> {
        if self.millionths != 0 || self.rounded {
            return None;
        }
        let whole = i64::try_from(self.whole).ok()?;
        Some(if self.negative { -whole } else { whole })
    }
}

/// A whole number without sign.
#[inline]
pub(crate) fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    if text.len() < 19 {
        for byte in text {
            let digit = u64::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            number = number.wrapping_mul(10).wrapping_add(digit);
        }
        return Some(number);
    }
    for byte in text {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_become_microseconds_exactly() {
        let micros = |text: &str| Decimal::read(text.as_bytes()).and_then(Decimal::as_micros);
        assert_eq!(micros("0"), Some(0));
        assert_eq!(micros("12"), Some(12_000_000));
        assert_eq!(micros("12.345678"), Some(12_345_678));
        assert_eq!(micros(".5"), Some(500_000));
        assert_eq!(micros("5."), Some(5_000_000));
        assert_eq!(micros("-1"), Some(-1_000_000));
        assert_eq!(micros("0.9999999"), Some(1_000_000));
        // 0.1 + 0.2 in binary fractions would not be this.
        assert_eq!(micros("0.3"), Some(300_000));
        for bad in ["", "-", ".", "1e5", "1.2.3", "abc", "1 2", "0x10", "NaN", "99999999999999999999"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn rounding_is_said() {
        assert!(!Decimal::read(b"1.500000").is_some_and(|number| number.rounded));
        assert!(!Decimal::read(b"1.50000000").is_some_and(|number| number.rounded));
        assert!(Decimal::read(b"1.5000001").is_some_and(|number| number.rounded));
    }

    #[test]
    fn whole_numbers_may_have_a_vanishing_fraction() {
        let whole = |text: &str| Decimal::read(text.as_bytes()).and_then(Decimal::as_whole);
        assert_eq!(whole("16.0"), Some(16));
        assert_eq!(whole("-1"), Some(-1));
        assert_eq!(whole("16.5"), None);
        assert_eq!(whole("0.00000001"), None);
    }

    proptest! {
        #[test]
        fn whole_reads_what_is_printed(number: u64) {
            prop_assert_eq!(whole(number.to_string().as_bytes()), Some(number));
        }

        #[test]
        fn whole_agrees_with_the_standard_library(text in "[0-9+-]{0,22}") {
            let expected = if text.starts_with('+') { None } else { text.parse::<u64>().ok() };
            prop_assert_eq!(whole(text.as_bytes()), expected);
        }
    }
}
