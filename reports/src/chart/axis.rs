//! Where the marks of an axis stand and what is written there.

use crate::human::{short, three_digits};

/// An axis: its ends and its marks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// Left or lower end.
    pub from: f64,
    /// Right or upper end.
    pub to: f64,
    /// Positions with what is written there, ascending.
    pub marks: Vec<(f64, String)>,
}

const SECOND: f64 = 1e6;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Units of time with the steps that people count them in.
const TIME_STEPS: [(f64, &str, &[f64]); 6] = [
    (1.0, "µs", &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]),
    (1e3, "ms", &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]),
    (SECOND, "s", &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0]),
    (MINUTE, "min", &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0]),
    (HOUR, "h", &[1.0, 2.0, 3.0, 6.0, 12.0]),
    (DAY, "d", &[1.0, 2.0, 5.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0, 730.0, 1825.0, 3650.0]),
];

/// Lengths of time that people know, for logarithmic axes.
const KNOWN_TIMES: [(f64, &str); 14] = [
    (1.0, "1 µs"),
    (10.0, "10 µs"),
    (100.0, "100 µs"),
    (1e3, "1 ms"),
    (10e3, "10 ms"),
    (100e3, "100 ms"),
    (SECOND, "1 s"),
    (10.0 * SECOND, "10 s"),
    (MINUTE, "1 min"),
    (10.0 * MINUTE, "10 min"),
    (HOUR, "1 h"),
    (10.0 * HOUR, "10 h"),
    (4.0 * DAY, "4 d"),
    (40.0 * DAY, "40 d"),
];

impl Axis {
    /// Time from `from` to `to`, in microseconds, with at most `most` marks; one mark names the unit of all.
    #[must_use]
    pub fn time(from: f64, to: f64, most: usize) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        let steps = TIME_STEPS.iter().flat_map(|(unit, name, steps)| steps.iter().map(move |step| (unit, name, step)));
        let fits = |step: f64| (to - from) / step <= most as f64;
        let (unit, name, step) = steps
            .clone()
            .find(|(unit, _, step)| fits(*unit * *step))
            .or_else(|| steps.last())
            .unwrap_or((&DAY, &"d", &1.0));
        let step = unit * step;
        let first = libm::ceil(from / step - 1e-9) * step;
        let count = libm::floor((to - first) / step + 1e-9).max(0.0) as usize;
        // More marks than asked for only if even the longest step is too short.
        let stride = (count / most.max(1)).max(1);
        let mark = |at: usize| {
            let position = first + at as f64 * step;
            (position, format!("{} {name}", short(position / unit)))
        };
        Self { from, to, marks: (0..=count).step_by(stride).map(mark).collect() }
    }

    /// Amounts from 0 to at least `greatest`, with marks at round numbers.
    #[must_use]
    pub fn amount(greatest: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
        let step = round_step(greatest / 5.0);
        let count = libm::ceil(greatest / step - 1e-9) as usize;
        let to = count as f64 * step;
        // One scale for the whole axis: `5k` below `10k`, not `5,000`.
        let (scale, mark) = match to {
            to if to >= 1e9 => (1e9, "G"),
            to if to >= 1e6 => (1e6, "M"),
            to if to >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let text = |value: f64| if value == 0.0 { "0".to_owned() } else { three_digits(value / scale) + mark };
        let marks = (0..=count).map(|at| at as f64 * step).map(|value| (value, text(value))).collect();
        Self { from: 0.0, to, marks }
    }

    /// Whole numbers from about `low` to about `high`, with some room at both ends.
    #[must_use]
    pub fn between(low: f64, high: f64, most: usize) -> Self {
        let length = (high - low).max(1.0);
        let step = round_step((length / most.max(1) as f64).max(1.0));
        let from = libm::floor((low - length * 0.03).max(0.0));
        let to = libm::ceil(high + length * 0.06);
        let first = libm::ceil(from / step - 1e-9) * step;
        let count = libm::floor((to - first) / step + 1e-9).max(0.0) as usize;
        let marks = (0..=count).map(|at| first + at as f64 * step);
        Self { from, to, marks: marks.map(|value| (value, crate::human::count(value))).collect() }
    }

    /// Counts from 0 to at least `greatest`: marks at whole numbers only.
    #[must_use]
    pub fn whole(greatest: f64) -> Self {
        let mut axis = Self::amount(greatest.max(1.0));
        axis.marks.retain(|(at, _)| *at == libm::floor(*at));
        axis
    }

    /// Shares from 0 to at least `greatest`, in per cent.
    #[must_use]
    pub fn share(greatest: f64) -> Self {
        let mut axis = Self::amount(greatest * 100.0);
        for (at, text) in &mut axis.marks {
            *at /= 100.0;
            text.push_str(" %");
        }
        axis.to /= 100.0;
        axis
    }

    /// Lengths of time from `from` to `to` microseconds on a logarithmic scale: positions are decimal logarithms.
    #[must_use]
    pub fn log_time(from: f64, to: f64, most: usize) -> Self {
        let from = from.max(1.0);
        let (low, high) = (libm::log10(from), libm::log10(to.max(from * 2.0)));
        let inside = |time: f64| (low - 1e-9..=high + 1e-9).contains(&libm::log10(time));
        let inside: Vec<_> = KNOWN_TIMES.iter().filter(|(time, _)| inside(*time)).collect();
        let stride = inside.len().div_ceil(most.max(1)).max(1);
        let marks =
            inside.iter().step_by(stride).map(|(time, text)| (libm::log10(*time), (*text).to_owned())).collect();
        Self { from: low, to: high, marks }
    }

    /// What is written at `position`.
    #[must_use]
    pub fn label(&self, position: f64) -> String {
        let near = (self.to - self.from) * 1e-6;
        let mark = self.marks.iter().find(|(at, _)| libm::fabs(at - position) <= near);
        mark.map_or_else(String::new, |(_, text)| text.clone())
    }
}

/// The least of 1, 2, 2.5, 5 times a power of ten that is at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|step| step * power >= rough * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn time_is_marked_in_units_that_people_use() {
        assert_eq!(texts(&Axis::time(0.0, 10.0 * HOUR, 6)), ["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]);
        assert_eq!(texts(&Axis::time(0.0, 3.0 * DAY, 6)), ["0 h", "12 h", "24 h", "36 h", "48 h", "60 h", "72 h"]);
        assert_eq!(texts(&Axis::time(36.0 * HOUR, 9.0 * DAY, 4)), ["2 d", "4 d", "6 d", "8 d"]);
        assert_eq!(texts(&Axis::time(0.0, 90.0 * SECOND, 6)), ["0 s", "15 s", "30 s", "45 s", "60 s", "75 s", "90 s"]);
        assert_eq!(Axis::time(5.0, 5.0, 6).to, 6.0, "a run of no length still has an axis");
        assert!(Axis::time(0.0, 1e18, 6).marks.len() <= 13);
    }

    #[test]
    fn amounts_are_marked_at_round_numbers() {
        assert_eq!(texts(&Axis::amount(1_870.0)), ["0", "500", "1,000", "1,500", "2,000"]);
        assert_eq!(texts(&Axis::amount(24_000.0)), ["0", "5k", "10k", "15k", "20k", "25k"]);
        assert_eq!(texts(&Axis::amount(0.07)), ["0", "0.02", "0.04", "0.06", "0.08"]);
        assert_eq!(texts(&Axis::whole(2.0)), ["0", "1", "2"]);
        assert_eq!(texts(&Axis::share(1.0)), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(texts(&Axis::between(9_210.0, 9_950.0, 4)), ["9,200", "9,400", "9,600", "9,800"]);
        assert_eq!(texts(&Axis::between(3.0, 3.0, 6)), ["2", "3", "4"]);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Axis::amount(bad).to, 1.0);
        }
    }

    #[test]
    fn long_times_and_short_ones_share_a_logarithmic_axis() {
        let axis = Axis::log_time(2e3, 5.0 * HOUR, 6);
        assert_eq!(texts(&axis), ["10 ms", "1 s", "1 min", "1 h"]);
        assert_eq!(axis.label(6.0), "1 s");
        assert_eq!(axis.label(6.5), "");
    }
}
