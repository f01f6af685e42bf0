//! Numbers as people write them: `1 h 05 min`, `12,345`, `76.3 %`, `3.1 TiB`.

const MS: f64 = 1e3;
const SECOND: f64 = 1e6;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// A length of time given in microseconds, with about three digits.
#[must_use]
pub fn duration(us: f64) -> String {
    let two = |big: f64, small: f64, names: [&str; 2], width: usize| {
        let parts = libm::round(us / small);
        let per_big = libm::round(big / small);
        let (whole, rest) = (libm::floor(parts / per_big), parts % per_big);
        format!("{whole:.0} {} {rest:0width$.0} {}", names[0], names[1])
    };
    match us {
        us if us < 0.5 => "0 s".to_owned(),
        us if us < 999.5 => format!("{us:.0} µs"),
        us if us < 999.5 * MS => format!("{} ms", three_digits(us / MS)),
        us if us < 59.95 * SECOND => format!("{} s", three_digits(us / SECOND)),
        us if us < HOUR - SECOND / 2.0 => two(MINUTE, SECOND, ["min", "s"], 2),
        us if us < 2.0 * DAY => two(HOUR, MINUTE, ["h", "min"], 2),
        us => format!("{} days", three_digits(us / DAY)),
    }
}

/// A length of time given in seconds.
#[must_use]
pub fn seconds(s: f64) -> String {
    duration(s * SECOND)
}

/// A whole number with a comma between groups of three digits.
#[must_use]
pub fn count(number: f64) -> String {
    let digits = format!("{:.0}", libm::fabs(number));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0.0 && digits != "0" { format!("-{text}") } else { text }
}

/// A count with its noun: `1 node`, `2 nodes`.
#[must_use]
pub fn counted(number: f64, noun: &str) -> String {
    let plural = if number == 1.0 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A share of one in per cent. Only nothing is 0 % and only everything is 100 %.
#[must_use]
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        percent if percent > 0.0 && percent < 0.05 => "<0.1 %".to_owned(),
        percent if percent > 99.95 && percent < 100.0 => ">99.9 %".to_owned(),
        percent => {
            let text = format!("{percent:.1}");
            format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
        }
    }
}

/// About three significant digits, without zeros behind the point.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let size = libm::fabs(value);
    let text = match size {
        size if size >= 99.95 => return count(value),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.0995 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A number short enough for an axis: `950`, `12k`, `1.5M`.
#[must_use]
pub fn short(value: f64) -> String {
    match libm::fabs(value) {
        size if size >= 1e9 => format!("{}G", three_digits(value / 1e9)),
        size if size >= 1e6 => format!("{}M", three_digits(value / 1e6)),
        size if size >= 1e4 => format!("{}k", three_digits(value / 1e3)),
        _ => three_digits(value),
    }
}

/// The unit in which amounts of a lane are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// How much of the lane's own unit makes one.
    pub size: f64,
    /// Its name.
    pub name: String,
}

impl Unit {
    /// The unit for amounts of lane `lane` (as in `windtunnel_scheduler::resources`, named `name`) up to `greatest`.
    #[must_use]
    pub fn of_lane(lane: usize, name: &str, greatest: f64) -> Self {
        let unit = |size, name: &str| Self { size, name: name.to_owned() };
        match lane {
            0 => unit(1e3, "cores"),
            3 => unit(1e3, "gpus"),
            1 | 2 => {
                let steps = [(1.0, "MiB"), (1024.0, "GiB"), (1024.0 * 1024.0, "TiB")];
                let fitting = steps.iter().rev().find(|(size, _)| greatest >= *size).unwrap_or(&steps[0]);
                if greatest >= 1024.0 * 1024.0 * 1024.0 {
                    return unit(1024.0 * 1024.0 * 1024.0, "PiB");
                }
                unit(fitting.0, fitting.1)
            }
            _ => unit(1.0, name),
        }
    }

    /// The lane with the unit behind it, as in a title: `cpu, cores`, or just `gpus`.
    #[must_use]
    pub fn after(&self, lane: &str) -> String {
        if self.name.trim_end_matches('s') == lane.trim_end_matches('s') {
            return self.name.clone();
        }
        format!("{lane}, {}", self.name)
    }

    /// `amount` of the lane's own unit in this one, with the name.
    #[must_use]
    pub fn show(&self, amount: f64) -> String {
        format!("{} {}", three_digits(amount / self.size), self.name)
    }
}

/// An amount of a lane in the unit that suits it.
#[must_use]
pub fn amount(lane: usize, name: &str, amount: f64) -> String {
    Unit::of_lane(lane, name, amount).show(amount)
}

/// `text` as a title begins: with a capital first letter, or with `CPU` and `GPU`.
#[must_use]
pub fn capital(text: &str) -> String {
    for (lower, upper) in [("cpu", "CPU"), ("gpu", "GPU")] {
        if let Some(rest) =
            text.strip_prefix(lower).filter(|rest| !rest.starts_with(|next: char| next.is_alphabetic() && next != 's'))
        {
            return format!("{upper}{rest}");
        }
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `text` in at most `most` characters, with an ellipsis where it was cut.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_naturally() {
        let cases = [
            (0.0, "0 s"),
            (250.0, "250 µs"),
            (1_500.0, "1.5 ms"),
            (999_600.0, "1 s"),
            (59.9e6, "59.9 s"),
            (59.96e6, "1 min 00 s"),
            (3_599.6e6, "1 h 00 min"),
            (3_900e6, "1 h 05 min"),
            (90_000e6, "25 h 00 min"),
            (10.5 * 86_400e6, "10.5 days"),
        ];
        for (us, text) in cases {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn counts_and_shares_read_naturally() {
        assert_eq!([count(0.0), count(999.0), count(1234567.0), count(-1000.0)], ["0", "999", "1,234,567", "-1,000"]);
        assert_eq!([counted(1.0, "node"), counted(0.0, "node")], ["1 node", "0 nodes"]);
        assert_eq!(
            [share(0.0), share(0.0001), share(1.0 - 0.97), share(0.99999), share(1.0)],
            ["0 %", "<0.1 %", "3 %", ">99.9 %", "100 %"]
        );
        assert_eq!([short(12_500.0), short(2e6), short(0.25), short(0.0)], ["12.5k", "2M", "0.25", "0"]);
    }

    #[test]
    fn amounts_take_the_unit_that_suits_them() {
        assert_eq!(amount(0, "cpu", 1_500.0), "1.5 cores");
        assert_eq!(amount(1, "memory", 3.0 * 1024.0 * 1024.0), "3 TiB");
        assert_eq!(amount(1, "memory", 512.0), "512 MiB");
        assert_eq!(amount(2, "disk", 1024.0 * 1024.0), "1 TiB");
        assert_eq!(amount(4, "licences", 7.0), "7 licences");
        assert_eq!(Unit::of_lane(3, "gpu", 1e4).after("gpu"), "gpus");
        assert_eq!(Unit::of_lane(0, "cpu", 1e4).after("cpu"), "cpu, cores");
    }

    #[test]
    fn titles_begin_with_a_capital() {
        assert_eq!(
            [capital("memory"), capital("cpu, cores"), capital("gpus"), capital("cputime"), capital("")],
            ["Memory", "CPU, cores", "GPUs", "Cputime", ""]
        );
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        assert_eq!([cut("größer", 6), cut("größeres", 6)], ["größer", "größe…"]);
    }
}
