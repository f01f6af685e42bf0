//! Quantities carry units: a number without one, or with one of another kind, is an error that lists those accepted.
//!
//! All are read exactly into whole base units; a number finer than the base unit is an error, never rounded.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A unit: how it is written, and how many base units it holds.
type Unit = (&'static str, u128);

/// What all quantities share.
trait Quantity: Sized {
    /// The name in the schema.
    const NAME: &'static str;
    /// What was expected, for errors and for the schema: `a duration such as "90d" (a number and one of ..)`.
    const EXPECTED: &'static str;
    /// Reads the text between the quotes.
    fn read(text: &str) -> Result<Self, &'static str>;
    /// Reads a bare number.
    fn read_number(_number: f64) -> Result<Self, &'static str> {
        Err("a unit is missing")
    }
    /// Whether a bare number is a value.
    const BARE: bool = false;
}

struct Reader<Q>(PhantomData<Q>);

impl<Q: Quantity> Visitor<'_> for Reader<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Q::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Q, E> {
        Q::read(text).map_err(|why| E::custom(format_args!("`{text}`: {why}; write {}", Q::EXPECTED)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Q, E> {
        Q::read_number(number).map_err(|why| E::custom(format_args!("`{number}`: {why}; write {}", Q::EXPECTED)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Q, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Q, E> {
        self.visit_f64(number as f64)
    }
}

macro_rules! quantity {
    ($name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(PhantomData))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                <$name as Quantity>::NAME.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let kind: &[&str] = if <$name as Quantity>::BARE { &["number", "string"] } else { &["string"] };
                json_schema!({ "type": kind, "title": <$name as Quantity>::NAME,
                    "description": <$name as Quantity>::EXPECTED })
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::read(text).map_err(|why| format!("`{text}`: {why}; write {}", <$name as Quantity>::EXPECTED))
            }
        }
    };
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// `number` times `unit`, exactly. Digits beyond what a whole base unit needs are an error unless they are zero.
fn scaled(number: &str, unit: u128) -> Result<u64, &'static str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return Err("not a number");
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return Err(if number.starts_with('-') { "negative" } else { "not a number" });
    }
    let too_large = "too large";
    let mut value: u128 = 0;
    let mut scale: u128 = 1;
    for (digits, is_fraction) in [(whole, false), (fraction.trim_end_matches('0'), true)] {
        for byte in digits.bytes().filter(|&byte| byte != b'_') {
            value = value.checked_mul(10).and_then(|v| v.checked_add(u128::from(byte - b'0'))).ok_or(too_large)?;
            if is_fraction {
                scale = scale.checked_mul(10).ok_or("too many decimals")?;
            }
        }
    }
    let product = value.checked_mul(unit).ok_or(too_large)?;
    if product % scale != 0 {
        return Err("finer than the smallest unit");
    }
    u64::try_from(product / scale).map_err(|_| too_large)
}

/// Splits a text into its number and its unit.
fn split(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number.trim(), unit.trim())
}

fn read_with(units: &[Unit], text: &str) -> Result<u64, &'static str> {
    let (number, unit) = split(text.trim());
    if number.is_empty() {
        return Err("no number");
    }
    if unit.is_empty() {
        return Err("a unit is missing");
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or("unknown unit")?;
    scaled(number, *factor)
}

/// Writes `value` in the largest of `units` (ascending) that holds it a whole number of times.
fn write_with(units: &[Unit], value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = u128::from(value);
    let fitting = units.iter().rev().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    match fitting.or(units.first()) {
        Some((name, factor)) => write!(f, "{}{name}", value / factor),
        None => write!(f, "{value}"),
    }
}

/// A length of time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

const TIME_READ: [Unit; 10] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
    ("y", 31_536_000_000_000),
    ("\u{b5}s", 1),
];
const TIME_WRITE: [Unit; 6] =
    [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// The length as the core has it.
    #[must_use]
    pub const fn span(self) -> windtunnel_scheduler::Span {
        windtunnel_scheduler::Span(self.0)
    }
}

impl Quantity for Duration {
    const NAME: &'static str = "duration";
    const EXPECTED: &'static str =
        "a duration such as \"90d\" or \"250ms\" (a number and one of us, ms, s, m, h, d, w, y)";

    fn read(text: &str) -> Result<Self, &'static str> {
        read_with(&TIME_READ, text).map(Self)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        write_with(&TIME_WRITE, self.0, f)
    }
}

quantity!(Duration);
as_text!(Duration);

/// An amount of memory or disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SIZE_READ: [Unit; 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];
const SIZE_WRITE: [Unit; 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

impl Size {
    /// Whole MiB, rounded down: what a machine has.
    #[must_use]
    pub const fn mib_down(self) -> u64 {
        self.0 >> 20
    }

    /// Whole MiB, rounded up: what a task asks.
    #[must_use]
    pub const fn mib_up(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }
}

impl Quantity for Size {
    const NAME: &'static str = "size";
    const EXPECTED: &'static str =
        "a size such as \"256GiB\" (a number and one of B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)";

    fn read(text: &str) -> Result<Self, &'static str> {
        read_with(&SIZE_READ, text).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with(&SIZE_WRITE, self.0, f)
    }
}

quantity!(Size);
as_text!(Size);

/// Exactly three decimals of a bare number, as thousandths.
fn thousandths(number: f64) -> Result<u64, &'static str> {
    let scaled = number * 1000.0;
    if !(0.0..=9e15).contains(&scaled) {
        return Err(if number < 0.0 { "negative" } else { "too large" });
    }
    let rounded = scaled.round();
    if (scaled - rounded).abs() > 1e-6 {
        return Err("finer than a thousandth");
    }
    Ok(rounded as u64)
}

fn write_thousandths<S: Serializer>(milli: u64, serializer: S) -> Result<S::Ok, S::Error> {
    if milli.is_multiple_of(1000) {
        serializer.serialize_u64(milli / 1000)
    } else {
        serializer.serialize_f64(milli as f64 / 1000.0)
    }
}

/// Cores, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(pub u64);

impl Quantity for Cpu {
    const NAME: &'static str = "cpu";
    const EXPECTED: &'static str = "a number of cores such as 4, 0.5 or \"500m\" (thousandths of a core)";
    const BARE: bool = true;

    fn read(text: &str) -> Result<Self, &'static str> {
        let (number, unit) = split(text.trim());
        match unit {
            "" => scaled(number, 1000).map(Self),
            "m" => scaled(number, 1).map(Self),
            _ => Err("unknown unit"),
        }
    }

    fn read_number(number: f64) -> Result<Self, &'static str> {
        thousandths(number).map(Self)
    }
}

impl Serialize for Cpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_thousandths(self.0, serializer)
    }
}

quantity!(Cpu);

/// A bare number with up to three decimals, in thousandths: how often something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(pub u64);

impl Factor {
    /// Once.
    pub const ONE: Self = Self(1000);

    /// The factor as a number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Once.
    #[must_use]
    pub const fn one() -> Self {
        Self::ONE
    }
}

impl Default for Factor {
    fn default() -> Self {
        Self::ONE
    }
}

impl Quantity for Factor {
    const NAME: &'static str = "factor";
    const EXPECTED: &'static str = "a number such as 1.5, with at most three decimals";
    const BARE: bool = true;

    fn read(_text: &str) -> Result<Self, &'static str> {
        Err("a factor is not a text")
    }

    fn read_number(number: f64) -> Result<Self, &'static str> {
        thousandths(number).map(Self)
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

quantity!(Factor);

/// How often something happens: `count` times per `unit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many; positive.
    pub count: f64,
    /// The unit as written.
    unit: &'static str,
    /// The unit in microseconds.
    unit_us: u64,
}

impl Rate {
    /// How many a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.count * 1e6 / self.unit_us as f64
    }

    /// The mean time between two, in microseconds.
    #[must_use]
    pub fn gap_us(self) -> f64 {
        self.unit_us as f64 / self.count
    }
}

impl Quantity for Rate {
    const NAME: &'static str = "rate";
    const EXPECTED: &'static str = "a rate such as \"2/s\" or \"120/h\" (a number, a slash and one of s, m, h, d)";

    fn read(text: &str) -> Result<Self, &'static str> {
        let (count, unit) = text.split_once('/').ok_or("the slash is missing")?;
        let &(unit, unit_us) = TIME_READ
            .iter()
            .find(|(name, _)| *name == unit.trim() && matches!(*name, "s" | "m" | "min" | "h" | "d"))
            .ok_or("unknown unit")?;
        let count: f64 = count.trim().parse().map_err(|_| "not a number")?;
        if !(count.is_finite() && count > 0.0) {
            return Err("not above zero");
        }
        Ok(Self { count, unit, unit_us: u64::try_from(unit_us).map_err(|_| "unknown unit")? })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

quantity!(Rate);
as_text!(Rate);

/// A share, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u64);

impl Percent {
    /// Whole thousandths, rounded to the nearest.
    #[must_use]
    pub const fn permille(self) -> u64 {
        (self.0 + 500) / 1000
    }

    /// The share as a number: 0.75 for 75 %.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Quantity for Percent {
    const NAME: &'static str = "percent";
    const EXPECTED: &'static str = "a share such as \"75%\" or \"0.1%\"";

    fn read(text: &str) -> Result<Self, &'static str> {
        let number = text.trim().strip_suffix('%').ok_or("the % is missing")?;
        scaled(number.trim(), 10_000).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(10_000) {
            write!(f, "{}%", self.0 / 10_000)
        } else {
            let decimals = format!("{:04}", self.0 % 10_000);
            write!(f, "{}.{}%", self.0 / 10_000, decimals.trim_end_matches('0'))
        }
    }
}

quantity!(Percent);
as_text!(Percent);

/// What a machine costs, in millionths of a dollar per hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u64);

impl Quantity for Money {
    const NAME: &'static str = "price";
    const EXPECTED: &'static str = "a price such as \"$3.06/h\" (dollars per hour)";

    fn read(text: &str) -> Result<Self, &'static str> {
        let number = text.trim().strip_prefix('$').ok_or("the $ is missing")?;
        let number = number.strip_suffix("/h").ok_or("the /h is missing")?;
        scaled(number.trim(), 1_000_000).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:06}", self.0 % 1_000_000);
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "${}.{}/h", self.0 / 1_000_000, decimals.get(..kept).unwrap_or(&decimals))
    }
}

quantity!(Money);
as_text!(Money);

/// Electrical power, in milliwatts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Power(pub u64);

const POWER: [Unit; 3] = [("mW", 1), ("W", 1_000), ("kW", 1_000_000)];

impl Quantity for Power {
    const NAME: &'static str = "power";
    const EXPECTED: &'static str = "a power such as \"150W\" (a number and one of mW, W, kW)";

    fn read(text: &str) -> Result<Self, &'static str> {
        read_with(&POWER, text).map(Self)
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with(&POWER, self.0, f)
    }
}

quantity!(Power);
as_text!(Power);

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Result<u64, String> {
        text.parse::<Duration>().map(|duration| duration.0)
    }

    #[test]
    fn durations_are_read_exactly() {
        for (text, us) in [
            ("90d", 90 * 86_400_000_000),
            ("250ms", 250_000),
            ("4h", 4 * 3_600_000_000),
            ("1.5h", 5_400_000_000),
            ("60s", 60_000_000),
            ("2y", 2 * 31_536_000_000_000),
            ("0s", 0),
            ("0.000001s", 1),
            (" 5 m ", 300_000_000),
            ("1_000us", 1000),
        ] {
            assert_eq!(duration(text), Ok(us), "{text}");
        }
    }

    #[test]
    fn a_wrong_duration_lists_the_units() {
        for (text, why) in [
            ("5", "a unit is missing"),
            ("5GiB", "unknown unit"),
            ("-5s", "negative"),
            ("s", "no number"),
            ("1.s", "not a number"),
            ("1.2.3s", "not a number"),
            ("0.1us", "finer than the smallest unit"),
            ("99999999999999999999d", "too large"),
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains(why) && error.contains("us, ms, s, m, h, d, w, y"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_prefix() {
        let mib = |text: &str| text.parse::<Size>().map(|size| (size.mib_down(), size.mib_up()));
        assert_eq!(mib("256GiB"), Ok((262_144, 262_144)));
        assert_eq!(mib("2TiB"), Ok((2_097_152, 2_097_152)));
        assert_eq!(mib("1GB"), Ok((953, 954)));
        assert_eq!(mib("1.5GiB"), Ok((1536, 1536)));
        assert!(mib("256G").is_err() && mib("256gib").is_err() && mib("1h").is_err());
    }

    #[test]
    fn rates_percents_prices_and_powers() {
        let rate: Rate = "120/h".parse().unwrap();
        assert!((rate.gap_us() - 30_000_000.0).abs() < 1e-9 && (rate.per_second() - 1.0 / 30.0).abs() < 1e-12);
        assert!("2".parse::<Rate>().is_err() && "0/s".parse::<Rate>().is_err() && "2/y".parse::<Rate>().is_err());
        assert_eq!("0.1%".parse::<Percent>().map(Percent::permille), Ok(1));
        assert_eq!("75%".parse::<Percent>().map(|p| p.0), Ok(750_000));
        assert!("75".parse::<Percent>().is_err());
        assert_eq!("$3.06/h".parse::<Money>().map(|m| m.0), Ok(3_060_000));
        assert!("3.06".parse::<Money>().is_err() && "$3.06".parse::<Money>().is_err());
        assert_eq!("150W".parse::<Power>().map(|p| p.0), Ok(150_000));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["90d", "250ms", "0s", "90m", "1us"] {
            assert_eq!(duration(text).map(|us| Duration(us).to_string()), Ok(text.to_owned()));
        }
        for text in ["256GiB", "2TiB", "512MiB", "3B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["$3.06/h", "$0.50/h", "$1.000001/h"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
        for text in ["75%", "0.1%", "12.5%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        assert_eq!("150W".parse::<Power>().unwrap().to_string(), "150W");
        assert_eq!("2.5/s".parse::<Rate>().unwrap().to_string(), "2.5/s");
    }

    #[test]
    fn cores_are_numbers_or_thousandths() {
        #[derive(serde::Deserialize, serde::Serialize)]
        struct Row {
            cpu: Cpu,
        }
        let milli = |text: &str| toml::from_str::<Row>(text).map(|row| row.cpu.0).map_err(|e| e.message().to_owned());
        assert_eq!(milli("cpu = 4"), Ok(4000));
        assert_eq!(milli("cpu = 0.5"), Ok(500));
        assert_eq!(milli("cpu = \"500m\""), Ok(500));
        assert_eq!(milli("cpu = \"4\""), Ok(4000));
        assert!(milli("cpu = 0.0001").unwrap_err().contains("finer than a thousandth"));
        assert!(milli("cpu = -1").unwrap_err().contains("negative"));
        assert!(milli("cpu = true").unwrap_err().contains("a number of cores"));
        assert_eq!(toml::to_string(&Row { cpu: Cpu(4000) }).unwrap(), "cpu = 4\n");
        assert_eq!(toml::to_string(&Row { cpu: Cpu(1500) }).unwrap(), "cpu = 1.5\n");
    }
}
