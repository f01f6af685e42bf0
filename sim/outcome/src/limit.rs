//! The one language in which numbers of a run are asked for: `wait_s.p99 < 60s`.
//!
//! `LIMIT := METRIC [over DURATION] (< | <= | > | >= | ==) VALUE`. A metric is named as in `summary.json`; `over`
//! asks for it while a run goes on, over the last so long; `ci(METRIC)` is the half width of its interval in a
//! comparison. A value may carry a unit; without one it is in the unit of the metric.

use std::fmt;

use windtunnel_scheduler::time::Span;

use crate::metric::{self, Metric};

/// A text that is no limit: one sentence in lower case that ends with the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLimit(String);

/// What is held against the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The number itself.
    Number,
    /// Half the width of the 95 % interval of the difference, over seeds.
    Interval,
}

/// How the number must stand to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

impl Relation {
    /// Longer signs first, so that the first that begins a text is the one meant.
    const SIGNS: [(&'static str, Self); 5] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("==", Self::Equal), ("<", Self::Below), (">", Self::Above)];

    /// As written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, relation)| *relation == self).map_or("", |(sign, _)| sign)
    }

    /// Whether `number` stands so to `value`.
    #[must_use]
    pub fn holds(self, number: f64, value: f64) -> bool {
        match self {
            Self::Below => number < value,
            Self::AtMost => number <= value,
            Self::Above => number > value,
            Self::AtLeast => number >= value,
            Self::Equal => number == value,
        }
    }
}

/// One limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What the number is called, as written.
    pub name: String,
    /// What it is.
    pub metric: &'static Metric,
    /// What of it is held against the value.
    pub subject: Subject,
    /// The window, for a number asked for while a run goes on.
    pub over: Option<Span>,
    /// How it must stand.
    pub relation: Relation,
    /// The value, in the unit of the metric; for a [`Limit::relative`] one a share of the base.
    pub value: f64,
    /// The value is a share of what the base has: `ci(wait_s.mean) < 1%` of a number that is no share itself.
    pub relative: bool,
    /// The value as written.
    written: String,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::Number => f.write_str(&self.name)?,
            Subject::Interval => write!(f, "ci({})", self.name)?,
        }
        if let Some(over) = self.over {
            write!(f, " over {}", written_span(over))?;
        }
        write!(f, " {} {}", self.relation.sign(), self.written)
    }
}

impl std::str::FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        const EXAMPLE: &str = "write METRIC < VALUE, such as wait_s.p99 < 60s";
        let bad = |why: fmt::Arguments<'_>| BadLimit(format!("`{text}`: {why}"));
        let Some(at) = text.find(['<', '>', '=']) else {
            return Err(bad(format_args!("there is no `<`, `<=`, `>`, `>=` or `==`; {EXAMPLE}")));
        };
        let (left, right) = text.split_at(at);
        let Some((sign, relation)) = Relation::SIGNS.into_iter().find(|(sign, _)| right.starts_with(sign)) else {
            return Err(bad(format_args!("`=` alone compares nothing; write `==`")));
        };
        let (left, over) = match left.split_once(" over ") {
            None => (left.trim(), None),
            Some((name, window)) => (name.trim(), Some(span(window).map_err(|why| bad(format_args!("{why}")))?)),
        };
        let inner = left.strip_prefix("ci(").and_then(|rest| rest.strip_suffix(')'));
        let (name, subject) = match inner {
            Some(inner) => (inner.trim(), Subject::Interval),
            None => (left, Subject::Number),
        };
        if name.is_empty() {
            return Err(bad(format_args!("no metric is named; {EXAMPLE}")));
        }
        let metric = known(name).map_err(|why| bad(format_args!("{why}")))?;
        match over {
            Some(Span::ZERO) => {
                return Err(bad(format_args!("a window of no length holds nothing; write a longer one")));
            }
            Some(_) if !metric.live => {
                let why = "is only known at the end of a run; take `over` out, or name a live metric";
                return Err(bad(format_args!("`{name}` {why} (`windtunnel metrics`)")));
            }
            _ => {}
        }
        let written = right[sign.len()..].trim();
        let relative = subject == Subject::Interval && written.ends_with('%') && metric.unit != "share";
        let unit = if relative { "share" } else { metric.unit };
        let value = amount(written, unit).map_err(|why| bad(format_args!("{why}")))?;
        let (name, written) = (name.to_owned(), written.to_owned());
        Ok(Self { name, metric, subject, over, relation, value, relative, written })
    }
}

impl Limit {
    /// Whether a number of the metric keeps the limit.
    #[must_use]
    pub fn holds(&self, number: f64) -> bool {
        self.relation.holds(number, self.value)
    }
}

/// The metric of a name.
///
/// # Errors
/// If there is none: the nearest is named.
pub fn known(name: &str) -> Result<&'static Metric, BadLimit> {
    metric::find(name).ok_or_else(|| {
        let fix = match metric::nearest(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::from("`windtunnel metrics` lists all"),
        };
        BadLimit(format!("there is no metric `{name}`; {fix}"))
    })
}

/// Units of time in seconds.
const TIMES: [(&str, f64); 8] = [
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("y", 31_536_000.0),
];

/// A value of a metric with this unit: a number in it, or one that says its own.
///
/// # Errors
/// What is wrong with the text, and which units there are.
pub fn amount(text: &str, unit: &str) -> Result<f64, BadLimit> {
    let text = text.trim();
    let (text, dollars) = match text.strip_prefix('$') {
        Some(rest) if matches!(unit, "USD" | "USD/h") => (rest, true),
        _ => (text, false),
    };
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+');
    let end = text.find(|c: char| !digits(c)).unwrap_or(text.len());
    // An exponent belongs to the number, a unit that begins with `e` does not occur.
    let end = match text[end..].strip_prefix(['e', 'E']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            end + 1 + rest.find(|c: char| !digits(c)).unwrap_or(rest.len())
        }
        _ => end,
    };
    let (number, own) = (text[..end].replace('_', ""), text[end..].trim());
    let number: f64 = number
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| BadLimit(format!("`{text}` is no value; write a number, such as {}", example(unit))))?;
    let factor = match (unit, own) {
        (_, "") => Some(1.0),
        ("USD/h", "/h") if dollars => Some(1.0),
        ("USD" | "USD/h", _) if dollars => None,
        ("share", "%") => Some(0.01),
        ("s" | "node-seconds" | "resource-seconds", own) => {
            TIMES.iter().find(|(name, _)| *name == own).map(|(_, factor)| *factor)
        }
        ("kWh", "MWh") => Some(1e3),
        ("kWh", "Wh") => Some(1e-3),
        (unit, own) => (unit == own).then_some(1.0),
    };
    match factor {
        // Per cent are divided, so that 0.5 % is the number nearest to 0.005.
        Some(0.01) => Ok(number / 100.0),
        Some(factor) => Ok(number * factor),
        None => Err(BadLimit(format!("`{own}` is no unit of this metric; write {}", accepted(unit)))),
    }
}

fn example(unit: &str) -> &'static str {
    match unit {
        "s" | "node-seconds" | "resource-seconds" => "60s",
        "share" => "0.9 or 90%",
        "USD" => "$1000",
        "USD/h" => "$12.50/h",
        "kWh" => "12kWh",
        _ => "10",
    }
}

fn accepted(unit: &str) -> String {
    match unit {
        "s" | "node-seconds" | "resource-seconds" => {
            let names: Vec<&str> = TIMES.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        }
        "share" => "a share such as 0.9, or 90%".to_owned(),
        "USD" => "an amount such as $1000".to_owned(),
        "USD/h" => "an amount such as $12.50/h".to_owned(),
        "kWh" => "one of Wh, kWh, MWh".to_owned(),
        unit => format!("a number alone: it counts {unit}"),
    }
}

/// A length of time with its unit, to the microsecond.
fn span(text: &str) -> Result<Span, BadLimit> {
    let text = text.trim();
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(BadLimit(format!("`{text}` has no unit; write a window such as 10m")));
    }
    let seconds = amount(text, "s")?;
    let us = (seconds * 1e6).round();
    if !(0.0..1e18).contains(&us) {
        return Err(BadLimit(format!("`{text}` is no window; write one such as 10m")));
    }
    Ok(Span(us as u64))
}

fn written_span(span: Span) -> String {
    let units = [(3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")];
    let whole = units.into_iter().find(|(us, _)| span.0 > 0 && span.0.is_multiple_of(*us));
    whole.map_or_else(|| format!("{}us", span.0), |(us, name)| format!("{}{name}", span.0 / us))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Limit {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn wrong(text: &str) -> String {
        text.parse::<Limit>().unwrap_err().to_string()
    }

    #[test]
    fn values_are_in_the_unit_of_their_metric() {
        let cases = [
            ("wait_s.p99 < 60s", 60.0),
            ("wait_s.p99 < 60", 60.0),
            ("wait_s.p99<=5m", 300.0),
            ("wait_s.mean == 250ms", 0.25),
            ("allocation.cpu.mean >= 90%", 0.9),
            ("allocation.cpu.mean >= 0.9", 0.9),
            ("packing.efficiency > 0.5%", 0.005),
            ("cost.total_usd < $1_000", 1000.0),
            ("cost.total_usd < 1e3 USD", 1000.0),
            ("cost.rate_usd_per_h < $12.50/h", 12.5),
            ("cost.rate_usd_per_h < 12.5", 12.5),
            ("energy.kwh < 2MWh", 2000.0),
            ("tasks.finished >= 100 tasks", 100.0),
            ("history.start_bias_s > -5s", -5.0),
            ("by_class.a.b.wait_s.p99 < 1h", 3600.0),
        ];
        for (text, value) in cases {
            assert_eq!(read(text).value, value, "{text}");
        }
    }

    #[test]
    fn signs_say_how_a_number_stands_to_a_value() {
        let kept = |sign: &str| [1.0, 2.0, 3.0].map(|number| read(&format!("makespan_s {sign} 2")).holds(number));
        assert_eq!(kept("<"), [true, false, false]);
        assert_eq!(kept("<="), [true, true, false]);
        assert_eq!(kept(">"), [false, false, true]);
        assert_eq!(kept(">="), [false, true, true]);
        assert_eq!(kept("=="), [false, true, false]);
        assert!(!read("makespan_s < 2").holds(f64::NAN) && !read("makespan_s >= 2").holds(f64::NAN));
    }

    #[test]
    fn windows_and_intervals_are_read_and_written() {
        let live = read("wait_s.p99 over 10m > 5m");
        assert_eq!((live.over, live.value, live.name.as_str()), (Some(Span(600_000_000)), 300.0, "wait_s.p99"));
        assert_eq!(live.to_string(), "wait_s.p99 over 10m > 5m");
        let interval = read("ci(wait_s.mean) < 1%");
        assert_eq!((interval.subject, interval.value, interval.relative), (Subject::Interval, 0.01, true));
        assert_eq!(interval.to_string(), "ci(wait_s.mean) < 1%");
        // Of a share, per cent are points.
        assert!(!read("ci(allocation.cpu.mean) < 1%").relative);
        assert_eq!(read("ci( wait_s.mean )<2s").to_string(), "ci(wait_s.mean) < 2s");
        assert_eq!(read("wait_s.p50 over 1500ms < 1").to_string(), "wait_s.p50 over 1500ms < 1");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_fix() {
        let cases = [
            ("wiat_s.p99 < 60s", "`wiat_s.p99 < 60s`: there is no metric `wiat_s.p99`; did you mean `wait_s.p99`?"),
            ("weather < 1", "`weather < 1`: there is no metric `weather`; `windtunnel metrics` lists all"),
            ("wait_s.p99", "there is no `<`, `<=`, `>`, `>=` or `==`; write METRIC < VALUE, such as wait_s.p99 < 60s"),
            ("wait_s.p99 = 60s", "`=` alone compares nothing; write `==`"),
            ("< 60s", "no metric is named; write METRIC < VALUE, such as wait_s.p99 < 60s"),
            ("wait_s.p99 < ", "`` is no value; write a number, such as 60s"),
            ("wait_s.p99 < soon", "`soon` is no value; write a number, such as 60s"),
            ("wait_s.p99 < 60 GiB", "`GiB` is no unit of this metric; write one of us, ms, s, m, h, d, w, y"),
            ("wait_s.p99 < 5%", "`%` is no unit of this metric; write one of us, ms, s, m, h, d, w, y"),
            ("tasks.lost < 5s", "`s` is no unit of this metric; write a number alone: it counts tasks"),
            ("allocation.cpu.mean > 5s", "`s` is no unit of this metric; write a share such as 0.9, or 90%"),
            ("makespan_s over 10m < 1h", "`makespan_s` is only known at the end of a run; take `over` out, or name a"),
            ("wait_s.p99 over 10 < 5m", "`10` has no unit; write a window such as 10m"),
            ("wait_s.p99 over 0s < 5m", "a window of no length holds nothing; write a longer one"),
        ];
        for (text, expected) in cases {
            let said = wrong(text);
            assert!(said.contains(expected), "{text}: {said}");
            assert!(said.starts_with(&format!("`{text}`: ")), "{said}");
        }
    }
}
