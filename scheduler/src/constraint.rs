//! What a task demands of a node beyond room: conditions on attributes, as submitted.
//!
//! The kinds of domain that a node is in (`zone`, `rack`, ...) count as attributes, and so does `hostname`. Values are
//! text. The ledger interns them, so a condition is evaluated once per new value, never per node.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use regex::Regex;

/// The attribute whose value is the taints of a node: see [`Condition::Tolerates`].
pub const TAINTS: &str = "taints";
/// The attribute that every node has: its name.
pub const HOSTNAME: &str = "hostname";

/// One required condition on a node attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Constraint {
    /// The attribute's name.
    pub attribute: String,
    /// What its value must be.
    pub condition: Condition,
}

/// What an attribute's value must be. A node without the attribute meets only [`Condition::Absent`],
/// [`Condition::NotIn`], [`Condition::Unlike`] and [`Condition::Tolerates`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Condition {
    /// One of these values.
    In(Vec<String>),
    /// None of these values.
    NotIn(Vec<String>),
    /// Any value.
    Exists,
    /// No value.
    Absent,
    /// A value that this pattern matches as a whole. One that is no pattern matches nothing.
    Like(String),
    /// No value, or one that this pattern does not match as a whole.
    Unlike(String),
    /// This text, or the same number to the nearest thousandth.
    Is(String),
    /// A number between two bounds, both included, in thousandths: 2.5 is 2500. A value is rounded to the nearest.
    Within {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// Taints, as in `dedicated=gpu:NoSchedule, spot:NoExecute`, of which every one that keeps tasks off is tolerated.
    Tolerates(Vec<Toleration>),
    /// The same for every taint, also one that only asks tasks to stay away (`PreferNoSchedule`): for preferences.
    Welcomes(Vec<Toleration>),
}

/// A taint that a task does not mind. What is left out stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Toleration {
    /// The key of the taint.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// Its effect.
    pub effect: Option<String>,
}

impl Condition {
    /// Whether `value` (None: the node has no such attribute) meets the condition. To be asked of many values, a
    /// condition is made a [`Test`] first.
    #[must_use]
    pub fn is_met(&self, value: Option<&str>) -> bool {
        Test::new(self).is_met(value)
    }
}

/// A condition, ready to be held against values.
#[derive(Clone, Debug)]
pub struct Test {
    condition: Condition,
    pattern: Option<Regex>,
}

impl Test {
    /// Takes a pattern to pieces, if the condition has one.
    #[must_use]
    pub fn new(condition: &Condition) -> Self {
        let pattern = match condition {
            Condition::Like(pattern) | Condition::Unlike(pattern) => whole(pattern).ok(),
            _ => None,
        };
        Self { condition: condition.clone(), pattern }
    }

    /// Whether `value` (None: the node has no such attribute) meets the condition.
    #[must_use]
    pub fn is_met(&self, value: Option<&str>) -> bool {
        let matches = |value: &str| self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match (&self.condition, value) {
            (Condition::In(values), Some(value)) => values.iter().any(|one| one == value),
            (Condition::NotIn(values), Some(value)) => !values.iter().any(|one| one == value),
            (Condition::Like(_), Some(value)) => matches(value),
            (Condition::Unlike(_), Some(value)) => self.pattern.is_some() && !matches(value),
            (Condition::Is(wanted), Some(value)) => {
                wanted == value || thousandths(wanted).is_some_and(|wanted| thousandths(value) == Some(wanted))
            }
            (Condition::Within { least, most }, Some(value)) => {
                thousandths(value).is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Condition::Tolerates(given), Some(taints)) => tolerates(given, taints, false),
            (Condition::Welcomes(given), Some(taints)) => tolerates(given, taints, true),
            (Condition::Exists, Some(_)) => true,
            (Condition::NotIn(_) | Condition::Absent | Condition::Unlike(_), None) => true,
            (Condition::Tolerates(_) | Condition::Welcomes(_), None) => true,
            (Condition::In(_) | Condition::Exists | Condition::Like(_), None) => false,
            (Condition::Is(_) | Condition::Within { .. }, None) | (Condition::Absent, Some(_)) => false,
        }
    }
}

/// A pattern that has to match the whole of a value.
///
/// # Errors
/// What is wrong with it.
pub fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!(r"\A(?:{pattern})\z"))
}

/// A decimal number in thousandths, rounded to the nearest, halves away from zero; None if the text is none or far too
/// large.
#[must_use]
pub fn thousandths(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let digit = |at: usize| i64::from(part.as_bytes().get(at).map_or(0, |byte| byte - b'0'));
    let fraction = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    let number = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(fraction)?;
    Some(if negative { -number } else { number })
}

/// Whether each taint is tolerated that repels; with `all` also those that only ask.
fn tolerates(given: &[Toleration], taints: &str, all: bool) -> bool {
    taints.split(',').map(str::trim).filter(|taint| !taint.is_empty()).all(|taint| {
        let (what, effect) = taint.rsplit_once(':').unwrap_or((taint, "NoSchedule"));
        let (key, value) = what.split_once('=').unwrap_or((what, ""));
        let is = |wanted: &Option<String>, had: &str| wanted.as_ref().is_none_or(|wanted| wanted == had);
        let asks_only = effect == "PreferNoSchedule" && !all;
        asks_only || given.iter().any(|one| is(&one.key, key) && is(&one.value, value) && is(&one.effect, effect))
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn met(condition: Condition, value: &str) -> bool {
        condition.is_met(Some(value))
    }

    #[test]
    fn without_the_attribute_only_what_excludes_is_met() {
        let word = || "a".to_string();
        let met = [
            Condition::NotIn(vec![word()]),
            Condition::Absent,
            Condition::Unlike(word()),
            Condition::Tolerates(vec![]),
            Condition::Welcomes(vec![]),
        ];
        assert!(met.iter().all(|condition| condition.is_met(None)));
        let unmet = [
            Condition::In(vec![word()]),
            Condition::Exists,
            Condition::Like(".*".to_string()),
            Condition::Is(word()),
            Condition::Within { least: i64::MIN, most: i64::MAX },
        ];
        assert!(!unmet.iter().any(|condition| condition.is_met(None)));
    }

    #[test]
    fn patterns_match_the_whole_value() {
        let like = |pattern: &str, value: &str| met(Condition::Like(pattern.to_string()), value);
        assert!(like("rack-[1-3]", "rack-2") && !like("rack-[1-3]", "rack-22") && !like("ack", "rack"));
        assert!(like("a|rack", "rack") && !like("a|rac", "rack"), "either side of | is the whole");
        assert!(met(Condition::Unlike("rack-[1-3]".to_string()), "rack-22"));
        for broken in ["(", "a{2"] {
            assert!(whole(broken).is_err() && !like(broken, broken));
            assert!(!met(Condition::Unlike(broken.to_string()), "x"), "what is no pattern excludes all");
        }
    }

    #[test]
    fn numbers_are_compared_in_thousandths() {
        let cases = [("2.5", 2500), ("-0.0005", -1), ("0.0004", 0), ("7", 7000), ("1.9999", 2000), ("007.", 7000)];
        for (text, expected) in cases {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for bad in ["", "-", ".5", "1e3", "+1", "1,5", " 1", "9223372036854775807", "1.5a"] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
        let is = |wanted: &str, value: &str| met(Condition::Is(wanted.to_string()), value);
        assert!(is("1.5123", "1.512") && is("10", "10.0") && is("abc", "abc"));
        assert!(!is("1.5123", "1.513") && !is("abc", "abcd") && !is("1", "one"));
        let within = |least, most, value: &str| met(Condition::Within { least, most }, value);
        assert!(within(2000, 4000, "4") && within(2000, 4000, "2.0") && !within(2000, 4000, "4.001"));
        assert!(!within(i64::MIN, i64::MAX, "many"));
    }

    #[test]
    fn a_taint_keeps_off_who_does_not_tolerate_it() {
        let spot = Toleration { key: Some("spot".to_string()), ..Toleration::default() };
        let gpu =
            Toleration { key: Some("dedicated".to_string()), value: Some("gpu".to_string()), ..Toleration::default() };
        let taints = "dedicated=gpu:NoSchedule, spot:NoExecute";
        let met = |given: &[&Toleration], taints: &str| {
            Condition::Tolerates(given.iter().map(|one| (*one).clone()).collect()).is_met(Some(taints))
        };
        assert!(met(&[&spot, &gpu], taints) && !met(&[&spot], taints) && !met(&[], taints));
        assert!(met(&[], "") && met(&[], "old:PreferNoSchedule"), "one that only asks keeps nobody off");
        assert!(!Condition::Welcomes(vec![]).is_met(Some("old:PreferNoSchedule")));
        assert!(met(&[&Toleration::default()], taints), "who tolerates anything goes anywhere");
        let later = Toleration { effect: Some("NoExecute".to_string()), ..Toleration::default() };
        assert!(!met(&[&later], "spot") && met(&[&later], "spot:NoExecute"), "without an effect: NoSchedule");
    }
}
