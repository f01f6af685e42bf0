//! One value of a table, from text or from a typed column.

use windtunnel_scheduler::event::GpuSet;

use crate::model::Name;
use crate::read::number::whole;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Empty,
    Text(&'a [u8]),
    Whole(u64),
    Signed(i64),
    Real(f64),
    Flag(bool),
}

/// The integers up to here are exact in a 64-bit binary fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a> Cell<'a> {
    /// Text as it stands there; no text is [`Cell::Empty`].
    #[inline]
    pub fn text(text: &'a [u8]) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// Without blanks around it, if it is text.
    pub fn trimmed(self) -> Self {
        match self {
            Self::Text(text) => Self::text(text.trim_ascii()),
            other => other,
        }
    }

    /// A whole number from 0.
    #[inline]
    pub fn whole(self) -> Option<u64> {
        match self {
            // Blanks around a number say nothing; in a name they might.
            Self::Text(text) => whole(text).or_else(|| whole(text.trim_ascii())),
            Self::Whole(number) => Some(number),
            Self::Signed(number) => u64::try_from(number).ok(),
            // Tools without integers that can be missing write whole numbers as fractions.
            Self::Real(number) if (0.0..=EXACT).contains(&number) && number.fract() == 0.0 => Some(number as u64),
            Self::Real(_) | Self::Flag(_) | Self::Empty => None,
        }
    }

    /// A whole number that may be negative.
    pub fn signed(self) -> Option<i64> {
        match self {
            Self::Text(text) if text.trim_ascii_start().starts_with(b"-") => {
                let digits = text.trim_ascii().get(1..).unwrap_or_default();
                Some(-i64::try_from(whole(digits)?).ok()?)
            }
            Self::Signed(number) => Some(number),
            Self::Real(number) if (-EXACT..0.0).contains(&number) && number.fract() == 0.0 => Some(number as i64),
            _ => i64::try_from(self.whole()?).ok(),
        }
    }

    /// `true` or `false`, 1 or 0.
    pub fn flag(self) -> Option<bool> {
        match self.trimmed() {
            Self::Flag(flag) => Some(flag),
            Self::Text(b"true" | b"True" | b"TRUE") => Some(true),
            Self::Text(b"false" | b"False" | b"FALSE") => Some(false),
            _ => match self.whole()? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }

    /// The name that stands there; None if there is nothing.
    #[inline]
    pub fn name(self) -> Option<Name> {
        match self {
            Self::Empty => None,
            Self::Whole(number) => Some(number_as_name(number)),
            Self::Signed(number @ 0..) => Some(number_as_name(number.unsigned_abs())),
            // Most names are plain numbers, which need no check of their encoding.
            Self::Text(text) => match whole(text) {
                Some(number) if text.len() < 19 && (text.len() == 1 || text.first() != Some(&b'0')) => {
                    Some(Name::Number(number))
                }
                _ => Some(Name::new(&String::from_utf8_lossy(text))),
            },
            _ => self.with_text(|text| Some(Name::new(&String::from_utf8_lossy(text)))),
        }
    }

    /// Hands over the value as text.
    pub fn with_text<T>(self, take: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Empty => take(b""),
            Self::Text(text) => take(text),
            Self::Whole(number) => take(number.to_string().as_bytes()),
            Self::Signed(number) => take(number.to_string().as_bytes()),
            Self::Real(number) => take(number.to_string().as_bytes()),
            Self::Flag(flag) => take(flag.to_string().as_bytes()),
        }
    }

    /// Device indices such as `0|3`.
    pub fn devices(self) -> Option<GpuSet> {
        self.with_text(|text| {
            let mut set = 0_u64;
            for index in text.split(|&byte| byte == b'|') {
                let index = whole(index.trim_ascii()).filter(|&index| index < 64)?;
                set |= 1 << index;
            }
            Some(GpuSet(set))
        })
    }
}

fn number_as_name(number: u64) -> Name {
    // 20 digits are text, as they are where names are read from text.
    if number < 10_000_000_000_000_000_000 { Name::Number(number) } else { Name::new(&number.to_string()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_those_of_the_model(text in "[0-9]{1,21}|[a-c0-9]{1,4}", number: u64) {
            prop_assert_eq!(Cell::Text(text.as_bytes()).name(), Some(Name::new(&text)));
            prop_assert_eq!(Cell::Whole(number).name(), Some(Name::new(&number.to_string())));
        }

        #[test]
        fn signed_numbers_are_read_in_every_form(number in -1_000_000_i64..1_000_000) {
            let text = number.to_string();
            prop_assert_eq!(Cell::Text(text.as_bytes()).signed(), Some(number));
            prop_assert_eq!(Cell::Signed(number).signed(), Some(number));
            prop_assert_eq!(Cell::Real(number as f64).signed(), Some(number));
        }
    }

    #[test]
    fn fractions_and_nonsense_are_no_whole_numbers() {
        for cell in [Cell::Real(1.5), Cell::Real(f64::NAN), Cell::Real(-1.0), Cell::Real(1e300), Cell::Flag(true)] {
            assert_eq!(cell.whole(), None, "{cell:?}");
        }
        assert_eq!(Cell::Real(3.0).whole(), Some(3));
        assert_eq!(Cell::Text(b"-").signed(), None);
    }

    #[test]
    fn devices_are_a_set() {
        assert_eq!(Cell::Text(b"0|3").devices(), Some(GpuSet(0b1001)));
        assert_eq!(Cell::Whole(2).devices(), Some(GpuSet(0b100)));
        assert_eq!(Cell::Text(b"64").devices(), None);
        assert_eq!(Cell::Text(b"1||2").devices(), None);
    }
}
